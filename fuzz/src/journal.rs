//! Journals of a change that was cut off: a torn last line is as none, and no more steps have begun than there are.

use qus::rooted::RootedPath;
use qus::system::journal::{Unfinished, unfinished};
use qus::system::root::Root;

use super::scratch::with_file;

pub(crate) fn check(bytes: &[u8]) {
    let Some(read) = read(bytes) else { return };
    assert!(read.begun <= read.plan.steps.len());
    if bytes.ends_with(b"\n") {
        let torn = super::journal::read(&[bytes, b"{\"begin\":"].concat()).expect("a torn line is as none");
        assert_eq!(format!("{torn:?}"), format!("{read:?}"));
    }
    for planned in &read.plan.steps {
        assert!(!planned.step.to_string().is_empty());
    }
}

fn read(bytes: &[u8]) -> Option<Unfinished> {
    let path: RootedPath = Root::system().layout().journal();
    let mut found = None;
    with_file(path.as_str(), bytes, |folder| found = unfinished(&Root::image(folder.to_owned())).ok().flatten());
    found
}
