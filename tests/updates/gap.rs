//! No gap: all targets are updated while their programs are executed, and not one execution fails.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::support::real::program;
use crate::support::releases::Releases;
use crate::support::sandbox::Sandbox;

/// Executes a program again and again until its input ends, and says how often that was, and how often it failed.
const LOOP: &str = r#"
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>

int main(int count, char **words) {
    long executed = 0, failed = 0;
    struct pollfd input = {.fd = 0, .events = POLLIN};
    setvbuf(stdout, NULL, _IONBF, 0);
    do {
        pid_t child;
        int status = -1;
        char *none[] = {NULL};
        if (posix_spawn(&child, words[1], NULL, NULL, words + 1, none) == 0)
            waitpid(child, &status, 0);
        executed++;
        failed += status != 0;
        if (executed == 1)
            puts("runs");
    } while (poll(&input, 1, 0) == 0);
    printf("%ld %ld\n", executed, failed);
}
"#;

/// A loop that runs; its output.
struct Loop(Child, BufReader<std::process::ChildStdout>);

impl Loop {
    fn of(machine: &Sandbox, debian: &str) -> Loop {
        let path = program(debian).display().to_string();
        let mut command = machine.command("/run/loop", &[&path, "true"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        assert_eq!(line(&mut output), "runs");
        Loop(child, output)
    }

    /// Executions, and how many of them failed.
    fn end(mut self) -> (u64, u64) {
        drop(self.0.stdin.take());
        let said = line(&mut self.1);
        assert!(self.0.wait().unwrap().success());
        let (executed, failed) = said.split_once(' ').unwrap();
        (executed.parse().unwrap(), failed.parse().unwrap())
    }
}

fn line(output: &mut impl BufRead) -> String {
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    line.trim_end().to_owned()
}

#[test]
fn thirty_one_live_targets_are_updated_while_two_loops_execute_programs_and_none_fails() {
    /// As many executions as are wanted before it is believed.
    const EXECUTIONS: u64 = 3000;
    /// Long enough for a machine that does much else.
    const PATIENCE: Duration = Duration::from_secs(400);
    let mut releases = Releases::with("11.1.3-1");
    let machine = releases.machine();
    machine.qus(&["install", "all"]).expect(0, &[]);
    machine.shell(&format!("cat > /run/loop.c <<'END'\n{LOOP}\nEND\ncc -O1 -o /run/loop /run/loop.c")).expect(0, &[]);
    let (mut executed, mut failed, mut times) = (0, 0, Vec::new());
    let started = Instant::now();
    for revision in 2.. {
        let (old, new) = (format!("11.1.3-{}", revision - 1), format!("11.1.3-{revision}"));
        releases.add(&new);
        let loops = ["arm64", "riscv64"].map(|debian| Loop::of(&machine, debian));
        let began = Instant::now();
        let said = machine.qus(&["update"]).expect(0, &[]);
        times.push(began.elapsed());
        assert_eq!(said.stdout.matches(&format!(" {old} -> {new}\n")).count(), 31, "{said:#?}");
        // There and back, without a download: the moments that matter, more often.
        for _ in 0..6 {
            let said = machine.qus(&["rollback"]).expect(0, &[]);
            assert_eq!(said.stdout.matches(" -> ").count(), 31, "{said:#?}");
        }
        machine.qus(&["unpin", "all"]).expect(0, &[]);
        for (count, lost) in loops.map(Loop::end) {
            executed += count;
            failed += lost;
        }
        assert_eq!(failed, 0, "of {executed} executions");
        if executed >= EXECUTIONS || started.elapsed() > PATIENCE {
            break;
        }
    }
    let each: Vec<String> = times.iter().map(|time| format!("{:.1} s", time.as_secs_f64())).collect();
    // Past the test's own output, which is kept back where it passes.
    let _ = writeln!(
        std::io::stderr(),
        "\n{} updates of 31 live targets in {}, {} rollbacks of all beside: {executed} executions, {failed} failed",
        times.len(),
        each.join(", "),
        times.len() * 6
    );
    assert!(executed >= EXECUTIONS, "only {executed} executions in {PATIENCE:?}");
    machine.qus(&["test"]).expect(0, &[]);
}
