//! No gap: all targets are updated while their programs are executed, and not one execution fails.

use std::io::Write;
use std::time::{Duration, Instant};

use crate::support::executions::Loop;
use crate::support::releases::Releases;

#[test]
fn thirty_one_live_targets_are_updated_while_two_loops_execute_programs_and_none_fails() {
    /// As many executions as are wanted before it is believed.
    const EXECUTIONS: u64 = 3000;
    /// Long enough for a machine that does much else.
    const PATIENCE: Duration = Duration::from_secs(400);
    let mut releases = Releases::with("11.1.3-1");
    let machine = releases.machine();
    machine.qus(&["install", "all"]).expect(0, &[]);
    Loop::build(&machine);
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
