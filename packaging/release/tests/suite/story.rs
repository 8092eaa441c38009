//! Two years in the life of a repository: releases each month, renewals each week, three changes of keys, a stolen key and
//! what its thief hands out, a withdrawn version; and four clients that connect at different times.
//!
//! The publisher types what maintainers type; the clients are qus's own store and memory, handed the time of the story.

use std::fs;
use std::path::{Path, PathBuf};

use qus::host::Host;
use qus::moment::Moment;
use qus::release::{Form, STABLE};
use qus::rooted::RootedPath;
use qus::system::fetch::Partial;
use qus::system::root::Root;
use qus::system::store::{Followed, StoreError};
use qus::trust::{Memory, TrustError};
use tempfile::TempDir;

use crate::files::{Deb, LOAD, X86_64, control, elf, line};
use crate::workshop::{Workshop, text};

/// The Monday on which it begins; long after any qus was built.
const BEGIN: &str = "2035-01-01T08:00:00Z";

const WEEK: u64 = 7 * 24 * 60 * 60;

/// The Monday of week `week`.
fn monday(week: u64) -> Moment {
    Moment(BEGIN.parse::<Moment>().unwrap().0 + week * WEEK)
}

/// The maintainers, with the folder that the world sees.
struct Publisher {
    workshop: Workshop,
    index_key: &'static str,
    release_key: &'static str,
    renewals: usize,
    months: u64,
}

impl Publisher {
    fn new() -> Publisher {
        let workshop = Workshop::empty();
        for name in ["alice", "bob", "carol", "release", "index"] {
            workshop.keygen(name);
        }
        let publisher =
            Publisher { workshop, index_key: "index.key", release_key: "release.key", renewals: 0, months: 0 };
        publisher.serve("repository");
        let url = format!("file://{}", publisher.served().display());
        publisher.types(
            0,
            &[
                "root",
                "repository",
                "--url",
                &url,
                "--root-key",
                "alice.key",
                "bob.key",
                "carol.key",
                "--release-key",
                "release.key.pub",
                "--index-key",
                "index.key.pub",
            ],
        );
        publisher
    }

    fn served(&self) -> PathBuf {
        self.workshop.path("served")
    }

    /// From now on the world sees this folder: the publisher's, or whoever stands in between hands out another.
    fn serve(&self, folder: &str) {
        let new = self.workshop.path("served.new");
        std::os::unix::fs::symlink(self.workshop.path(folder), &new).unwrap();
        fs::rename(new, self.served()).unwrap();
    }

    /// A copy of the repository as it is, for whoever means to hand it out later.
    fn copy_to(&self, folder: &str) {
        copy(&self.workshop.repository(), &self.workshop.path(folder));
    }

    fn types(&self, week: u64, words: &[&str]) -> String {
        let now = monday(week).to_string();
        let timed = ["root", "publish", "renew", "verify"].contains(&words[0]) && words.get(1) != Some(&"place");
        let words = if timed { [words, &["--now", &now]].concat() } else { words.to_vec() };
        let output = self.workshop.run(&words);
        assert!(output.status.success(), "week {week}: {words:?}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    fn import(&self, month: u64) {
        let qemu = format!("12.{month}.0");
        let deb = Deb { control: control(&format!("1:{qemu}+ds-1"), "amd64"), ..Deb::new(&[]) };
        let name = format!("{qemu}.deb");
        self.workshop.deb(&name, &deb.with("usr/bin/qemu-arm", elf(X86_64, LOAD, &line("arm", &qemu))));
        self.types(0, &["import", "repository", &name, "--key", self.release_key]);
    }

    fn release(&mut self, week: u64) {
        self.months += 1;
        self.import(self.months);
        self.publish(week, &format!("12.{}.0-1", self.months));
    }

    fn publish(&self, week: u64, stable: &str) {
        let stable = format!("{STABLE}={stable}");
        self.types(week, &["publish", "repository", "--key", self.index_key, "--channel", &stable]);
    }

    fn renew(&mut self, week: u64) {
        let said = self.types(week, &["renew", "repository", "--key", self.index_key]);
        self.renewals += usize::from(said.contains("expires"));
    }

    /// Draws up the next root, lets `signers` sign it, and puts it into its place.
    fn rotate(&self, week: u64, signers: &[&str], change: &[&str]) {
        let pending = format!("root-of-week-{week}.json");
        self.types(week, &[&["root", "rotate", "repository", &pending], change].concat());
        for signer in signers {
            self.types(week, &["sign-root", &pending, "--root-key", &format!("{signer}.key")]);
        }
        self.types(week, &["root", "place", "repository", &pending]);
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (path, to) = {
            let entry = entry.unwrap();
            (entry.path(), to.join(entry.file_name()))
        };
        if path.is_dir() {
            copy(&path, &to);
        } else {
            fs::copy(path, to).unwrap();
        }
    }
}

/// A machine, with the anchor that it was given when it was set up.
struct Client {
    image: TempDir,
    memory: Memory,
}

/// Where a client stands after it has connected.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stand {
    root: u64,
    serial: u64,
    stable: String,
    /// Every version that may be installed, the newest first.
    offered: Vec<String>,
}

impl Client {
    fn set_up_by(publisher: &Publisher) -> Client {
        let image = TempDir::new().unwrap();
        let trust = image.path().join("etc/qus/trust.d");
        fs::create_dir_all(&trust).unwrap();
        fs::copy(publisher.workshop.path("repository/anchor.json"), trust.join("story.json")).unwrap();
        Client { image, memory: Memory::default() }
    }

    /// Looks for what is new, fetches the stable version, and remembers what it has verified.
    fn connect(&mut self, week: u64) -> Result<Stand, TrustError> {
        self.try_to_connect(monday(week)).map_err(|error| match error {
            StoreError::Trust(error) => error,
            other => panic!("week {week}: not a matter of trust: {other}"),
        })
    }

    fn try_to_connect(&mut self, now: Moment) -> Result<Stand, StoreError> {
        // What it remembers has been in a file since the last time.
        self.memory = Memory::parse("the memory", &self.memory.to_json()).unwrap();
        let followed = Followed::at(&Root::image(self.image.path().to_owned()), None, false, &self.memory, now)?;
        self.memory = followed.remember(&self.memory);
        let store = followed.judged(&self.memory, now)?;
        let (verified, memory) = store.index(&self.memory, now)?;
        let index = verified.index();
        let stable = index.release(&index.channels[STABLE]).unwrap();
        let asset = stable.asset(Form::Emulator, Host::Amd64, "arm".parse().unwrap()).unwrap();
        let folder = TempDir::new().unwrap();
        let place = RootedPath::from_trusted("/partial");
        let partial = Partial::passing(&Root::image(folder.path().to_owned()), place).unwrap();
        store.fetch(&stable.version, asset, &partial, &mut |_| true)?;
        self.memory = memory;
        let seen = &self.memory.repositories[store.url()];
        let offered = index.releases.iter().filter(|release| !seen.withdrawn.contains_key(&release.version));
        Ok(Stand {
            root: seen.root.version,
            serial: index.serial,
            stable: stable.version.to_string(),
            offered: offered.map(|release| release.version.to_string()).collect(),
        })
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "it is one story, told in the order in which it happens")]
fn two_years_of_a_repository() {
    let mut publisher = Publisher::new();
    publisher.release(0);
    let mut weekly = Client::set_up_by(&publisher);
    let mut half_yearly = Client::set_up_by(&publisher);
    let mut late = Client::set_up_by(&publisher);
    let mut forgetful = Client::set_up_by(&publisher);
    let mut last = weekly.connect(0).unwrap();
    assert_eq!(half_yearly.connect(0).unwrap(), last);
    assert_eq!(last, Stand { root: 1, serial: 1, stable: "12.1.0-1".to_owned(), offered: vec!["12.1.0-1".to_owned()] });

    for week in 1..=104 {
        // What the maintainers do this Monday.
        match week {
            // A thief has had the index key since week 20.
            21 => publisher.copy_to("of-the-thief"),
            22 => {
                publisher.workshop.keygen("index-2");
                publisher.rotate(week, &["alice", "bob"], &["--index-key", "index-2.key.pub"]);
                publisher.index_key = "index-2.key";
                publisher.publish(week, "12.6.0-1");
            }
            // The release key is taken out of use: what is to stay is signed anew, the rest goes.
            48 => {
                publisher.workshop.keygen("release-2");
                publisher.rotate(week, &["bob", "carol"], &["--release-key", "release-2.key.pub"]);
                publisher.release_key = "release-2.key";
                for month in 1..=10 {
                    fs::remove_dir_all(publisher.workshop.path(&format!("repository/12.{month}.0-1"))).unwrap();
                }
                for month in [11, 12] {
                    publisher.import(month);
                }
                publisher.release(week);
            }
            60 => {
                let words = ["withdraw", "repository", "12.15.0-1", "--why", "its programs crash"];
                publisher.types(week, &words);
                publisher.release(week);
            }
            // Carol's key is stolen: Dave takes her place.
            70 => {
                publisher.copy_to("before-dave");
                publisher.workshop.keygen("dave");
                let keys = ["--root-key", "alice.key.pub", "bob.key.pub", "dave.key.pub"];
                publisher.rotate(week, &["alice", "bob", "dave"], &keys);
                publisher.renew(week);
            }
            week if week % 4 == 0 => publisher.release(week),
            _ => publisher.renew(week),
        }

        // What others hand out in their place.
        match week {
            // The thief signs on, as if nothing had changed: an old version is stable again, for ten years.
            26 => {
                publisher.types(
                    week,
                    &[
                        "publish",
                        "of-the-thief",
                        "--key",
                        "index.key",
                        "--serial",
                        "9000",
                        "--expires",
                        "3650",
                        "--channel",
                        "stable=12.1.0-1",
                    ],
                );
                publisher.serve("of-the-thief");
                assert!(matches!(weekly.connect(week), Err(TrustError::UnknownKey { .. })), "it knows root 2");
                // Who has not heard of the new key cannot know; but gets nothing that the release key did not sign.
                let stand = half_yearly.connect(week).unwrap();
                assert_eq!((stand.root, stand.serial, stand.stable.as_str()), (1, 9000, "12.1.0-1"));
                publisher.serve("repository");
            }
            // An old state, not expired yet.
            34 => publisher.copy_to("of-week-34"),
            37 => {
                publisher.serve("of-week-34");
                assert!(matches!(weekly.connect(week), Err(TrustError::Older { .. })));
                publisher.serve("repository");
            }
            // The same to those who have seen nothing since.
            40 => {
                publisher.serve("of-week-34");
                assert!(
                    matches!(Client::set_up_by(&publisher).connect(week), Err(TrustError::Older { .. })),
                    "by its anchor"
                );
                assert!(matches!(late.connect(week), Err(TrustError::Expired { .. })));
                publisher.serve("repository");
            }
            // Whoever stole carol's key writes a root of their own; one signature of two is not enough.
            72 => {
                publisher
                    .types(week, &["root", "rotate", "before-dave", "forged.json", "--index-key", "index.key.pub"]);
                publisher.types(week, &["sign-root", "forged.json", "--root-key", "carol.key"]);
                let forged: serde_json::Value = serde_json::from_str(&publisher.workshop.read("forged.json")).unwrap();
                let write = |name: &str, text: &serde_json::Value| {
                    publisher.workshop.write(&format!("before-dave/{name}"), text.as_str().unwrap().as_bytes());
                };
                write("root.4.json", &forged["root"]);
                write("root.4.json.minisig.carol", &forged["signatures"]["carol"]);
                publisher.serve("before-dave");
                let mut stranger = Client::set_up_by(&publisher);
                fs::copy(
                    publisher.workshop.path("before-dave/anchor.json"),
                    stranger.image.path().join("etc/qus/trust.d/story.json"),
                )
                .unwrap();
                let error = stranger.connect(week).unwrap_err();
                assert!(matches!(error, TrustError::TooFewSignatures { have: 1, need: 2, .. }), "{error}");
                assert!(matches!(weekly.connect(week), Err(TrustError::Older { .. })), "it has root 4, the real one");
                publisher.serve("repository");
            }
            76 => {
                publisher.copy_to("of-week-76");
                forgetful.connect(week).unwrap();
            }
            // A machine is set up anew: its memory is gone, and its anchor is of this week.
            79 => {
                forgetful = Client::set_up_by(&publisher);
                publisher.serve("of-week-76");
                assert!(matches!(forgetful.connect(week), Err(TrustError::Older { .. })), "by its anchor");
                publisher.serve("repository");
            }
            _ => {}
        }

        // Honest times.
        let stand = weekly.connect(week).unwrap();
        assert!(stand.root >= last.root && stand.serial >= last.serial, "week {week}: {stand:?} behind {last:?}");
        last = stand;
        if week % 26 == 0 && week != 26 {
            assert_eq!(half_yearly.connect(week).unwrap(), last, "week {week}");
        }
        if week == 78 {
            assert_eq!(late.connect(week).unwrap(), last, "from root 1, which expired long ago");
        }
        if week > 79 && week % 2 == 0 {
            assert_eq!(forgetful.connect(week).unwrap(), last, "week {week}");
        }
        if week == 60 {
            assert!(!last.offered.contains(&"12.15.0-1".to_owned()), "{last:?}");
        }
    }

    let versions: Vec<String> =
        (11..=27).rev().filter(|month| *month != 15).map(|month| format!("12.{month}.0-1")).collect();
    let end = Stand { root: 4, serial: last.serial, stable: "12.27.0-1".to_owned(), offered: versions };
    assert_eq!(last, end);
    for (name, client) in
        [("weekly", &mut weekly), ("half-yearly", &mut half_yearly), ("late", &mut late), ("forgetful", &mut forgetful)]
    {
        assert_eq!(client.connect(104).unwrap(), end, "{name}");
        let seen = client.memory.repositories.values().next().unwrap();
        assert_eq!((seen.serials.len(), seen.withdrawn.len()), (1, 1), "{name}: the thief's serial is forgotten");
    }
    // 27 releases, one index after a change of keys, and the renewals: each has the next serial.
    assert_eq!(last.serial, 28 + publisher.renewals as u64);
    assert!((20..60).contains(&publisher.renewals), "{} renewals", publisher.renewals);
    assert!(publisher.types(104, &["verify", "repository"]).starts_with("authentic: root 4, "));
}
