//! The administrator's settings.

use std::fs;
use std::path::Path;

use qus::channel::Channel;
use qus::settings::{Settings, UpdateSettings, Window};

use crate::support::machine::Image;

#[test]
fn what_the_file_does_not_say_is_as_by_default() {
    assert_eq!(Settings::parse("").unwrap(), Settings::default());
    assert_eq!(Settings::default().keep.versions(), 2);
    assert_eq!(Settings::parse("keep = 1").unwrap().keep.versions(), 1);
    let window = Settings::parse("[update]\nwindow = \"02:00-05:30\"").unwrap().update.window.unwrap();
    assert!(window.is_open(120) && window.is_open(329) && !window.is_open(330) && !window.is_open(119));
}

#[test]
fn a_window_may_go_past_midnight() {
    let window = Window::try_from("22:00-04:00".to_owned()).unwrap();
    assert!(window.is_open(22 * 60) && window.is_open(0) && !window.is_open(4 * 60) && !window.is_open(12 * 60));
    for bad in ["", "2-5", "02:00", "24:00-01:00", "02:60-03:00", "02:00-02:00", "2:00-03:00"] {
        assert!(Window::try_from(bad.to_owned()).is_err(), "{bad}");
    }
}

#[test]
fn a_word_that_it_does_not_know_is_wrong_usage_and_nothing_is_done() {
    let image = Image::trusting(&["aarch64"]);
    for (text, says) in [("repositry = \"x\"", "repositry"), ("keep = 0", "keep = 0"), ("repository = ", "line 1")] {
        fs::write(image.root().join("etc/qus/config.toml"), text).unwrap();
        let said = image.run_in_vain(&["install", "aarch64"]);
        said.expect(2, &["/etc/qus/config.toml", says, "help: it knows repository, mirrors"]);
    }
}

#[test]
fn the_repository_that_it_names_is_the_one_of_several_that_is_meant() {
    let image = Image::trusting(&["aarch64"]);
    let other = Image::trusting(&["arm"]);
    let anchor = other.root().join("etc/qus/trust.d/test.json");
    fs::copy(anchor, image.root().join("etc/qus/trust.d/other.json")).unwrap();
    image.run_in_vain(&["install", "arm"]).expect(2, &["name the one that is meant"]);
    let settings = format!("repository = \"{}\"", other.publisher.url);
    fs::write(image.root().join("etc/qus/config.toml"), settings).unwrap();
    image.run(&["install", "arm"]).expect(0, &[]);
}

/// Every setting stands in the file that packages bring, and with all comments taken off it is understood. A setting that
/// it lacks breaks this test, for it has to be named here.
#[test]
fn the_file_of_the_packages_tells_every_setting_and_changes_none() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/config.toml");
    let text = fs::read_to_string(file).unwrap();
    assert_eq!(Settings::parse(&text).unwrap(), Settings::default());
    let is_setting = |line: &&str| line.starts_with('#') && !line.starts_with("# ");
    let settings: Vec<&str> = text.lines().filter(is_setting).map(|line| &line[1..]).collect();
    let Settings { repository, mirrors, channel, ca, proxy, keep, update: UpdateSettings { window } } =
        Settings::parse(&settings.join("\n")).unwrap();
    let names: Vec<&str> = settings.iter().filter_map(|line| Some(line.split_once(" = ")?.0)).collect();
    assert_eq!(names, ["repository", "mirrors", "channel", "ca", "proxy", "keep", "window"]);
    // Examples, where there is no default.
    assert!(repository.is_some() && ca.is_some() && proxy.is_some() && window.is_some());
    let default = Settings::default();
    assert_eq!((mirrors, channel, keep), (default.mirrors, Some(Channel::default()), default.keep));
}
