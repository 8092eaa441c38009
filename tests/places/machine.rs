//! On the machine itself, as root: its table is changed for a moment, and given back.
//!
//! `mounted_` tests mount it if it is not, `unmounted_` ones need it not to be mounted.

mod doctor;
mod images;

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use super::{Programs, ROOT};
use crate::support::automount::{Automount, outsider};
use crate::support::docker::Docker;
use crate::support::host::{Host, TABLE, TARGET, entries, entry, first_process_lets_in, is_mounted};
use crate::support::machine::Said;

/// What is asked in every place: what it is like, and whether a target can be registered.
const ASK: &str = r#"
"$QUS" status --json "$TARGET"
echo "--"
"$QUS" register --interpreter "$EMULATOR" "$TARGET" 2>&1 && code=0 || code=$?
exit $code
"#;

/// What qus answered in a place.
struct Answer {
    /// `host` of `qus status --json`, or nothing where it failed.
    host: Value,
    /// What `qus register` said, and how it ended.
    registering: Said,
}

impl Answer {
    #[track_caller]
    fn of(said: Said) -> Answer {
        let Some((status, registering)) = said.stdout.split_once("--\n") else { panic!("{said:#?}") };
        let status: Value = serde_json::from_str(status).unwrap_or_default();
        Answer { host: status["host"].clone(), registering: Said { stdout: registering.to_owned(), ..said } }
    }
}

/// What is expected in a place.
struct Place {
    /// What it is, for whoever reads that it failed.
    name: &'static str,
    /// Whether the machine has the table mounted before.
    mounted: bool,
    /// How one gets there: options of `docker run`, or a script in which `ask` asks.
    way: &'static str,
    /// For containers, what a shell does before.
    first: &'static str,
    /// Some of `host` in `qus status --json`.
    host: Value,
    /// How `qus register` ends, and what it says.
    code: i32,
    says: &'static str,
}

impl Place {
    /// Compares the answer, and what stays on the machine, with what is expected.
    fn check(&self, answer: &Answer, host: &Host) -> Result<(), String> {
        let Answer { host: told, registering } = answer;
        for (key, expected) in self.host.as_object().unwrap() {
            if told[key] != *expected {
                return Err(format!("{}: {key} is {}, not {expected}: {registering:#?}", self.name, told[key]));
            }
        }
        if registering.code != Some(self.code) || !registering.stdout.contains(self.says) {
            return Err(format!("{}: not exit {} and \"{}\": {registering:#?}", self.name, self.code, self.says));
        }
        let stays = self.code == 0 && !self.says.contains("in it and no others");
        if host.runs() != stays {
            let stayed = if stays { "nothing" } else { "it" };
            return Err(format!("{}: {stayed} stayed, against {registering:#?}", self.name));
        }
        Ok(())
    }
}

fn report(failures: &[String]) {
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

const ADMIN: &str = "--cap-add=SYS_ADMIN --security-opt=seccomp=unconfined --security-opt=apparmor=unconfined";
const STAYS: &str = "it stays when this container has ended";
const STAYS_AFTER_NAMESPACE: &str = "registered with the machine itself: it stays when this namespace has ended";
const STAYS_OUTSIDE: &str = "mounted outside of this container too: it stays for as long as it is mounted there";
const HAND_IN: &str = "hand it in: docker run -v /proc/sys/fs/binfmt_misc:/binfmt";
const ONLY_HERE: &str = "mounted in this mount namespace alone: every entry would vanish with it";
const MOUNT: &str = "mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc";
const VOLUME: &str = "--volume=/proc/sys/fs/binfmt_misc:/binfmt";

fn containers() -> Vec<(&'static str, Place)> {
    let place = |name, mounted, way, first, host, code, says| Place { name, mounted, way, first, host, code, says };
    let own = |keeper: &str| json!({"container": "docker", "binfmt_misc": "enabled", "keeper": keeper});
    let none = |why: &str| json!({"container": "docker", "binfmt_misc": "not mounted", "unreachable": why});
    let mountable = || json!({"container": "docker", "binfmt_misc": "not mounted", "unreachable": null});
    let lets_in = first_process_lets_in();
    vec![
        (ADMIN, place("may mount", false, "", "", none("private-container"), 9, HAND_IN)),
        (ADMIN, place("has mounted", false, "", MOUNT, own("nobody"), 9, ONLY_HERE)),
        ("", place("of the usual kind", false, "", "", none("not-handed-in"), 9, HAND_IN)),
        (
            "",
            place(
                "filtered",
                false,
                "--cap-add=SYS_ADMIN --security-opt=apparmor=unconfined",
                "",
                json!({}),
                9,
                HAND_IN,
            ),
        ),
        (ADMIN, place("among the machine's processes", false, "--pid=host", "", none("private-container"), 9, HAND_IN)),
        (
            ADMIN,
            if lets_in {
                place("let in", false, "--pid=host --cap-add=SYS_PTRACE", "", mountable(), 0, STAYS)
            } else {
                place("kept out", false, "--pid=host --cap-add=SYS_PTRACE", "", none("private-container"), 9, HAND_IN)
            },
        ),
        (ADMIN, place("may mount too", true, "", "", own("machine"), 0, STAYS)),
        (ADMIN, place("has mounted too", true, "", MOUNT, own("machine"), 0, STAYS)),
        (ADMIN, place("handed in, and may mount", true, VOLUME, "", own("machine"), 0, STAYS)),
        ("", place("handed in", true, VOLUME, "", own("outside"), 0, STAYS_OUTSIDE)),
        (
            "",
            place(
                "handed in to be read",
                true,
                "--volume=/proc/sys/fs/binfmt_misc:/binfmt:ro",
                "",
                own("outside"),
                9,
                "binfmt_misc is mounted read-only here",
            ),
        ),
        (
            "--user=1000",
            place("handed in to an ordinary user", true, VOLUME, "", own("outside"), 9, "this user may not register"),
        ),
        ("", place("nothing handed in", true, "", "", none("not-handed-in"), 9, HAND_IN)),
        ("--pid=host", place("handed in, among all processes", true, VOLUME, "", own("machine"), 0, STAYS)),
        ("--pid=host", place("among all processes", true, "", "", none("not-handed-in"), 9, HAND_IN)),
        (ADMIN, place("may mount, among all processes", true, "--pid=host", "", json!({}), 0, STAYS)),
        (ADMIN, place("may see all", true, "--pid=host --cap-add=SYS_PTRACE", "", json!({}), 0, STAYS)),
        (
            "--cap-add=SYS_ADMIN --security-opt=apparmor=unconfined",
            place("filtered, and may mount too", true, "", "", mountable(), 0, "it stays"),
        ),
    ]
}

/// Tries all containers for which the machine has its table mounted, or not.
fn try_containers(host: &Host, mounted: bool) {
    let (programs, docker) = (Programs::new(), Docker::start());
    let (qus, emulator) = (programs.qus(), programs.emulator());
    let files = [(qus.as_path(), "/qus"), (emulator.as_path(), "/emulator")];
    docker.follow(mounted);
    let mut failures = Vec::new();
    for (rights, place) in containers().iter().filter(|(_, place)| place.mounted == mounted) {
        let script = format!("{}\nQUS=/qus EMULATOR=/emulator TARGET={TARGET}\n{ASK}", place.first);
        let said = docker.run(&format!("{rights} {}", place.way), &files, &script);
        failures.extend(place.check(&Answer::of(said), host).err());
        host.restore(mounted);
    }
    report(&failures);
}

#[test]
fn mounted_containers_say_what_stays_when_they_have_ended() {
    try_containers(&Host::mounted(), true);
}

#[test]
fn unmounted_containers_say_that_nothing_would_stay() {
    try_containers(&Host::unmounted(), false);
}

const ASK_IN_ROOT: &str = r#"
chroot "$ROOT" env QUS=/qus EMULATOR=/emulator TARGET="$TARGET" sh -c "$ASK"
"#;

/// Makes a place of the machine itself, where a script goes.
fn place(name: &'static str, mounted: bool, way: &'static str, host: Value, code: i32, says: &'static str) -> Place {
    Place { name, mounted, way, first: "", host, code, says }
}

fn keeps(keeper: &str) -> Value {
    json!({"binfmt_misc": "enabled", "keeper": keeper})
}

fn lacks(why: Option<&str>) -> Value {
    json!({"binfmt_misc": "not mounted", "unreachable": why})
}

fn namespaces_without_the_table() -> Vec<Place> {
    let outside = "a mount made from here would vanish with this mount namespace";
    let alone = "would serve this user namespace alone, and hide the machine's entries";
    let lets_in = first_process_lets_in();
    vec![
        place("the machine itself", false, "ask", lacks(None), 0, "runs"),
        place(
            "a mount namespace",
            false,
            "unshare --mount sh -c 'ask'",
            if lets_in { lacks(None) } else { lacks(Some("private")) },
            if lets_in { 0 } else { 9 },
            if lets_in { STAYS_AFTER_NAMESPACE } else { outside },
        ),
        place(
            "a mount namespace that has mounted",
            false,
            "unshare --mount sh -c 'mount -t binfmt_misc binfmt_misc $TABLE; ask'",
            keeps("nobody"),
            9,
            ONLY_HERE,
        ),
        place(
            "namespaces without a mark",
            false,
            "unshare --mount --pid --fork --mount-proc sh -c 'ask'",
            json!({"mount_namespace": true, "binfmt_misc": "not mounted"}),
            9,
            "would vanish with",
        ),
        place("a user namespace", false, "unshare -Urm sh -c 'ask'", lacks(Some("other-user-namespace")), 9, alone),
        place(
            "a user namespace with a table",
            false,
            "unshare -Urm sh -c 'mount -t binfmt_misc binfmt_misc $TABLE; ask'",
            keeps("user-namespace"),
            0,
            "it serves programs in it and no others",
        ),
        place(
            "an ordinary user",
            false,
            "setpriv --reuid 65534 --clear-groups sh -c 'ask'",
            lacks(Some("no-privilege")),
            9,
            "as root",
        ),
        place(
            "a chroot",
            false,
            r#"eval "$MAKE_ROOT"; mount -t proc proc $ROOT/proc; eval "$ASK_IN_ROOT"; code=$?; umount $ROOT/proc; umount $ROOT/usr; exit $code"#,
            json!({"chroot": true, "binfmt_misc": "not mounted", "unreachable": null}),
            0,
            "runs",
        ),
        place(
            "a chroot without /proc",
            false,
            r#"eval "$MAKE_ROOT"; eval "$ASK_IN_ROOT"; code=$?; umount $ROOT/usr; exit $code"#,
            json!({}),
            9,
            "/proc is not mounted here",
        ),
    ]
}

fn namespaces_beside_the_table() -> Vec<Place> {
    let of_root = json!({"user_namespace": true, "keeper": "machine"});
    vec![
        place("the machine itself, mounted", true, "ask", keeps("machine"), 0, "runs"),
        place(
            "a mount namespace beside",
            true,
            "unshare --mount sh -c 'ask'",
            keeps("machine"),
            0,
            STAYS_AFTER_NAMESPACE,
        ),
        place(
            "a mount namespace that has unmounted",
            true,
            "unshare --mount sh -c 'while umount $TABLE; do :; done; ask'",
            json!({"mount_namespace": true}),
            0,
            STAYS_AFTER_NAMESPACE,
        ),
        place(
            "a mount namespace that may only read",
            true,
            "unshare --mount sh -c 'mount -o remount,bind,ro $TABLE; ask'",
            keeps("machine"),
            9,
            "binfmt_misc is mounted read-only here",
        ),
        place(
            "what systemd-nspawn makes",
            true,
            "unshare --mount --pid --fork --mount-proc sh -c 'mount --bind /proc/sys /proc/sys
                mount -o remount,bind,ro /proc/sys; mkdir -p /run/host; mount -t tmpfs tmpfs /run/host
                echo systemd-nspawn > /run/host/container-manager
                setpriv --bounding-set -sys_admin --inh-caps -sys_admin sh -c \"ask\"'",
            json!({"container": "systemd-nspawn", "unreachable": "not-handed-in"}),
            9,
            HAND_IN,
        ),
        place("root of a user namespace", true, "unshare -Ur sh -c 'ask'", of_root.clone(), 0, STAYS_AFTER_NAMESPACE),
        place("root of two namespaces", true, "unshare -Urm sh -c 'ask'", of_root, 0, STAYS_AFTER_NAMESPACE),
        place(
            "nobody, root of a user namespace",
            true,
            "setpriv --reuid 65534 --clear-groups unshare -Urm sh -c 'mount -t tmpfs tmpfs /run; ask'",
            json!({"user_namespace": true, "keeper": "machine"}),
            9,
            "nobody in this user namespace may register",
        ),
        place(
            "a chroot beside",
            true,
            r#"eval "$MAKE_ROOT"; mount -t proc proc $ROOT/proc; eval "$ASK_IN_ROOT"; code=$?; umount $ROOT/proc; umount $ROOT/usr; exit $code"#,
            json!({"chroot": true, "binfmt_misc": "enabled", "keeper": "machine"}),
            0,
            "runs",
        ),
    ]
}

/// Runs `way` on this machine itself; in it, `ask` asks.
fn go(programs: &Programs, way: &str, mut shell: Command) -> Said {
    let ask = programs.folder.path().join("ask");
    fs::write(&ask, format!("#!/bin/sh\n{ASK}")).unwrap();
    fs::set_permissions(&ask, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", programs.folder.path().display(), std::env::var("PATH").unwrap());
    shell
        .args(["-c", way])
        .env("PATH", path)
        .env("QUS", programs.qus())
        .env("EMULATOR", programs.emulator())
        .env("TARGET", TARGET)
        .env("TABLE", TABLE)
        .env("ROOT", programs.folder.path().join("root"))
        .env("ASK", ASK)
        .env("MAKE_ROOT", ROOT)
        .env("ASK_IN_ROOT", ASK_IN_ROOT);
    Said::by(shell.output().unwrap())
}

/// Tries all namespaces and chroots for which the machine has its table mounted, or not.
fn try_namespaces(host: &Host, mounted: bool) {
    let programs = Programs::new();
    let mut failures = Vec::new();
    let places = if mounted { namespaces_beside_the_table() } else { namespaces_without_the_table() };
    for place in places {
        let said = go(&programs, place.way, Command::new("sh"));
        failures.extend(place.check(&Answer::of(said), host).err());
        host.restore(mounted);
    }
    report(&failures);
}

#[test]
fn mounted_namespaces_say_what_stays_when_they_have_ended() {
    try_namespaces(&Host::mounted(), true);
}

#[test]
fn unmounted_namespaces_mount_where_it_stays_or_nowhere() {
    try_namespaces(&Host::unmounted(), false);
}

#[test]
fn unmounted_tables_behind_an_automount_are_found() {
    let _host = Host::unmounted();
    let programs = Programs::new();
    let automount = Automount::at_the_table();
    assert!(!is_mounted());
    let said = go(&programs, "ask", outsider("sh"));
    let answer = Answer::of(said);
    assert_eq!((&answer.host["binfmt_misc"], &answer.host["keeper"]), (&json!("enabled"), &json!("machine")));
    answer.registering.expect(0, &["runs"]);
    assert!(is_mounted());
    assert_eq!(entries(), [entry()]);
    drop(automount);
}

#[test]
fn unmounted_for_want_of_a_module_is_told_so() {
    let _host = Host::unmounted();
    let programs = Programs::new();
    let way = "strace -f -qq -o /dev/null -e trace=mount -e inject=mount:error=ENODEV \
               $QUS register --interpreter $EMULATOR $TARGET";
    go(&programs, way, Command::new("sh"))
        .expect(9, &["the kernel does not mount binfmt_misc: No such device", "modprobe binfmt_misc"]);
    assert!(!is_mounted());
}

#[test]
fn mounted_doctor_in_a_container_names_what_the_host_lacks() {
    doctor::examine_in_containers(&Host::mounted());
}

#[test]
fn unmounted_doctor_names_that_first() {
    doctor::examine_without_the_table(&Host::unmounted());
}

#[test]
fn mounted_images_are_built_as_the_recipe_says() {
    images::build_as_the_recipe_says(&Host::mounted());
}

#[test]
fn mounted_binfmt_in_a_container_registers_with_the_machine() {
    images::run_binfmt_in_containers(&Host::mounted());
}
