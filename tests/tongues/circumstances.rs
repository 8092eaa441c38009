//! What no table of the book holds: programs that really run, and bad circumstances.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use qus::entry::Entry;
use qus::program::Program;

use super::scripts::Scripts;
use crate::support::machine::Said;
use crate::support::publisher::target;
use crate::support::real::{Emulators, PORTS, program, provided, runs};
use crate::support::sandbox::Sandbox;
use crate::support::table_of_the_book::rows;

/// Types a line, with the tools in reach.
fn typed(machine: &Sandbox, line: &str) -> Said {
    machine.run("sh", &["-c", line])
}

/// Types a line that fails, and fails if it changed anything.
#[track_caller]
fn in_vain(machine: &Sandbox, line: &str, code: i32, words: &[&str]) -> Said {
    let before = (machine.table(), machine.changes());
    let said = typed(machine, line).expect(code, words);
    assert_eq!((machine.table(), machine.changes()), before, "{line}");
    said
}

#[test]
fn foreign_programs_run_in_other_roots_too_with_p_and_only_in_this_one_without() {
    let scripts = Scripts::new();
    let machine = scripts.machine();
    let (busybox, changes) = (program("arm64"), machine.changes());
    let run = format!("{} uname -m", busybox.display());
    let run_elsewhere = format!(
        "empty=$(mktemp -d); cp {} $empty/busybox; chroot $empty /busybox uname -m; code=$?; rm -r $empty; exit $code",
        busybox.display()
    );
    for register in ["register.sh -s -- -p aarch64", "register.sh --reset -p yes", "qemu-binfmt-conf.sh -p yes"] {
        typed(&machine, register).expect(0, &["Setting ", " as binfmt interpreter for aarch64\n"]);
        runs(&machine, &busybox, "aarch64");
        typed(&machine, "register.sh -- -r").expect(0, &[]);
        // Other shells would take it for a script.
        machine.run("bash", &["-c", &run]).expect(126, &["Exec format error"]);
    }
    typed(&machine, "register.sh -s -- aarch64").expect(0, &["warning: without F the emulator is looked for"]);
    typed(&machine, &run).expect(0, &["aarch64"]);
    typed(&machine, &run_elsewhere).expect(127, &["No such file or directory"]);
    // Nothing is left but the entry.
    assert_eq!(machine.changes(), changes);
}

#[test]
fn programs_of_every_port_of_debian_run_by_emulators_in_a_folder_with_a_space() {
    let targets: Vec<&str> = PORTS.iter().map(|(target, ..)| *target).collect();
    let (emulators, machine) = (Emulators::of(&targets), Sandbox::new());
    machine.call_it(&["register.sh"]);
    machine.shell(&emulators.link("/usr/lib/my emulators", "-static")).expect(0, &[]);
    typed(&machine, "QEMU_BIN_DIR='/usr/lib/my emulators' register.sh -s -- -p -i yes").expect(0, &[]);
    for (_, debian, uname) in PORTS {
        runs(&machine, &program(debian), uname);
    }
}

#[test]
fn debians_emulators_are_used_where_they_lie() {
    let scripts = Scripts::new();
    let machine = scripts.machine();
    let folder = provided("QUS_TEST_NEIGHBOURS").join("debian-12/usr/bin");
    let said = typed(&machine, &format!("QEMU_BIN_DIR={} register.sh -s -- -p", folder.display())).expect(0, &[]);
    assert_eq!(said.stdout.matches("\nSetting ").count(), 3, "{said:#?}");
    runs(&machine, &program("arm64"), "aarch64");
    runs(&machine, &program("riscv64"), "riscv64");
}

#[test]
fn paths_are_what_they_are() {
    let scripts = Scripts::new();
    let machine = scripts.machine();
    for name in ["a  b", "50%", "it's", "a \"b\"", "back\\slash\\x41", "$HOME", "*", "ü", "-static", "#,|+"] {
        let folder = format!("/usr/lib/odd/{name}");
        machine.run("mkdir", &["-p", "/usr/lib/odd"]).expect(0, &[]);
        machine.run("ln", &["-sT", "/usr/bin", &folder]).expect(0, &[]);
        let emulator = format!("{folder}/qemu-aarch64-static");
        let mut register = machine.command("register.sh", &["-s", "--", "-p", "aarch64"]);
        let said = Said::by(register.env("QEMU_BIN_DIR", &folder).output().unwrap());
        let said = said.expect(0, &[&format!("Setting {emulator} as binfmt interpreter for aarch64\n")]);
        // What is told first can be typed.
        let echo = said.stdout.lines().next().unwrap().split_once("sh -s -- ").unwrap().1.to_owned();
        let words = machine.run("sh", &["-c", &format!("printf '%s\\n' {echo}")]).stdout;
        assert_eq!(words, format!("--path={folder}\n-p\naarch64\n--suffix\n-static\n"));
        let entry = machine.run("cat", &["/proc/sys/fs/binfmt_misc/qemu-aarch64"]).stdout;
        assert_eq!(Entry::parse("qemu-aarch64", &entry).unwrap().rule.interpreter, emulator);
        runs(&machine, &program("arm64"), "aarch64");

        let conf = ["-Q", &folder, "-F", "-static", "-p", "yes", "-e", "/run/files", "-s", "aarch64"];
        machine.run("qemu-binfmt-conf.sh", &conf).expect(0, &[]);
        typed(&machine, "register.sh -- -r").expect(0, &[]);
        machine.run("/usr/lib/systemd/systemd-binfmt", &["/run/files/qemu-aarch64.conf"]).expect(0, &[]);
        assert_eq!(machine.run("cat", &["/proc/sys/fs/binfmt_misc/qemu-aarch64"]).stdout, entry);
        typed(&machine, "register.sh -- -r").expect(0, &[]);
    }
    in_vain(&machine, "QEMU_BIN_DIR=/usr/a:b register.sh -s -- aarch64", 2, &["holds a colon or a line break"]);
}

#[test]
fn files_make_the_entries_that_the_script_makes() {
    let scripts = Scripts::new();
    let machine = scripts.machine();
    let package = provided("QUS_TEST_NEIGHBOURS").join("binfmt-support");
    machine.shell(&format!("cp -a {}/usr/. /usr/; mkdir /var/lib/binfmts", package.display())).expect(0, &[]);
    for flags in ["", "-p yes", "-p yes -g yes", "-c yes"] {
        let words = format!("-F -static {flags}");
        typed(&machine, &format!("qemu-binfmt-conf.sh {words}")).expect(0, &[]);
        let table = machine.table();
        let loads = [
            ("-s", "/usr/lib/systemd/systemd-binfmt /run/files/*.conf"),
            ("-d", "for file in /run/files/*; do /usr/sbin/update-binfmts --import $file; done"),
        ];
        for (format, load) in loads {
            typed(&machine, "register.sh -- -r; rm -rf /run/files").expect(0, &[]);
            typed(&machine, &format!("qemu-binfmt-conf.sh {words} {format} -e /run/files aarch64 arm hexagon riscv64"))
                .expect(0, &[]);
            machine.shell(load).expect(0, &[]);
            assert_eq!(machine.table(), table, "{words} {format}");
        }
        machine.shell("for file in /run/files/*; do /usr/sbin/update-binfmts --unimport $file; done").expect(0, &[]);
        typed(&machine, "register.sh -- -r").expect(0, &[]);
    }
}

#[test]
fn a_failure_in_the_middle_leaves_nothing_half_done() {
    let scripts = Scripts::new();
    let machine = scripts.machine();
    // Whoever writes to it keeps the kernel from opening it: only the kernel knows.
    let busy = "exec 9>>/usr/bin/qemu-hexagon-static;";
    typed(&machine, "cp -L /usr/bin/qemu-hexagon-static /usr/lib/copy; mv /usr/lib/copy /usr/bin/qemu-hexagon-static")
        .expect(0, &[]);
    typed(&machine, "printf ':qemu-arm:E::arm::/bin/true:' > /proc/sys/fs/binfmt_misc/register").expect(0, &[]);
    typed(&machine, "register.sh -s -- -p riscv64").expect(0, &[]);
    for register in ["register.sh -s -- -p", "register.sh --reset -p yes"] {
        let (table, changes) = (machine.table(), machine.changes());
        typed(&machine, &format!("{busy} {register}")).expect(1, &["Text file busy"]);
        assert_eq!(machine.table(), table);
        assert_eq!(machine.changes(), changes);
    }
    in_vain(&machine, "register.sh -s -- -p aarch64 sparc", 1, &["qemu-sparc-static\" is not there", "QEMU_BIN_DIR"]);
    in_vain(
        &machine,
        "qemu-binfmt-conf.sh -p sparc",
        1,
        &["/usr/local/bin/qemu-sparc\" is not there", "help: --qemu-path"],
    );
    in_vain(
        &machine,
        "QEMU_BIN_DIR=/usr/lib/none register.sh --reset -p yes",
        1,
        &["no emulator is called \"/usr/lib/none/qemu-TARGET-static\"", "help: QEMU_BIN_DIR"],
    );
    // What is there and no emulator of this host is not registered either.
    machine.shell(&format!("cp {} /usr/bin/qemu-sparc-static", program("arm64").display())).expect(0, &[]);
    in_vain(&machine, "register.sh -s -- -p sparc", 1, &["is no program of this host"]);
}

#[test]
fn what_is_cleared_is_said_and_nothing_else_goes() {
    let scripts = Scripts::new();
    let machine = scripts.machine();
    let magic = |number: &str| {
        format!(
            "\\x7fELF\\x02\\x01\\x01{}\\x02\\x00{number}:{}\\xfe\\xff\\xff\\xff",
            "\\x00".repeat(9),
            ["\\xff".repeat(7), "\\x00".to_owned(), "\\xff".repeat(8)].concat()
        )
    };
    let entry = |name: &str, number: &str, program: &str| format!(":{name}:M::{}:{program}:\n", magic(number));
    let theirs = [
        entry("qemu-aarch64", "\\xb7\\x00", "/usr/libexec/qemu-binfmt/aarch64-binfmt-P"),
        entry("qemu-arm", "\\x28\\x00", "/usr/bin/qemu-arm-static"),
        entry("qus-arm", "\\x28\\x00", "/opt/qemu-arm"),
    ];
    let others = [
        entry("FEX-arm", "\\x28\\x00", "/usr/bin/FEXInterpreter"),
        entry("rosetta", "\\xb7\\x00", "/mnt/rosetta/rosetta"),
        entry("qemu-riscv64", "\\xf3\\x00", "/usr/bin/box64"),
        entry("qemu-own", "\\xf3\\x00", "/usr/bin/qemu-riscv64"),
        ":WSLInterop:M::MZ::/init:PF\n".to_owned(),
        ":python3:E::pyc::/usr/bin/python3:\n".to_owned(),
        ":wine:E::exe::/usr/bin/wine:\n".to_owned(),
    ];
    let register = |entry: &String| {
        let line = entry.replace(":/init:PF", ":/init:P");
        machine.shell(&format!("printf '%s' '{line}' > /proc/sys/fs/binfmt_misc/register")).expect(0, &[]);
    };
    others.iter().for_each(register);
    let bystanders = machine.table();
    theirs.iter().for_each(register);
    machine.shell("register.sh -s -- -p hexagon").expect(0, &[]);
    let said = typed(&machine, "register.sh -- -r").expect(0, &[]);
    let notes: Vec<&str> = said.stderr.lines().collect();
    assert_eq!(
        notes,
        [
            "note: qemu-aarch64 runs /usr/libexec/qemu-binfmt/aarch64-binfmt-P of Debian's or Ubuntu's qemu-user until now",
            "note: qemu-arm runs /usr/bin/qemu-arm-static until now",
            "note: qemu-hexagon runs /usr/bin/qemu-hexagon-static until now",
            "note: qus-arm runs /opt/qemu-arm until now",
        ]
    );
    assert_eq!(machine.table(), bystanders);
    in_vain(&machine, "register.sh -- -r", 0, &[]);
}

#[test]
fn what_qus_installed_is_cleared_from_the_kernel_and_comes_back_by_apply() {
    let machine = crate::support::real::machine();
    machine.call_it(&["register.sh"]);
    machine.qus(&["install", "aarch64"]).expect(0, &[]);
    let (table, changes) = (machine.table(), machine.changes());
    typed(&machine, "register.sh -- -r").expect(0, &[]);
    assert!(!machine.table().contains("qemu-aarch64"));
    assert_eq!(machine.changes(), changes);
    machine.qus(&["apply"]).expect(0, &[]);
    assert_eq!(machine.table(), table);
}

#[test]
fn what_the_host_runs_is_found_out_by_trying() {
    let scripts = Scripts::new();
    let machine = scripts.machine();
    let probe = Program::of(target("i386"));
    let path = tempfile::TempDir::new().unwrap();
    std::fs::write(path.path().join("probe"), &probe.elf).unwrap();
    machine.shell(&format!("cp {}/probe /run/probe; chmod +x /run/probe", path.path().display())).expect(0, &[]);
    let runs_it = machine.run("/run/probe", &[]).code == Some(probe.status);
    typed(&machine, "QEMU_BIN_DIR=/usr/lib/x86 register.sh -s -- -p i386 x86_64").expect(0, &[]);
    assert_eq!(machine.table().contains("[qemu-i386]"), !runs_it);
    assert!(!machine.table().contains("[qemu-x86_64]"));
}

#[test]
fn many_at_once_wait_for_each_other() {
    let scripts = Scripts::new();
    let machine = scripts.machine();
    let words = ["aarch64", "arm", "hexagon", "riscv64"].map(|target| ["-s", "--", "-p", target]);
    let started = words.map(|words| {
        machine.command("register.sh", &words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    });
    for one in started {
        Said::by(one.wait_with_output().unwrap()).expect(0, &[]);
    }
    assert_eq!(typed(&machine, "register.sh -l").stdout.lines().count(), 4);
}

#[test]
fn where_the_kernel_is_out_of_reach_nothing_exits_0() {
    let deeds =
        ["register.sh -s -- -p", "register.sh -- -r", "register.sh --reset -p yes", "register.sh -s -- -p -t arm"];
    let scripts = Scripts::new();
    let machine = scripts.machine();
    typed(&machine, "register.sh -s -- arm; mount -o remount,bind,ro /proc/sys/fs/binfmt_misc").expect(0, &[]);
    for deed in deeds {
        in_vain(&machine, deed, 9, &["binfmt_misc is mounted read-only here"]);
    }
    in_vain(&machine, "register.sh -l", 0, &["qemu-arm enabled /usr/bin/qemu-arm-static -\n"]);

    let machine = Sandbox::without_table();
    machine.call_it(&["register.sh", "qemu-binfmt-conf.sh"]);
    machine.shell(&format!("cp {}/debian-12/usr/bin/* /usr/bin/", provided("QUS_TEST_NEIGHBOURS").display()));
    for deed in deeds.iter().chain(&["register.sh -l", "qemu-binfmt-conf.sh -t"]) {
        let before = machine.changes();
        typed(&machine, deed).expect(9, &["binfmt_misc is not mounted"]);
        assert_eq!(machine.changes(), before);
    }
    // Files need no kernel.
    typed(&machine, "qemu-binfmt-conf.sh -s arm -e /run/files").expect(0, &[]);

    let machine = scripts.machine();
    typed(&machine, "echo 0 > /proc/sys/fs/binfmt_misc/status").expect(0, &[]);
    in_vain(&machine, "register.sh -s -- -p", 9, &["binfmt_misc is disabled"]);
}

#[test]
fn help_fits_80_columns_and_names_every_option_of_the_book() {
    let help = |tool: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_qus")).arg0(tool).arg("--help").output().unwrap();
        Said::by(output).expect(0, &[]).stdout
    };
    let conf = help("qemu-binfmt-conf.sh");
    for (tool, help, book) in [
        ("register.sh", help("register.sh") + &conf, include_str!("../../docs/tongues/register.sh.md")),
        ("qemu-binfmt-conf.sh", conf, include_str!("../../docs/tongues/qemu-binfmt-conf.sh.md")),
    ] {
        assert!(help.lines().all(|line| line.chars().count() <= 80), "{help}");
        let scripts: Vec<String> =
            rows(book).iter().filter(|row| row.exit() == 0).flat_map(|row| row.code("typed")).collect();
        for word in scripts.iter().flat_map(|script| script.split([' ', '\'', '"'])) {
            let name = word.split('=').next().unwrap_or(word);
            let is_option =
                name.starts_with("--") && name.len() > 6 && !["--qemu-p", "--qemu-s", "--pers"].contains(&name);
            let is_variable = word.contains('=') && name.chars().all(|c| c.is_ascii_uppercase() || c == '_');
            if (is_option || is_variable)
                && !name.starts_with("ANSI")
                && name != "QEMU_TARGET"
                && !name.starts_with("QUS_")
            {
                assert!(help.contains(name), "{tool} --help does not tell {name}");
            }
        }
    }
}

#[test]
fn an_image_has_no_table() {
    let scripts = Scripts::new();
    let machine = scripts.machine();
    for deed in ["register.sh -s -- -p", "register.sh -- -r", "register.sh -l", "register.sh -- -t"] {
        in_vain(&machine, &format!("QUS_ROOT=/run {deed}"), 2, &["the kernel's table is the running system's"]);
    }
}

/// Runs a script as root of a user namespace in which there are other users too, in `/run`, with qus as `register.sh`
/// there, and three of Debian's emulators.
fn among_users(script: &str) -> Said {
    let prepare = format!(
        "echo ready; read go
         exec setpriv --reuid 0 --regid 0 --clear-groups sh -ec '
             mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc
             mount -t tmpfs -o mode=755 tmpfs /run; mount -t tmpfs tmpfs /var/lib; cd /run
             cp {} register.sh; ln -s register.sh qemu-binfmt-conf.sh; cp {}/debian-12/usr/bin/* .
             export QEMU_BIN_DIR=/run PATH=$PATH:/run
             nobody=\"setpriv --reuid 65534 --regid 65534 --clear-groups\"
             {script}'",
        env!("CARGO_BIN_EXE_qus"),
        provided("QUS_TEST_NEIGHBOURS").display()
    );
    let mut command = Command::new("unshare");
    command.args(["--user", "--mount", "sh", "-c", &prepare]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut ready = String::new();
    stdout.read_line(&mut ready).unwrap();
    for map in ["uid_map", "gid_map"] {
        std::fs::write(format!("/proc/{}/{map}", child.id()), "0 0 65536").unwrap();
    }
    child.stdin.take().unwrap().write_all(b"go\n").unwrap();
    let mut said = String::new();
    std::io::Read::read_to_string(&mut stdout, &mut said).unwrap();
    let output = child.wait_with_output().unwrap();
    Said { stdout: said, ..Said::by(output) }
}

#[test]
fn without_privilege_nothing_exits_0_that_was_not_done() {
    if !nix::unistd::geteuid().is_root() {
        // Other users cannot be made, but the tester is one.
        let output = Command::new(env!("CARGO_BIN_EXE_qus")).arg0("register.sh").args(["-s", "--", "arm"]).output();
        Said::by(output.unwrap()).expect(9, &["run the command as root"]);
        return;
    }
    let said = among_users(
        "register.sh -s -- -p arm
         for deed in \"-s -- -p\" \"-- -r\" \"--reset -p yes\" \"-s -- -p -t\" \"-- -r -t\" \"-- -s -e /run/files\"; do
             code=0; $nobody register.sh $deed >/dev/null || code=$?
             echo \"$deed: $code\"
         done
         $nobody register.sh -l; ls -d /run/files || :",
    )
    .expect(0, &["error: binfmt_misc is mounted, but this user may not register", "help: run the command as root"]);
    let lines: Vec<&str> = said.stdout.lines().skip(2).collect();
    assert_eq!(
        lines,
        [
            "-s -- -p: 9",
            "-- -r: 9",
            "--reset -p yes: 9",
            "-s -- -p -t: 9",
            "-- -r -t: 9",
            "-- -s -e /run/files: 9",
            "qemu-arm enabled /run/qemu-arm-static F",
        ]
    );
}
