//! Bundles: what is taken for one is, byte for byte, what qus writes of the same files.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;

use qus::bundle::{BUNDLE_MAX, MANIFEST_FILE, Manifest, Part};
use qus::system::bundle::{Bundle, Writer};

use super::scratch::with_file;

pub(crate) fn check(bytes: &[u8]) {
    with_file("bundle", bytes, |folder| {
        let Ok(bundle) = Bundle::open(&folder.join("bundle")) else { return };
        assert!(bundle.size() == bytes.len() as u64 && bundle.size() <= BUNDLE_MAX);
        let again = Manifest::parse(bundle.manifest().to_json().as_bytes());
        assert_eq!(again.as_ref(), Ok(bundle.manifest()));

        let mut writer = Writer::create(&folder.join("again")).expect("there is room");
        let names: BTreeSet<(bool, &str)> = bundle.names().map(|(name, _)| (name != MANIFEST_FILE, name)).collect();
        for (_, name) in names {
            let mut content = Vec::new();
            bundle.piece(name).expect("it has it").read_to_end(&mut content).expect("it is whole");
            assert!(content.len() as u64 <= Part::of(name).expect("it has such a part").limit());
            assert!(!name.contains("..") && !name.starts_with('/'), "{name}");
            writer.add(name, content.len() as u64, &mut &*content).expect("there is room");
        }
        writer.end().expect("there is room");
        writer.finish().expect("there is room");
        assert_eq!(fs::read(folder.join("again")).expect("it was written"), bytes);
    });
}
