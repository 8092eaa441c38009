//! Writing a bundle.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::BundleError;
use super::tape::{END, padded, written};

/// A bundle in the making.
///
/// # Atomicity
///
/// It lies beside its place, under a name of its own, until [`Writer::finish`] has made sure that all of it is on the
/// disk. Then it takes its place, whole. Dropped before that, it leaves nothing behind.
#[derive(Debug)]
pub struct Writer {
    path: PathBuf,
    new: PathBuf,
    file: File,
}

impl Writer {
    /// Begins a bundle that is to lie at `path`.
    pub fn create(path: &Path) -> Result<Writer, BundleError> {
        let failed = failed("write", path);
        let Some(name) = path.file_name() else { return Err(failed(io::ErrorKind::IsADirectory.into())) };
        let mut new = OsString::from(".");
        new.push(name);
        new.push(".qus-new");
        let new = path.with_file_name(new);
        // An earlier qus may have been killed here.
        let _ = fs::remove_file(&new);
        let file = File::options().read(true).write(true).create_new(true).mode(0o600).open(&new).map_err(failed)?;
        Ok(Writer { path: path.to_owned(), new, file })
    }

    /// Where it lies until it is finished.
    pub fn place(&self) -> &Path {
        &self.new
    }

    /// Adds a file. Whoever adds keeps the order: the manifest, then the others by their names.
    pub fn add(&mut self, name: &str, size: u64, content: &mut dyn Read) -> Result<(), BundleError> {
        let mut add = || -> io::Result<()> {
            self.file.write_all(written(name, size)?.as_bytes())?;
            if io::copy(&mut content.take(size), &mut self.file)? != size {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let padding = usize::try_from(padded(size) - size).unwrap_or_default();
            self.file.write_all(&END[..padding])
        };
        add().map_err(failed("write", &self.path))
    }

    /// Ends the archive, so that it can be read at [`Writer::place`].
    pub fn end(&mut self) -> Result<(), BundleError> {
        let readable = fs::Permissions::from_mode(0o644);
        let ended = self.file.write_all(&END).and_then(|()| self.file.set_permissions(readable));
        ended.and_then(|()| self.file.sync_all()).map_err(failed("write", &self.path))
    }

    /// Puts it in its place, over what lies there.
    pub fn finish(self) -> Result<(), BundleError> {
        let parent = match self.path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let finished = fs::rename(&self.new, &self.path).and_then(|()| File::open(parent)?.sync_all());
        finished.map_err(failed("write", &self.path))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // After it was finished there is none.
        let _ = fs::remove_file(&self.new);
    }
}

fn failed(what: &'static str, path: &Path) -> impl Fn(io::Error) -> BundleError {
    let path = path.to_owned();
    move |error| BundleError::File { what, path: path.clone(), error }
}
