//! Where qus is tried: on the machine, in containers, chroots and namespaces. What it says and what is left when the
//! place has gone agree; where nothing would stay it fails, and says why.
//!
//! Tests whose names begin with `machine_` change the table of this machine itself for a moment, as root, and give it
//! back.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::automount::{Automount, outsider};
use crate::support::docker::Docker;
use crate::support::host::{Host, TABLE, TARGET, entries, entry, first_process_lets_in, is_mounted};
use crate::support::machine::Said;
use crate::support::publisher::{emulator, target};
use crate::support::real;
use crate::support::sandbox::Sandbox;

/// An emulator, as far as registering goes, and qus itself.
struct Programs {
    folder: TempDir,
}

impl Programs {
    fn new() -> Programs {
        let folder = TempDir::new().unwrap();
        let programs = Programs { folder };
        fs::write(programs.emulator(), emulator(target(TARGET), "1")).unwrap();
        fs::copy(env!("CARGO_BIN_EXE_qus"), programs.qus()).unwrap();
        for path in [programs.folder.path().to_owned(), programs.emulator(), programs.qus()] {
            fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        }
        programs
    }

    fn emulator(&self) -> PathBuf {
        self.folder.path().join("emulator")
    }

    fn qus(&self) -> PathBuf {
        self.folder.path().join("qus")
    }
}

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
        (ADMIN, place("may mount too", true, "", "", mountable(), 0, STAYS)),
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
fn machine_mounted_containers_say_what_stays_when_they_have_ended() {
    try_containers(&Host::mounted(), true);
}

#[test]
fn machine_unmounted_containers_say_that_nothing_would_stay() {
    try_containers(&Host::unmounted(), false);
}

/// Root directories of others, ready to be entered.
const ROOT: &str = r#"
mkdir -p "$ROOT/proc" "$ROOT/usr" "$ROOT/run" "$ROOT/root" "$ROOT/tmp" "$ROOT/var/lib" "$ROOT/dev"
for place in bin sbin lib lib64; do
    if [ -L /$place ]; then cp -P /$place "$ROOT/"
    elif [ -d /$place ]; then mkdir -p "$ROOT/$place"; mount --bind /$place "$ROOT/$place"; fi
done
mount --bind /usr "$ROOT/usr"
cp "$QUS" "$ROOT/qus"; cp "$EMULATOR" "$ROOT/emulator"
"#;

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
fn machine_mounted_namespaces_say_what_stays_when_they_have_ended() {
    try_namespaces(&Host::mounted(), true);
}

#[test]
fn machine_unmounted_namespaces_mount_where_it_stays_or_nowhere() {
    try_namespaces(&Host::unmounted(), false);
}

#[test]
fn machine_unmounted_tables_behind_an_automount_are_found() {
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
fn machine_unmounted_for_want_of_a_module_is_told_so() {
    let _host = Host::unmounted();
    let programs = Programs::new();
    let way = "strace -f -qq -o /dev/null -e trace=mount -e inject=mount:error=ENODEV \
               $QUS register --interpreter $EMULATOR $TARGET";
    go(&programs, way, Command::new("sh"))
        .expect(9, &["the kernel does not mount binfmt_misc: No such device", "modprobe binfmt_misc"]);
    assert!(!is_mounted());
}

/// What `qus status --json` says of the place.
fn told(sandbox: &Sandbox, before: &str) -> Value {
    let said = sandbox.shell(&format!("{before}\nexec {} status --json", env!("CARGO_BIN_EXE_qus")));
    let document: Value = serde_json::from_str(&said.expect(0, &[]).stdout).unwrap();
    document["host"].clone()
}

/// Makes the kernel's name another.
fn named(release: &str) -> String {
    format!("echo {release} > /run/osrelease; mount --bind /run/osrelease /proc/sys/kernel/osrelease")
}

#[test]
fn a_user_namespace_says_whom_its_table_serves() {
    let (sandbox, programs) = (Sandbox::new(), Programs::new());
    let host = told(&sandbox, "");
    assert_eq!((&host["user_namespace"], &host["keeper"]), (&json!(true), &json!("user-namespace")));
    sandbox.qus(&["status"]).expect(0, &["in a user namespace", "it serves programs in it and no others"]);
    let emulator = programs.emulator().display().to_string();
    sandbox
        .qus(&["register", TARGET, "--interpreter", &emulator])
        .expect(0, &["this is a user namespace with a table of its own: it serves programs in it and no others"]);
}

#[test]
fn a_table_that_was_handed_in_elsewhere_is_found() {
    let (sandbox, programs) = (Sandbox::without_table(), Programs::new());
    sandbox.shell("mkdir /run/binfmt; mount -t binfmt_misc binfmt_misc /run/binfmt").expect(0, &[]);
    let emulator = programs.emulator().display().to_string();
    sandbox.qus(&["register", TARGET, "--interpreter", &emulator]).expect(0, &[]);
    sandbox.shell(&format!("cat /run/binfmt/{}", entry())).expect(0, &[&emulator]);
    sandbox.qus(&["unregister", TARGET, "--interpreter", &emulator]).expect(0, &["unregistered"]);
    sandbox.shell(&format!("! cat /run/binfmt/{}", entry())).expect(0, &[]);
}

#[test]
fn why_there_is_no_table_is_said_by_status_too() {
    let sandbox = Sandbox::without_table();
    let host = told(&sandbox, "");
    assert_eq!(
        (&host["binfmt_misc"], &host["unreachable"], &host["keeper"]),
        (&json!("not mounted"), &json!("other-user-namespace"), &Value::Null)
    );
    sandbox.qus(&["status"]).expect(0, &["would serve this user namespace alone", "qus run -- COMMAND"]);
}

#[test]
fn wsl_1_has_nothing_to_register_with() {
    let sandbox = Sandbox::without_table();
    let host = told(&sandbox, &named("4.4.0-19041-Microsoft"));
    assert_eq!((&host["wsl"], &host["unreachable"]), (&json!(1), &json!("wsl1")));
    sandbox.qus(&["status"]).expect(0, &["on WSL 1", "wsl --set-version DISTRIBUTION 2"]);
    sandbox
        .qus(&["register", "arm", "--interpreter", "/bin/true"])
        .expect(9, &["this is WSL 1, which has no Linux kernel", "wsl --set-version DISTRIBUTION 2"]);
}

#[test]
fn wsl_2_is_a_machine_like_others() {
    let (sandbox, programs) = (Sandbox::new(), Programs::new());
    let host = told(&sandbox, &named("6.6.87.2-microsoft-standard-WSL2"));
    assert_eq!((&host["wsl"], &host["container"], &host["binfmt_misc"]), (&json!(2), &Value::Null, &json!("enabled")));
    sandbox.qus(&["status"]).expect(0, &["Linux 6.6", "on WSL 2"]);
    let emulator = programs.emulator().display().to_string();
    sandbox.qus(&["register", TARGET, "--interpreter", &emulator]).expect(0, &["runs"]);
}

#[test]
fn containers_are_told_by_their_marks() {
    let (sandbox, programs) = (Sandbox::without_table(), Programs::new());
    let enter = format!(
        "QUS={} EMULATOR={} ROOT=/run/root\nmkdir -p $ROOT; mount --bind $ROOT $ROOT\n{ROOT}\nmount --rbind /proc $ROOT/proc",
        programs.qus().display(),
        programs.emulator().display()
    );
    sandbox.shell(&enter).expect(0, &[]);
    let marks = [
        ("", None),
        ("touch .dockerenv", Some("docker")),
        ("touch run/.containerenv", Some("podman")),
        ("mkdir -p run/systemd; echo lxc > run/systemd/container", Some("lxc")),
        ("mkdir -p run/host; echo systemd-nspawn > run/host/container-manager", Some("systemd-nspawn")),
        ("mkdir -p run/systemd; echo wsl > run/systemd/container", None),
    ];
    for (mark, container) in marks {
        let said =
            sandbox.shell(&format!("cd /run/root; rm -rf .dockerenv run/* ; {mark}\nexec chroot . /qus status --json"));
        let document: Value = serde_json::from_str(&said.expect(0, &[]).stdout).unwrap();
        assert_eq!(document["host"]["container"], json!(container), "{mark}");
    }
}

#[test]
fn a_chroot_is_told_from_a_root_directory() {
    let (sandbox, programs) = (Sandbox::new(), Programs::new());
    let make =
        format!("QUS={} EMULATOR={} ROOT=/run/root\n{ROOT}", programs.qus().display(), programs.emulator().display());
    assert_eq!(told(&sandbox, "")["chroot"], false);
    sandbox.shell(&make).expect(0, &[]);
    sandbox
        .run("chroot", &["/run/root", "/qus", "status"])
        .expect(9, &["/proc is not mounted here", "mount -t proc proc /proc"]);
    sandbox.shell("mount --rbind /proc /run/root/proc").expect(0, &[]);
    sandbox.run("chroot", &["/run/root", "/qus", "status"]).expect(0, &["in a chroot, in a user namespace"]);
}

/// How many processes look at the same time.
const CROWD: usize = 200;

/// Has a crowd look while `change` goes on, over and over, and gives what it saw of `targets`.
fn watch(sandbox: &Sandbox, targets: &[&str], change: impl Fn() + Sync) -> Vec<Value> {
    let done = std::sync::atomic::AtomicBool::new(false);
    let watched = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                change();
            }
        });
        let words = [&["status", "--json"], targets].concat();
        let command = || {
            let mut command = sandbox.command(env!("CARGO_BIN_EXE_qus"), &words);
            command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
            command.spawn().unwrap()
        };
        let crowd: Vec<_> = (0..CROWD).map(|_| command()).collect();
        let said: Vec<Said> = crowd.into_iter().map(|one| Said::by(one.wait_with_output().unwrap())).collect();
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        said
    });
    watched
        .into_iter()
        .flat_map(|said| {
            let document: Value = serde_json::from_str(&said.expect(0, &[]).stdout).unwrap();
            document["targets"].as_array().unwrap().clone()
        })
        .collect()
}

#[test]
fn a_crowd_that_looks_while_all_is_registered_and_unregistered_sees_what_was_there() {
    let sandbox = Sandbox::new();
    let names = ["aarch64", "arm", "hexagon", "ppc64le", "riscv64", "s390x"];
    let folder = TempDir::new().unwrap();
    for name in names {
        let path = folder.path().join(format!("qemu-{name}-static"));
        fs::write(&path, emulator(target(name), "1")).unwrap();
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    let path = folder.path().display().to_string();
    let seen = watch(&sandbox, &names, || {
        sandbox.qus(&["register", "all", "--path", &path]).expect(0, &[]);
        sandbox.qus(&["unregister", "all", "--path", &path]).expect(0, &[]);
    });
    assert_eq!(seen.len(), CROWD * names.len());
    for status in seen {
        let name = format!("qemu-{}", status["target"].as_str().unwrap());
        match status["state"].as_str().unwrap() {
            // Or, for a moment, the bridge to it.
            "registered" => assert!(status["runs"].as_str().unwrap().starts_with(&name), "{status:#}"),
            "absent" => assert!(status["runs"].is_null() && status["entry"].is_null(), "{status:#}"),
            _ => panic!("{status:#}"),
        }
    }
}

#[test]
fn a_crowd_that_looks_while_an_emulator_is_replaced_always_sees_one() {
    let sandbox = Sandbox::new();
    let folder = TempDir::new().unwrap();
    let emulators = ["a", "b"].map(|name| {
        let path = folder.path().join(name);
        fs::write(&path, emulator(target("aarch64"), name)).unwrap();
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        path.display().to_string()
    });
    let register = |emulator: &str| {
        sandbox.qus(&["register", "aarch64", "--interpreter", emulator]).expect(0, &["runs"]);
    };
    register(&emulators[1]);
    let seen = watch(&sandbox, &["aarch64"], || emulators.iter().for_each(|emulator| register(emulator)));
    assert_eq!(seen.len(), CROWD);
    for status in seen {
        assert_eq!(status["state"], "registered", "{status:#}");
        let runs = status["runs"].as_str().unwrap_or_default();
        // What was registered with the first cannot be given back: the other stands beside it, and bridges to both.
        assert!(["qemu-aarch64", "qus-aarch64"].contains(&runs.trim_end_matches("-next")), "{status:#}");
        let interpreter = status["entry"]["interpreter"].as_str().unwrap();
        assert!(emulators.iter().any(|emulator| Path::new(interpreter) == Path::new(emulator)), "{status:#}");
    }
}

#[test]
fn a_crowd_that_looks_while_one_is_installed_and_removed_sees_what_was_there() {
    let sandbox = real::machine();
    let seen = watch(&sandbox, &["s390x"], || {
        sandbox.qus(&["install", "s390x"]).expect(0, &["runs"]);
        sandbox.qus(&["remove", "s390x"]).expect(0, &[]);
    });
    assert_eq!(seen.len(), CROWD);
    for status in seen {
        let state = status["state"].as_str().unwrap();
        // Registered comes before the receipt that says it is installed, and goes before it.
        assert!(["absent", "registered", "ready", "installed"].contains(&state), "{status:#}");
        assert_eq!(status["runs"].is_null(), ["absent", "installed"].contains(&state), "{status:#}");
    }
}
