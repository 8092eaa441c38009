//! The book's page on publishing: every command of it is taken from the page, and typed in its order.

use std::process::Command;

use crate::files::{Deb, LOAD, X86_64, control, elf, line};
use crate::workshop::{Workshop, text};

#[path = "../../../../tests/support/book.rs"]
pub(crate) mod pages;

const PAGE: &str = include_str!("../../../../docs/publishing.md");

fn deb(workshop: &Workshop, qemu: &str) {
    let deb = Deb { control: control(&format!("1:{qemu}+ds-1"), "amd64"), ..Deb::new(&[]) };
    let deb = deb.with("usr/bin/qemu-arm", elf(X86_64, LOAD, &line("arm", qemu)));
    workshop.deb(&format!("qemu-user_{qemu}+ds-1_amd64.deb"), &deb);
}

#[test]
fn the_page_on_publishing_says_what_works() {
    let workshop = Workshop::empty();
    deb(&workshop, "11.1.3");
    deb(&workshop, "11.1.4");
    workshop.write("forged.tar.zst", b"what a thief had signed");
    workshop.write("qus/packaging/trust/root.json", b"null");
    let bin = workshop.path("bin");
    std::fs::create_dir(&bin).unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_qus-release"), bin.join("qus-release")).unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());

    let mut said = String::new();
    let commands: Vec<_> = pages::fences(PAGE).into_iter().filter(|fence| fence.language == "sh").collect();
    assert!(commands.len() > 10, "{commands:#?}");
    for fence in commands {
        let output = Command::new("sh")
            .args(["-euc", &fence.text])
            .current_dir(workshop.path(""))
            .env("PATH", &path)
            .env("QUS_RELEASE_PASSPHRASE", "open sesame")
            .env_remove("SOURCE_DATE_EPOCH")
            .output()
            .unwrap();
        assert!(output.status.success(), "{}: {}{}", fence.heading, fence.text, text(&output.stderr));
        said = text(&output.stdout);
    }
    let built_in = qus::trust::trusted(&workshop.read("qus/packaging/trust/root.json"), []).unwrap();
    assert_eq!(built_in.keys().collect::<Vec<_>>(), ["https://example.org/qus"]);
    // The first, the next year's, those of the index, release and root key, and the revocation.
    assert!(said.lines().last().unwrap().starts_with("authentic: root 6, index "), "{said}");
}
