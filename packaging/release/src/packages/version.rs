//! The versions that packages bear.

use qus::version::Version;

/// A release's version, and how many times its packages were made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PackageVersion {
    upstream: String,
    revision: String,
}

impl PackageVersion {
    /// Of `release`, packaged for the `packaging`th time.
    ///
    /// What is added begins with `~`, so that a later revision of the distribution's sorts higher whatever it begins
    /// with: `1~qus2` comes before `1+deb14u1~qus1` and `1.1~qus1`, as `1` before `1+deb14u1` and `1.1`.
    pub(super) fn of(release: &Version, packaging: u32) -> PackageVersion {
        let (upstream, revision) = release.as_str().rsplit_once('-').unwrap_or((release.as_str(), "0"));
        PackageVersion { upstream: upstream.to_owned(), revision: format!("{revision}~qus{packaging}") }
    }

    /// The version of QEMU.
    pub(super) fn qemu(&self) -> &str {
        &self.upstream
    }

    /// As Debian writes it (deb-version(7)).
    pub(super) fn debian(&self) -> String {
        format!("{}-{}", self.upstream, self.revision)
    }

    /// RPM's `Version`, in which no `-` may be.
    pub(super) fn rpm_version(&self) -> String {
        self.upstream.replace('-', ".")
    }

    /// RPM's `Release`.
    pub(super) fn rpm_release(&self) -> &str {
        &self.revision
    }
}
