//! The plan that puts rules of any kind, whatever had their names before.

use super::{Plan, Planned, Step};
use crate::conflict::Conflict;
use crate::entry::Entry;
use crate::observed::Observed;
use crate::owner::Owner;
use crate::rule::Rule;

/// How to register `rules`, in their order: the last wins, and of one name only the last is left.
pub fn put_rules(rules: &[Rule], observed: &Observed) -> Result<Plan, Conflict> {
    if let Some(entry) = observed.emulating() {
        return Err(Conflict::Emulated(entry.name().clone()));
    }
    let mut steps = Vec::new();
    let table = observed.binfmt.table();
    for (index, rule) in rules.iter().enumerate() {
        let name = rule.name.clone();
        if observed.is_own(&rule.pattern) {
            return Err(Conflict::OwnRule(name));
        }
        if rules[index + 1..].iter().any(|later| later.name == name) {
            continue;
        }
        let before = table.and_then(|table| table.entry(&name)).cloned();
        if before.is_none() && table.is_some_and(|table| table.has(&name)) {
            // What is not understood could not be given back should a later step fail.
            return Err(Conflict::Stranger { name, owner: Owner::Unknown });
        }
        let step = Step::PutEntry { after: Some(Entry::of(rule.clone())), name, before };
        steps.push(Planned { target: None, step });
    }
    Plan::of_entries(steps, observed)
}
