//! The machine: what is installed, and whether it will be so after the next boot.

use super::cause::Cause;
use super::{Diagnosis, Weight};
use crate::dropin::{self, packaged};
use crate::news::News;
use crate::observed::{Binfmt, FileState, Observed, Unreachable};
use crate::owner::Owner;
use crate::plan::is_for_other_kernel;
use crate::target::Target;

/// What is amiss with the kernel's table itself, whatever is to be in it.
pub fn table(observed: &Observed) -> Option<Cause> {
    match &observed.binfmt {
        Binfmt::Unreachable(Unreachable::NotInKernel | Unreachable::NotLoaded) => Some(Cause::ModuleMissing),
        Binfmt::Unreachable(Unreachable::Wsl1) => Some(Cause::Wsl1),
        Binfmt::Unreachable(Unreachable::NoProc) => Some(Cause::NoProc),
        Binfmt::Mounted(table) if !table.enabled => Some(Cause::TableDisabled),
        Binfmt::Mounted(_) | Binfmt::Mountable | Binfmt::NotAsked | Binfmt::Unreachable(_) => None,
    }
}

/// What is amiss with an installed target beside what running its programs shows; `found` is what that showed, and `news`
/// what was last heard of its repository.
pub fn installed(target: Target, observed: &Observed, news: &News, mut found: Diagnosis) -> Diagnosis {
    if is_for_other_kernel(target, observed) {
        let older = matches!(observed.packaged.links.get(&target), Some(FileState::Text(_)));
        found.add(Weight::Harms, Cause::DropInOtherKernel { target, path: packaged::link(target), older });
    }
    let Some(installed) = observed.receipt.targets.get(&target) else { return found.ranked() };
    if observed.damaged.contains(&target) {
        // Before what shows that it is another file than the kernel runs.
        let cause = Cause::EmulatorDamaged { target, path: installed.path.clone() };
        found.findings.insert(0, super::Finding { cause, weight: Weight::Harms });
    }
    if news.revoked(&installed.repository, &installed.sha256) {
        let version = installed.version.clone();
        let cause = Cause::EmulatorRevoked { target, version, kept: false };
        found.findings.insert(0, super::Finding { cause, weight: Weight::Harms });
    }
    for kept in installed.previous.iter().filter(|kept| news.revoked(&kept.repository, &kept.sha256)) {
        found.add(Weight::Remark, Cause::EmulatorRevoked { target, version: kept.version.clone(), kept: true });
    }
    if let Some(path) = installed.dropin.clone() {
        let cause = match observed.files.get(&path) {
            None => Some((Weight::Harms, Cause::DropInMissing { target, path })),
            Some(FileState::Text(text)) if *text == dropin::text(&installed.rule) => None,
            Some(FileState::Link(to)) if to == "/dev/null" => {
                Some((Weight::Remark, Cause::DropInMasked { target, path }))
            }
            Some(_) => Some((Weight::Harms, Cause::DropInForeign { target, path })),
        };
        found.findings.extend(cause.map(|(weight, cause)| super::Finding { cause, weight }));
    }
    let after_boot = observed.configuration.winner(target).filter(|_| installed.yields.is_none());
    if let Some((file, rule)) = after_boot {
        let owner = Owner::of_rule(file, rule);
        if owner != Owner::Qus {
            let file = file.path.clone();
            found.add(Weight::Harms, Cause::OutdoneAfterBoot { target, file, owner });
        }
    }
    found.ranked()
}
