//! The plan of `qus install`.

use std::collections::{BTreeMap, BTreeSet};

use super::target::{
    answers, displaces, dropin_path, has_link, leader, link_text, newcomer_entry, newcomer_file, put_dropin, put_entry,
    put_link, rival,
};
use super::{Plan, Planned, Step, check_places, reach_kernel};
use crate::conflict::Conflict;
use crate::dropin;
use crate::observed::{Binfmt, FileState, Observed};
use crate::receipt::{Installed, Receipt};
use crate::release::{Asset, Form, Index, Release, STABLE};
use crate::rooted::RootedPath;
use crate::rule::{Match, Pattern};
use crate::target::Target;
use crate::version::Version;
use crate::wanted::{Consent, Letters, Selection};

/// Room that a change needs beside the bytes it installs, for directories and documents.
const SPARE: u64 = 1024 * 1024;

/// What a repository offers, and how it is to be used.
#[derive(Debug)]
pub struct Offer<'a> {
    /// The verified index.
    pub index: &'a Index,
    /// URL of the repository.
    pub repository: &'a str,
    /// What to remember of the repository from now on.
    pub trust: String,
}

/// How to install `selection` from `offer`.
///
/// `all` leaves out what the host runs by itself, what somebody else runs who was chosen on purpose, and what
/// the release does not have. A target that is named is installed in these cases with `consent`, but never if
/// its rule would match the host's own programs.
pub fn install(
    selection: &Selection,
    letters: &Letters,
    consent: Consent,
    observed: &Observed,
    offer: &Offer,
) -> Result<Plan, Conflict> {
    if let Some(entry) = observed.emulating() {
        return Err(Conflict::Emulated(entry.name().clone()));
    }
    let wanted = wanted_versions(selection, consent, observed, offer.index)?;
    let mut fetches: BTreeMap<Version, BTreeSet<Target>> = BTreeMap::new();
    let mut after = observed.receipt.clone();
    let mut changed = Vec::new();
    for (target, release) in wanted {
        let installed = plan_target(target, release, letters, observed, offer)?;
        if is_present(target, &installed, observed) {
            continue;
        }
        let there = observed.receipt.targets.get(&target);
        let same_file = there.is_some_and(|there| there.path == installed.path && there.sha256 == installed.sha256);
        if !same_file || observed.damaged.contains(&target) {
            fetches.entry(release.version.clone()).or_default().insert(target.emulated_by());
        }
        after.targets.insert(target, installed);
        changed.push(target);
    }

    let mut plan = Plan::default();
    if changed.is_empty() {
        return Ok(plan);
    }
    check_places(observed)?;
    let layout = &observed.layout;
    let mut needed = SPARE;
    for (version, targets) in &fetches {
        plan.make_directories(&layout.version(version), observed);
        plan.make_directories(&layout.staging(), observed);
        for (asset, targets) in cheapest(offer, version, observed, targets) {
            needed += asset.size
                + targets.iter().filter_map(|target| asset.member(*target)).map(|member| member.size).sum::<u64>();
            plan.push(Step::Fetch { version: version.clone(), asset: asset.clone(), targets, into: layout.staging() });
        }
    }
    if observed.space < needed {
        return Err(Conflict::Full { path: layout.emulators(), free: observed.space, needed });
    }
    for directory in layout.drop_ins().into_iter().chain([layout.state()]) {
        plan.make_directories(directory, observed);
    }

    for (version, targets) in &fetches {
        for target in targets {
            let mut users = changed.iter().filter(|user| user.emulated_by() == *target);
            // Whose proof fails, takes its emulator back, unless another's target has it too.
            let user = users.next().copied().filter(|_| users.next().is_none());
            place(&mut plan, *target, user, version, observed);
        }
    }
    for target in &changed {
        put_link(&mut plan, *target, &after, observed);
    }
    if !matches!(observed.binfmt, Binfmt::NotAsked) {
        reach_kernel(&mut plan, observed)?;
        let own = |target: &&Target| leader(&after.targets[*target], observed).is_none();
        for target in changed.iter().filter(own) {
            put_entry(&mut plan, *target, &after.targets[target].rule, observed)?;
        }
        for target in changed.iter().filter(own) {
            plan.push_for(*target, Step::Prove);
        }
    }
    for target in &changed {
        put_dropin(&mut plan, *target, &after.targets[target], observed)?;
    }
    finish(&mut plan, after, observed, offer);
    Ok(plan)
}

/// Each target that is meant, with the release it is to come from.
fn wanted_versions<'a>(
    selection: &Selection,
    consent: Consent,
    observed: &Observed,
    index: &'a Index,
) -> Result<Vec<(Target, &'a Release)>, Conflict> {
    let release = |version: Option<&Version>| {
        let version = version.or_else(|| index.channels.get(STABLE)).ok_or(Conflict::NoStable)?;
        index.release(version).ok_or_else(|| Conflict::NoSuchVersion(version.clone()))
    };
    match selection {
        Selection::All => {
            let release = release(None)?;
            let offered: BTreeSet<Target> = release.targets(observed.host).collect();
            Ok(Target::all()
                .filter(|target| offered.contains(&target.emulated_by()))
                .filter(|target| !is_own(*target, observed) && !observed.native.contains(target))
                .filter(|target| {
                    consent.take_over || is_settled(*target, observed) || rival(*target, observed).is_none()
                })
                // An emulator under a second name comes only when it is named.
                .filter(|target| target.emulated_by() == *target)
                .map(|target| (target, release))
                .collect())
        }
        Selection::Named(choices) => choices
            .iter()
            .map(|choice| {
                let target = choice.target;
                if is_own(target, observed) {
                    return Err(Conflict::Own(target));
                }
                if observed.native.contains(&target) && !consent.emulate_native {
                    return Err(Conflict::Native(target));
                }
                if let Some((owner, by)) = rival(target, observed)
                    && !consent.take_over
                    && !is_settled(target, observed)
                {
                    // Consent does not help where ours could not win after a boot.
                    dropin_path(target, None, observed)?;
                    return Err(Conflict::Rival { target, owner, by });
                }
                Ok((target, release(choice.version.as_ref())?))
            })
            .collect(),
    }
}

/// Every named target that somebody else runs who has to be asked for it first.
pub fn rivals(selection: &Selection, observed: &Observed) -> Vec<Conflict> {
    let Selection::Named(choices) = selection else { return Vec::new() };
    let unsettled = choices.iter().map(|choice| choice.target).filter(|target| !is_settled(*target, observed));
    unsettled
        .filter_map(|target| rival(target, observed).map(|(owner, by)| Conflict::Rival { target, owner, by }))
        .collect()
}

/// Whether `target`'s rule would match this very program, and so the host's own.
pub(super) fn is_own(target: Target, observed: &Observed) -> bool {
    [Match::Elf, Match::AppImage].iter().any(|programs| observed.is_own(&Pattern::of(target, *programs)))
}

/// Whether it was decided before who runs `target`: it is installed, and answers, or stands back as it was told to.
fn is_settled(target: Target, observed: &Observed) -> bool {
    let installed = observed.receipt.targets.get(&target);
    let newcomer = || newcomer_entry(target, observed).or_else(|| newcomer_file(target, observed));
    installed.is_some_and(|installed| installed.yields.is_some() || newcomer().is_none())
}

/// What the receipt will say of `target`.
fn plan_target(
    target: Target,
    release: &Release,
    letters: &Letters,
    observed: &Observed,
    offer: &Offer,
) -> Result<Installed, Conflict> {
    let (host, version) = (observed.host, &release.version);
    let emulator = target.emulated_by();
    let member = release
        .asset(Form::Emulator, host, emulator)
        .or_else(|| release.asset(Form::Set, host, emulator))
        .and_then(|asset| asset.member(emulator))
        .ok_or_else(|| Conflict::NotOffered { target, host, version: version.clone() })?;
    let before = observed.receipt.targets.get(&target);
    if let Some(before) = before.filter(|before| before.version > *version) {
        return Err(Conflict::OlderVersion { target, offered: version.clone(), installed: before.version.clone() });
    }
    let path = observed.layout.emulator(target, version);
    let yields = before.and_then(|before| before.yields.clone());
    let mut installed = Installed {
        version: version.clone(),
        repository: offer.repository.to_owned(),
        rule: letters.rule(target, path.as_str(), observed.kernel)?,
        path,
        size: member.size,
        sha256: member.sha256,
        dropin: dropin_path(target, yields.as_ref(), observed)?,
        yields,
        displaced: before.and_then(|before| before.displaced.clone()),
    };
    if leader(&installed, observed).is_none() {
        installed.displaced = displaces(target, observed).cloned().or(installed.displaced);
    }
    Ok(installed)
}

/// Whether nothing need be done for `target`.
fn is_present(target: Target, installed: &Installed, observed: &Observed) -> bool {
    let registered = match &observed.binfmt {
        Binfmt::NotAsked => true,
        _ => leader(installed, observed).is_some() || answers(target, &installed.rule, observed),
    };
    let is = |path: &RootedPath, state: FileState| observed.files.get(path) == Some(&state);
    observed.receipt.targets.get(&target) == Some(installed)
        && !observed.damaged.contains(&target)
        && registered
        && installed.dropin.as_ref().is_none_or(|path| is(path, FileState::Text(dropin::text(&installed.rule))))
        && (!has_link(target, &observed.receipt)
            || is(&observed.layout.link(target), FileState::Link(link_text(installed))))
}

/// The assets by which `targets` of `version` move the fewest bytes, and what to take from each.
fn cheapest<'a>(
    offer: &Offer<'a>,
    version: &Version,
    observed: &Observed,
    targets: &BTreeSet<Target>,
) -> Vec<(&'a Asset, Vec<Target>)> {
    let release = offer.index.release(version);
    release.map(|release| release.cheapest(observed.host, targets)).unwrap_or_default()
}

/// Puts an emulator in its place, and what lay there aside.
fn place(plan: &mut Plan, target: Target, user: Option<Target>, version: &Version, observed: &Observed) {
    let layout = &observed.layout;
    let mut steps = Vec::new();
    let to = layout.emulator(target, version);
    if observed.files.contains_key(&to) {
        let aside = layout.staging().join(&format!("{}.old", target.emulator()));
        steps.push(Step::Move { from: to.clone(), to: aside });
    }
    steps.push(Step::Move { from: layout.staging().join(&target.emulator()), to });
    plan.steps.extend(steps.into_iter().map(|step| Planned { target: user, step }));
}

/// Writes down what was done, and which directories are to go again with the last target.
fn finish(plan: &mut Plan, mut after: Receipt, observed: &Observed, offer: &Offer) {
    let own = [observed.layout.prefix(), observed.layout.state()];
    let is_own = |path: &RootedPath| own.iter().any(|own| path.is_below(own));
    let strange = plan.made().filter(|path| !is_own(path)).cloned().collect::<Vec<_>>();
    after.directories.extend(strange);
    let before = observed.trust.clone();
    if before.as_deref() != Some(&offer.trust) {
        plan.push(Step::PutFile { path: observed.layout.trust(), after: Some(offer.trust.clone()), before });
    }
    let made: Vec<RootedPath> = plan.made().cloned().collect();
    plan.push(Step::Record { after, before: observed.receipt.clone() });
    plan.sweep.push(observed.layout.staging());
    plan.prune.extend(made.into_iter().rev());
}
