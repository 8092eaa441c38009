//! Releases: what a repository offers, as its signed index lists it.
//!
//! A repository is a directory of static files:
//!
//! ```text
//! index.qus                                           the index, signature and body in one file
//! root.1.json   root.1.json.minisig.<label>           who may sign what
//! <version>/qemu-<target>-static_<host>.tar.zst       one emulator         + .minisig
//! <version>/qemu-static-all_<host>.tar.zst            all of them, solid   + .minisig
//! <version>/qemu-<target>-static_<host>.tgz           the names of dbhi/qus + .minisig
//! <version>/release.json                              what the index will say of this version
//! tool-<version>/qus_<host>.tar.zst                   qus itself           + .minisig
//! tool-<version>/qus_<host>.tgz                       the same, for install.sh + .minisig
//! tool-<version>/tool.json                            what the index will say of this version
//! install.sh                                          installs qus where there is none yet
//! ```

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::advisory::Advisory;
use crate::hex::Sha256;
use crate::host::Host;
use crate::moment::Moment;
use crate::target::Target;
use crate::version::Version;

/// The name of the index in a repository.
pub const INDEX_FILE: &str = "index.qus";

/// The name of the file by which `qus-release import` tells `publish` of a version.
pub const RELEASE_FILE: &str = "release.json";

/// The name of the file by which `qus-release tool` tells `publish` of a version of qus.
pub const TOOL_FILE: &str = "tool.json";

/// The name of the one member of an archive of qus.
pub const TOOL_MEMBER: &str = "qus";

/// Largest index, in bytes: room for ten versions of all assets of all hosts (about 250 KiB each).
pub const INDEX_MAX: u64 = 4 * 1024 * 1024;

/// Largest asset, in bytes: five times the solid set of QEMU 11.1 (23 MB).
pub const ASSET_MAX: u64 = 128 * 1024 * 1024;

/// Largest emulator, in bytes: seven times the largest of QEMU 11.1 (18 MB).
pub const EMULATOR_MAX: u64 = 128 * 1024 * 1024;

/// Largest window that an asset may ask of its reader, as a power of two: 128 MiB, what zstd's
/// own program grants without being asked (`ZSTD_WINDOWLOG_LIMIT_DEFAULT`, zstd tag v1.5.7).
pub const WINDOW_LOG_MAX: u32 = 27;

/// The signed list of releases.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Index {
    /// Always `qus-index`, so that no other document can stand in for it.
    #[serde(rename = "type")]
    pub kind: String,
    /// The version of this format; a reader refuses what it does not know.
    pub format: u32,
    /// Grows with every index that a key signs.
    pub serial: u64,
    /// When it was signed.
    pub issued: Moment,
    /// From when on it is not to be believed.
    pub expires: Moment,
    /// Names for versions; `stable` is what people get who name none.
    pub channels: BTreeMap<String, Version>,
    /// URLs of folders with the same files. They serve bytes and are believed in nothing.
    pub mirrors: Vec<String>,
    /// Known faults of versions of QEMU.
    pub advisories: Vec<Advisory>,
    /// Versions of qus itself.
    pub tools: Vec<Tool>,
    /// The releases.
    pub releases: Vec<Release>,
}

/// The `type` of an index.
pub const INDEX_KIND: &str = "qus-index";

/// The `format` of an index that this version reads and writes.
pub const INDEX_FORMAT: u32 = 1;

/// The channel of those who name none.
pub const STABLE: &str = "stable";

/// All assets of one version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// Its version.
    pub version: Version,
    /// Why it is not to be installed any more, if it was withdrawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawn: Option<String>,
    /// The distribution packages its emulators came from.
    pub sources: Vec<Source>,
    /// Its archives.
    pub assets: Vec<Asset>,
}

/// A distribution package that emulators came from. QEMU is GPL-2.0: this is where its source is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Package name, such as `qemu-user`.
    pub package: String,
    /// The distribution's version, such as `1:11.1.3+ds-1`.
    pub version: String,
    /// The distribution's name of the host, such as `arm64`.
    pub architecture: String,
    /// Hash of the package's file.
    pub sha256: Sha256,
    /// Where the source of this very version is.
    pub source: String,
    /// What of other sources is linked into it. Releases of folders, and those imported before this was read, have none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub linked: Vec<Linked>,
}

/// A source package of which something is linked in statically.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Linked {
    /// Its name, such as `glibc`.
    pub package: String,
    /// Its version, such as `2.43-7`.
    pub version: String,
    /// Where this very version of it is.
    pub source: String,
}

/// What an asset holds, and how it is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// One emulator, tar and zstd.
    Emulator,
    /// All emulators, tar and zstd, solid.
    Set,
    /// One emulator, tar and gzip: the asset of dbhi/qus, for those who fetch by name. qus does
    /// not read it.
    Tgz,
}

/// One archive of a release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asset {
    /// Its name in the directory of its version.
    pub file: String,
    /// What it holds.
    pub form: Form,
    /// What its emulators run on.
    pub host: Host,
    /// Size, in bytes.
    pub size: u64,
    /// Hash of the file.
    pub sha256: Sha256,
    /// Every file in it: there must be no other, and none may be missing.
    pub members: Vec<Member>,
}

/// One emulator in an asset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The target it runs; its name in the archive is [`Target::emulator`].
    pub target: Target,
    /// Size, in bytes.
    pub size: u64,
    /// Hash of the file.
    pub sha256: Sha256,
}

/// One version of qus itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tool {
    /// Its version.
    pub version: Version,
    /// Why nobody is to have it any more, if it was withdrawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawn: Option<String>,
    /// Its archives, two a host: [`ToolArchive::file_name`] and [`ToolArchive::tgz_name`].
    pub archives: Vec<ToolArchive>,
}

/// An archive with one member, the program `qus`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolArchive {
    /// Its name in the directory of its version.
    pub file: String,
    /// What the program runs on.
    pub host: Host,
    /// Size of the archive, in bytes.
    pub size: u64,
    /// Hash of the archive.
    pub sha256: Sha256,
    /// Size of the program, in bytes.
    pub program_size: u64,
    /// Hash of the program.
    pub program_sha256: Sha256,
}

impl Index {
    /// The release of `version`.
    pub fn release(&self, version: &Version) -> Option<&Release> {
        self.releases.iter().find(|release| release.version == *version)
    }
}

impl Release {
    /// The asset of `form` for `host` that holds `target`.
    pub fn asset(&self, form: Form, host: Host, target: Target) -> Option<&Asset> {
        self.assets.iter().find(|asset| asset.form == form && asset.host == host && asset.member(target).is_some())
    }

    /// The assets for `host` by which `targets` move the fewest bytes, and what to take from each; none if it lacks any.
    pub fn cheapest(&self, host: Host, targets: &BTreeSet<Target>) -> Vec<(&Asset, Vec<Target>)> {
        let single = |target: &Target| Some((self.asset(Form::Emulator, host, *target)?, vec![*target]));
        let singles: Option<Vec<_>> = targets.iter().map(single).collect();
        let has_all = |asset: &&Asset| targets.iter().all(|target| asset.member(*target).is_some());
        let mut sets = self.assets.iter().filter(|asset| asset.form == Form::Set && asset.host == host);
        match (singles, sets.find(has_all)) {
            (Some(singles), Some(set)) if singles.iter().map(|(asset, _)| asset.size).sum::<u64>() <= set.size => {
                singles
            }
            (_, Some(set)) => vec![(set, targets.iter().copied().collect())],
            (Some(singles), None) => singles,
            (None, None) => Vec::new(),
        }
    }

    /// The targets of which there is an emulator for `host`.
    pub fn targets(&self, host: Host) -> impl Iterator<Item = Target> {
        self.assets
            .iter()
            .filter(move |asset| asset.host == host && asset.form != Form::Tgz)
            .flat_map(|asset| asset.members.iter().map(|member| member.target))
    }
}

impl Tool {
    /// The archive for `host` that qus takes.
    pub fn archive(&self, host: Host) -> Option<&ToolArchive> {
        self.archives.iter().find(|archive| archive.host == host && archive.file == ToolArchive::file_name(host))
    }
}

impl ToolArchive {
    /// The name of the archive that `qus self-update` takes: tar and zstd.
    pub fn file_name(host: Host) -> String {
        format!("qus_{host}.tar.zst")
    }

    /// The name of the one that `install.sh` takes, for machines without zstd: tar and gzip.
    pub fn tgz_name(host: Host) -> String {
        format!("qus_{host}.tgz")
    }
}

impl Asset {
    /// The name an asset bears.
    pub fn file_name(form: Form, target: Target, host: Host) -> String {
        match form {
            Form::Emulator => format!("{}_{host}.tar.zst", target.emulator()),
            Form::Set => format!("qemu-static-all_{host}.tar.zst"),
            Form::Tgz => format!("{}_{host}.tgz", target.emulator()),
        }
    }

    /// The member that runs `target`.
    pub fn member(&self, target: Target) -> Option<&Member> {
        self.members.iter().find(|member| member.target == target)
    }

    /// Size of all its members, in bytes.
    pub fn unpacked(&self) -> u64 {
        self.members.iter().map(|member| member.size).sum()
    }
}
