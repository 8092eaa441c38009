//! Versions: channels, pins, going back, faults that are known, and the timer.

mod advisories;
mod book;
mod gap;
mod images;
mod kernel;
mod planning;
mod several;
mod units;
mod window;
