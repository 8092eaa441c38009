//! The plan of `qus apply`: the machine is to be again as the receipt says.

use serde::Serialize;

use super::target::{
    answers, displaces, dropin_path, leader, newcomer_entry, newcomer_file, put_dropin, put_entry, put_link, stand_back,
};
use super::{Plan, Step, check_places, packaged, reach_kernel};
use crate::conflict::Conflict;
use crate::exit::Explain;
use crate::observed::{Binfmt, FileState, Observed};
use crate::receipt::Installed;
use crate::target::Target;
use crate::wanted::Selection;

/// What is to be done, and what it does not mend.
#[derive(Debug, Default)]
pub struct Repair {
    /// What is to be done.
    pub plan: Plan,
    /// What somebody has to look at.
    pub beyond: Vec<Beyond>,
}

/// A target that cannot be made again what the receipt says.
#[derive(Debug, Serialize)]
pub struct Beyond {
    /// The target.
    pub target: Target,
    /// Why not.
    pub why: String,
    /// What to type.
    pub help: Option<String>,
}

/// How to make links, drop-ins and the kernel's table what the receipt says of `selection`, after whatever was done to
/// them. What is as it should be needs nothing. An emulator that is gone has to be installed again.
pub fn repair(selection: &Selection, observed: &Observed) -> Result<Repair, Conflict> {
    let (files, links, entries) = Default::default();
    let mut mending = Mending { observed, files, links, entries, beyond: Vec::new() };
    let mut after = observed.receipt.clone();
    for (target, was) in observed.receipt.targets.iter().filter(|(target, _)| selection.includes(**target)) {
        after.targets.insert(*target, mending.mend(*target, was));
    }
    for target in Target::all().filter(|target| selection.includes(*target)) {
        let mut done = packaged::put_right(&mut mending.links, target, observed);
        if !observed.receipt.targets.contains_key(&target) {
            done = done.and_then(|()| packaged::put_back(&mut mending.entries, target, observed));
        }
        if let Err(conflict) = done {
            mending.leave(target, &conflict);
        }
    }
    let Mending { mut files, mut links, mut entries, beyond, .. } = mending;
    let mut plan = Plan::default();
    if !files.is_empty() || after != observed.receipt {
        check_places(observed)?;
        for directory in observed.layout.drop_ins().into_iter().chain([observed.layout.state()]) {
            plan.make_directories(directory, observed);
        }
    }
    if !(links.is_empty() && entries.is_empty()) && observed.receipt.says_nothing() {
        // Where only packages are registered, nothing of the journal's is left.
        plan.make_directories(observed.layout.state(), observed);
        plan.prune = plan.made().cloned().collect();
        plan.prune.reverse();
    }
    plan.steps.append(&mut files.steps);
    plan.steps.append(&mut links.steps);
    if !entries.is_empty() {
        reach_kernel(&mut plan, observed)?;
        plan.steps.append(&mut entries.steps);
    }
    if after != observed.receipt {
        plan.push(Step::Record { after, before: observed.receipt.clone() });
    }
    Ok(Repair { plan, beyond })
}

/// What was found to be done so far.
struct Mending<'a> {
    observed: &'a Observed,
    files: Plan,
    /// What packages of emulators have a boot read.
    links: Plan,
    entries: Plan,
    beyond: Vec<Beyond>,
}

impl Mending<'_> {
    /// Plans for one target; what the receipt is to say of it afterwards.
    fn mend(&mut self, target: Target, was: &Installed) -> Installed {
        let observed = self.observed;
        let mut installed = was.clone();
        if !matches!(observed.files.get(&was.path), Some(FileState::File(size)) if *size == was.size) {
            self.leave(target, &Conflict::Damaged { target, path: was.path.clone() });
            return installed;
        }
        // Whom somebody chose since may be meant to win: that is not decided here.
        let undecided = |newcomer: Option<Conflict>| newcomer.filter(|_| was.yields.is_none());
        let mut steps = Plan::default();
        put_link(&mut steps, target, &observed.receipt, observed);
        let placed = match undecided(newcomer_file(target, observed)) {
            Some(conflict) => {
                self.leave(target, &conflict);
                Ok(was.dropin.clone())
            }
            None => dropin_path(target, was.yields.as_ref(), observed),
        };
        let placed = placed.and_then(|path| {
            installed.dropin = path;
            put_dropin(&mut steps, target, &installed, observed)
        });
        if let Err(conflict) = placed {
            // What masks or replaces our drop-in was put there on purpose: it holds for the kernel too.
            self.leave(target, &conflict);
            return was.clone();
        }
        self.files.steps.append(&mut steps.steps);
        match undecided(newcomer_entry(target, observed)) {
            Some(conflict) => self.leave(target, &conflict),
            None => {
                if let Err(conflict) = put_live(&mut self.entries, target, &mut installed, observed) {
                    self.leave(target, &conflict);
                }
            }
        }
        installed
    }

    fn leave(&mut self, target: Target, conflict: &Conflict) {
        self.beyond.push(Beyond { target, why: conflict.to_string(), help: conflict.help() });
    }
}

/// Registers what should answer and does not; stands back where somebody else is preferred and there.
pub(super) fn put_live(
    plan: &mut Plan,
    target: Target,
    installed: &mut Installed,
    observed: &Observed,
) -> Result<(), Conflict> {
    let table = match &observed.binfmt {
        Binfmt::NotAsked => return Ok(()),
        binfmt => binfmt.table(),
    };
    if let Some(leader) = leader(installed, observed) {
        // Ours may stand behind it, as after a boot.
        let first = table.and_then(|table| table.answering(target).first().copied());
        if first.is_some_and(|first| observed.is_ours(first)) {
            stand_back(plan, target, &leader.rule, observed)?;
        }
    } else if !answers(target, &installed.rule, observed) {
        installed.displaced = displaces(target, observed).or(installed.displaced.as_ref()).cloned();
        put_entry(plan, target, &installed.rule, observed)?;
    }
    Ok(())
}
