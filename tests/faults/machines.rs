//! Machines that are tried again and again: each time they are again what they were before.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use qus::dropin::packaged;
use qus::program::Program;
use qus::release::{Asset, Form, Release};
use qus::rooted::RootedPath;
use qus::target::Target;

use super::scenarios::Scenario;
use crate::support::machine::{Image, Said, qus};
use crate::support::publisher::{Packed, Publisher, archive, member, pack, target, version};
use crate::support::sandbox::Sandbox;
use crate::support::tree::Tree;

/// All that qus can change: every file, and the kernel's table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct State {
    pub(super) tree: Tree,
    pub(super) table: String,
}

impl State {
    /// What is other here than in `right`.
    pub(super) fn difference(&self, right: &State) -> String {
        let paths = self.tree.keys().chain(right.tree.keys().filter(|path| !self.tree.contains_key(*path)));
        let other = paths.filter(|path| self.tree.get(*path) != right.tree.get(*path));
        let told = other.map(|path| format!("{path}: {:?}, not {:?}", self.tree.get(path), right.tree.get(path)));
        let mut told: Vec<String> = told.collect();
        if self.table != right.table {
            told.push(format!("{}\nnot\n{}", self.table, right.table));
        }
        told.join("\n")
    }
}

/// Where a scenario plays.
pub(super) trait Machine {
    /// The program under test, to be run on it.
    fn command(&self, words: &[&str]) -> Command;
    /// Directories whose files it can change, with colons between them.
    fn below(&self) -> String;
    /// What it is now. Nobody holds a lock that a kill left behind.
    fn state(&self) -> State;
    /// Makes it again what it was before.
    fn restore(&self);
    /// The calls, beside the last, that are enough of a step that does nothing to the kernel, for another machine tries
    /// them all.
    fn samples(&self) -> Option<&'static [usize]>;
    fn write(&self, path: &str, text: &str);
    fn take(&self, path: &str);
    /// Lays emulators that qus did not install into a directory.
    fn lay_emulators(&self, directory: &str);
    /// Lays what packages of emulators bring.
    fn lay_packages(&self);
    /// Has its repository publish the index of that name: a version, which is the stable one then, or [`NEWS`].
    fn offer(&self, index: &str);

    fn said(&self, words: &[&str]) -> Said {
        Said::by(self.command(words).output().unwrap())
    }

    #[track_caller]
    fn qus(&self, words: &[&str]) {
        self.said(words).expect(0, &[]);
    }
}

const TARGETS: [&str; 2] = ["aarch64", "arm"];

/// Releases that are tried: the newest is the stable one.
pub(super) const VERSIONS: [&str; 3] = ["11.1.2-1", "11.1.3-1", "11.2.0-1"];

/// An index that is newer than the others, and names the same as the last.
pub(super) const NEWS: &str = "news";

/// A program of this machine that does as an emulator of `target` does with a probe: exits as that would.
pub(super) fn emulator(target: Target, version: &str) -> Vec<u8> {
    let mut elf = Program::of(self::target("x86_64")).elf;
    // Its code ends with `mov edi, STATUS` and `syscall`.
    let status = elf.len() - 6;
    elf[status] = u8::try_from(Program::of(target).status).unwrap();
    elf.extend(format!("emulator of {target}, version {version}").bytes());
    elf.resize(4096, 0);
    elf
}

/// An image that trusts a repository of such emulators.
fn image() -> Image {
    Image::at_url(None, |folder, url| {
        let mut publisher = Publisher::new(folder, url);
        for text in VERSIONS {
            let asset = |name: &&str| {
                let target = target(name);
                let content = emulator(target, text);
                let members = vec![member(target, &content)];
                let bytes = archive(&[Packed { content, ..pack(target, text) }]);
                let form = Form::Emulator;
                publisher.write_asset(
                    &Asset::file_name(form, target, qus::host::Host::Amd64),
                    form,
                    text,
                    &bytes,
                    members,
                )
            };
            let assets = TARGETS.iter().map(asset).collect();
            let release = Release { version: version(text), withdrawn: None, sources: Vec::new(), assets };
            publisher.index.releases.push(release);
        }
        for (name, stable) in VERSIONS.into_iter().zip(VERSIONS).chain([(NEWS, VERSIONS[2])]) {
            publisher.index.serial += 1;
            publisher.index.channels.insert("stable".to_owned(), version(stable));
            publisher.publish();
            fs::copy(publisher.folder.join("index.qus"), publisher.folder.join(format!("{name}.index"))).unwrap();
        }
        offer(&publisher, VERSIONS[2]);
        publisher
    })
}

fn offer(publisher: &Publisher, index: &str) {
    let kept = publisher.folder.join(format!("{index}.index"));
    fs::copy(kept, publisher.folder.join("index.qus")).unwrap();
}

fn lay_emulators(directory: &Path) {
    fs::create_dir_all(directory).unwrap();
    for name in TARGETS {
        let path = directory.join(format!("qemu-{name}-static"));
        fs::write(&path, emulator(target(name), "nobody's")).unwrap();
        fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    }
}

fn lay_packages(root: &Path) {
    let below = |path: RootedPath| root.join(&path.as_str()[1..]);
    lay_emulators(&below(RootedPath::from_trusted("/usr/libexec/qus")));
    for target in TARGETS.map(target) {
        let path = below(packaged::path(target));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, packaged::text(target)).unwrap();
    }
}

/// An image, and a copy of what it was before.
pub(super) struct InImage {
    image: Image,
}

impl InImage {
    pub(super) fn new(scenario: &Scenario) -> InImage {
        let machine = InImage { image: image() };
        (scenario.before)(&machine);
        copy(&machine.image.root(), &machine.kept());
        machine
    }

    fn kept(&self) -> PathBuf {
        self.image.folder.path().join("kept")
    }
}

impl Machine for InImage {
    fn command(&self, words: &[&str]) -> Command {
        let mut command = qus();
        command.arg("--root").arg(self.image.root()).args(words);
        command
    }

    fn below(&self) -> String {
        self.image.root().display().to_string()
    }

    fn state(&self) -> State {
        let mut tree = self.image.tree();
        tree.remove("run/qus.lock");
        State { tree, table: String::new() }
    }

    fn restore(&self) {
        fs::remove_dir_all(self.image.root()).unwrap();
        copy(&self.kept(), &self.image.root());
    }

    fn samples(&self) -> Option<&'static [usize]> {
        None
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.image.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn take(&self, path: &str) {
        fs::remove_file(self.image.root().join(path)).unwrap();
    }

    fn lay_emulators(&self, directory: &str) {
        lay_emulators(&self.image.root().join(directory));
    }

    fn lay_packages(&self) {
        lay_packages(&self.image.root());
    }

    fn offer(&self, index: &str) {
        offer(&self.image.publisher, index);
    }
}

/// A directory with all that is in it, times apart.
fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    fs::set_permissions(to, PermissionsExt::from_mode(fs::metadata(from).unwrap().mode())).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name())).unwrap();
        let kind = fs::symlink_metadata(&path).unwrap();
        if kind.is_symlink() {
            symlink(fs::read_link(&path).unwrap(), to.join(name)).unwrap();
        } else if kind.is_dir() {
            copy(&path, &to.join(name));
        } else {
            fs::copy(&path, to.join(name)).unwrap();
        }
    }
}

/// This machine in namespaces of its own, with a table of its own.
pub(super) struct OnKernel {
    sandbox: Sandbox,
    /// Whether its table is mounted before.
    is_mounted: bool,
    image: Image,
    before: fn(&dyn Machine),
}

impl OnKernel {
    pub(super) fn new(scenario: &Scenario) -> OnKernel {
        OnKernel::within(Sandbox::new(), true, scenario)
    }

    /// Its table is not mounted yet.
    pub(super) fn unmounted(scenario: &Scenario) -> OnKernel {
        OnKernel::within(Sandbox::of_first_process(), false, scenario)
    }

    fn within(sandbox: Sandbox, is_mounted: bool, scenario: &Scenario) -> OnKernel {
        let machine = OnKernel { sandbox, is_mounted, image: image(), before: scenario.before };
        machine.restore();
        machine
    }
}

impl Machine for OnKernel {
    fn command(&self, words: &[&str]) -> Command {
        self.sandbox.command(env!("CARGO_BIN_EXE_qus"), words)
    }

    fn below(&self) -> String {
        "/etc/binfmt.d:/etc/qus:/usr/lib/binfmt.d:/usr/local/lib:/var/lib:/run:/proc/sys/fs/binfmt_misc".to_owned()
    }

    fn state(&self) -> State {
        let mut tree = self.sandbox.changes();
        tree.remove("run/qus.lock");
        State { tree, table: self.sandbox.table() }
    }

    fn restore(&self) {
        self.sandbox
            .shell(
                "rm -rf /etc/qus /etc/binfmt.d/* /usr/local/lib/* /var/lib/* /run/*
                 cd /proc/sys/fs/binfmt_misc
                 for entry in $(ls); do case $entry in register | status) ;; *) echo -1 > $entry ;; esac; done",
            )
            .expect(0, &[]);
        if !self.is_mounted {
            self.sandbox
                .shell("while [ -e /proc/sys/fs/binfmt_misc/register ]; do umount /proc/sys/fs/binfmt_misc; done")
                .expect(0, &[]);
        }
        self.image.hand_anchor_to(&self.sandbox);
        self.offer(VERSIONS[2]);
        (self.before)(self);
    }

    fn samples(&self) -> Option<&'static [usize]> {
        Some(&[0])
    }

    fn write(&self, path: &str, text: &str) {
        self.sandbox.shell(&format!("cat > /{path} <<'END'\n{text}\nEND")).expect(0, &[]);
    }

    fn take(&self, path: &str) {
        self.sandbox.shell(&format!("rm /{path}")).expect(0, &[]);
    }

    fn lay_emulators(&self, directory: &str) {
        let laid = self.image.folder.path().join("emulators");
        lay_emulators(&laid);
        self.sandbox.shell(&format!("cp -r {} /{directory}", laid.display())).expect(0, &[]);
    }

    fn lay_packages(&self) {
        let laid = self.image.folder.path().join("packages");
        if !laid.exists() {
            lay_packages(&laid);
        }
        self.sandbox
            .shell(&format!(
                "rm -rf /usr/libexec/qus /usr/share/qus /usr/lib/binfmt.d/*; cp -r {}/usr /",
                laid.display()
            ))
            .expect(0, &[]);
    }

    fn offer(&self, index: &str) {
        offer(&self.image.publisher, index);
    }
}
