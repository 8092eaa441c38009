//! A publisher of signed repositories, honest or not.
//!
//! Its emulators are small, but what matters about them is true: static programs of the host.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use minisign::KeyPair;
use qus::hex::Sha256;
use qus::host::Host;
use qus::moment::Moment;
use qus::program::Program;
use qus::release::{Asset, Form, INDEX_FORMAT, INDEX_KIND, Index, Member, Release};
use qus::target::Target;
use qus::trust::{
    Anchor, AssetClaim, Key, Label, Memory, Purpose, ROOT_KIND, Role, Roles, Root, Seen, Signatures, root_file,
    signature_file, verify_index,
};
use qus::version::Version;
use sha2::Digest;

/// Three keys and a folder.
pub(crate) struct Publisher {
    pub(crate) folder: PathBuf,
    pub(crate) root_key: KeyPair,
    pub(crate) release_key: KeyPair,
    pub(crate) index_key: KeyPair,
    pub(crate) url: String,
    pub(crate) index: Index,
}

/// One entry of an archive, as the archive calls it.
#[derive(Clone)]
pub(crate) struct Packed {
    pub(crate) name: String,
    pub(crate) kind: tar::EntryType,
    pub(crate) mode: u32,
    pub(crate) content: Vec<u8>,
}

/// A date in the middle of the tests' present.
pub(crate) fn now() -> Moment {
    Moment::from(std::time::SystemTime::now())
}

const DAY: u64 = 24 * 60 * 60;

pub(crate) fn version(text: &str) -> Version {
    text.parse().unwrap()
}

pub(crate) fn target(name: &str) -> Target {
    name.parse().unwrap()
}

/// A static program of the host this runs on: the probe of `x86_64`, told apart by what follows it.
pub(crate) fn emulator(target: Target, version: &str) -> Vec<u8> {
    let mut elf = Program::of(self::target("x86_64")).elf;
    elf.extend(format!("emulator of {target}, version {version}").bytes());
    elf.resize(4096, 0);
    elf
}

pub(crate) fn sha256(bytes: &[u8]) -> Sha256 {
    Sha256(sha2::Sha256::digest(bytes).into())
}

impl Publisher {
    /// A repository in `folder`, to be reached at `url`, with nothing in it.
    pub(crate) fn new(folder: &Path, url: &str) -> Publisher {
        fs::create_dir_all(folder).unwrap();
        let key = || KeyPair::generate_unencrypted_keypair().unwrap();
        let issued = now();
        let index = Index {
            kind: INDEX_KIND.to_owned(),
            format: INDEX_FORMAT,
            serial: 7,
            issued,
            expires: Moment(issued.0 + 30 * DAY),
            channels: BTreeMap::new(),
            mirrors: Vec::new(),
            advisories: Vec::new(),
            tools: Vec::new(),
            releases: Vec::new(),
        };
        Publisher {
            folder: folder.to_owned(),
            root_key: key(),
            release_key: key(),
            index_key: key(),
            url: url.to_owned(),
            index,
        }
    }

    /// The usual repository: version 11.1.3-1 of `targets`, single and as a set.
    pub(crate) fn usual(folder: &Path, url: &str, targets: &[&str]) -> Publisher {
        let mut publisher = Publisher::new(folder, url);
        publisher.add_release("11.1.3-1", targets);
        publisher.publish();
        publisher
    }

    /// Adds a sound release and makes it the stable one.
    pub(crate) fn add_release(&mut self, text: &str, targets: &[&str]) {
        let targets: Vec<Target> = targets.iter().map(|name| target(name)).collect();
        let mut assets: Vec<Asset> =
            targets.iter().map(|target| self.add_asset(Form::Emulator, text, &[*target])).collect();
        assets.push(self.add_asset(Form::Set, text, &targets));
        self.index.channels.insert("stable".to_owned(), version(text));
        self.index.releases.push(Release { version: version(text), withdrawn: None, sources: Vec::new(), assets });
    }

    fn add_asset(&self, form: Form, text: &str, targets: &[Target]) -> Asset {
        let file = Asset::file_name(form, targets[0], Host::Amd64);
        let packed: Vec<Packed> = targets.iter().map(|target| pack(*target, text)).collect();
        let members = targets.iter().map(|target| member(*target, &emulator(*target, text))).collect();
        self.write_asset(&file, form, text, &archive(&packed), members)
    }

    /// Writes an archive, whatever it is, and signs it as what it claims to be.
    pub(crate) fn write_asset(&self, file: &str, form: Form, text: &str, bytes: &[u8], members: Vec<Member>) -> Asset {
        let asset = Asset {
            file: file.to_owned(),
            form,
            host: Host::Amd64,
            size: bytes.len() as u64,
            sha256: sha256(bytes),
            members,
        };
        let folder = self.folder.join(text);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(file), bytes).unwrap();
        let comment = AssetClaim::of(&asset, &version(text)).comment();
        let signature = sign(&self.release_key, bytes, &comment);
        fs::write(folder.join(format!("{file}.minisig")), signature).unwrap();
        asset
    }

    /// Replaces the single asset of `name` in the newest release by an archive of `packed`, with
    /// `members` as its signed list.
    pub(crate) fn replace_asset(&mut self, name: &str, packed: &[Packed], members: Vec<Member>) {
        let bytes = archive(packed);
        self.replace_asset_bytes(name, &bytes, members);
    }

    pub(crate) fn replace_asset_bytes(&mut self, name: &str, bytes: &[u8], members: Vec<Member>) {
        let text = self.index.releases.last().unwrap().version.to_string();
        let file = Asset::file_name(Form::Emulator, target(name), Host::Amd64);
        let asset = self.write_asset(&file, Form::Emulator, &text, bytes, members);
        let assets = &mut self.index.releases.last_mut().unwrap().assets;
        assets.retain(|asset| asset.file != file && asset.form != Form::Set);
        assets.push(asset);
        self.publish();
    }

    /// Signs the index as it is, with its own key.
    pub(crate) fn publish(&self) {
        self.publish_signed_by(&self.index_key);
    }

    pub(crate) fn publish_signed_by(&self, key: &KeyPair) {
        let body = serde_json::to_string_pretty(&self.index).unwrap();
        let comment = format!("type:{INDEX_KIND}\tserial:{}", self.index.serial);
        let text = format!("{}\n{body}", sign(key, body.as_bytes(), &comment));
        fs::write(self.folder.join("index.qus"), text).unwrap();
    }

    /// What a machine remembers that saw the index as it is.
    pub(crate) fn seen(&self) -> Seen {
        self.publish();
        let (root, bytes) = (self.root(), fs::read(self.folder.join("index.qus")).unwrap());
        let index = verify_index("the index", &bytes, &root, &|_| 0, now()).unwrap();
        let memory = Memory::default().after_index(&self.url, &root, &|_| 0, &index).unwrap();
        memory.repositories[&self.url].clone()
    }

    /// The first root.
    pub(crate) fn root(&self) -> Root {
        fn role<P: Purpose>(label: &str, pair: &KeyPair) -> Role<P> {
            Role::new(1, BTreeMap::from([(Label::try_from(label.to_owned()).unwrap(), public(pair))]))
        }
        Root {
            kind: ROOT_KIND.to_owned(),
            version: 1,
            expires: Moment(now().0 + 365 * DAY),
            roles: Roles {
                root: role("alice", &self.root_key),
                release: role("release", &self.release_key),
                index: role("index", &self.index_key),
            },
            revoked: Vec::new(),
        }
    }

    /// What an administrator puts into `trust.d`.
    pub(crate) fn anchor(&self) -> Anchor {
        self.anchor_of(&self.root())
    }

    pub(crate) fn anchor_of(&self, root: &Root) -> Anchor {
        let text = serde_json::to_string_pretty(root).unwrap();
        let comment = format!("type:{ROOT_KIND}\tversion:{}", root.version);
        let signature = sign(&self.root_key, text.as_bytes(), &comment);
        let signatures = Signatures::from([(Label::try_from("alice".to_owned()).unwrap(), signature)]);
        Anchor { kind: Anchor::KIND.to_owned(), repository: self.url.clone(), root: text, signatures, floor: None }
    }

    /// Publishes a root with the signatures of `signers`, under their labels.
    pub(crate) fn publish_root(&self, root: &Root, signers: &[(&str, &KeyPair)]) {
        let text = serde_json::to_string_pretty(root).unwrap();
        let file = root_file(root.version);
        fs::write(self.folder.join(&file), &text).unwrap();
        for (label, key) in signers {
            let comment = format!("type:{ROOT_KIND}\tversion:{}", root.version);
            let label = Label::try_from((*label).to_owned()).unwrap();
            fs::write(self.folder.join(signature_file(&file, &label)), sign(key, text.as_bytes(), &comment)).unwrap();
        }
    }

    /// Path of the single asset of `name` in the newest release.
    pub(crate) fn asset_path(&self, name: &str) -> PathBuf {
        let release = self.index.releases.last().unwrap();
        let file = Asset::file_name(Form::Emulator, target(name), Host::Amd64);
        self.folder.join(release.version.as_str()).join(file)
    }
}

pub(crate) fn public(pair: &KeyPair) -> Key {
    Key::try_from(pair.pk.to_base64()).unwrap()
}

pub(crate) fn sign(pair: &KeyPair, bytes: &[u8], comment: &str) -> String {
    minisign::sign(Some(&pair.pk), &pair.sk, bytes, Some(comment), Some("untrusted")).unwrap().to_string()
}

pub(crate) fn member(target: Target, content: &[u8]) -> Member {
    Member { target, size: content.len() as u64, sha256: sha256(content) }
}

/// A sound entry.
pub(crate) fn pack(target: Target, version: &str) -> Packed {
    Packed { name: target.emulator(), kind: tar::EntryType::Regular, mode: 0o755, content: emulator(target, version) }
}

/// A tar archive of exactly these entries, compressed.
pub(crate) fn archive(entries: &[Packed]) -> Vec<u8> {
    zstd::encode_all(plain_archive(entries).as_slice(), 3).unwrap()
}

/// The header's fields are written raw: the library would refuse the names that matter here.
pub(crate) fn plain_archive(entries: &[Packed]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for entry in entries {
        let mut header = tar::Header::new_gnu();
        header.as_mut_bytes()[..entry.name.len()].copy_from_slice(entry.name.as_bytes());
        header.set_entry_type(entry.kind);
        header.set_mode(entry.mode);
        header.set_size(entry.content.len() as u64);
        if entry.kind == tar::EntryType::Symlink {
            header.set_link_name("/etc/passwd").unwrap();
        }
        header.set_cksum();
        builder.append(&header, entry.content.as_slice()).unwrap();
    }
    builder.into_inner().unwrap()
}
