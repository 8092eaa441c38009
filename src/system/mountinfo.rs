//! What is mounted where, as `/proc/PID/mountinfo` tells it (Linux tag v6.12, `Documentation/filesystems/proc.rst`,
//! section 3.5).

use std::fs;
use std::io::Read;
use std::sync::OnceLock;

/// A mount as a process sees it.
#[derive(Debug)]
pub struct Mount {
    /// Its number, which no other mount of any namespace has at the same time.
    pub number: u64,
    /// The device's numbers, such as `0:38`.
    pub device: String,
    /// Which directory of the file system is mounted.
    pub root: String,
    /// Where, from the process's root directory; see [`Mount::path`].
    pub point: String,
    /// Whether it may be written to.
    pub writable: bool,
    /// The kind of file system.
    pub kind: String,
}

impl Mount {
    /// Reads a line of the list.
    pub fn parse(line: &str) -> Option<Mount> {
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

    /// Where, as it is spelled everywhere else: the kernel writes four bytes in octal (`show_mountinfo`, Linux tag
    /// v6.12, `fs/proc_namespace.c`).
    pub fn path(&self) -> String {
        [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")]
            .iter()
            .fold(self.point.clone(), |path, (written, byte)| path.replace(written, byte))
    }

    /// Whether it is binfmt_misc, of whichever instance.
    pub fn is_table(&self) -> bool {
        self.kind == "binfmt_misc" && self.root == "/"
    }
}

/// What `process`, a number or `self`, sees mounted; nothing where that cannot be read.
pub(super) fn of(process: &str) -> Vec<Mount> {
    /// More than most lists have, in bytes: the kernel makes what it gives anew for every piece that is read.
    const USUAL: usize = 64 * 1024;
    let mut text = String::with_capacity(USUAL);
    let read = fs::File::open(format!("/proc/{process}/mountinfo")).and_then(|mut list| list.read_to_string(&mut text));
    text.truncate(read.unwrap_or_default());
    text.lines().filter_map(Mount::parse).collect()
}

/// What this process, and the first one, saw mounted when that was first asked. What tells their places, their root
/// directories and namespaces, does not change.
#[derive(Debug)]
pub(super) struct AtFirst {
    pub(super) own: Vec<Mount>,
    pub(super) first: Vec<Mount>,
}

/// The same two lists each time: they can be long.
pub(super) fn at_first() -> &'static AtFirst {
    static LISTS: OnceLock<AtFirst> = OnceLock::new();
    LISTS.get_or_init(|| AtFirst { own: of("self"), first: of("1") })
}

/// What is mounted as the root directory, if that is a mount: that of a chroot need not be one.
pub(super) fn root(mounts: &[Mount]) -> Option<&Mount> {
    mounts.iter().rfind(|mount| mount.point == "/")
}
