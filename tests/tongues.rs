//! The languages of other tools: every row of their tables in the book, and what no table holds.

mod binfmt;
mod circumstances;
mod conf_sh;
mod jobs;
mod plans;
mod register_sh;
mod scripts;
mod words;
mod words_of_binfmt;
