//! Machines to try qus on: an image in a folder, and this machine behind an overlay.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use qus::trust::{Anchor, trusted};
use tempfile::TempDir;

use super::publisher::Publisher;
use super::sandbox::Sandbox;
use super::tree::{Tree, tree, without_memory};

/// What a command said, and how it ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Said {
    pub(crate) fn by(output: Output) -> Said {
        Said {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Fails unless it ended with `code` and said all of `words`.
    #[track_caller]
    pub(crate) fn expect(self, code: i32, words: &[&str]) -> Said {
        assert_eq!(self.code, Some(code), "{self:#?}");
        for word in words {
            assert!(self.stdout.contains(word) || self.stderr.contains(word), "nothing of \"{word}\" in {self:#?}");
        }
        self
    }
}

/// The program under test, with nothing of the tester's settings.
pub(crate) fn qus() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_qus"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("QUS_")) {
        command.env_remove(name);
    }
    command
}

/// The repository that the program under test trusts by itself: none, until a root is published and compiled in.
pub(crate) fn published() -> Option<String> {
    trusted(include_str!("../../packaging/trust/root.json"), []).unwrap().into_keys().next()
}

/// An image, prepared with `--root`, and a repository that it trusts.
pub(crate) struct Image {
    pub(crate) folder: TempDir,
    pub(crate) publisher: Publisher,
}

impl Image {
    /// An image with the directories of a system, that trusts a repository with these targets.
    pub(crate) fn trusting(targets: &[&str]) -> Image {
        Image::at_url(None, |folder, url| Publisher::usual(folder, url, targets))
    }

    /// As [`Image::trusting`], with a repository of its own making at `url`, or its own folder.
    pub(crate) fn at_url(url: Option<&str>, publish: impl FnOnce(&Path, &str) -> Publisher) -> Image {
        let folder = TempDir::new().unwrap();
        let repository = folder.path().join("repository");
        let own = format!("file://{}", repository.display());
        let publisher = publish(&repository, url.unwrap_or(&own));
        let image = Image { folder, publisher };
        for directory in ["etc/qus/trust.d", "usr/local/lib", "var/lib", "run"] {
            std::fs::create_dir_all(image.root().join(directory)).unwrap();
        }
        image.trust(&image.publisher.anchor());
        image
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("image")
    }

    pub(crate) fn trust(&self, anchor: &Anchor) {
        let text = serde_json::to_string_pretty(anchor).unwrap();
        std::fs::write(self.root().join("etc/qus/trust.d/test.json"), text).unwrap();
    }

    /// Makes another machine trust this image's repository.
    pub(crate) fn hand_anchor_to(&self, sandbox: &Sandbox) {
        let anchor = self.root().join("etc/qus/trust.d/test.json");
        sandbox.shell(&format!("mkdir -p /etc/qus/trust.d; cp {} /etc/qus/trust.d/", anchor.display())).expect(0, &[]);
    }

    pub(crate) fn tree(&self) -> Tree {
        tree(&self.root())
    }

    pub(crate) fn run(&self, words: &[&str]) -> Said {
        Said::by(qus().arg("--root").arg(self.root()).args(words).output().unwrap())
    }

    /// Runs it, and fails if it changed anything.
    #[track_caller]
    pub(crate) fn run_in_vain(&self, words: &[&str]) -> Said {
        let before = self.tree();
        let said = self.run(words);
        assert_eq!(before, self.tree(), "{said:#?}");
        said
    }

    /// The same for what is refused by what the repository has: that is remembered.
    #[track_caller]
    pub(crate) fn run_in_vain_but_for_the_memory(&self, words: &[&str]) -> Said {
        let before = without_memory(self.tree());
        let said = self.run(words);
        assert_eq!(before, without_memory(self.tree()), "{said:#?}");
        said
    }

    /// The same, but what was fetched may be kept, or not any more.
    #[track_caller]
    pub(crate) fn run_in_vain_but_for_the_cache(&self, words: &[&str]) -> Said {
        let tree = || {
            let mut tree = self.tree();
            tree.retain(|path, _| !path.starts_with("var/cache/"));
            tree
        };
        let before = tree();
        let said = self.run(words);
        assert_eq!(before, tree(), "{said:#?}");
        said
    }
}
