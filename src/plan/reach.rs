//! Whether packages may be registered now, and whether what is here says anything of the system that is booted later.

use super::{Plan, check_enabled, reach_table};
use crate::conflict::Conflict;
use crate::observed::{Binfmt, Observed, Table, Unreachable};
use crate::place::Keeper;
use crate::rule::KernelVersion;

/// Why nothing is registered from here now.
pub(super) fn why_later(observed: &Observed) -> Option<String> {
    let unreachable = || reach_table(&mut Plan::default(), observed).and_then(|()| check_enabled(observed)).err();
    why_foreign(observed).or_else(|| unreachable().map(|conflict| conflict.to_string()))
}

/// Why the kernel's table is not this system's own. Then it, the kernel and what that runs say nothing of the machine on
/// which the system will be booted: somebody builds it here.
pub(super) fn why_foreign(observed: &Observed) -> Option<String> {
    let place = &observed.place;
    let is_table_of_place = matches!(&observed.binfmt, Binfmt::Mounted(Table { keeper: Keeper::UserNamespace, .. }));
    // On WSL everybody has mounts of their own.
    let has_own_mounts = place.mount_namespace && place.wsl.is_none() && !is_table_of_place;
    if matches!(observed.binfmt, Binfmt::NotAsked) {
        return Some("this is an image".to_owned());
    }
    if matches!(observed.binfmt, Binfmt::Unreachable(Unreachable::NoProc)) {
        // Nothing is known of the place either.
        return Some(Conflict::NoProc.to_string());
    }
    if place.chroot || place.container.is_some() || has_own_mounts {
        return Some(format!("this runs {place}"));
    }
    if let Some(entry) = observed.emulating() {
        return Some(Conflict::Emulated(entry.name().clone()).to_string());
    }
    match reach_table(&mut Plan::default(), observed).err()? {
        // A machine's own kernel may have no table, and an ordinary user of it no right to change it.
        Conflict::NotInKernel | Conflict::NotLoaded | Conflict::Wsl1 | Conflict::MayNotRegister => None,
        // Containers that bear no mark of their runtime.
        conflict => Some(conflict.to_string()),
    }
}

/// What was observed of a system that is built here, without the kernel and whatever that runs. What the system's own
/// programs are is known where it was entered, and not from outside of an image.
pub(super) fn as_image(observed: &Observed) -> Observed {
    let mut image = observed.clone();
    if matches!(observed.binfmt, Binfmt::NotAsked) {
        image.own_heads.clear();
    }
    image.binfmt = Binfmt::NotAsked;
    image.kernel = KernelVersion::NEWEST;
    image.native.clear();
    image
}
