//! Downloads that are cut off: gone on with where the file is still the same, begun anew where it is not.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use qus::exit::Explain;
use qus::rooted::RootedPath;
use qus::system::fetch::{FetchError, Limits, Network, Partial, Source, Undelivered};
use qus::system::root::Root;
use tempfile::TempDir;

use super::network::{hasty, served};
use crate::support::machine::{Image, Said, qus};
use crate::support::publisher::Publisher;
use crate::support::real::provided;
use crate::support::server::{Answer, Server};

const INSTALL: [&str; 2] = ["install", "aarch64"];
const ASSET: &str = "aarch64-static_amd64.tar.zst";
const ONE: &str = "ETag: \"one\"";
const TWO: &str = "ETag: \"two\"";

/// As [`served`], with a place to keep things in, and an asset that is worth it.
fn keeping() -> (Image, Server, TempDir) {
    let (image, server, folder) = served();
    fs::create_dir_all(image.root().join("var/cache")).unwrap();
    (image, server, folder)
}

fn size(image: &Image) -> usize {
    fs::read(image.publisher.asset_path("aarch64")).unwrap().len()
}

/// Where what arrived is kept.
fn kept(image: &Image) -> Option<PathBuf> {
    let names = fs::read_dir(image.root().join("var/cache/qus")).into_iter().flatten();
    let mut parts = names.map(|entry| entry.unwrap().path()).filter(|path| path.extension().unwrap() == "part");
    parts.next()
}

/// Lets a run fail behind the first 100 bytes.
#[track_caller]
fn cut_off(image: &Image, server: &Server, validator: &'static str) -> PathBuf {
    let dead = Answer::Status("500 Internal Server Error\r\nRetry-After: 1000");
    server.answer(ASSET, Answer::each(vec![Answer::Cut { validator, after: 100 }, dead]));
    let says = format!("note: 100 of {} bytes are there and kept; the same command goes on from them", size(image));
    image.run(&INSTALL).expect(7, &["the server answered 500", &says]);
    server.forget();
    let part = kept(image).unwrap();
    assert_eq!(fs::metadata(&part).unwrap().len(), 100);
    part
}

#[test]
fn the_next_run_goes_on_where_the_last_was_cut_off_and_leaves_nothing() {
    for (validator, range) in [
        (ONE, Some("\"one\"")),
        ("ETag: W/\"weak\"", None),
        ("Last-Modified: Sat, 01 Aug 2026 10:00:00 GMT", Some("Sat, 01 Aug 2026 10:00:00 GMT")),
    ] {
        let (image, server, _folder) = keeping();
        let before = image.tree();
        cut_off(&image, &server, validator);
        server.answer(ASSET, Answer::Parts { validator });
        image.run(&INSTALL).expect(0, &["installed"]);
        let requests = server.requests_for(ASSET);
        let [request] = &requests[..] else { panic!("{requests:#?}") };
        assert_eq!(request.header("range"), Some("bytes=100-"));
        assert_eq!(request.header("if-range"), range, "{validator}");
        assert_eq!(request.sent, size(&image) as u64 - 100);
        assert!(!image.root().join("var/cache/qus").exists(), "{validator}");
        image.run(&["remove", "all"]).expect(0, &[]);
        assert_eq!(image.tree(), before);
    }
}

#[test]
fn what_is_kept_goes_with_remove_all_whether_or_not_anything_is_installed() {
    let (image, server, _folder) = keeping();
    let before = image.tree();
    cut_off(&image, &server, ONE);
    image.run_in_vain(&["remove", "--dry-run", "all"]).expect(0, &[]);
    image.run(&["remove", "all"]).expect(0, &["nothing to do"]);
    assert_eq!(image.tree(), before);

    image.run(&["install", "--repository", &image.publisher.url, "aarch64"]).expect(7, &[]);
    server.answer(ASSET, Answer::File);
    image.run(&INSTALL).expect(0, &[]);
    cut_off_again(&image);
    image.run(&["remove", "aarch64"]).expect(0, &[]);
    assert_eq!(image.tree(), before);
}

/// As if a download had been cut off beside what is installed.
fn cut_off_again(image: &Image) {
    fs::create_dir(image.root().join("var/cache/qus")).unwrap();
    fs::write(image.root().join("var/cache/qus/abc.part"), "abc").unwrap();
}

#[test]
fn a_file_that_changed_in_between_is_begun_anew_and_never_appended_to() {
    let (image, server, _folder) = keeping();
    cut_off(&image, &server, TWO);
    server.answer(ASSET, Answer::Parts { validator: ONE });
    image.run(&INSTALL).expect(0, &["installed"]);
    let sent: Vec<u64> = server.requests_for(ASSET).iter().map(|request| request.sent).collect();
    assert_eq!(sent, [size(&image) as u64], "one answer, the whole, with status 200");
}

#[test]
fn a_file_that_changes_within_a_run_is_begun_anew() {
    let (image, server, _folder) = keeping();
    let answers = vec![Answer::Cut { validator: ONE, after: 100 }, Answer::Parts { validator: TWO }];
    server.answer(ASSET, Answer::each(answers));
    image.run(&INSTALL).expect(0, &["installed", "broke off: end of file before message length reached; trying again"]);
    let sent: Vec<u64> = server.requests_for(ASSET).iter().map(|request| request.sent).collect();
    assert_eq!(sent, [100, size(&image) as u64]);
}

#[test]
fn another_part_than_was_asked_for_is_never_appended() {
    let ranges =
        ["bytes 0-99/100", "bytes 101-200/201", "bytes 100-4095/4096", "bytes 100-120/*x", "items 100-200/300", ""];
    for range in ranges {
        let (image, server, _folder) = keeping();
        cut_off(&image, &server, ONE);
        server.answer(ASSET, Answer::each(vec![Answer::Range(range), Answer::Parts { validator: ONE }]));
        let said = image.run(&INSTALL);
        assert_eq!(said.code, Some(0), "{range}: {said:#?}");
        let asked: Vec<Option<String>> =
            server.requests_for(ASSET).iter().map(|request| request.header("range").map(str::to_owned)).collect();
        assert_eq!(asked, [Some("bytes=100-".to_owned()), None], "{range}");
    }
}

#[test]
fn a_server_that_gives_nothing_but_wrong_parts_is_given_up() {
    let (image, server, _folder) = keeping();
    cut_off(&image, &server, ONE);
    server.answer(ASSET, Answer::Range("bytes 7-8/9"));
    image.run_in_vain_but_for_the_cache(&INSTALL).expect(7, &["with another part of", "than it was asked for"]);
    assert_eq!(kept(&image), None, "what fits nothing is not kept");
}

#[test]
fn a_part_that_the_server_does_not_have_is_begun_anew_once() {
    let (image, server, _folder) = keeping();
    cut_off(&image, &server, ONE);
    let gone = Answer::Status("416 Range Not Satisfiable");
    server.answer(ASSET, Answer::each(vec![gone.clone(), Answer::Parts { validator: ONE }]));
    image.run(&INSTALL).expect(0, &["installed"]);
    assert_eq!(server.requests_for(ASSET).len(), 2);

    let (image, server, _folder) = keeping();
    cut_off(&image, &server, ONE);
    server.answer(ASSET, gone);
    image.run_in_vain_but_for_the_cache(&INSTALL).expect(7, &["the server answered 416"]);
    assert_eq!(server.requests_for(ASSET).len(), 2);
}

#[test]
fn a_damaged_partial_costs_its_bytes_and_nothing_else() {
    let (image, server, _folder) = keeping();
    let part = cut_off(&image, &server, ONE);
    let mut bytes = fs::read(&part).unwrap();
    bytes[50] ^= 1;
    fs::write(&part, bytes).unwrap();
    server.answer(ASSET, Answer::Parts { validator: ONE });
    image.run(&INSTALL).expect(0, &["installed"]);
    let sent: Vec<u64> = server.requests_for(ASSET).iter().map(|request| request.sent).collect();
    assert_eq!(sent, [size(&image) as u64 - 100, size(&image) as u64]);
}

#[test]
fn a_source_is_bad_only_if_it_is_so_from_the_first_byte() {
    let (image, server, _folder) = keeping();
    cut_off(&image, &server, ONE);
    let path = image.publisher.asset_path("aarch64");
    let mut bytes = fs::read(&path).unwrap();
    bytes[150] ^= 1;
    fs::write(&path, bytes).unwrap();
    server.answer(ASSET, Answer::Parts { validator: ONE });
    image.run_in_vain_but_for_the_cache(&INSTALL).expect(3, &["has another content than signed: SHA-256"]);
    assert_eq!(server.requests_for(ASSET).len(), 2);
    assert_eq!(kept(&image), None, "bytes that are not to be believed are not kept");
}

#[test]
fn a_source_that_is_bad_and_cuts_every_answer_is_given_up_after_the_second_time() {
    let (image, server, _folder) = keeping();
    let path = image.publisher.asset_path("aarch64");
    let mut bytes = fs::read(&path).unwrap();
    bytes[150] ^= 1;
    fs::write(&path, bytes).unwrap();
    server.answer(ASSET, Answer::Cut { validator: ONE, after: 100 });
    image.run_in_vain(&INSTALL).expect(3, &["has another content than signed: SHA-256"]);
    assert_eq!(server.requests_for(ASSET).len(), 4);
}

#[test]
fn partials_that_are_longer_than_signed_or_whole_or_torn() {
    let (image, server, _folder) = keeping();
    let whole = fs::read(image.publisher.asset_path("aarch64")).unwrap();
    let part = cut_off(&image, &server, ONE);
    fs::write(&part, [&whole[..], b"more"].concat()).unwrap();
    server.answer(ASSET, Answer::Parts { validator: ONE });
    image.run(&INSTALL).expect(0, &["installed"]);
    assert_eq!(server.requests_for(ASSET)[0].header("range"), None);

    let (image, server, _folder) = keeping();
    let whole = fs::read(image.publisher.asset_path("aarch64")).unwrap();
    let part = cut_off(&image, &server, ONE);
    fs::write(&part, &whole).unwrap();
    image.run(&INSTALL).expect(0, &["installed"]);
    assert_eq!(server.requests_for(ASSET).len(), 0, "nothing was missing");

    let (image, server, _folder) = keeping();
    let part = cut_off(&image, &server, ONE);
    fs::write(part.with_extension("json"), "{\"url").unwrap();
    server.answer(ASSET, Answer::Parts { validator: ONE });
    image.run(&INSTALL).expect(0, &["installed"]);
    assert_eq!(server.requests_for(ASSET)[0].header("if-range"), None, "nobody knows whose bytes they are");
}

#[test]
fn a_link_in_the_place_of_a_partial_is_not_followed() {
    let (image, server, _folder) = keeping();
    let part = cut_off(&image, &server, ONE);
    let victim = image.root().join("victim");
    fs::write(&victim, "precious").unwrap();
    for link in [true, false] {
        fs::remove_file(&part).unwrap();
        if link {
            std::os::unix::fs::symlink(&victim, &part).unwrap();
        } else {
            fs::hard_link(&victim, &part).unwrap();
        }
        server.answer(ASSET, Answer::Parts { validator: ONE });
        image.run(&INSTALL).expect(0, &["installed"]);
        assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
        image.run(&["remove", "all"]).expect(0, &[]);
        fs::create_dir(image.root().join("var/cache/qus")).unwrap();
        fs::write(&part, "").unwrap();
    }
}

#[test]
fn old_beginnings_of_other_files_are_swept_and_young_ones_stay() {
    let (image, server, _folder) = keeping();
    let cache = image.root().join("var/cache/qus");
    fs::create_dir(&cache).unwrap();
    for name in ["old.part", "old.json", "young.part", "young.json", "nobodys.json"] {
        fs::write(cache.join(name), "x").unwrap();
        if name.starts_with("old") {
            let week = Duration::from_secs(8 * 24 * 60 * 60);
            let file = fs::File::options().write(true).open(cache.join(name)).unwrap();
            file.set_modified(std::time::SystemTime::now() - week).unwrap();
        }
    }
    server.answer(ASSET, Answer::Parts { validator: ONE });
    image.run(&INSTALL).expect(0, &["installed"]);
    let mut left: Vec<_> = fs::read_dir(&cache).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["young.json", "young.part"]);
}

#[test]
fn where_nothing_can_be_kept_a_run_still_goes_on_where_it_was_cut() {
    let (image, server, _folder) = served();
    let answers = vec![Answer::Cut { validator: ONE, after: 100 }, Answer::Parts { validator: ONE }];
    server.answer(ASSET, Answer::each(answers));
    image.run(&INSTALL).expect(0, &["installed"]);
    assert_eq!(server.requests_for(ASSET)[1].header("range"), Some("bytes=100-"));
}

#[test]
fn a_mirror_goes_on_where_another_source_was_cut() {
    let (image, server, folder) = keeping();
    let mirror = Server::of(folder.path().to_owned());
    fs::write(image.root().join("etc/qus/config.toml"), format!("mirrors = [\"{}\"]", mirror.url)).unwrap();
    let dead = Answer::Status("500 Internal Server Error\r\nRetry-After: 1000");
    server.answer(ASSET, Answer::each(vec![Answer::Cut { validator: ONE, after: 100 }, dead]));
    mirror.answer(ASSET, Answer::Parts { validator: TWO });
    image.run(&INSTALL).expect(0, &["installed", "trying the mirror"]);
    let request = &mirror.requests_for(ASSET)[0];
    // Its own tag would say nothing of the other's bytes; the signed hash does.
    assert_eq!((request.header("range"), request.header("if-range")), (Some("bytes=100-"), None));
}

#[test]
fn a_server_that_drips_is_given_up() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("file"), [b'x'; 4096]).unwrap();
    let server = Server::of(folder.path().to_owned());
    server.answer("file", Answer::Drip(Duration::from_millis(20)));
    let network = Network { limits: Limits { window: Duration::from_millis(300), ..hasty() }, ..Network::default() };
    let source = Source::at(&server.url, &network).unwrap();
    let root = Root::image(folder.path().to_owned());
    let partial = Partial::passing(&root, RootedPath::from_trusted("/partial")).unwrap();
    let given = source.deliver("file", 4096, &partial, &mut |source, _| {
        let mut all = Vec::new();
        let read = source.read_to_end(&mut all);
        read.map_err(|error| qus::trust::TrustError::Read { what: "it".to_owned(), error })
    });
    assert!(matches!(given, Err(Undelivered::Fetch(FetchError::Slow { .. }))), "{given:?}");
}

/// Starts an install, and interrupts it when `ready`.
fn interrupted(image: &Image, ready: impl Fn() -> bool) -> Said {
    let mut command = qus();
    command.arg("--root").arg(image.root()).args(INSTALL).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child: Child = command.spawn().unwrap();
    while !ready() {
        std::thread::sleep(Duration::from_millis(10));
    }
    // In the middle of a wait, that is.
    std::thread::sleep(Duration::from_millis(200));
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGINT).unwrap();
    Said::by(child.wait_with_output().unwrap())
}

#[test]
fn an_interrupt_ends_a_download_at_once_and_keeps_what_arrived() {
    let (image, server, _folder) = keeping();
    server.answer(ASSET, Answer::Stall { validator: ONE, after: 100 });
    let there = || kept(&image).is_some_and(|part| fs::metadata(part).unwrap().len() == 100);
    let said = interrupted(&image, there);
    let kept = format!("note: 100 of {} bytes are there and kept", size(&image));
    said.expect(1, &["error: interrupted; nothing is changed", &kept]);
    server.forget();
    server.answer(ASSET, Answer::Parts { validator: ONE });
    image.run(&INSTALL).expect(0, &["installed"]);
    assert_eq!(server.requests_for(ASSET)[0].header("range"), Some("bytes=100-"));
}

#[test]
fn an_interrupt_ends_the_wait_for_a_busy_server_and_that_for_a_silent_one() {
    for (file, answer) in [
        ("index.qus", Answer::Status("503 Service Unavailable\r\nRetry-After: 50")),
        (ASSET, Answer::Status("503 Service Unavailable\r\nRetry-After: 100")),
        ("index.qus", Answer::Silence),
        (ASSET, Answer::Silence),
    ] {
        let (image, server, _folder) = served();
        server.answer(file, answer);
        let before = image.tree();
        interrupted(&image, || !server.requests_for(file).is_empty())
            .expect(1, &["error: interrupted; nothing is changed"]);
        assert_eq!(image.tree(), before, "{file}");
        assert_eq!(server.requests_for(file).len(), 1);
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "the seed and the figures are for whoever runs the test")]
fn a_download_of_the_aarch64_asset_cut_at_20_random_points_and_resumed() {
    const CUTS: usize = 20;
    let folder = provided("QUS_TEST_REPOSITORY");
    let server = Server::of(folder.clone());
    let image = Image::at_url(Some(&server.url), |folder, url| Publisher::usual(folder, url, &["arm"]));
    fs::create_dir_all(image.root().join("var/cache")).unwrap();
    let mut anchor: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(folder.join("anchor.json")).unwrap()).unwrap();
    anchor["repository"] = server.url.clone().into();
    fs::write(image.root().join("etc/qus/trust.d/test.json"), anchor.to_string()).unwrap();
    let release = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).find(|path| path.is_dir()).unwrap();
    let names = fs::read_dir(&release).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let is_asset =
        |name: &String| name.starts_with("qemu-aarch64-static_") && Path::new(name).extension() == Some("zst".as_ref());
    let name = names.into_iter().find(is_asset).unwrap();
    let size = usize::try_from(fs::metadata(release.join(&name)).unwrap().len()).unwrap();

    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let mut points: Vec<usize> = random.choose_multiple(1..size, CUTS);
    points.sort_unstable();
    let mut answers = Vec::new();
    let mut from = 0;
    for point in &points {
        answers.push(Answer::Cut { validator: ONE, after: point - from });
        from = *point;
    }
    answers.push(Answer::Parts { validator: ONE });
    server.answer(&name, Answer::each(answers));
    image.run(&INSTALL).expect(0, &["installed"]);

    let requests = server.requests_for(&name);
    let moved: u64 = requests.iter().map(|request| request.sent).sum();
    let size = size as u64;
    let answers = requests.len();
    println!(
        "{size} bytes, cut {CUTS} times: {answers} answers, {moved} bytes moved, {} per mille",
        moved * 1000 / size
    );
    assert_eq!(requests.len(), CUTS + 1);
    assert!(moved * 100 <= size * 105, "{moved} of {size} bytes");
}

/// What was signed is no worse for it: the place is named that has no room.
#[test]
fn a_directory_without_room_is_named() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("file"), [b'x'; 10]).unwrap();
    let server = Server::of(folder.path().to_owned());
    let root = Root::image(folder.path().to_owned());
    fs::create_dir(folder.path().join("kept")).unwrap();
    for url in [server.url.clone(), format!("file://{}", folder.path().display())] {
        let source = Source::at(&url, &Network::default()).unwrap();
        let partial = Partial::passing(&root, RootedPath::from_trusted("/kept/partial")).unwrap();
        let given = source.deliver("file", 10, &partial, &mut |_, _| -> Result<(), _> {
            let error = std::io::ErrorKind::StorageFull.into();
            Err(qus::trust::TrustError::Write { what: "it".to_owned(), error })
        });
        let Err(Undelivered::File(error)) = given else { panic!("{given:?}") };
        assert!(error.to_string().starts_with("cannot write to \"/kept\": "), "{error}");
        assert_eq!(error.help().as_deref(), Some("free some space: df -h /kept"));
        fs::remove_file(folder.path().join("kept/partial")).unwrap();
    }
}
