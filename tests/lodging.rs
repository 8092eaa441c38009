//! A person without root: `qus install --user`, and `qus run` in a namespace of its own.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::support::machine::Said;
use crate::support::real::{PORTS, program, provided};
use crate::support::tree::{Tree, tree};

/// Somebody with a home, who is not root also where the tester is.
struct Person {
    folder: TempDir,
    /// What makes a program theirs.
    becoming: Vec<String>,
}

/// A user id that no tested machine gives any meaning to.
const NOBODY_SPECIAL: u32 = 54_321;

impl Person {
    /// Who trusts the repository of real emulators, below their home.
    fn new() -> Person {
        let folder = TempDir::new_in("/tmp").unwrap();
        let person = Person { folder, becoming: becoming() };
        let trusted = person.home().join(".config/qus/trust.d");
        std::fs::create_dir_all(&trusted).unwrap();
        std::fs::copy(provided("QUS_TEST_REPOSITORY").join("anchor.json"), trusted.join("test.json")).unwrap();
        // Where the tests are built, others than the tester may not look.
        std::fs::copy(env!("CARGO_BIN_EXE_qus"), person.qus()).unwrap();
        std::fs::set_permissions(person.folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        if person.becoming.first().is_some_and(|word| word == "setpriv") {
            let owner = format!("{NOBODY_SPECIAL}:{NOBODY_SPECIAL}");
            let done = Command::new("chown").arg("-R").arg(owner).arg(person.home()).status().unwrap();
            assert!(done.success());
        }
        person
    }

    fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    fn qus(&self) -> PathBuf {
        self.folder.path().join("qus")
    }

    /// A copy of a foreign program where this person can see it.
    fn program(&self, debian: &str) -> PathBuf {
        let copy = self.folder.path().join(format!("busybox-{debian}"));
        std::fs::copy(program(debian), &copy).unwrap();
        copy
    }

    fn command(&self, program: &Path, words: &[&str]) -> Command {
        let mut becoming = self.becoming.iter().map(String::as_str).chain([program.to_str().unwrap()]);
        let mut command = Command::new(becoming.next().unwrap());
        command.args(becoming);
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("QUS_")) {
            command.env_remove(name);
        }
        command.args(words).env("HOME", self.home()).current_dir(self.home());
        command
    }

    fn run(&self, words: &[&str]) -> Said {
        Said::by(self.command(&self.qus(), words).output().unwrap())
    }

    fn tree(&self) -> Tree {
        tree(&self.home())
    }
}

/// The tester, if that is not root; else somebody else, who must still be able to read the repository. Where it lies
/// in a folder that only root may enter, it is root under another number, without any of root's rights.
fn becoming() -> Vec<String> {
    if !nix::unistd::geteuid().is_root() {
        return Vec::new();
    }
    let id = NOBODY_SPECIAL.to_string();
    let other = ["setpriv", "--reuid", &id, "--regid", &id, "--clear-groups", "--"];
    let renamed = ["unshare", "--user", "--map-user", &id, "--map-group", &id, "--"];
    let index = provided("QUS_TEST_REPOSITORY").join("index.qus");
    let readable = Command::new(other[0]).args(&other[1..]).arg("test").arg("-r").arg(index).status().unwrap();
    let words = if readable.success() { &other } else { &renamed };
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// Somebody who installed `targets`, each of which was proved in a namespace of its own.
fn installed(targets: &[&str]) -> Person {
    let person = Person::new();
    let mut words = vec!["install", "--user", "--emulate-native"];
    words.extend(targets);
    let said = person.run(&words).expect(0, &["to use it: qus run"]);
    for target in targets {
        assert!(said.stdout.lines().any(|line| line.starts_with(target) && line.ends_with("ready")), "{said:#?}");
    }
    person
}

#[test]
fn real_programs_of_every_debian_port_run_for_somebody_without_root() {
    let person =
        installed(&["aarch64", "arm", "i386", "ppc64le", "riscv64", "s390x", "mips64el", "mipsel", "loongarch64"]);
    for (target, debian, uname) in PORTS {
        let foreign = person.program(debian);
        let foreign = foreign.to_str().unwrap();
        let named = person.run(&["run", target, "--", foreign, "uname", "-m"]).expect(0, &[]);
        assert_eq!(named.stdout.trim(), uname, "{debian}");
        let all = person.run(&["run", "--", foreign, "uname", "-m"]).expect(0, &[]);
        assert_eq!(all.stdout.trim(), uname, "{debian}");
    }
}

#[test]
fn the_command_keeps_its_user_its_directory_its_words_and_its_exit_status() {
    let person = installed(&["aarch64"]);
    let sh = |script: &str| person.run(&["run", "aarch64", "--", "sh", "-c", script]);
    let outside = Said::by(person.command(Path::new("id"), &["-u"]).output().unwrap()).stdout;
    assert_eq!(sh("id -u").stdout, outside);
    assert_eq!(sh("pwd -P").stdout.trim(), person.home().canonicalize().unwrap().to_str().unwrap());
    assert_eq!(person.run(&["run", "--", "printf", "%s|", "a b", "--json", "-c"]).stdout, "a b|--json|-c|");
    assert_eq!(sh("exit 42").code, Some(42));
    sh("exec /no/such/file").expect(127, &[]);
    person.run(&["run", "--", "/no/such/file"]).expect(127, &["\"/no/such/file\" cannot be executed"]);
    person.run(&["run", "--", "/etc/passwd"]).expect(126, &["\"/etc/passwd\" cannot be executed"]);
}

#[test]
fn signals_go_to_the_command() {
    let person = installed(&["aarch64"]);
    let foreign = person.program("arm64");
    for signal in [nix::sys::signal::Signal::SIGTERM, nix::sys::signal::Signal::SIGUSR1] {
        let words = ["run", "aarch64", "--", foreign.to_str().unwrap(), "sh", "-c", "echo up; sleep 1000"];
        let mut child = person.command(&person.qus(), &words).stdout(Stdio::piped()).spawn().unwrap();
        let mut up = String::new();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.as_mut().unwrap()), &mut up).unwrap();
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(child.id().try_into().unwrap()), signal).unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(signal as i32));
    }
}

#[test]
fn what_is_installed_for_one_user_lies_below_their_home_and_goes_without_a_trace() {
    let person = Person::new();
    let before = person.tree();
    person.run(&["install", "--user", "--dry-run", "aarch64"]).expect(0, &["fetch and verify"]);
    assert_eq!(person.tree(), before);
    person.run(&["install", "--user", "aarch64"]).expect(0, &["ready"]);
    person.run(&["install", "--user", "aarch64"]).expect(0, &["nothing to do"]);
    person.run(&["status", "--user", "aarch64"]).expect(0, &["installed   11.1.3-1"]);
    let inside = person.run(&["run", "--", person.qus().to_str().unwrap(), "status", "aarch64"]);
    inside.expect(
        0,
        &["registered", ".local/lib/qus/bin/11.1.3-1/qemu-aarch64-static", "serves programs in it and no others"],
    );
    person.run(&["remove", "--user", "all"]).expect(0, &["aarch64 removed"]);
    assert_eq!(person.tree(), before);
}

#[test]
fn what_cannot_be_done_for_one_user_is_told() {
    let person = Person::new();
    person
        .run(&["run", "--", "true"])
        .expect(1, &["no emulator is installed for any target", "qus install --user TARGET"]);
    person.run(&["run", "s390x", "--", "true"]).expect(1, &["no emulator is installed for \"s390x\""]);
    person.run(&["register", "--user", "aarch64"]).expect(2, &["nor for one user", "qus run TARGET -- COMMAND"]);
    person.run(&["run", "aarch64"]).expect(2, &["<COMMAND>"]);
    person.run(&["install", "aarch64"]).expect(9, &["run the command as root"]);
    let mut elsewhere = person.command(&person.qus(), &["install", "--user", "aarch64"]);
    Said::by(elsewhere.env("HOME", "/").output().unwrap()).expect(2, &["HOME names no directory of this user"]);
}

#[test]
fn a_system_that_gives_no_namespaces_is_told_what_it_would_take() {
    let person = installed(&["aarch64"]);
    // The limit holds for the namespace in which it is set, and those below.
    let script = format!(
        "echo 0 > /proc/sys/user/max_user_namespaces; HOME={} exec {} run aarch64 -- true",
        person.home().display(),
        person.qus().display()
    );
    let words = ["--user", "--map-root-user", "sh", "-c", &script];
    let said = Said::by(person.command(Path::new("unshare"), &words).output().unwrap());
    said.expect(9, &["this user may not make a user namespace", "user.max_user_namespaces"]);
}
