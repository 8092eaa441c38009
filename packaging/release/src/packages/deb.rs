//! Debian's packages: an `ar` archive of `debian-binary`, `control.tar.xz` and `data.tar.xz` (deb(5)).

use std::fmt::Write as _;
use std::fs::File as DiskFile;
use std::io::{self, Cursor, Write};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use flate2::{Compression, GzBuilder};

use super::content::{ALL, Content, Edition, File, HOMEPAGE, Needed, Package};
use super::data::Data;
use super::words;

/// The name of its file.
pub(super) fn file_name(package: &Package, edition: &Edition) -> String {
    format!("{}_{}_{}.deb", package.name, edition.version.debian(), words::debian(edition.host))
}

/// Makes the package in the new file `path`.
pub(super) fn write(package: &Package, edition: &Edition, path: &Path) -> io::Result<()> {
    let mtime = edition.date.0;
    let mut data = Data::new(mtime)?;
    for file in package.files.iter().chain(&documents(package, edition)?) {
        data.file(file)?;
    }
    let (kibibytes, sums, data) = (data.kibibytes(), data.sums().to_owned(), data.finish()?);

    let mut control = Data::new(mtime)?;
    let mut add =
        |path: &str, mode, text| control.file(&File { path: path.to_owned(), mode, content: Content::Text(text) });
    add("control", 0o644, fields(package, edition, kibibytes))?;
    add("md5sums", 0o644, sums)?;
    let scripts =
        [("postinst", include_str!("../../scripts/postinst")), ("prerm", include_str!("../../scripts/prerm"))];
    for (name, text) in scripts {
        if let Some(script) = package.script(text) {
            add(name, 0o755, script)?;
        }
    }

    let parts = [("debian-binary", b"2.0\n".to_vec()), ("control.tar.xz", control.finish()?), ("data.tar.xz", data)];
    let mut archive = ar::Builder::new(DiskFile::create(path)?);
    for (name, content) in parts {
        let mut header = ar::Header::new(name.into(), content.len() as u64);
        header.set_mode(0o100_644);
        header.set_mtime(mtime);
        archive.append(&header, Cursor::new(content))?;
    }
    archive.into_inner()?.sync_all()
}

/// What every package of Debian's has below `/usr/share`, and why lintian is not to mind an emulator.
fn documents(package: &Package, edition: &Edition) -> io::Result<Vec<File>> {
    let Package { name, .. } = package;
    let plain = |path: String, content| File { path, mode: 0o644, content };
    let mut files = vec![
        plain(
            format!("usr/share/doc/{name}/changelog.Debian.gz"),
            Content::Bytes(gzipped(&changelog(package, edition))?),
        ),
        plain(format!("usr/share/doc/{name}/copyright"), Content::Text(Package::copyright(edition))),
    ];
    if let Some(overrides) = package.script(include_str!("lintian-overrides")) {
        let overrides = overrides.replace("@PACKAGE@", name);
        files.push(plain(format!("usr/share/lintian/overrides/{name}"), Content::Text(overrides)));
    }
    Ok(files)
}

fn changelog(package: &Package, edition: &Edition) -> String {
    let (version, change) = (edition.version.debian(), Package::change(edition));
    let date = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(edition.date.0)).replace("GMT", "+0000");
    let Edition { maintainer, .. } = edition;
    format!("{} ({version}) stable; urgency=medium\n\n  * {change}\n\n -- {maintainer}  {date}\n", package.name)
}

fn gzipped(text: &str) -> io::Result<Vec<u8>> {
    let mut encoder = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    encoder.write_all(text.as_bytes())?;
    encoder.finish()
}

/// The control file.
fn fields(package: &Package, edition: &Edition, kibibytes: u64) -> String {
    let mut text = String::new();
    let mut field = |name: &str, value: &str| {
        if !value.is_empty() {
            // A String takes everything that is written to it.
            let _ = writeln!(text, "{name}: {value}");
        }
    };
    field("Package", &package.name);
    field("Source", if package.name == ALL { "" } else { ALL });
    field("Version", &edition.version.debian());
    field("Architecture", words::debian(edition.host));
    field("Maintainer", &edition.maintainer);
    field("Installed-Size", &kibibytes.to_string());
    let needed = |Needed { name, since }: &Needed| match since {
        Some(since) => format!("{name} (>= {since})"),
        None => name.clone(),
    };
    field("Depends", &package.depends.iter().map(needed).collect::<Vec<_>>().join(", "));
    field("Recommends", &package.recommends.join(", "));
    // Where Debian's own emulators are.
    field("Section", "otherosfs");
    field("Priority", "optional");
    field("Multi-Arch", "foreign");
    field("Homepage", HOMEPAGE);
    let paragraphs: Vec<String> = package.description.iter().map(|paragraph| indented(paragraph)).collect();
    field("Description", &format!("{}\n{}", package.summary, paragraphs.join("\n .\n")));
    text
}

/// A paragraph as a field goes on: behind a space.
fn indented(paragraph: &str) -> String {
    textwrap::wrap(paragraph, 76).iter().map(|line| format!(" {line}")).collect::<Vec<_>>().join("\n")
}
