//! Versions: channels, pins, going back, faults that are known, and the timer.

mod advisories;
mod again;
mod book;
mod dropped;
mod gap;
mod images;
mod kernel;
pub(crate) mod planning;
pub(crate) mod revoked;
mod several;
mod units;
mod window;
