//! `qus bundle`: a repository's files for one host in one file, and what `--from` such a file means.

use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use super::{Context, Failure, repository};
use crate::bundle::{Content, Manifest};
use crate::cli::{BundleArgs, BundleCommand, CreateBundleArgs, FromArgs, VerifyBundleArgs};
use crate::exit::Exit;
use crate::host::Host;
use crate::moment::Moment;
use crate::observed::Observed;
use crate::plan::{self, Contents};
use crate::release::Index;
use crate::system::bundle::{self, Bundle, BundleError, Writer};
use crate::system::interrupt;
use crate::system::observe::{Look, observe};
use crate::system::store::{Followed, Store, StoreError};
use crate::trust::{Memory, TrustError, VerifiedIndex};
use crate::ui::Ui;
use crate::wanted::Selection;

/// A day, in seconds.
const DAY: u64 = 24 * 60 * 60;

#[derive(Debug, Serialize)]
struct Document<'a> {
    schema: u32,
    dry_run: bool,
    file: &'a Path,
    /// In bytes.
    size: u64,
    repository: &'a str,
    host: Host,
    serial: u64,
    issued: Moment,
    expires: Moment,
    targets: &'a [Content],
}

pub(super) fn run(args: &BundleArgs, context: &Context) -> Result<Exit, Failure> {
    interrupt::catch();
    match &args.command {
        BundleCommand::Create(args) => create(args, context),
        BundleCommand::Verify(args) => verify(args, context),
    }
}

fn create(args: &CreateBundleArgs, context: &Context) -> Result<Exit, Failure> {
    let selection = Selection::resolve_or_all(&args.targets)?;
    if args.file.symlink_metadata().is_ok() && !context.global.yes {
        return Err(BundleError::Exists(args.file.clone()).into());
    }
    let observed = observe(&context.root, None, Look { native: &[], contents: &[], files: false })?;
    let memory = context.recall(observed.trust.as_deref())?;
    let settings = context.settings()?;
    let channel = repository::channel(args.channel.as_deref(), &settings)?;
    let url = context.global.repository.as_ref().or(settings.repository.as_ref());
    let url = url.map(String::as_str);
    let followed = Followed::at(&context.root, url, context.global.offline, &memory, context.now)?;
    let (store, index, _) = context.look_into(followed, &memory)?;
    let host = args.host.unwrap_or(observed.host);
    let Contents { targets, archives } = plan::bundle(&selection, &channel, host, index.index())?;
    let size = archives.iter().map(|(_, asset)| asset.size).sum();
    let manifest = Manifest {
        kind: Manifest::KIND.to_owned(),
        format: Manifest::FORMAT,
        repository: store.url().to_owned(),
        host,
        targets,
    };
    if context.global.dry_run {
        tell(&args.file, size, &manifest, index.index(), context);
        return Ok(Exit::Done);
    }
    let mut writer = Writer::create(&args.file)?;
    let bar = context.ui.bar(size);
    bundle::gather(&store, &manifest, &archives, &mut writer, &mut |bytes| bar.stands_at(bytes)).map_err(told)?;
    drop(bar);
    // Whoever gets it finds what is found now: by the same checks, on what was really written.
    let bundle = Bundle::open(writer.place())?;
    let index = checked(&bundle, Some(store.url()), Duration::ZERO, &memory, context)?;
    let size = bundle.size();
    writer.finish()?;
    tell(&args.file, size, &manifest, index.index(), context);
    Ok(Exit::Done)
}

fn verify(args: &VerifyBundleArgs, context: &Context) -> Result<Exit, Failure> {
    let observed = observe(&context.root, None, Look { native: &[], contents: &[], files: false })?;
    let bundle = Bundle::open(&args.file)?;
    let url = context.global.repository.as_deref();
    let index = checked(&bundle, url, stale(args.allow_stale), &context.recall(observed.trust.as_deref())?, context)?;
    for content in &bundle.manifest().targets {
        let release = index.index().release(&content.version);
        if let Some(why) = release.and_then(|release| release.withdrawn.as_ref()) {
            context.ui.warn(format!("version {} was withdrawn: {why}", content.version));
        }
    }
    tell(&args.file, bundle.size(), bundle.manifest(), index.index(), context);
    tell_age(index.index(), context.now, context.ui);
    Ok(Exit::Done)
}

/// Checks all that is in a bundle, as an install from it would.
fn checked(
    bundle: &Bundle,
    url: Option<&str>,
    stale: Duration,
    memory: &Memory,
    context: &Context,
) -> Result<VerifiedIndex, Failure> {
    let followed = Followed::in_bundle(&context.root, url, bundle, stale, memory, context.now)?;
    let (store, index, _) = context.look_into(followed, memory).map_err(|error| aged(error, bundle, context.now))?;
    let bar = context.ui.bar(bundle.size());
    bundle::check(bundle, &context.root, store.root(), index.index(), &mut |bytes| bar.stands_at(bytes))
        .map_err(told)?;
    Ok(index)
}

/// The repository whose files are in the bundle that `args` name, if they name one: with its index, and what to remember
/// from now on. Its roots are remembered at once.
pub(super) fn open(
    args: &FromArgs,
    observed: &mut Observed,
    memory: &Memory,
    context: &Context,
) -> Result<Option<(Store, VerifiedIndex, Memory)>, Failure> {
    let Some(file) = &args.from else { return Ok(None) };
    let bundle = Bundle::open(file)?;
    bundle.check_host(observed.host)?;
    let url = context.global.repository.as_deref();
    let stale = stale(args.allow_stale);
    let followed = Followed::in_bundle(&context.root, url, &bundle, stale, memory, context.now)?;
    let believed = context.believe(followed, observed, memory);
    let (store, index, memory) = believed.map_err(|error| aged(error, &bundle, context.now))?;
    tell_age(index.index(), context.now, context.ui);
    Ok(Some((store, index, memory)))
}

/// The repository that the bundle speaks for which `args` name, if they name one.
pub(super) fn repository(args: &FromArgs, context: &Context) -> Result<Option<String>, Failure> {
    let Some(file) = &args.from else { return Ok(None) };
    let typed = context.global.repository.clone();
    Ok(Some(typed.map_or_else(|| Bundle::open(file).map(|bundle| bundle.manifest().repository.clone()), Ok)?))
}

/// Of what has expired in a bundle, it is said what can be done.
fn aged(failure: Failure, bundle: &Bundle, now: Moment) -> Failure {
    match failure {
        Failure::Store(StoreError::Trust(TrustError::Expired { what, at })) => {
            let days = now.0.saturating_sub(at.0) / DAY + 1;
            BundleError::Stale { path: bundle.path().to_owned(), what, at, days }.into()
        }
        failure => failure,
    }
}

/// Says how old the index of a bundle is.
fn tell_age(index: &Index, now: Moment, ui: Ui) {
    let days = |from: Moment, to: Moment| match to.0.saturating_sub(from.0) / DAY {
        0 => "less than a day".to_owned(),
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    };
    let age = format!("the index in the bundle was issued {} ago", days(index.issued, now));
    if now < index.expires {
        ui.note(format!("{age}, expires in {}", days(now, index.expires)));
    } else {
        ui.warn(format!("{age}, and expired {} ago", days(index.expires, now)));
    }
}

fn tell(file: &Path, size: u64, manifest: &Manifest, index: &Index, context: &Context) {
    let Manifest { repository, host, targets, .. } = manifest;
    for Content { target, version } in targets {
        context.ui.result(format!("{target} {version}"));
    }
    let tenths = size.div_ceil(100_000);
    let (count, dry_run) = (targets.len(), context.global.dry_run);
    let emulators = if count == 1 { "emulator" } else { "emulators" };
    let state = if dry_run { "would be written" } else { "is sound" };
    context.ui.note(format!(
        "\"{}\" {state}: {count} {emulators} for {host} hosts, {}.{} MB, of \"{repository}\"",
        file.display(),
        tenths / 10,
        tenths % 10
    ));
    let Index { serial, issued, expires, .. } = *index;
    context.ui.document(&Document {
        schema: 1,
        dry_run,
        file,
        size,
        repository,
        host: *host,
        serial,
        issued,
        expires,
        targets,
    });
}

fn stale(days: u64) -> Duration {
    Duration::from_secs(days.saturating_mul(DAY))
}

/// Whoever ended it need not be told that a read failed.
fn told(error: BundleError) -> BundleError {
    if interrupt::asked() { BundleError::Interrupted } else { error }
}

impl From<BundleError> for Failure {
    fn from(error: BundleError) -> Failure {
        Failure::Bundle(Box::new(error))
    }
}
