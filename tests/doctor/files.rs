//! Programs, and what is taken for one.

use qus::program::Program;

use super::{Found, OTHERS, finds, finds_and_cures, machine_in_use, program, runs};
use crate::support::real;

#[test]
fn what_is_no_program_is_told_by_what_it_is() {
    let sandbox = machine_in_use();
    sandbox.shell(&format!("mkdir -p {OTHERS}")).expect(0, &[]);
    for (bytes, what) in [
        ("", "empty"),
        ("hello\\n", "is text without \"#!\""),
        ("MZ\\220\\000\\003\\000", "a program of Windows"),
        ("\\376\\355\\372\\317\\000\\000", "a program of macOS"),
        ("\\037\\213\\010\\000", "packed with gzip"),
        ("\\177ELF\\002\\001", "an ELF file that is cut off"),
        ("\\357\\273\\277#!/bin/sh\\n", "a byte order mark"),
        ("#!\\n", "names no interpreter"),
    ] {
        let file = format!("{OTHERS}/file");
        sandbox.shell(&format!("printf '{bytes}' > {file}; chmod 755 {file}")).expect(0, &[]);
        let found = Found::of(&sandbox, &[&file]);
        assert_eq!(found.first()["cause"], "not-a-program", "{:#}", found.0);
        assert!(found.first()["what"].as_str().unwrap().contains(what), "{what}: {:#}", found.0);
        // Nor does it matter then that it is not executable.
        sandbox.shell(&format!("chmod 644 {file}")).expect(0, &[]);
        finds(&sandbox, &[&file], "not-a-program");
    }
    finds(&sandbox, &["/usr"], "not-a-program");
    finds(&sandbox, &["/no/such/file"], "no-such-file");
}

#[test]
fn scripts_are_as_well_as_what_runs_them() {
    let sandbox = machine_in_use();
    let program = program(&sandbox);
    let script = format!("{OTHERS}/script");
    let write = |text: &str| {
        sandbox.shell(&format!("printf '{text}' > {script}; chmod 755 {script}")).expect(0, &[]);
    };
    write(&format!("#!{program} sh\\nuname -m\\n"));
    let found = Found::of(&sandbox, &[&script]);
    assert_eq!(found.0["executed"], program);
    assert_eq!(found.0["target"], "aarch64");
    finds_and_cures(&sandbox, &[&script], "no-entry");
    assert_eq!(sandbox.shell(&script).stdout, "aarch64\n");

    write("#!/bin/sh\\r\\ntrue\\n");
    finds_and_cures(&sandbox, &[&script], "script-line-end");
    write("#!/usr/bin/env sh\\r\\ntrue\\n");
    finds_and_cures(&sandbox, &[&script], "script-line-end");
    for first_line in ["#!/usr/bin/no-such-interpreter", "#!/usr/bin/env no-such-interpreter"] {
        write(&format!("{first_line}\\ntrue\\n"));
        assert_eq!(finds(&sandbox, &[&script], "script-interpreter-missing"), None);
    }
}

#[test]
fn file_not_executable_and_on_noexec() {
    let sandbox = machine_in_use();
    let original = program(&sandbox);
    sandbox.qus(&["install", "aarch64"]).expect(0, &[]);
    let mount = format!("{OTHERS}/it's a mount");
    let file = format!("{mount}/busybox");
    let quoted = |path: &str| format!("\"{path}\"");
    sandbox
        .shell(&format!(
            "mkdir {0}; mount -t tmpfs -o noexec tmpfs {0}; cp {original} {1}; chmod 644 {1}",
            quoted(&mount),
            quoted(&file)
        ))
        .expect(0, &[]);
    let found = Found::of(&sandbox, &[&file]);
    assert_eq!(found.causes(), ["file-on-noexec", "file-not-executable"]);
    finds_and_cures(&sandbox, &[&file], "file-on-noexec");
    runs(&sandbox, &quoted(&file));
}

#[test]
fn architectures_without_an_emulator() {
    let sandbox = machine_in_use();
    let program = program(&sandbox);
    for (machine, name) in [(r"\062\000", "Itanium"), (r"\261\276", "machine number 48817")] {
        sandbox.shell(&format!("printf '{machine}' | dd of={program} bs=1 seek=18 conv=notrunc 2>&1")).expect(0, &[]);
        let found = Found::of(&sandbox, &[&program]);
        assert_eq!(found.first()["cause"], "unknown-architecture");
        assert!(found.first()["what"].as_str().unwrap().contains(name), "{:#}", found.0);
        assert!(found.0["target"].is_null());
    }
    // An object file is no program of any.
    sandbox.shell(&format!("printf '\\001\\000' | dd of={program} bs=1 seek=16 conv=notrunc 2>&1")).expect(0, &[]);
    finds(&sandbox, &[&program], "not-a-program");
}

#[test]
fn the_machines_own_programs() {
    let sandbox = machine_in_use();
    let file = format!("{OTHERS}/native");
    sandbox.shell(&format!("mkdir -p {OTHERS}; cp /bin/true {file}")).expect(0, &[]);
    let found = Found::of(&sandbox, &[&file]);
    assert!(found.is_healthy() && found.0["native"] == true && found.0["target"] == "x86_64", "{:#}", found.0);
    // Without its program headers the kernel cannot load it.
    sandbox.shell(&format!("truncate -s 64 {file}; ! {file}")).expect(0, &[]);
    assert_eq!(finds(&sandbox, &[&file], "native-refused"), None);
}

#[test]
fn a_program_that_is_laid_out_for_smaller_pages() {
    let sandbox = machine_in_use();
    let file = format!("{OTHERS}/native");
    // Its only segment and its entry, moved by half of this kernel's page, and to where no program may be.
    for (by, cause) in [(0x800_u64, "page-size"), (0x8000_0000_0000_0000, "native-refused")] {
        let mut elf = Program::of("x86_64".parse().unwrap()).elf;
        for field in [24, 80] {
            let address = u64::from_le_bytes(elf[field..field + 8].try_into().unwrap());
            elf[field..field + 8].copy_from_slice(&(address + by).to_le_bytes());
        }
        let bytes = elf.iter().map(|byte| format!("\\{byte:03o}")).collect::<Vec<_>>().concat();
        sandbox.shell(&format!("mkdir -p {OTHERS}; printf '{bytes}' > {file}; chmod 755 {file}")).expect(0, &[]);
        // The kernel finds out when nothing is left to return to.
        sandbox.shell(&format!("{file} || echo $?")).expect(0, &["139"]);
        assert_eq!(finds(&sandbox, &[&file], cause), None);
    }
}

#[test]
fn every_port_of_debian_is_told_by_its_architecture() {
    let sandbox = machine_in_use();
    for (target, debian, _) in real::PORTS {
        let program = real::program(debian).display().to_string();
        let found = Found::of(&sandbox, &[&program]);
        assert_eq!(found.0["target"], target, "{debian}");
    }
}

#[test]
fn a_program_that_is_cut_off() {
    let sandbox = machine_in_use();
    let program = program(&sandbox);
    sandbox.qus(&["install", "aarch64"]).expect(0, &[]);
    sandbox.shell(&format!("truncate -s 500000 {program}; {program} true || echo $?")).expect(0, &["135"]);
    assert_eq!(finds(&sandbox, &[&program], "file-cut-off"), None);
}

#[test]
fn what_may_not_be_read_is_told_so() {
    let sandbox = machine_in_use();
    let program = program(&sandbox);
    sandbox.shell(&format!("chmod 111 {program}")).expect(0, &[]);
    // In a namespace in which nobody has root's rights over this file.
    let words = ["-U", env!("CARGO_BIN_EXE_qus"), "doctor", &program];
    sandbox.run("unshare", &words).expect(10, &["cause[file-unreadable]"]);
}

#[test]
fn without_proc_nothing_can_be_told() {
    let sandbox = machine_in_use();
    let program = program(&sandbox);
    let qus = env!("CARGO_BIN_EXE_qus");
    sandbox.qus(&["install", "aarch64"]).expect(0, &[]);
    // The cure is what stands behind "cure": in the document; typed, it lets everything else be looked at.
    let within = format!(
        "mount -t tmpfs tmpfs /proc
         {qus} doctor --json {program} > /run/found && exit 1
         sed -n 's/.*\"cure\": \"\\(.*\\)\",/\\1/p' /run/found > /run/cure
         sh -e /run/cure
         {qus} doctor {program}"
    );
    sandbox.run("unshare", &["-mpf", "sh", "-c", &within]).expect(0, &["it runs"]);
    sandbox
        .shell("grep -q '\"cause\": \"no-proc\"' /run/found; grep -qx 'mount -t proc proc /proc' /run/cure")
        .expect(0, &[]);
}

#[test]
fn wrong_words_are_told() {
    let sandbox = machine_in_use();
    sandbox
        .qus(&["doctor", "--explain", "no-such-cause"])
        .expect(2, &["there is no cause \"no-such-cause\"", "causes are"]);
    sandbox.qus(&["doctor", "--root", "/no/such/root"]).expect(1, &["\"/no/such/root\""]);
    sandbox.shell("mkdir /run/empty").expect(0, &[]);
    sandbox.qus(&["doctor", "--root", "/run/empty"]).expect(1, &["no program is found in \"/run/empty\""]);
}

#[test]
fn env_finds_what_is_in_this_users_path() {
    let sandbox = machine_in_use();
    let script = format!("{OTHERS}/script");
    sandbox
        .shell(&format!(
            "mkdir -p {OTHERS}/bin; cp /bin/sh {OTHERS}/bin/my-own
             printf '#!/usr/bin/env my-own\\n' > {script}; chmod 755 {script}"
        ))
        .expect(0, &[]);
    finds(&sandbox, &[&script], "script-interpreter-missing");
    let qus = env!("CARGO_BIN_EXE_qus");
    sandbox.shell(&format!("PATH={OTHERS}/bin:$PATH {qus} doctor {script}")).expect(0, &["by itself"]);
}

#[test]
fn with_user_the_same_is_seen() {
    let sandbox = machine_in_use();
    let program = program(&sandbox);
    sandbox.qus(&["install", "aarch64"]).expect(0, &[]);
    for words in [vec!["doctor", &program], vec!["doctor"]] {
        let as_user = sandbox.shell(&format!("HOME=/root {} --user {}", env!("CARGO_BIN_EXE_qus"), words.join(" ")));
        assert_eq!(as_user.expect(0, &[]).stdout, sandbox.qus(&words).stdout);
    }
}

#[test]
fn scripts_of_scripts_are_told_where_the_kernel_gives_up() {
    let sandbox = machine_in_use();
    sandbox
        .shell(&format!(
            "mkdir {OTHERS}; cd {OTHERS}; printf '#!/bin/sh\\n' > 0; printf '#!{OTHERS}/loop\\n' > loop; chmod 755 0 loop
             for n in 1 2 3 4 5 6 7; do printf \"#!{OTHERS}/$((n - 1))\\n\" > $n; chmod 755 $n; done"
        ))
        .expect(0, &[]);
    for script in ["0", "1", "4", "5", "6", "7", "loop"] {
        let script = format!("{OTHERS}/{script}");
        let found = Found::of(&sandbox, &[&script]);
        let runs = sandbox.run(&script, &[]).code == Some(0);
        assert_eq!(found.is_healthy(), runs, "{:#}", found.0);
        if !runs {
            assert!(found.first()["what"].as_str().unwrap().contains("a script of a script"), "{:#}", found.0);
        }
    }
}
