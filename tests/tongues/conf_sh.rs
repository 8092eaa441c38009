//! `qemu-binfmt-conf.sh`.

use super::scripts::Scripts;
use crate::support::table_of_the_book::walk;

const BOOK: &str = include_str!("../../docs/tongues/qemu-binfmt-conf.sh.md");

#[test]
fn every_row_of_the_book_is_as_it_says() {
    let scripts = Scripts::new();
    walk(BOOK, || scripts.machine());
}
