//! What is older than the installed one, what is longer than it should be, and where a relative path leads.

use qus::tool::compare;

use crate::support::publisher::version;
use crate::support::server::{Answer, Server};
use crate::support::tools::claiming;

use super::script::{Installer, MINISIGN, NEITHER, SHELLS, TARGET};

/// Makes the record say that another version is installed.
fn record(installer: &Installer, version: &str) {
    installer
        .sandbox
        .shell(&format!("sed -i 's/\"version\": \".*\"/\"version\": \"{version}\"/' /var/lib/qus/self.json"))
        .expect(0, &[]);
}

#[test]
fn a_newer_qus_is_not_replaced_unless_that_is_asked_for() {
    let installer = Installer::of(&claiming("0.9.9", ""));
    for shell in SHELLS {
        installer.run(shell, MINISIGN).expect(0, &[]);
        // Nothing is started to learn the version: this would leave a trace.
        installer
            .sandbox
            .shell(&format!("printf '#!/bin/sh\\ntouch /usr/local/lib/started\\n' > {TARGET}"))
            .expect(0, &[]);
        record(&installer, "0.10.0");
        for variables in ["", "QUS_ALLOW_DOWNGRADE=0", "QUS_DRY_RUN=1"] {
            installer.pipe_in_vain(&installer.script(), shell, MINISIGN, variables).expect(
                1,
                &[
                    &format!("error: \"{TARGET}\" is qus 0.10.0, newer than 0.9.9"),
                    "help: to have the older one all the same: QUS_ALLOW_DOWNGRADE=1",
                ],
            );
        }
        let allowed = "QUS_ALLOW_DOWNGRADE=1";
        installer.pipe(&installer.script(), shell, MINISIGN, allowed).expect(0, &["qus 0.9.9 is installed"]);
        // Now it is the same one, and then an older one.
        installer.run(shell, MINISIGN).expect(0, &["qus 0.9.9 is installed"]);
        record(&installer, "0.9.8");
        installer.run(shell, MINISIGN).expect(0, &["qus 0.9.9 is installed"]);
        installer.sandbox.run(TARGET, &["--version"]).expect(0, &["qus 0.9.9"]);
        installer.uninstall();
    }
}

/// The version that was replaced last is in the record too, and says nothing.
#[test]
fn the_version_before_is_not_taken_for_the_present_one() {
    let installer = Installer::of(&claiming("0.9.9", ""));
    installer.run("dash", NEITHER).expect(0, &[]);
    let before = r#"s/^}/,"previous": {\n    "version": "1.0.0",\n    "sha256": ""\n  }\n}/"#;
    installer
        .sandbox
        .shell(&format!("sed -i '{before}' /var/lib/qus/self.json; grep 1.0.0 /var/lib/qus/self.json"))
        .expect(0, &[]);
    installer.run("dash", NEITHER).expect(0, &["qus 0.9.9 is installed"]);
}

/// Every pair, in the script's order and in that of `qus self-update`.
#[test]
fn versions_are_ordered_as_self_update_orders_them() {
    const VERSIONS: [&str; 9] = [
        "0.9.0",
        "0.10.0-alpha.1",
        "0.10.0-rc.2",
        "0.10.0-rc.10",
        "0.10.0",
        "0.10.1",
        "1.0.0-alpha.3",
        "1.0.0-rc.1",
        "1.0.0",
    ];
    let installer = Installer::of(&claiming("0.9.9", ""));
    installer.run("dash", NEITHER).expect(0, &[]);
    let script = installer.script();
    let folder = installer.image.folder.path();
    let place = folder.display();
    // All of busybox, as on the machine that has the fewest programs.
    installer.sandbox.shell(&format!("mkdir {place}/box; /usr/bin/busybox --install -s {place}/box")).expect(0, &[]);
    for present in VERSIONS {
        record(&installer, present);
        for offered in VERSIONS {
            let file = folder.join("install.sh");
            std::fs::write(&file, script.replace("version='0.9.9'", &format!("version='{offered}'"))).unwrap();
            for (path, shell) in [
                ("/usr/bin:/bin".to_owned(), "/bin/dash".to_owned()),
                (format!("{place}/box"), format!("{place}/box/sh")),
            ] {
                let variables = "HOME=/root QUS_DRY_RUN=1 QUS_DESTINATION=/usr/local/lib/apps";
                let said =
                    installer.sandbox.shell(&format!("env -i PATH={path} {variables} {shell} {}", file.display()));
                let is_older = compare(&version(offered), &version(present)).is_lt();
                let word = format!("is qus {present}, newer than {offered}");
                assert_eq!(said.stderr.contains(&word), is_older, "{shell}, {offered} over {present}: {said:#?}");
                assert_eq!(said.code, Some(i32::from(is_older)), "{shell}, {offered} over {present}: {said:#?}");
            }
        }
    }
}

#[test]
fn what_is_longer_than_it_should_be_is_cut_off_whatever_fetches_it() {
    let installer = Installer::of(&claiming("0.9.9", ""));
    let server = Server::of(installer.image.publisher.folder.clone());
    let installer = installer.at(&server.url);
    for (path, answer) in
        [(".tgz", Answer::Endless), (".minisig", Answer::Endless), (".minisig", Answer::Bytes(vec![b'x'; 100_000]))]
    {
        server.answer(".tgz", Answer::File);
        server.answer(path, answer);
        for shell in SHELLS {
            for fetcher in ["curl", "wget"] {
                let said = installer.run_in_vain(shell, &[fetcher, "sha256sum", "minisign"]);
                let said = said.expect(1, &["error: cannot fetch http://127.0.0.1:", " bytes\n"]);
                let word = if path == ".minisig" {
                    "qus_amd64.tgz.minisig, of at most 2048 bytes"
                } else {
                    "qus_amd64.tgz, of at most "
                };
                assert!(said.stderr.contains(word), "{said:#?}");
                assert!(!said.stderr.contains("another SHA-256"), "{said:#?}");
            }
        }
    }
}

#[test]
fn a_file_that_is_longer_than_it_should_be_is_not_copied_whole() {
    let installer = Installer::of(&claiming("0.9.9", ""));
    std::fs::File::options().append(true).open(installer.file()).unwrap().set_len(1 << 24).unwrap();
    for shell in SHELLS {
        installer.run_in_vain(shell, NEITHER).expect(1, &["cannot fetch file:///", "qus_amd64.tgz, of at most "]);
    }
}

#[test]
fn a_relative_destination_is_where_it_is_seen_from_here() {
    let installer = Installer::of(&claiming("0.9.9", ""));
    installer.sandbox.shell("mkdir -p /usr/local/lib/other/apps").expect(0, &[]);
    // What "cd" would go to first, and what it would print.
    for path in ["/usr/local/lib/other", "/usr/local/lib/other:.", "."] {
        for shell in SHELLS {
            let variables = format!("QUS_DESTINATION=apps CDPATH={path} /usr/bin/env -C /usr/local/lib");
            let said = installer.pipe(&installer.script(), shell, NEITHER, &variables);
            said.expect(0, &[&format!("qus 0.9.9 is installed: {TARGET}\n")]);
            installer
                .sandbox
                .shell(&format!("test -x {TARGET}; test ! -e /usr/local/lib/other/apps/qus"))
                .expect(0, &[]);
            installer.uninstall();
        }
    }
}
