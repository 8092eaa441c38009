//! Where qus is tried: on the machine, in containers, chroots and namespaces. What it says and what is left when the
//! place has gone agree; where nothing would stay it fails, and says why.

mod machine;

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::host::{TARGET, entry};
use crate::support::publisher::{emulator, target};
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
fn a_place_that_is_no_table_is_refused_and_nothing_is_mounted_there() {
    let (sandbox, programs) = (Sandbox::new(), Programs::new());
    let emulator = programs.emulator().display().to_string();
    sandbox.shell("mkdir /run/empty").expect(0, &[]);
    let (table, changes) = (sandbox.table(), sandbox.changes());
    for words in [&["status"][..], &["register", TARGET, "--interpreter", &emulator]] {
        let words = [&["--binfmt-misc", "/run/empty"], words].concat();
        sandbox.qus(&words).expect(9, &["binfmt_misc is not mounted at \"/run/empty\"", "leave out --binfmt-misc"]);
    }
    assert_eq!((sandbox.table(), sandbox.changes()), (table, changes));
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
