//! Root directories of containers, loaders and libraries: real systems of Debian.

use std::path::{Path, PathBuf};

use qus::diagnosis;
use qus::system::examine::{self, Surroundings};
use qus::system::observe::{Look, observe};
use qus::system::root::Root;

use super::{Found, OTHERS, finds, finds_and_cures, machine_in_use, types};
use crate::support::real::provided;
use crate::support::sandbox::Sandbox;

/// The root directory of the system that Debian calls so.
fn root(debian: &str) -> PathBuf {
    provided("QUS_TEST_ROOTS").join(debian)
}

/// Machine with aarch64 installed, and a program of arm64's system alone on it.
fn machine_with(program: &str) -> (Sandbox, String) {
    let sandbox = machine_in_use();
    sandbox.qus(&["install", "aarch64"]).expect(0, &[]);
    let copy = format!("{OTHERS}/{program}");
    let from = root("arm64").join("usr/bin").join(program);
    sandbox.shell(&format!("mkdir -p {OTHERS}; cp {} {copy}", from.display())).expect(0, &[]);
    (sandbox, copy)
}

/// The cure needs a root directory that has what is missing: it is typed with one, and the program runs.
#[track_caller]
fn is_cured_by_a_root(sandbox: &Sandbox, cure: &str, program: &str) {
    assert_eq!(cure, format!("QEMU_LD_PREFIX=ROOT {program}"));
    types(sandbox, &cure.replace("ROOT", root("arm64").to_str().unwrap()));
}

#[test]
fn loader_missing() {
    let (sandbox, program) = machine_with("uname");
    sandbox.shell(&program).expect(255, &["Could not open '/lib/ld-linux-aarch64.so.1'"]);
    let cure = finds(&sandbox, &[&program], "loader-missing").unwrap();
    is_cured_by_a_root(&sandbox, &cure, &program);
    // The variable is seen by doctor too.
    let found = sandbox.shell(&format!(
        "QEMU_LD_PREFIX={} {} doctor {program}",
        root("arm64").display(),
        env!("CARGO_BIN_EXE_qus")
    ));
    found.expect(0, &["it runs"]);
}

#[test]
fn library_missing() {
    let (sandbox, program) = machine_with("ls");
    let loader = root("arm64").join("usr/lib/ld-linux-aarch64.so.1");
    sandbox.shell(&format!("cp -L {} /usr/lib/", loader.display())).expect(0, &[]);
    sandbox.shell(&program).expect(127, &["error while loading shared libraries"]);
    let found = Found::of(&sandbox, &[&program]);
    assert!(
        found.first()["what"]
            .as_str()
            .unwrap()
            .contains("\"libc.so.6\", \"libcap.so.2\", \"libselinux.so.1\", which are not in this"),
        "{:#}",
        found.0
    );
    let cure = finds(&sandbox, &[&program], "library-missing").unwrap();
    is_cured_by_a_root(&sandbox, &cure, &program);
}

#[test]
fn what_a_root_directory_lacks_is_told_of_that_directory() {
    let (sandbox, program) = machine_with("ls");
    let small = format!("{OTHERS}/root");
    let copy = |file: &str| {
        let from = root("arm64").join(file.trim_start_matches('/'));
        sandbox
            .shell(&format!("mkdir -p {small}$(dirname {file}); cp -L {} {small}{file}", from.display()))
            .expect(0, &[]);
    };
    sandbox.shell(&format!("mkdir {small}; cp {program} {small}/ls")).expect(0, &[]);
    let examine = || Found::of(&sandbox, &["--root", &small, "/ls"]);
    assert_eq!(examine().causes(), ["loader-missing"]);
    assert!(examine().first()["cure"].is_null());
    copy("/lib/ld-linux-aarch64.so.1");
    assert_eq!(examine().causes(), ["library-missing"]);
    for library in ["libc.so.6", "libcap.so.2", "libpcre2-8.so.0"] {
        copy(&format!("/lib/aarch64-linux-gnu/{library}"));
    }
    let missing = examine();
    let what = missing.first()["what"].as_str().unwrap();
    assert!(what.contains("the library \"libselinux.so.1\", which is not in") && what.contains(&small), "{what}");
    copy("/lib/aarch64-linux-gnu/libselinux.so.1");
    assert!(examine().is_healthy(), "{:#}", examine().0);
    sandbox.shell(&format!("chroot {small} /ls /ls")).expect(0, &[]);
}

/// Its owner may have laid down anything where the loader's configuration is.
#[test]
fn a_containers_configuration_is_not_waited_for_nor_read_without_end() {
    let (sandbox, program) = machine_with("ls");
    let container = format!("{OTHERS}/root");
    let loader = root("arm64").join("usr/lib/ld-linux-aarch64.so.1");
    sandbox
        .shell(&format!(
            "mkdir -p {container}/etc {container}/lib; cp {program} {container}/ls; cp -L {} {container}/lib",
            loader.display()
        ))
        .expect(0, &[]);
    let qus = env!("CARGO_BIN_EXE_qus");
    for make in ["mkfifo", "ln -s /dev/zero", "truncate -s 1T"] {
        let script = format!(
            "rm -f {container}/etc/ld.so.conf; {make} {container}/etc/ld.so.conf; timeout 60 {qus} doctor --root {container} /ls"
        );
        sandbox.shell(&script).expect(10, &["cause[library-missing]"]);
    }
}

#[test]
fn a_container_is_examined_by_its_shell() {
    let sandbox = machine_in_use();
    let container = root("riscv64").display().to_string();
    finds_and_cures(&sandbox, &["--root", &container], "no-entry");
    let said =
        sandbox.qus(&["doctor", "--root", &container]).expect(0, &["/bin/sh is a program of riscv64", "it runs"]);
    assert!(!said.stdout.contains("cause"), "{said:#?}");
    // A script of the container is run by the container's own interpreter.
    let found = Found::of(&sandbox, &["--root", &container, "/usr/bin/ldd"]);
    assert_eq!(found.0["executed"], "/bin/bash");
    assert_eq!(found.0["target"], "riscv64");
}

#[test]
fn programs_of_a_container_are_executed_and_none_is_run() {
    let sandbox = machine_in_use();
    sandbox.qus(&["install", "aarch64"]).expect(0, &[]);
    let container = root("arm64").display().to_string();
    let mut examined = 0;
    for file in std::fs::read_dir(root("arm64").join("usr/bin")).unwrap().map(Result::unwrap).step_by(5) {
        let path = format!("/usr/bin/{}", file.file_name().into_string().unwrap());
        let found = Found::of(&sandbox, &["--root", &container, &path]);
        // Alternatives, which the second stage of an installation makes, are missing; all else is a program or a script.
        if found.causes() == ["no-such-file"] {
            continue;
        }
        examined += 1;
        assert_eq!(found.0["target"], "aarch64", "{:#}", found.0);
        let only_set_id = |cause: &&str| !["set-id-without-credentials"].contains(cause);
        assert_eq!(found.causes().into_iter().filter(only_set_id).count(), 0, "{:#}", found.0);
    }
    assert!(examined > 40, "{examined} programs were examined");
}

#[test]
fn every_program_of_four_systems_is_told_by_its_architecture() {
    let observed = observe(&Root::system(), None, Look { native: &[], contents: &[], files: false }).unwrap();
    for (debian, target) in [("arm64", "aarch64"), ("armhf", "arm"), ("riscv64", "riscv64"), ("s390x", "s390x")] {
        let directory = root(debian);
        let image = Root::image(directory.clone());
        let around = Surroundings { root: &image, called: Some(debian.to_owned()) };
        let mut programs = 0;
        for path in elf_files(&directory, Path::new("/")) {
            let examined = examine::look(path.to_str().unwrap(), &around);
            let found = diagnosis::program(&examined, &observed, &diagnosis::Around::default());
            assert_eq!(found.target.map(qus::target::Target::name), Some(target), "{path:?}: {found:#?}");
            assert_eq!(examined.missing, diagnosis::Missing::default(), "{path:?}");
            programs += 1;
        }
        assert!(programs > 300, "{programs} programs of {debian}");
    }
}

/// The ELF files below `directory` of the root directory `root` that are programs or libraries, links left out.
fn elf_files(root: &Path, directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for file in std::fs::read_dir(root.join(directory.strip_prefix("/").unwrap())).unwrap().map(Result::unwrap) {
        let path = directory.join(file.file_name());
        let kind = file.file_type().unwrap();
        if kind.is_dir() {
            found.extend(elf_files(root, &path));
        } else if kind.is_file() {
            let head = qus::system::kernel::head_of(file.path()).unwrap();
            let header = qus::elf::Header::parse(&head);
            found.extend(header.is_ok_and(|header| header.is_program()).then_some(path));
        }
    }
    found
}

#[test]
fn however_a_path_is_spelled_it_stays_in_its_root_directory() {
    let image = Root::image(root("arm64"));
    let around = Surroundings { root: &image, called: Some("arm64".to_owned()) };
    let aarch64 = |path: &str| qus::target::Target::of_program(&examine::look(path, &around).head);
    for path in ["/bin/ls", "//usr/./bin/../bin/ls", "/../../bin/ls", "usr/bin/ls", "/usr/bin/X11/../ls"] {
        assert_eq!(aarch64(path).map(qus::target::Target::name), Some("aarch64"), "{path}");
    }
    assert_eq!(aarch64("/proc/self/exe"), None);
}

#[test]
fn the_root_directory_by_its_own_name_is_no_other() {
    let sandbox = machine_in_use();
    let program = super::program(&sandbox);
    let emulator = super::other_emulator(&sandbox, "OP");
    sandbox.shell(&format!("rm {emulator}; ln -s / {OTHERS}/root")).expect(0, &[]);
    for root in ["/", "/usr/..", &format!("{OTHERS}/root")] {
        let found = Found::of(&sandbox, &["--root", root, &program]);
        assert_eq!(found.causes(), ["emulator-missing"], "{root}");
        assert!(found.0["root"].is_null());
    }
}

#[test]
fn musl_is_its_own_library() {
    let (sandbox, program) = machine_with("ls");
    let other = tempfile::TempDir::new().unwrap();
    let mut elf = std::fs::read(root("arm64").join("usr/bin/ls")).unwrap();
    let loader = b"/lib/ld-linux-aarch64.so.1\0";
    let at = elf.windows(loader.len()).position(|window| window == loader).unwrap();
    elf[at..at + loader.len()].copy_from_slice(b"/lib/ld-musl-aarch64.so.1\0\0");
    std::fs::write(other.path().join("ls"), elf).unwrap();
    let loader = root("arm64").join("usr/lib/ld-linux-aarch64.so.1");
    let copy =
        format!("cp {}/ls {program}; cp -L {} /usr/lib/ld-musl-aarch64.so.1", other.path().display(), loader.display());
    sandbox.shell(&copy).expect(0, &[]);
    let found = Found::of(&sandbox, &[&program]);
    let what = found.first()["what"].as_str().unwrap();
    assert!(
        what.ends_with(
            "needs the libraries \"ld-linux-aarch64.so.1\", \"libcap.so.2\", \"libselinux.so.1\", which are not in this root directory"
        ),
        "{what}"
    );
}

#[test]
fn links_that_are_not_followed_do_not_lead_out() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;
    let folder = tempfile::TempDir::new().unwrap();
    let link = |name: &str, to: &OsStr| symlink(to, folder.path().join(name)).unwrap();
    link("0", "/bin/sh".as_ref());
    for number in 1..50 {
        link(&number.to_string(), format!("/{}", number - 1).as_ref());
    }
    link("loop", "loop".as_ref());
    link("odd", OsStr::from_bytes(b"/bin/\xff/../sh"));
    std::fs::create_dir_all(folder.path().join("bin")).unwrap();
    std::fs::write(folder.path().join("bin/sh"), "of the image").unwrap();
    let image = Root::image(folder.path().to_owned());
    let around = Surroundings { root: &image, called: None };
    assert_eq!(examine::look("/39", &around).head, b"of the image");
    for path in ["/40", "/49", "/loop", "/odd"] {
        assert_eq!(examine::look(path, &around).there, diagnosis::There::Nothing, "{path}");
    }
}

#[test]
fn a_library_may_be_asked_for_beside_its_program() {
    let (sandbox, program) = machine_with("ls");
    let folder = tempfile::TempDir::new().unwrap();
    let mut elf = std::fs::read(root("arm64").join("usr/bin/ls")).unwrap();
    // There is no room for a longer name than that.
    let (name, other) = (b"libcap.so.2\0", b"$ORIGIN/cap\0");
    let at = elf.windows(name.len()).position(|window| window == name).unwrap();
    elf[at..at + name.len()].copy_from_slice(other);
    std::fs::write(folder.path().join("ls"), elf).unwrap();
    let from = root("arm64").display().to_string();
    let doctor = format!("QEMU_LD_PREFIX={from} {} doctor {program}", env!("CARGO_BIN_EXE_qus"));
    sandbox.shell(&format!("cp {}/ls {program}", folder.path().display())).expect(0, &[]);
    sandbox.shell(&doctor).expect(10, &[&format!("the library \"{OTHERS}/cap\"")]);
    sandbox.shell(&format!("cp -L {from}/usr/lib/aarch64-linux-gnu/libcap.so.2 {OTHERS}/cap")).expect(0, &[]);
    sandbox.shell(&doctor).expect(0, &["it runs"]);
    sandbox.shell(&format!("QEMU_LD_PREFIX={from} {program}")).expect(0, &[]);
}
