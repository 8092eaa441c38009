//! Assets: the archives that emulators come in.

use std::io::{Read, Write};

use sha2::{Digest, Sha256 as Sha256Hasher};

use super::{ForReleases, Minisig, Role, Root, TrustError};
use crate::hex::Sha256;
use crate::host::Host;
use crate::release::Asset;
use crate::version::Version;

/// The `type` of an asset's signature.
const ASSET_KIND: &str = "qus-asset";

/// What a signature binds an asset to, beside its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssetClaim {
    /// File name.
    pub file: String,
    /// The release it belongs to.
    pub version: Version,
    /// What its emulators run on.
    pub host: Host,
    /// Size, in bytes.
    pub size: u64,
    /// Hash of the file.
    pub sha256: Sha256,
}

impl AssetClaim {
    /// What the signature of `asset` of `version` must say.
    pub fn of(asset: &Asset, version: &Version) -> AssetClaim {
        AssetClaim {
            file: asset.file.clone(),
            version: version.clone(),
            host: asset.host,
            size: asset.size,
            sha256: asset.sha256,
        }
    }

    /// The trusted comment that says so.
    pub fn comment(&self) -> String {
        let AssetClaim { file, version, host, size, sha256 } = self;
        format!("type:{ASSET_KIND}\tfile:{file}\tversion:{version}\thost:{host}\tsize:{size}\tsha256:{sha256}")
    }

    /// Fails unless `signature` is made out to this very asset. Done before the asset is fetched:
    /// it tells a genuine asset in the wrong place from a damaged one.
    pub fn check(&self, signature: &Minisig) -> Result<(), TrustError> {
        signature.expect_type(ASSET_KIND)?;
        signature.expect_claim("file", &self.file)?;
        signature.expect_claim("version", self.version.as_str())?;
        signature.expect_claim("host", self.host.name())?;
        signature.expect_claim("size", &self.size.to_string())?;
        signature.expect_claim("sha256", &self.sha256.to_string())
    }
}

/// An asset whose signature, size and hash were found good, in a place of kind `T`. Nothing but
/// [`verify`] makes one, and nothing else can be unpacked.
#[derive(Debug)]
pub struct Verified<T> {
    content: T,
    asset: Asset,
}

impl<T> Verified<T> {
    /// The place it was written to, and what it must hold.
    pub fn into_parts(self) -> (T, Asset) {
        (self.content, self.asset)
    }
}

/// Copies `asset` from `source` into `sink` and believes it only when all of it went by: not a byte
/// more or less than signed, with the signed hash, signed by a release key of `root` for this
/// file, version and host.
pub fn verify<T: Write>(
    asset: &Asset,
    version: &Version,
    signature: &Minisig,
    root: &Root,
    source: &mut dyn Read,
    mut sink: T,
) -> Result<Verified<T>, TrustError> {
    let what = || format!("\"{}\"", asset.file);
    if root.revoked.contains(&asset.sha256) {
        return Err(TrustError::Revoked { what: what() });
    }
    AssetClaim::of(asset, version).check(signature)?;

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
        if have > asset.size {
            return Err(TrustError::TooLong { what: what(), limit: asset.size, signed: "were signed" });
        }
        check.update(&buffer[..read]);
        hasher.update(&buffer[..read]);
        sink.write_all(&buffer[..read]).map_err(|error| TrustError::Write { what: what(), error })?;
    }
    if have < asset.size {
        return Err(TrustError::TooShort { what: what(), have, need: asset.size });
    }
    let hash = Sha256(hasher.finalize().into());
    if hash != asset.sha256 {
        return Err(TrustError::WrongHash { what: what(), have: hash.to_string(), need: asset.sha256.to_string() });
    }
    check.finish()?;
    Ok(Verified { content: sink, asset: asset.clone() })
}
