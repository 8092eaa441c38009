//! `qus-release packages`: a release's emulators as packages of Debian and of RPM.

mod content;
mod data;
mod deb;
mod rpm;
mod version;
mod words;

use std::collections::{BTreeSet, VecDeque};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ::rpm::Error as RpmError;
use qus::release::{Release, STABLE};
use qus::rooted::RootedPath;
use qus::system::root::Root;
use qus::system::unpack::unpack;
use qus::target::Target;

use crate::believed::Believed;
use crate::cli::{PackagesArgs, time};
use crate::error::{Error, failed};
use crate::import::named;
use crate::repository::Repository;
use crate::staging::Staging;
use crate::ui::{Ui, Work, count, megabytes};

use content::{Edition, Package};
use version::PackageVersion;

/// xz's level, which is dpkg's own too. 9 takes a third longer for the same size (2.71 MB of aarch64, QEMU 11.1.3).
const LEVEL: u32 = 6;

/// Formats of packages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Deb,
    Rpm,
}

/// Makes the packages of a release, of what a reader of the repository would install and nothing else; their files.
///
/// # Atomicity
///
/// Packages get their names when all are ready. One that is there already is replaced by the same bytes only.
pub fn run(args: &PackagesArgs, ui: &Ui) -> Result<Vec<PathBuf>, Error> {
    let repository = Repository::open(&args.repository)?;
    let believed = Believed::read(&repository, args.anchor.as_deref(), time(args.now))?;
    let release = chosen(args, &believed)?;
    let targets = targets(args, release)?;
    let edition = Edition {
        host: args.host,
        version: PackageVersion::of(&release.version, args.revision),
        date: args.date.unwrap_or(believed.index.issued),
        maintainer: args.maintainer.clone(),
        sources: release.sources.clone(),
    };

    let output = Repository::create(&args.output)?;
    let staging = output.staging()?;
    let emulators = staging.folder("emulators")?;
    take(&repository, release, &believed, &targets, args, &emulators, ui)?;
    let mut packages = Vec::new();
    for target in &targets {
        let file = emulators.join(target.emulator());
        let size = file.metadata().map_err(failed("read", &file))?.len();
        packages.push((Package::emulator(*target, &file, size, &edition), size));
    }
    if named(&args.target).is_empty() {
        packages.push((Package::all(targets.iter().copied(), &edition), 0));
    }
    let names = make_all(&packages, &edition, &formats(args), &staging, ui)?;
    if !args.force {
        names.iter().try_for_each(|name| check_unchanged(&staging, &output, name))?;
    }
    staging.place(&names)?;
    Ok(names.iter().map(|name| output.file(name)).collect())
}

/// The release that was named, or that people get who name none.
fn chosen<'a>(args: &PackagesArgs, believed: &'a Believed) -> Result<&'a Release, Error> {
    let version = args.version.as_ref().or_else(|| believed.index.channels.get(STABLE));
    let version = version.ok_or(Error::NoChannel(STABLE))?;
    let release = believed.index.release(version).ok_or_else(|| Error::NoSuchVersion(version.clone()))?;
    match &release.withdrawn {
        Some(why) => Err(Error::Withdrawn { version: version.clone(), why: why.clone() }),
        None => Ok(release),
    }
}

/// The targets that were named, or all but the host itself.
fn targets(args: &PackagesArgs, release: &Release) -> Result<BTreeSet<Target>, Error> {
    let offered: BTreeSet<Target> = release.targets(args.host).collect();
    let mut wanted = named(&args.target);
    if wanted.is_empty() {
        wanted.extend(offered.iter().filter(|target| !words::is_own(args.host, **target)));
    }
    if let Some(own) = wanted.iter().find(|target| words::is_own(args.host, **target)) {
        return Err(Error::OwnTarget { target: *own, host: args.host });
    }
    match wanted.difference(&offered).next() {
        Some(missing) => {
            Err(Error::NotInRelease { version: release.version.clone(), target: *missing, host: args.host })
        }
        None if wanted.is_empty() => Err(Error::HostNotInRelease { version: release.version.clone(), host: args.host }),
        None => Ok(wanted),
    }
}

fn formats(args: &PackagesArgs) -> Vec<Format> {
    match (args.deb, args.rpm) {
        (true, false) => vec![Format::Deb],
        (false, true) => vec![Format::Rpm],
        _ => vec![Format::Deb, Format::Rpm],
    }
}

/// Unpacks the emulators into `folder`: as qus does it, the very bytes that were believed.
fn take(
    repository: &Repository,
    release: &Release,
    believed: &Believed,
    targets: &BTreeSet<Target>,
    args: &PackagesArgs,
    folder: &Path,
    ui: &Ui,
) -> Result<(), Error> {
    let assets = release.cheapest(args.host, targets);
    let size = assets.iter().map(|(asset, _)| asset.size).sum();
    let work = ui.begin("checking and unpacking emulators", size);
    for (asset, taken) in assets {
        let path = folder.join(&asset.file);
        let mut file = File::options();
        let file = file.read(true).write(true).create_new(true).open(&path).map_err(failed("create", &path))?;
        let (_, verified) = repository.take_asset(&release.version, asset, &believed.root, file)?;
        unpack(&Root::image(folder.to_owned()), verified, &taken, &RootedPath::from_trusted("/"))
            .map_err(|error| Error::Unpack { version: release.version.clone(), error })?;
        std::fs::remove_file(&path).map_err(failed("remove", &path))?;
        work.advance(asset.size);
    }
    ui.end(&work, &format!("checked and unpacked emulators, {}", megabytes(size)));
    Ok(())
}

/// What the threads share.
struct Shared<'a> {
    jobs: Mutex<VecDeque<(&'a Package, u64, Format)>>,
    edition: &'a Edition,
    staging: &'a Staging,
    work: Work,
    outcome: Mutex<Result<Vec<String>, Error>>,
}

/// Makes every package in every format, on all processors: the names of their files, in order.
fn make_all(
    packages: &[(Package, u64)],
    edition: &Edition,
    formats: &[Format],
    staging: &Staging,
    ui: &Ui,
) -> Result<Vec<String>, Error> {
    let mut jobs = VecDeque::new();
    for format in formats {
        jobs.extend(packages.iter().map(|(package, size)| (package, *size, *format)));
    }
    let (number, size) = (jobs.len(), jobs.iter().map(|(_, size, _)| size).sum());
    let what = count(number, "package");
    let shared = Shared {
        jobs: Mutex::new(jobs),
        edition,
        staging,
        work: ui.begin(&format!("making {what}"), size),
        outcome: Mutex::new(Ok(Vec::new())),
    };
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads.min(number) {
            scope.spawn(|| shared.drain());
        }
    });
    let Shared { work, outcome, .. } = shared;
    let mut names = outcome.into_inner().unwrap_or_else(PoisonError::into_inner)?;
    ui.end(&work, &format!("made {what}"));
    names.sort();
    Ok(names)
}

impl Shared<'_> {
    /// Makes packages until all are made or something failed.
    fn drain(&self) {
        while !self.work.is_stopped() {
            let next = self.jobs.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            let Some((package, size, format)) = next else { return };
            let made = self.make(package, format);
            self.work.advance(size);
            let mut outcome = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
            match (made, outcome.as_mut()) {
                (Ok(name), Ok(names)) => names.push(name),
                (Err(error), Ok(_)) => {
                    self.work.stop();
                    *outcome = Err(error);
                }
                // The first error stands.
                (_, Err(_)) => {}
            }
        }
    }

    fn make(&self, package: &Package, format: Format) -> Result<String, Error> {
        match format {
            Format::Deb => {
                let name = deb::file_name(package, self.edition);
                let path = self.staging.file(&name)?;
                deb::write(package, self.edition, &path).map_err(failed("write", &path))?;
                Ok(name)
            }
            Format::Rpm => {
                let name = rpm::file_name(package, self.edition);
                let path = self.staging.file(&name)?;
                let not_made = |error: RpmError| failed("write", &path)(std::io::Error::other(error.to_string()));
                rpm::write(package, self.edition, &path).map_err(not_made)?;
                Ok(name)
            }
        }
    }
}

/// Fails if there is a package of this name that holds something else: machines take both for the same.
fn check_unchanged(staging: &Staging, output: &Repository, name: &str) -> Result<(), Error> {
    let (new, old) = (staging.file(name)?, output.file(name));
    if !old.exists() {
        return Ok(());
    }
    let read = |path: &Path| std::fs::read(path).map_err(failed("read", path));
    if read(&new)? == read(&old)? { Ok(()) } else { Err(Error::PackageWouldChange(old)) }
}
