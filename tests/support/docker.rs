//! A Docker daemon of the tests' own: its files, sockets and mounts are in a folder and a mount namespace that go with
//! it, and it leaves nothing on the machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use super::host::{TABLE, sh, wait_until};
use super::machine::Said;

/// Prepares the mount namespace. What a daemon writes to by itself is covered; the test's end is the daemon's.
const PREPARE: &str = r#"
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /etc/docker
echo '{}' > "$1/none.json"
exec setpriv --pdeathsig TERM dockerd --config-file "$1/none.json" --data-root "$1/data" --exec-root /run/docker \
    --pidfile "$1/pid" --host "unix://$1/socket" --storage-driver vfs --cgroup-parent "/$2" --bridge none \
    --iptables=false --ip6tables=false --ip-forward=false --ip-masq=false > "$1/log" 2>&1
"#;

/// A container's root directory: this machine's own programs, handed in, and places to write to.
const IMAGE: &str = r#"
mkdir -p "$1/image/proc" "$1/image/sys" "$1/image/dev" "$1/image/etc" "$1/image/usr" "$1/image/run" "$1/image/root" \
    "$1/image/var/lib" "$1/image/tmp"
chmod 1777 "$1/image/tmp" "$1/image/run"
for place in bin sbin lib lib64; do
    [ ! -L /$place ] || cp -P /$place "$1/image/"
done
tar -C "$1/image" -c . | docker import - places:1
"#;

/// A daemon that lives as long as this value, and the thread that started it.
pub(crate) struct Docker {
    daemon: Child,
    folder: TempDir,
    cgroup: String,
    made_etc: bool,
}

impl Docker {
    pub(crate) fn start() -> Docker {
        let version = Command::new("dockerd").arg("--version").output();
        assert!(version.is_ok(), "there is no dockerd: run scripts/test, which installs Debian's docker.io");
        let folder = TempDir::new().unwrap();
        let cgroup = format!("qus-test-{}", std::process::id());
        let made_etc = fs::create_dir("/etc/docker").is_ok();
        let daemon = Command::new("unshare")
            .args(["--mount", "--propagation", "private", "sh", "-ec", PREPARE, "docker"])
            .arg(folder.path())
            .arg(&cgroup)
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let docker = Docker { daemon, folder, cgroup, made_etc };
        wait_until("dockerd answers", || docker.command().arg("version").output().unwrap().status.success());
        let image = Command::new("sh")
            .args(["-ec", IMAGE, "image"])
            .arg(docker.folder.path())
            .env("DOCKER_HOST", docker.host())
            .env("DOCKER_CONFIG", docker.folder.path())
            .output()
            .unwrap();
        Said::by(image).expect(0, &["sha256:"]);
        docker
    }

    fn host(&self) -> String {
        format!("unix://{}", self.folder.path().join("socket").display())
    }

    /// The client, for this daemon.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new("docker");
        command.env("DOCKER_HOST", self.host()).env("DOCKER_CONFIG", self.folder.path());
        command
    }

    /// What the daemon sees of the machine's table is what the machine has.
    pub(crate) fn follow(&self, mounted: bool) {
        let action = if mounted { "mount -t binfmt_misc binfmt_misc" } else { "umount" };
        let there = fs::read_to_string(format!("/proc/{}/mountinfo", self.daemon.id())).unwrap();
        if there.contains(" - binfmt_misc ") != mounted {
            sh(&format!("nsenter --target {} --mount {action} {TABLE}", self.daemon.id()));
        }
    }

    /// Makes an image of a folder.
    #[track_caller]
    pub(crate) fn import(&self, root: &Path, platform: &str, name: &str) {
        let script = "tar -C \"$1\" -c . | docker import --platform \"$2\" - \"$3\"";
        let mut shell = Command::new("sh");
        shell.args(["-ec", script, "import"]).arg(root).args([platform, name]);
        shell.env("DOCKER_HOST", self.host()).env("DOCKER_CONFIG", self.folder.path());
        Said::by(shell.output().unwrap()).expect(0, &["sha256:"]);
    }

    /// Runs a script in which `docker` is this daemon's client.
    pub(crate) fn shell(&self, directory: &Path, script: &str) -> Said {
        let mut shell = Command::new("timeout");
        shell.args(["120", "sh", "-ec", script]).current_dir(directory);
        shell.env("DOCKER_HOST", self.host()).env("DOCKER_CONFIG", self.folder.path());
        Said::by(shell.output().unwrap())
    }

    /// Runs `script` in a container, with `files` at its root.
    pub(crate) fn run(&self, options: &str, files: &[(&Path, &str)], script: &str) -> Said {
        let mut command = Command::new("timeout");
        command.args(["60", "docker", "run", "--rm", "--network=none", "--volume=/usr:/usr:ro"]);
        command.env("DOCKER_HOST", self.host()).env("DOCKER_CONFIG", self.folder.path());
        for place in ["/bin", "/sbin", "/lib", "/lib64"].map(PathBuf::from).iter().filter(|place| place.is_dir()) {
            if !place.is_symlink() {
                command.arg(format!("--volume={0}:{0}:ro", place.display()));
            }
        }
        for (file, name) in files {
            command.arg(format!("--volume={}:{name}:ro", file.display()));
        }
        command.args(options.split_whitespace()).args(["places:1", "sh", "-c", script]);
        Said::by(command.output().unwrap())
    }
}

impl Drop for Docker {
    fn drop(&mut self) {
        // Nothing here may panic: the test may have failed already.
        let listed = self.command().args(["ps", "--all", "--quiet"]).output();
        for container in listed.map(|listed| listed.stdout).unwrap_or_default().split(|byte| *byte == b'\n') {
            if let Some(id) = std::str::from_utf8(container).ok().filter(|id| !id.is_empty()) {
                let _ = self.command().args(["rm", "--force", id]).output();
            }
        }
        if let Ok(pid) = i32::try_from(self.daemon.id()) {
            let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
        }
        let _ = self.daemon.wait();
        let groups = format!("find /sys/fs/cgroup -depth -type d -path '*/{}*' -exec rmdir {{}} +", self.cgroup);
        let _ = Command::new("sh").args(["-c", &groups]).stderr(Stdio::null()).status();
        if self.made_etc {
            let _ = fs::remove_dir("/etc/docker");
        }
    }
}
