//! Archives: what emulators come in, and what qus itself comes in.
//!
//! Each kind bears a type of its own, in its signature and in this program: an archive of the one is never
//! taken for one of the other, whoever signed it.

use std::io::{Read, Write};

use sha2::{Digest, Sha256 as Sha256Hasher};

use super::{ForReleases, Minisig, Role, Root, TrustError};
use crate::hex::Sha256;
use crate::host::Host;
use crate::release::{Asset, ToolArchive};
use crate::version::Version;

/// A kind of archive that release keys sign.
pub trait Archive: Clone {
    /// The `type` of its signature.
    const KIND: &'static str;
    /// The folder of `version` in a repository.
    fn folder(version: &Version) -> String;
    /// Its name in that folder.
    fn file(&self) -> &str;
    /// What its programs run on.
    fn host(&self) -> Host;
    /// Size, in bytes.
    fn size(&self) -> u64;
    /// Hash of the file.
    fn sha256(&self) -> Sha256;
    /// Hashes of what is in it, as its signed list has them: it is unpacked only if they fit.
    fn contents(&self) -> impl Iterator<Item = Sha256>;
}

impl Archive for Asset {
    const KIND: &'static str = "qus-asset";

    fn folder(version: &Version) -> String {
        version.to_string()
    }

    fn file(&self) -> &str {
        &self.file
    }

    fn host(&self) -> Host {
        self.host
    }

    fn size(&self) -> u64 {
        self.size
    }

    fn sha256(&self) -> Sha256 {
        self.sha256
    }

    fn contents(&self) -> impl Iterator<Item = Sha256> {
        self.members.iter().map(|member| member.sha256)
    }
}

impl Archive for ToolArchive {
    const KIND: &'static str = "qus-tool";

    fn folder(version: &Version) -> String {
        format!("tool-{version}")
    }

    fn file(&self) -> &str {
        &self.file
    }

    fn host(&self) -> Host {
        self.host
    }

    fn size(&self) -> u64 {
        self.size
    }

    fn sha256(&self) -> Sha256 {
        self.sha256
    }

    fn contents(&self) -> impl Iterator<Item = Sha256> {
        std::iter::once(self.program_sha256)
    }
}

/// What a signature binds an archive to, beside its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssetClaim {
    /// What kind of archive it is, [`Archive::KIND`].
    pub kind: &'static str,
    /// File name.
    pub file: String,
    /// The release, or the version of qus, that it belongs to.
    pub version: Version,
    /// What its programs run on.
    pub host: Host,
    /// Size, in bytes.
    pub size: u64,
    /// Hash of the file.
    pub sha256: Sha256,
}

impl AssetClaim {
    /// What the signature of `archive` of `version` must say.
    pub fn of<A: Archive>(archive: &A, version: &Version) -> AssetClaim {
        AssetClaim {
            kind: A::KIND,
            file: archive.file().to_owned(),
            version: version.clone(),
            host: archive.host(),
            size: archive.size(),
            sha256: archive.sha256(),
        }
    }

    /// The trusted comment that says so.
    pub fn comment(&self) -> String {
        let AssetClaim { kind, file, version, host, size, sha256 } = self;
        format!("type:{kind}\tfile:{file}\tversion:{version}\thost:{host}\tsize:{size}\tsha256:{sha256}")
    }

    /// Fails unless `signature` is made out to this very archive. Done before the archive is fetched:
    /// it tells a genuine one in the wrong place from a damaged one.
    pub fn check(&self, signature: &Minisig) -> Result<(), TrustError> {
        signature.expect_type(self.kind)?;
        signature.expect_claim("file", &self.file)?;
        signature.expect_claim("version", self.version.as_str())?;
        signature.expect_claim("host", self.host.name())?;
        signature.expect_claim("size", &self.size.to_string())?;
        signature.expect_claim("sha256", &self.sha256.to_string())
    }
}

/// An archive whose signature, size and hash were found good, in a place of kind `T`. Nothing but
/// [`verify`] makes one, and nothing else can be unpacked. What it is an archive of, `A`, is part of its type.
#[derive(Debug)]
pub struct Verified<T, A: Archive = Asset> {
    content: T,
    archive: A,
}

impl<T, A: Archive> Verified<T, A> {
    /// The place it was written to, and what it must hold.
    pub fn into_parts(self) -> (T, A) {
        (self.content, self.archive)
    }
}

/// Copies `archive` from `source` into `sink` and believes it only when all of it went by: not a byte
/// more or less than signed, with the signed hash, signed by a release key of `root` for this
/// file, version and host. What is revoked is refused, by its own hash or by that of anything in it.
pub fn verify<T: Write, A: Archive>(
    archive: &A,
    version: &Version,
    signature: &Minisig,
    root: &Root,
    source: &mut dyn Read,
    mut sink: T,
) -> Result<Verified<T, A>, TrustError> {
    let what = || format!("\"{}\"", archive.file());
    if root.revoked.contains(&archive.sha256()) {
        return Err(TrustError::Revoked { what: what() });
    }
    if let Some(member) = archive.contents().find(|member| root.revoked.contains(member)) {
        return Err(TrustError::RevokedMember { what: what(), member });
    }
    AssetClaim::of(archive, version).check(signature)?;

    let release: &Role<ForReleases> = &root.roles.release;
    let mut check = signature.begin(release)?;
    let mut hasher = Sha256Hasher::new();
    let mut buffer = vec![0; 128 * 1024];
    let mut have: u64 = 0;
    loop {
        let read = match source.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(TrustError::Read { what: what(), error }),
        };
        have += read as u64;
        if have > archive.size() {
            return Err(TrustError::TooLong { what: what(), limit: archive.size(), signed: "were signed" });
        }
        check.update(&buffer[..read]);
        hasher.update(&buffer[..read]);
        sink.write_all(&buffer[..read]).map_err(|error| TrustError::Write { what: what(), error })?;
    }
    if have < archive.size() {
        return Err(TrustError::TooShort { what: what(), have, need: archive.size() });
    }
    let hash = Sha256(hasher.finalize().into());
    if hash != archive.sha256() {
        return Err(TrustError::WrongHash { what: what(), have: hash.to_string(), need: archive.sha256().to_string() });
    }
    check.finish()?;
    Ok(Verified { content: sink, archive: archive.clone() })
}
