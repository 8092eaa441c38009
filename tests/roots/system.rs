//! A clean system in a root directory: a namespace with a table of its own, and an overlay, so that nothing is left.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::support::machine::Said;
use crate::support::tree::{Tree, tree_without};

/// Prepares it: `$1` is an empty folder, `$2` the root directory in the folder `$3`, `$4` what lies at `/srv` in it,
/// and outside of it. The
/// table must be there, so that whatever would be registered from inside a chroot is seen. There is no network. As those
/// of most chroots, the root directory is not that of a mount.
const PREPARE: &str = r#"
set -e
mount -t tmpfs tmpfs "$1"
mkdir "$1/changes" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=$3,upperdir=$1/changes,workdir=$1/work,userxattr" "$1/root"
cd "$1/root/$2"
mkdir -p srv proc dev
mount --rbind /proc proc
mount -t binfmt_misc binfmt_misc proc/sys/fs/binfmt_misc
mount --rbind /dev dev
mount --bind "$4" srv
mount --bind "$4" /srv
echo ready
exec sleep infinity
"#;

/// What comes and goes by itself where packages are installed: logs, caches, and what the package managers remember.
const NOT_COMPARED: [&str; 22] = [
    "dev",
    "etc/apt",
    "etc/dnf",
    "etc/yum.repos.d",
    "proc",
    "root",
    "run",
    "srv",
    "tmp",
    "usr/lib/sysimage",
    "var/cache",
    "var/lib/apt",
    "var/lib/dnf",
    "var/lib/dpkg/available",
    "var/lib/dpkg/lock",
    "var/lib/dpkg/lock-frontend",
    "var/lib/dpkg/status",
    "var/lib/dpkg/status-old",
    "var/lib/dpkg/triggers",
    "var/lib/rpm",
    "var/log",
    "var/tmp",
];

/// A system that lives as long as this value.
pub(super) struct System {
    keeper: Child,
    folder: TempDir,
    name: String,
}

impl System {
    /// The system `name` of a folder of them, with `srv` at `/srv`.
    pub(super) fn new(name: &str, systems: &Path, srv: &Path) -> System {
        let folder = TempDir::new().unwrap();
        let script = format!("read go; exec unshare --mount --net sh -c '{PREPARE}' system \"$@\"");
        let mut keeper = Command::new("unshare")
            .args(["--user", "sh", "-c", &script, "system"])
            .args([folder.path(), Path::new(name), systems, srv])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let own = std::fs::read_link("/proc/self/ns/user").unwrap();
        let namespace = format!("/proc/{}/ns/user", keeper.id());
        while std::fs::read_link(&namespace).unwrap() == own {
            std::thread::sleep(Duration::from_millis(1));
        }
        // Packages bring files of other owners than root, and apt fetches as one of them.
        for map in ["uid_map", "gid_map"] {
            let written = std::fs::write(format!("/proc/{}/{map}", keeper.id()), "0 0 65536\n");
            written.unwrap_or_else(|error| panic!("{map}: {error}: these tests are for root"));
        }
        keeper.stdin.take().unwrap().write_all(b"go\n").unwrap();
        let mut line = String::new();
        BufReader::new(keeper.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(
            line, "ready\n",
            "this machine cannot give a user namespace with binfmt_misc (Linux >= 6.7) and overlays"
        );
        System { keeper, folder, name: name.to_owned() }
    }

    /// Its root directory, as the namespace has it.
    fn root(&self) -> PathBuf {
        self.folder.path().join("root").join(&self.name)
    }

    /// Runs a script inside the root directory.
    pub(super) fn shell(&self, script: &str) -> Said {
        self.run(&["chroot", self.root().to_str().unwrap(), "/bin/sh", "-ec", script])
    }

    /// Runs a script beside it, with this machine's programs, where `$ROOT` is the root directory.
    pub(super) fn outside(&self, script: &str) -> Said {
        self.run(&["env", &format!("ROOT={}", self.root().display()), "sh", "-ec", script])
    }

    fn run(&self, words: &[&str]) -> Said {
        let target = self.keeper.id().to_string();
        let mut command = Command::new("nsenter");
        command.args(["--user", "--mount", "--net", "--target", &target, "--"]).args(words).stdin(Stdio::null());
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("DEBIAN_FRONTEND", "noninteractive");
        Said::by(command.env("LC_ALL", "C").output().unwrap())
    }

    /// Every file, with its mode, owner and content.
    pub(super) fn tree(&self) -> Tree {
        // The mounts exist only within the namespace, where the keeper stands.
        let root = PathBuf::from(format!("/proc/{}/root{}", self.keeper.id(), self.root().display()));
        tree_without(&root, &|path| NOT_COMPARED.contains(&path))
    }

    /// The names of what is registered.
    pub(super) fn table(&self) -> String {
        self.shell("ls /proc/sys/fs/binfmt_misc").expect(0, &[]).stdout
    }
}

impl Drop for System {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to end.
        let _ = self.keeper.kill();
        let _ = self.keeper.wait();
    }
}

/// Fails if two trees differ, and says in what.
#[track_caller]
pub(super) fn assert_same(before: &Tree, after: &Tree) {
    let gone: Vec<_> = before.iter().filter(|(path, what)| after.get(*path) != Some(what)).collect();
    let new: Vec<_> = after.iter().filter(|(path, what)| before.get(*path) != Some(what)).collect();
    assert!(gone.is_empty() && new.is_empty(), "before: {gone:#?}\nafter: {new:#?}");
}
