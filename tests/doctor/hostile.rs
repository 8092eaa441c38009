//! Programs and callers that mean no good, or are odd: nothing of what is examined runs, and nothing waits.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Stdio;

use nix::sys::signal::{SigSet, SigmaskHow, sigprocmask};
use qus::diagnosis::Attempt;
use qus::qemu::QemuVersion;
use qus::system::attempt::attempt;
use tempfile::TempDir;

use super::{Found, OTHERS, finds, finds_and_cures, machine_in_use, program, register};
use crate::support::real;

const QUS: &str = env!("CARGO_BIN_EXE_qus");

#[test]
fn whatever_signals_a_caller_holds_back_what_is_examined_does_not_run() {
    let sandbox = machine_in_use();
    let trap = format!("{OTHERS}/trap");
    let sprung = || sandbox.shell(&format!("rmdir {OTHERS}/it-ran && echo sprung || true")).stdout == "sprung\n";
    // A shell runs what it reads, and it reads what doctor does.
    sandbox
        .shell(&format!("mkdir {OTHERS}; cp /bin/sh {trap}; echo mkdir {OTHERS}/it-ran > {OTHERS}/orders"))
        .expect(0, &[]);
    sandbox.shell(&format!("{trap} < {OTHERS}/orders")).expect(0, &[]);
    assert!(sprung());
    let mut command = sandbox.command("sh", &["-c", &format!("exec {QUS} doctor {trap} < {OTHERS}/orders")]);
    let hold_all_back = || Ok(sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::all()), None)?);
    // SAFETY: it makes one system call.
    unsafe { command.pre_exec(hold_all_back) };
    let said = command.output().unwrap();
    assert!(said.status.success(), "{said:?}");
    assert_eq!(String::from_utf8(said.stdout).unwrap().lines().last(), Some("this machine runs it by itself"));
    assert!(!sprung());
}

#[test]
fn a_caller_may_ignore_how_its_children_end() {
    let sandbox = machine_in_use();
    let program = program(&sandbox);
    sandbox.shell(&format!("trap '' CHLD; {QUS} doctor {program} || echo $?")).expect(0, &["cause[no-entry]", "10"]);
    sandbox.qus(&["install", "aarch64"]).expect(0, &[]);
    sandbox.shell(&format!("trap '' CHLD; {QUS} doctor {program}")).expect(0, &["QEMU 11.1.3", "ran to its end"]);
}

#[test]
fn only_what_an_entry_names_is_asked_for_its_version() {
    let folder = TempDir::new().unwrap();
    let program = folder.path().join("qemu-program");
    fs::copy(real::provided("QUS_TEST_NEIGHBOURS").join("debian-13/usr/bin/qemu-aarch64"), &program).unwrap();
    let version = |emulator: Option<&Path>| match attempt(None, &program, emulator.map(|path| path.to_str().unwrap())) {
        Attempt::Started(running) => running.version,
        other => panic!("{other:?}"),
    };
    assert_eq!(version(Some(&program)), Some(QemuVersion(10, 0, 13)));
    assert_eq!(version(None), None);
    assert_eq!(version(Some(&folder.path().join("qemu-other"))), None);
}

/// A program of x86-64 that makes the directory `it_ran` if it has other than one argument; with one it waits for ever, so
/// that whoever asks it for its version waits too.
fn slow(it_ran: &str) -> Vec<u8> {
    const ADDRESS: u32 = 0x40_0000;
    const CODE: usize = 64 + 56;
    let mut code = vec![0x48, 0x8b, 0x04, 0x24]; // mov rax, [rsp]
    code.extend([0x48, 0x83, 0xf8, 0x02, 0x75, 0x09]); // cmp rax, 2; jne 1f
    code.extend([0xb8, 34, 0, 0, 0, 0x0f, 0x05, 0xeb, 0xf7]); // 0: pause(); jmp 0b
    code.push(0xbf); // 1: mov edi, path
    let path = ADDRESS + u32::try_from(CODE + code.len() + 27).unwrap() - 4;
    code.extend(path.to_le_bytes());
    code.extend([0xbe, 0xed, 1, 0, 0, 0xb8, 83, 0, 0, 0, 0x0f, 0x05]); // mkdir(path, 0755)
    code.extend([0xb8, 60, 0, 0, 0, 0x0f, 0x05]); // exit
    code.extend(it_ran.bytes().chain([0]));
    let mut elf = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x3e\0\x01\0\0\0".to_vec();
    for word in [u64::from(ADDRESS) + CODE as u64, 64, 0] {
        elf.extend(word.to_le_bytes());
    }
    elf.extend([0, 0, 0, 0, 64, 0, 56, 0, 1, 0, 64, 0, 0, 0, 0, 0]);
    elf.extend([1, 0, 0, 0, 5, 0, 0, 0]);
    let length = (CODE + code.len()) as u64;
    for word in [0, u64::from(ADDRESS), u64::from(ADDRESS), length, length, 0x1000] {
        elf.extend(word.to_le_bytes());
    }
    elf.extend(code);
    elf
}

#[test]
fn nothing_goes_on_when_doctor_is_killed() {
    let sandbox = machine_in_use();
    let program = program(&sandbox);
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("slow"), slow(&format!("{OTHERS}/it-ran"))).unwrap();
    let emulator = format!("{OTHERS}/qemu-slow");
    sandbox.shell(&format!("cp {}/slow {emulator}; chmod 755 {emulator}", folder.path().display())).expect(0, &[]);
    register(&sandbox, "slow", &emulator, "P");
    let it_ran = || sandbox.shell(&format!("rmdir {OTHERS}/it-ran && echo yes || true")).stdout == "yes\n";
    sandbox.shell(&format!("{program} || true")).expect(0, &[]);
    assert!(it_ran());
    let mut doctor = sandbox.command(QUS, &["doctor", &program]).stdout(Stdio::null()).spawn().unwrap();
    // The program, stopped, and the emulator, which is asked for its version.
    let number = doctor.id();
    let children = || -> Vec<String> {
        let listed = fs::read_to_string(format!("/proc/{number}/task/{number}/children")).unwrap_or_default();
        listed.split_whitespace().map(str::to_owned).collect()
    };
    let of = |child: &str, file: &str| fs::read_to_string(format!("/proc/{child}/{file}")).unwrap_or_default();
    let traced = loop {
        let asked = children().iter().any(|child| of(child, "cmdline").contains("--version"));
        let traced = children().into_iter().find(|child| of(child, "cmdline").contains(&emulator));
        if let (true, Some(traced)) = (asked, traced) {
            break traced;
        }
        assert!(doctor.try_wait().unwrap().is_none(), "it ended without asking");
    };
    doctor.kill().unwrap();
    doctor.wait().unwrap();
    // It has ended when its parent has not: it is somebody else's child now, who may take its time.
    while !["", "Z", "X"].contains(&of(&traced, "stat").rsplit(") ").next().unwrap().split(' ').next().unwrap()) {}
    assert!(!it_ran());
}

#[test]
fn what_is_no_file_is_not_waited_for() {
    let sandbox = machine_in_use();
    sandbox.shell(&format!("mkdir {OTHERS}; mkfifo {OTHERS}/pipe; ln -s pipe {OTHERS}/link")).expect(0, &[]);
    for path in ["pipe", "link", "/dev/null", "/dev/tty", "/proc/self/ns/mnt"] {
        let path = if path.starts_with('/') { path.to_owned() } else { format!("{OTHERS}/{path}") };
        let found = Found::of(&sandbox, &[&path]);
        assert!(["not-a-program", "no-such-file", "file-unreadable"].contains(&found.causes()[0]), "{:#}", found.0);
    }
    // It is there, and reading fails.
    finds(&sandbox, &["/proc/self/mem"], "file-unreadable");
}

#[test]
fn cures_are_typed_whatever_a_file_is_called() {
    let sandbox = machine_in_use();
    let file = format!("{OTHERS}/it's \"a\" $(name)\n\u{1b}[31m; `of` lines *~\\");
    sandbox.run("mkdir", &[OTHERS]).expect(0, &[]);
    sandbox.run("cp", &["/bin/true", &file]).expect(0, &[]);
    sandbox.run("chmod", &["644", &file]).expect(0, &[]);
    let said = sandbox.qus(&["--color", "always", "doctor", &file]).expect(10, &["cause[file-not-executable]"]);
    assert!(!said.stdout.contains('\u{1b}'), "{said:#?}");
    finds_and_cures(&sandbox, &[&file], "file-not-executable");
    sandbox.run(&file, &[]).expect(0, &[]);
    // Nor is what a file says of itself believed to be words.
    sandbox
        .shell(&format!("printf '#!/no/\\033[31m\\177such\\n' > {OTHERS}/script; chmod 755 {OTHERS}/script"))
        .expect(0, &[]);
    let script = format!("{OTHERS}/script");
    let said = sandbox.qus(&["--color", "always", "doctor", &script]).expect(10, &["script-interpreter-missing"]);
    assert!(said.stdout.chars().all(|c| c == '\n' || !c.is_control()), "{said:#?}");
}

#[test]
fn a_name_that_is_no_text_is_told_so() {
    let sandbox = machine_in_use();
    sandbox.shell(&format!("mkdir {OTHERS}; cd {OTHERS}; cp /bin/true \"$(printf 'caf\\351')\"")).expect(0, &[]);
    let doctor = |words: &str| sandbox.shell(&format!("cd {OTHERS}; {QUS} doctor {words} || echo $?"));
    doctor("caf*").expect(0, &["has a name that is no text", "ln -s FILE LINK", "1\n"]);
    doctor("--root . caf*").expect(0, &["has a name that is no text", "1\n"]);
    sandbox.shell(&format!("cd {OTHERS}; ln -s caf* link; {QUS} doctor link")).expect(0, &["by itself"]);
}

#[test]
fn what_others_may_do_with_a_file_does_not_count() {
    let sandbox = machine_in_use();
    let file = format!("{OTHERS}/native");
    sandbox.shell(&format!("mkdir {OTHERS}; cp /bin/true {file}")).expect(0, &[]);
    // In a namespace in which nobody has root's rights over this file, which is this user's own.
    let doctor = |mode: &str| {
        sandbox.shell(&format!("chmod {mode} {file}")).expect(0, &[]);
        sandbox.run("unshare", &["-U", QUS, "doctor", "-v", &file])
    };
    doctor("655").expect(10, &["cause[file-not-executable]"]);
    // It runs, though nobody can tell what it is.
    doctor("111").expect(0, &["remark[file-unreadable]", "it runs\n"]);
    sandbox.shell(&format!("printf '#!/bin/sh\\n' > {file}")).expect(0, &[]);
    doctor("111").expect(10, &["cause[file-unreadable]"]);
}

#[test]
fn where_nothing_can_be_written_the_rest_is_examined() {
    let sandbox = machine_in_use();
    let cover = "for place in /tmp /var/tmp /dev/shm /run; do mount -t tmpfs -o ro tmpfs $place; done";
    let qus = format!("{OTHERS}/qus");
    sandbox.shell(&format!("mkdir {OTHERS}; cp {QUS} {qus}")).expect(0, &[]);
    let doctor = |words: &str| sandbox.run("unshare", &["-m", "sh", "-c", &format!("{cover}; {qus} doctor {words}")]);
    let said = doctor("").expect(0, &["s390x        ?      not tried: a probe cannot be laid down"]);
    assert!(said.stderr.is_empty(), "{said:#?}");
    doctor("/bin/sh").expect(0, &["this machine runs it by itself"]);
}

#[test]
fn without_proc_the_machine_is_told_so_too() {
    let sandbox = machine_in_use();
    for words in ["--json", ""] {
        let within = format!("mount -t tmpfs tmpfs /proc; {QUS} doctor {words}");
        sandbox.run("unshare", &["-m", "sh", "-c", &within]).expect(10, &["no-proc", "mount -t proc proc /proc"]);
    }
}
