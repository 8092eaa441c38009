//! `qus-release import`: from packages to signed archives.

use std::collections::BTreeSet;
use std::path::Path;

use qus::host::Host;
use qus::release::{Asset, RELEASE_FILE, Release, Source};
use qus::target::Target;
use qus::trust::root_file;
use qus::version::Version;

use crate::cli::{ImportArgs, Selection};
use crate::error::Error;
use crate::keys::read_secret;
use crate::merge::{check_unchanged, merge};
use crate::pack::Order;
use crate::package::{Collection, Emulator};
use crate::packing::pack_all;
use crate::passphrase::Passphrases;
use crate::repository::Repository;
use crate::signing::Signer;
use crate::ui::Ui;

/// What an import added.
#[derive(Debug)]
pub struct Imported {
    /// The release.
    pub version: Version,
    /// What was packed.
    pub assets: Vec<Asset>,
}

/// Packs and signs the emulators of packages.
///
/// # Atomicity
///
/// Archives are made elsewhere and get their names when all of them are ready, the release's list
/// last; an import that fails leaves the repository as it was. Where `--force` replaces files, a
/// reader may meet the new ones before the list that names them.
pub fn run(args: &ImportArgs, passphrases: &Passphrases, ui: &Ui) -> Result<Imported, Error> {
    let signer = read_secret(&args.key, passphrases)?;
    let repository = Repository::create(&args.repository)?;
    check_role(&repository, &args.key, &signer)?;

    let staging = repository.staging()?;
    let folder = staging.folder("emulators")?;
    let wanted = named(&args.target);
    let mut collection = Collection::new(&folder, &wanted);
    let (version, sources) = take(args, &mut collection, ui)?;
    if let Some(missing) = wanted.iter().find(|target| !collection.emulators().any(|e| e.member.target == **target)) {
        return Err(Error::TargetNotFound(*missing));
    }

    let before = repository.release(version.as_str())?;
    let unchanged = |asset: &Asset| if args.force { Ok(()) } else { check_unchanged(before.as_ref(), asset) };
    let orders = orders(&collection, wanted.is_empty());
    // Before the long work, and after it: another zstd packs the same emulators otherwise.
    orders.iter().map(Order::asset).try_for_each(|asset| unchanged(&asset))?;
    let assets = pack_all(orders, &version, &signer, &staging, ui)?;
    assets.iter().try_for_each(unchanged)?;

    let list = format!("{version}/{RELEASE_FILE}");
    let release = merge(before, Release { version: version.clone(), withdrawn: None, sources, assets: assets.clone() });
    let text = serde_json::to_string_pretty(&release)
        .map_err(|error| Error::Malformed { path: repository.file(&list), why: error.to_string() })?;
    staging.write(&list, &(text + "\n"))?;
    let files = assets.iter().map(|asset| format!("{version}/{}", asset.file));
    let mut names: Vec<String> = files.flat_map(|file| [format!("{file}.minisig"), file]).collect();
    names.push(list);
    staging.place(&names)?;
    Ok(Imported { version, assets })
}

/// Fails if the repository's newest root does not know the key: better than after the long work.
pub(crate) fn check_role(repository: &Repository, path: &Path, signer: &Signer) -> Result<(), Error> {
    match repository.newest_root()? {
        Some(newest) if !newest.root.roles.release.keys.values().any(|key| key == signer.public()) => {
            let root = root_file(newest.root.version);
            Err(Error::NotOfRole { key: path.to_owned(), role: "release", root })
        }
        _ => Ok(()),
    }
}

/// The targets named; none for all.
pub(crate) fn named(words: &[Selection]) -> BTreeSet<Target> {
    let one = |word: &Selection| match word {
        Selection::All => None,
        Selection::One(target) => Some(*target),
    };
    words.iter().map(one).collect::<Option<BTreeSet<Target>>>().unwrap_or_default()
}

/// Takes the emulators of all packages: the version of the release, and its sources.
fn take(args: &ImportArgs, collection: &mut Collection, ui: &Ui) -> Result<(Version, Vec<Source>), Error> {
    let mut sources = Vec::new();
    let mut first: Option<Version> = args.version.clone();
    for path in &args.packages {
        let package = collection.take(path, args.source.as_deref(), ui)?;
        sources.extend(package.sources);
        if args.version.is_some() {
            continue;
        }
        let control = package.control.ok_or_else(|| Error::NoVersion { package: path.clone() })?;
        let found = control
            .release_version()
            .map_err(|error| Error::BadPackage { path: path.clone(), why: error.to_string() })?;
        match &first {
            Some(before) if *before != found => {
                return Err(Error::TwoVersions { package: path.clone(), found, before: before.clone() });
            }
            _ => first = Some(found),
        }
    }
    let version = first.expect("the command line demands a package, and each has a version by now");
    // Debian's version of a stable release lacks the last number, that of a candidate is another.
    if let Some(qemu) = collection.qemu().filter(|qemu| !same_release(version.as_str(), qemu)) {
        ui.note(format!("version {version} holds emulators that call themselves QEMU {qemu}"));
    }
    Ok((version, sources))
}

/// Whether both begin with the same two numbers.
fn same_release(version: &str, qemu: &str) -> bool {
    let leading =
        |text: &str| -> Vec<String> { text.split(|c: char| !c.is_ascii_digit()).take(2).map(str::to_owned).collect() };
    leading(version) == leading(qemu)
}

/// Everything to be packed.
fn orders<'a>(collection: &'a Collection, set: bool) -> Vec<Order<'a>> {
    let hosts: BTreeSet<Host> = collection.emulators().map(|emulator| emulator.host).collect();
    let of_host = |host: Host| {
        let emulators: Vec<&Emulator> = collection.emulators().filter(|emulator| emulator.host == host).collect();
        Order::of_host(host, &emulators, set)
    };
    hosts.into_iter().flat_map(of_host).collect()
}
