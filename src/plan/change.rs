//! What `install`, `update` and `rollback` have in common: targets get another emulator than they have.

use std::collections::{BTreeMap, BTreeSet};

use super::offer::Offer;
use super::target::{leader, put_dropin, put_entry, put_link};
use super::{Plan, Planned, Step, check_places, reach_kernel};
use crate::conflict::Conflict;
use crate::observed::{Binfmt, Observed};
use crate::receipt::{Installed, Receipt};
use crate::rooted::RootedPath;
use crate::target::Target;
use crate::version::Version;

/// Room that a change needs beside the bytes it installs, for directories and documents.
const SPARE: u64 = 1024 * 1024;

/// Targets that are to be other than they are.
pub(super) struct Change<'a> {
    observed: &'a Observed,
    after: Receipt,
    changed: Vec<Target>,
    /// Those of which nothing is other than before but that less is kept.
    shed: Vec<Target>,
    fetches: BTreeMap<Version, BTreeSet<Target>>,
}

impl<'a> Change<'a> {
    /// Nothing yet.
    pub(super) fn of(observed: &'a Observed) -> Change<'a> {
        let after = observed.receipt.clone();
        Change { observed, after, changed: Vec::new(), shed: Vec::new(), fetches: BTreeMap::new() }
    }

    /// Makes `target` be as `installed` says. Its emulator is fetched if `fetch`, and else is there.
    pub(super) fn put(&mut self, target: Target, installed: Installed, fetch: bool) {
        if fetch {
            self.fetches.entry(installed.version.clone()).or_default().insert(target.emulated_by());
        }
        self.after.targets.insert(target, installed);
        self.changed.push(target);
    }

    /// Writes down what `installed` says of `target`, which is as it should be.
    pub(super) fn note(&mut self, target: Target, installed: Installed) {
        let was = self.observed.receipt.targets.get(&target);
        if was.is_some_and(|was| was.previous.iter().any(|kept| !installed.previous.contains(kept))) {
            self.shed.push(target);
        }
        self.after.targets.insert(target, installed);
    }

    /// How to do it, with what `offer` has.
    ///
    /// Emulators are put beside those that there are; then come the links; the entries, each in the place of the one
    /// before without a gap, and its proof; and the drop-ins. What nobody needs any more goes last. A target that fails its
    /// proof has again what it had.
    pub(super) fn plan(self, offer: Option<&Offer>) -> Result<Plan, Conflict> {
        let mut plan = Plan::default();
        let Change { observed, after, changed, shed, .. } = &self;
        if changed.is_empty() && *after == observed.receipt {
            return Ok(plan);
        }
        check_places(observed)?;
        if changed.is_empty() && shed.is_empty() {
            self.finish(&mut plan, offer);
            return Ok(plan);
        }
        let unneeded = self.unneeded();
        let layout = &observed.layout;
        for version in self.fetches.keys() {
            plan.make_directories(&layout.version(version), observed);
        }
        if !self.fetches.is_empty() || !unneeded.is_empty() {
            plan.make_directories(&layout.staging(), observed);
        }
        for directory in layout.drop_ins().into_iter().chain([layout.state()]) {
            plan.make_directories(directory, observed);
        }
        if let Some(offer) = offer {
            self.fetch(&mut plan, offer)?;
        }
        for target in changed {
            put_link(&mut plan, *target, after, observed);
        }
        if !changed.is_empty() && !matches!(observed.binfmt, Binfmt::NotAsked) {
            reach_kernel(&mut plan, observed)?;
            let own = |target: &&Target| leader(&after.targets[*target], observed).is_none();
            for target in changed.iter().filter(own) {
                put_entry(&mut plan, *target, &after.targets[target].rule, observed)?;
                // At once: one that does not run is live no longer than it takes to find that out.
                plan.push_for(*target, Step::Prove);
            }
        }
        for target in changed {
            put_dropin(&mut plan, *target, &after.targets[target], observed)?;
        }
        clear_away(&mut plan, unneeded, observed);
        self.finish(&mut plan, offer);
        Ok(plan)
    }

    /// Fetches what is wanted and puts each emulator in its place.
    fn fetch(&self, plan: &mut Plan, offer: &Offer) -> Result<(), Conflict> {
        let layout = &self.observed.layout;
        let mut needed = SPARE;
        for (version, targets) in &self.fetches {
            for (asset, targets) in offer.cheapest(version, self.observed.host, targets) {
                let members = targets.iter().filter_map(|target| asset.member(*target));
                needed += asset.size + members.map(|member| member.size).sum::<u64>();
                let (asset, into) = (asset.clone(), layout.staging());
                plan.push(Step::Fetch { version: version.clone(), asset, targets, into });
            }
            // Before the next version is unpacked, whose emulators have the same names.
            for target in targets {
                let of_version = |user: &&Target| self.after.targets[*user].version == *version;
                let mut users = self.changed.iter().filter(|user| user.emulated_by() == *target).filter(of_version);
                // Whose proof fails, takes its emulator back, unless another's target has it too.
                let user = users.next().copied().filter(|_| users.next().is_none());
                self.place(plan, *target, user, version);
            }
        }
        if self.observed.space < needed {
            let (path, free) = (layout.emulators(), self.observed.space);
            return Err(Conflict::Full { path, free, needed });
        }
        Ok(())
    }

    /// Puts an emulator in its place, and what lay there aside.
    fn place(&self, plan: &mut Plan, target: Target, user: Option<Target>, version: &Version) {
        let layout = &self.observed.layout;
        let mut steps = Vec::new();
        let to = layout.emulator(target, version);
        if self.observed.files.contains_key(&to) {
            let aside = layout.staging().join(&format!("{version}-{}", target.emulator()));
            steps.push(Step::Move { from: to.clone(), to: aside });
        }
        steps.push(Step::Move { from: layout.staging().join(&target.emulator()), to });
        plan.steps.extend(steps.into_iter().map(|step| Planned { target: user, step }));
    }

    /// Emulators of what is changed that nobody has or keeps any more, each with the target that had it.
    fn unneeded(&self) -> Vec<(RootedPath, Option<Target>)> {
        let Change { observed, after, changed, shed, .. } = self;
        let needed: BTreeSet<&RootedPath> = after.targets.values().flat_map(Installed::files).collect();
        let names: BTreeSet<String> = changed.iter().chain(shed).map(|target| target.emulator()).collect();
        let of_version = |path: &RootedPath| {
            path.parent().is_some_and(|version| version.parent() == Some(observed.layout.emulators()))
        };
        let had = |path: &RootedPath| {
            let had = observed.receipt.targets.iter().filter(|(_, had)| had.files().any(|file| file == path));
            had.map(|(target, _)| *target).collect::<Vec<_>>()
        };
        let unneeded = observed.files.keys().filter(|path| of_version(path) && names.contains(path.name()));
        let unneeded = unneeded.filter(|path| !needed.contains(path));
        unneeded
            .filter_map(|path| match had(path)[..] {
                [] => Some((path.clone(), None)),
                [target] => Some((path.clone(), Some(target))),
                // One of them may fail its proof, and have it again: the next change takes it away.
                _ => None,
            })
            .collect()
    }

    /// Writes down what was done, and which directories are to go again with the last target.
    fn finish(mut self, plan: &mut Plan, offer: Option<&Offer>) {
        let observed = self.observed;
        let own = [observed.layout.prefix(), observed.layout.state()];
        let is_own = |path: &RootedPath| own.iter().any(|own| path.is_below(own));
        let strange = plan.made().filter(|path| !is_own(path)).cloned().collect::<Vec<_>>();
        self.after.directories.extend(strange);
        if let Some(offer) = offer {
            remember(plan, &offer.trust, observed);
        }
        let made: Vec<RootedPath> = plan.made().cloned().collect();
        plan.push(Step::Record { after: self.after, before: observed.receipt.clone() });
        plan.sweep.push(observed.layout.staging());
        plan.prune.extend(made.into_iter().rev());
    }
}

/// Writes down what was seen of repositories.
fn remember(plan: &mut Plan, trust: &str, observed: &Observed) {
    let before = observed.trust.clone();
    if before.as_deref() != Some(trust) {
        plan.push(Step::PutFile { path: observed.layout.trust(), after: Some(trust.to_owned()), before });
    }
}

/// Takes away emulators, and the directories in which none is left.
fn clear_away(plan: &mut Plan, unneeded: Vec<(RootedPath, Option<Target>)>, observed: &Observed) {
    for (from, target) in unneeded {
        let Some(version) = from.parent() else { continue };
        let to = observed.layout.staging().join(&format!("{}-{}", version.name(), from.name()));
        plan.steps.push(Planned { target, step: Step::Move { from, to } });
        if !plan.prune.contains(&version) {
            plan.prune.push(version);
        }
    }
}
