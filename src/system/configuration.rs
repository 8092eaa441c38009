//! Reading what the system is configured to register at boot.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::root::{FileError, Root};
use crate::configuration::{Configuration, DIRECTORIES, DropIn, OPENRC, SUPPORT, UPDATE_BINFMTS};
use crate::rooted::RootedPath;

/// Largest file that is taken for a drop-in, in bytes. A rule has at most 1920 (`rule::LINE_MAX`), and the largest
/// file known, one of all rules of QEMU, has 9 KB.
const FILE_MAX: u64 = 256 * 1024;

/// Reads every `binfmt.d` file, and binfmt-support's formats. What cannot be read by this user is as if it
/// were not there.
pub fn read(root: &Root) -> Result<Configuration, FileError> {
    let mut configuration = Configuration::default();
    for directory in DIRECTORIES.map(RootedPath::from_trusted) {
        let names = root.list(&directory).unwrap_or_default();
        for path in names.iter().map(|name| directory.join(name)).filter(DropIn::counts) {
            let text = read_small(root, &path);
            configuration.add(DropIn::parse(path, &text.unwrap_or_default()));
        }
    }
    // What is left of it where it was uninstalled is never registered again.
    let is_there = root.look(&RootedPath::from_trusted(UPDATE_BINFMTS))?.is_some();
    let support = RootedPath::from_trusted(SUPPORT);
    let formats = if is_there { root.list(&support).unwrap_or_default() } else { Vec::new() };
    for path in formats.iter().map(|name| support.join(name)) {
        let text = read_small(root, &path);
        configuration.support.push(DropIn::parse_format(path, &text.unwrap_or_default()));
    }
    configuration.openrc = root.look(&RootedPath::from_trusted(OPENRC))?.is_some();
    Ok(configuration)
}

/// Reads every file of `directory`, whatever it is called, in the order of the names.
pub fn read_folder(directory: &Path) -> Result<Vec<(PathBuf, String)>, FileError> {
    let failed = |path: &Path| {
        let path = path.display().to_string();
        move |error: io::Error| FileError { what: "read", path, error }
    };
    let listing = fs::read_dir(directory).map_err(failed(directory))?;
    let mut paths =
        listing.map(|file| file.map(|file| file.path())).collect::<io::Result<Vec<_>>>().map_err(failed(directory))?;
    paths.sort();
    let read = |path: PathBuf| {
        let mut text = String::new();
        // A pipe would wait for somebody who writes to it.
        if !fs::metadata(&path).map_err(failed(&path))?.is_file() {
            return Err(failed(&path)(io::Error::other("not a file")));
        }
        let file = fs::File::open(&path).map_err(failed(&path))?;
        file.take(FILE_MAX + 1).read_to_string(&mut text).map_err(failed(&path))?;
        match text.len() as u64 {
            0..=FILE_MAX => Ok((path, text)),
            _ => Err(failed(&path)(io::ErrorKind::FileTooLarge.into())),
        }
    };
    paths.into_iter().map(read).collect()
}

fn read_small(root: &Root, path: &RootedPath) -> Option<String> {
    let place = root.follow(path);
    // A link to `/dev/null` masks the file of its name in other directories: no plain file, no text.
    let is_small = |file: fs::Metadata| file.is_file() && file.len() <= FILE_MAX;
    fs::metadata(&place).is_ok_and(is_small).then(|| fs::read_to_string(place).ok())?
}
