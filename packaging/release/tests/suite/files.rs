//! Small files that are true in what matters: ELF headers, emulators, Debian packages.

use std::io::Write;

use qus::hex::Sha256;
use sha2::Digest;

/// `e_machine` of `x86_64`.
pub(crate) const X86_64: u16 = 62;

/// `e_machine` of aarch64.
pub(crate) const AARCH64: u16 = 183;

/// `PT_INTERP` and `PT_LOAD`.
pub(crate) const INTERP: u32 = 3;
pub(crate) const LOAD: u32 = 1;

/// A 64-bit little-endian program of `machine` with one program header of type `segment`, followed
/// by `rest`.
pub(crate) fn elf(machine: u16, segment: u32, rest: &str) -> Vec<u8> {
    let mut elf = vec![0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    elf.extend(3_u16.to_le_bytes());
    elf.extend(machine.to_le_bytes());
    elf.extend(1_u32.to_le_bytes());
    elf.extend(0_u64.to_le_bytes());
    elf.extend(64_u64.to_le_bytes());
    elf.extend([0; 12]);
    elf.extend(64_u16.to_le_bytes());
    elf.extend(56_u16.to_le_bytes());
    elf.extend(1_u16.to_le_bytes());
    elf.extend([0; 6]);
    elf.extend(segment.to_le_bytes());
    elf.resize(120, 0);
    elf.extend(rest.bytes());
    elf.push(0);
    elf
}

/// The line by which an emulator tells its version, as Debian's do.
pub(crate) fn line(target: &str, qemu: &str) -> String {
    format!(
        "\0name:qemu-%s;version:%s;\0qemu-{target} version {qemu} (Debian 1:{qemu}+ds-1)\nCopyright (c) 2003-2026\0"
    )
}

/// A static emulator of QEMU 11.1.3 for amd64.
pub(crate) fn emulator(target: &str) -> Vec<u8> {
    elf(X86_64, LOAD, &line(target, "11.1.3"))
}

pub(crate) fn sha256(bytes: &[u8]) -> Sha256 {
    Sha256(sha2::Sha256::digest(bytes).into())
}

/// A Debian package to be.
#[derive(Clone)]
pub(crate) struct Deb {
    pub(crate) control: String,
    pub(crate) files: Vec<(String, Vec<u8>)>,
    /// How its two archives are compressed: `""`, `.gz`, `.xz` or `.zst`.
    pub(crate) suffix: &'static str,
}

impl Deb {
    /// `qemu-user` 1:11.1.3+ds-1 with these emulators.
    pub(crate) fn new(targets: &[&str]) -> Deb {
        let files = targets.iter().map(|target| (format!("usr/bin/qemu-{target}"), emulator(target)));
        Deb { control: control("1:11.1.3+ds-1", "amd64"), files: files.collect(), suffix: ".xz" }
    }

    pub(crate) fn with(mut self, name: &str, content: Vec<u8>) -> Deb {
        self.files.push((name.to_owned(), content));
        self
    }

    /// The package.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut builder = ar::Builder::new(Vec::new());
        let mut append = |name: String, content: &[u8]| {
            builder.append(&ar::Header::new(name.into_bytes(), content.len() as u64), content).unwrap();
        };
        append("debian-binary".to_owned(), b"2.0\n");
        let control = tarball(&[("control".to_owned(), self.control.clone().into_bytes())]);
        append(format!("control.tar{}", self.suffix), &self.compress(&control));
        append(format!("data.tar{}", self.suffix), &self.compress(&tarball(&self.files)));
        builder.into_inner().unwrap()
    }

    fn compress(&self, bytes: &[u8]) -> Vec<u8> {
        match self.suffix {
            ".gz" => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                encoder.write_all(bytes).unwrap();
                encoder.finish().unwrap()
            }
            ".xz" => {
                let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 1);
                encoder.write_all(bytes).unwrap();
                encoder.finish().unwrap()
            }
            ".zst" => zstd::encode_all(bytes, 1).unwrap(),
            // Whatever else it is called, it is not compressed.
            _ => bytes.to_vec(),
        }
    }
}

pub(crate) fn control(version: &str, architecture: &str) -> String {
    format!("Package: qemu-user\nSource: qemu\nVersion: {version}\nArchitecture: {architecture}\nDescription: x\n y\n")
}

/// As dpkg-deb packs it: folders first, names begin with `./`; and a link of each kind.
fn tarball(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    let mut append = |name: &str, kind, link: Option<&str>, content: &[u8]| {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(content.len() as u64);
        header.set_mode(0o755);
        if let Some(link) = link {
            header.set_link_name(link).unwrap();
        }
        builder.append_data(&mut header, name, content).unwrap();
    };
    append("./usr/", tar::EntryType::Directory, None, b"");
    for (name, content) in files {
        append(&format!("./{name}"), tar::EntryType::Regular, None, content);
    }
    append("./usr/bin/qemu-arm64", tar::EntryType::Symlink, Some("qemu-aarch64"), b"");
    append("./usr/share/man/man1/qemu-user.1.gz", tar::EntryType::Regular, None, b"qemu-aarch64 version 1.2.3\n");
    builder.into_inner().unwrap()
}
