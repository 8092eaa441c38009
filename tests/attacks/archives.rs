//! Archives that are properly signed and meant to hurt: whoever opens them needs no more than what was signed.
