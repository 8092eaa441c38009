//! Packages of emulators: what their scripts ask qus for, and what becomes of the machine.

pub(crate) mod images;
mod kernel;
mod planning;

use std::path::Path;

use qus::dropin::packaged;

use crate::support::publisher::target;
use crate::support::sandbox::Sandbox;

/// Unpacks the package of `name`, as package managers do: what was there has its name until the new file takes it.
#[track_caller]
pub(crate) fn unpack(sandbox: &Sandbox, name: &str, emulator: &Path) {
    let target = target(name);
    let (emulator, to, rule) = (emulator.display(), packaged::emulator(target), packaged::path(target));
    let text = packaged::text(target);
    sandbox
        .shell(&format!(
            "mkdir -p /usr/libexec/qus /usr/share/qus/binfmt.d
             cp {emulator} {to}.dpkg-new; chmod 755 {to}.dpkg-new; mv {to}.dpkg-new {to}
             cat > {rule}.dpkg-new <<'END'\n{text}END\nmv {rule}.dpkg-new {rule}"
        ))
        .expect(0, &[]);
}

/// Takes its files away.
#[track_caller]
pub(crate) fn delete(sandbox: &Sandbox, name: &str) {
    let target = target(name);
    let files = [packaged::emulator(target), packaged::path(target)];
    sandbox
        .shell(&format!(
            "rm {} {}; rmdir /usr/libexec/qus /usr/share/qus/binfmt.d /usr/share/qus 2>/dev/null || :",
            files[0], files[1]
        ))
        .expect(0, &[]);
}
