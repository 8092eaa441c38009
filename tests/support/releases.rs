//! Several releases of the real emulators: the same archives, signed under other versions.

use std::fs;
use std::path::PathBuf;

use qus::host::Host;
use qus::release::{Asset, Form, Index, Member, Release};
use tempfile::TempDir;

use super::publisher::{Publisher, archive, member, pack, target, version};
use super::real::provided;
use super::sandbox::Sandbox;

/// A repository of real emulators, with as many versions as are wanted.
pub(crate) struct Releases {
    pub(crate) publisher: Publisher,
    real: Release,
    from: PathBuf,
    _folder: TempDir,
}

impl Releases {
    /// With `text` as the stable one.
    pub(crate) fn with(text: &str) -> Releases {
        let folder = TempDir::new().unwrap();
        let repository = folder.path().join("repository");
        let publisher = Publisher::new(&repository, &format!("file://{}", repository.display()));
        let from = provided("QUS_TEST_REPOSITORY");
        let signed = fs::read_to_string(from.join("index.qus")).unwrap();
        let (_, body) = signed.split_once("\n\n").unwrap();
        let index: Index = serde_json::from_str(body).unwrap();
        let real = index.releases.into_iter().next().unwrap();
        let mut releases = Releases { publisher, real, from, _folder: folder };
        releases.add(text);
        releases
    }

    /// Adds a release of all real emulators, as a set, and makes it the stable one.
    pub(crate) fn add(&mut self, text: &str) {
        let set = self.real.assets.iter().find(|asset| asset.form == Form::Set && asset.host == Host::Amd64);
        self.add_of(text, &set.unwrap().clone());
    }

    /// The same of one emulator.
    pub(crate) fn add_single(&mut self, text: &str, name: &str) {
        let single = self.real.asset(Form::Emulator, Host::Amd64, target(name));
        self.add_of(text, &single.unwrap().clone());
    }

    fn add_of(&mut self, text: &str, asset: &Asset) {
        let bytes = fs::read(self.from.join(self.real.version.as_str()).join(&asset.file)).unwrap();
        let asset = self.publisher.write_asset(&asset.file, asset.form, text, &bytes, asset.members.clone());
        self.release(text, vec![asset]);
    }

    /// Adds a release of one emulator that is `content`, and makes it the stable one.
    pub(crate) fn add_broken(&mut self, text: &str, name: &str, content: Vec<u8>) {
        let members: Vec<Member> = vec![member(target(name), &content)];
        let mut packed = pack(target(name), text);
        packed.content = content;
        let file = Asset::file_name(Form::Emulator, target(name), Host::Amd64);
        let asset = self.publisher.write_asset(&file, Form::Emulator, text, &archive(&[packed]), members);
        self.release(text, vec![asset]);
    }

    fn release(&mut self, text: &str, assets: Vec<Asset>) {
        let index = &mut self.publisher.index;
        index.serial += 1;
        index.channels.insert("stable".to_owned(), version(text));
        index.releases.push(Release { version: version(text), withdrawn: None, sources: Vec::new(), assets });
        self.publisher.publish();
    }

    /// This machine, trusting it.
    pub(crate) fn machine(&self) -> Sandbox {
        let sandbox = Sandbox::new();
        let anchor = self.publisher.folder.join("anchor.json");
        fs::write(&anchor, serde_json::to_string_pretty(&self.publisher.anchor()).unwrap()).unwrap();
        let script = format!("mkdir -p /etc/qus/trust.d; cp {} /etc/qus/trust.d/test.json", anchor.display());
        sandbox.shell(&script).expect(0, &[]);
        sandbox
    }
}
