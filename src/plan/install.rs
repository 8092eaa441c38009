//! The plan of `qus install`.

use super::Plan;
use super::change::Change;
use super::offer::Offer;
use super::target::{
    answers, displaces, dropin_path, has_link, leader, link_text, newcomer_entry, newcomer_file, rival,
};
use crate::channel::Channel;
use crate::conflict::Conflict;
use crate::dropin;
use crate::observed::{Binfmt, FileState, Observed};
use crate::receipt::Installed;
use crate::release::Release;
use crate::rooted::RootedPath;
use crate::rule::{Match, Pattern};
use crate::target::Target;
use crate::wanted::{Consent, Letters, Pick, Selection};

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
    let mut change = Change::of(observed);
    for wanted in wanted_versions(selection, consent, observed, offer)? {
        let target = wanted.target;
        let installed = plan_target(wanted, letters, consent, observed, offer)?;
        let there = observed.receipt.targets.get(&target);
        let followed = there.map_or_else(|| installed.channel.clone(), |there| there.channel.clone());
        if is_present(target, &Installed { channel: followed, ..installed.clone() }, observed) {
            change.note(target, installed);
            continue;
        }
        let same_file = there.is_some_and(|there| there.path == installed.path && there.sha256 == installed.sha256);
        change.put(target, installed, !same_file || observed.damaged.contains(&target));
    }
    change.plan(Some(offer))
}

/// A target that is meant.
struct Wanted<'a> {
    target: Target,
    /// The release that it is to come from.
    release: &'a Release,
    /// The channel that it follows from now on.
    channel: Option<Channel>,
}

/// Each target that is meant, with the release it is to come from.
fn wanted_versions<'a>(
    selection: &Selection,
    consent: Consent,
    observed: &Observed,
    offer: &Offer<'a>,
) -> Result<Vec<Wanted<'a>>, Conflict> {
    match selection {
        Selection::All => {
            let is_meant = |target: &Target| {
                // An emulator under a second name comes only when it is named.
                target.emulated_by() == *target
                    && !is_own(*target, observed)
                    && !observed.native.contains(target)
                    && !observed.receipt.targets.get(target).is_some_and(|installed| installed.pinned)
                    && (consent.take_over || is_settled(*target, observed) || rival(*target, observed).is_none())
            };
            let wanted = Target::all().filter(is_meant).map(|target| wanted(target, None, observed, offer));
            let mut wanted = wanted.collect::<Result<Vec<_>, _>>()?;
            wanted.retain(|wanted| {
                wanted.release.targets(observed.host).any(|offered| offered == wanted.target.emulated_by())
            });
            Ok(wanted)
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
                wanted(target, choice.pick.as_ref(), observed, offer)
            })
            .collect(),
    }
}

/// Which release `target` is to come from. What is pinned and named without a version stays at its own.
fn wanted<'a>(
    target: Target,
    pick: Option<&Pick>,
    observed: &Observed,
    offer: &Offer<'a>,
) -> Result<Wanted<'a>, Conflict> {
    let before = observed.receipt.targets.get(&target);
    let followed = || before.and_then(|before| before.channel.clone());
    let pinned = before.filter(|before| before.pinned).map(|before| &before.version);
    let asked = pick.and_then(Pick::channel).or(offer.terms.asked.as_ref());
    let (version, channel) = match (pick.and_then(Pick::version), asked, pinned) {
        (Some(version), _, _) | (None, None, Some(version)) => (version, followed()),
        (None, Some(channel), _) => (offer.named_by(channel)?, Some(channel.clone())),
        (None, None, None) => (offer.named_by(followed().as_ref().unwrap_or(&offer.terms.usual))?, followed()),
    };
    Ok(Wanted { target, release: offer.release(version)?, channel })
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

/// What the receipt will say of a target.
fn plan_target(
    Wanted { target, release, channel }: Wanted,
    letters: &Letters,
    consent: Consent,
    observed: &Observed,
    offer: &Offer,
) -> Result<Installed, Conflict> {
    let version = &release.version;
    let member = offer.sound_member(release, observed.host, target)?;
    let before = observed.receipt.targets.get(&target);
    if let Some(before) = before.filter(|before| before.version > *version && !consent.downgrade) {
        return Err(Conflict::OlderVersion { target, offered: version.clone(), installed: before.version.clone() });
    }
    let path = observed.layout.emulator(target, version);
    let yields = before.and_then(|before| before.yields.clone());
    let mut installed = Installed {
        version: version.clone(),
        repository: offer.repository.to_owned(),
        channel,
        pinned: before.is_some_and(|before| before.pinned),
        rule: letters.rule(target, path.as_str(), observed.kernel)?,
        path,
        size: member.size,
        sha256: member.sha256,
        dropin: dropin_path(target, yields.as_ref(), observed)?,
        yields,
        displaced: before.and_then(|before| before.displaced.clone()),
        previous: offer.kept(before, version),
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
