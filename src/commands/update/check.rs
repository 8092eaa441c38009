//! `qus update --check`: what there is, without changing anything.

use super::super::repository::Opened;
use super::super::{Context, Failure, advisories};
use super::document::Document;
use super::failures::{Failures, lets_others_go_on};
use super::{look, remembered, sources, tell_prospects};
use crate::exit::Exit;
use crate::news::News;
use crate::observed::Observed;
use crate::plan::{self, Prospect, Terms, Verdict};
use crate::receipt::Installed;
use crate::system::journal;
use crate::target::Target;
use crate::trust::Memory;
use crate::wanted::{Consent, Selection};

pub(super) fn run(selection: &Selection, consent: Consent, terms: &Terms, context: &Context) -> Result<Exit, Failure> {
    if !matches!(journal::unfinished(&context.root), Ok(None)) {
        context.ui.note("a change is under way, or was interrupted: what is installed may be other than it seems");
    }
    let observed = look(context)?;
    let mut document = Document::default();
    let mut memory = remembered(&observed, context)?;
    let urls = sources(selection, &observed, context)?;
    let several = urls.len() > 1;
    let mut failed = Failures::default();
    for url in urls {
        match find(&url, selection, consent, terms, &observed, &mut memory, context) {
            Err(failure) if several && lets_others_go_on(&failure) => failed.add(&url, &failure, context),
            found => document.targets.extend(found?),
        }
    }
    for Prospect { target, installed, offered, .. } in document.targets.iter().filter(|prospect| is_newer(prospect)) {
        context.ui.result(format!("{target} {installed} -> {offered}"));
    }
    tell_prospects(&document.targets, context);
    tell_older(&document.targets, context);
    let news = News::of(&memory);
    let targets = Target::all().filter(|target| selection.includes(*target));
    document.advisories = advisories::of(targets, &observed, &news);
    advisories::tell(
        &document.advisories,
        &observed,
        |targets| cure(targets, &document.targets, &observed, &news),
        context,
    );
    advisories::tell_tool(&news, context);
    let newer = document.targets.iter().any(is_newer);
    if !newer && failed.exit.is_none() && !context.global.quiet {
        context.ui.result("there is nothing newer");
    }
    document.failed = failed.told;
    context.ui.document(&document);
    Ok(failed.exit.unwrap_or(if newer { Exit::Newer } else { Exit::Done }))
}

/// What the repository at `url` has for what came from it, or for all if it was named. What it says of faults is put
/// into `memory`.
fn find(
    url: &str,
    selection: &Selection,
    consent: Consent,
    terms: &Terms,
    observed: &Observed,
    memory: &mut Memory,
    context: &Context,
) -> Result<Vec<Prospect>, Failure> {
    let opened = Opened::look(url, terms, observed, context)?;
    opened.add_news(memory);
    let is_meant = |installed: &Installed| context.global.repository.is_some() || installed.repository == url;
    Ok(plan::prospects(selection, consent, observed, &opened.offer(), is_meant)?)
}

fn is_newer(prospect: &Prospect) -> bool {
    prospect.verdict == Verdict::Move
}

fn tell_older(prospects: &[Prospect], context: &Context) {
    for Prospect { target, channel, installed, offered, .. } in
        prospects.iter().filter(|prospect| prospect.verdict == Verdict::Older)
    {
        context.ui.note(format!("{target}: {channel} names {offered}, older than the installed {installed}"));
    }
}

/// What to type about a fault: forward where what is offered has it no more, else back.
fn cure(targets: &[Target], prospects: &[Prospect], observed: &Observed, news: &News) -> String {
    let is_sound = |prospect: &Prospect| {
        let mut known = news.concerning(prospect.target, &prospect.offered, observed.host, observed.kernel);
        is_newer(prospect) && known.next().is_none()
    };
    let mut meant = prospects.iter().filter(|prospect| targets.contains(&prospect.target));
    if meant.all(is_sound) {
        format!("the newer version has it no more: qus update {}", advisories::names(targets))
    } else {
        super::cure(targets, observed, news)
    }
}
