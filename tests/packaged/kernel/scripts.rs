//! The packages' own scripts, called as dpkg and rpm call them, on a live table.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{PACKAGED, is_run_by, whole};
use crate::support::machine::Said;
use crate::support::real::{answering, machine, provided};
use crate::support::sandbox::Sandbox;

const LINK: &str = "/usr/lib/binfmt.d/qus-aarch64.conf";

/// Where an administrator has programs of the same names.
const OTHERS: &str = "/usr/local/lib/others";

/// The package of aarch64's emulator that was made that many times.
fn package(times: u32, kind: &str) -> PathBuf {
    let folder = provided("QUS_TEST_EMULATORS").join(times.to_string());
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let is_it = |file: &PathBuf| {
        let name = file.file_name().unwrap().to_string_lossy();
        name.starts_with("qus-emulator-aarch64") && name.ends_with(kind)
    };
    files.into_iter().find(is_it).unwrap_or_else(|| panic!("no .{kind} of aarch64"))
}

fn print(program: &str, words: &[&str], package: &Path) -> String {
    let (front, back) = words.split_at(words.len() - usize::from(program == "dpkg-deb"));
    Said::by(Command::new(program).args(front).arg(package).args(back).output().unwrap()).expect(0, &[]).stdout
}

/// Puts its files in place, as package managers do: each has its name when it is whole.
fn unpack(sandbox: &Sandbox, package: &Path) {
    let package = package.display();
    sandbox
        .shell(&format!(
            "mkdir /tmp/unpacked.$$; cd /tmp/unpacked.$$
             case {package} in *.rpm) rpm2cpio {package} | cpio --quiet -idm ;; *) dpkg-deb --extract {package} . ;; esac
             find usr -type f | while read -r file; do mkdir -p /${{file%/*}}; cp -p $file /$file.new; mv /$file.new /$file; done
             cd /; rm -r /tmp/unpacked.$$"
        ))
        .expect(0, &[]);
}

/// Takes its files away.
fn delete(sandbox: &Sandbox) {
    let files = "/usr/libexec/qus /usr/share/qus /usr/share/doc/qus-emulator-aarch64 \
        /usr/share/licenses/qus-emulator-aarch64 /usr/share/lintian/overrides/qus-emulator-aarch64";
    sandbox
        .shell(&format!(
            "rm -rf {files}; rmdir /usr/share/lintian/overrides /usr/share/lintian /usr/share/licenses 2>/dev/null || :"
        ))
        .expect(0, &[]);
}

/// A machine with qus's package, somebody else's entry, somebody else's drop-in, and a qus that must not answer.
fn with_others() -> Sandbox {
    let sandbox = machine();
    sandbox
        .shell(&format!(
            "cp {} /usr/bin/qus
             mkdir {OTHERS}; printf '#!/bin/sh\\necho foreign >&2; exit 1\\n' > {OTHERS}/qus; chmod 755 {OTHERS}/qus
             cp /bin/sh /usr/local/lib/other
             echo ':other:M::\\x00other::/usr/local/lib/other:F' | tee /usr/lib/binfmt.d/other.conf \
                 > /proc/sys/fs/binfmt_misc/register",
            env!("CARGO_BIN_EXE_qus")
        ))
        .expect(0, &[]);
    sandbox
}

/// Runs a script of a package, which is to say nothing.
#[track_caller]
fn call(sandbox: &Sandbox, script: &str, words: &[&str]) {
    let path = format!("PATH={OTHERS}:/usr/sbin:/usr/bin");
    let said = sandbox.run("env", &[&[&path, "sh", "-c", script, "script"], words].concat()).expect(0, &[]);
    assert_eq!((said.stdout.as_str(), said.stderr.as_str()), ("", ""), "{words:?}");
}

#[test]
fn rpms_scripts_register_keep_registered_at_an_upgrade_and_unregister() {
    let sandbox = with_others();
    let script = |times, tag: &str| print("rpm", &["-qp", "--queryformat", tag], &package(times, "rpm"));
    let before = whole(&sandbox);
    unpack(&sandbox, &package(1, "rpm"));
    call(&sandbox, &script(1, "%{POSTIN}"), &["1"]);
    is_run_by(&sandbox, PACKAGED);
    let registered = sandbox.table();

    // The new package's first, then the old one's: its own files are gone by then.
    unpack(&sandbox, &package(2, "rpm"));
    assert_eq!(answering(&sandbox, "arm64"), format!("{PACKAGED} (deleted)"));
    call(&sandbox, &script(2, "%{POSTIN}"), &["2"]);
    assert_eq!(answering(&sandbox, "arm64"), PACKAGED);
    call(&sandbox, &script(1, "%{PREUN}"), &["1"]);
    assert_eq!((answering(&sandbox, "arm64").as_str(), sandbox.table()), (PACKAGED, registered));
    sandbox.shell(&format!("test -L {LINK}")).expect(0, &[]);

    call(&sandbox, &script(2, "%{PREUN}"), &["0"]);
    sandbox.shell(&format!("test -e {PACKAGED} && ! test -L {LINK}")).expect(0, &[]);
    delete(&sandbox);
    assert_eq!(whole(&sandbox), before);
}

#[test]
fn debians_scripts_register_keep_registered_at_an_upgrade_and_unregister() {
    let sandbox = with_others();
    let script = |times, name: &str| print("dpkg-deb", &["--info", name], &package(times, "deb"));
    let before = whole(&sandbox);
    unpack(&sandbox, &package(1, "deb"));
    call(&sandbox, &script(1, "postinst"), &["configure", ""]);
    is_run_by(&sandbox, PACKAGED);
    let registered = sandbox.table();

    call(&sandbox, &script(1, "prerm"), &["upgrade", "11.1.3-1~qus2"]);
    assert_eq!((answering(&sandbox, "arm64").as_str(), sandbox.table()), (PACKAGED, registered.clone()));
    unpack(&sandbox, &package(2, "deb"));
    call(&sandbox, &script(2, "postinst"), &["configure", "11.1.3-1~qus1"]);
    assert_eq!((answering(&sandbox, "arm64").as_str(), sandbox.table()), (PACKAGED, registered));

    call(&sandbox, &script(2, "prerm"), &["remove"]);
    sandbox.shell(&format!("test -e {PACKAGED} && ! test -L {LINK}")).expect(0, &[]);
    delete(&sandbox);
    assert_eq!(whole(&sandbox), before);
}

#[test]
fn where_qus_fails_debians_scripts_link_the_rule_of_the_machines_own_packages_alone() {
    let sandbox = machine();
    sandbox.shell("printf '#!/bin/sh\\nexit 6\\n' > /usr/bin/qus; chmod 755 /usr/bin/qus").expect(0, &[]);
    let script = print("dpkg-deb", &["--info", "postinst"], &package(1, "deb"));
    let before = whole(&sandbox);
    // Such a package may be of the machine's own programs' emulator, and the next boot would be the last.
    let configure = |architecture: &str| {
        let architecture = format!("DPKG_MAINTSCRIPT_ARCH={architecture}");
        sandbox.run("env", &[&architecture, "sh", "-c", &script, "postinst", "configure", ""]).expect(0, &[]);
    };
    configure("arm64");
    assert_eq!(whole(&sandbox), before);
    configure("amd64");
    sandbox.shell(&format!("test -L {LINK}")).expect(0, &[]);
}
