//! A machine, and a repository behind a web server, which whoever attacks has in hand.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use minisign::KeyPair;
use qus::host::Host;
use qus::moment::Moment;
use qus::release::{Form, INDEX_KIND};
use qus::rooted::RootedPath;
use qus::system::fetch::Partial;
use qus::system::root::Root as SystemRoot;
use qus::system::store::{Store, StoreError};
use qus::trust::{Label, Memory, Root, TrustError, VerifiedIndex};
use tempfile::TempDir;

use crate::support::machine::{Image, Said};
use crate::support::publisher::{Publisher, now, sign, target, version};
use crate::support::server::Server;

pub(super) const INSTALL: [&str; 2] = ["install", "aarch64"];
pub(super) const ASSET: &str = "qemu-aarch64-static_amd64.tar.zst";
pub(super) const DAY: u64 = 24 * 60 * 60;

pub(super) struct Scene {
    pub(super) image: Image,
    _server: Server,
    _folder: TempDir,
}

/// A machine with nothing installed, and its repository with 11.1.3-1 of aarch64 and arm, serial 7.
pub(super) fn scene() -> Scene {
    Scene::publishing(|folder, url| Publisher::usual(folder, url, &["aarch64", "arm"]))
}

/// The same with aarch64 installed: the machine has a memory.
pub(super) fn scene_with_memory() -> Scene {
    let scene = scene();
    scene.image.run(&INSTALL).expect(0, &[]);
    scene
}

impl Scene {
    pub(super) fn publishing(publish: impl FnOnce(&std::path::Path, &str) -> Publisher) -> Scene {
        let folder = TempDir::new().unwrap();
        let server = Server::of(folder.path().to_owned());
        let image = Image::at_url(Some(&server.url), |_, url| publish(folder.path(), url));
        Scene { image, _server: server, _folder: folder }
    }

    /// Where a file of the repository lies.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.image.publisher.folder.join(name)
    }

    /// The asset of aarch64 that is offered.
    pub(super) fn asset(&self) -> PathBuf {
        self.image.publisher.asset_path("aarch64")
    }

    /// Its signature.
    pub(super) fn signature(&self) -> PathBuf {
        PathBuf::from(format!("{}.minisig", self.asset().display()))
    }

    pub(super) fn memory(&self) -> Memory {
        let text = fs::read_to_string(self.image.root().join("var/lib/qus/trust.json")).ok();
        Memory::recall("the memory", text.as_deref()).unwrap()
    }

    /// What an install of aarch64 would believe at `at`, up to the last byte of the asset.
    pub(super) fn believe(&self, at: Moment) -> Result<Memory, TrustError> {
        self.open(at).and_then(|opened| opened.fetch().map(|()| opened.memory))
    }

    /// The repository, and what its index says.
    pub(super) fn open(&self, at: Moment) -> Result<Opened, TrustError> {
        let root = SystemRoot::image(self.image.root());
        let memory = self.memory();
        let store = Store::open(&root, None, false, &memory, at).map_err(trust)?;
        let (index, memory) = store.index(&memory, at).map_err(trust)?;
        Ok(Opened { store, index, memory })
    }

    /// Why it is refused now.
    #[track_caller]
    pub(super) fn refusal(&self) -> TrustError {
        self.refusal_at(now())
    }

    #[track_caller]
    pub(super) fn refusal_at(&self, at: Moment) -> TrustError {
        self.believe(at).err().unwrap_or_else(|| panic!("it was believed"))
    }

    /// The program refuses, and changes nothing.
    #[track_caller]
    pub(super) fn ends(&self, code: i32, words: &[&str]) -> Said {
        self.image.run_in_vain(&INSTALL).expect(code, words)
    }

    /// The same for a machine that has aarch64 already, and wants arm.
    #[track_caller]
    pub(super) fn ends_for_arm(&self, code: i32, words: &[&str]) -> Said {
        self.image.run_in_vain(&["install", "arm"]).expect(code, words)
    }

    /// Puts `body` into the place of the index, signed by `key` with `comment`.
    pub(super) fn put_index(&self, key: &KeyPair, body: &str, comment: &str) {
        fs::write(self.file("index.qus"), format!("{}\n{body}", sign(key, body.as_bytes(), comment))).unwrap();
    }

    /// The index as it is, signed by `key`.
    pub(super) fn sign_index(&self, key: &KeyPair) {
        let body = serde_json::to_string(&self.image.publisher.index).unwrap();
        self.put_index(key, &body, &format!("type:{INDEX_KIND}\tserial:{}", self.image.publisher.index.serial));
    }

    /// Root 2, as root 1 but for what `change` does to it.
    pub(super) fn second_root(&self, change: impl FnOnce(&mut Root)) -> Root {
        let mut root = self.image.publisher.root();
        root.version = 2;
        change(&mut root);
        root
    }
}

/// A repository that is believed as far as its index.
pub(super) struct Opened {
    store: Store,
    index: VerifiedIndex,
    memory: Memory,
}

impl Opened {
    /// Fetches the asset of aarch64, to the last byte.
    pub(super) fn fetch(&self) -> Result<(), TrustError> {
        let release = self.index.index().release(&version("11.1.3-1")).unwrap();
        let asset = release.asset(Form::Emulator, Host::Amd64, target("aarch64")).unwrap();
        let folder = TempDir::new().unwrap();
        let root = qus::system::root::Root::image(folder.path().to_owned());
        let partial = Partial::passing(&root, RootedPath::from_trusted("/partial")).unwrap();
        self.store.fetch(&release.version, asset, &partial, &mut |_| true).map(drop).map_err(trust)
    }
}

fn trust(error: StoreError) -> TrustError {
    match error {
        StoreError::Trust(error) => error,
        other => panic!("not a matter of trust: {other}"),
    }
}

pub(super) fn pair() -> KeyPair {
    KeyPair::generate_unencrypted_keypair().unwrap()
}

pub(super) fn label(text: &str) -> Label {
    Label::try_from(text.to_owned()).unwrap()
}

pub(super) fn after(days: u64) -> Moment {
    now().plus(Duration::from_secs(days * DAY))
}

pub(super) fn before(days: u64) -> Moment {
    Moment(now().0 - days * DAY)
}
