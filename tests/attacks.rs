//! What whoever stands between a machine and its repository can try, row by row.

mod archives;
mod mirrors;
mod network;
mod resume;
