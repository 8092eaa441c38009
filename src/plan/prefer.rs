//! The plan of `qus prefer`: who runs a target that several can run.

use std::collections::BTreeMap;

use super::repair::put_live;
use super::target::{dropin_path, put_dropin, stand_back};
use super::{Plan, Step, check_places, reach_kernel};
use crate::conflict::Conflict;
use crate::entry::Entry;
use crate::observed::Observed;
use crate::owner::Owner;
use crate::receipt::Preferred;
use crate::rule::{Rule, RuleName};
use crate::target::Target;

/// How to make the rule of `word`, an owner's or an entry's name, answer programs of `target`: now, and after every
/// boot.
///
/// Of others no file is changed: qus's own drop-in is moved behind or before theirs, and its own entry
/// is registered again or taken away. Theirs is registered where it is not, or has to become the newest; what ours
/// displaced is given back.
pub fn prefer(target: Target, word: &str, observed: &Observed) -> Result<Plan, Conflict> {
    let Some(was) = observed.receipt.targets.get(&target) else { return Err(unsettled(target, word, observed)) };
    let mut installed = was.clone();
    let mut entries = Plan::default();
    if word == Owner::Qus.id() {
        installed.yields = None;
        put_live(&mut entries, target, &mut installed, observed)?;
    } else {
        let others = others(target, observed);
        let (name, (_, rule)) = others
            .iter()
            .rev()
            .find(|(name, (owner, _))| owner.id() == word || name.as_str() == word)
            .ok_or_else(|| Conflict::NoSuchOwner { target, word: word.to_owned(), there: names(&others) })?;
        check_boot(target, name, observed)?;
        installed.yields = Some(Preferred { word: word.to_owned(), entry: name.clone() });
        stand_back(&mut entries, target, rule, observed)?;
    }
    installed.dropin = dropin_path(target, installed.yields.as_ref(), observed)?;

    let mut plan = Plan::default();
    let mut files = Plan::default();
    put_dropin(&mut files, target, &installed, observed)?;
    if files.is_empty() && entries.is_empty() && installed == *was {
        return Ok(plan);
    }
    check_places(observed)?;
    plan.steps.append(&mut files.steps);
    if !entries.is_empty() {
        reach_kernel(&mut plan, observed)?;
        plan.steps.append(&mut entries.steps);
    }
    let mut after = observed.receipt.clone();
    after.targets.insert(target, installed);
    plan.push(Step::Record { after, before: observed.receipt.clone() });
    Ok(plan)
}

/// Why nothing is settled about a target that qus did not install. A package's goes before or behind others by its being
/// there, and by its manager taking it away.
fn unsettled(target: Target, word: &str, observed: &Observed) -> Conflict {
    let others = others(target, observed);
    let is_there = others.iter().any(|(name, (owner, _))| owner.id() == word || name.as_str() == word);
    let packaged = &observed.packaged;
    match word {
        _ if !packaged.emulators.contains_key(&target) => Conflict::NotInstalled(target),
        word if is_there || [Owner::Qus.id(), Owner::Package.id()].contains(&word) => {
            Conflict::OnlyOfPackage { target, manager: packaged.manager, word: word.to_owned() }
        }
        word => Conflict::NoSuchOwner { target, word: word.to_owned(), there: names(&others) },
    }
}

/// Everybody else who can run `target`, by the name of the entry: those whom the kernel has, those who are
/// configured, and whom ours displaced.
fn others(target: Target, observed: &Observed) -> BTreeMap<RuleName, (Owner, Rule)> {
    let configuration = &observed.configuration;
    let displaced = observed.receipt.targets.get(&target).and_then(|installed| installed.displaced.as_ref());
    let live = observed.binfmt.table().into_iter().flat_map(|table| &table.entries);
    let live = live.filter(|entry| entry.rule.pattern.takes(target) && !observed.is_ours(entry));
    let registered = |entry: &Entry| (entry.name().clone(), (observed.owner(entry), entry.rule.clone()));
    let configured = configuration.namesake(target).into_iter();
    let configured = configured.chain(configuration.rivals(target)).chain(configuration.late_rivals(target));
    let configured = configured.map(|(file, rule)| (rule.name.clone(), (Owner::of_rule(file, rule), rule.clone())));
    // Of one name, what is there counts more than what is configured, and that more than what once was there.
    displaced.map(registered).into_iter().chain(configured).chain(live.map(registered)).collect()
}

fn names(others: &BTreeMap<RuleName, (Owner, Rule)>) -> Vec<String> {
    let name = |(name, (owner, _)): (&RuleName, &(Owner, Rule))| match owner {
        Owner::Unknown => name.to_string(),
        owner => owner.id().to_owned(),
    };
    others.iter().map(name).collect()
}

/// Fails if after a boot neither theirs nor ours would answer, but a third.
fn check_boot(target: Target, preferred: &RuleName, observed: &Observed) -> Result<(), Conflict> {
    let is_preferred = |(_, rule): (_, &Rule)| rule.name == *preferred;
    if observed.configuration.late_rivals(target).any(is_preferred) {
        return Ok(());
    }
    let mut rivals = observed.configuration.rivals(target);
    let is_configured = observed.configuration.rivals(target).any(is_preferred);
    match rivals.next_back() {
        Some((file, rule)) if is_configured && rule.name != *preferred => {
            Err(Conflict::Third { target, preferred: preferred.clone(), file: file.path.clone() })
        }
        _ => Ok(()),
    }
}
