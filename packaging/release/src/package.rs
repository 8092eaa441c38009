//! What emulators come in: Debian packages, or folders.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use qus::hex::Sha256;
use qus::host::Host;
use qus::release::{EMULATOR_MAX, Member, Source};
use qus::target::Target;
use sha2::{Digest, Sha256 as Sha256Hasher};

use crate::deb::{self, Control};
use crate::emulator::{Recognised, TwoNames, recognise};
use crate::error::{Error, failed};
use crate::ui::{Ui, Work, count};

/// An emulator, taken out of its package.
#[derive(Clone, Debug)]
pub struct Emulator {
    /// What it is.
    pub member: Member,
    /// What it runs on.
    pub host: Host,
    /// Where its bytes are.
    pub file: PathBuf,
}

/// What a package says of itself.
pub struct Package {
    /// The control file; a folder has none.
    pub control: Option<Control>,
    /// What the release will say of it, one a host; none if nothing was taken of it.
    pub sources: Vec<Source>,
}

/// The emulators of several packages.
pub struct Collection<'a> {
    folder: &'a Path,
    wanted: &'a BTreeSet<Target>,
    found: BTreeMap<(Host, Target), Emulator>,
    qemu: Option<String>,
}

/// Where a file was found, for messages.
struct Place<'a> {
    package: &'a Path,
    file: &'a str,
}

impl<'a> Collection<'a> {
    /// Begins with none. The emulators will be kept in `folder`: those of `wanted`, or all if that
    /// is empty.
    pub fn new(folder: &'a Path, wanted: &'a BTreeSet<Target>) -> Collection<'a> {
        Collection { folder, wanted, found: BTreeMap::new(), qemu: None }
    }

    /// The emulators, by host and target.
    pub fn emulators(&self) -> impl Iterator<Item = &Emulator> {
        self.found.values()
    }

    /// QEMU's own version of them all.
    pub fn qemu(&self) -> Option<&str> {
        self.qemu.as_deref()
    }

    /// Takes the emulators of the package or folder `path`; `source` is where their source is, if
    /// that is not where it usually is.
    pub fn take(&mut self, path: &Path, source: Option<&str>, ui: &Ui) -> Result<Package, Error> {
        let metadata = path.metadata().map_err(failed("open", path))?;
        let work = ui.begin(&format!("reading {}", name_of(path)), metadata.len());
        let before = self.found.len();
        let package = if metadata.is_dir() {
            self.take_folder(path, source, ui)?
        } else if is_archive(path)? {
            self.take_deb(path, source, &work, ui)?
        } else {
            return Err(Error::NotAPackage(path.to_owned()));
        };
        let taken = self.found.len() - before;
        ui.end(&work, &format!("read {}: {}", name_of(path), count(taken, "emulator")));
        Ok(package)
    }

    fn take_deb(&mut self, path: &Path, source: Option<&str>, work: &Work, ui: &Ui) -> Result<Package, Error> {
        let (mut any, before) = (false, self.found.len());
        let (control, sha256) = deb::read(path, work, &mut |file| {
            let place = Place { package: path, file: file.name };
            let Some(host) = self.offer(&place, file.content, file.size, ui)? else { return Ok(()) };
            any = true;
            if file.control.host().is_some_and(|declared| declared != host) {
                let (package, architecture) = (path.to_owned(), file.control.architecture.clone());
                return Err(Error::HostDisagrees { package, file: file.name.to_owned(), host, architecture });
            }
            Ok(())
        })?;
        if !any {
            return Err(Error::NoEmulators { package: path.to_owned() });
        }
        if self.found.len() == before {
            return Ok(Package { control: Some(control), sources: Vec::new() });
        }
        let source = Source {
            package: control.package.clone(),
            version: control.version.clone(),
            architecture: control.architecture.clone(),
            sha256,
            source: source.map_or_else(|| control.source_url(), str::to_owned),
            linked: control.linked(),
        };
        Ok(Package { control: Some(control), sources: vec![source] })
    }

    fn take_folder(&mut self, path: &Path, source: Option<&str>, ui: &Ui) -> Result<Package, Error> {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(path).map_err(failed("read", path))? {
            let entry = entry.map_err(failed("read", path))?;
            if entry.file_type().is_ok_and(|kind| kind.is_file()) {
                files.push(entry.path());
            }
        }
        files.sort();
        let before: BTreeSet<(Host, Target)> = self.found.keys().copied().collect();
        let mut any = false;
        for file in files {
            let mut content = File::open(&file).map_err(failed("open", &file))?;
            let size = content.metadata().map_err(failed("read", &file))?.len();
            let place = Place { package: path, file: &name_of(&file) };
            any |= self.offer(&place, &mut content, size, ui)?.is_some();
        }
        if !any {
            return Err(Error::NoEmulators { package: path.to_owned() });
        }
        let mut lists: BTreeMap<Host, Vec<String>> = BTreeMap::new();
        for (key, Emulator { member, host, .. }) in &self.found {
            if !before.contains(key) {
                let line = format!("{}  {}\n", member.sha256, member.target.emulator());
                lists.entry(*host).or_default().push(line);
            }
        }
        let sources = lists.into_iter().map(|(host, list)| self.folder_source(host, &list.concat(), source)).collect();
        Ok(Package { control: None, sources })
    }

    /// A folder has no hash of its own; its emulators' `list` has, written as sha256sum(1) does.
    fn folder_source(&self, host: Host, list: &str, source: Option<&str>) -> Source {
        let qemu = self.qemu.clone().unwrap_or_default();
        Source {
            package: "qemu".to_owned(),
            architecture: host.to_string(),
            sha256: Sha256(Sha256Hasher::digest(list).into()),
            source: source.map_or_else(|| format!("https://download.qemu.org/qemu-{qemu}.tar.xz"), str::to_owned),
            version: qemu,
            linked: Vec::new(),
        }
    }

    /// Looks at a file, and keeps it if it is an emulator that is wanted. The host of an emulator,
    /// wanted or not; `None` for everything else.
    fn offer(&mut self, at: &Place, content: &mut dyn Read, size: u64, ui: &Ui) -> Result<Option<Host>, Error> {
        let damaged = |error: io::Error| failed("read", &at.package.join(at.file))(error);
        let mut bytes = Vec::new();
        content.take(4).read_to_end(&mut bytes).map_err(damaged)?;
        if bytes != *b"\x7fELF" {
            return Ok(None);
        }
        let (package, file) = (at.package.to_owned(), at.file.to_owned());
        if size > EMULATOR_MAX {
            return Err(Error::TooLarge { package, file, size, limit: EMULATOR_MAX });
        }
        content.take(EMULATOR_MAX).read_to_end(&mut bytes).map_err(damaged)?;
        let recognised = recognise(&bytes).map_err(|TwoNames(first, second)| Error::TwoNames {
            package: package.clone(),
            file: file.clone(),
            first,
            second,
        })?;
        let Some(recognised) = recognised else { return Ok(None) };
        let Some(target) = Target::all().find(|target| target.name() == recognised.target) else {
            ui.note(format!("\"{file}\" is left out: qus has no target \"{}\"", recognised.target));
            return Ok(None);
        };
        let host = self.check(at, &recognised, target)?;
        if self.wanted.is_empty() || self.wanted.contains(&target) {
            self.keep(package, host, target, &bytes)?;
        }
        Ok(Some(host))
    }

    /// Fails unless the emulator can be offered under its name, on a known host, beside the others.
    fn check(&mut self, at: &Place, recognised: &Recognised, target: Target) -> Result<Host, Error> {
        let (package, file) = (at.package.to_owned(), at.file.to_owned());
        if recognised.dynamic {
            return Err(Error::Dynamic { package, file });
        }
        let host = match recognised.host {
            Ok(host) => host,
            Err(machine) => return Err(Error::UnknownHost { package, file, machine }),
        };
        let name = file.rsplit('/').next().unwrap_or(&file);
        if name.strip_suffix("-static").unwrap_or(name) != format!("qemu-{target}") {
            return Err(Error::NameDisagrees { package, file, target });
        }
        match &self.qemu {
            Some(before) if *before != recognised.qemu => {
                Err(Error::TwoQemus { package, found: recognised.qemu.clone(), before: before.clone() })
            }
            _ => {
                self.qemu = Some(recognised.qemu.clone());
                Ok(host)
            }
        }
    }

    fn keep(&mut self, package: PathBuf, host: Host, target: Target, bytes: &[u8]) -> Result<(), Error> {
        let sha256 = Sha256(Sha256Hasher::digest(bytes).into());
        if let Some(before) = self.found.get(&(host, target)) {
            // The same emulator twice is no contradiction.
            let same = before.member.sha256 == sha256;
            return if same { Ok(()) } else { Err(Error::TwoEmulators { package, target, host }) };
        }
        let file = self.folder.join(format!("{}_{host}", target.emulator()));
        std::fs::write(&file, bytes).map_err(failed("write", &file))?;
        let member = Member { target, size: bytes.len() as u64, sha256 };
        self.found.insert((host, target), Emulator { member, host, file });
        Ok(())
    }
}

/// Whether the file begins as `ar` archives do.
fn is_archive(path: &Path) -> Result<bool, Error> {
    let mut magic = Vec::new();
    let file = File::open(path).map_err(failed("open", path))?;
    file.take(8).read_to_end(&mut magic).map_err(failed("read", path))?;
    Ok(magic == *b"!<arch>\n")
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}
