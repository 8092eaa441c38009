//! Where a process stands: on the machine itself, or in a namespace, a container, a chroot, on Windows.

use std::fmt;

use serde::Serialize;

/// What surrounds this process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Place {
    /// Whether its user namespace is another than the initial one: the kernel gives that a table of its own.
    pub user_namespace: bool,
    /// Whether it sees other mounts than the machine's first process.
    pub mount_namespace: bool,
    /// What runs it, if that is a container: `docker`, `podman`, `lxc`, `systemd-nspawn`, or another word.
    pub container: Option<String>,
    /// Whether its root directory is not its first process's.
    pub chroot: bool,
    /// The version of Windows' subsystem for Linux, 1 or 2, if it is that.
    pub wsl: Option<u8>,
}

/// Who keeps the kernel's table mounted: with the last mount every entry goes (Linux >= 6.7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Keeper {
    /// The machine itself.
    #[default]
    Machine,
    /// Somebody outside of this container or namespace, most likely the machine: it was there before.
    Outside,
    /// This user namespace, or one around it, whose own table it is: it serves programs of that namespace alone.
    UserNamespace,
    /// Nobody but this mount namespace: entries go with it.
    Nobody,
}

impl Place {
    /// The version of WSL whose kernel calls itself `release`: version 1 ends in `-Microsoft`, version 2 in
    /// `-microsoft-standard-WSL2` (systemd pull request 11932, and what Microsoft's kernels since 4.19 say).
    pub fn wsl_of(release: &str) -> Option<u8> {
        if release.contains("Microsoft") {
            Some(1)
        } else if release.to_ascii_lowercase().contains("microsoft") {
            Some(2)
        } else {
            None
        }
    }
}

impl fmt::Display for Place {
    /// As the end of a sentence that begins with the host: `in a chroot, in a container (docker)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = Vec::new();
        if self.chroot {
            words.push("in a chroot".to_owned());
        }
        if let Some(container) = &self.container {
            words.push(format!("in a container ({container})"));
        }
        if self.user_namespace {
            words.push("in a user namespace".to_owned());
        }
        if let Some(version) = self.wsl {
            words.push(format!("on WSL {version}"));
        }
        // A container has one in any case, and so has everybody on WSL.
        if self.mount_namespace && words.is_empty() {
            words.push("in a mount namespace of its own".to_owned());
        }
        f.write_str(&words.join(", "))
    }
}
