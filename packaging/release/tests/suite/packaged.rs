//! Emulators as packages of Debian and of RPM, asked by dpkg and rpm themselves.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use qus::dropin::packaged;
use qus::target::Target;
use qus::trust::TrustError;
use qus_release::error::Error;

use crate::files::{AARCH64, Deb, LOAD, control, elf, line};
use crate::workshop::{Workshop, text};

/// Path -> mode, owner, and what kind of file it is.
type Files = BTreeMap<String, String>;

/// A repository of `aarch64`, `aarch64_be`, `arm`, `i386` and `x86_64`, published.
fn published() -> Workshop {
    let workshop = Workshop::new();
    workshop.deb("usual.deb", &Deb::new(&["aarch64", "aarch64_be", "arm", "i386", "x86_64"]));
    workshop.import(&["usual.deb"]).unwrap();
    workshop.publish(&[]).unwrap();
    workshop
}

/// What a program prints that must not fail.
#[track_caller]
fn print(program: &str, words: &[&str]) -> String {
    let output = Command::new(program).args(words).output().unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(output.status.success(), "{program} {words:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

fn path(workshop: &Workshop, file: &str) -> String {
    workshop.path(&format!("packages/{file}")).display().to_string()
}

/// Names of the files in the folder of packages.
fn names(workshop: &Workshop) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(workshop.path("packages")) else { return Vec::new() };
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn all_targets_but_the_host_itself_are_packaged_and_what_it_runs_by_itself_is_not_pulled_in() {
    let workshop = published();
    let made = workshop.packages(&["--target", "all"]).unwrap();
    let expected = [
        "qus-emulator-aarch64-11.1.3-1~qus1.x86_64.rpm",
        "qus-emulator-aarch64-be-11.1.3-1~qus1.x86_64.rpm",
        "qus-emulator-aarch64-be_11.1.3-1~qus1_amd64.deb",
        "qus-emulator-aarch64_11.1.3-1~qus1_amd64.deb",
        "qus-emulator-arm-11.1.3-1~qus1.x86_64.rpm",
        "qus-emulator-arm_11.1.3-1~qus1_amd64.deb",
        "qus-emulator-i386-11.1.3-1~qus1.x86_64.rpm",
        "qus-emulator-i386_11.1.3-1~qus1_amd64.deb",
        "qus-emulators-11.1.3-1~qus1.x86_64.rpm",
        "qus-emulators_11.1.3-1~qus1_amd64.deb",
    ];
    assert_eq!((names(&workshop), made.len()), (expected.map(str::to_owned).to_vec(), expected.len()));
    let all = "qus-emulator-aarch64, qus-emulator-aarch64-be, qus-emulator-arm";
    assert_eq!(print("dpkg-deb", &["-f", &path(&workshop, expected[9]), "Depends"]).trim(), all);
    let needs = print("rpm", &["-qp", "--requires", &path(&workshop, expected[8])]);
    let needs: Vec<&str> = needs.lines().filter(|line| !line.starts_with("rpmlib(")).collect();
    assert_eq!(needs.join(", "), all);
}

#[test]
fn packages_for_another_host_bear_its_names_and_leave_it_its_own_programs() {
    let workshop = Workshop::new();
    let mut deb = Deb { control: control("1:11.1.3+ds-1", "arm64"), ..Deb::new(&[]) };
    for target in ["aarch64", "arm", "x86_64"] {
        deb = deb.with(&format!("usr/bin/qemu-{target}"), elf(AARCH64, LOAD, &line(target, "11.1.3")));
    }
    workshop.deb("arm64.deb", &deb);
    workshop.import(&["arm64.deb"]).unwrap();
    workshop.publish(&[]).unwrap();
    workshop.packages(&["--host", "arm64v8"]).unwrap();
    let expected = [
        "qus-emulator-arm-11.1.3-1~qus1.aarch64.rpm",
        "qus-emulator-arm_11.1.3-1~qus1_arm64.deb",
        "qus-emulator-x86-64-11.1.3-1~qus1.aarch64.rpm",
        "qus-emulator-x86-64_11.1.3-1~qus1_arm64.deb",
        "qus-emulators-11.1.3-1~qus1.aarch64.rpm",
        "qus-emulators_11.1.3-1~qus1_arm64.deb",
    ];
    assert_eq!(names(&workshop), expected);
    let field = |name: &str, field| print("dpkg-deb", &["-f", &path(&workshop, name), field]);
    assert_eq!(field(expected[3], "Architecture"), "arm64\n");
    assert_eq!(field(expected[5], "Depends"), "qus-emulator-x86-64\n");
    let warning = "Most arm64 machines run such programs by themselves";
    assert!(
        field(expected[1], "Description").contains(warning) && !field(expected[3], "Description").contains(warning)
    );
    let rpm = print("rpm", &["-qp", "--queryformat", "%{ARCH} %{OS}", &path(&workshop, expected[2])]);
    assert_eq!(rpm, "aarch64 linux");
}

#[test]
fn every_file_has_the_mode_and_the_owner_that_are_listed_and_there_is_no_other() {
    let workshop = published();
    for file in workshop.packages(&[]).unwrap() {
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        let kind = file.extension().unwrap().to_str().unwrap();
        let found = if kind == "deb" { of_deb(&file) } else { of_rpm(&file) };
        let package = name.split(['_', '.']).next().unwrap().trim_end_matches("-11");
        assert_eq!(found, listed(package, kind), "{name}");
    }
}

/// What `packaging/files.toml` says of a package.
fn listed(package: &str, kind: &str) -> Files {
    let target = Target::all().find(|target| packaged::package(*target) == package);
    let section = if target.is_some() { "qus-emulator-TARGET" } else { package };
    let text = include_str!("../../../files.toml");
    let mut all: BTreeMap<String, BTreeMap<String, Files>> = toml::from_str(text).unwrap();
    let mut of_package = all.remove(section).unwrap();
    let mut files = of_package.remove("both").unwrap_or_default();
    files.extend(of_package.remove(kind).unwrap());
    let named = |path: String| path.replace("TARGET", target.map_or("", Target::name)).replace("PACKAGE", package);
    files.into_iter().map(|(path, what)| (named(path), what)).collect()
}

/// Folders are root's, of mode 0755, and no others than those that files lie in.
fn of_deb(package: &Path) -> Files {
    let listing = print("dpkg-deb", &["--contents", package.to_str().unwrap()]);
    let mut files = Files::new();
    for line in listing.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [mode, owner, .., name] = words[..] else { panic!("{line}") };
        let mode = match mode {
            "drwxr-xr-x" => {
                assert_eq!(owner, "root/root", "{line}");
                assert!(listing.matches(name).count() > 1, "nothing is in {line}");
                continue;
            }
            "-rwxr-xr-x" => "0755",
            "-rw-r--r--" => "0644",
            _ => panic!("{line}"),
        };
        files.insert(name.trim_start_matches('.').to_owned(), format!("{mode} {}", owner.replace('/', ":")));
    }
    files
}

fn of_rpm(package: &Path) -> Files {
    let format = "[%{FILENAMES} %{FILEMODES:octal} %{FILEUSERNAME}:%{FILEGROUPNAME} .%{FILEFLAGS:fflags}\n]";
    let listing = print("rpm", &["-qp", "--queryformat", format, package.to_str().unwrap()]);
    let file = |line: &str| {
        let [path, mode, owner, flags] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let (kind, mode) = mode.split_at(mode.len() - 4);
        let what = match (kind, flags) {
            ("4", ".") => " directory",
            ("10", ".") => "",
            ("10", ".d") => " documentation",
            ("10", ".l") => " licence",
            _ => panic!("{line}"),
        };
        (path.to_owned(), format!("{mode} {owner}{what}"))
    };
    listing.lines().map(file).collect()
}

#[test]
fn debians_fields_say_what_it_is_and_its_files_are_whole() {
    let workshop = published();
    workshop.packages(&["--deb", "--target", "aarch64_be", "--maintainer", "Ann <ann@example.org>"]).unwrap();
    assert_eq!(names(&workshop), ["qus-emulator-aarch64-be_11.1.3-1~qus1_amd64.deb"]);
    let package = path(&workshop, &names(&workshop)[0]);
    let fields = "Package: qus-emulator-aarch64-be
Source: qus-emulators
Version: 11.1.3-1~qus1
Architecture: amd64
Maintainer: Ann <ann@example.org>
Installed-Size: 16
Depends: qus (>= 0.1.0)
Recommends: systemd
Section: otherosfs
Priority: optional
Multi-Arch: foreign
Homepage: https://github.com/dbhi/qus
Description: QEMU emulator of aarch64_be programs, for qus
 This is QEMU 11.1.3's emulator of Linux programs that were built for
 aarch64_be. Together with qus it makes the machine run them as if they were
 its own: in a shell, in a chroot, in a container, and again after each boot.
 .
 It is statically linked: it is found in every root directory, and needs no
 other file there.
";
    assert_eq!(print("dpkg-deb", &["--field", &package]), fields);
    let root = workshop.path("root").display().to_string();
    print("dpkg-deb", &["--raw-extract", &package, &root]);
    assert_eq!(print("sh", &["-ec", &format!("cd {root}; md5sum --strict -c DEBIAN/md5sums | grep -c OK")]), "5\n");
    let target = "aarch64_be".parse().unwrap();
    assert_eq!(workshop.read("root/usr/share/qus/binfmt.d/qus-aarch64_be.conf"), packaged::text(target));
    let documents = "root/usr/share/doc/qus-emulator-aarch64-be";
    let changes = print("gzip", &["-dc", workshop.path(&format!("{documents}/changelog.Debian.gz")).to_str().unwrap()]);
    let expected = "qus-emulators (11.1.3-1~qus1) stable; urgency=medium\n\n  * Emulators of QEMU 11.1.3.\n\n \
                    -- Ann <ann@example.org>  Fri, 20 Nov 2026 18:00:00 +0000\n";
    assert_eq!(changes, expected.replace("qus-emulators", "qus-emulator-aarch64-be"));
    let copyright = workshop.read(&format!("{documents}/copyright"));
    let source = workshop.release("11.1.3-1").sources[0].source.clone();
    assert!(copyright.contains(&format!("is at\n {source}\n")), "{copyright}");
}

#[test]
fn what_is_linked_in_is_in_the_copyright_of_every_emulator() {
    let workshop = Workshop::new();
    let mut deb = Deb::new(&["arm"]);
    deb.control += "Built-Using: glib2.0 (= 2.90.1-2), glibc (= 2.43-7)\n";
    workshop.deb("package.deb", &deb);
    workshop.import(&["package.deb"]).unwrap();
    workshop.publish(&[]).unwrap();
    workshop.packages(&["--deb", "--target", "arm"]).unwrap();
    let root = workshop.path("root").display().to_string();
    print("dpkg-deb", &["--raw-extract", &path(&workshop, &names(&workshop)[0]), &root]);
    let copyright = workshop.read("root/usr/share/doc/qus-emulator-arm/copyright");
    let expected = " .
 Its build says what is linked into it; their sources, with their licences, are at
 glib2.0 2.90.1-2: https://snapshot.debian.org/package/glib2.0/2.90.1-2/
 glibc 2.43-7: https://snapshot.debian.org/package/glibc/2.43-7/

Files: *
";
    assert!(copyright.contains(expected), "{copyright}");
}

#[test]
fn rpms_tags_and_scripts_say_the_same() {
    let workshop = published();
    workshop.packages(&["--rpm", "--target", "aarch64_be"]).unwrap();
    let package = path(&workshop, &names(&workshop)[0]);
    let tags =
        "%{NAME}|%{VERSION}|%{RELEASE}|%{ARCH}|%{LICENSE}|%{PAYLOADCOMPRESSOR}|%{BUILDTIME}|%{BUILDHOST}|%{EPOCH}";
    assert_eq!(
        print("rpm", &["-qp", "--queryformat", tags, &package]),
        "qus-emulator-aarch64-be|11.1.3|1~qus1|x86_64|GPL-2.0-only|xz|1795197600|reproducible|(none)"
    );
    let needs = print("rpm", &["-qp", "--queryformat", "[%{REQUIRENEVRS} %{REQUIREFLAGS:deptype}\n]", &package]);
    for needed in ["qus >= 0.1.0 manual", "qus post", "qus preun", "/bin/sh post,interp", "/bin/sh preun,interp"] {
        assert!(needs.lines().any(|line| line == needed), "{needed}: {needs}");
    }
    assert_eq!(print("rpm", &["-qp", "--recommends", &package]), "systemd\n");
    let scripts = print("rpm", &["-qp", "--scripts", &package]);
    assert!(scripts.contains("packaged add aarch64_be || [ -e "), "{scripts}");
    assert!(scripts.contains("packaged remove aarch64_be || rm -f"), "{scripts}");
    assert!(!scripts.contains('@'), "{scripts}");
    assert!(print("rpm", &["-K", "--nosignature", &package]).contains("digests OK"));
}

#[test]
fn the_same_release_gives_the_same_bytes_and_a_package_never_changes_under_its_name() {
    let workshop = published();
    let bytes = |workshop: &Workshop| -> Vec<Vec<u8>> {
        names(workshop).iter().map(|name| std::fs::read(path(workshop, name)).unwrap()).collect()
    };
    workshop.packages(&["--date", "1000000000"]).unwrap();
    let first = bytes(&workshop);
    workshop.packages(&["--date", "1000000000"]).unwrap();
    assert!(first == bytes(&workshop), "what is there already was made anew");
    std::fs::remove_dir_all(workshop.path("packages")).unwrap();
    workshop.packages(&["--date", "1000000000"]).unwrap();
    assert!(first == bytes(&workshop), "the bytes are others");

    let error = workshop.packages(&["--date", "1000000001"]).unwrap_err();
    assert!(matches!(error, Error::PackageWouldChange(_)), "{error}");
    assert!(first == bytes(&workshop), "a refused run changed something");
    workshop.packages(&["--date", "1000000001", "--revision", "2"]).unwrap();
    assert_eq!(names(&workshop).len(), 2 * first.len());
    workshop.packages(&["--date", "1000000001", "--force"]).unwrap();
}

/// Two years of a release, as packages bear them: each is older than the next, for dpkg and for rpm.
#[test]
fn versions_sort_as_the_releases_do() {
    let releases = ["10.2.0-1", "11.0.0~rc1-1", "11.0.0-1", "11.1.3-1~bpo13+1", "11.1.3-1", "11.1.3-1+b1", "11.1.3-2"];
    let mut versions = Vec::new();
    for (release, revision) in releases.iter().flat_map(|release| [(release, "1"), (release, "2"), (release, "10")]) {
        let workshop = Workshop::new();
        workshop.deb("usual.deb", &Deb::new(&["arm"]));
        workshop.import(&["usual.deb", "--version", release]).unwrap();
        workshop.publish(&[]).unwrap();
        workshop.packages(&["--target", "arm", "--revision", revision]).unwrap();
        let [rpm, deb] = &names(&workshop)[..] else { panic!("{:?}", names(&workshop)) };
        let deb = print("dpkg-deb", &["-f", &path(&workshop, deb), "Version"]).trim().to_owned();
        versions.push((deb, print("rpm", &["-qp", "--queryformat", "%{VERSION}-%{RELEASE}", &path(&workshop, rpm)])));
    }
    for pair in versions.windows(2) {
        print("dpkg", &["--compare-versions", &pair[0].0, "lt", &pair[1].0]);
        let compared = format!("%{{lua: print(rpm.vercmp('{}', '{}'))}}", pair[0].1, pair[1].1);
        assert_eq!(print("rpm", &["--eval", &compared]), "-1\n", "{pair:?}");
    }
}

#[test]
fn nothing_is_made_of_what_a_reader_would_not_install() {
    let arm = "repository/11.1.3-1/qemu-arm-static_amd64.tar.zst";
    let refused = |workshop: &Workshop, words: &[&str]| {
        let error = workshop.packages(&[&["--target", "arm"], words].concat()).unwrap_err();
        assert_eq!(names(workshop), [""; 0]);
        (error.exit_code(), error)
    };

    let workshop = published();
    let mut archive = std::fs::read(workshop.path(arm)).unwrap();
    *archive.last_mut().unwrap() ^= 1;
    workshop.write(arm, &archive);
    let (code, error) = refused(&workshop, &[]);
    assert!(matches!(error, Error::Asset { error: TrustError::WrongHash { .. }, .. }), "{error}");
    assert_eq!(code, 3);

    let workshop = published();
    std::fs::remove_file(workshop.path(&format!("{arm}.minisig"))).unwrap();
    assert!(matches!(refused(&workshop, &[]).1, Error::File { .. }));

    let workshop = published();
    let index = workshop.read("repository/index.qus");
    workshop.write("repository/index.qus", index.replace("11.1.3-1", "11.1.3-9").as_bytes());
    assert_eq!(refused(&workshop, &[]).0, 3);

    let workshop = published();
    let (_, error) = refused(&workshop, &["--now", "2027-03-01T00:00:00Z"]);
    assert!(matches!(error, Error::Trust(TrustError::Expired { .. })), "{error}");

    let workshop = published();
    workshop.withdraw("11.1.3-1", &["--why", "it crashes"]).unwrap();
    workshop.publish(&["--channel", "stable="]).unwrap();
    assert!(matches!(refused(&workshop, &[]).1, Error::NoChannel("stable")));
    assert!(matches!(refused(&workshop, &["--version", "11.1.3-1"]).1, Error::Withdrawn { .. }));

    let workshop = published();
    assert!(matches!(refused(&workshop, &["--version", "9-1"]).1, Error::NoSuchVersion(_)));
    assert!(matches!(refused(&workshop, &["--target", "sh4"]).1, Error::NotInRelease { .. }));
    assert!(matches!(refused(&workshop, &["--target", "x86_64"]).1, Error::OwnTarget { .. }));
    let error = workshop.packages(&["--host", "s390x"]).unwrap_err();
    assert!(matches!(error, Error::HostNotInRelease { .. }), "{error}");
}

/// Where qus cannot be run, the scripts do at least what the next boot needs. Where it can: `roots`.
#[test]
fn debians_scripts_keep_the_link_where_qus_is_not_to_be_had() {
    let workshop = published();
    workshop.packages(&["--deb", "--target", "arm"]).unwrap();
    let root = workshop.path("root");
    print("dpkg-deb", &["--raw-extract", &path(&workshop, &names(&workshop)[0]), root.to_str().unwrap()]);
    let tools = workshop.path("tools");
    std::fs::create_dir(&tools).unwrap();
    for tool in ["mkdir", "ln", "rm"] {
        std::os::unix::fs::symlink(format!("/usr/bin/{tool}"), tools.join(tool)).unwrap();
    }
    let path = format!("PATH={}\n", tools.display());
    let script = |name: &str, words: &[&str]| {
        let script = root.join("DEBIAN").join(name);
        assert_eq!(script.metadata().unwrap().permissions().mode() & 0o7777, 0o755);
        // Whatever is found by an administrator's own `PATH` is not asked.
        let lines = std::fs::read_to_string(script).unwrap();
        assert_eq!(lines.matches("PATH=/usr/sbin:/usr/bin:/sbin:/bin\n").count(), 1);
        let lines = lines.replace("PATH=/usr/sbin:/usr/bin:/sbin:/bin\n", &path);
        let output = Command::new("/bin/sh").args(["-c", &lines, name]).args(words).env("DPKG_ROOT", &root).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{name} {words:?}: {}", text(&output.stderr));
        std::fs::read_link(root.join("usr/lib/binfmt.d/qus-arm.conf")).ok().map(|link| link.display().to_string())
    };
    let link = Some("../../share/qus/binfmt.d/qus-arm.conf".to_owned());
    for words in [&["configure", ""][..], &["configure", "11.1.3-1~qus1"], &["abort-remove"]] {
        assert_eq!(script("postinst", words), link, "{words:?}");
    }
    assert_eq!(script("prerm", &["upgrade", "11.1.4-1~qus1"]), link);
    assert_eq!(script("prerm", &["failed-upgrade", "11.1.4-1~qus1"]), link);
    for _ in 0..2 {
        assert_eq!(script("prerm", &["remove"]), None);
    }
    assert_eq!(script("postinst", &["abort-remove"]), link);
    assert_eq!(script("prerm", &["deconfigure", "in-favour", "other", "1"]), None);

    // Nor does anything else that is in its way: a busy lock, a journal of another version, an older qus.
    for code in [1, 2, 6, 20, 126] {
        let failing = tools.join("qus");
        std::fs::write(&failing, format!("#!/bin/sh\nexit {code}\n")).unwrap();
        std::fs::set_permissions(&failing, PermissionsExt::from_mode(0o755)).unwrap();
        assert_eq!(script("postinst", &["configure", ""]), link, "exit {code}");
        assert_eq!(script("prerm", &["remove"]), None, "exit {code}");
    }
    // What somebody else put there is not touched.
    let rule = root.join("usr/lib/binfmt.d/qus-arm.conf");
    std::fs::write(&rule, "theirs").unwrap();
    assert_eq!(script("postinst", &["configure", ""]), None);
    assert_eq!(std::fs::read_to_string(rule).unwrap(), "theirs");
}
