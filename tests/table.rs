//! The contract of the kernel's table, held by the real one and by the fake.

use nix::errno::Errno;
use qus::entry::Entry;
use qus::rule::{Flags, Match, Rule, RuleName};
use qus::system::kernel::{BinfmtMisc, Kernel, KernelError, put, restore};
use qus::target::Target;

use crate::support::fake_kernel::FakeKernel;
use crate::support::publisher::target;
use crate::support::sandbox::Sandbox;

/// A file that can be executed and is always there.
const EMULATOR: &str = "/proc/self/exe";

fn rule(name: &str, interpreter: &str, flags: &str) -> Rule {
    Rule::new(target(name), Match::Elf, interpreter, Flags::try_from(flags.to_owned()).unwrap()).unwrap()
}

fn errno(error: KernelError) -> Option<Errno> {
    match error {
        KernelError::Refused { error, .. } => error.raw_os_error().map(Errno::from_raw),
        _ => None,
    }
}

/// What both must do.
fn contract(kernel: &dyn Kernel) {
    // Every row of the table reads back as it was registered.
    for target in Target::all() {
        let rule = rule(target.name(), EMULATOR, "POF");
        kernel.register(&rule).unwrap();
        let entry = kernel.entry(&rule.name).unwrap().unwrap();
        assert_eq!((entry.rule, entry.enabled), (rule, true));
    }
    assert_eq!(kernel.table().unwrap().unwrap().entries.len(), 34);

    // A twin is refused, also one with another emulator.
    let twin = rule("arm", "/other", "P");
    assert_eq!(errno(kernel.register(&twin).unwrap_err()), Some(Errno::EEXIST));

    // With `F` the emulator is opened at once, before the name is looked at.
    let missing = rule("arm", "/no/such/emulator", "F");
    assert_eq!(errno(kernel.register(&missing).unwrap_err()), Some(Errno::ENOENT));

    // Unknown letters are refused.
    kernel.unregister(&RuleName::of(target("x86_64"))).unwrap();
    let mut unknown = rule("x86_64", EMULATOR, "F");
    unknown.flags = Flags::try_from("FZ".to_owned()).unwrap();
    assert_eq!(errno(kernel.register(&unknown).unwrap_err()), Some(Errno::EINVAL));

    // What is not there is deleted already.
    kernel.unregister(&unknown.name).unwrap();

    // The table lists the newest first, as the kernel asks them.
    let names = || -> Vec<RuleName> {
        kernel.table().unwrap().unwrap().entries.iter().map(|entry| entry.name().clone()).collect()
    };
    let mut newest_first: Vec<RuleName> =
        Target::all().filter(|target| target.name() != "x86_64").map(RuleName::of).collect();
    newest_first.reverse();
    assert_eq!(names(), newest_first);

    // `put` replaces, makes the newest, is idempotent, and leaves no bridge behind.
    let entry = Entry::of(twin.clone());
    put(kernel, &twin.name, Some(&entry)).unwrap();
    put(kernel, &twin.name, Some(&entry)).unwrap();
    assert_eq!(kernel.entry(&twin.name).unwrap(), Some(entry.clone()));
    assert_eq!(names()[0], twin.name);
    assert_eq!(kernel.entry(&twin.name.next()).unwrap(), None);

    // One that was disabled is so again.
    let disabled = Entry { enabled: false, ..entry.clone() };
    put(kernel, &twin.name, Some(&disabled)).unwrap();
    assert_eq!(kernel.entry(&twin.name).unwrap(), Some(disabled));
    put(kernel, &twin.name, Some(&entry)).unwrap();

    // `restore` gives back what was, also where the emulator is gone since, and takes bridges away.
    kernel.register(&twin.named(twin.name.next())).unwrap();
    restore(kernel, &twin.name, Some(&entry)).unwrap();
    assert_eq!(kernel.entry(&twin.name.next()).unwrap(), None);
    put(kernel, &twin.name, None).unwrap();
    put(kernel, &twin.name, None).unwrap();
    assert_eq!(kernel.entry(&twin.name).unwrap(), None);

    // No rule takes the machine's own programs, whatever its name.
    let mut own = rule("x86_64", EMULATOR, "F");
    own.name = RuleName::of(target("hppa"));
    let refused = put(kernel, &own.name, Some(&Entry::of(own.clone()))).unwrap_err();
    assert!(matches!(refused, KernelError::Own { .. }), "{refused}");
    assert_eq!(kernel.table().unwrap().unwrap().entries.len(), 32);
}

#[test]
fn the_fake_table_keeps_the_contract() {
    contract(&FakeKernel::default());
}

#[test]
fn the_kernels_table_keeps_the_contract() {
    let this = std::env::current_exe().unwrap();
    let words = ["--exact", "table::within_a_namespace", "--ignored", "--test-threads=1"];
    Sandbox::new().run(this.to_str().unwrap(), &words).expect(0, &["1 passed"]);
}

#[test]
#[ignore = "run by `the_kernels_table_keeps_the_contract`, in a namespace of its own"]
fn within_a_namespace() {
    contract(&BinfmtMisc::at("/proc/sys/fs/binfmt_misc".into()));
}
