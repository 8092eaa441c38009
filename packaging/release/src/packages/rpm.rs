//! RPM's packages.

use std::path::Path;

use rpm::{BuildConfig, CompressionWithLevel, Dependency, Error, FileOptions, PackageBuilder};

use super::LEVEL;
use super::content::{Content, Edition, File, HOMEPAGE, Needed, Package, TOOL};
use super::words;

/// QEMU's licence as a whole.
const LICENCE: &str = "GPL-2.0-only";

/// The name of its file.
pub(super) fn file_name(package: &Package, edition: &Edition) -> String {
    let (version, release) = (edition.version.rpm_version(), edition.version.rpm_release());
    format!("{}-{version}-{release}.{}.rpm", package.name, words::rpm(edition.host))
}

/// Makes the package in the new file `path`.
pub(super) fn write(package: &Package, edition: &Edition, path: &Path) -> Result<(), Error> {
    let Package { name, summary, .. } = package;
    let version = edition.version.rpm_version();
    // RPM counts seconds in 32 bits, which last until 2106.
    let date = u32::try_from(edition.date.0).unwrap_or(u32::MAX);
    let mut rpm = PackageBuilder::new(name, &version, LICENCE, words::rpm(edition.host), summary);
    rpm.using_config(BuildConfig::v4().source_date(date).compression(CompressionWithLevel::Xz(LEVEL)));
    rpm.release(edition.version.rpm_release());
    // A group is asked for by openSUSE alone. The host is nobody's: the same release gives the same bytes everywhere.
    rpm.group("System/Emulators/Other").build_host("reproducible");
    rpm.url(HOMEPAGE).packager(&edition.maintainer).description(described(package));
    let heading = format!("{} - {version}-{}", edition.maintainer, edition.version.rpm_release());
    rpm.add_changelog_entry(heading, format!("- {}", Package::change(edition)), date);
    for Needed { name, since } in &package.depends {
        rpm.requires(match since {
            Some(since) => Dependency::greater_eq(name, *since),
            None => Dependency::any(name),
        });
    }
    for good in &package.recommends {
        rpm.recommends(Dependency::any(*good));
    }
    if let (Some(post), Some(preun)) =
        (package.script(include_str!("../../scripts/post")), package.script(include_str!("../../scripts/preun")))
    {
        rpm.requires(Dependency::script_post(TOOL)).requires(Dependency::script_preun(TOOL));
        rpm.post_install_script(post).pre_uninstall_script(preun);
    }
    let file = |path: String, mode: u32| FileOptions::new(path).permissions(permissions(mode)).modified_at(date.into());
    for File { path, mode, content } in &package.files {
        add(&mut rpm, content, file(format!("/{path}"), *mode))?;
    }
    // Nobody else's packages own them: they go with the last of ours.
    let ours = if package.files.is_empty() { &[][..] } else { &OURS };
    let of_package = [format!("/usr/share/doc/{name}"), format!("/usr/share/licenses/{name}")];
    for folder in ours.iter().map(ToString::to_string).chain(of_package) {
        rpm.with_dir_entry(FileOptions::dir(folder).permissions(0o755))?;
    }
    let copyright = Content::Text(Package::copyright(edition));
    add(&mut rpm, &copyright, file(format!("/usr/share/doc/{name}/copyright"), 0o644).doc())?;
    let licence = Content::Text(include_str!("GPL-2").to_owned());
    add(&mut rpm, &licence, file(format!("/usr/share/licenses/{name}/GPL-2"), 0o644).license())?;
    rpm.build()?.write_file(path)
}

/// Folders that the packages of emulators share with each other, and with that of the program.
const OURS: [&str; 3] = ["/usr/libexec/qus", "/usr/share/qus", "/usr/share/qus/binfmt.d"];

fn add(rpm: &mut PackageBuilder, content: &Content, options: impl Into<FileOptions>) -> Result<(), Error> {
    match content {
        Content::Text(text) => rpm.with_file_contents(text.as_bytes(), options)?,
        Content::Bytes(bytes) => rpm.with_file_contents(bytes.as_slice(), options)?,
        Content::Emulator(path, _) => rpm.with_file(path, options)?,
    };
    Ok(())
}

/// The description, whose lines are not to be longer than a terminal's.
fn described(package: &Package) -> String {
    let paragraphs: Vec<String> = package.description.iter().map(|paragraph| textwrap::fill(paragraph, 79)).collect();
    paragraphs.join("\n\n")
}

/// The bits of a mode that RPM takes apart from a file's type.
fn permissions(mode: u32) -> u16 {
    (mode & 0o7777) as u16
}
