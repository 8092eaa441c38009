//! Checking all that is in a bundle, as an install would.

use std::fs::File;
use std::io::{self, Read};

use nix::sys::memfd::{MFdFlags, memfd_create};

use super::{Bundle, BundleError};
use crate::bundle::{Part, archive_name, signature_name};
use crate::release::{Asset, Form, Index, Release};
use crate::system::counted::Counted;
use crate::system::root::Root;
use crate::system::unpack::unpack;
use crate::trust::{AssetClaim, MINISIG_MAX, Minisig, Root as TrustRoot, TrustError, verify_asset};

/// Checks every archive of `bundle` against `index`, which was verified by `trust`: its signature, its hash, and all that
/// is in it; nothing is written anywhere. Fails too if the bundle says that it has what it has not. `progress` is told
/// how many bytes are done in all, and says whether to go on.
pub fn check(
    bundle: &Bundle,
    root: &Root,
    trust: &TrustRoot,
    index: &Index,
    progress: &mut dyn FnMut(u64) -> bool,
) -> Result<(), BundleError> {
    let damaged = |why: String| BundleError::Damaged { path: bundle.path().to_owned(), why };
    let host = bundle.manifest().host;
    let mut held = Vec::new();
    let mut done = 0;
    for (name, _) in bundle.names().filter(|(name, _)| Part::of(name) == Some(Part::Archive)) {
        let (release, asset) = listed(index, name)
            .filter(|(_, asset)| asset.host == host)
            .ok_or_else(|| damaged(format!("its index lists no \"{name}\" for \"{host}\" hosts")))?;
        let signature = text(bundle, &signature_name(name)).map_err(memory)?;
        let signature = Minisig::parse(&format!("\"{}\"", asset.file), &signature)?;
        AssetClaim::of(asset, &release.version).check(&signature)?;
        let Some(mut piece) = bundle.piece(name) else { continue };
        let mut stand = |have| progress(done + have);
        let mut source = Counted::new(&mut piece, &mut stand);
        let verified = verify_asset(asset, &release.version, &signature, trust, &mut source, in_memory()?)?;
        // None of it is wanted, and all of it is looked at.
        unpack(root, verified, &[], &root.layout().staging())?;
        held.push((&release.version, asset));
        done += asset.size;
    }
    for content in &bundle.manifest().targets {
        let emulator = content.target.emulated_by();
        if !held.iter().any(|(version, asset)| **version == content.version && asset.member(emulator).is_some()) {
            let (target, version) = (content.target, &content.version);
            return Err(damaged(format!("it says that it has \"{target}\" in version {version}, and has it not")));
        }
    }
    Ok(())
}

/// The archive of this name, if the index lists it.
fn listed<'a>(index: &'a Index, name: &str) -> Option<(&'a Release, &'a Asset)> {
    let assets = index.releases.iter().flat_map(|release| release.assets.iter().map(move |asset| (release, asset)));
    assets
        .filter(|(_, asset)| asset.form != Form::Tgz)
        .find(|(release, asset)| archive_name(&release.version, &asset.file) == name)
}

fn text(bundle: &Bundle, name: &str) -> io::Result<String> {
    let mut bytes = Vec::new();
    if let Some(piece) = bundle.piece(name) {
        piece.take(MINISIG_MAX + 1).read_to_end(&mut bytes)?;
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A file that goes with this process, for what need not be kept: of one archive at a time, so at most
/// [`crate::release::ASSET_MAX`] bytes.
pub(super) fn in_memory() -> Result<File, BundleError> {
    let file = memfd_create(c"qus-bundle", MFdFlags::MFD_CLOEXEC);
    Ok(File::from(file.map_err(|error| memory(error.into()))?))
}

/// Nothing but memory was in use.
pub(super) fn memory(error: io::Error) -> BundleError {
    BundleError::Trust(TrustError::Write { what: "an archive, in memory,".to_owned(), error })
}
