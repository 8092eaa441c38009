//! Attacks on what is signed: by forgers, thieves of keys, and those who hand out what is old. Each is tried on the
//! library, which tells the exact reason, and on the program, which ends with the code that scripts know.

mod keys;
mod memory;
mod revoked;
mod scene;
mod signatures;
mod time;
mod two_keys;
