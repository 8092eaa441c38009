//! A server that lies: each answer is told apart, and nothing is changed.

use std::fs;
use std::time::Duration;

use qus::system::fetch::{FetchError, Limits, Network, Source};
use tempfile::TempDir;

use crate::support::machine::Image;
use crate::support::publisher::Publisher;
use crate::support::server::{Answer, Server};

const INSTALL: [&str; 2] = ["install", "aarch64"];
const ASSET: &str = "aarch64-static_amd64.tar.zst";

/// An image that trusts a repository behind a server, the server, and the repository's folder.
pub(super) fn served() -> (Image, Server, TempDir) {
    let folder = TempDir::new().unwrap();
    let server = Server::of(folder.path().to_owned());
    let image = Image::at_url(Some(&server.url), |_, url| Publisher::usual(folder.path(), url, &["aarch64"]));
    (image, server, folder)
}

/// As patient as a test.
pub(super) fn hasty() -> Limits {
    Limits {
        document: Duration::from_secs(2),
        window: Duration::from_millis(500),
        backoff: Duration::from_millis(1),
        ..Limits::default()
    }
}

/// What a source with a file of 4096 bytes, `file`, says when the server answers so.
fn get(answer: Answer) -> (Result<Vec<u8>, FetchError>, Server) {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("file"), [b'x'; 4096]).unwrap();
    let server = Server::of(folder.path().to_owned());
    server.answer("file", answer);
    let network = Network { limits: hasty(), ..Network::default() };
    let got = Source::at(&server.url, &network).unwrap().get("file", 8192);
    (got, server)
}

fn variant(error: &FetchError) -> String {
    let text = format!("{error:?}");
    text.chars().take_while(char::is_ascii_alphanumeric).collect()
}

#[test]
fn every_answer_has_its_own_error() {
    let page = |kind| Answer::Page { kind };
    let rows = [
        ("not there", Answer::Status("404 Not Found"), "NotFound"),
        ("gone", Answer::Status("410 Gone"), "NotFound"),
        ("refused", Answer::Status("403 Forbidden"), "Forbidden"),
        ("a login", Answer::Status("401 Unauthorized"), "Forbidden"),
        ("a proxy's login", Answer::Status("407 Proxy Authentication Required"), "ProxyLogin"),
        ("a network's login", Answer::Status("511 Network Authentication Required"), "WebPage"),
        ("a teapot", Answer::Status("418 I'm a teapot"), "Status"),
        ("a part that nobody asked for", Answer::Status("206 Partial Content"), "WrongPart"),
        ("unchanged, of what nobody has", Answer::Status("304 Not Modified"), "Status"),
        ("busy", Answer::Status("503 Service Unavailable"), "Busy"),
        ("too many", Answer::Status("429 Too Many Requests"), "Busy"),
        ("come back tomorrow", Answer::Status("503 Service Unavailable\r\nRetry-After: 86400"), "Busy"),
        ("a captive portal", page("text/html; charset=utf-8"), "WebPage"),
        ("a captive portal that says it is none", page("application/octet-stream"), "WebPage"),
        ("endless", Answer::Endless, "TooLong"),
        ("half of it", Answer::Half, "Cut"),
        ("byte by byte", Answer::Drip(Duration::from_millis(100)), "Late"),
        ("nothing", Answer::Silence, "Late"),
        ("elsewhere, without encryption", Answer::Redirect("http://example.org/".to_owned()), "InsecureRedirect"),
        ("in a circle", Answer::Redirect("/file".to_owned()), "Redirects"),
    ];
    for (row, answer, expected) in rows {
        let error = get(answer).0.expect_err(row);
        assert_eq!(variant(&error), expected, "{row}: {error}");
    }
}

#[test]
fn what_passes_is_asked_for_again_five_times_in_all_and_what_does_not_once() {
    let rows = [
        ("500 Internal Server Error", 5),
        ("502 Bad Gateway", 5),
        ("503 Service Unavailable", 5),
        ("429 Too Many Requests", 5),
        ("408 Request Timeout", 5),
        ("404 Not Found", 1),
        ("403 Forbidden", 1),
        ("400 Bad Request", 1),
        // Longer than anybody waits.
        ("503 Service Unavailable\r\nRetry-After: 121", 1),
        ("503 Service Unavailable\r\nRetry-After: Fri, 31 Dec 2100 23:59:59 GMT", 1),
    ];
    for (status, expected) in rows {
        let (got, server) = get(Answer::Status(status));
        got.expect_err(status);
        assert_eq!(server.asked().len(), expected, "{status}");
    }
}

#[test]
fn a_server_that_was_busy_for_a_moment_is_waited_for() {
    let (image, server, _folder) = served();
    let busy = Answer::Status("503 Service Unavailable\r\nRetry-After: 1");
    server.answer("index.qus", Answer::each(vec![busy, Answer::File]));
    image
        .run(&INSTALL)
        .expect(0, &["note: the server answered 503", "asks to come again in 1 seconds; trying again in"]);
    assert_eq!(server.requests_for("index.qus").len(), 2);
}

#[test]
fn a_server_that_asks_for_a_day_is_not_waited_for() {
    let (image, server, _folder) = served();
    server.answer("index.qus", Answer::Status("503 Service Unavailable\r\nRetry-After: 86400"));
    image.run_in_vain(&INSTALL).expect(7, &["asks to come again in 86400 seconds", "help: try again later"]);
    assert_eq!(server.requests_for("index.qus").len(), 1);
}

#[test]
fn every_file_of_a_repository_may_be_endless_and_none_is_read_to_its_end() {
    let rows = [
        ("root.2.json", "is longer than 65536 bytes"),
        ("index.qus", "is longer than 4194304 bytes"),
        ("tar.zst.minisig", "is longer than 2048 bytes"),
        (ASSET, "bytes that were signed"),
    ];
    for (file, words) in rows {
        let (image, server, _folder) = served();
        server.answer(file, Answer::Endless);
        image.run_in_vain(&INSTALL).expect(3, &[words]);
    }
}

#[test]
fn every_file_of_a_repository_may_be_a_captive_portals_page() {
    for file in ["root.2.json", "index.qus", "tar.zst.minisig", ASSET] {
        for kind in ["text/html", "application/octet-stream"] {
            let (image, server, _folder) = served();
            server.answer(file, Answer::Page { kind });
            let says = ["is a web page, not the file that was asked for", "help: log in to the network first"];
            image.run_in_vain(&INSTALL).expect(7, &says);
        }
    }
}

#[test]
fn a_length_that_is_a_lie() {
    let (image, server, _folder) = served();
    let size = fs::metadata(image.publisher.asset_path("aarch64")).unwrap().len();
    let short = usize::try_from(size).unwrap() - 10;
    server.answer(ASSET, Answer::Length(short));
    image.run_in_vain(&INSTALL).expect(3, &[&format!("ends after {short} of {size} bytes")]);
    server.answer(ASSET, Answer::Longer);
    image.run_in_vain(&INSTALL).expect(3, &[&format!("is longer than the {size} bytes that were signed")]);
}

#[test]
fn a_store_that_answers_403_to_whatever_it_does_not_have_can_be_installed_from() {
    let (image, server, _folder) = served();
    server.answer("root.2.json", Answer::Status("403 Forbidden"));
    image.run(&INSTALL).expect(0, &["installed"]);
    let (image, server, _folder) = served();
    server.answer("index.qus", Answer::Status("403 Forbidden"));
    image.run_in_vain(&INSTALL).expect(7, &["the server does not let this machine have", "403 Forbidden"]);
}

#[test]
fn a_redirect_to_a_place_without_encryption_is_not_followed() {
    for file in ["root.2.json", "index.qus", "tar.zst.minisig", ASSET] {
        let (image, server, _folder) = served();
        server.answer(file, Answer::Redirect("http://example.org/x".to_owned()));
        image.run_in_vain(&INSTALL).expect(7, &["leads to \"http://example.org/x\", a place without encryption"]);
    }
}

#[test]
fn an_index_that_is_still_the_known_one_is_not_sent_again() {
    for validator in ["ETag: \"one\"", "ETag: W/\"one\"", "Last-Modified: Sat, 01 Aug 2026 10:00:00 GMT"] {
        let (mut image, server, _folder) = served();
        fs::create_dir_all(image.root().join("var/cache")).unwrap();
        let before = image.tree();
        server.answer("index.qus", Answer::Parts { validator });
        image.run(&INSTALL).expect(0, &["installed"]);
        server.forget();
        image.run(&INSTALL).expect(0, &["nothing to do"]);
        let sent: u64 = server.asked().iter().map(|(_, sent)| sent).sum();
        assert!(sent < 100, "{validator}: {:?}", server.asked());

        // A damaged one is fetched again, and so is a new one.
        let kept = image.root().join("var/cache/qus/index.json");
        let text = fs::read_to_string(&kept).unwrap();
        fs::write(&kept, text.replace("stable", "stabel")).unwrap();
        image.run(&INSTALL).expect(0, &["nothing to do"]);
        image.publisher.index.serial += 1;
        image.publisher.publish();
        server.answer("index.qus", Answer::Parts { validator: "ETag: \"two\"" });
        image.run(&INSTALL).expect(0, &["nothing to do"]);
        assert!(fs::read_to_string(&kept).unwrap().contains("two"), "the new one is kept");

        image.run(&["remove", "all"]).expect(0, &[]);
        assert_eq!(image.tree(), before, "{validator}");
    }
}

#[test]
fn a_dry_run_keeps_nothing() {
    let (image, server, _folder) = served();
    fs::create_dir_all(image.root().join("var/cache")).unwrap();
    server.answer("index.qus", Answer::Parts { validator: "ETag: \"one\"" });
    image.run_in_vain(&["install", "--dry-run", "aarch64"]).expect(0, &[]);
}
