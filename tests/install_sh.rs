//! `scripts/install.sh`: under every shell, with whatever the machine can verify by, it installs what was signed or nothing.

mod older;
mod refusals;
mod script;
mod shells;
