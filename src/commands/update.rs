//! `qus update`.

mod check;
mod document;
mod failures;

use std::collections::BTreeSet;

use super::repository::{self, Opened};
use super::{Context, Failure, advisories, bundle, install, tell};
use crate::cli::{FromArgs, UpdateArgs};
use crate::conflict::Conflict;
use crate::exit::{Exit, Explain};
use crate::news::News;
use crate::observed::Observed;
use crate::package::Deed;
use crate::plan::{self, Prospect, Terms, Update, Verdict};
use crate::proof::Proof;
use crate::receipt::Receipt;
use crate::settings::Window;
use crate::system::interrupt;
use crate::system::local_time::minute_of_day;
use crate::system::observe::{Look, observe};
use crate::target::Target;
use crate::trust::Memory;
use crate::ui::describe;
use crate::wanted::{Consent, Selection};

use document::Document;
use failures::{Failures, lets_others_go_on};

pub(super) fn run(args: &UpdateArgs, context: &Context) -> Result<Exit, Failure> {
    let selection = Selection::resolve_or_all(&args.targets)?.of_channels()?;
    let settings = context.settings()?;
    if let Some(window) = settings.update.window.as_ref().filter(|_| args.scheduled)
        && !window.is_open(minute_of_day(context.now))
    {
        return Ok(outside(window, context));
    }
    let terms = repository::terms(&args.versions, &settings)?;
    let consent = Consent { downgrade: args.versions.allow_downgrade, ..Consent::default() };
    if args.check {
        return check::run(&selection, consent, &terms, context);
    }
    interrupt::catch();
    let _lock = context.begin_change()?;
    let observed = look(context)?;
    let mut done = Done { memory: remembered(&observed, context)?, ..Done::default() };
    let urls = match bundle::repository(&args.from, context)? {
        Some(url) if !observed.receipt.is_empty() => [url].into(),
        _ => sources(&selection, &observed, context)?,
    };
    let wish = Wish { selection: &selection, consent, terms: &terms, from: &args.from };
    let several = urls.len() > 1;
    for url in urls {
        match done.update(&url, &wish, context) {
            Err(failure) if several && lets_others_go_on(&failure) => done.failed.add(&url, &failure, context),
            updated => updated?,
        }
    }
    done.conclude(&selection, observed, context)
}

fn outside(window: &Window, context: &Context) -> Exit {
    context.ui.note(format!("nothing is done now: the window is {window}"));
    context.ui.document(&Document::default());
    Exit::Done
}

/// The machine, with all that is installed.
fn look(context: &Context) -> Result<Observed, Failure> {
    Ok(observe(&context.root, context.kernel(), Look { native: &[], contents: &[], files: true })?)
}

/// The repositories to be asked: the one that is named, or else each from which something came that is meant.
fn sources(selection: &Selection, observed: &Observed, context: &Context) -> Result<BTreeSet<String>, Failure> {
    plan::check_packages(selection, Deed::Upgrade, observed)?;
    let installed = &observed.receipt.targets;
    if let Selection::Named(choices) = selection
        && let Some(choice) = choices.iter().find(|choice| !installed.contains_key(&choice.target))
    {
        return Err(Conflict::NotInstalled(choice.target).into());
    }
    let meant = installed.iter().filter(|(target, _)| selection.includes(**target));
    let own: BTreeSet<String> = meant.map(|(_, installed)| installed.repository.clone()).collect();
    Ok(match &context.global.repository {
        Some(url) if !own.is_empty() => [url.trim_end_matches('/').to_owned()].into(),
        _ => own,
    })
}

/// What was last heard of the repositories that something is installed from: also of one that fails now.
fn remembered(observed: &Observed, context: &Context) -> Result<Memory, Failure> {
    if observed.receipt.is_empty() { Ok(Memory::default()) } else { context.recall(observed.trust.as_deref()) }
}

/// What is wanted.
struct Wish<'a> {
    selection: &'a Selection,
    consent: Consent,
    terms: &'a Terms,
    from: &'a FromArgs,
}

/// What was done so far.
#[derive(Default)]
struct Done {
    document: Document,
    refused: Vec<(Target, Conflict)>,
    memory: Memory,
    failed: Failures,
    /// As it is now, if it was changed.
    receipt: Option<Receipt>,
}

impl Done {
    /// Updates what came from the repository at `url`, or all if it was named.
    fn update(&mut self, url: &str, wish: &Wish, context: &Context) -> Result<(), Failure> {
        let mut observed = look(context)?;
        let opened = Opened::at(Some(url), wish.from, wish.terms, &mut observed, context)?;
        let done = self.bring(&opened, wish, &mut observed, context);
        context.or_remember(done, &mut observed, &opened.memory)
    }

    /// Brings what is meant to what `opened` has for it.
    fn bring(
        &mut self,
        opened: &Opened,
        wish: &Wish,
        observed: &mut Observed,
        context: &Context,
    ) -> Result<(), Failure> {
        let offer = opened.offer();
        let url = opened.store.url();
        let named = context.global.repository.is_some();
        let is_meant = |installed: &crate::receipt::Installed| named || installed.repository == url;
        let Update { plan, prospects, refused } =
            plan::update(wish.selection, wish.consent, observed, &offer, is_meant)?;
        let (report, remembered) = opened.carry_out(&plan, observed, context)?;
        let moved = prospects.iter().filter(|prospect| is_moved(prospect, &refused));
        for Prospect { target, installed, offered, .. } in moved.filter(|_| !report.dry_run) {
            match report.proofs.iter().find(|proof| proof.target == *target && report.dropped.contains(target)) {
                Some(Proof { outcome, .. }) => context.ui.warn(format!(
                    "{target} {offered} does not run: {}; {installed} is back in its place",
                    describe(outcome)
                )),
                None => context.ui.result(format!("{target} {installed} -> {offered}")),
            }
        }
        tell::followed(&plan, &report, context);
        tell_prospects(&prospects, context);
        for (_, conflict) in &refused {
            context.ui.warn(conflict);
            if let Some(help) = conflict.help() {
                context.ui.help(help);
            }
        }
        if let Some(receipt) = plan.receipt(&report.dropped).filter(|_| !report.dry_run) {
            self.receipt = Some(receipt);
        }
        self.document.add(prospects, &refused, report);
        self.refused.extend(refused);
        opened.add_news(&mut self.memory);
        remembered
    }

    /// Says what is left to say of a machine that was as `observed`, and how it ends. It is not looked at again: what is
    /// done is done, whether or not it can still be read.
    fn conclude(mut self, selection: &Selection, mut observed: Observed, context: &Context) -> Result<Exit, Failure> {
        if let Some(receipt) = self.receipt.take() {
            observed.receipt = receipt;
        }
        let news = News::of(&self.memory);
        let targets = Target::all().filter(|target| selection.includes(*target));
        self.document.advisories = advisories::of(targets, &observed, &news);
        advisories::tell(&self.document.advisories, &observed, |targets| cure(targets, &observed, &news), context);
        advisories::tell_tool(&news, context);
        let moved = self.document.moved();
        if moved.is_empty() && self.refused.is_empty() && self.failed.exit.is_none() && !context.global.quiet {
            context.ui.result(if observed.receipt.is_empty() {
                "nothing to do: nothing is installed"
            } else {
                "nothing to do: there is nothing newer"
            });
        }
        self.document.failed = self.failed.told;
        context.ui.document(&self.document);
        if !self.document.dropped.is_empty() {
            return Ok(Exit::DoesNotRun);
        }
        if let Some(exit) = self.failed.exit {
            return Ok(exit);
        }
        if let Some((_, conflict)) = self.refused.first() {
            return Ok(conflict.exit());
        }
        if context.global.user && !context.global.dry_run && !moved.is_empty() {
            return install::prove_for_user(&moved, context);
        }
        Ok(Exit::Done)
    }
}

/// Whether a target is to have another version.
fn is_moved(prospect: &Prospect, refused: &[(Target, Conflict)]) -> bool {
    prospect.verdict == Verdict::Move && refused.iter().all(|(target, _)| *target != prospect.target)
}

/// What to do about a fault for which nothing newer was found.
fn cure(targets: &[Target], observed: &Observed, news: &News) -> String {
    let back = |target: &Target| {
        let installed = observed.receipt.targets.get(target);
        installed.is_some_and(|installed| news.lets_go_back(*target, installed, observed.host, observed.kernel))
    };
    if targets.iter().all(back) {
        format!("to go back: qus rollback {}", advisories::names(targets))
    } else {
        "no version without it is at hand".to_owned()
    }
}

/// Why a target stays as it is, though there is something.
fn tell_prospects(prospects: &[Prospect], context: &Context) {
    for Prospect { target, channel, installed, offered, verdict, withdrawn, revoked, previous_revoked } in prospects {
        match verdict {
            Verdict::Pinned => context.ui.note(format!(
                "{target} is pinned to {installed}, and {channel} names {offered}; to follow it again: qus unpin {target}"
            )),
            Verdict::Withdrawn => {
                context.ui.note(format!("{target}: {channel} names {offered}, which was withdrawn"));
            }
            Verdict::NotOffered => {
                context.ui.note(format!("{target}: {channel} names {offered}, which has no emulator of it"));
            }
            Verdict::Revoked => {
                context.ui.warn(format!("{target}: {channel} names {offered}, which was revoked"));
            }
            Verdict::Move | Verdict::Current | Verdict::Older => {}
        }
        if let Some(why) = withdrawn.as_ref().filter(|_| *verdict != Verdict::Move) {
            context.ui.note(format!(
                "{target} is installed in version {installed}, which was withdrawn: {why}; another one: qus install --allow-downgrade {target}@VERSION"
            ));
        }
        if *revoked && *verdict == Verdict::Move {
            context
                .ui
                .note(format!("{target} leaves version {installed}, which was revoked, for what {channel} names"));
        } else if *revoked {
            context.ui.warn(format!(
                "{target} is installed in version {installed}, which was revoked: nobody is to run it any more; another one: qus install --allow-downgrade {target}@VERSION; or none: qus remove {target}"
            ));
        }
        for kept in previous_revoked {
            context
                .ui
                .note(format!("{target} was kept in version {kept} too, which was revoked: an update takes it away"));
        }
    }
}
