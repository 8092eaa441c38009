//! Causes that these machines cannot be made to have: what would be found out there is written down, and the diagnosis
//! is made of that.

use qus::advisory::Advisory;
use qus::diagnosis::{
    Around, At, Attempt, Cause, Diagnosis, EmulatorFile, Examined, Identity, Missing, Mode, Refusal, Running, There,
    Weight, program,
};
use qus::dropin::packaged;
use qus::entry::Entry;
use qus::host::Host;
use qus::layout::Layout;
use qus::linkage::Linkage;
use qus::observed::{Access, Binfmt, FileState, Observed, Packaged, Unreachable};
use qus::package::Manager;
use qus::place::Keeper;
use qus::program::Program;
use qus::proof::Outcome;
use qus::qemu::QemuVersion;
use qus::rule::{Flags, KernelVersion, Rule};
use qus::target::Target;

use crate::planning::{bare, installed, table_with};
use crate::support::publisher::{target, version};

/// An arm64 program that the kernel treats so.
fn arm64(attempt: Attempt) -> Examined {
    Examined {
        path: "/usr/bin/program".to_owned(),
        root: None,
        there: There::File(Mode { executable: true, ..Mode::default() }),
        head: Program::of(target("aarch64")).elf,
        script: None,
        linkage: None,
        missing: Missing::default(),
        loaded: Vec::new(),
        attempt,
        proof: Some(Outcome::NotRegistered),
        proof_elsewhere: None,
    }
}

fn refused(refusal: Refusal) -> Examined {
    arm64(Attempt::Refused(refusal))
}

/// One that runs, by the installed emulator.
fn running() -> Examined {
    let path = Layout::system().emulator(target("aarch64"), &version("11.1.3-1")).to_string();
    let running = Running { path, deleted: false, identity: Some(FILE), version: Some(QemuVersion(11, 1, 3)) };
    Examined { proof: Some(Outcome::Ready), ..arm64(Attempt::Started(running)) }
}

/// The same, by another version.
fn running_version(version: QemuVersion) -> Examined {
    let mut examined = running();
    let Attempt::Started(running) = &mut examined.attempt else { unreachable!() };
    running.version = Some(version);
    examined
}

const FILE: Identity = Identity { device: 1, inode: 1 };

/// The file of the installed emulator, as it should be.
fn emulator() -> EmulatorFile {
    EmulatorFile {
        exists: true,
        mode: Mode { executable: true, ..Mode::default() },
        identity: Some(FILE),
        host: Some(Host::Amd64),
        kernel: Some(KernelVersion(3, 2)),
        ..EmulatorFile::default()
    }
}

fn around(file: EmulatorFile) -> Around {
    let path = Layout::system().emulator(target("aarch64"), &version("11.1.3-1")).to_string();
    Around { emulators: [(path, file)].into(), advisories: qus::advisory::known().to_vec(), ..Around::default() }
}

/// The causes that matter, most first.
fn causes(found: &Diagnosis) -> Vec<&'static str> {
    found.findings.iter().filter(|finding| finding.weight != Weight::Remark).map(|finding| finding.cause.id()).collect()
}

fn of(examined: &Examined, observed: &Observed, around: &Around) -> Vec<&'static str> {
    causes(&program(examined, observed, around))
}

/// The installed machine's only entry, changed.
fn with_entry(change: impl FnOnce(&mut Entry)) -> Observed {
    let mut observed = installed(None);
    let Binfmt::Mounted(table) = &mut observed.binfmt else { unreachable!() };
    change(&mut table.entries[0]);
    observed
}

fn flags(letters: &str) -> Flags {
    Flags::try_from(letters.to_owned()).unwrap()
}

#[test]
fn a_machine_as_it_should_be_has_no_cause() {
    assert!(of(&running(), &installed(None), &around(emulator())).is_empty());
}

#[test]
fn a_table_that_is_not_to_be_had() {
    let unreachable = |why| Observed { binfmt: Binfmt::Unreachable(why), ..bare() };
    let examined = refused(Refusal::NoFormat);
    let cases = [
        (Unreachable::NotInKernel, "module-missing", "modprobe binfmt_misc"),
        (Unreachable::NotLoaded, "module-missing", "modprobe binfmt_misc"),
        (Unreachable::Wsl1, "wsl-1", "wsl --set-version DISTRIBUTION 2"),
        (Unreachable::NoProc, "no-proc", "mount -t proc proc /proc"),
        (Unreachable::NoPrivilege, "not-mounted", "qus install aarch64"),
        // There the machine's table is not in sight, and the kernel has asked it all the same.
        (Unreachable::Private, "no-entry", "qus install aarch64"),
        (Unreachable::NotHandedIn, "no-entry", "qus install aarch64"),
        (Unreachable::PrivateContainer, "no-entry", "qus install aarch64"),
        (Unreachable::OtherUserNamespace, "no-entry", "qus install --user aarch64"),
    ];
    for (why, cause, cure) in cases {
        let found = program(&examined, &unreachable(why), &Around::default());
        assert_eq!(causes(&found), [cause], "{why:?}");
        assert_eq!(found.findings[0].cause.cure().as_deref(), Some(cure), "{why:?}");
    }
    // Where it can be mounted, that is done by the way.
    let mountable = |observed: Observed| Observed { binfmt: Binfmt::Mountable, ..observed };
    let cure = |observed: Observed| {
        let found = program(&examined, &mountable(observed), &Around::default());
        assert_eq!(causes(&found), ["not-mounted"]);
        found.findings[0].cause.cure().unwrap()
    };
    assert_eq!(cure(bare()), "qus install aarch64");
    assert_eq!(cure(installed(None)), "qus apply aarch64");
}

#[test]
fn what_cannot_be_typed_here_is_said_to_be_typed_elsewhere() {
    let mut observed = bare();
    let Binfmt::Mounted(table) = &mut observed.binfmt else { unreachable!() };
    table.access = Access::Denied;
    let found = |observed: &Observed| program(&refused(Refusal::NoFormat), observed, &Around::default());
    assert_eq!(found(&observed).at, At::Root);
    observed.place.container = Some("docker".to_owned());
    assert_eq!(found(&observed).at, At::Host);
    assert_eq!(found(&bare()).at, At::Here);
}

#[test]
fn a_container_with_users_of_its_own_needs_what_its_host_registers() {
    let mut observed = bare();
    observed.binfmt = Binfmt::Unreachable(Unreachable::OtherUserNamespace);
    let found = |observed: &Observed| {
        let found = program(&refused(Refusal::NoFormat), observed, &Around::default());
        let cause = &found.findings[0].cause;
        (found.at, cause.id(), cause.cure().unwrap())
    };
    assert_eq!(found(&observed), (At::Here, "no-entry", "qus install --user aarch64".to_owned()));
    observed.place.container = Some("systemd-nspawn".to_owned());
    assert_eq!(found(&observed), (At::Host, "no-entry", "qus install aarch64".to_owned()));
}

#[test]
fn an_empty_table_is_a_cause_of_its_own_only_where_it_hides_another() {
    let mut observed = bare();
    assert_eq!(of(&refused(Refusal::NoFormat), &observed, &Around::default()), ["no-entry"]);
    let Binfmt::Mounted(table) = &mut observed.binfmt else { unreachable!() };
    table.keeper = Keeper::UserNamespace;
    assert_eq!(of(&refused(Refusal::NoFormat), &observed, &Around::default()), ["table-hidden", "no-entry"]);
}

#[test]
fn what_this_user_has_at_home_is_run_from_there() {
    let around = Around { at_home: [target("aarch64")].into(), ..Around::default() };
    let found = program(&refused(Refusal::NoFormat), &bare(), &around);
    assert_eq!(found.findings[0].cause.cure().unwrap(), "qus run aarch64 -- /usr/bin/program");
}

#[test]
fn in_a_container_an_emulator_is_looked_for_in_the_container() {
    let mut observed = with_entry(|entry| entry.rule.flags = flags("PO"));
    observed.place.container = Some("podman".to_owned());
    assert_eq!(of(&refused(Refusal::NotFound), &observed, &Around::default()), ["no-fix-binary"]);
    let dynamic = EmulatorFile { loader: Some("/lib64/ld-linux-x86-64.so.2".to_owned()), ..emulator() };
    let mut fixed = installed(None);
    fixed.place.chroot = true;
    assert_eq!(of(&refused(Refusal::NotFound), &fixed, &around(dynamic)), ["emulator-dynamic"]);
}

#[test]
fn another_file_at_the_path_means_nothing_in_a_container() {
    let other = EmulatorFile { identity: Some(Identity { device: 1, inode: 2 }), ..emulator() };
    let mut observed = installed(None);
    assert_eq!(of(&running(), &observed, &around(other.clone())), ["emulator-replaced"]);
    observed.place.container = Some("docker".to_owned());
    assert!(of(&running(), &observed, &around(other)).is_empty());
}

#[test]
fn an_older_version_that_the_kernel_still_runs() {
    let mut observed = installed(None);
    let newer = Layout::system().emulator(target("aarch64"), &version("11.2.0-1"));
    observed.receipt.targets.get_mut(&target("aarch64")).unwrap().path = newer;
    let found = program(&running(), &observed, &around(emulator()));
    assert_eq!(causes(&found), ["emulator-replaced"]);
    assert_eq!(found.findings[0].cause.cure().unwrap(), "qus apply aarch64");
}

/// On Linux 6.12.107 of Debian 13 for arm64 with pages of 16 KiB, where each of these was seen.
#[test]
fn pages_larger_than_a_program_is_laid_out_for() {
    let mut around = around(emulator());
    around.settings.page = 16384;
    let native = |attempt| Examined { head: Program::of(target("x86_64")).elf, ..arm64(attempt) };
    let ended = || native(Attempt::Refused(Refusal::Ended(11)));
    let started = || native(Attempt::Started(Running::default()));
    let laid_out = |examined, page, apart| {
        let linkage = Linkage { page, apart, ..Linkage::default() };
        Examined { linkage: Some(linkage), ..examined }
    };
    let found = |examined: &Examined| {
        let found = program(examined, &bare(), &around);
        found.findings.iter().map(|finding| (finding.weight, finding.cause.to_string())).collect::<Vec<_>>()
    };
    let of = |path: &str| format!("\"{path}\" is laid out for pages of 4096 bytes, and this kernel's have 16384");
    // execve does not return: SIGSEGV before the first instruction.
    let program_itself = of("/usr/bin/program");
    assert_eq!(found(&laid_out(ended(), 4096, 8192)), [(Weight::Stops, program_itself.clone())]);
    let cure = |name: &str| {
        let examined = Examined { head: Program::of(target(name)).elf, ..laid_out(ended(), 4096, 8192) };
        let native = [target("x86_64"), target("i386")].into();
        let own_heads = vec![Program::of(target("x86_64")).elf];
        let found = program(&examined, &Observed { native, own_heads, ..bare() }, &around);
        assert_eq!(causes(&found), ["page-size"]);
        found.findings[0].cause.cure()
    };
    // QEMU runs what the machine could run by itself, had its kernel smaller pages; but not what it is itself.
    assert_eq!(cure("i386").as_deref(), Some("qus install --emulate-native i386"));
    assert_eq!(cure("x86_64"), None);
    // It starts, and ends by SIGSEGV in the last page of its code: at once, or only when that is called.
    assert_eq!(found(&laid_out(started(), 0x40_0000, 4096)), [(Weight::Harms, program_itself)]);
    // All of them say p_align 4096, and run: what they ask for is looked at, not what they say.
    assert!(found(&laid_out(started(), 0x40_0000, u64::MAX)).is_empty());
    assert!(found(&laid_out(started(), u64::MAX, 0x8000)).is_empty());
    // "error while loading shared libraries: libl.so: ELF load command address/offset not page-aligned", of glibc 2.36.
    let library = Linkage { page: 4096, ..Linkage::default() };
    let loads = Examined { loaded: vec![("/lib/libl.so".to_owned(), library)], ..started() };
    assert_eq!(found(&loads), [(Weight::Stops, of("/lib/libl.so"))]);
    // What the kernel cannot load for another reason.
    let [(Weight::Stops, refused)] = &found(&ended())[..] else { panic!() };
    assert!(refused.ends_with("refuses it: it cannot load it, and ends the process by signal 11"), "{refused}");
}

#[test]
fn an_emulator_that_the_kernel_cannot_load() {
    let examined = |proof| Examined { proof, ..refused(Refusal::Ended(11)) };
    let noexec = EmulatorFile { mode: Mode { noexec: Some("/mnt".to_owned()), ..Mode::default() }, ..emulator() };
    let crashed = Some(Outcome::Crash { signal: 11, said: String::new() });
    let found = of(&examined(crashed), &installed(None), &around(noexec));
    assert_eq!(found, ["emulator-on-noexec", "emulator-fails"]);
    assert_eq!(of(&examined(None), &installed(None), &around(emulator())), ["emulator-refused"]);
}

/// Debian 13's QEMU 10.0.13 and Debian 12's 7.2.22 ran busybox of amd64, i386, riscv64 and (12's) armhf, and bash and
/// perl of amd64 with their libraries, on pages of 16 KiB: all of them are laid out for 4 KiB.
#[test]
fn an_emulated_programs_pages_need_not_be_the_kernels() {
    for version in [QemuVersion(7, 2, 22), QemuVersion(10, 0, 13)] {
        let mut around = around(emulator());
        around.settings.page = 16384;
        let linkage = Linkage { page: 4096, apart: 4096, ..Linkage::default() };
        let examined = Examined {
            loaded: vec![("/lib/libc.so.6".to_owned(), linkage.clone())],
            linkage: Some(linkage),
            ..running_version(version)
        };
        let found = program(&examined, &installed(None), &around);
        assert!(!found.findings.iter().any(|finding| finding.cause.id() == "page-size"), "{found:?}");
    }
}

#[test]
fn settings_of_the_kernel_are_told_only_where_something_fails() {
    let mut around = around(emulator());
    around.settings.mmap_min_addr = Some(1 << 32);
    around.settings.mmap_rnd_bits = Some(32);
    assert!(of(&running(), &installed(None), &around).is_empty());
    // QEMU 11.1.3, where the lowest address was so high.
    let said =
        "qemu-aarch64: /probe: Unable to find a guest_base to satisfy all guest address mapping requirements\n  \
                00010000-0001008f"
            .to_owned();
    let failing = |outcome| Examined { proof: Some(outcome), ..running() };
    let examined = failing(Outcome::WrongAnswer { status: 1, said });
    assert_eq!(of(&examined, &installed(None), &around), ["mmap-min-addr"]);
    // An emulator of before 9.2.2, where addresses are chosen as freely as in Ubuntu 24.04.
    let crashed = Outcome::Crash { signal: 11, said: String::new() };
    let old = Examined { proof: Some(crashed), ..running_version(QemuVersion(8, 2, 2)) };
    assert_eq!(of(&old, &installed(None), &around), ["mmap-rnd-bits", "emulator-fails"]);
    let remarks = program(&running_version(QemuVersion(8, 2, 2)), &installed(None), &around);
    assert!(remarks.is_healthy());
    assert_eq!(remarks.findings[0].cause.id(), "mmap-rnd-bits");
}

#[test]
fn a_kernel_older_than_the_emulator_asks_for() {
    let fails = Examined {
        proof: Some(Outcome::WrongAnswer { status: 127, said: "FATAL: kernel too old".to_owned() }),
        ..running()
    };
    assert_eq!(of(&fails, &installed(None), &around(emulator())), ["host-too-old", "emulator-fails"]);
    let observed = Observed { kernel: KernelVersion(2, 6), ..with_entry(|entry| entry.rule.flags = flags("OF")) };
    let crash = Examined { proof: Some(Outcome::Crash { signal: 11, said: String::new() }), ..running() };
    let found = program(&crash, &observed, &around(emulator()));
    assert_eq!(causes(&found), ["host-too-old", "emulator-fails"]);
    assert!(found.findings[0].cause.to_string().ends_with("needs Linux 3.2, and this is Linux 2.6"));
}

#[test]
fn a_processor_older_than_the_emulator_asks_for() {
    let crash = Examined { proof: Some(Outcome::Crash { signal: 4, said: String::new() }), ..running() };
    let mut around = around(EmulatorFile { level: Some(3), ..emulator() });
    around.settings.level = Some(2);
    let found = program(&crash, &installed(None), &around);
    assert_eq!(causes(&found), ["host-too-old", "emulator-fails"]);
    let said = found.findings[0].cause.to_string();
    assert!(said.ends_with("needs a processor of x86-64-v3, and this is x86-64-v2"), "{said}");
    around.settings.level = Some(4);
    assert_eq!(of(&crash, &installed(None), &around), ["emulator-fails"]);
}

#[test]
fn flag_p_before_linux_5_12() {
    let observed = Observed { kernel: KernelVersion(5, 4), ..installed(None) };
    let found = program(&running(), &observed, &around(emulator()));
    assert_eq!(causes(&found), ["argv0-shifted"]);
    assert_eq!(found.findings[0].cause.cure().unwrap(), "qus install --flags OF aarch64");
    // Without it all is well there, as far as it can be.
    let without = Observed { kernel: KernelVersion(5, 4), ..with_entry(|entry| entry.rule.flags = flags("OF")) };
    assert!(of(&running(), &without, &around(emulator())).is_empty());
}

#[test]
fn every_advisory_is_told_for_its_versions_targets_and_hosts() {
    for advisory in qus::advisory::known() {
        let target = advisory.targets[0];
        let told = |version| advisory_of(target, version, advisory.hosts.first().copied().unwrap_or(Host::Riscv64));
        assert!(told(advisory.to).contains(&&advisory.what), "{advisory:?}");
        assert!(told(advisory.from).contains(&&advisory.what), "{advisory:?}");
        let QemuVersion(major, minor, micro) = advisory.to;
        assert!(!told(QemuVersion(major, minor, micro + 1)).contains(&&advisory.what), "{advisory:?}");
        assert!(advisory.source.starts_with("https://"));
    }
    // On other hosts, and for other targets, nothing is known against it.
    assert!(advisory_of(target("x86_64"), QemuVersion(7, 2, 0), Host::Arm64v8).is_empty());
    assert!(advisory_of(target("s390x"), QemuVersion(10, 1, 3), Host::Amd64).is_empty());
}

fn advisory_of(target: Target, version: QemuVersion, host: Host) -> Vec<&'static String> {
    let meets = |advisory: &&Advisory| advisory.meets(version, target, host, KernelVersion(6, 12));
    qus::advisory::known().iter().filter(meets).map(|advisory| &advisory.what).collect()
}

#[test]
fn a_version_with_a_known_fault() {
    let found = program(&running_version(QemuVersion(10, 1, 3)), &installed(None), &around(emulator()));
    assert_eq!(causes(&found), ["advisory"]);
    let said = found.findings[0].cause.to_string();
    assert!(said.contains("QEMU 10.1.3") && said.contains("tonistiigi/binfmt/issues/298"), "{said}");
    assert_eq!(found.findings[0].cause.cure().unwrap(), "qus update aarch64");
}

#[test]
fn a_qus_that_is_emulated_says_so() {
    let mut observed = installed(None);
    observed.own_heads = vec![Program::of(target("aarch64")).elf];
    let found = program(&running(), &observed, &around(emulator()));
    assert!(found.is_healthy());
    assert!(found.findings.iter().any(|finding| matches!(finding.cause, Cause::QusEmulated { .. })), "{found:#?}");
}

#[test]
fn where_nothing_can_be_tried_what_is_seen_decides() {
    let untried = || arm64(Attempt::NotTried("Operation not permitted".to_owned()));
    assert!(of(&untried(), &installed(None), &around(emulator())).is_empty());
    let gone = EmulatorFile::default();
    let observed = with_entry(|entry| entry.rule.flags = flags("PO"));
    assert_eq!(of(&untried(), &observed, &around(gone)), ["emulator-missing"]);
    let crashed = Outcome::Crash { signal: 11, said: String::new() };
    let crashed = Examined { proof: Some(crashed), ..untried() };
    assert_eq!(of(&crashed, &installed(None), &around(emulator())), ["emulator-fails"]);
    let disabled = with_entry(|entry| entry.enabled = false);
    assert_eq!(of(&untried(), &disabled, &around(emulator())), ["entry-disabled"]);
}

#[test]
fn few_addresses_are_told_before_the_emulator_and_whose_it_is() {
    let failed = Outcome::WrongAnswer { status: 1, said: "qemu-aarch64: cannot allocate".to_owned() };
    let examined = Examined { proof: Some(failed), ..running() };
    let mut limited = around(emulator());
    limited.settings.address_space = Some(100_000_000);
    // A 64-bit program's emulator reserves none, and needs some all the same.
    assert_eq!(of(&examined, &installed(None), &limited), ["address-space"]);
    assert!(of(&running(), &installed(None), &limited).is_empty());
    // Another's emulator would fail for the same reason.
    let other = with_entry(|entry| entry.rule.interpreter = "/usr/bin/other".to_owned());
    assert_eq!(of(&examined, &other, &limited), ["address-space"]);
    assert_eq!(of(&examined, &other, &around(emulator())), ["neighbour-fails", "emulator-fails"]);
}

#[test]
fn a_dynamic_emulator_without_flag_f_is_not_even_found_elsewhere() {
    let dynamic = EmulatorFile { loader: Some("/lib64/ld-linux-x86-64.so.2".to_owned()), ..emulator() };
    let observed = with_entry(|entry| entry.rule.flags = flags("P"));
    let examined = Examined { root: Some("\"/container\"".to_owned()), ..refused(Refusal::NotFound) };
    assert_eq!(of(&examined, &observed, &around(dynamic)), ["no-fix-binary"]);
}

#[test]
fn what_this_user_may_not_look_at_is_not_said_to_be_gone() {
    let observed = with_entry(|entry| entry.rule.flags = flags("PO"));
    let hidden = EmulatorFile { hidden: true, ..EmulatorFile::default() };
    assert_eq!(of(&refused(Refusal::Denied), &observed, &around(hidden)), ["emulator-refused"]);
    let unreadable = EmulatorFile { hidden: true, host: None, ..emulator() };
    assert_eq!(of(&refused(Refusal::NoFormat), &observed, &around(unreadable)), ["emulator-refused"]);
}

#[test]
fn a_usual_machine_of_fedora_is_healthy() {
    // Its entries have flag F alone.
    let observed = with_entry(|entry| entry.rule.flags = flags("F"));
    let shell = |path: &str| Examined { path: path.to_owned(), ..running() };
    for path in ["/bin/sh", "/usr/bin/bash", "/usr/bin/program"] {
        assert!(of(&shell(path), &observed, &around(emulator())).is_empty(), "{path}");
    }
    assert_eq!(of(&shell("/bin/busybox"), &observed, &around(emulator())), ["argv0-lost"]);
}

#[test]
fn entries_bear_any_name() {
    let observed = with_entry(|entry| {
        entry.rule = entry.rule.named("it's $(mine)".to_owned().try_into().unwrap());
        entry.rule.interpreter = "/usr/bin/other".to_owned();
        entry.enabled = false;
    });
    let found = program(&refused(Refusal::NoFormat), &observed, &Around::default());
    assert_eq!(causes(&found), ["entry-disabled"]);
    let cure = found.findings[0].cause.cure().unwrap();
    assert_eq!(cure, r"echo 1 > '/proc/sys/fs/binfmt_misc/it'\''s $(mine)'");
}

#[test]
fn a_script_is_not_started_for_an_entry_with_flag_o() {
    let script = EmulatorFile { script: true, host: None, ..emulator() };
    let found = program(&refused(Refusal::NoFormat), &installed(None), &around(script));
    assert_eq!(found.findings[0].cause.id(), "emulator-refused");
    assert!(found.findings[0].cause.to_string().ends_with("is not started for an entry with flag O (ENOEXEC)"));
}

#[test]
fn what_the_kernel_starts_is_of_no_unknown_architecture() {
    // As programs of x32, where the kernel runs them.
    let mut head = Program::of(target("x86_64")).elf;
    head[4] = 1;
    let examined = Examined { head: head.clone(), proof: None, ..running() };
    let found = program(&examined, &bare(), &Around::default());
    assert!(found.is_healthy() && found.native, "{found:#?}");
    let examined = Examined { head, ..refused(Refusal::NoFormat) };
    assert_eq!(of(&examined, &bare(), &Around::default()), ["unknown-architecture"]);
}

#[test]
fn of_a_packages_emulator_the_cure_is_its_managers_or_to_register_it_again() {
    let rule = packaged::rule(target("aarch64"));
    let around =
        |file: EmulatorFile| Around { emulators: [(rule.interpreter.clone(), file)].into(), ..around(emulator()) };
    let observed = |manager: Manager, letters: &str| Observed {
        binfmt: table_with(&[Rule { flags: flags(letters), ..rule.clone() }]),
        packaged: Packaged { manager, ..Packaged::default() },
        ..bare()
    };
    let found = |examined: &Examined, observed: &Observed, file: EmulatorFile| {
        let found = program(examined, observed, &around(file));
        (found.findings[0].cause.id(), found.findings[0].cause.cure().unwrap())
    };
    let gone = || EmulatorFile { exists: false, ..emulator() };
    let missing = refused(Refusal::NotFound);
    for (manager, cure) in [
        (Manager::Apt, "apt install --reinstall qus-emulator-aarch64"),
        (Manager::Dnf, "dnf reinstall qus-emulator-aarch64"),
    ] {
        assert_eq!(found(&missing, &observed(manager, "PO"), gone()), ("emulator-missing", cure.to_owned()));
    }
    let of_another_host = EmulatorFile { host: Some(Host::Arm64v8), ..emulator() };
    let cure = "apt install --reinstall qus-emulator-aarch64".to_owned();
    let apt = observed(Manager::Apt, "PO");
    assert_eq!(found(&refused(Refusal::NoFormat), &apt, of_another_host), ("emulator-wrong-host", cure));

    let running = |version: QemuVersion| {
        let mut examined = running_version(version);
        let Attempt::Started(running) = &mut examined.attempt else { unreachable!() };
        running.path.clone_from(&rule.interpreter);
        examined
    };
    let apt = observed(Manager::Apt, "POF");
    let newer = EmulatorFile { identity: Some(Identity { device: 1, inode: 2 }), ..emulator() };
    let again = || "qus packaged add aarch64".to_owned();
    assert_eq!(found(&running(QemuVersion(11, 1, 3)), &apt, newer), ("emulator-replaced", again()));
    let old = Observed { kernel: KernelVersion(5, 4), ..observed(Manager::Apt, "POF") };
    assert_eq!(found(&running(QemuVersion(11, 1, 3)), &old, emulator()), ("argv0-shifted", again()));
    let cure = "apt install --only-upgrade qus-emulator-aarch64".to_owned();
    assert_eq!(found(&running(QemuVersion(10, 1, 3)), &apt, emulator()), ("advisory", cure));

    // Flushed by somebody, and still to be registered at boot.
    let mut flushed = Observed { binfmt: table_with(&[]), ..observed(Manager::Apt, "POF") };
    let link = FileState::Link(packaged::link_content(target("aarch64")));
    flushed.packaged.links.insert(target("aarch64"), link);
    let cure = "qus apply aarch64".to_owned();
    assert_eq!(found(&refused(Refusal::NoFormat), &flushed, emulator()), ("no-entry", cure));
}
