//! Debian packages: an `ar` archive of `debian-binary`, `control.tar` and `data.tar`, the last two
//! compressed in one of several ways (deb(5)). Read in one pass, without unpacking to disk.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use qus::hex::Sha256;
use qus::host::Host;
use qus::release::Linked;
use qus::version::{BadVersion, Version};

use crate::error::{Error, failed};
use crate::tap::Tap;
use crate::ui::Work;

/// Most that is read of a package's control file, in bytes: a hundred times Debian's for QEMU.
const CONTROL_MAX: u64 = 256 * 1024;

/// What a package's control file says, as far as we ask.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Control {
    /// `Package`.
    pub package: String,
    /// `Version`.
    pub version: String,
    /// `Architecture`.
    pub architecture: String,
    /// `Source`, or else the package.
    pub source: String,
    /// The version of the source, or else of the package.
    pub source_version: String,
    /// `Built-Using` and `Static-Built-Using`: sources and their versions, of which something is linked in.
    pub built_using: Vec<(String, String)>,
}

/// A plain file in a package.
pub struct Plain<'a> {
    /// What the package says of itself.
    pub control: &'a Control,
    /// The file's path, without a slash at its start.
    pub name: &'a str,
    /// Its size, in bytes.
    pub size: u64,
    /// Its content.
    pub content: &'a mut dyn Read,
}

/// Reads the package in `path` and calls `visit` with each plain file; returns what the package
/// says of itself, and its hash.
pub fn read(
    path: &Path,
    work: &Work,
    visit: &mut dyn FnMut(Plain) -> Result<(), Error>,
) -> Result<(Control, Sha256), Error> {
    let bad = |why: &str| Error::BadPackage { path: path.to_owned(), why: why.to_owned() };
    let damaged = |error: io::Error| bad(&error.to_string());
    let file = File::open(path).map_err(failed("open", path))?;
    let mut archive = ar::Archive::new(Tap::new(BufReader::new(file), work));
    let mut control = None;
    let mut data = false;
    while let Some(entry) = archive.next_entry() {
        let entry = entry.map_err(damaged)?;
        let name = String::from_utf8_lossy(entry.header().identifier()).into_owned();
        if let Some(suffix) = name.strip_prefix("control.tar") {
            let reader = decompressor(suffix, entry).map_err(damaged)?;
            control = Some(read_control(reader).map_err(damaged)?);
        } else if let Some(suffix) = name.strip_prefix("data.tar") {
            let control = control.as_ref().ok_or_else(|| bad("it has no control file"))?;
            let mut files = tar::Archive::new(decompressor(suffix, entry).map_err(damaged)?);
            for file in files.entries().map_err(damaged)? {
                let mut file = file.map_err(damaged)?;
                if file.header().entry_type().is_file() {
                    let name = String::from_utf8_lossy(&file.path_bytes()).into_owned();
                    let name = name.trim_start_matches("./");
                    visit(Plain { control, name, size: file.size(), content: &mut file })?;
                }
            }
            // The compressed stream ends in a checksum, behind the last file.
            io::copy(&mut files.into_inner(), &mut io::sink()).map_err(damaged)?;
            data = true;
        }
    }
    let control = control.filter(|_| data).ok_or_else(|| bad("it has no files"))?;
    let hash = archive.into_inner().map_err(damaged)?.finish().map_err(damaged)?;
    Ok((control, hash))
}

fn decompressor<'a>(suffix: &str, reader: impl Read + 'a) -> io::Result<Box<dyn Read + 'a>> {
    Ok(match suffix {
        "" => Box::new(reader),
        ".gz" => Box::new(flate2::read::GzDecoder::new(reader)),
        ".xz" => Box::new(liblzma::read::XzDecoder::new(reader)),
        ".zst" => Box::new(zstd::Decoder::new(reader)?),
        other => return Err(io::Error::other(format!("it is compressed in an unknown way, \"{other}\""))),
    })
}

fn read_control(reader: impl Read) -> io::Result<Control> {
    for entry in tar::Archive::new(reader).entries()? {
        let entry = entry?;
        if String::from_utf8_lossy(&entry.path_bytes()).trim_start_matches("./") == "control" {
            let mut text = String::new();
            entry.take(CONTROL_MAX).read_to_string(&mut text)?;
            return Control::parse(&text)
                .ok_or_else(|| io::Error::other("its control file lacks a field, or has one that is not Debian's"));
        }
    }
    Err(io::Error::other("it has no control file"))
}

impl Control {
    /// Reads a control file; `None` if it lacks a field that every package has, or what is linked in is not told as Debian
    /// does it.
    pub fn parse(text: &str) -> Option<Control> {
        let field = |name: &str| {
            let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
            Some(value.trim().to_owned())
        };
        let (package, version, architecture) = (field("Package")?, field("Version")?, field("Architecture")?);
        // `Source: qemu (1:7.2+dfsg-7+deb12u18)` where its version is another than the package's.
        let source = field("Source").unwrap_or_else(|| package.clone());
        let (source, source_version) = match source.split_once(" (") {
            Some((source, version)) => (source.to_owned(), version.trim_end_matches(')').to_owned()),
            None => (source, version.clone()),
        };
        let built_using = ["Built-Using", "Static-Built-Using"].iter().flat_map(|name| folded(text, name));
        let mut built_using = built_using.map(|one| exact(&one)).collect::<Option<Vec<_>>>()?;
        built_using.sort();
        built_using.dedup();
        Some(Control { package, version, architecture, source, source_version, built_using })
    }

    /// The version of the release made of this package: `11.1.3-1` of `1:11.1.3+ds-1`. The epoch
    /// and the mark of a repacked source are Debian's own affair.
    pub fn release_version(&self) -> Result<Version, BadVersion> {
        let plain = self.version.split_once(':').map_or(self.version.as_str(), |(_, plain)| plain);
        let (upstream, revision) = match plain.rsplit_once('-') {
            Some((upstream, revision)) => (upstream, format!("-{revision}")),
            None => (plain, String::new()),
        };
        let repacked = upstream.find("+ds").or_else(|| upstream.find("+dfsg"));
        format!("{}{revision}", &upstream[..repacked.unwrap_or(upstream.len())]).parse()
    }

    /// The host its programs run on, if Debian's name of it is known.
    pub fn host(&self) -> Option<Host> {
        Some(match self.architecture.as_str() {
            "amd64" => Host::Amd64,
            "arm64" => Host::Arm64v8,
            "armel" => Host::Arm32v6,
            "armhf" => Host::Arm32v7,
            "i386" => Host::I386,
            "loong64" => Host::Loong64,
            "mips64el" => Host::Mips64le,
            "mipsel" => Host::Mipsle,
            "ppc64el" => Host::Ppc64le,
            "riscv64" => Host::Riscv64,
            "s390x" => Host::S390x,
            _ => return None,
        })
    }

    /// Where the source of this very version stays: the archive of everything Debian ever had, or
    /// Ubuntu's.
    pub fn source_url(&self) -> String {
        source_url(&self.source, &self.source_version, self.is_of_ubuntu())
    }

    /// What of other sources is linked in, and where those are.
    pub fn linked(&self) -> Vec<Linked> {
        let linked = self.built_using.iter().map(|(package, version)| Linked {
            package: package.clone(),
            version: version.clone(),
            // Ubuntu takes most of them from Debian as they are, and has those too.
            source: source_url(package, version, self.is_of_ubuntu()),
        });
        linked.collect()
    }

    fn is_of_ubuntu(&self) -> bool {
        self.source_version.contains("ubuntu")
    }
}

fn source_url(source: &str, version: &str, of_ubuntu: bool) -> String {
    let version = percent_encode(version);
    if of_ubuntu {
        format!("https://launchpad.net/ubuntu/+source/{source}/{version}")
    } else {
        format!("https://snapshot.debian.org/package/{source}/{version}/")
    }
}

/// The list in a field that may go on in further lines, each of which begins with a space; an empty one if there is no
/// such field.
fn folded(text: &str, name: &str) -> Vec<String> {
    let mut lines = text.lines().skip_while(|line| line.strip_prefix(name).is_none_or(|rest| !rest.starts_with(':')));
    let first = lines.next().map(|line| &line[name.len() + 1..]);
    let more = lines.take_while(|line| line.starts_with([' ', '\t']));
    let value: String = first.into_iter().chain(more).collect();
    value.split(',').map(str::trim).filter(|one| !one.is_empty()).map(str::to_owned).collect()
}

/// A package and its version, of `glibc (= 2.43-7)`: no other relation is allowed there (Debian Policy, 7.8).
fn exact(relation: &str) -> Option<(String, String)> {
    let (package, version) = relation.strip_suffix(')')?.split_once(" (= ")?;
    Some((package.to_owned(), version.to_owned()))
}

fn percent_encode(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}
