//! Everybody else who registers emulators: told by name, beaten or asked about, and whole again afterwards.
//!
//! `QUS_TEST_NEIGHBOURS` names a folder of Debian's packages, unpacked. Others' files and entries are written as theirs
//! say. Those of theirs that run `x86_64` programs bear `aarch64`'s machine number here, `0xb7` in place of
//! `0x3e`: the machine under the tests is itself an `x86_64` one. `owners.rs` reads them letter by letter.

mod boot;
mod bystanders;
mod newer;
mod owners;
mod packages;
mod prefer;

use std::path::PathBuf;

use crate::support::machine::Said;
use crate::support::real::{answering, machine, program, provided, status};
use crate::support::sandbox::Sandbox;

/// What neighbours do, as words of a shell.
const WORDS: &str = r#"
AARCH64='\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00'
QEMU='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
BOX64='\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
FEX='\xff\xff\xff\xff\xff\xfe\xfe\x00\x00\x00\x00\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
ROSETTA='\xff\xff\xff\xff\xff\xfe\xfe\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
table=/proc/sys/fs/binfmt_misc

# Puts a real emulator at a path.
emulator() { mkdir -p "$(dirname "$1")"; cp "$NEIGHBOURS/debian-12/usr/bin/qemu-aarch64-static" "$1"; }
# NAME MASK INTERPRETER FLAGS
rule() { printf ':%s:M::%s:%s:%s:%s\n' "$1" "$AARCH64" "$2" "$3" "$4"; }
register() { rule "$@" > "$table/register"; }
# PATH and a rule
file() { path=$1; shift; mkdir -p "$(dirname "$path")"; rule "$@" > "$path"; }
systemd_binfmt() { /usr/lib/systemd/systemd-binfmt "$@"; }
# A package of Debian's, with the three emulators that are provided of it, as its trigger registers them.
debian() {
    # What this machine itself has for binfmt-support is not the tests'.
    rm -rf /usr/share/binfmts; mkdir /usr/share/binfmts
    (cd "$NEIGHBOURS/$1/usr" && find . ! -type d | tar -cT -) | tar -xC /usr
    for rule in /usr/lib/binfmt.d/qemu-*.conf; do
        [ -e "$(cut -d: -f7 "$rule")" ] || rm "$rule" "/usr/share/binfmts/$(basename "$rule" .conf)" 2>/dev/null || :
    done
    systemd_binfmt
}
update_binfmts() {
    mkdir -p /var/lib/binfmts
    [ -e /usr/sbin/update-binfmts ] || cp "$NEIGHBOURS/binfmt-support/usr/sbin/update-binfmts" /usr/sbin
    LD_LIBRARY_PATH=$NEIGHBOURS/binfmt-support/usr/lib/x86_64-linux-gnu update-binfmts "$@"
}
"#;

/// Has a neighbour do something.
#[track_caller]
fn lay(sandbox: &Sandbox, script: &str) -> Said {
    let neighbours: PathBuf = provided("QUS_TEST_NEIGHBOURS");
    sandbox.shell(&format!("NEIGHBOURS={}\n{WORDS}\n{script}", neighbours.display())).expect(0, &[])
}

/// Runs the program directly, and in a root directory that holds nothing else.
#[track_caller]
fn runs_everywhere(sandbox: &Sandbox) {
    let program = program("arm64");
    let script = format!(
        "empty=$(mktemp -d); cp {} $empty/busybox; chroot $empty /busybox uname -m; rm -r $empty",
        program.display()
    );
    sandbox.shell(&script).expect(0, &["aarch64"]);
}

#[track_caller]
fn is_run_by_qus(sandbox: &Sandbox) {
    let by = answering(sandbox, "arm64");
    assert!(by.starts_with("/usr/local/lib/qus/bin/"), "aarch64 is run by {by}");
    runs_everywhere(sandbox);
}

/// Somebody who runs `aarch64`.
struct Neighbour {
    /// What `status` calls it.
    owner: &'static str,
    /// Its entry.
    entry: &'static str,
    /// Whether systemd-binfmt registers it.
    boots: bool,
    /// How it comes to the machine.
    comes: &'static str,
}

/// What an install does with it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// Its entry is replaced, and given back.
    Displaced,
    /// Its entry stays, and ours is asked first.
    Outvoted,
    /// Nothing is done unless that is said.
    Asked,
}

impl Neighbour {
    /// It is told by name; qus comes and goes, and everything is as it was: also if its entry was disabled.
    #[track_caller]
    fn is(&self, outcome: Outcome) {
        self.meets(outcome, true);
        self.meets(outcome, false);
    }

    #[track_caller]
    fn meets(&self, outcome: Outcome, enabled: bool) {
        let sandbox = machine();
        lay(&sandbox, self.comes);
        if enabled {
            let before = status(&sandbox, "aarch64");
            assert_eq!((&before["entry"]["owner"], &before["runs"]), (&self.owner.into(), &self.entry.into()));
            assert_eq!(before["state"], "registered");
            if self.boots {
                assert_eq!(before["boot"]["owner"], self.owner);
            }
        } else {
            sandbox.shell(&format!("echo 0 > /proc/sys/fs/binfmt_misc/{}", self.entry)).expect(0, &[]);
        }

        let whole = || (sandbox.table(), sandbox.changes());
        let before = whole();
        // Whoever is disabled, and not to come back, is nobody's choice.
        let asked = outcome == Outcome::Asked && (enabled || self.boots);
        let all = sandbox.qus(&["install", "--dry-run", "all"]).expect(0, &[]);
        assert_eq!(all.stdout.contains("aarch64: register"), !asked, "{all:#?}");
        assert_eq!(all.stderr.contains("aarch64 is left to "), asked, "{all:#?}");
        if asked {
            sandbox.qus(&["install", "aarch64"]).expect(1, &["\"aarch64\" is run by ", "install --yes aarch64"]);
            assert_eq!(whole(), before);
        }
        let said = sandbox.qus(&["install", "--yes", "aarch64"]).expect(0, &["aarch64 runs ("]);
        assert_eq!(said.stderr.contains("until now"), outcome == Outcome::Displaced, "{said:#?}");
        is_run_by_qus(&sandbox);
        let now = status(&sandbox, "aarch64");
        assert_eq!((&now["state"], &now["boot"]["owner"]), (&"ready".into(), &"qus".into()), "{now:#}");
        sandbox.qus(&["install", "aarch64"]).expect(0, &["nothing to do"]);
        sandbox.qus(&["apply"]).expect(0, &["nothing to do"]);
        if enabled && self.boots {
            lay(&sandbox, "systemd_binfmt");
            is_run_by_qus(&sandbox);
        }

        sandbox.qus(&["remove", "aarch64"]).expect(0, &[]);
        assert_eq!(whole(), before);
    }
}

const DEBIAN: Neighbour = Neighbour { owner: "debian", entry: "qemu-aarch64", boots: true, comes: "" };

#[test]
fn debians_are_displaced() {
    Neighbour { comes: "debian debian-12", ..DEBIAN }.is(Outcome::Displaced);
    Neighbour { comes: "debian debian-13", ..DEBIAN }.is(Outcome::Displaced);
    Neighbour { comes: "debian debian-sid", ..DEBIAN }.is(Outcome::Displaced);
}

#[test]
fn debians_registered_by_binfmt_support_alone_are_displaced() {
    let comes = "debian debian-12; rm /usr/lib/binfmt.d/*; systemd_binfmt; update_binfmts --import";
    Neighbour { boots: false, comes, ..DEBIAN }.is(Outcome::Displaced);
}

#[test]
fn what_only_binfmt_support_knows_is_displaced() {
    // As packages before Debian 11 did.
    let comes = r#"emulator /usr/bin/qemu-aarch64-static
        update_binfmts --install qemu-aarch64 /usr/bin/qemu-aarch64-static --magic "$AARCH64" --mask "$QEMU" \
            --offset 0 --credential yes --fix-binary yes"#;
    Neighbour { owner: "binfmt-support", boots: false, comes, ..DEBIAN }.is(Outcome::Displaced);
}

#[test]
fn fedoras_is_displaced() {
    let comes = "emulator /usr/bin/qemu-aarch64-static
        file /usr/lib/binfmt.d/qemu-aarch64-static.conf qemu-aarch64 $QEMU /usr/bin/qemu-aarch64-static F
        systemd_binfmt";
    Neighbour { owner: "fedora", comes, ..DEBIAN }.is(Outcome::Displaced);
}

#[test]
fn opensuses_is_displaced() {
    let comes = "emulator /usr/bin/qemu-aarch64
        file /usr/lib/binfmt.d/qemu-aarch64.conf qemu-aarch64 $QEMU /usr/bin/qemu-aarch64 FP
        systemd_binfmt";
    Neighbour { owner: "opensuse", comes, ..DEBIAN }.is(Outcome::Displaced);
}

#[test]
fn archs_is_displaced() {
    let comes = "emulator /usr/bin/qemu-aarch64-static
        file /usr/lib/binfmt.d/qemu-aarch64-static.conf qemu-aarch64 $QEMU /usr/bin/qemu-aarch64-static FP
        systemd_binfmt";
    Neighbour { owner: "arch", comes, ..DEBIAN }.is(Outcome::Displaced);
}

#[test]
fn alpines_stays_and_is_outvoted() {
    let comes = "mkdir -p /etc/init.d; touch /etc/init.d/qemu-binfmt
        emulator /usr/bin/qemu-aarch64; register qemu-aarch64 $QEMU /usr/bin/qemu-aarch64 POCF";
    Neighbour { owner: "alpine", boots: false, comes, ..DEBIAN }.is(Outcome::Outvoted);
}

#[test]
fn nixoss_stays_and_is_outvoted() {
    let comes = "emulator /run/store/qemu-aarch64
        mkdir -p /run/binfmt; ln -s /run/store/qemu-aarch64 /run/binfmt/aarch64-linux
        file /etc/binfmt.d/nixos.conf aarch64-linux $QEMU /run/binfmt/aarch64-linux P
        systemd_binfmt";
    Neighbour { owner: "nixos", entry: "aarch64-linux", boots: true, comes }.is(Outcome::Outvoted);
}

#[test]
fn what_container_images_registered_stays_and_is_outvoted() {
    // Their emulators lie in the image: what the entry holds open has no path on the host.
    let docker = "emulator /usr/bin/qemu-aarch64
        register qemu-aarch64 $QEMU /usr/bin/qemu-aarch64 CFP; rm /usr/bin/qemu-aarch64";
    Neighbour { owner: "docker", boots: false, comes: docker, ..DEBIAN }.is(Outcome::Outvoted);
    // Fedora's qemu-user, which registers nothing, has a file of that path.
    let beside_fedora = format!("{docker}; emulator /usr/bin/qemu-aarch64");
    Neighbour { owner: "docker", boots: false, comes: beside_fedora.leak(), ..DEBIAN }.is(Outcome::Outvoted);
    let multiarch = "emulator /usr/bin/qemu-aarch64-static
        register qemu-aarch64 $QEMU /usr/bin/qemu-aarch64-static F; rm /usr/bin/qemu-aarch64-static";
    Neighbour { owner: "multiarch", boots: false, comes: multiarch, ..DEBIAN }.is(Outcome::Outvoted);
}

#[test]
fn fex_is_asked_about() {
    let comes = "emulator /usr/bin/FEX
        file /usr/lib/binfmt.d/FEX-aarch64.conf FEX-aarch64 $FEX /usr/bin/FEX POCF; systemd_binfmt";
    Neighbour { owner: "fex", entry: "FEX-aarch64", boots: true, comes }.is(Outcome::Asked);
}

#[test]
fn box64_is_asked_about() {
    let comes = "emulator /usr/bin/box64
        file /etc/binfmt.d/box64.conf box64 $BOX64 /usr/bin/box64 ''; systemd_binfmt";
    Neighbour { owner: "box64", entry: "box64", boots: true, comes }.is(Outcome::Asked);
}

#[test]
fn rosetta_is_asked_about() {
    // Lima's, whose file sorts behind ours; and podman-machine's, which has none.
    let mount = "mount -t tmpfs tmpfs /mnt";
    let lima = format!(
        "{mount}; emulator /mnt/lima-rosetta/rosetta
         file /usr/lib/binfmt.d/rosetta.conf rosetta $ROSETTA /mnt/lima-rosetta/rosetta OCF; systemd_binfmt"
    );
    let podman = format!("{mount}; emulator /mnt/rosetta; register rosetta $ROSETTA /mnt/rosetta FPC");
    let rosetta = |comes: String, boots| Neighbour { owner: "rosetta", entry: "rosetta", boots, comes: comes.leak() };
    rosetta(lima, true).is(Outcome::Asked);
    rosetta(podman, false).is(Outcome::Asked);
}

#[test]
fn binfmt_dispatcher_is_asked_about() {
    let comes = "emulator /usr/bin/binfmt-dispatcher
        file /usr/lib/binfmt.d/binfmt-dispatcher-aarch64.conf binfmt-dispatcher-aarch64 $FEX \
            /usr/bin/binfmt-dispatcher POCF; systemd_binfmt";
    let entry = "binfmt-dispatcher-aarch64";
    Neighbour { owner: "binfmt-dispatcher", entry, boots: true, comes }.is(Outcome::Asked);
}

#[test]
fn somebody_unknown_is_asked_about() {
    let comes = "emulator /opt/wonder/emulate; register wonder $QEMU /opt/wonder/emulate F";
    let comes = format!("mount -t tmpfs tmpfs /opt; {comes}");
    Neighbour { owner: "unknown", entry: "wonder", boots: false, comes: comes.leak() }.is(Outcome::Asked);
}
