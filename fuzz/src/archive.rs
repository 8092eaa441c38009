//! Assets, really signed as what they are: what is unpacked is what the list says, and nothing else is touched.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;

use qus::hex::Sha256;
use qus::host::Host;
use qus::program::Program;
use qus::release::{Asset, Form, Member};
use qus::rooted::RootedPath;
use qus::system::root::Root;
use qus::system::unpack::unpack;
use qus::target::Target;
use qus::trust::{AssetClaim, Minisig, verify_asset};
use qus::version::Version;
use sha2::Digest;

use super::keys::RELEASE;
use super::root::FIRST;
use super::scratch::{names, with_folder};

/// The bytes are a tar archive.
pub(crate) fn check_tar(bytes: &[u8]) {
    let level = 1;
    check_archive(&zstd::encode_all(bytes, level).expect("memory compresses"));
}

/// The bytes are an asset as it lies in a repository.
pub(crate) fn check_archive(bytes: &[u8]) {
    with_folder(|folder| {
        let version: Version = "11.1.3-1".parse().expect("it is a version");
        let targets = ["aarch64", "arm"].map(|name| name.parse::<Target>().expect("it is a target"));
        let asset = Asset {
            file: "qemu-static-all_amd64.tar.zst".to_owned(),
            form: Form::Set,
            host: Host::Amd64,
            size: bytes.len() as u64,
            sha256: hash(bytes),
            members: targets.iter().map(|target| member(*target)).collect(),
        };
        let signature = RELEASE.sign(bytes, &AssetClaim::of(&asset, &version).comment());
        let signature = Minisig::parse("it", &signature).expect("it was signed just now");
        let sink = File::options().read(true).write(true).create_new(true).open(folder.join("asset"));
        let sink = sink.expect("a file is made");
        let verified = verify_asset(&asset, &version, &signature, &FIRST, &mut &*bytes, sink);
        let verified = verified.expect("it is what was signed");

        fs::create_dir(folder.join("into")).expect("a folder is made");
        let into = RootedPath::from_trusted("/into");
        // One of the two is left out, as an install does that needs only one.
        let unpacked = unpack(&Root::image(folder.to_owned()), verified, &targets[..1], &into);
        assert_eq!(names(folder), ["asset", "into"]);
        let wanted = targets[0].emulator();
        assert!(names(&folder.join("into")).iter().all(|name| *name == wanted));
        let place = folder.join("into").join(&wanted);
        if unpacked.is_ok() {
            assert_eq!(fs::read(&place).expect("it was unpacked"), emulator(targets[0]));
            assert_eq!(place.metadata().expect("it was unpacked").permissions().mode() & 0o7777, 0o755);
        } else if let Ok(metadata) = place.metadata() {
            assert!(metadata.len() <= emulator(targets[0]).len() as u64, "more is written than was signed");
        }
    });
}

/// What stands for an emulator: a program of the host.
pub fn emulator(target: Target) -> Vec<u8> {
    let mut elf = Program::of("x86_64".parse().expect("it is a target")).elf;
    elf.extend(target.name().bytes());
    elf
}

fn member(target: Target) -> Member {
    let emulator = emulator(target);
    Member { target, size: emulator.len() as u64, sha256: hash(&emulator) }
}

fn hash(bytes: &[u8]) -> Sha256 {
    Sha256(sha2::Sha256::digest(bytes).into())
}
