//! Indexes, as they come and really signed: what is believed is in time, and not behind what was seen.

use qus::moment::Moment;
use qus::release::{INDEX_FORMAT, INDEX_KIND, Index};
use qus::trust::verify_index;
use serde_json::Value;

use super::keys::{INDEX, Pair, RELEASE};
use super::root::FIRST;

/// 2026-11-20T18:00:00Z.
const NOW: Moment = Moment(1_795_197_600);

/// The highest serial that was seen.
const SEEN: u64 = 7;

pub(crate) fn check(bytes: &[u8]) {
    let root = &*FIRST;
    // As it comes: nobody who could sign it by chance is expected.
    assert!(verify_index("it", bytes, root, &|_| SEEN, NOW).is_err());

    let body = String::from_utf8_lossy(bytes);
    // What is no index at all is not worth a signature.
    if serde_json::from_str::<Index>(&body).is_err() {
        return;
    }
    let serial = serde_json::from_str::<Value>(&body).ok().and_then(|index| index["serial"].as_u64());
    let comment = format!("type:{INDEX_KIND}\tserial:{}", serial.unwrap_or(SEEN));
    let signed_by = |key: &Pair| format!("{}\n{body}", key.sign(body.as_bytes(), &comment));
    let by_release_key = signed_by(&RELEASE);
    assert!(verify_index("it", by_release_key.as_bytes(), root, &|_| SEEN, NOW).is_err(), "the key of another role");

    let Ok(verified) = verify_index("it", signed_by(&INDEX).as_bytes(), root, &|_| SEEN, NOW) else { return };
    let index = verified.index();
    assert_eq!((index.kind.as_str(), index.format), (INDEX_KIND, INDEX_FORMAT));
    assert!(index.serial >= SEEN && index.expires > NOW);
    let again = serde_json::to_string(index).expect("it has a spelling");
    assert_eq!(&serde_json::from_str::<Index>(&again).expect("it was one before"), index);
    for release in &index.releases {
        assert_eq!(index.release(&release.version).map(|release| &release.version), Some(&release.version));
        for asset in &release.assets {
            for target in release.targets(asset.host) {
                let held = release.assets.iter().any(|asset| asset.member(target).is_some());
                assert!(held, "{target} is offered and nowhere held");
            }
            // Sizes are anybody's, and added up before anything is fetched.
            let _ = asset.unpacked();
        }
    }
}
