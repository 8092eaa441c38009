//! Bad circumstances, for real: each named with what to type, and nothing changed.

use std::fs::File;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::support::machine::{Image, Said};
use crate::support::sandbox::Sandbox;

/// Runs `script` in a mount namespace of its own, with `$ROOT` the image's root and `$QUS` the
/// program, and fails if the image changed.
#[track_caller]
fn in_vain(image: &Image, script: &str) -> Said {
    let before = image.tree();
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-ec", script])
        .env("ROOT", image.root())
        .env("QUS", env!("CARGO_BIN_EXE_qus"))
        .output()
        .unwrap();
    let said = Said::by(output);
    assert_eq!(before, image.tree(), "{said:#?}");
    said
}

#[test]
fn a_read_only_prefix() {
    let image = Image::trusting(&["aarch64"]);
    in_vain(
        &image,
        r#"mount --bind "$ROOT/usr/local/lib" "$ROOT/usr/local/lib"
           mount -o remount,bind,ro "$ROOT/usr/local/lib"
           exec "$QUS" --root "$ROOT" install aarch64"#,
    )
    .expect(1, &["\"/usr/local/lib\" lies on a file system that is mounted read-only", "findmnt -T /usr/local/lib"]);
}

#[test]
fn a_full_prefix() {
    let image = Image::trusting(&["aarch64"]);
    in_vain(
        &image,
        r#"mount -t tmpfs -o size=64k tmpfs "$ROOT/usr/local/lib"
           before=$(find "$ROOT/usr/local/lib")
           "$QUS" --root "$ROOT" install aarch64 || code=$?
           [ "$before" = "$(find "$ROOT/usr/local/lib")" ]
           exit $code"#,
    )
    .expect(1, &["free bytes;", "are needed", "free some space: df -h"]);
}

#[test]
fn a_prefix_that_fills_up_on_the_way() {
    let image = Image::trusting(&["aarch64"]);
    // Room is looked at as the file system tells it; a quota is not told. Here the limit on the size
    // of files plays the quota.
    let said = in_vain(&image, r#"ulimit -f 1; trap "" XFSZ; exec "$QUS" --root "$ROOT" install aarch64"#);
    assert_eq!(said.code, Some(1), "{said:#?}");
    assert!(said.stderr.contains("error: cannot write"), "{said:#?}");
}

#[test]
fn a_busy_lock() {
    let image = Image::trusting(&["aarch64"]);
    let lock = image.root().join("run/qus.lock");
    std::fs::write(&lock, "4711\n").unwrap();
    let holder = File::open(&lock).unwrap();
    holder.lock().unwrap();
    image
        .run_in_vain(&["install", "aarch64"])
        .expect(6, &["another qus is at work here, process 4711", "--wait-lock SECONDS"]);
    image.run_in_vain(&["remove", "aarch64", "--wait-lock", "1"]).expect(6, &[]);
    // Closing it is not enough: a process that another test is about to start has it open until then.
    holder.unlock().unwrap();
    image.run(&["install", "aarch64"]).expect(0, &[]);
    assert!(!lock.exists());
}

#[test]
fn nobody_else_can_take_the_lock() {
    // Whoever can open a file, if only to read it, can lock it.
    let image = Image::trusting(&["aarch64"]);
    let root = qus::system::root::Root::image(image.root());
    let lock = qus::system::lock::Lock::take(&root, std::time::Duration::ZERO).unwrap();
    let mode = std::fs::metadata(image.root().join("run/qus.lock")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    drop(lock);
    assert!(!image.root().join("run/qus.lock").exists());
}

#[test]
fn two_installs_at_once_both_succeed_when_they_wait() {
    let image = Image::trusting(&["aarch64", "arm"]);
    std::thread::scope(|scope| {
        let both =
            ["aarch64", "arm"].map(|target| scope.spawn(|| image.run(&["install", target, "--wait-lock", "30"])));
        for one in both {
            one.join().unwrap().expect(0, &[]);
        }
    });
    let status = image.run(&["status"]).stdout;
    assert_eq!(status.matches("installed").count(), 2, "{status}");
}

#[test]
fn no_privilege() {
    let image = Image::trusting(&["aarch64"]);
    if !nix::unistd::geteuid().is_root() {
        // The tester's own image is writable; the running system is not.
        let said = Said::by(crate::support::machine::qus().args(["install", "aarch64"]).output().unwrap());
        said.expect(9, &["run the command as root"]);
        return;
    }
    let program = image.folder.path().join("qus");
    std::fs::copy(env!("CARGO_BIN_EXE_qus"), &program).unwrap();
    let open = |path: &std::path::Path| {
        std::fs::set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap();
    };
    open(image.folder.path());
    open(&program);
    let before = image.tree();
    let output = Command::new("setpriv")
        .args(["--reuid", "65534", "--regid", "65534", "--clear-groups"])
        .arg(&program)
        .arg("--root")
        .arg(image.root())
        .args(["install", "aarch64"])
        .output()
        .unwrap();
    Said::by(output).expect(9, &["run the command as root, with sudo for instance"]);
    assert_eq!(before, image.tree());
}

#[test]
fn a_noexec_prefix() {
    let image = Image::trusting(&["aarch64"]);
    let sandbox = Sandbox::new();
    image.hand_anchor_to(&sandbox);
    sandbox.shell("mount -t tmpfs -o noexec tmpfs /usr/local/lib").expect(0, &[]);
    refuses(&sandbox, 1, &["\"/usr/local/lib\" lies on a file system that is mounted noexec", "remount it with exec"]);
}

#[test]
fn a_disabled_table() {
    let image = Image::trusting(&["aarch64"]);
    let sandbox = Sandbox::new();
    image.hand_anchor_to(&sandbox);
    sandbox.shell("echo 0 > /proc/sys/fs/binfmt_misc/status").expect(0, &[]);
    refuses(&sandbox, 9, &["binfmt_misc is disabled", "echo 1 > /proc/sys/fs/binfmt_misc/status"]);
}

#[test]
fn a_disabled_table_gives_entries_back_and_takes_none() {
    let folder = tempfile::TempDir::new().unwrap();
    let emulator = folder.path().join("qemu-arm-static");
    std::fs::write(&emulator, crate::support::publisher::emulator(crate::support::publisher::target("arm"), "1"))
        .unwrap();
    std::fs::set_permissions(&emulator, PermissionsExt::from_mode(0o755)).unwrap();
    let sandbox = Sandbox::new();
    let (table, changes) = (sandbox.table(), sandbox.changes());
    let words = ["arm", "--path", &folder.path().display().to_string()];
    let qus = |command: &str| sandbox.qus(&[&[command], &words[..]].concat());
    let switch = |to: &str| {
        sandbox.shell(&format!("echo {to} > /proc/sys/fs/binfmt_misc/status")).expect(0, &[]);
    };
    qus("register").expect(0, &[]);
    switch("0");
    qus("register").expect(9, &["binfmt_misc is disabled", "echo 1 > /proc/sys/fs/binfmt_misc/status"]);
    qus("unregister").expect(0, &["qemu-arm unregistered"]);
    qus("register").expect(9, &["binfmt_misc is disabled"]);
    switch("1");
    assert_eq!((sandbox.table(), sandbox.changes()), (table, changes));
}

#[test]
fn an_installed_target_is_removed_though_the_table_is_disabled() {
    let sandbox = crate::support::real::machine();
    let (table, changes) = (sandbox.table(), sandbox.changes());
    sandbox.qus(&["install", "s390x"]).expect(0, &[]);
    sandbox.shell("echo 0 > /proc/sys/fs/binfmt_misc/status").expect(0, &[]);
    sandbox.qus(&["remove", "all"]).expect(0, &["s390x removed"]);
    sandbox.shell("echo 1 > /proc/sys/fs/binfmt_misc/status").expect(0, &[]);
    assert_eq!((sandbox.table(), sandbox.changes()), (table, changes));
}

#[test]
fn a_read_only_table() {
    let image = Image::trusting(&["aarch64"]);
    let sandbox = Sandbox::new();
    image.hand_anchor_to(&sandbox);
    sandbox.shell("mount -o remount,bind,ro /proc/sys/fs/binfmt_misc").expect(0, &[]);
    refuses(&sandbox, 9, &["binfmt_misc is mounted read-only here", "what is registered there runs in here too"]);
}

#[test]
fn a_table_that_is_not_mounted_where_it_would_not_stay() {
    let image = Image::trusting(&["aarch64"]);
    let sandbox = Sandbox::without_table();
    image.hand_anchor_to(&sandbox);
    let changes = sandbox.changes();
    sandbox
        .qus(&["install", "aarch64"])
        .expect(9, &["would serve this user namespace alone, and hide the machine's entries", "qus run -- COMMAND"]);
    assert_eq!(sandbox.changes(), changes);
}

#[test]
fn a_kernel_without_binfmt_misc() {
    let image = Image::trusting(&["aarch64"]);
    let sandbox = Sandbox::without_table();
    image.hand_anchor_to(&sandbox);
    // The kernel's list of file systems and its modules, as such a kernel shows them.
    sandbox
        .shell(
            "grep -v binfmt_misc /proc/filesystems > /run/filesystems; mount --bind /run/filesystems /proc/filesystems
             [ -d /lib/modules ] || mkdir /lib/modules; mount -t tmpfs tmpfs /lib/modules",
        )
        .expect(0, &[]);
    let changes = sandbox.changes();
    // As in a container, where nothing is to be seen of the machine's modules.
    sandbox.qus(&["install", "aarch64"]).expect(
        9,
        &["the kernel has no binfmt_misc, or has not loaded it", "on the host, as root: modprobe binfmt_misc"],
    );
    sandbox.shell("mkdir /lib/modules/$(uname -r)").expect(0, &[]);
    sandbox.qus(&["install", "aarch64"]).expect(9, &["the kernel has no binfmt_misc\n", "CONFIG_BINFMT_MISC"]);
    assert_eq!(sandbox.changes(), changes);
}

#[test]
fn a_target_that_is_the_hosts_own() {
    let image = Image::trusting(&["aarch64", "x86_64"]);
    let sandbox = Sandbox::new();
    image.hand_anchor_to(&sandbox);
    let (table, changes) = (sandbox.table(), sandbox.changes());
    sandbox.qus(&["install", "amd64"]).expect(1, &["\"x86_64\" is what this machine is"]);
    sandbox.qus(&["install", "--emulate-native", "amd64"]).expect(1, &["\"x86_64\" is what this machine is"]);
    assert_eq!((sandbox.table(), sandbox.changes()), (table, changes));
}

#[track_caller]
fn refuses(sandbox: &Sandbox, code: i32, words: &[&str]) {
    let (table, changes) = (sandbox.table(), sandbox.changes());
    sandbox.qus(&["install", "aarch64"]).expect(code, words);
    assert_eq!((sandbox.table(), sandbox.changes()), (table, changes));
}
