//! Emulators: missing, unusable, replaced, of another kind.

use super::{Found, OTHERS, finds, finds_and_cures, machine_in_use, other_emulator, program, register, runs};
use crate::support::real;

const TABLE: &str = "/proc/sys/fs/binfmt_misc";

#[test]
fn emulator_missing() {
    let sandbox = machine_in_use();
    let program = program(&sandbox);
    let emulator = other_emulator(&sandbox, "OP");
    runs(&sandbox, &program);
    sandbox.shell(&format!("rm {emulator}")).expect(0, &[]);
    finds(&sandbox, &[&program], "emulator-missing");
    // A directory is none either.
    sandbox.shell(&format!("mkdir {emulator}")).expect(0, &[]);
    finds_and_cures(&sandbox, &[&program], "emulator-missing");
    runs(&sandbox, &program);
}

#[test]
fn emulator_not_executable() {
    let sandbox = machine_in_use();
    let program = program(&sandbox);
    let emulator = other_emulator(&sandbox, "OP");
    sandbox.shell(&format!("chmod 644 {emulator}")).expect(0, &[]);
    finds_and_cures(&sandbox, &[&program], "emulator-not-executable");
    runs(&sandbox, &program);
}

#[test]
fn emulator_on_noexec() {
    let sandbox = machine_in_use();
    let program = program(&sandbox);
    let emulator = other_emulator(&sandbox, "OP");
    // With a space, which the cure has to quote.
    let mount = format!("{OTHERS}/a mount");
    for flags in ["OP", "OPF"] {
        sandbox
            .shell(&format!(
                "mkdir -p '{mount}'; mount -t tmpfs tmpfs '{mount}'; cp {emulator} '{mount}'; echo -1 > {TABLE}/qemu-aarch64"
            ))
            .expect(0, &[]);
        register(&sandbox, "qemu-aarch64", &format!("{mount}/qemu-aarch64"), flags);
        runs(&sandbox, &program);
        sandbox.shell(&format!("mount -o remount,noexec '{mount}'; ! {program} true")).expect(0, &[]);
        finds_and_cures(&sandbox, &[&program], "emulator-on-noexec");
        runs(&sandbox, &program);
    }
}

#[test]
fn a_dynamic_emulator_in_another_root() {
    let sandbox = machine_in_use();
    let program = program(&sandbox);
    let from = real::provided("QUS_TEST_NEIGHBOURS").join("debian-12-dynamic/usr/bin/qemu-aarch64");
    let emulator = format!("{OTHERS}/qemu-aarch64");
    let root = format!("{OTHERS}/root");
    sandbox
        .shell(&format!("cp {} {emulator}; mkdir {root}; cp {program} {root}/busybox", from.display()))
        .expect(0, &[]);
    register(&sandbox, "qemu-aarch64", &emulator, "OPF");
    sandbox.shell(&format!("! chroot {root} /busybox true")).expect(0, &[]);
    // Here its libraries would be looked for: those of Debian 12 are on no other system.
    let found = Found::of(&sandbox, &[&program]);
    assert!(["emulator-dynamic", "emulator-fails"].iter().any(|cause| found.causes().contains(cause)), "{:#}", found.0);
    finds_and_cures(&sandbox, &["--root", &root, "/busybox"], "emulator-dynamic");
    sandbox.shell(&format!("chroot {root} /busybox true")).expect(0, &[]);
}

#[test]
fn emulator_of_another_host() {
    let sandbox = machine_in_use();
    let program = program(&sandbox);
    for flags in ["OP", "OPF"] {
        let foreign = format!("{OTHERS}/qemu-aarch64-{flags}");
        sandbox.shell(&format!("cp {} {foreign}", real::program("riscv64").display())).expect(0, &[]);
        register(&sandbox, "qemu-aarch64", &foreign, flags);
        finds_and_cures(&sandbox, &[&program], "emulator-wrong-host");
        runs(&sandbox, &program);
        sandbox.qus(&["remove", "aarch64"]).expect(0, &[]);
        sandbox.shell(&format!("[ ! -e {TABLE}/qemu-aarch64 ] || echo -1 > {TABLE}/qemu-aarch64")).expect(0, &[]);
    }
}

#[test]
fn without_flag_f_in_another_root() {
    let sandbox = machine_in_use();
    let program = program(&sandbox);
    let root = format!("{OTHERS}/root");
    sandbox.shell(&format!("mkdir {root}; cp {program} {root}/busybox")).expect(0, &[]);
    other_emulator(&sandbox, "OP");
    runs(&sandbox, &program);
    let here = Found::of(&sandbox, &[&program]);
    assert!(here.is_healthy());
    assert_eq!(here.causes(), ["no-fix-binary"]);
    sandbox.shell(&format!("! chroot {root} /busybox true")).expect(0, &[]);
    finds_and_cures(&sandbox, &["--root", &root, "/busybox"], "no-fix-binary");
    sandbox.shell(&format!("chroot {root} /busybox true")).expect(0, &[]);
}

#[test]
fn an_entry_holds_a_file_that_was_replaced() {
    let sandbox = machine_in_use();
    let program = program(&sandbox);
    let emulator = other_emulator(&sandbox, "POF");
    assert!(Found::of(&sandbox, &[&program]).is_healthy());
    let newer = real::provided("QUS_TEST_NEIGHBOURS").join("debian-sid/usr/bin/qemu-aarch64");
    sandbox.shell(&format!("cp {} {emulator}.new; mv {emulator}.new {emulator}", newer.display())).expect(0, &[]);
    let found = Found::of(&sandbox, &[&program]);
    assert!(found.first()["what"].as_str().unwrap().contains("still runs QEMU 10.0"), "{:#}", found.0);
    finds_and_cures(&sandbox, &[&program], "emulator-replaced");
    runs(&sandbox, &program);
}

#[test]
fn an_entry_holds_a_file_that_was_deleted() {
    let sandbox = machine_in_use();
    let program = program(&sandbox);
    let emulator = other_emulator(&sandbox, "POF");
    sandbox.shell(&format!("rm {emulator}")).expect(0, &[]);
    finds_and_cures(&sandbox, &[&program], "emulator-replaced");
    runs(&sandbox, &program);
}

#[test]
fn an_emulator_of_qus_was_copied_over_itself() {
    let sandbox = machine_in_use();
    let program = real::program("s390x").display().to_string();
    let copied = "file=$(readlink -f /usr/local/lib/qus/bin/*/qemu-s390x-static); cp $file /tmp/copy; \
                  cp --remove-destination /tmp/copy $file";
    sandbox.shell(copied).expect(0, &[]);
    finds_and_cures(&sandbox, &[&program], "emulator-replaced");
    sandbox.shell(&format!("{program} uname -m")).expect(0, &["s390x"]);
}

#[test]
fn an_emulator_of_qus_was_deleted() {
    let sandbox = machine_in_use();
    let program = real::program("s390x").display().to_string();
    sandbox.shell("rm /usr/local/lib/qus/bin/*/qemu-s390x-static").expect(0, &[]);
    finds_and_cures(&sandbox, &[&program], "emulator-replaced");
    sandbox.shell(&format!("{program} uname -m")).expect(0, &["s390x"]);
}

#[test]
fn an_emulator_that_does_not_work() {
    let sandbox = machine_in_use();
    let program = program(&sandbox);
    // Somebody mixed up two of them.
    let from = real::provided("QUS_TEST_NEIGHBOURS").join("debian-13/usr/bin/qemu-riscv64");
    let emulator = format!("{OTHERS}/qemu-aarch64");
    sandbox.shell(&format!("cp {} {emulator}", from.display())).expect(0, &[]);
    register(&sandbox, "qemu-aarch64", &emulator, "POF");
    finds_and_cures(&sandbox, &[&program], "emulator-fails");
    runs(&sandbox, &program);
}

/// As in a service with `MemoryDenyWriteExecute=yes`.
#[test]
fn what_emulators_do_may_be_forbidden() {
    let sandbox = machine_in_use();
    let program = program(&sandbox);
    sandbox.qus(&["install", "aarch64"]).expect(0, &[]);
    // PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN (Linux >= 6.3).
    let denying = "import ctypes, os, sys\nassert ctypes.CDLL(None).prctl(65, 1, 0, 0, 0) == 0\nos.execv(sys.argv[1], sys.argv[1:])";
    let denied = |words: &[&str]| sandbox.run("python3", &[&["-c", denying], words].concat());
    denied(&[&program, "true"]).expect(1, &["mprotect failed: Permission denied"]);
    let said = denied(&[env!("CARGO_BIN_EXE_qus"), "doctor", &program]).expect(10, &["cause[write-execute-denied]"]);
    assert!(!said.stdout.contains("type:"), "{said:#?}");
    runs(&sandbox, &program);
}

#[test]
fn an_emulator_that_is_none() {
    let sandbox = machine_in_use();
    let program = program(&sandbox);
    let emulator = format!("{OTHERS}/qemu-aarch64");
    sandbox.shell(&format!("cp /bin/false {emulator}")).expect(0, &[]);
    register(&sandbox, "qemu-aarch64", &emulator, "POF");
    finds_and_cures(&sandbox, &[&program], "emulator-fails");
    runs(&sandbox, &program);
}

#[test]
fn too_few_addresses_for_a_32_bit_program() {
    let sandbox = machine_in_use();
    sandbox.qus(&["install", "arm"]).expect(0, &[]);
    let (qus, program) = (env!("CARGO_BIN_EXE_qus"), real::program("armhf").display().to_string());
    let limited = format!("ulimit -S -v 1000000; {program} true || echo fails; {qus} doctor {program} || echo $?");
    sandbox.shell(&limited).expect(0, &["fails", "cause[address-space]", "type: ulimit -v unlimited", "10"]);
    let cured = format!("ulimit -S -v 1000000; ulimit -v unlimited; {program} true && {qus} doctor {program}");
    sandbox.shell(&cured).expect(0, &["it runs"]);
}

#[test]
fn too_few_addresses_for_the_emulator_itself() {
    let sandbox = machine_in_use();
    let (qus, program) = (env!("CARGO_BIN_EXE_qus"), real::program("s390x").display().to_string());
    let limited = format!("ulimit -S -v 100000; {program} true || echo fails; {qus} doctor {program} || echo $?");
    sandbox.shell(&limited).expect(0, &["fails", "cause[address-space]", "type: ulimit -v unlimited", "10"]);
    let cured = format!("ulimit -S -v 100000; ulimit -v unlimited; {program} true && {qus} doctor {program}");
    sandbox.shell(&cured).expect(0, &["it runs"]);
}

#[test]
fn an_emulator_that_the_kernel_refuses() {
    let sandbox = machine_in_use();
    let program = program(&sandbox);
    let emulator = other_emulator(&sandbox, "OP");
    // A file that is being written to is not executed.
    let qus = env!("CARGO_BIN_EXE_qus");
    let said = sandbox.shell(&format!("exec 9>> {emulator}; {qus} doctor {program} || echo $?"));
    said.expect(0, &["cause[emulator-refused]", "Text file busy", "10"]);
    assert!(Found::of(&sandbox, &[&program]).is_healthy());
    assert_eq!(finds(&sandbox, &["/nothing"], "no-such-file"), None);
}
