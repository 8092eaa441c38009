//! Images of foreign programs, built and run by a Docker daemon with the machine's own table; and qus as the image
//! that tonistiigi's `binfmt` was.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use super::ADMIN;
use crate::support::book::fences;
use crate::support::docker::Docker;
use crate::support::host::{Host, entries, sh};
use crate::support::machine::{Said, qus};
use crate::support::real::{Emulators, program};

const RECIPES: &str = include_str!("../../../docs/recipes.md");

/// What is registered with the machine for as long as this value lives.
struct Registered {
    emulator: PathBuf,
}

impl Registered {
    #[track_caller]
    fn aarch64(emulators: &Emulators) -> Registered {
        let emulator = fs::canonicalize(emulators.folder().join("qemu-aarch64-static")).unwrap();
        let registered = Registered { emulator };
        registered.qus("register").expect(0, &[]);
        registered
    }

    fn qus(&self, verb: &str) -> Said {
        Said::by(qus().args([verb, "aarch64", "--interpreter"]).arg(&self.emulator).output().unwrap())
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        // The test may have failed already: nothing here may panic.
        let _ = self.qus("unregister");
    }
}

/// What an image of `arm64v8/busybox` has.
fn busybox(root: &Path) {
    fs::create_dir_all(root.join("bin")).unwrap();
    fs::copy(program("arm64"), root.join("bin/busybox")).unwrap();
    for name in ["sh", "uname", "cat"] {
        symlink("busybox", root.join("bin").join(name)).unwrap();
    }
}

pub(super) fn build_as_the_recipe_says(_host: &Host) {
    let emulators = Emulators::of(&["aarch64"]);
    let (docker, folder) = (Docker::start(), TempDir::new().unwrap());
    let root = folder.path().join("root");
    busybox(&root);
    docker.follow(true);
    docker.import(&root, "linux/arm64", "arm64v8/busybox");
    let _registered = Registered::aarch64(&emulators);
    let context = folder.path().join("context");
    fs::create_dir(&context).unwrap();
    fs::copy(emulators.folder().join("qemu-aarch64-static"), context.join("qemu-aarch64-static")).unwrap();
    for (heading, file, name) in [
        ("Instead of an emulator copied into the image by a build hook", "Dockerfile", "foreign"),
        ("An image that has to carry its emulator", "Dockerfile.carries", "carries"),
    ] {
        let fences: Vec<_> = fences(RECIPES).into_iter().filter(|fence| fence.heading == heading).collect();
        let dockerfile = fences.iter().find(|fence| fence.language == "dockerfile").unwrap();
        fs::write(context.join(file), &dockerfile.text).unwrap();
        let build = fences.iter().find(|fence| fence.text.starts_with("docker build ")).unwrap();
        docker.shell(&context, &build.text).expect(0, &[]);
        // Without --platform: some daemons say of every imported image that it is of their own architecture.
        let run = format!("docker run --rm --network=none {name} cat /machine");
        assert_eq!(docker.shell(&context, &run).expect(0, &[]).stdout, "aarch64\n");
    }
    let carried = "docker run --rm --network=none carries /usr/bin/qemu-aarch64-static --version";
    docker.shell(&context, carried).expect(0, &["qemu-aarch64 version"]);
}

pub(super) fn run_binfmt_in_containers(_host: &Host) {
    let emulators = Emulators::of(&["hexagon"]);
    let emulator = fs::canonicalize(emulators.folder().join("qemu-hexagon-static")).unwrap();
    let docker = Docker::start();
    docker.follow(true);
    let before = entries();
    let call = |words: &str| {
        let files = [(Path::new(env!("CARGO_BIN_EXE_qus")), "/binfmt"), (&*emulator, "/emulators/qemu-hexagon")];
        docker.run(&format!("{ADMIN} --env=QEMU_BINARY_PATH=/emulators"), &files, &format!("/binfmt {words}"))
    };
    // As docker/setup-qemu-action runs its image, one container after the other.
    call("--version").expect(0, &["qemu/"]);
    call("--uninstall 'qemu-*'").expect(0, &[]);
    assert_eq!(entries(), before);
    call("--install hexagon").expect(0, &["installing: hexagon OK", "it stays when this container has ended"]);
    let status: Value = serde_json::from_str(&call("").expect(0, &[]).stdout).unwrap();
    assert!(status["emulators"].as_array().unwrap().contains(&"qemu-hexagon".into()), "{status}");
    assert!(entries().contains(&"qemu-hexagon".to_owned()));
    sh("grep -q '^flags: OCF$' /proc/sys/fs/binfmt_misc/qemu-hexagon");
    call("--uninstall 'qemu-*'").expect(0, &["uninstalling: qemu-hexagon OK"]);
    assert_eq!(entries(), before);
}
