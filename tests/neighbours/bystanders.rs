//! Formats that are no emulators: nothing that qus does touches them.

use super::lay;
use crate::support::real::machine;

/// Wine, Python and Java by files and by binfmt-support, and Windows' own entries.
///
/// Under WSL `/init` is there, and `F` holds it open; without a file of that path the entries are the same but for `F`.
/// Wine and Windows take the same programs: whose entry is newer is theirs to settle.
const BYSTANDERS: &str = r"
    mkdir -p /etc/binfmt.d
    for program in wine python3.11 jexec; do [ -e /usr/bin/$program ] || cp /bin/true /usr/bin/$program; done
    echo ':wine:M::MZ::/usr/bin/wine:' > /etc/binfmt.d/wine.conf
    echo ':python3.11:M::\xa7\x0d\x0d\x0a::/usr/bin/python3.11:' > /usr/lib/binfmt.d/python3.11.conf
    systemd_binfmt
    update_binfmts --install jar /usr/bin/jexec --magic 'PK\x03\x04' --offset 0
    echo ':WSLInterop:M::MZ::/init:P' > $table/register
    echo ':WSLInterop-late:M::MZ::/init:P' > $table/register
";

const NAMES: [&str; 5] = ["[WSLInterop]", "[WSLInterop-late]", "[jar]", "[python3.11]", "[wine]"];

#[test]
fn nothing_touches_what_is_no_emulator() {
    let sandbox = machine();
    lay(&sandbox, BYSTANDERS);
    let before = (sandbox.table(), sandbox.changes());
    assert!(NAMES.iter().all(|name| before.0.contains(name)), "{}", before.0);
    let bystanders = || {
        let table = sandbox.table();
        let entries = table.split_inclusive("\n[").map(|entry| entry.trim_matches(['[', '\n']).to_owned());
        let is_bystander = |entry: &String| NAMES.iter().any(|name| entry.starts_with(&name[1..]));
        entries.filter(is_bystander).collect::<Vec<_>>()
    };
    let untouched = bystanders();
    assert_eq!(untouched.len(), NAMES.len(), "{untouched:#?}");

    let orders: [&[&str]; 5] = [
        &["install", "--yes", "all"],
        &["apply"],
        &["unregister", "all"],
        &["apply", "all"],
        &["prefer", "aarch64", "qus"],
    ];
    for words in orders {
        sandbox.qus(words).expect(0, &[]);
        assert_eq!(bystanders(), untouched, "after qus {}", words.join(" "));
    }
    sandbox
        .qus(&["prefer", "aarch64", "wine"])
        .expect(1, &["nobody called \"wine\" registers programs of \"aarch64\""]);
    sandbox.qus(&["remove", "all"]).expect(0, &[]);
    assert_eq!((sandbox.table(), sandbox.changes()), before);
}

#[test]
fn status_says_whose_they_are() {
    let sandbox = machine();
    lay(&sandbox, BYSTANDERS);
    let said = sandbox.qus(&["status", "--json"]).expect(0, &[]);
    let document: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    let owner = |name: &str| {
        let others = document["others"].as_array().unwrap();
        others.iter().find(|entry| entry["name"] == name).map(|entry| entry["owner"].as_str().unwrap().to_owned())
    };
    let owners = NAMES.map(|name| owner(name.trim_matches(['[', ']'])).unwrap());
    assert_eq!(owners, ["wsl", "wsl", "java", "python", "wine"]);
}
