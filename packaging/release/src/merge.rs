//! What a release holds after an import: decided before a byte is written.

use qus::release::{Asset, Release, Source};

use crate::error::Error;

/// Fails if an asset of `before` would change. `planned` may lack size and hash: the members tell
/// as much, and are known before the long work.
pub fn check_unchanged(before: Option<&Release>, planned: &Asset) -> Result<(), Error> {
    let Some(before) = before else { return Ok(()) };
    match before.assets.iter().find(|asset| asset.file == planned.file) {
        Some(asset) if asset.members != planned.members => {
            Err(Error::WouldChange { version: before.version.clone(), file: planned.file.clone() })
        }
        Some(asset) if planned.size != 0 && asset.sha256 != planned.sha256 => {
            Err(Error::PacksOtherwise { version: before.version.clone(), file: planned.file.clone() })
        }
        _ => Ok(()),
    }
}

/// `before` and `now` in one, in an order that does not depend on the order of imports. Assets of
/// the same name are those of `now`; sources stay, for other assets may come from them.
pub fn merge(before: Option<Release>, now: Release) -> Release {
    let mut release = now;
    if let Some(before) = before {
        release.withdrawn = before.withdrawn;
        let kept = before.assets.into_iter().filter(|asset| release.assets.iter().all(|new| new.file != asset.file));
        let kept: Vec<Asset> = kept.collect();
        release.assets.extend(kept);
        release.sources.extend(before.sources);
    }
    release.assets.sort_by_key(|asset| (asset.host, asset.form, asset.members.first().map(|member| member.target)));
    release.sources.sort_by(|a, b| {
        (&a.package, &a.architecture, &a.version, a.sha256).cmp(&(&b.package, &b.architecture, &b.version, b.sha256))
    });
    // One that was imported before it was read what is linked in does not know of that.
    release.sources.dedup_by(|next, kept| {
        let plain = |source: &Source| Source { linked: Vec::new(), ..source.clone() };
        let is_same = plain(next) == plain(kept);
        if is_same && kept.linked.is_empty() {
            kept.linked = std::mem::take(&mut next.linked);
        }
        is_same
    });
    release
}
