//! This machine in namespaces of its own: the real kernel, a table of its own, and a file system
//! whose changes all lie in one folder.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::machine::Said;
use super::shim;
use super::tree::{Tree, tree};

/// Prepares the namespaces. Only `/etc` and `/usr` must show what is really in them; an overlay over `/` itself
/// would be refused where other mounts lie below it.
const PREPARE: &str = r#"
set -e
mount -t tmpfs tmpfs "$1"
# Before the overlays: what appears later in their folder of changes, they do not know.
for directory in usr/local/lib usr/lib/binfmt.d var/cache var/lib run; do mkdir -p "$1/changes/$directory"; done
for directory in etc usr; do
    mkdir -p "$1/changes/$directory" "$1/work/$directory"
    mount -t overlay overlay -o \
        "lowerdir=/$directory,upperdir=$1/changes/$directory,workdir=$1/work/$directory,userxattr" "/$directory"
done
# Whatever this machine itself has of qus is not the tests'.
rm -rf /etc/qus /etc/binfmt.d/*
for directory in usr/local/lib usr/lib/binfmt.d var/cache var/lib run; do
    mount --bind "$1/changes/$directory" "/$directory"
done
# What is mounted there on this machine cannot be unmounted from here, but covered.
mount -t "$2" "$2" /proc/sys/fs/binfmt_misc
echo ready
exec sleep infinity
"#;

/// What is empty in them at first, whatever is there on the machine itself, and comes and goes there.
const EMPTY: [&str; 6] = ["etc/qus", "run/", "usr/lib/binfmt.d/", "usr/local/lib/", "var/cache/", "var/lib/"];

/// Namespaces that live as long as this value.
pub(crate) struct Sandbox {
    keeper: Child,
    folder: TempDir,
    is_first: bool,
}

impl Sandbox {
    /// With binfmt_misc mounted and empty.
    pub(crate) fn new() -> Sandbox {
        Sandbox::prepare("binfmt_misc", false)
    }

    /// With binfmt_misc not mounted.
    pub(crate) fn without_table() -> Sandbox {
        Sandbox::prepare("tmpfs", false)
    }

    /// With binfmt_misc not mounted, where what is mounted stays: its programs see processes of their own, whose first is
    /// in the same namespaces, and are told that these are the machine's. Nothing else is other than it is.
    pub(crate) fn of_first_process() -> Sandbox {
        Sandbox::prepare("tmpfs", true)
    }

    fn prepare(table: &str, is_first: bool) -> Sandbox {
        let folder = TempDir::new().unwrap();
        let own_processes: &[&str] = if is_first { &["--pid", "--fork", "--kill-child", "--mount-proc"] } else { &[] };
        let mut keeper = Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount"])
            .args(own_processes)
            .args(["sh", "-c", PREPARE, "sandbox"])
            .arg(folder.path())
            .arg(table)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(keeper.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(
            line, "ready\n",
            "this machine cannot give a user namespace with binfmt_misc (Linux >= 6.7) and overlays"
        );
        Sandbox { keeper, folder, is_first }
    }

    /// Runs a program in it.
    pub(crate) fn run(&self, program: &str, words: &[&str]) -> Said {
        Said::by(self.command(program, words).output().unwrap())
    }

    /// A program that is to be run in it.
    pub(crate) fn command(&self, program: &str, words: &[&str]) -> Command {
        let mut command = Command::new("nsenter");
        let keeper = self.keeper.id();
        command.args(["--user", "--mount", "--target", &keeper.to_string()]);
        if self.is_first {
            command.arg(format!("--pid=/proc/{keeper}/ns/pid_for_children"));
            command.env("LD_PRELOAD", shim::library()).env("SHIM_FIRST", "yes");
        }
        command.args(["--", program]).args(words);
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("QUS_")) {
            command.env_remove(name);
        }
        command
    }

    pub(crate) fn qus(&self, words: &[&str]) -> Said {
        self.run(env!("CARGO_BIN_EXE_qus"), words)
    }

    /// Makes the program under test go by `names` there.
    #[track_caller]
    pub(crate) fn call_it(&self, names: &[&str]) {
        for name in names {
            let to = format!("/usr/local/bin/{name}");
            self.run("ln", &["-sf", env!("CARGO_BIN_EXE_qus"), &to]).expect(0, &[]);
        }
    }

    pub(crate) fn shell(&self, script: &str) -> Said {
        self.run("sh", &["-ec", script])
    }

    /// The kernel's whole table, each entry with all that the kernel prints of it.
    pub(crate) fn table(&self) -> String {
        self.shell("cd /proc/sys/fs/binfmt_misc; for entry in *; do echo \"[$entry]\"; [ $entry = register ] || cat $entry; done").stdout
    }

    /// Every file that is other than on the machine itself.
    pub(crate) fn changes(&self) -> Tree {
        // The folder's mount exists only within the namespace, where the keeper stands.
        let inside = PathBuf::from(format!("/proc/{}/root{}", self.keeper.id(), self.folder.path().display()));
        let mut changes = tree(&inside.join("changes"));
        // A directory that merely holds a change is no change, nor is one that held one.
        let bare =
            |path: &str| Path::new("/").join(path).is_dir() && !EMPTY.iter().any(|place| path.starts_with(place));
        changes.retain(|path, _| path.contains('/') && !bare(path) && !path.starts_with("run/mount"));
        changes
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to end.
        let _ = self.keeper.kill();
        let _ = self.keeper.wait();
    }
}
