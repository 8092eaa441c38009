//! The timer and its service: sound, shielded, and able to do what they are for.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::machine::Said;
use crate::support::real::machine;

fn unit(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/systemd").join(name)
}

/// The values of a setting, in their order.
fn values(name: &str, setting: &str) -> Vec<String> {
    let text = std::fs::read_to_string(unit(name)).unwrap();
    let value = |line: &str| line.strip_prefix(setting)?.strip_prefix('=').map(str::to_owned);
    text.lines().filter_map(value).collect()
}

#[test]
fn both_units_are_sound() {
    let machine = machine();
    machine.shell(&format!("ln -sf {} /usr/bin/qus", env!("CARGO_BIN_EXE_qus"))).expect(0, &[]);
    let files = [unit("qus-update.service"), unit("qus-update.timer")].map(|file| file.display().to_string());
    let said = machine.run("systemd-analyze", &["verify", "--man=no", &files[0], &files[1]]).expect(0, &[]);
    assert!(!said.stderr.contains("qus-update"), "{said:#?}");
}

/// It prints a number from 0, all shielded, to 10.
#[test]
fn systemd_calls_the_exposure_of_the_service_below_three() {
    let mut analyze = Command::new("systemd-analyze");
    analyze.args(["security", "--no-pager", "--offline=true", "--threshold=29"]).arg(unit("qus-update.service"));
    Said::by(analyze.output().unwrap()).expect(0, &["Overall exposure level for qus-update.service: 2."]);
}

#[test]
fn the_service_does_what_is_promised_and_shields_nothing_that_it_needs() {
    let of = |setting: &str| values("qus-update.service", setting);
    assert_eq!(of("ExecStart"), ["/usr/bin/qus update --quiet --yes --scheduled"]);
    assert_eq!((of("Type"), of("SuccessExitStatus")), (vec!["oneshot".to_owned()], vec!["100".to_owned()]));
    // The first two were tried on a booted machine: exit 9, and exit 10 with the old versions back in their place.
    for setting in ["ProtectKernelTunables", "MemoryDenyWriteExecute", "ProtectProc", "PrivateUsers", "RootDirectory"] {
        assert_eq!(of(setting), Vec::<String>::new(), "{setting}");
    }
    let places = of("ReadWritePaths").concat();
    let layout = qus::layout::Layout::system();
    let needed = [Some(layout.prefix()), Some(layout.state()), layout.drop_ins()];
    for place in needed.into_iter().flatten() {
        assert!(places.split(' ').any(|path| path.trim_start_matches('-') == place.as_str()), "{place}: {places}");
    }
    let lock = layout.lock().parent().unwrap();
    assert!(places.split(' ').any(|path| path == lock.as_str()), "{lock}: {places}");
}

#[test]
fn the_timer_comes_once_a_day_at_no_fixed_time_and_is_not_enabled_by_itself() {
    let of = |setting: &str| values("qus-update.timer", setting).concat();
    assert_eq!(
        (of("OnCalendar"), of("RandomizedDelaySec"), of("Persistent")),
        ("daily".into(), "6h".into(), "true".into())
    );
    assert_eq!(of("WantedBy"), "timers.target");
    // Nothing else in it, or in the service, starts it.
    assert_eq!(values("qus-update.service", "WantedBy"), Vec::<String>::new());
}

#[test]
fn what_the_service_runs_is_what_qus_understands() {
    let machine = machine();
    machine.qus(&["install", "aarch64"]).expect(0, &[]);
    let start = values("qus-update.service", "ExecStart").concat();
    let mut words = start.split(' ').skip(1).collect::<Vec<_>>();
    words.retain(|word| !word.is_empty());
    let said = machine.qus(&words).expect(0, &[]);
    assert_eq!((said.stdout.as_str(), said.stderr.as_str()), ("", ""));
}
