//! Every shell, every way to fetch, to hash and to verify.

use std::process::Command;

use serde_json::Value;

use crate::support::machine::Said;
use crate::support::server::Server;
use crate::support::tools::{claiming, real};

use super::script::{Installer, MINISIGN, NEITHER, OPENSSL, SHELLS, TARGET};

const UNSIGNED: &str = "note: without minisign or OpenSSL 3 the hash is checked, and no signature";

#[test]
fn under_every_shell_it_installs_one_program_and_its_receipt() {
    let installer = Installer::of(&claiming("0.9.9", ""));
    let before = installer.tree();
    for shell in SHELLS {
        for programs in [MINISIGN, OPENSSL, NEITHER] {
            let said = installer.run(shell, programs);
            assert_eq!(said.stderr.contains(UNSIGNED), programs == NEITHER, "{shell} {programs:?} {said:#?}");
            let said = said.expect(0, &[&format!("qus 0.9.9 is installed: {TARGET}")]);
            assert!(said.stdout.ends_with("next: qus install aarch64\n"), "{said:#?}");
            let after = installer.tree();
            let new: Vec<&str> = after.keys().filter(|path| !before.contains_key(*path)).map(String::as_str).collect();
            assert_eq!(new, ["usr/local/lib/apps/qus", "var/lib/qus", "var/lib/qus/self.json"], "{shell} {programs:?}");
            assert!(after["usr/local/lib/apps/qus"].starts_with("100755 0:0 "), "{after:#?}");
            assert!(after["var/lib/qus/self.json"].starts_with("100644 0:0 "), "{after:#?}");
            installer.uninstall();
        }
    }
}

#[test]
fn it_fetches_by_curl_or_wget_and_hashes_by_whatever_is_there() {
    let installer = Installer::of(&claiming("0.9.9", ""));
    let server = Server::of(installer.image.publisher.folder.clone());
    let installer = installer.at(&server.url);
    for shell in SHELLS {
        for programs in [
            &["curl", "sha256sum"][..],
            &["wget", "sha256sum", "minisign"],
            &["wget", "openssl"],
            &["curl", "shasum"],
            &["curl", "openssl"],
        ] {
            installer.run(shell, programs).expect(0, &["qus 0.9.9 is installed"]);
            installer.uninstall();
        }
        installer
            .run_in_vain(shell, &["sha256sum"])
            .expect(1, &["there is neither curl nor wget", "apt-get install curl"]);
        installer.run_in_vain(shell, &["curl"]).expect(1, &["nothing here makes SHA-256 hashes"]);
    }
    // Archive and signature, and what nobody can verify is not even fetched.
    let asked: Vec<String> = server.asked().into_iter().map(|(path, _)| path).collect();
    assert_eq!(asked[..1], ["tool-0.9.9/qus_amd64.tgz"]);
    assert_eq!(asked[1], "tool-0.9.9/qus_amd64.tgz");
    assert_eq!(asked[2], "tool-0.9.9/qus_amd64.tgz.minisig");
}

#[test]
fn a_machine_of_nothing_but_busybox_will_do() {
    let installer = Installer::of(&claiming("0.9.9", ""));
    let server = Server::of(installer.image.publisher.folder.clone());
    let installer = installer.at(&server.url);
    let folder = installer.image.folder.path().display().to_string();
    std::fs::write(installer.image.folder.path().join("install.sh"), installer.script()).unwrap();
    let script = format!(
        "mkdir {folder}/box; /usr/bin/busybox --install -s {folder}/box
         cat {folder}/install.sh | env -i HOME=/root PATH={folder}/box QUS_DESTINATION=/usr/local/lib/apps {folder}/box/sh"
    );
    installer.sandbox.shell(&script).expect(0, &["qus 0.9.9 is installed"]);
}

#[test]
fn a_dry_run_tells_everything_and_needs_no_network() {
    let installer = Installer::of(&claiming("0.9.9", "")).at("https://nowhere.invalid/qus");
    for shell in SHELLS {
        let said = installer.pipe_in_vain(&installer.script(), shell, OPENSSL, "QUS_DRY_RUN=1").expect(
            0,
            &[
                "would fetch https://nowhere.invalid/qus/tool-0.9.9/qus_amd64.tgz (",
                "would check its SHA-256 ",
                ", and its signature by openssl",
                "would install qus 0.9.9 as /usr/local/lib/apps/qus",
                "would write /var/lib/qus/self.json",
            ],
        );
        assert_eq!(said.stderr, "");
    }
}

/// As nobody, where the tester is root; else as the tester.
#[test]
fn without_root_it_installs_for_one_user() {
    use std::os::unix::fs::PermissionsExt;
    let installer = Installer::of(&claiming("0.9.9", ""));
    let folder = installer.image.folder.path();
    for name in ["home", "closed"] {
        std::fs::create_dir(folder.join(name)).unwrap();
    }
    for (name, mode) in [(".", 0o755), ("home", 0o777), ("closed", 0o555)] {
        std::fs::set_permissions(folder.join(name), std::fs::Permissions::from_mode(mode)).unwrap();
    }
    std::fs::write(folder.join("install.sh"), installer.script()).unwrap();
    let nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    let run = |destination: &str| {
        let is_root = nix::unistd::geteuid().is_root();
        let words = nobody.iter().filter(|_| is_root).copied().chain(["sh"]).collect::<Vec<&str>>();
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).arg(folder.join("install.sh")).env("HOME", folder.join("home"));
        Said::by(command.env("QUS_DESTINATION", folder.join(destination)).output().unwrap())
    };
    run("closed").expect(1, &["/closed\" cannot be written to", "use sudo sh, or QUS_DESTINATION=$HOME/.local/bin"]);
    let said = run("home").expect(0, &["/home/qus\n"]);
    assert!(said.stdout.ends_with("next: qus install --user aarch64\n"), "{said:#?}");
    let receipt = std::fs::read_to_string(folder.join("home/.local/state/qus/self.json")).unwrap();
    let receipt: Value = serde_json::from_str(&receipt).unwrap();
    let resolved = std::fs::canonicalize(folder.join("home/qus")).unwrap();
    assert_eq!(receipt["path"], resolved.to_str().unwrap());
}

#[test]
fn what_it_installed_updates_itself() {
    let mut installer = Installer::of(&real("0.9.9"));
    installer.image.hand_anchor_to(&installer.sandbox);
    installer.run("dash", MINISIGN).expect(0, &[]);
    installer.sandbox.run(TARGET, &["self-update"]).expect(1, &["the repository has no qus for host \"amd64\""]);
    crate::support::tools::add(&mut installer.image.publisher, "0.9.9", &real("0.9.9"));
    // Another index needs another serial: the one before is remembered, though it offered nothing.
    installer.image.publisher.index.serial += 1;
    installer.image.publisher.publish();
    installer.sandbox.run(TARGET, &["self-update"]).expect(0, &["nothing to do: qus 0.9.9 is the newest"]);
    crate::support::tools::add(&mut installer.image.publisher, "1.0.0", &real("1.0.0"));
    installer.image.publisher.publish();
    installer.sandbox.run(TARGET, &["self-update"]).expect(0, &["is qus 1.0.0 now, in place of 0.9.9"]);
    // Run once more, the script finds its own, and replaces it if that is asked for.
    installer.run_in_vain("dash", MINISIGN).expect(1, &["is qus 1.0.0, newer than 0.9.9"]);
    installer.pipe(&installer.script(), "dash", MINISIGN, "QUS_ALLOW_DOWNGRADE=1").expect(0, &[]);
    installer.sandbox.run(TARGET, &["--version"]).expect(0, &["qus 0.9.9"]);
    let receipt = installer.sandbox.shell("cat /var/lib/qus/self.json").stdout;
    let receipt: Value = serde_json::from_str(&receipt).unwrap();
    assert_eq!((&receipt["version"], &receipt["previous"]), (&"0.9.9".into(), &Value::Null));
}
