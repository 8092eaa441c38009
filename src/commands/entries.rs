//! The kernel's table as those see it who know nothing of installed targets: the older tongues.

use std::path::Path;

use super::register::{Done, begin, look_at_kernel};
use super::{Context, Failure, tell};
use crate::observed::Observed;
use crate::plan::{self, Dismissed};
use crate::qemu::QemuVersion;
use crate::rule::Rule;
use crate::system::emulators;
use crate::system::interrupt;
use crate::system::observe::{Look, observe};
use crate::target::Target;
use crate::wanted::{Dismissal, Source};

/// The machine and its table.
pub(crate) fn look(context: &Context) -> Result<Observed, Failure> {
    Ok(observe(&context.root, context.kernel(), Look { native: &[], contents: &[], files: false })?)
}

/// Deletes the entries that are meant, but no stranger's.
pub(crate) fn dismiss(wanted: &Dismissal, context: &Context) -> Result<(Done, Dismissed), Failure> {
    interrupt::catch();
    let _lock = begin(context)?;
    let observed = look_at_kernel(context, true)?;
    let dismissed = plan::dismiss(wanted, &observed)?;
    let report = context.carry_out(&dismissed.plan, None)?;
    Ok((Done { plan: dismissed.plan.clone(), report, rules: Vec::new() }, dismissed))
}

/// Registers rules of any kind, whatever had their names before.
pub(crate) fn put_rules(rules: &[Rule], context: &Context) -> Result<Done, Failure> {
    interrupt::catch();
    let _lock = begin(context)?;
    let observed = look_at_kernel(context, false)?;
    let plan = plan::put_rules(rules, &observed)?;
    let report = context.carry_out(&plan, None)?;
    tell::place(&plan, &observed, context);
    Ok(Done { plan, report, rules: Vec::new() })
}

/// The version that the first emulator in a folder tells of itself that can be run here.
pub(crate) fn version(source: &Source, context: &Context) -> Result<Option<QemuVersion>, Failure> {
    // An emulator of an image is not run.
    if !context.root.is_system() {
        return Ok(None);
    }
    let host = look(context)?.host;
    let paths = Target::all().filter_map(|target| source.in_folder(target));
    let mut fit = paths.filter(|path| emulators::check(&context.root, path, host).is_ok());
    Ok(fit.find_map(|path| emulators::version(Path::new(&path))))
}
