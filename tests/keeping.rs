//! Keeping it true: `qus apply`, once and watching, after whatever others do.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use qus::system::watch::QUIET;

use crate::support::real::{machine, program, runs};
use crate::support::sandbox::Sandbox;

/// Longer than any machine takes, however busy. Nothing is judged by it but that a thing happened at all.
const PATIENCE: Duration = Duration::from_secs(60);

/// A sandbox with three targets installed.
fn installed() -> Sandbox {
    let sandbox = machine();
    sandbox.qus(&["install", "aarch64", "arm", "riscv64"]).expect(0, &[]);
    sandbox
}

/// What others do, and what apply says that it does about it.
const MEDDLINGS: [(&str, &str); 10] = [
    ("echo -1 > /proc/sys/fs/binfmt_misc/status", "riscv64: register qemu-riscv64"),
    ("echo -1 > /proc/sys/fs/binfmt_misc/qemu-arm", "arm: register qemu-arm"),
    ("echo 0 > /proc/sys/fs/binfmt_misc/qemu-arm", "arm: register qemu-arm"),
    ("rm /etc/binfmt.d/qus-arm.conf", "arm: write /etc/binfmt.d/qus-arm.conf"),
    ("rm -r /etc/binfmt.d", "make directory /etc/binfmt.d"),
    ("rm /usr/local/lib/qus/bin/qemu-arm-static", "arm: link /usr/local/lib/qus/bin/qemu-arm-static"),
    ("ln -sf /dev/null /usr/local/lib/qus/bin/qemu-arm-static", "arm: link /usr/local/lib/qus/bin/qemu-arm-static"),
    (": > /etc/binfmt.d/qus-arm.conf", "put /etc/binfmt.d/qus-arm.conf aside"),
    ("printf '\\377\\n' > /etc/binfmt.d/qus-arm.conf", "put /etc/binfmt.d/qus-arm.conf aside"),
    (
        "cd /proc/sys/fs/binfmt_misc; echo -1 > qemu-arm
         printf ':qemu-arm:M::\\\\x7fELF\\\\x01\\\\x01\\\\x01\\\\x00\\\\x00\\\\x00\\\\x00\\\\x00\\\\x00\\\\x00\\\\x00\\\\x00\\\\x02\\\\x00\\\\x28\\\\x00::/bin/false:' > register",
        "arm: register qemu-arm for /usr/local/lib/qus/bin/11.1.3-1/qemu-arm-static (POF), in place of /bin/false",
    ),
];

#[test]
fn apply_mends_whatever_others_did_and_nothing_else() {
    for (meddling, said) in MEDDLINGS {
        let sandbox = installed();
        let (table, mut changes) = (sandbox.table(), sandbox.changes());
        sandbox.qus(&["apply"]).expect(0, &["nothing to do: all of it is as the receipt says"]);
        sandbox.shell(meddling).expect(0, &[]);
        let meddled = (sandbox.table(), sandbox.changes());
        sandbox.qus(&["apply", "--dry-run"]).expect(0, &[said]);
        assert_eq!((sandbox.table(), sandbox.changes()), meddled, "a dry run changed something after: {meddling}");

        sandbox.qus(&["apply"]).expect(0, &[said]);
        assert_eq!(sandbox.table(), table, "after: {meddling}");
        let mut mended = sandbox.changes();
        // What was put aside, and whom we displaced on the way, are the only traces.
        for trace in ["etc/binfmt.d/qus-arm.conf.saved", "var/lib/qus/receipt.json"] {
            changes.remove(trace);
            mended.remove(trace);
        }
        assert_eq!(mended, changes, "after: {meddling}");
        sandbox.qus(&["apply"]).expect(0, &["nothing to do"]);
        runs(&sandbox, &program("armhf"), "armv7l");
    }
}

#[test]
fn apply_leaves_alone_what_is_masked_and_says_what_it_cannot_mend() {
    let sandbox = installed();
    sandbox
        .shell(
            "ln -sf /dev/null /etc/binfmt.d/qus-arm.conf; echo -1 > /proc/sys/fs/binfmt_misc/qemu-arm
             rm /usr/local/lib/qus/bin/*/qemu-riscv64-static; echo -1 > /proc/sys/fs/binfmt_misc/qemu-aarch64",
        )
        .expect(0, &[]);
    sandbox.qus(&["apply"]).expect(
        10,
        &[
            "masks qus's drop-in of \"arm\"",
            "rm /etc/binfmt.d/qus-arm.conf",
            "is not there or damaged",
            "qus install riscv64",
            "aarch64: register qemu-aarch64",
        ],
    );
    assert!(!sandbox.table().contains("[qemu-arm]"), "what is masked was registered");
    runs(&sandbox, &program("arm64"), "aarch64");
    sandbox.qus(&["apply", "aarch64"]).expect(0, &["nothing to do"]);
}

#[test]
fn what_a_person_wrote_into_a_dropin_is_never_lost() {
    let sandbox = installed();
    for (text, aside) in [("first", "qus-arm.conf.saved"), ("second", "qus-arm.conf.saved.2")] {
        sandbox.shell(&format!("echo {text} > /etc/binfmt.d/qus-arm.conf")).expect(0, &[]);
        sandbox.qus(&["apply"]).expect(0, &[aside]);
    }
    let saved = sandbox.shell("cat /etc/binfmt.d/qus-arm.conf.saved /etc/binfmt.d/qus-arm.conf.saved.2").stdout;
    assert_eq!(saved, "first\nsecond\n");
    sandbox.shell("echo '# mine' >> /etc/binfmt.d/qus-arm.conf").expect(0, &[]);
    sandbox.qus(&["remove", "arm"]).expect(0, &["was changed by somebody and stays", "rm /etc/binfmt.d/qus-arm.conf"]);
}

#[test]
fn apply_never_switches_a_disabled_table_on() {
    let sandbox = installed();
    sandbox.shell("echo 0 > /proc/sys/fs/binfmt_misc/status").expect(0, &[]);
    // What is registered and not consulted is not as it should be.
    sandbox.qus(&["apply"]).expect(9, &["binfmt_misc is disabled"]);
    sandbox.qus(&["install", "arm"]).expect(9, &["binfmt_misc is disabled"]);
    sandbox
        .shell("echo 0 > /proc/sys/fs/binfmt_misc/status; echo -1 > /proc/sys/fs/binfmt_misc/qemu-arm")
        .expect(0, &[]);
    let table = sandbox.table();
    sandbox.qus(&["apply"]).expect(9, &["binfmt_misc is disabled", "echo 1 > /proc/sys/fs/binfmt_misc/status"]);
    assert_eq!(sandbox.table(), table);
}

#[test]
fn apply_where_nothing_is_installed_has_nothing_to_do() {
    let sandbox = machine();
    let (table, changes) = (sandbox.table(), sandbox.changes());
    sandbox.qus(&["apply"]).expect(0, &["nothing to do"]);
    assert_eq!((sandbox.table(), sandbox.changes()), (table, changes));
}

/// A `qus apply --watch`, ended with this value.
struct Watching {
    child: Child,
    lines: Receiver<String>,
}

impl Watching {
    fn on(sandbox: &Sandbox) -> Watching {
        let mut child =
            sandbox.command(env!("CARGO_BIN_EXE_qus"), &["apply", "--watch"]).stdout(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Watching { child, lines }
    }

    /// Waits for a line that holds `words`.
    fn says(&self, words: &str) {
        let until = Instant::now() + PATIENCE;
        loop {
            match self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) if line.contains(words) => return,
                Ok(_) => {}
                Err(error) => panic!("nothing of \"{words}\": {error}"),
            }
        }
    }

    /// The process that watches: the one that `nsenter` became.
    fn process(&self) -> u32 {
        self.child.id()
    }

    fn end(mut self) {
        nix::sys::signal::kill(
            nix::unistd::Pid::from_raw(self.process().try_into().unwrap()),
            nix::sys::signal::Signal::SIGTERM,
        )
        .unwrap();
        assert_eq!(self.child.wait().unwrap().code(), Some(0), "it does not end cleanly on SIGTERM");
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn wait_for(what: &str, mut is: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is() {
        assert!(started.elapsed() < PATIENCE, "never: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_watch_repairs_a_flush_logs_it_stays_small_and_ends_cleanly() {
    let sandbox = installed();
    let table = sandbox.table();
    let watching = Watching::on(&sandbox);
    wait_for("watching", || {
        std::fs::read_dir(format!("/proc/{}/fd", watching.process())).is_ok_and(|fds| fds.count() > 4)
    });
    for _ in 0..5 {
        sandbox.shell("echo -1 > /proc/sys/fs/binfmt_misc/status").expect(0, &[]);
        wait_for("repaired", || sandbox.table() == table);
        watching.says("riscv64: register qemu-riscv64");
    }
    // How fast it is, and what it costs in all, scripts/bench tells.
    assert!(written(watching.process()) <= 3 * 1024, "it holds {} KiB", written(watching.process()));
    watching.end();
    assert_eq!(sandbox.table(), table);
}

/// Memory that a process has written to, in KiB: what it holds of its program's file, an unoptimised one here, says nothing.
fn written(process: u32) -> u32 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn a_watch_repairs_dropins_and_strangers_who_took_over() {
    let sandbox = installed();
    let (table, changes) = (sandbox.table(), sandbox.changes());
    let watching = Watching::on(&sandbox);
    sandbox.shell("rm /etc/binfmt.d/qus-arm.conf").expect(0, &[]);
    wait_for("drop-in", || sandbox.changes() == changes);
    let (meddling, _) = MEDDLINGS[9];
    sandbox.shell(meddling).expect(0, &[]);
    wait_for("taken back", || sandbox.table() == table);
    watching.end();
}

#[test]
fn systemd_binfmt_and_a_watch_do_not_get_in_each_others_way() {
    let sandbox = installed();
    let table = sandbox.table();
    let watching = Watching::on(&sandbox);
    for _ in 0..20 {
        // It deletes everything, then registers everything, and fails if somebody else is faster.
        let begin = Instant::now();
        let said = sandbox.run("/usr/lib/systemd/systemd-binfmt", &[]);
        // Whoever gets no processor for longer than a watch waits for quiet is taken to have ended.
        if begin.elapsed() < QUIET {
            said.expect(0, &[]);
        }
    }
    wait_for("all of it", || sandbox.table() == table);
    watching.end();
}

#[test]
fn a_live_emulator_is_replaced_a_hundred_times_and_more_and_not_one_execution_fails() {
    let sandbox = machine();
    let emulator = crate::support::real::provided("QUS_TEST_NEIGHBOURS").join("debian-sid/usr/bin/qemu-aarch64");
    let said = sandbox
        .shell(&format!(
            "cd /run; cp {emulator} a; cp {emulator} b; ln a qemu-aarch64-static
             {qus} register --path /run aarch64
             executions() {{
                 for execution in $(seq 400); do
                     [ \"$({program} uname -m)\" = aarch64 ] || echo \"failure in execution $execution\"
                 done
                 touch $1
             }}
             executions /run/one & executions /run/two &
             replacements=0
             while [ $replacements -lt 100 ] || [ ! -e /run/one ] || [ ! -e /run/two ]; do
                 for file in b a; do
                     ln $file new; mv new qemu-aarch64-static
                     {qus} register --quiet --path /run aarch64 > /dev/null
                 done
                 replacements=$((replacements + 2))
             done
             wait; ls /proc/sys/fs/binfmt_misc; echo \"$replacements replacements\"",
            emulator = emulator.display(),
            qus = env!("CARGO_BIN_EXE_qus"),
            program = program("arm64").display(),
        ))
        .expect(0, &["replacements"]);
    assert!(!said.stdout.contains("failure") && said.stderr.lines().all(|line| line.starts_with("note")), "{said:#?}");
    assert!(said.stdout.contains("\nqemu-aarch64\nregister\nstatus\n"), "{said:#?}");
}
