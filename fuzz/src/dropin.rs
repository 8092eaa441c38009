//! Files of `binfmt.d` and of binfmt-support: each rule in them can be written to a file of ours and is the same there.

use qus::configuration::DropIn;
use qus::dropin;
use qus::rooted::RootedPath;

pub(crate) fn check(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let file = DropIn::parse(RootedPath::from_trusted("/etc/binfmt.d/some.conf"), &text);
    let format = DropIn::parse_format(RootedPath::from_trusted("/var/lib/binfmts/some"), &text);
    assert!(file.rules.len() <= text.lines().count());
    assert!(format.rules.len() <= 1);
    for rule in file.rules.iter().chain(&format.rules) {
        let ours = DropIn::parse(file.path.clone(), &dropin::text(rule));
        assert_eq!(ours.rules, std::slice::from_ref(rule), "{}", rule.line());
    }
}
