//! Why the kernel does not start what an entry names.

use super::cause::Cause;
use super::examined::{EmulatorFile, Refusal};
use super::program::{describe, root_of};
use super::taken::Taken;
use super::{Finding, Weight};
use crate::target::Target;

/// Why an entry that takes a program does not get it executed; `refusal` is what the kernel said, if it was asked.
pub(super) fn why(target: Option<Target>, taken: Taken, refusal: Option<&Refusal>) -> Option<Finding> {
    let Taken { examined, observed, .. } = taken;
    let (entry, interpreter) = (taken.entry.name().clone(), taken.interpreter().to_owned());
    let unknown = EmulatorFile::default();
    let file = taken.file().unwrap_or(&unknown);
    let fixed = taken.has('F');
    let elsewhere = examined.root.is_some() || observed.place.chroot || observed.place.container.is_some();
    let place = root_of(examined);
    let of = taken.provider();
    let said = |refusal: &Refusal| match refusal {
        Refusal::NoFormat if file.script && taken.has('O') => {
            "it is a script, which is not started for an entry with flag O (ENOEXEC)".to_owned()
        }
        refusal => describe(refusal),
    };
    let why = refusal.map(|refusal| Cause::EmulatorRefused {
        entry: entry.clone(),
        interpreter: interpreter.clone(),
        why: said(refusal),
    });
    let cause = match &file.loader {
        // The kernel holds it open, and looks for its loader in the program's root all the same.
        Some(loader) if fixed && elsewhere && matches!(refusal, Some(Refusal::NotFound) | None) => {
            let loader = loader.clone();
            Some(Cause::EmulatorDynamic { target, entry, interpreter, loader, place })
        }
        _ if fixed && file.host.is_none_or(|host| host == observed.host) => why,
        _ if !fixed && elsewhere && matches!(refusal, Some(Refusal::NotFound)) => {
            Some(Cause::NoFixBinary { target, entry, interpreter, place })
        }
        // A directory on the way, or the file itself, is not for this user.
        _ if file.hidden && !file.exists => why,
        _ if !file.exists => Some(Cause::EmulatorMissing { target, entry, interpreter, of }),
        _ if !file.mode.executable && !fixed => Some(Cause::EmulatorNotExecutable { entry, interpreter }),
        _ if file.mode.noexec.is_some() && !fixed => {
            let mount = file.mode.noexec.clone().unwrap_or_default();
            Some(Cause::EmulatorOnNoexec { entry, interpreter, mount })
        }
        _ if !file.script && !file.hidden && file.host != Some(observed.host) => {
            Some(Cause::EmulatorWrongHost { target, entry, interpreter, host: observed.host, of })
        }
        _ => why,
    };
    cause.map(|cause| Finding { cause, weight: Weight::Stops })
}
