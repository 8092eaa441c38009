//! Versions of QEMU, as its emulators print them.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

use crate::version::Version;

/// Major, minor and micro number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct QemuVersion(pub u32, pub u32, pub u32);

impl QemuVersion {
    /// Reads the first line of `qemu-aarch64 --version`, such as `qemu-aarch64 version 11.1.3 (Debian 1:11.1.3+ds-1)`.
    pub fn of_banner(banner: &str) -> Option<QemuVersion> {
        let (name, rest) = banner.split_once(" version ")?;
        if !name.starts_with("qemu-") {
            return None;
        }
        QemuVersion::of_numbers(rest)
    }

    /// The version of the QEMU in a release, whose own version has the distribution's revision behind it.
    pub fn of_release(version: &Version) -> Option<QemuVersion> {
        QemuVersion::of_numbers(version.as_str())
    }

    fn of_numbers(text: &str) -> Option<QemuVersion> {
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let mut numbers = text[..end].split('.').map(str::parse);
        Some(QemuVersion(numbers.next()?.ok()?, numbers.next()?.ok()?, numbers.next().unwrap_or(Ok(0)).ok()?))
    }
}

impl fmt::Display for QemuVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

impl Serialize for QemuVersion {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for QemuVersion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<QemuVersion, D::Error> {
        let text = String::deserialize(deserializer)?;
        let read = QemuVersion::of_numbers(&text).filter(|version| version.to_string() == text);
        read.ok_or_else(|| serde::de::Error::custom(format!("\"{text}\" is not a version such as 11.1.3")))
    }
}
