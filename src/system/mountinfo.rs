//! What is mounted where, as `/proc/PID/mountinfo` tells it (Linux tag v6.12, `Documentation/filesystems/proc.rst`,
//! section 3.5).

use std::fs;

/// A mount as a process sees it.
#[derive(Debug)]
pub(super) struct Mount {
    /// Its number, which no other mount of any namespace has at the same time.
    pub(super) number: u64,
    /// The device's numbers, such as `0:38`.
    pub(super) device: String,
    /// Which directory of the file system is mounted.
    pub(super) root: String,
    /// Where, from the process's root directory; a space in it is written `\040`.
    pub(super) point: String,
    /// Whether it may be written to.
    pub(super) writable: bool,
    /// The kind of file system.
    pub(super) kind: String,
}

impl Mount {
    fn parse(line: &str) -> Option<Mount> {
        let (mount, file_system) = line.split_once(" - ")?;
        let mut words = mount.split(' ');
        let number = words.next()?.parse().ok()?;
        let mut word = || words.next().map(str::to_owned);
        let _parent = word()?;
        let (device, root, point, options) = (word()?, word()?, word()?, word()?);
        let kind = file_system.split(' ').next()?.to_owned();
        let of_all = file_system.rsplit(' ').next()?;
        let writable = [options.as_str(), of_all].iter().all(|options| options.split(',').any(|option| option == "rw"));
        Some(Mount { number, device, root, point, writable, kind })
    }

    /// Whether it is binfmt_misc, of whichever instance.
    pub(super) fn is_table(&self) -> bool {
        self.kind == "binfmt_misc" && self.root == "/"
    }
}

/// What `process`, a number or `self`, sees mounted; nothing where that cannot be read.
pub(super) fn of(process: &str) -> Vec<Mount> {
    let text = fs::read_to_string(format!("/proc/{process}/mountinfo")).unwrap_or_default();
    text.lines().filter_map(Mount::parse).collect()
}

/// What is mounted as the root directory of `process`, if that is a mount: that of a chroot need not be one.
pub(super) fn root_of(process: &str) -> Option<Mount> {
    of(process).into_iter().rfind(|mount| mount.point == "/")
}
