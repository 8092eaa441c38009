//! Several repositories: one that fails or refuses keeps nothing from what came of the others.

use std::fs;

use qus::advisory::Advisory;
use qus::qemu::QemuVersion;
use qus::target::Target;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::machine::Image;
use crate::support::publisher::{Publisher, target};

/// An image with aarch64 and arm of one repository and riscv64 of another, which is asked first.
struct Two {
    image: Image,
    other: Publisher,
    _folder: TempDir,
}

impl Two {
    fn new() -> Two {
        let image = Image::trusting(&["aarch64", "arm"]);
        let folder = TempDir::new().unwrap();
        // Its name sorts before any other.
        let place = folder.path().join("0");
        let link = image.folder.path().join("0");
        std::os::unix::fs::symlink(&place, &link).unwrap();
        let other = Publisher::usual(&place, &format!("file://{}", link.display()), &["riscv64"]);
        let anchor = serde_json::to_string_pretty(&other.anchor()).unwrap();
        fs::write(image.root().join("etc/qus/trust.d/other.json"), anchor).unwrap();
        let two = Two { image, other, _folder: folder };
        assert!(two.other.url < two.image.publisher.url);
        two.image.run(&["install", "--repository", &two.image.publisher.url, "aarch64", "arm"]).expect(0, &[]);
        two.image.run(&["install", "--repository", &two.other.url, "riscv64"]).expect(0, &[]);
        two
    }

    fn publish(&mut self) {
        for (publisher, targets) in
            [(&mut self.image.publisher, &["aarch64", "arm"][..]), (&mut self.other, &["riscv64"])]
        {
            publisher.index.serial += 1;
            publisher.add_release("11.1.4-1", targets);
            publisher.publish();
        }
    }
}

fn read(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn a_channel_that_one_does_not_have_is_in_nobody_elses_way() {
    let mut two = Two::new();
    two.publish();
    let edge = "11.1.4-1".parse().unwrap();
    two.image.publisher.index.channels.insert("edge".to_owned(), edge);
    two.image.publisher.index.serial += 1;
    two.image.publisher.publish();
    let words = ["error: the repository has no channel \"edge\"", "help: there is stable"];
    let url = two.other.url.clone();
    let not_from = format!("note: nothing is updated from \"{url}\"");
    let said = two.image.run_in_vain(&["update", "--check", "--channel", "edge", "--json"]).expect(1, &words);
    let failed = serde_json::json!([
        { "url": url, "error": "the repository has no channel \"edge\"", "exit": 1 }
    ]);
    assert_eq!(read(&said.stdout)["failed"], failed);
    let said = two.image.run(&["update", "--channel", "edge", "--json"]).expect(1, &words).expect(1, &[&not_from]);
    let document = read(&said.stdout);
    assert_eq!(document["failed"], failed);
    let targets: Vec<&str> =
        document["targets"].as_array().unwrap().iter().map(|told| told["target"].as_str().unwrap()).collect();
    assert_eq!(targets, ["aarch64", "arm"]);
    let said = two.image.run(&["status", "--json", "aarch64", "riscv64"]).expect(0, &[]);
    let installed = |at: usize| read(&said.stdout)["targets"][at]["installed"]["version"].clone();
    assert_eq!((installed(0), installed(1)), ("11.1.4-1".into(), "11.1.3-1".into()));
    // Alone, it is an error as any other, without a document.
    let said = two.image.run_in_vain(&["update", "--json", "riscv64@edge"]).expect(1, &words);
    assert_eq!(said.stdout, "");
}

#[test]
fn what_is_forged_or_refused_in_one_is_in_nobody_elses_way() {
    let mut two = Two::new();
    two.publish();
    let asset = two.other.asset_path("riscv64");
    let sound = fs::read(&asset).unwrap();
    fs::write(&asset, vec![b'x'; sound.len()]).unwrap();
    two.image.run(&["update", "aarch64", "riscv64"]).expect(3, &["another content", "aarch64 11.1.3-1 -> 11.1.4-1"]);
    fs::write(&asset, sound).unwrap();

    // An older version of what is named is refused as such.
    two.image.run(&["update", "riscv64"]).expect(0, &["riscv64 11.1.3-1 -> 11.1.4-1"]);
    two.other.index.channels.insert("stable".to_owned(), "11.1.3-1".parse().unwrap());
    two.other.index.serial += 1;
    two.other.publish();
    two.image.run(&["update", "arm", "riscv64"]).expect(5, &["older than the installed", "arm 11.1.3-1 -> 11.1.4-1"]);
}

fn fault(target: Target) -> Advisory {
    Advisory {
        from: QemuVersion(11, 1, 3),
        to: QemuVersion(11, 1, 3),
        targets: vec![target],
        hosts: Vec::new(),
        kernels: None,
        what: format!("programs of {target} that knit crash"),
        source: "https://example.org/7".to_owned(),
    }
}

/// What one said now is not covered by what the next one remembers of it.
#[test]
fn the_advisories_of_all_are_told_whatever_is_done() {
    let mut two = Two::new();
    for (publisher, name) in [(&mut two.image.publisher, "arm"), (&mut two.other, "riscv64")] {
        publisher.index.serial += 1;
        publisher.index.advisories = vec![fault(target(name))];
        publisher.publish();
    }
    let told = ["programs of arm that knit crash", "programs of riscv64 that knit crash"];
    two.image.run_in_vain(&["update", "--check"]).expect(0, &told);
    two.image.run_in_vain(&["update", "--dry-run"]).expect(0, &told);
    two.image.run(&["update"]).expect(0, &told);
    // What was last heard of one that is gone is still told.
    fs::remove_dir_all(&two.other.folder).unwrap();
    two.image.run_in_vain(&["update", "--check"]).expect(7, &told);
    two.image.run_in_vain(&["update"]).expect(7, &told);
}
