//! The plan of `qus update`: installed targets get what their channels name.

use serde::Serialize;

use super::Plan;
use super::change::Change;
use super::offer::Offer;
use super::target::{displaces, leader, newcomer_entry, newcomer_file, put_dropin};
use crate::channel::Channel;
use crate::conflict::Conflict;
use crate::observed::Observed;
use crate::receipt::Installed;
use crate::target::Target;
use crate::version::Version;
use crate::wanted::{Consent, Pick, Selection};

/// What an update does, and what it finds.
#[derive(Debug, Default)]
pub struct Update {
    /// What is to be done.
    pub plan: Plan,
    /// Every target that was looked at.
    pub prospects: Vec<Prospect>,
    /// Targets that are left as they are, though there is something for them.
    pub refused: Vec<(Target, Conflict)>,
}

/// What there is for one target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Prospect {
    /// The target.
    pub target: Target,
    /// The channel that it follows.
    pub channel: Channel,
    /// What is installed.
    pub installed: Version,
    /// What the channel names.
    pub offered: Version,
    /// What that is.
    pub verdict: Verdict,
    /// Why the installed version was withdrawn, if it was.
    pub withdrawn: Option<String>,
    /// Whether the installed emulator was revoked.
    pub revoked: bool,
    /// The kept versions that were.
    pub previous_revoked: Vec<Version>,
}

/// What a channel has for a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Something newer than what is installed, or older and asked for; or anything else, where that was revoked.
    Move,
    /// The version that is installed.
    Current,
    /// An older version.
    Older,
    /// Something else, but it is pinned.
    Pinned,
    /// A version that was withdrawn.
    Withdrawn,
    /// An emulator that was revoked.
    Revoked,
    /// A version without an emulator of this target for this host.
    NotOffered,
}

/// How to bring the installed targets of `selection` to what their channels name in `offer`. Of those that came from
/// another repository it knows nothing: they are to be left out by `is_meant`.
///
/// Whatever was chosen for a target stays: its flags, who goes before it, where its drop-in lies. What cannot be
/// changed is left as it is; if it was named, that is an error. What was revoked gives way to whatever its channel names,
/// pinned or not, newer or older; and is kept no more.
pub fn update(
    selection: &Selection,
    consent: Consent,
    observed: &Observed,
    offer: &Offer,
    is_meant: impl Fn(&Installed) -> bool,
) -> Result<Update, Conflict> {
    if let Some(entry) = observed.emulating() {
        return Err(Conflict::Emulated(entry.name().clone()));
    }
    let mut update = Update::default();
    let mut change = Change::of(observed);
    for prospect in prospects(selection, consent, observed, offer, is_meant)? {
        let target = prospect.target;
        let installed = &observed.receipt.targets[&target];
        let unchanged = || Installed { previous: offer.unrevoked(installed), ..installed.clone() };
        match prospect.verdict {
            Verdict::Move => match successor(&prospect, installed, observed, offer) {
                Ok(after) => change.put(target, followed(&prospect, after, selection, offer), true),
                Err(conflict) => update.refused.push((target, conflict)),
            },
            Verdict::Revoked => {
                let version = prospect.offered.clone();
                update.refused.push((target, Conflict::Revoked { target, version }));
                change.note(target, unchanged());
            }
            Verdict::Older => {
                let (offered, installed) = (prospect.offered.clone(), prospect.installed.clone());
                update.refused.push((target, Conflict::OlderVersion { target, offered, installed }));
                change.note(target, unchanged());
            }
            _ => change.note(target, followed(&prospect, unchanged(), selection, offer)),
        }
        update.prospects.push(prospect);
    }
    if *selection != Selection::All && !update.refused.is_empty() {
        return Err(update.refused.remove(0).1);
    }
    update.plan = change.plan(Some(offer))?;
    Ok(update)
}

/// What there is for each target that is meant.
pub fn prospects(
    selection: &Selection,
    consent: Consent,
    observed: &Observed,
    offer: &Offer,
    is_meant: impl Fn(&Installed) -> bool,
) -> Result<Vec<Prospect>, Conflict> {
    let installed = observed.receipt.targets.iter();
    let meant = installed.filter(|(target, installed)| selection.includes(**target) && is_meant(installed));
    meant
        .map(|(target, installed)| {
            let asked = asked(*target, selection, offer);
            let channel = asked.or(installed.channel.as_ref()).unwrap_or(&offer.terms.usual);
            look(*target, channel, installed, consent, observed, offer)
        })
        .collect()
}

/// The channel that `target` is to follow from now on, if one was named.
fn asked<'a>(target: Target, selection: &'a Selection, offer: &'a Offer) -> Option<&'a Channel> {
    selection.pick(target).and_then(Pick::channel).or(offer.terms.asked.as_ref())
}

/// The same with the channel that it follows from now on.
fn followed(prospect: &Prospect, installed: Installed, selection: &Selection, offer: &Offer) -> Installed {
    match asked(prospect.target, selection, offer) {
        Some(channel) => Installed { channel: Some(channel.clone()), ..installed },
        None => installed,
    }
}

/// What `offer` has for `target`.
fn look(
    target: Target,
    channel: &Channel,
    installed: &Installed,
    consent: Consent,
    observed: &Observed,
    offer: &Offer,
) -> Result<Prospect, Conflict> {
    let offered = offer.named_by(channel)?;
    let member = match offer.release(offered) {
        Ok(release) => offer.sound_member(release, observed.host, target),
        Err(unknown @ Conflict::NoSuchVersion { .. }) => return Err(unknown),
        Err(conflict) => Err(conflict),
    };
    let is_revoked = |repository: &str, sha256| offer.news.revoked(repository, sha256);
    let revoked = is_revoked(&installed.repository, &installed.sha256);
    let verdict = match offered.cmp(&installed.version) {
        // Whatever it is: of the same version there may be another file by now.
        _ if revoked && member.as_ref().is_ok_and(|member| member.sha256 != installed.sha256) => Verdict::Move,
        std::cmp::Ordering::Equal => Verdict::Current,
        _ if installed.pinned => Verdict::Pinned,
        _ if matches!(member, Err(Conflict::Withdrawn { .. })) => Verdict::Withdrawn,
        _ if matches!(member, Err(Conflict::Revoked { .. })) => Verdict::Revoked,
        _ if member.is_err() => Verdict::NotOffered,
        std::cmp::Ordering::Less if !consent.downgrade => Verdict::Older,
        _ => Verdict::Move,
    };
    let own = offer.index.release(&installed.version).filter(|_| installed.repository == offer.repository);
    Ok(Prospect {
        target,
        channel: channel.clone(),
        installed: installed.version.clone(),
        offered: offered.clone(),
        verdict,
        withdrawn: own.and_then(|release| release.withdrawn.clone()),
        revoked,
        previous_revoked: {
            let kept = installed.previous.iter().filter(|kept| is_revoked(&kept.repository, &kept.sha256));
            kept.map(|kept| kept.version.clone()).collect()
        },
    })
}

/// What the receipt will say of a target once it has what its channel names.
fn successor(
    Prospect { target, offered, .. }: &Prospect,
    installed: &Installed,
    observed: &Observed,
    offer: &Offer,
) -> Result<Installed, Conflict> {
    let target = *target;
    // Whom somebody chose since may be meant to win: that is not decided here.
    let newcomer = newcomer_entry(target, observed).or_else(|| newcomer_file(target, observed));
    if let Some(conflict) = newcomer.filter(|_| installed.yields.is_none()) {
        return Err(conflict);
    }
    let release = offer.release(offered)?;
    let member = offer.sound_member(release, observed.host, target)?;
    let path = observed.layout.emulator(target, &release.version);
    let mut after = Installed {
        version: release.version.clone(),
        repository: offer.repository.to_owned(),
        rule: installed.rule.running(path.as_str())?,
        path,
        size: member.size,
        sha256: member.sha256,
        previous: offer.kept(Some(installed), &release.version),
        ..installed.clone()
    };
    if leader(&after, observed).is_none() {
        after.displaced = displaces(target, observed).cloned().or(after.displaced);
    }
    // A drop-in that somebody masked is in the way of this target alone.
    put_dropin(&mut Plan::default(), target, &after, observed)?;
    Ok(after)
}
