//! Executions without end, while something is changed under them.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use super::real::program;
use super::sandbox::Sandbox;

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
pub(crate) struct Loop(Child, BufReader<std::process::ChildStdout>);

impl Loop {
    /// Makes `machine` able to run loops.
    pub(crate) fn build(machine: &Sandbox) {
        machine
            .shell(&format!("cat > /run/loop.c <<'END'\n{LOOP}\nEND\ncc -O1 -o /run/loop /run/loop.c"))
            .expect(0, &[]);
    }

    /// Executes the program of the architecture that Debian calls so, from now on.
    pub(crate) fn of(machine: &Sandbox, debian: &str) -> Loop {
        let path = program(debian).display().to_string();
        let mut command = machine.command("/run/loop", &[&path, "true"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        assert_eq!(line(&mut output), "runs");
        Loop(child, output)
    }

    /// Executions, and how many of them failed.
    pub(crate) fn end(mut self) -> (u64, u64) {
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
