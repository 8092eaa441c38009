//! The plans of `qus packaged`: what packages of emulators ask for when they are configured, and before they are removed.
//!
//! A package brings an emulator and its rule, and nothing that is read at boot: a file of its own in `/usr/lib/binfmt.d`
//! would make every upgrade restart systemd-binfmt, which drops everybody's entries. The link that makes the rule be read
//! is made here, and so is the entry of the running kernel.

use serde::Serialize;

use super::reach::{as_image, why_foreign, why_later};
use super::target::{given_back, rival};
use super::{Plan, Planned, Step};
use crate::conflict::Conflict;
use crate::dropin::packaged;
use crate::entry::Entry;
use crate::observed::{Binfmt, Fault, FaultKind, FileState, Observed, PackagedEmulator, Table};
use crate::owner::Stance;
use crate::package::Deed;
use crate::receipt::Receipt;
use crate::rooted::RootedPath;
use crate::rule::{Flags, KernelVersion, Rule, RuleName};
use crate::target::Target;
use crate::wanted::{Consent, Selection};

/// What is to be done for packages, and what is not.
#[derive(Clone, Debug, Default)]
pub struct Attended {
    /// What is to be done.
    pub plan: Plan,
    /// Why the kernel's table is left as it is, if it is; what is linked is registered at the next boot.
    pub later: Option<String>,
    /// Whether that is as it should be: a system is built here, which is booted elsewhere.
    pub is_built: bool,
    /// Targets with reasons of their own.
    pub left: Vec<Left>,
}

/// A target that is not registered now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Left {
    /// The target.
    pub target: Target,
    /// Whether the system is to read its rule at boot all the same.
    pub linked: bool,
    /// Why.
    pub why: String,
}

/// Fails for a target of `selection` that only a package provides, and of which its manager is to be told.
pub fn check_packages(selection: &Selection, deed: Deed, observed: &Observed) -> Result<(), Conflict> {
    let Selection::Named(choices) = selection else { return Ok(()) };
    let is_of_package = |target: &Target| {
        !observed.receipt.targets.contains_key(target) && observed.packaged.emulators.contains_key(target)
    };
    match choices.iter().map(|choice| choice.target).find(is_of_package) {
        Some(target) => Err(Conflict::OfPackage { target, manager: observed.packaged.manager, deed }),
        None => Ok(()),
    }
}

/// How to make the system use the emulators that packages brought of `selection`, now and after every boot.
///
/// What is registered already is registered again, without a gap: behind the same rule there may be another file. Nobody
/// is outdone who was chosen on purpose, unless by `consent`, or unless that was decided before. Where a system is only
/// built, nothing of the machine that builds it decides anything.
pub fn packaged_add(selection: &Selection, consent: Consent, observed: &Observed) -> Result<Attended, Conflict> {
    let (mut files, mut entries) = (Plan::default(), Plan::default());
    let mut attended = Attended { later: why_later(observed), ..Attended::default() };
    let image = why_foreign(observed).map(|_| as_image(observed));
    attended.is_built = image.is_some();
    let observed = image.as_ref().unwrap_or(observed);
    for target in meant(selection, observed.packaged.emulators.keys()) {
        let emulator = observed.packaged.emulators.get(&target);
        let emulator = emulator.ok_or(Conflict::PackageDamaged { target, manager: observed.packaged.manager })?;
        let leave = |why: String, linked: bool| Left { target, linked, why };
        if let Some(why) = why_unlinked(target, emulator, consent, observed) {
            if emulator.takes_itself() {
                take_link(&mut files, target, observed);
            }
            attended.left.push(leave(why, false));
            continue;
        }
        put_link(&mut files, target, observed)?;
        match why_idle(target, consent, observed) {
            Some(why) => attended.left.push(leave(why, true)),
            None if attended.later.is_none() => match register(&mut entries, target, emulator, observed) {
                Ok(()) => {}
                Err(conflict) => attended.left.push(leave(conflict.to_string(), true)),
            },
            None => {}
        }
    }
    let mut after = observed.receipt.clone();
    let mut plan = begin(&files, &entries, observed)?;
    if !files.is_empty() {
        let links = RootedPath::from_trusted(packaged::DIRECTORY);
        plan.make_directories(&links, observed);
        // Somebody has to know later that they were made.
        if plan.made().any(|path| links.is_below(path)) {
            let strange = plan.made().filter(|path| !path.is_below(observed.layout.state()));
            after.directories.extend(strange.cloned());
        }
    }
    plan.prune = plan.made().cloned().collect();
    plan.prune.reverse();
    plan.steps.append(&mut entries.steps);
    plan.steps.append(&mut files.steps);
    record(&mut plan, after, observed);
    attended.plan = plan;
    Ok(attended)
}

/// How to make the system do without the emulators that packages brought of `selection`, before their files go. Who
/// comes next after a boot has the kernel's entry then.
pub fn packaged_remove(selection: &Selection, observed: &Observed) -> Result<Attended, Conflict> {
    let (mut files, mut entries) = (Plan::default(), Plan::default());
    let mut attended = Attended::default();
    let targets = meant(selection, observed.packaged.emulators.keys().chain(observed.packaged.links.keys()));
    for target in &targets {
        take_link(&mut files, *target, observed);
        let foreign = observed.packaged.links.contains_key(target) && !observed.packaged.is_linked(*target);
        if foreign {
            let why = Conflict::ForeignFile(packaged::link(*target)).to_string();
            attended.left.push(Left { target: *target, linked: true, why });
        }
        unregister(&mut entries, *target, observed);
    }
    if !entries.is_empty() {
        attended.later = why_later(observed);
        attended.is_built = why_foreign(observed).is_some();
    }
    if attended.later.is_some() {
        entries = Plan::default();
    }
    let mut plan = begin(&files, &entries, observed)?;
    plan.prune = plan.made().cloned().collect();
    plan.prune.reverse();
    plan.steps.append(&mut files.steps);
    plan.steps.append(&mut entries.steps);
    let mut after = observed.receipt.clone();
    let is_last =
        observed.packaged.links.keys().all(|target| targets.contains(target) || !observed.packaged.is_linked(*target));
    if is_last && after.is_empty() && !after.directories.is_empty() {
        plan.prune.push(observed.layout.state().clone());
        // Deepest first: a path sorts behind the directory it lies in.
        plan.prune.extend(std::mem::take(&mut after.directories).into_iter().rev());
    }
    record(&mut plan, after, observed);
    attended.plan = plan;
    Ok(attended)
}

/// Registers again what packages brought and a boot would register, where nobody has it now.
pub(super) fn put_back(plan: &mut Plan, target: Target, observed: &Observed) -> Result<(), Conflict> {
    let Some(emulator) = observed.packaged.emulators.get(&target) else { return Ok(()) };
    let is_due = observed.packaged.is_linked(target)
        && !emulator.takes_itself()
        && why_later(observed).is_none()
        && why_idle(target, Consent::default(), observed).is_none();
    let rule = rule(emulator, observed);
    let answering = observed.binfmt.table().filter(|table| table.enabled).map(|table| table.answering(target));
    let answers = answering.is_some_and(|answering| {
        !answering.is_empty() && answering.iter().all(|entry| entry.rule == rule.named(entry.name().clone()))
    });
    if is_due && !answers { register(plan, target, emulator, observed) } else { Ok(()) }
}

/// Makes what a boot reads of `target`'s package right for the running kernel, if it was made for another one.
pub(super) fn put_right(plan: &mut Plan, target: Target, observed: &Observed) -> Result<(), Conflict> {
    if is_for_other_kernel(target, observed) { put_link(plan, target, observed) } else { Ok(()) }
}

/// Whether what a boot reads of `target`'s package is for kernels before Linux 5.12 and the running one is none, or the
/// other way round.
pub fn is_for_other_kernel(target: Target, observed: &Observed) -> bool {
    let is_small_file = matches!(observed.packaged.links.get(&target), Some(FileState::Text(_)));
    observed.packaged.is_linked(target)
        && observed.packaged.emulators.contains_key(&target)
        && is_small_file != is_older(observed)
        && why_foreign(observed).is_none()
}

/// The targets of `selection`; all are those of `there`.
fn meant<'a>(selection: &Selection, there: impl Iterator<Item = &'a Target>) -> Vec<Target> {
    let mut targets: Vec<Target> = match selection {
        Selection::All => there.copied().collect(),
        Selection::Named(choices) => choices.iter().map(|choice| choice.target).collect(),
    };
    targets.sort();
    targets.dedup();
    targets
}

/// Why a boot is not to register `target` either.
fn why_unlinked(target: Target, emulator: &PackagedEmulator, consent: Consent, observed: &Observed) -> Option<String> {
    if emulator.takes_itself() || observed.is_own(&emulator.rule.pattern) {
        return Some(Conflict::Own(target).to_string());
    }
    let installed = observed.receipt.targets.get(&target);
    // A drop-in of another name would not hide the package's, which sorts behind whom it yields to.
    let preferred = installed.and_then(|installed| installed.yields.as_ref());
    let is_hidden = installed.is_some_and(|installed| installed.dropin.as_ref() == Some(&crate::dropin::path(target)));
    if let Some(preferred) = preferred.filter(|preferred| !is_hidden && preferred.entry != RuleName::of(target)) {
        return Some(format!("\"{target}\" is left to \"{}\", as preferred", preferred.word));
    }
    // What is linked was decided before.
    if observed.packaged.is_linked(target) || installed.is_some() {
        return None;
    }
    if observed.native.contains(&target) {
        return Some(format!("this machine runs \"{target}\" programs by itself"));
    }
    let (owner, by) = rival(target, observed).filter(|_| !consent.take_over)?;
    Some(format!(
        "\"{target}\" is left to {} (\"{by}\"); to use this emulator all the same: qus packaged add --yes {target}",
        owner.title()
    ))
}

/// Why `target`, which a boot may register, is not registered now.
fn why_idle(target: Target, consent: Consent, observed: &Observed) -> Option<String> {
    let table = observed.binfmt.table();
    let runs_now = table.is_some_and(|table| entries_of(target, table).next().is_some());
    let name = packaged::link(target).name().to_owned();
    let before = observed.configuration.files.iter().find(|file| file.name() == name);
    let before = before.filter(|file| file.path != packaged::link(target));
    match (observed.receipt.targets.get(&target), before) {
        // The package's goes before it only if that was settled.
        (Some(installed), _) if !runs_now => {
            return Some(format!(
                "\"{target}\" is installed in version {}, which goes before the package's",
                installed.version
            ));
        }
        (None, Some(file)) if file.rules.is_empty() => {
            return Some(format!("\"{}\" masks the package's rule of \"{target}\"", file.path));
        }
        (None, Some(file)) => {
            return Some(format!("\"{}\" is read in place of the package's rule of \"{target}\"", file.path));
        }
        _ => {}
    }
    if observed.native.contains(&target) && !runs_now {
        return Some(format!("this machine runs \"{target}\" programs by itself"));
    }
    if let Some(disabled) = table.and_then(|table| entries_of(target, table).find(|entry| !entry.enabled)) {
        return Some(format!("entry \"{}\" is disabled", disabled.name()));
    }
    let answering = table.map(|table| table.answering(target)).unwrap_or_default();
    let is_chosen =
        |entry: &&Entry| observed.owner(entry).stance() == Stance::Ask && *entry.name() != RuleName::of(target);
    let chosen = answering.into_iter().find(is_chosen).filter(|_| !consent.take_over)?;
    Some(format!("\"{target}\" is left to {} (\"{}\")", observed.owner(chosen).title(), chosen.name()))
}

/// The rule by which the emulator is used on the kernel as observed.
fn rule(emulator: &PackagedEmulator, observed: &Observed) -> Rule {
    let is_older = is_older(observed) && emulator.rule.flags.has('P');
    let flags = if is_older { Flags::for_kernel(observed.kernel, false) } else { emulator.rule.flags.clone() };
    Rule { flags, ..emulator.rule.clone() }
}

/// Whether QEMU does not learn of flag `P` here.
fn is_older(observed: &Observed) -> bool {
    observed.kernel < KernelVersion(5, 12)
}

/// The entries that run the package's emulator of `target`.
fn entries_of(target: Target, table: &Table) -> impl Iterator<Item = &Entry> {
    let (usual, beside, path) = (RuleName::of(target), RuleName::beside(target), packaged::emulator(target));
    let is_meant = move |entry: &&Entry| {
        (*entry.name() == usual || *entry.name() == beside) && entry.rule.interpreter == path.as_str()
    };
    table.entries.iter().filter(is_meant)
}

/// Registers the emulator as the newest of its programs. It has the usual name, unless that is another's which a boot
/// would not register again: nobody writes down what stood there.
fn register(plan: &mut Plan, target: Target, emulator: &PackagedEmulator, observed: &Observed) -> Result<(), Conflict> {
    let (usual, beside) = (RuleName::of(target), RuleName::beside(target));
    let table = observed.binfmt.table();
    let own = |name: &RuleName| table.and_then(|table| entries_of(target, table).find(|entry| entry.name() == name));
    let comes_again = |entry: &Entry| {
        observed.is_ours(entry) || (observed.configuration.source(entry).is_some() && observed.can_be_given_back(entry))
    };
    let is_free = table.is_none_or(|table| !table.has(&usual) || table.entry(&usual).is_some_and(comes_again));
    let (name, other) = if is_free || own(&usual).is_some() { (usual, beside) } else { (beside, usual) };
    let before = table.and_then(|table| table.entry(&name)).cloned();
    if let Some(foreign) =
        before.as_ref().filter(|before| name == RuleName::beside(target) && own(before.name()).is_none())
    {
        return Err(Conflict::ForeignEntry { target, name, interpreter: foreign.rule.interpreter.clone() });
    }
    if plan.steps.is_empty() && matches!(observed.binfmt, Binfmt::Mountable) {
        plan.push(Step::Mount);
    }
    let after = Some(Entry::of(rule(emulator, observed).named(name.clone())));
    plan.push_for(target, Step::PutEntry { name, after, before });
    if let Some(left_over) = own(&other) {
        plan.push_for(target, Step::PutEntry { name: other, after: None, before: Some(left_over.clone()) });
    }
    Ok(())
}

/// Deletes the entries of the package's emulator. Under the usual name comes whoever would have it after a boot.
fn unregister(plan: &mut Plan, target: Target, observed: &Observed) {
    let Some(table) = observed.binfmt.table() else { return };
    let configuration = observed.configuration.without(&packaged::link(target));
    let without = Observed { configuration, ..observed.clone() };
    let installed = observed.receipt.targets.get(&target);
    for entry in entries_of(target, table) {
        let name = entry.name().clone();
        let after = if name == RuleName::of(target) {
            // What was downloaded stood back for the package's.
            given_back(target, &without).or_else(|| installed.map(|installed| Entry::of(installed.rule.clone())))
        } else {
            None
        };
        plan.push_for(target, Step::PutEntry { name, after, before: Some(entry.clone()) });
    }
}

/// Makes a boot read the rule.
fn put_link(plan: &mut Plan, target: Target, observed: &Observed) -> Result<(), Conflict> {
    let path = packaged::link(target);
    let (link, text) = (packaged::link_content(target), packaged::text_for_older_kernels(target));
    let found = observed.packaged.links.get(&target);
    let is_older = is_older(observed);
    match found {
        Some(FileState::Link(to)) if *to == link && !is_older => return Ok(()),
        Some(FileState::Text(there)) if *there == text && is_older => return Ok(()),
        Some(_) if observed.packaged.is_linked(target) => take_link(plan, target, observed),
        Some(_) => return Err(Conflict::ForeignFile(path)),
        None => {}
    }
    plan.push_for(
        target,
        if is_older {
            Step::PutFile { path, after: Some(text), before: None }
        } else {
            Step::PutLink { path, after: Some(link), before: None }
        },
    );
    Ok(())
}

/// Takes away what makes a boot read the rule.
fn take_link(plan: &mut Plan, target: Target, observed: &Observed) {
    let path = packaged::link(target);
    let step = match observed.packaged.links.get(&target) {
        Some(FileState::Link(to)) => Step::PutLink { path, after: None, before: Some(to.clone()) },
        Some(FileState::Text(text)) => Step::PutFile { path, after: None, before: Some(text.clone()) },
        _ => return,
    };
    if observed.packaged.is_linked(target) {
        plan.push_for(target, step);
    }
}

/// A plan that has a journal, if there is anything to do.
fn begin(files: &Plan, entries: &Plan, observed: &Observed) -> Result<Plan, Conflict> {
    let mut plan = Plan::default();
    if files.is_empty() && entries.is_empty() {
        return Ok(plan);
    }
    let state = observed.layout.state();
    // Where emulators are downloaded to is no matter of packages.
    let in_the_way = |fault: &&Fault| fault.kind != FaultKind::NoExec && state.is_below(&fault.path);
    if let Some(fault) = observed.faults.iter().find(in_the_way) {
        return Err(Conflict::fault(fault));
    }
    plan.make_directories(state, observed);
    Ok(plan)
}

/// Writes down which directories are to go again.
fn record(plan: &mut Plan, after: Receipt, observed: &Observed) {
    if after != observed.receipt {
        plan.push(Step::Record { after, before: observed.receipt.clone() });
    }
}

impl Attended {
    /// The same without what it does to the kernel's table: for a kernel that refused that.
    #[must_use]
    pub fn without_the_kernel(&self) -> Plan {
        let is_of_files = |planned: &&Planned| !matches!(planned.step, Step::PutEntry { .. } | Step::Mount);
        let steps: Vec<Planned> = self.plan.steps.iter().filter(is_of_files).cloned().collect();
        let is_idle = steps.iter().all(|planned| matches!(planned.step, Step::MakeDir { .. }));
        if is_idle { Plan::default() } else { Plan { steps, ..self.plan.clone() } }
    }
}
