//! Installing into an image and removing again: files, receipt, memory.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::support::machine::Image;
use crate::support::publisher::{Publisher, emulator, target};
use crate::support::server::{Answer, Server};

#[test]
fn an_install_puts_emulator_link_dropin_receipt_and_memory_in_their_places() {
    let image = Image::trusting(&["aarch64", "arm"]);
    let before = image.tree();
    image.run(&["install", "arm64"]).expect(0, &["installed; the image registers it when it is booted"]);
    let after = image.tree();
    let new: Vec<&str> = after.keys().filter(|path| !before.contains_key(*path)).map(String::as_str).collect();
    assert_eq!(
        new,
        [
            "etc/binfmt.d",
            "etc/binfmt.d/qus-aarch64.conf",
            "usr/local/lib/qus",
            "usr/local/lib/qus/bin",
            "usr/local/lib/qus/bin/11.1.3-1",
            "usr/local/lib/qus/bin/11.1.3-1/qemu-aarch64-static",
            "usr/local/lib/qus/bin/qemu-aarch64-static",
            "var/lib/qus",
            "var/lib/qus/receipt.json",
            "var/lib/qus/trust.json",
        ]
    );
    assert!(before.iter().all(|(path, state)| after.get(path) == Some(state)), "touched what was there");

    let installed = image.root().join("usr/local/lib/qus/bin/11.1.3-1/qemu-aarch64-static");
    assert_eq!(fs::read(&installed).unwrap(), emulator(target("aarch64"), "11.1.3-1"));
    assert_eq!(fs::metadata(&installed).unwrap().permissions().mode() & 0o7777, 0o755);
    let dropin = fs::read_to_string(image.root().join("etc/binfmt.d/qus-aarch64.conf")).unwrap();
    let rule = dropin.lines().last().unwrap();
    assert!(rule.starts_with(r":qemu-aarch64:M:0:\x7f\x45\x4c\x46\x02\x01\x01"), "{rule}");
    assert!(rule.ends_with(":/usr/local/lib/qus/bin/11.1.3-1/qemu-aarch64-static:POF"), "{rule}");
}

#[test]
fn remove_gives_back_the_tree_byte_for_byte() {
    let image = Image::trusting(&["aarch64", "arm", "riscv64"]);
    let empty = image.tree();
    image.run(&["install", "aarch64"]).expect(0, &[]);
    let one = image.tree();
    image.run(&["install", "arm", "riscv64"]).expect(0, &[]);
    image.run(&["remove", "riscv64", "arm"]).expect(0, &["arm removed", "riscv64 removed"]);
    assert_eq!(image.tree(), one);
    image.run(&["remove", "all"]).expect(0, &["aarch64 removed"]);
    assert_eq!(image.tree(), empty);
}

#[test]
fn a_second_install_or_remove_changes_nothing() {
    let image = Image::trusting(&["aarch64"]);
    image.run_in_vain(&["remove", "aarch64"]).expect(0, &["nothing to do"]);
    image.run(&["install", "aarch64"]).expect(0, &[]);
    image.run_in_vain(&["install", "aarch64"]).expect(0, &["nothing to do"]);
    image.run(&["remove", "aarch64"]).expect(0, &[]);
    image.run_in_vain(&["remove", "aarch64"]).expect(0, &["nothing to do"]);
}

#[test]
fn a_damaged_or_missing_piece_is_mended_by_installing_again() {
    let image = Image::trusting(&["aarch64"]);
    image.run(&["install", "aarch64"]).expect(0, &[]);
    let whole = image.tree();
    let at = |path: &str| image.root().join(path);
    let emulator = at("usr/local/lib/qus/bin/11.1.3-1/qemu-aarch64-static");

    let mut bytes = fs::read(&emulator).unwrap();
    bytes[2000] ^= 1;
    fs::write(&emulator, bytes).unwrap();
    image.run(&["install", "aarch64"]).expect(0, &[]);
    assert_eq!(image.tree(), whole);

    for path in [&emulator, &at("usr/local/lib/qus/bin/qemu-aarch64-static"), &at("etc/binfmt.d/qus-aarch64.conf")] {
        fs::remove_file(path).unwrap();
        image.run(&["install", "aarch64"]).expect(0, &[]);
        assert_eq!(image.tree(), whole, "{}", path.display());
    }
}

#[test]
fn all_installs_what_is_foreign_and_takes_whichever_is_fewer_bytes() {
    let folder = tempfile::TempDir::new().unwrap();
    let server = Server::of(folder.path().join("repository"));
    let image = Image::at_url(Some(&server.url), |_, url| {
        Publisher::usual(&folder.path().join("repository"), url, &["aarch64", "arm", "i386", "riscv64", "x86_64"])
    });
    image.run(&["install", "riscv64"]).expect(0, &[]);
    assert!(asked(&server, "qemu-riscv64-static_amd64.tar.zst"));
    assert!(!asked(&server, "qemu-static-all_amd64.tar.zst"));
    let single = sent(&server);

    image.run(&["install", "all"]).expect(0, &[]);
    assert!(asked(&server, "qemu-static-all_amd64.tar.zst"), "the set is smaller than what is left");
    assert!(sent(&server) > single);
    let installed = fs::read_dir(image.root().join("usr/local/lib/qus/bin/11.1.3-1")).unwrap().count();
    let native = image.run(&["status", "i386"]).stdout.contains("native");
    assert_eq!(installed, if native { 3 } else { 4 });
}

fn asked(server: &Server, file: &str) -> bool {
    server.asked().iter().any(|(path, _)| path.ends_with(file))
}

fn sent(server: &Server) -> u64 {
    server.asked().iter().map(|(_, bytes)| bytes).sum()
}

#[test]
fn a_version_can_be_named_and_an_older_stable_one_is_refused() {
    let image = Image::at_url(None, |folder, url| {
        let mut publisher = Publisher::new(folder, url);
        publisher.add_release("11.1.3-1", &["aarch64"]);
        publisher.add_release("10.0.13-0", &["aarch64"]);
        publisher.publish();
        publisher
    });
    image.run_in_vain(&["install", "aarch64@12.0-1"]).expect(1, &["the repository has no version 12.0-1"]);
    image.run(&["install", "aarch64@11.1.3-1"]).expect(0, &[]);
    image
        .run_in_vain(&["install", "aarch64"])
        .expect(5, &["version 10.0.13-0 is offered for \"aarch64\", older than the installed 11.1.3-1"]);
}

#[test]
fn another_version_takes_the_place_of_the_one_before() {
    let mut image = Image::trusting(&["aarch64", "arm"]);
    let empty = image.tree();
    image.run(&["install", "aarch64", "arm"]).expect(0, &[]);
    image.publisher.index.serial += 1;
    image.publisher.add_release("11.1.4-1", &["aarch64", "arm"]);
    image.publisher.publish();
    image.run(&["install", "aarch64"]).expect(0, &[]);
    let status = image.run(&["status", "aarch64", "arm"]).stdout;
    assert!(status.contains("11.1.4-1") && status.contains("11.1.3-1"), "{status}");
    image.run(&["remove", "all"]).expect(0, &[]);
    assert_eq!(image.tree(), empty);
}

#[test]
fn i486_shares_the_emulator_of_i386_and_neither_takes_it_from_the_other() {
    let image = Image::trusting(&["i386", "arm"]);
    let empty = image.tree();
    image.run(&["install", "--emulate-native", "i386"]).expect(0, &[]);
    let one = image.tree();
    image.run(&["install", "--emulate-native", "i486"]).expect(0, &[]);
    image.run(&["remove", "i486"]).expect(0, &[]);
    assert_eq!(image.tree(), one);
    image.run(&["install", "--emulate-native", "i486"]).expect(0, &[]);
    image.run(&["remove", "i386"]).expect(0, &[]);
    assert!(image.root().join("usr/local/lib/qus/bin/11.1.3-1/qemu-i386-static").exists());
    image.run(&["remove", "i486"]).expect(0, &[]);
    assert_eq!(image.tree(), empty);
}

#[test]
fn a_dry_run_shows_every_step_and_changes_nothing() {
    let image = Image::trusting(&["aarch64"]);
    let steps = [
        "make directory /usr/local/lib/qus",
        "fetch and verify 11.1.3-1/qemu-aarch64-static_amd64.tar.zst (1 emulator",
        "aarch64: install /usr/local/lib/qus/bin/11.1.3-1/qemu-aarch64-static",
        "aarch64: write /etc/binfmt.d/qus-aarch64.conf",
        "write the receipt",
    ];
    image.run_in_vain(&["install", "--dry-run", "aarch64"]).expect(0, &steps);
    image.run(&["install", "aarch64"]).expect(0, &[]);
    image.run_in_vain(&["remove", "--dry-run", "aarch64"]).expect(0, &["remove /etc/binfmt.d/qus-aarch64.conf"]);
}

#[test]
fn what_others_put_where_ours_would_go_is_left_alone() {
    let image = Image::trusting(&["aarch64"]);
    let directory = image.root().join("etc/binfmt.d");
    fs::create_dir_all(&directory).unwrap();
    std::os::unix::fs::symlink("/dev/null", directory.join("qus-aarch64.conf")).unwrap();
    image.run_in_vain(&["install", "aarch64"]).expect(1, &["masks qus's drop-in of \"aarch64\"", "rm /etc/binfmt.d/"]);
    fs::remove_file(directory.join("qus-aarch64.conf")).unwrap();
    fs::write(directory.join("qus-aarch64.conf"), "theirs\n").unwrap();
    image.run_in_vain(&["install", "aarch64"]).expect(1, &["is there already, and is not qus's"]);
}

#[test]
fn a_dropin_that_its_administrator_changed_stays() {
    let image = Image::trusting(&["aarch64"]);
    image.run(&["install", "aarch64"]).expect(0, &[]);
    let dropin = image.root().join("etc/binfmt.d/qus-aarch64.conf");
    fs::write(&dropin, "# mine now\n").unwrap();
    image.run(&["remove", "aarch64"]).expect(0, &[]);
    assert_eq!(fs::read_to_string(dropin).unwrap(), "# mine now\n");
}

#[test]
fn symbolic_links_of_an_image_never_lead_out_of_it() {
    let image = Image::trusting(&["aarch64"]);
    let elsewhere = image.folder.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    fs::remove_dir(image.root().join("usr/local/lib")).unwrap();
    fs::create_dir_all(image.root().join("var/usrlocal/lib")).unwrap();
    fs::remove_dir(image.root().join("usr/local")).unwrap();
    std::os::unix::fs::symlink("/var/usrlocal", image.root().join("usr/local")).unwrap();
    image.run(&["install", "aarch64"]).expect(0, &[]);
    assert!(image.root().join("var/usrlocal/lib/qus/bin/qemu-aarch64-static").is_symlink());
}

#[test]
fn a_repository_is_followed_to_its_newest_root_and_its_old_keys_are_then_refused() {
    let image = Image::trusting(&["aarch64"]);
    let fresh = minisign::KeyPair::generate_unencrypted_keypair().unwrap();
    let mut second = image.publisher.root();
    second.version = 2;
    let index = second.roles.index.keys.values_mut().next().unwrap();
    *index = crate::support::publisher::public(&fresh);
    image.publisher.publish_root(&second, &[("alice", &image.publisher.root_key)]);
    image
        .run_in_vain(&["install", "aarch64"])
        .expect(3, &["\"index.qus\" is not signed by a key that this machine trusts"]);
    image.publisher.publish_signed_by(&fresh);
    image.run(&["install", "aarch64"]).expect(0, &[]);

    // The new root is remembered: taking it away again does not bring the old key back.
    fs::remove_file(image.publisher.folder.join("root.2.json")).unwrap();
    image.publisher.publish();
    image
        .run_in_vain(&["install", "aarch64"])
        .expect(3, &["\"index.qus\" is not signed by a key that this machine trusts"]);
}

#[test]
fn a_repository_on_this_machine_is_reached_over_http_and_redirects_stay_on_it() {
    let folder = tempfile::TempDir::new().unwrap();
    let server = Server::of(folder.path().join("repository"));
    let image = Image::at_url(Some(&server.url), |_, url| {
        Publisher::usual(&folder.path().join("repository"), url, &["aarch64"])
    });
    server.answer("aarch64-static_amd64.tar.zst", Answer::Redirect("http://example.org/x".to_owned()));
    image
        .run_in_vain(&["install", "aarch64"])
        .expect(7, &["leads to \"http://example.org/x\", a place without encryption"]);
    let file = "11.1.3-1/qemu-aarch64-static_amd64.tar.zst";
    server.answer("aarch64-static_amd64.tar.zst", Answer::File);
    server.answer("root.2.json", Answer::File);
    server.answer("index.qus", Answer::Redirect("/other/../index.qus?".to_owned()));
    server.answer("index.qus?", Answer::File);
    image.run(&["install", "-v", "aarch64"]).expect(7, &["is not there"]);
    server.answer("index.qus", Answer::File);
    image.run(&["install", "aarch64"]).expect(0, &[]);
    assert!(asked(&server, file));
}
