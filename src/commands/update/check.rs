//! `qus update --check`: what there is, without changing anything.

use super::super::repository::Opened;
use super::super::{Context, Failure, advisories};
use super::document::Document;
use super::{look, sources, tell_prospects};
use crate::exit::{Exit, Explain};
use crate::news::News;
use crate::observed::Observed;
use crate::plan::{self, Prospect, Terms, Verdict};
use crate::receipt::Installed;
use crate::system::{interrupt, journal};
use crate::target::Target;
use crate::trust::Memory;
use crate::wanted::{Consent, Selection};

pub(super) fn run(selection: &Selection, consent: Consent, terms: &Terms, context: &Context) -> Result<Exit, Failure> {
    if !matches!(journal::unfinished(&context.root), Ok(None)) {
        context.ui.note("a change is under way, or was interrupted: what is installed may be other than it seems");
    }
    let observed = look(context)?;
    let mut document = Document::default();
    let mut memory = Memory::default();
    let named = context.global.repository.is_some();
    let urls = sources(selection, &observed, context)?;
    let several = urls.len() > 1;
    let mut failed = None;
    for url in urls {
        let opened = match Opened::look(&url, terms, &observed, context) {
            Err(failure @ Failure::Store(_)) if several && !interrupt::asked() => {
                context.ui.error(&failure);
                failed.get_or_insert(failure.exit());
                continue;
            }
            opened => opened?,
        };
        let is_meant = |installed: &Installed| named || installed.repository == url;
        let found = plan::prospects(selection, consent, &observed, &opened.offer(), is_meant)?;
        document.targets.extend(found);
        memory.repositories.extend(opened.memory.repositories);
    }
    for Prospect { target, installed, offered, .. } in document.targets.iter().filter(|prospect| is_newer(prospect)) {
        context.ui.result(format!("{target} {installed} -> {offered}"));
    }
    tell_prospects(&document.targets, context);
    tell_older(&document.targets, context);
    let news = News::of(&memory);
    let targets = Target::all().filter(|target| selection.includes(*target));
    document.advisories = advisories::of(targets, &observed, &news);
    advisories::tell(&document.advisories, |targets| cure(targets, &document.targets, &observed, &news), context);
    advisories::tell_tool(&news, context);
    let newer = document.targets.iter().any(is_newer);
    if !newer && failed.is_none() && !context.global.quiet {
        context.ui.result("there is nothing newer");
    }
    context.ui.document(&document);
    Ok(failed.unwrap_or(if newer { Exit::Newer } else { Exit::Done }))
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
