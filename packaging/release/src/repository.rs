//! The folder that a web server hands out.

use std::collections::BTreeSet;
use std::fs::{File, TryLockError};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use qus::release::{ASSET_MAX, Asset, INDEX_MAX, RELEASE_FILE, Release, TOOL_FILE, Tool, ToolArchive};
use qus::tool::compare;
use qus::trust::{
    Anchor, Archive, Key, Label, MINISIG_MAX, Minisig, ROOT_MAX, Root, Signatures, TrustError, Verified, root_file,
    signature_file, verify_asset,
};
use qus::version::Version;

use crate::error::{Error, failed};
use crate::staging::Staging;

/// The name of the file that administrators put into `/etc/qus/trust.d`.
pub const ANCHOR_FILE: &str = "anchor.json";

/// A repository, locked against other programs that change it if this one does.
pub struct Repository {
    path: PathBuf,
    lock: Option<File>,
}

impl Repository {
    /// Opens the repository in `path` to read it.
    pub fn open(path: &Path) -> Result<Repository, Error> {
        std::fs::read_dir(path).map_err(failed("read", path))?;
        Ok(Repository { path: path.to_owned(), lock: None })
    }

    /// Opens the repository in `path` to change it.
    pub fn lock(path: &Path) -> Result<Repository, Error> {
        let folder = File::open(path).map_err(failed("open", path))?;
        match folder.try_lock() {
            Ok(()) => Ok(Repository { path: path.to_owned(), lock: Some(folder) }),
            Err(TryLockError::WouldBlock) => Err(Error::Busy(path.to_owned())),
            Err(TryLockError::Error(error)) => Err(failed("lock", path)(error)),
        }
    }

    /// Like [`Repository::lock`], but makes the folder if it is missing.
    pub fn create(path: &Path) -> Result<Repository, Error> {
        std::fs::create_dir_all(path).map_err(failed("create", path))?;
        Repository::lock(path)
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file `name` of it, relative.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The content of a document of at most `limit` bytes; `None` if there is no such file.
    pub fn read(&self, name: &str, limit: u64) -> Result<Option<String>, Error> {
        read_document(&self.file(name), limit)
    }

    /// The anchor, if there is one.
    pub fn anchor(&self) -> Result<Option<Anchor>, Error> {
        // An anchor is a root with its signatures, each shorter than a root.
        let Some(text) = self.read(ANCHOR_FILE, 4 * ROOT_MAX)? else { return Ok(None) };
        Ok(Some(Anchor::parse(&format!("\"{}\"", self.file(ANCHOR_FILE).display()), &text)?))
    }

    /// The serial behind which an index of `key` must not go, for who starts from the anchor.
    pub fn floor(&self, key: &Key) -> Result<u64, Error> {
        Ok(self.anchor()?.map_or(0, |anchor| anchor.floor(key)))
    }

    /// An empty folder on the same file system.
    pub fn staging(&self) -> Result<Staging, Error> {
        debug_assert!(self.lock.is_some(), "only the holder of the lock makes files");
        Staging::new(&self.path)
    }

    /// The newest root, reached from the first; `None` if there is none.
    pub fn newest_root(&self) -> Result<Option<SignedRoot>, Error> {
        Ok(self.roots()?.pop())
    }

    /// Every root, from the first to the newest, each checked by the one before.
    pub fn roots(&self) -> Result<Vec<SignedRoot>, Error> {
        let Some(first) = self.root_text(1)? else { return Ok(Vec::new()) };
        let mut roots = vec![self.self_signed(first)?];
        while let Some(next) = roots.last().map_or(Ok(None), |last| self.successor(&last.root))? {
            roots.push(next);
        }
        Ok(roots)
    }

    /// Root 1 by its own keys: whoever wrote the repository vouches for it.
    pub fn self_signed(&self, text: String) -> Result<SignedRoot, Error> {
        let what = root_file(1);
        let claimed: Root = serde_json::from_str(&text)
            .map_err(|error| Error::Malformed { path: self.file(&what), why: error.to_string() })?;
        let signatures = self.root_signatures(1, claimed.roles.root.keys.keys().cloned().collect())?;
        let anchor =
            Anchor { kind: Anchor::KIND.to_owned(), repository: String::new(), root: text, signatures, floor: None };
        Ok(SignedRoot { root: anchor.root(&what)?, text: anchor.root, signatures: anchor.signatures })
    }

    /// Follows the repository from `start` from root to root as far as that goes, and tells why it
    /// goes no further if there are more.
    pub fn follow(&self, start: SignedRoot) -> (SignedRoot, Result<(), Error>) {
        let mut newest = start;
        loop {
            match self.successor(&newest.root) {
                Ok(Some(next)) => newest = next,
                Ok(None) => return (newest, Ok(())),
                Err(error) => return (newest, Err(error)),
            }
        }
    }

    /// The root after `root`; `None` if there is none yet.
    pub fn successor(&self, root: &Root) -> Result<Option<SignedRoot>, Error> {
        let version = root.version + 1;
        let Some(text) = self.root_text(version)? else { return Ok(None) };
        let signatures = self.root_signatures(version, root.signers(&text))?;
        let root = root.successor(&root_file(version), &text, &signatures)?;
        Ok(Some(SignedRoot { root, text, signatures }))
    }

    /// The text of root `version`, not believed yet.
    pub fn root_text(&self, version: u64) -> Result<Option<String>, Error> {
        self.read(&root_file(version), ROOT_MAX)
    }

    fn root_signatures(&self, version: u64, labels: BTreeSet<Label>) -> Result<Signatures, Error> {
        let mut signatures = Signatures::new();
        for label in labels {
            if let Some(text) = self.read(&signature_file(&root_file(version), &label), MINISIG_MAX)? {
                signatures.insert(label, text);
            }
        }
        Ok(signatures)
    }

    /// The file of `asset`, if it and its signature are what a reader of `root` believes.
    pub fn check_asset(&self, version: &Version, asset: &Asset, root: &Root) -> Result<PathBuf, Error> {
        self.take_asset(version, asset, root, io::sink()).map(|(path, _)| path)
    }

    /// The same, with its very bytes that were believed in `sink`, as only they may be unpacked.
    pub fn take_asset<W: Write>(
        &self,
        version: &Version,
        asset: &Asset,
        root: &Root,
        sink: W,
    ) -> Result<(PathBuf, Verified<W>), Error> {
        let name = asset.members.first().map(|member| Asset::file_name(asset.form, member.target, asset.host));
        self.take_archive(version, asset, name.as_slice(), RELEASE_FILE, root, sink)
    }

    /// The same for an archive of qus.
    pub fn check_tool(&self, version: &Version, archive: &ToolArchive, root: &Root) -> Result<PathBuf, Error> {
        let names = [ToolArchive::file_name(archive.host), ToolArchive::tgz_name(archive.host)];
        self.take_archive(version, archive, &names, TOOL_FILE, root, io::sink()).map(|(path, _)| path)
    }

    fn take_archive<A: Archive, W: Write>(
        &self,
        version: &Version,
        asset: &A,
        names: &[String],
        list: &str,
        root: &Root,
        sink: W,
    ) -> Result<(PathBuf, Verified<W, A>), Error> {
        let of_version = |error: TrustError| Error::Asset { version: version.clone(), error };
        let folder = A::folder(version);
        let name = format!("{folder}/{}", asset.file());
        let signature = format!("{name}.minisig");
        if !names.iter().any(|name| name == asset.file()) || asset.size() > ASSET_MAX {
            let why = format!("\"{}\" has not the name or the size of an archive", asset.file());
            return Err(Error::Malformed { path: self.file(&format!("{folder}/{list}")), why });
        }
        let text = self.read(&signature, MINISIG_MAX)?;
        let text = text.ok_or_else(|| failed("open", &self.file(&signature))(ErrorKind::NotFound.into()))?;
        let signature = Minisig::parse(&format!("\"{}\"", asset.file()), &text).map_err(of_version)?;
        let path = self.file(&name);
        let mut file = File::open(&path).map_err(failed("open", &path))?;
        let verified = verify_asset(asset, version, &signature, root, &mut file, sink).map_err(of_version)?;
        Ok((path, verified))
    }

    /// What `release.json` says of the version in folder `name`; `None` if it holds no release.
    pub fn release(&self, name: &str) -> Result<Option<Release>, Error> {
        // A release is a part of an index, and no longer than one.
        let file = format!("{name}/{RELEASE_FILE}");
        let Some(text) = self.read(&file, INDEX_MAX)? else { return Ok(None) };
        let malformed = |why: String| Error::Malformed { path: self.file(&file), why };
        let release: Release = serde_json::from_str(&text).map_err(|error| malformed(error.to_string()))?;
        if release.version.as_str() != name {
            return Err(malformed(format!("it speaks of version {}", release.version)));
        }
        Ok(Some(release))
    }

    /// What `tool.json` says of the version of qus in folder `name`; `None` if it holds none.
    pub fn tool(&self, name: &str) -> Result<Option<Tool>, Error> {
        let file = format!("{name}/{TOOL_FILE}");
        let Some(text) = self.read(&file, INDEX_MAX)? else { return Ok(None) };
        let malformed = |why: String| Error::Malformed { path: self.file(&file), why };
        let tool: Tool = serde_json::from_str(&text).map_err(|error| malformed(error.to_string()))?;
        if ToolArchive::folder(&tool.version) != name {
            return Err(malformed(format!("it speaks of version {}", tool.version)));
        }
        Ok(Some(tool))
    }

    /// Every release, the highest version first.
    pub fn releases(&self) -> Result<Vec<Release>, Error> {
        let mut releases: Vec<Release> =
            self.folders()?.iter().filter_map(|name| self.release(name).transpose()).collect::<Result<_, _>>()?;
        releases.sort_by(|a, b| b.version.cmp(&a.version));
        Ok(releases)
    }

    /// Every version of qus itself, the newest first.
    pub fn tools(&self) -> Result<Vec<Tool>, Error> {
        let mut tools: Vec<Tool> =
            self.folders()?.iter().filter_map(|name| self.tool(name).transpose()).collect::<Result<_, _>>()?;
        tools.sort_by(|a, b| compare(&b.version, &a.version));
        Ok(tools)
    }

    fn folders(&self) -> Result<Vec<String>, Error> {
        let mut folders = Vec::new();
        for entry in std::fs::read_dir(&self.path).map_err(failed("read", &self.path))? {
            let entry = entry.map_err(failed("read", &self.path))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if !name.starts_with('.') && entry.path().is_dir() {
                folders.push(name);
            }
        }
        Ok(folders)
    }
}

impl Drop for Repository {
    fn drop(&mut self) {
        if let Some(lock) = &self.lock {
            // Closing the folder unlocks it only when no child that is just being started has it
            // open too. If this fails, the end of the program unlocks it.
            let _ = lock.unlock();
        }
    }
}

/// A root whose signatures were checked, with its bytes.
pub struct SignedRoot {
    /// What it says.
    pub root: Root,
    /// Its bytes.
    pub text: String,
    /// Its signatures.
    pub signatures: Signatures,
}

/// The text of a document of at most `limit` bytes; `None` if there is no such file.
pub fn read_document(path: &Path, limit: u64) -> Result<Option<String>, Error> {
    let file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        file => file.map_err(failed("open", path))?,
    };
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).map_err(failed("read", path))?;
    if bytes.len() as u64 > limit {
        return Err(Error::Trust(TrustError::TooLong {
            what: format!("\"{}\"", path.display()),
            limit,
            signed: "qus reads",
        }));
    }
    let text = String::from_utf8(bytes).map_err(|_| io::Error::new(ErrorKind::InvalidData, "it is not text"));
    text.map(Some).map_err(failed("read", path))
}
