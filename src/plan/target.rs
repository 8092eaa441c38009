//! What every change of one target is made of: its link, its drop-in, its entry in the kernel.

use super::{Plan, Step};
use crate::configuration::SUPPORT;
use crate::conflict::Conflict;
use crate::dropin::{self, packaged};
use crate::entry::Entry;
use crate::observed::{FileState, Observed};
use crate::owner::{Owner, Stance};
use crate::receipt::{Installed, Preferred, Receipt};
use crate::rooted::RootedPath;
use crate::rule::{Rule, RuleName};
use crate::target::Target;

/// Text of the link that names the chosen version's emulator.
pub(super) fn link_text(installed: &Installed) -> String {
    format!("{}/{}", installed.version, installed.path.name())
}

/// Whether the link to the emulator of `target` follows it. Where two installed targets share an emulator, the one
/// that it is named after decides.
pub(super) fn has_link(target: Target, receipt: &Receipt) -> bool {
    target.emulated_by() == target || !receipt.targets.contains_key(&target.emulated_by())
}

/// Makes the link name what `receipt` says of `target`, if it follows that.
pub(super) fn put_link(plan: &mut Plan, target: Target, receipt: &Receipt, observed: &Observed) {
    let Some(installed) = receipt.targets.get(&target).filter(|_| has_link(target, receipt)) else { return };
    let path = observed.layout.link(target);
    let before = match observed.files.get(&path) {
        Some(FileState::Link(to)) => Some(to.clone()),
        _ => None,
    };
    let after = Some(link_text(installed));
    if before != after {
        plan.push_for(target, Step::PutLink { path, after, before });
    }
}

/// Somebody who runs programs of `target`, or would after a boot, and whom qus does not displace unasked, or cannot.
pub fn rival(target: Target, observed: &Observed) -> Option<(Owner, String)> {
    let answering = observed.binfmt.table().map(|table| table.answering(target)).unwrap_or_default();
    let live = answering
        .into_iter()
        // What has the usual name is displaced, and given back.
        .filter(|entry| !observed.is_ours(entry) && *entry.name() != RuleName::of(target))
        .map(|entry| (observed.owner(entry), entry.name().to_string()));
    let configured = observed
        .configuration
        .rivals(target)
        .filter(|(_, rule)| rule.name != RuleName::of(target))
        .map(|(file, rule)| (Owner::of_rule(file, rule), file.path.to_string()));
    let late = observed.configuration.late_rivals(target);
    let mut late = late.map(|(file, rule)| (Owner::of_rule(file, rule), file.path.to_string()));
    live.chain(configured).find(|(owner, _)| owner.stance() == Stance::Ask).or_else(|| late.next())
}

/// Somebody who was chosen on purpose and answers programs of an installed `target` now, though not after a boot only
/// because ours does: whom the file names put before ours may be outdone, for that was decided.
pub(super) fn newcomer_entry(target: Target, observed: &Observed) -> Option<Conflict> {
    let ours = observed.receipt.targets.get(&target)?.dropin.as_ref()?.name();
    let is_before = |entry: &&Entry| observed.configuration.source(entry).is_some_and(|file| file.name() < ours);
    let answering = observed.binfmt.table()?.answering(target);
    let others = answering.into_iter().filter(|entry| !observed.is_ours(entry) && !is_before(entry));
    let named = others.map(|entry| (observed.owner(entry), entry.name().to_string(), entry.name()));
    newcomer(target, named)
}

/// Somebody who was chosen on purpose and would answer programs of an installed `target` after a boot, because their
/// file sorts behind ours.
pub(super) fn newcomer_file(target: Target, observed: &Observed) -> Option<Conflict> {
    let ours = observed.receipt.targets.get(&target)?.dropin.as_ref()?.name();
    let behind = observed.configuration.rivals(target).filter(|(file, _)| file.name() > ours);
    let named = behind.map(|(file, rule)| (Owner::of_rule(file, rule), file.path.to_string(), &rule.name));
    newcomer(target, named)
}

fn newcomer<'a>(target: Target, mut others: impl Iterator<Item = (Owner, String, &'a RuleName)>) -> Option<Conflict> {
    // What has the usual name is displaced, and given back.
    let (owner, by, entry) =
        others.find(|(owner, _, name)| owner.stance() == Stance::Ask && **name != RuleName::of(target))?;
    let word = if owner == Owner::Unknown { entry.to_string() } else { owner.id().to_owned() };
    Some(Conflict::Newcomer { target, owner, by, word })
}

/// Where the drop-in of `target` has to lie: after everybody else's that takes the same programs, or before the
/// one that is preferred; there is none where it would keep the preferred one from being registered. What
/// somebody else registers later than any file is in conflict with it wherever it lies.
pub(super) fn dropin_path(
    target: Target,
    yields: Option<&Preferred>,
    observed: &Observed,
) -> Result<Option<RootedPath>, Conflict> {
    if observed.layout.drop_ins().is_none() {
        return Ok(None);
    }
    let is_preferred = |rule: &Rule| yields.is_some_and(|preferred| preferred.entry == rule.name);
    if let Some((file, _)) = observed.configuration.late_rivals(target).find(|(_, rule)| !is_preferred(rule)) {
        return Err(Conflict::Late { target, file: file.path.clone() });
    }
    // binfmt-support registers nothing under a name that a file has taken.
    let support = RootedPath::from_trusted(SUPPORT);
    let namesake = observed.configuration.namesake(target).filter(|(file, _)| file.path.is_below(&support));
    if namesake.is_some_and(|(_, rule)| is_preferred(rule)) {
        return Ok(None);
    }
    let rivals = || observed.configuration.rivals(target);
    let (path, side, file) = if let Some((file, _)) = rivals().find(|(_, rule)| is_preferred(rule)) {
        (dropin::before(target, file.name()), "before", file.name())
    } else {
        // Of a package's ours has the name, and hides it.
        let others = rivals().filter(|(file, _)| file.path != packaged::link(target));
        let last = others.map(|(file, _)| file.name()).max().unwrap_or_default();
        (dropin::after(target, last), "after", last)
    };
    path.map(Some).ok_or_else(|| Conflict::Order { target, side, file: file.to_owned() })
}

/// Writes the drop-in where `installed` has it, and takes away the one that lay elsewhere. One of ours that somebody
/// changed is put aside.
pub(super) fn put_dropin(
    plan: &mut Plan,
    target: Target,
    installed: &Installed,
    observed: &Observed,
) -> Result<(), Conflict> {
    let was = observed.receipt.targets.get(&target);
    if let Some(elsewhere) =
        was.and_then(|was| was.dropin.as_ref()).filter(|was| Some(*was) != installed.dropin.as_ref())
    {
        remove_dropin(plan, target, elsewhere, observed);
    }
    let Some(path) = installed.dropin.clone() else { return Ok(()) };
    let text = dropin::text(&installed.rule);
    let before = match observed.files.get(&path) {
        None => None,
        Some(FileState::Link(to)) if to == "/dev/null" => return Err(Conflict::Masked { target, path }),
        Some(FileState::Text(before)) if *before == text => return Ok(()),
        Some(FileState::Text(before)) if was.is_some_and(|was| *before == dropin::text(&was.rule)) => {
            Some(before.clone())
        }
        Some(FileState::Text(_)) if was.is_some() => {
            let to = dropin::aside(&path, |aside| observed.files.contains_key(aside));
            plan.push_for(target, Step::Move { from: path.clone(), to });
            None
        }
        Some(_) => return Err(Conflict::ForeignFile(path)),
    };
    plan.push_for(target, Step::PutFile { path, after: Some(text), before });
    Ok(())
}

/// Ours goes; one that somebody changed since stays, for it is theirs now.
pub(super) fn remove_dropin(plan: &mut Plan, target: Target, path: &RootedPath, observed: &Observed) {
    if let Some(FileState::Text(before)) = observed.files.get(path)
        && observed.receipt.targets.get(&target).is_some_and(|was| *before == dropin::text(&was.rule))
    {
        plan.push_for(target, Step::PutFile { path: path.clone(), after: None, before: Some(before.clone()) });
    }
}

/// Whether `rule` is what answers all programs of `target`, under whichever name of ours.
pub(super) fn answers(target: Target, rule: &Rule, observed: &Observed) -> bool {
    let Some(table) = observed.binfmt.table().filter(|table| table.enabled) else { return false };
    let answering = table.answering(target);
    !answering.is_empty()
        && answering.iter().all(|entry| observed.is_ours(entry) && entry.rule == rule.named(entry.name().clone()))
}

/// The entry that a step displaces for good unless somebody writes it down: another's, of the usual name.
pub(super) fn displaces(target: Target, observed: &Observed) -> Option<&Entry> {
    let namesake = observed.binfmt.table()?.entry_of(target)?;
    (!observed.is_ours(namesake) && observed.can_be_given_back(namesake)).then_some(namesake)
}

/// Registers `rule` as the newest of its programs. It has the usual name, unless that is another's who could not be
/// given it back: then it stands beside.
pub(super) fn put_entry(plan: &mut Plan, target: Target, rule: &Rule, observed: &Observed) -> Result<(), Conflict> {
    let (usual, beside) = (RuleName::of(target), RuleName::beside(target));
    let table = observed.binfmt.table();
    let free = table.is_none_or(|table| !table.has(&usual));
    let entry = |name: &RuleName| table.and_then(|table| table.entry(name)).cloned();
    let ours = |name: &RuleName| entry(name).filter(|entry| observed.is_ours(entry));
    let has_usual = free || ours(&usual).is_some() || displaces(target, observed).is_some();
    let (name, other) = if has_usual { (usual, beside) } else { (beside, usual) };
    let before = entry(&name);
    // Nobody remembers what stood there.
    let is_known = |before: &&Entry| observed.is_ours(before) || observed.owner(before) == Owner::Package;
    if let Some(foreign) = before.as_ref().filter(|before| !has_usual && !is_known(before)) {
        return Err(Conflict::ForeignEntry { target, name, interpreter: foreign.rule.interpreter.clone() });
    }
    plan.push_for(target, Step::PutEntry { after: Some(Entry::of(rule.named(name.clone()))), name, before });
    if let Some(left_over) = ours(&other) {
        plan.push_for(target, Step::PutEntry { name: other, after: None, before: Some(left_over) });
    }
    Ok(())
}

/// Deletes our entries of `target`, and gives back what the one of the usual name displaced.
pub(super) fn remove_entry(plan: &mut Plan, target: Target, observed: &Observed) {
    let Some(table) = observed.binfmt.table() else { return };
    for name in [RuleName::beside(target), RuleName::of(target)] {
        let Some(entry) = table.entry(&name).filter(|entry| observed.is_ours(entry)) else { continue };
        let usual = RuleName::of(target);
        let stands_beside = table.has(&usual) && !table.entry(&usual).is_some_and(|entry| observed.is_ours(entry));
        let after = match name == usual {
            true => given_back(target, observed),
            // Beside whom it could not give back, a package's stood as ours does.
            false if stands_beside => package_back(target, observed).map(|rule| Entry::of(rule.named(name.clone()))),
            false => None,
        };
        plan.push_for(target, Step::PutEntry { name, after, before: Some(entry.clone()) });
    }
}

/// The rule of a package's that a boot would register without ours.
fn package_back(target: Target, observed: &Observed) -> Option<&Rule> {
    let (file, rule) = observed.configuration.namesake(target)?;
    let is_there = observed.interpreters.contains(&rule.interpreter) && !observed.is_own(&rule.pattern);
    (file.path == packaged::link(target) && is_there).then_some(rule)
}

/// The entry that is preferred to ours, if it is there.
pub(super) fn leader<'a>(installed: &Installed, observed: &'a Observed) -> Option<&'a Entry> {
    let preferred = installed.yields.as_ref()?;
    let entry = observed.binfmt.table()?.entry(&preferred.entry)?;
    (entry.enabled && !observed.is_ours(entry)).then_some(entry)
}

/// Makes `theirs` answer programs of `target`. Ours goes, and what it displaced comes back behind theirs.
pub(super) fn stand_back(plan: &mut Plan, target: Target, theirs: &Rule, observed: &Observed) -> Result<(), Conflict> {
    let Some(table) = observed.binfmt.table() else { return Ok(()) };
    let mut others = table.entries.iter().filter(|entry| !observed.is_ours(entry));
    let mut first = others.find(|entry| entry.answers(&target.magic())).map(Entry::name);
    let (beside, usual) = (RuleName::beside(target), RuleName::of(target));
    let ours = |name: &RuleName| table.entry(name).filter(|entry| observed.is_ours(entry)).cloned();
    let displaced = given_back(target, observed).filter(|_| theirs.name != usual && ours(&usual).is_some());
    if let Some(entry) = &displaced {
        plan.push_for(target, Step::PutEntry { name: usual.clone(), after: displaced.clone(), before: ours(&usual) });
        first = Some(entry.name()).filter(|_| entry.answers(&target.magic())).or(first);
    }
    if first != Some(&theirs.name) {
        let (name, before) = (theirs.name.clone(), table.entry(&theirs.name).cloned());
        // To be the newest it has to be registered again, and then it would hold another file, or none.
        let is_lost = |entry: &Entry| !observed.is_ours(entry) && !observed.can_be_given_back(entry);
        if let (Some(_), Some(third)) = (before.as_ref().filter(|before| is_lost(before)), first) {
            return Err(Conflict::Held { target, entry: name, third: third.clone() });
        }
        plan.push_for(target, Step::PutEntry { name, after: Some(Entry::of(theirs.clone())), before });
    }
    let replaced = |name: &RuleName| *name == theirs.name || displaced.as_ref().map(Entry::name) == Some(name);
    for name in [beside, usual].into_iter().filter(|name| !replaced(name)) {
        if let Some(entry) = ours(&name) {
            plan.push_for(target, Step::PutEntry { name, after: None, before: Some(entry) });
        }
    }
    Ok(())
}

/// What has to stand under `target`'s usual name without us: what the system is configured to register there, or else
/// what stood there when we came, as far as its emulator is still to be had.
pub(super) fn given_back(target: Target, observed: &Observed) -> Option<Entry> {
    let displaced = observed.receipt.targets.get(&target).and_then(|installed| installed.displaced.as_ref());
    let configured = observed.configuration.namesake(target).map(|(_, rule)| rule);
    let configured = configured.filter(|rule| {
        (!rule.flags.has('F') || observed.interpreters.contains(&rule.interpreter)) && !observed.is_own(&rule.pattern)
    });
    match (configured, displaced) {
        // A file that came or changed since tells better what is wanted now, its flags too.
        (Some(rule), Some(displaced))
            if displaced.rule.interpreter == rule.interpreter
                || !observed.interpreters.contains(&displaced.rule.interpreter) =>
        {
            Some(Entry { rule: rule.clone(), enabled: displaced.enabled })
        }
        // A package's, which may have come since, goes before whoever was here then: at boot it does too.
        (Some(rule), _) if package_back(target, observed) == Some(rule) => Some(Entry::of(rule.clone())),
        // A file that is gone or masked since tells that it is not wanted any more.
        (_, Some(displaced)) if observed.can_be_given_back(displaced) => Some(displaced.clone()),
        (Some(rule), _) => Some(Entry::of(rule.clone())),
        (None, _) => None,
    }
}
