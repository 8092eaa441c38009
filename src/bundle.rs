//! Bundles: one file with all that a host needs of a repository to install some targets, for machines without a network.
//!
//! A bundle is an uncompressed tar archive of a repository's own files, under their own names, and of a manifest before
//! them. Nothing in it is believed because it is in there: the files are checked as if they came from the repository.
//!
//! ```text
//! qus-bundle.json                                    what it is for; signed by nobody
//! 11.1.3-1/qemu-static-all_amd64.tar.zst             archives, and the signature of each
//! 11.1.3-1/qemu-static-all_amd64.tar.zst.minisig
//! index.qus                                          the index
//! root.1.json  root.1.json.minisig.alice  …          every root, and its signatures
//! ```

use serde::{Deserialize, Serialize};

use crate::host::Host;
use crate::release::{ASSET_MAX, INDEX_FILE, INDEX_MAX, Index, STABLE};
use crate::target::Target;
use crate::trust::{Label, MINISIG_MAX, ROOT_MAX};
use crate::version::Version;

/// The name of the manifest, the first file of every bundle.
pub const MANIFEST_FILE: &str = "qus-bundle.json";

/// Largest manifest, in bytes: a thousand targets.
pub const MANIFEST_MAX: u64 = 64 * 1024;

/// Most files in a bundle: ten versions of every emulator by itself, with the signatures, are about seven hundred.
pub const MEMBERS_MAX: usize = 1024;

/// Largest bundle, in bytes: eighty times all emulators of one version for one host.
pub const BUNDLE_MAX: u64 = 2 * 1024 * 1024 * 1024;

/// Longest name of a file in it, in bytes: what the name field of a tar header has room for.
pub const NAME_MAX: usize = 100;

/// What a bundle is for. Nobody signs it: it says where to look, and the files say what is true.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Always [`Manifest::KIND`].
    #[serde(rename = "type")]
    pub kind: String,
    /// The version of this format; a reader refuses what it does not know.
    pub format: u32,
    /// URL of the repository that the files are of: whose keys they are to be judged by.
    pub repository: String,
    /// What its emulators run on.
    pub host: Host,
    /// Its targets, each with its version.
    pub targets: Vec<Content>,
}

/// One target in a bundle.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Content {
    /// The target.
    pub target: Target,
    /// The version of its emulator.
    pub version: Version,
}

impl Manifest {
    /// The `type` of a manifest.
    pub const KIND: &'static str = "qus-bundle";

    /// The `format` that this version reads and writes.
    pub const FORMAT: u32 = 1;

    /// Reads a manifest's text.
    pub fn parse(text: &[u8]) -> Result<Manifest, String> {
        let manifest: Manifest = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        if manifest.kind != Manifest::KIND {
            return Err(format!("its type is \"{}\", not \"{}\"", manifest.kind, Manifest::KIND));
        }
        if manifest.format != Manifest::FORMAT {
            return Err(format!("it has format {}, this qus reads format {}", manifest.format, Manifest::FORMAT));
        }
        Ok(manifest)
    }

    /// The bytes of its file.
    ///
    /// # Panics
    ///
    /// Never: everything in it has a spelling in JSON.
    pub fn to_json(&self) -> String {
        match serde_json::to_string_pretty(self) {
            Ok(text) => text + "\n",
            Err(error) => panic!("a manifest has no JSON: {error}"),
        }
    }
}

/// Where in a repository, and in a bundle, an archive of `version` lies.
pub fn archive_name(version: &Version, file: &str) -> String {
    format!("{version}/{file}")
}

/// Where its signature lies.
pub fn signature_name(archive: &str) -> String {
    format!("{archive}{SIGNATURE}")
}

/// What the name of an archive's signature ends with.
const SIGNATURE: &str = ".minisig";

/// What `index` has of which there is an archive at hand, by `has`. If that is one version only, every channel names it.
#[must_use]
pub fn narrowed(index: &Index, has: impl Fn(&str) -> bool) -> Index {
    let mut index = index.clone();
    for release in &mut index.releases {
        release.assets.retain(|asset| has(&archive_name(&release.version, &asset.file)));
    }
    index.releases.retain(|release| !release.assets.is_empty());
    match index.releases.as_slice() {
        [only] => {
            index.channels.entry(STABLE.to_owned()).or_insert_with(|| only.version.clone());
            index.channels.values_mut().for_each(|version| version.clone_from(&only.version));
        }
        several => index.channels.retain(|_, named| several.iter().any(|release| release.version == *named)),
    }
    index
}

/// What a file of a bundle is, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The manifest.
    Manifest,
    /// The index.
    Index,
    /// A root.
    Root,
    /// A signature of a root.
    RootSignature,
    /// An archive.
    Archive,
    /// A signature of an archive.
    Signature,
}

impl Part {
    /// What a file of this name is; none if no bundle has such a file.
    pub fn of(name: &str) -> Option<Part> {
        if name.len() > NAME_MAX {
            return None;
        }
        if name == MANIFEST_FILE {
            return Some(Part::Manifest);
        }
        if name == INDEX_FILE {
            return Some(Part::Index);
        }
        if let Some((version, file)) = name.split_once('/') {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._+~-".contains(&byte);
            let sound = !file.starts_with('.') && file.bytes().all(plain) && !file.is_empty();
            return match file.strip_suffix(SIGNATURE) {
                _ if !sound || version.parse::<Version>().is_err() => None,
                Some("") => None,
                Some(_) => Some(Part::Signature),
                None => Some(Part::Archive),
            };
        }
        let (number, rest) = name.strip_prefix("root.")?.split_once(".json")?;
        // One spelling a number.
        if number.parse::<u64>().ok()?.to_string() != number {
            return None;
        }
        match rest.strip_prefix(".minisig.") {
            Some(label) => Label::try_from(label.to_owned()).ok().map(|_| Part::RootSignature),
            None => rest.is_empty().then_some(Part::Root),
        }
    }

    /// Largest size of such a file, in bytes.
    pub fn limit(self) -> u64 {
        match self {
            Part::Manifest => MANIFEST_MAX,
            Part::Index => INDEX_MAX,
            Part::Root => ROOT_MAX,
            Part::RootSignature | Part::Signature => MINISIG_MAX,
            Part::Archive => ASSET_MAX,
        }
    }
}
