//! The window of `update --scheduled`, in local time.

use std::fs;

use crate::support::machine::{Image, Said, qus};
use crate::support::publisher::now;

/// Runs it where local time is that many hours before UTC.
fn update(image: &Image, behind: u32, words: &[&str]) -> Said {
    let mut command = qus();
    command.arg("--root").arg(image.root()).args(["update", "--scheduled"]).args(words);
    Said::by(command.env("TZ", format!("TST{behind}")).output().unwrap())
}

#[test]
fn outside_of_the_window_nothing_is_done_and_that_is_no_failure() {
    let mut image = Image::trusting(&["aarch64"]);
    image.run(&["install", "aarch64"]).expect(0, &[]);
    image.publisher.index.serial += 1;
    image.publisher.add_release("11.1.4-1", &["aarch64"]);
    image.publisher.publish();
    // From six hours ago to in six hours, by UTC: nobody waits that long in between.
    let hour = now().0 / 3600 % 24;
    let window = format!("{:02}:00-{:02}:00", (hour + 18) % 24, (hour + 6) % 24);
    fs::write(image.root().join("etc/qus/config.toml"), format!("[update]\nwindow = \"{window}\"\n")).unwrap();
    let before = image.tree();
    let said = update(&image, 12, &[]).expect(0, &[&format!("nothing is done now: the window is {window}")]);
    assert_eq!(said.stdout, "");
    let said = update(&image, 12, &["--quiet"]).expect(0, &[]);
    assert_eq!((said.stdout.as_str(), said.stderr.as_str()), ("", ""));
    assert_eq!(image.tree(), before);
    update(&image, 0, &["--check"]).expect(100, &["aarch64 11.1.3-1 -> 11.1.4-1"]);
    update(&image, 0, &[]).expect(0, &["aarch64 11.1.3-1 -> 11.1.4-1"]);
}
