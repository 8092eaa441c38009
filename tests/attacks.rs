//! Attacks of the literature on software updates, a row each: what is tried, how it is refused, and that nothing changed.

mod archives;
mod mirrors;
mod network;
mod resume;
mod trust;
