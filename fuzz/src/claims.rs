//! Trusted comments, really signed: an asset is what all of its comment says, or is refused.

use qus::hex::Sha256;
use qus::host::Host;
use qus::release::Asset;
use qus::trust::{Archive, AssetClaim, Minisig};

use super::keys::RELEASE;
use super::minisig::claimed;

pub(crate) fn check(bytes: &[u8]) {
    let comment = String::from_utf8_lossy(bytes).replace(['\n', '\r', '\0'], " ");
    let signature = RELEASE.sign(b"", &comment);
    let Ok(signature) = Minisig::parse("it", &signature) else { return };
    claimed(&signature, &comment);
    let claim = AssetClaim {
        kind: Asset::KIND,
        file: "qemu-arm-static_amd64.tar.zst".to_owned(),
        version: "11.1.3-1".parse().expect("it is a version"),
        host: Host::Amd64,
        size: 4096,
        sha256: Sha256([7; 32]),
    };
    let has_all = claim.comment().split('\t').all(|pair| comment.split('\t').any(|said| said == pair));
    assert_eq!(claim.check(&signature).is_ok(), has_all, "{comment}");
}
