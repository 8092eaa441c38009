//! One program: what it is, whether the kernel can be asked to execute it at all, and what runs it.

use super::cause::Cause;
use super::examined::{Around, Attempt, Examined, Refusal, There};
use super::{At, Diagnosis, Finding, Weight, table};
use crate::elf::Header;
use crate::kind::{Kind, machine_name};
use crate::observed::{Access, Binfmt, Observed, Unreachable};
use crate::rule::{Match, Pattern};
use crate::shebang::{NotScript, Shebang};
use crate::target::Target;

/// Why the program that was examined does not run, or not as it should.
pub fn program(examined: &Examined, observed: &Observed, around: &Around) -> Diagnosis {
    let at = match observed.binfmt.table() {
        Some(table) if table.access == Access::Writable => At::Here,
        _ if observed.place.container.is_some() => At::Host,
        Some(_) => At::Root,
        None if matches!(observed.binfmt, Binfmt::Unreachable(Unreachable::NoPrivilege)) => At::Root,
        None => At::Here,
    };
    let mut found = Diagnosis { at, ..Diagnosis::default() };
    if let Some(entry) = observed.emulating() {
        found.add(Weight::Remark, Cause::QusEmulated { entry: entry.name().clone() });
    }
    look(examined, observed, around, &mut found);
    found.ranked()
}

fn look(examined: &Examined, observed: &Observed, around: &Around, found: &mut Diagnosis) {
    let path = || examined.path.clone();
    let mode = match &examined.there {
        There::Nothing => return found.stops(Cause::NoSuchFile { path: path() }),
        There::NotAFile => return found.stops(Cause::NotAProgram { path: path(), what: "no file".to_owned() }),
        There::Unreadable(why) => {
            let cause = Cause::FileUnreadable { path: path(), why: why.clone() };
            return found.add(weight_of_unreadable(examined), cause);
        }
        There::File(mode) => mode,
    };
    if let Some(mount) = &mode.noexec {
        found.stops(Cause::FileOnNoexec { path: path(), mount: mount.clone() });
    }
    if !mode.executable {
        found.stops(Cause::FileNotExecutable { path: path() });
    }
    if !found.findings.is_empty() && matches!(examined.attempt, Attempt::Refused(_)) {
        // That is why the kernel refused: of what runs the program it says nothing.
        let untried = Examined { attempt: Attempt::NotTried("it may not be executed".to_owned()), ..examined.clone() };
        return look_inside(&untried, observed, around, found);
    }
    look_inside(examined, observed, around, found);
}

/// What nobody may read runs all the same if the kernel opens it for whatever runs it, and then it hides that too. Of a
/// script it starts the interpreter alone, which cannot open it.
fn weight_of_unreadable(examined: &Examined) -> Weight {
    match examined.running() {
        Some(running) if running.identity.is_none() => Weight::Remark,
        _ => Weight::Stops,
    }
}

/// What the file is, and what runs it.
fn look_inside(examined: &Examined, observed: &Observed, around: &Around, found: &mut Diagnosis) {
    let path = || examined.path.clone();
    if let Some((shebang, interpreter)) = &examined.script {
        if shebang.ends_in_carriage_return() {
            return found.stops(Cause::ScriptLineEnd { path: path() });
        }
        if interpreter.there == There::Nothing {
            let interpreter = interpreter.path.clone();
            return found.stops(Cause::ScriptInterpreterMissing { path: path(), interpreter });
        }
        look(interpreter, observed, around, found);
        if let Attempt::Refused(refusal) = &examined.attempt
            && found.findings.iter().all(|finding| finding.weight != Weight::Stops)
        {
            let what = match refusal {
                Refusal::Loop => "a script of a script, and so on: more than the kernel goes through".to_owned(),
                refusal => format!("a script that the kernel does not start: {}", describe(refusal)),
            };
            found.stops(Cause::NotAProgram { path: path(), what });
        }
        return;
    }
    let Ok(header) = Header::parse(&examined.head) else { return no_elf(examined, observed, around, found) };
    if !header.is_program() {
        let what = "an ELF file of another kind: an object file, or a core dump".to_owned();
        return found.stops(Cause::NotAProgram { path: path(), what });
    }
    found.target = Target::of_program(&examined.head);
    if examined.linkage.as_ref().is_some_and(|linkage| linkage.cut_off) {
        found.stops(Cause::FileCutOff { path: path() });
    }
    let answering = table::answering(examined, observed);
    match found.target {
        Some(target) => {
            found.native = observed.native.contains(&target);
            match answering {
                None if found.native => native(examined, observed, around, found),
                _ => table::emulated(target, answering, examined, observed, around, found),
            }
        }
        // A kernel may run kinds that qus has no name for.
        None if answering.is_none() && examined.running().is_some() => found.native = true,
        None if answering.is_some() => no_elf(examined, observed, around, found),
        None => {
            let number = format!("machine number {}", header.machine);
            let machine = machine_name(header.machine).map_or(number, str::to_owned);
            found.stops(Cause::UnknownArchitecture { path: path(), machine });
        }
    }
}

/// A program of this machine's own, which no entry takes.
fn native(examined: &Examined, observed: &Observed, around: &Around, found: &mut Diagnosis) {
    needs(examined, false, found);
    page_size(examined, observed, around, found);
    let Attempt::Refused(refusal) = &examined.attempt else { return };
    if found.findings.iter().all(|finding| finding.weight != Weight::Stops) {
        let (path, host) = (examined.path.clone(), observed.host);
        found.stops(Cause::NativeRefused { path, host, why: describe(refusal) });
    }
}

/// Something that is no ELF file: others may have registered what runs it.
fn no_elf(examined: &Examined, observed: &Observed, around: &Around, found: &mut Diagnosis) {
    match table::answering(examined, observed) {
        Some(entry) => table::of_stranger(entry, examined, observed, around, found),
        None if matches!(examined.attempt, Attempt::Started(_)) => {}
        None => {
            let what = what_it_is(&examined.head);
            // Before what keeps it from being executed: it is not meant to be.
            let cause = Cause::NotAProgram { path: examined.path.clone(), what };
            found.findings.insert(0, Finding { cause, weight: Weight::Stops });
        }
    }
}

/// What a file is that is no ELF file and no script that the kernel takes.
fn what_it_is(head: &[u8]) -> String {
    if head.is_empty() {
        return "empty: an image or a download may have been cut off".to_owned();
    }
    if let Err(why @ (NotScript::ByteOrderMark | NotScript::Nameless | NotScript::Long)) = Shebang::parse(head) {
        return format!("no script that the kernel takes: it {why}");
    }
    match Kind::of(head) {
        Kind::Elf => "an ELF file that is cut off, or damaged".to_owned(),
        Kind::Windows => "a program of Windows, and nothing is registered that runs it".to_owned(),
        Kind::MachO => "a program of macOS".to_owned(),
        Kind::JavaClass => "a Java class, and nothing is registered that runs it".to_owned(),
        Kind::WebAssembly => "a WebAssembly module, and nothing is registered that runs it".to_owned(),
        Kind::Packed(format) => format!("no program, but packed with {format}"),
        Kind::Text => "text without \"#!\" and an interpreter in its first line".to_owned(),
        Kind::Script => "a script of a script, and so on: more than the kernel goes through".to_owned(),
        Kind::Empty | Kind::Unknown => "no program of a kind known here".to_owned(),
    }
}

/// What it asks of its root directory.
pub(super) fn needs(examined: &Examined, emulated: bool, found: &mut Diagnosis) {
    let (path, place) = (examined.path.clone(), root_of(examined));
    // Only QEMU, and only from its own root directory, can be told to look somewhere else.
    let elsewhere = !emulated || examined.root.is_some();
    if let Some(loader) = &examined.missing.loader {
        let loader = loader.clone();
        found.stops(Cause::LoaderMissing { path, loader, place, elsewhere });
    } else if !examined.missing.libraries.is_empty() {
        let libraries = examined.missing.libraries.clone();
        found.stops(Cause::LibraryMissing { path, libraries, place, elsewhere });
    }
}

/// A kernel with large pages cannot map what is laid out for small ones, or takes rights from what shares a page. That
/// holds for programs that it loads itself: QEMU brings programs of smaller pages together out of the host's larger
/// ones (7.2 and 10.0.13, as tried on pages of 16 KiB).
fn page_size(examined: &Examined, observed: &Observed, around: &Around, found: &mut Diagnosis) {
    let page = around.settings.page;
    // Arm's on arm64, for one. An entry for what this program is itself would take the emulator too.
    let emulate = found.target.filter(|target| !observed.is_own(&Pattern::of(*target, Match::Elf)));
    let own = examined.linkage.iter().map(|linkage| (&examined.path, linkage));
    let loaded = examined.loaded.iter().map(|(path, linkage)| (path, linkage));
    for (path, linkage) in own.chain(loaded) {
        let (weight, align) = match linkage {
            linkage if linkage.page < page => (Weight::Stops, linkage.page),
            linkage if linkage.apart < page => (Weight::Harms, linkage.apart),
            _ => continue,
        };
        found.add(weight, Cause::PageSize { path: path.clone(), align, page, emulate });
    }
}

/// The root directory in which it was examined, in words.
pub(super) fn root_of(examined: &Examined) -> String {
    examined.root.clone().unwrap_or_else(|| "this root directory".to_owned())
}

/// What the kernel said, in words.
pub(super) fn describe(refusal: &Refusal) -> String {
    match refusal {
        Refusal::NoFormat => "it knows nothing that runs it (ENOEXEC)".to_owned(),
        Refusal::NotFound => "it does not find what runs it (ENOENT)".to_owned(),
        Refusal::Denied => "permission denied (EACCES); under SELinux see ausearch -m avc".to_owned(),
        Refusal::Loop => "what runs it is itself taken by an entry (ELOOP)".to_owned(),
        Refusal::Ended(signal) => format!("it cannot load it, and ends the process by signal {signal}"),
        Refusal::Other(said) => said.clone(),
    }
}
