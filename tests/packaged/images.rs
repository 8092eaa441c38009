//! Images, into which packages are installed by somebody's `--root`, or by dpkg that does not enter them.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use qus::dropin::packaged;
use qus::program::Program;
use tempfile::TempDir;

use crate::support::machine::{Said, qus};
use crate::support::publisher::target;
use crate::support::tree::tree;

/// A root directory with the files of a package, and nothing else.
fn image(name: &str) -> TempDir {
    let image = TempDir::new().unwrap();
    unpack(image.path(), name);
    image
}

/// Puts the files of a package into a root directory.
pub(crate) fn unpack(image: &Path, name: &str) {
    let target = target(name);
    for (path, bytes) in [
        (packaged::emulator(target), Program::of(self::target("x86_64")).elf),
        (packaged::path(target), packaged::text(target).into_bytes()),
    ] {
        let path = image.join(&path.as_str()[1..]);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    }
}

fn of_dpkg(image: &Path, words: &[&str]) -> Said {
    Said::by(qus().env("DPKG_ROOT", image).args(words).output().unwrap())
}

fn with_root(image: &Path, words: &[&str]) -> Said {
    Said::by(qus().arg("--root").arg(image).args(words).output().unwrap())
}

#[test]
fn an_image_gets_the_link_and_is_afterwards_what_it_was() {
    for run in [of_dpkg, with_root] {
        let image = image("aarch64");
        let before = tree(image.path());
        run(image.path(), &["--dry-run", "packaged", "add", "aarch64"])
            .expect(0, &["aarch64: link /usr/lib/binfmt.d/"]);
        assert_eq!(tree(image.path()), before);
        run(image.path(), &["packaged", "add", "aarch64"])
            .expect(0, &["note: nothing is registered now, but at the next boot: this is an image"]);
        let rule = fs::read_to_string(image.path().join("usr/lib/binfmt.d/qus-aarch64.conf")).unwrap();
        assert_eq!(rule, packaged::text(target("aarch64")));
        let added = tree(image.path());
        run(image.path(), &["packaged", "add", "aarch64"]).expect(0, &[]);
        assert_eq!(tree(image.path()), added);
        run(image.path(), &["packaged", "remove", "aarch64"]).expect(0, &[]);
        assert_eq!(tree(image.path()), before);
        run(image.path(), &["packaged", "remove", "aarch64"]).expect(0, &["nothing to do"]);
        assert_eq!(tree(image.path()), before);
    }
}

#[test]
fn a_root_that_is_named_counts_and_what_dpkg_says_of_the_running_system_is_no_image() {
    let (named, of_dpkg) = (image("aarch64"), image("aarch64"));
    let before = tree(of_dpkg.path());
    let mut command = qus();
    command.env("DPKG_ROOT", of_dpkg.path()).arg("--root").arg(named.path());
    Said::by(command.args(["packaged", "add", "aarch64"]).output().unwrap()).expect(0, &[]);
    assert_eq!(tree(of_dpkg.path()), before);
    assert!(named.path().join("usr/lib/binfmt.d/qus-aarch64.conf").is_symlink());
    // Empty, as dpkg has it for `/`.
    let mut command = qus();
    command.env("DPKG_ROOT", "").args(["--dry-run", "packaged", "add", "sh4eb"]);
    Said::by(command.output().unwrap()).expect(1, &["is not there", "qus-emulator-sh4eb"]);
    // What other commands change is the running system, whatever a script's surroundings are.
    let mut command = qus();
    command.env("DPKG_ROOT", of_dpkg.path()).args(["status", "--json", "aarch64"]);
    let said = Said::by(command.output().unwrap()).expect(0, &[]);
    assert!(!said.stdout.contains("not looked at"), "{said:#?}");
}

#[test]
fn somebody_elses_file_in_the_links_place_fails_and_stays() {
    let image = image("aarch64");
    let directory = image.path().join("usr/lib/binfmt.d");
    fs::create_dir_all(&directory).unwrap();
    fs::write(directory.join("qus-aarch64.conf"), "# mine\n").unwrap();
    let before = tree(image.path());
    let said = with_root(image.path(), &["packaged", "add", "aarch64"]);
    said.expect(1, &["error: \"/usr/lib/binfmt.d/qus-aarch64.conf\" is there already, and is not qus's"]);
    with_root(image.path(), &["packaged", "remove", "aarch64"])
        .expect(0, &["note: \"/usr/lib/binfmt.d/qus-aarch64.conf\" is there already"]);
    assert_eq!(tree(image.path()), before);
}

#[test]
fn who_wants_to_hear_little_hears_what_is_wrong_or_left_and_nothing_else() {
    let image = image("aarch64");
    let rule = ":FEX-aarch64:M::\\x7fELF\\x02\\x01\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x02\\x00\\xb7\\x00::/usr/bin/FEX:";
    let directory = image.path().join("usr/lib/binfmt.d");
    fs::create_dir_all(&directory).unwrap();
    fs::write(directory.join("FEX-aarch64.conf"), rule).unwrap();
    let quietly = |words: &[&str]| {
        let said = with_root(image.path(), &[&["--quiet", "packaged"], words].concat()).expect(0, &[]);
        (said.stdout, said.stderr)
    };
    let left = "note: \"aarch64\" is left to FEX (\"/usr/lib/binfmt.d/FEX-aarch64.conf\"); to use this emulator all the same: qus packaged add --yes aarch64; nor is it at boot\n";
    assert_eq!(quietly(&["add", "aarch64"]), (String::new(), left.to_owned()));
    let nothing = (String::new(), String::new());
    assert_eq!(quietly(&["add", "--yes", "aarch64"]), nothing);
    for _ in 0..2 {
        assert_eq!(quietly(&["remove", "aarch64"]), nothing);
    }
}

#[test]
fn the_verb_is_no_users_and_is_told_of_only_to_whom_asks_for_it() {
    Said::by(qus().args(["--user", "packaged", "add", "aarch64"]).output().unwrap())
        .expect(2, &["packages are installed for everybody, not for one user"]);
    let help = Said::by(qus().arg("--help").output().unwrap()).expect(0, &[]);
    assert!(!help.stdout.contains("packaged"), "{help:#?}");
    let help = Said::by(qus().args(["packaged", "--help"]).output().unwrap()).expect(0, &["add", "remove"]);
    assert!(help.stdout.lines().all(|line| line.chars().count() <= 80), "{help:#?}");
    Said::by(qus().args(["packaged", "add", "aarch64@11.1.3"]).output().unwrap()).expect(2, &["aarch64@11.1.3"]);
}

#[test]
fn an_export_carries_what_packages_brought_as_a_boot_by_systemd_would_use_it() {
    let image = image("aarch64");
    let export = |format: &str, words: &[&str]| {
        let directory = TempDir::new().unwrap();
        let path = directory.path().to_str().unwrap();
        let said = with_root(image.path(), &[&["export", format, path], words].concat());
        (said, directory)
    };
    // Unpacked is not configured.
    export("openrc", &[]).0.expect(1, &["no emulator is installed that could be exported"]);
    export("openrc", &["aarch64"]).0.expect(1, &["\"aarch64\" is not installed"]);
    with_root(image.path(), &["packaged", "add", "aarch64"]).expect(0, &[]);
    let before = tree(image.path());
    for words in [&[][..], &["aarch64"]] {
        let (said, directory) = export("openrc", words);
        said.expect(0, &[]);
        let script = fs::read_to_string(directory.path().join("qus")).unwrap();
        assert!(script.contains(&format!("\n{}\nRULES\n", packaged::rule(target("aarch64")).line())), "{script}");
    }
    let (said, directory) = export("systemd", &["--credentials", "yes"]);
    said.expect(0, &[]);
    let text = fs::read_to_string(directory.path().join("qus-aarch64.conf")).unwrap();
    assert!(text.ends_with(":/usr/libexec/qus/qemu-aarch64-static:POCF\n"), "{text}");
    assert_eq!(tree(image.path()), before);
    // To do without it at boot.
    fs::create_dir_all(image.path().join("etc/binfmt.d")).unwrap();
    symlink("/dev/null", image.path().join("etc/binfmt.d/qus-aarch64.conf")).unwrap();
    export("openrc", &[]).0.expect(1, &["no emulator is installed that could be exported"]);
}
