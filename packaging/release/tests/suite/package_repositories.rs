//! Folders that apt and dnf install from: what scripts/publish-apt and scripts/publish-dnf make, and the page on them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::book::pages::fences;
use crate::files::Deb;
use crate::workshop::{Workshop, text};

const PAGE: &str = include_str!("../../../../docs/repositories.md");

/// A workshop with `qus-release`, the scripts, and gpg without keys.
struct Publisher {
    workshop: Workshop,
}

impl Publisher {
    fn new() -> Publisher {
        let workshop = Workshop::new();
        workshop.deb("usual.deb", &Deb::new(&["aarch64", "arm"]));
        workshop.import(&["usual.deb"]).unwrap();
        // By the clock: so the page's commands are typed.
        let said = workshop.run(&["publish", "repository", "--key", "index.key"]);
        assert!(said.status.success(), "{}", text(&said.stderr));
        let link = |to: PathBuf, name: &str| std::os::unix::fs::symlink(to, workshop.path(name)).unwrap();
        std::fs::create_dir(workshop.path("bin")).unwrap();
        link(env!("CARGO_BIN_EXE_qus-release").into(), "bin/qus-release");
        link(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../scripts"), "scripts");
        // Nobody is there to be asked for a passphrase.
        workshop.write("gpg/gpg.conf", b"batch\npinentry-mode loopback\npassphrase-file passphrase\n");
        workshop.write("passphrase", b"open sesame\n");
        let publisher = Publisher { workshop };
        publisher.types("chmod 700 gpg");
        publisher
    }

    fn output(&self, script: &str) -> Output {
        self.command(script).output().unwrap()
    }

    fn command(&self, script: &str) -> Command {
        let path = format!("{}:{}", self.workshop.path("bin").display(), std::env::var("PATH").unwrap());
        let mut shell = Command::new("sh");
        shell.args(["-euc", script]).current_dir(self.workshop.path("")).env("PATH", path);
        shell.env("GNUPGHOME", self.workshop.path("gpg")).env_remove("SOURCE_DATE_EPOCH");
        shell
    }

    /// What commands print that must not fail.
    #[track_caller]
    fn types(&self, script: &str) -> String {
        let output = self.output(script);
        assert!(output.status.success(), "{script}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    /// The names of all files in a folder.
    fn files(&self, folder: &str) -> BTreeSet<String> {
        self.types(&format!("cd {folder}; find . -type f")).lines().map(str::to_owned).collect()
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        // Its agent would outlive the folder.
        self.output("gpgconf --kill all");
    }
}

#[test]
fn the_page_on_package_repositories_says_what_works() {
    let publisher = Publisher::new();
    let commands: Vec<_> = fences(PAGE).into_iter().filter(|fence| fence.language == "sh").collect();
    assert_eq!(commands.len(), 6, "{commands:#?}");
    for fence in &commands {
        publisher.types(&fence.text);
    }

    // Both keys signed the lists, of either kind.
    for signed in [
        "--verify apt/dists/stable/InRelease",
        "--verify apt/dists/stable/Release.gpg apt/dists/stable/Release",
        "--verify dnf/repodata/repomd.xml.asc dnf/repodata/repomd.xml",
    ] {
        let said = publisher.types(&format!("gpg --status-fd 1 {signed}"));
        assert_eq!(said.matches("[GNUPG:] GOODSIG ").count(), 2, "{signed}: {said}");
    }
    let release = publisher.types("grep -v '^Date\\|^Valid\\|^ \\|^SHA' apt/dists/stable/Release");
    assert_eq!(
        release,
        "Acquire-By-Hash: yes\nArchitectures: amd64\nCodename: stable\nComponents: main\n\
         Description: qus, and QEMU's emulators for it\nLabel: qus\nOrigin: qus\nSuite: stable\n"
    );
    // All versions of each package stay listed.
    let versions = |listing: String| {
        let mut lines: Vec<String> = listing.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let listed = versions(publisher.types("xzcat apt/dists/stable/main/binary-amd64/Packages.xz | grep ^Filename"));
    let expected = |name: &str, pool: &str| [1, 2, 3].map(|n| format!("{pool}{name}_11.1.3-1~qus{n}_amd64.deb"));
    let names = ["qus-emulator-aarch64", "qus-emulator-arm", "qus-emulators"];
    let in_pool = names.iter().flat_map(|name| expected(name, &format!("Filename: pool/{name}/")));
    assert_eq!(listed, in_pool.collect::<Vec<_>>());
    let primary = "zcat dnf/$(grep -o 'repodata/[^\"]*-primary.xml.gz' dnf/repodata/repomd.xml)";
    let listed = versions(publisher.types(&format!("{primary} | grep -o 'packages/[^\"]*'")));
    let rpm = |name: &&str| [1, 2, 3].map(|n| format!("packages/{name}-11.1.3-1~qus{n}.x86_64.rpm"));
    assert_eq!(listed, names.iter().flat_map(rpm).collect::<Vec<_>>());

    // Every list is there under its hash, and rpm finds the packages signed by the key that clients are given.
    for hash in
        publisher.types("sed -n '/^SHA256:/,/^SHA512:/s/^ \\([0-9a-f]*\\) .*/\\1/p' apt/dists/stable/Release").lines()
    {
        assert!(publisher.workshop.path(&format!("apt/dists/stable/main/binary-amd64/by-hash/SHA256/{hash}")).exists());
    }
    let checked = publisher
        .types("mkdir db; rpmkeys --dbpath $PWD/db --import dnf/qus.asc; rpmkeys --dbpath $PWD/db -K dnf/packages/*");
    assert_eq!(checked.matches(": digests signatures OK\n").count(), 9, "{checked}");

    assert_eq!(
        publisher.workshop.read("dnf/qus.repo"),
        "[qus]\nname=qus, and QEMU's emulators for it\nbaseurl=https://example.org/qus/dnf\nenabled=1\ngpgcheck=1\n\
         repo_gpgcheck=1\ngpgkey=https://example.org/qus/dnf/qus.asc\nmetadata_expire=6h\n"
    );
    let sources = publisher.workshop.read("apt/qus.sources");
    let begin = "Types: deb\nURIs: https://example.org/qus/apt\nSuites: stable\nComponents: main\nSigned-By:\n \
                 -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n ";
    assert!(sources.starts_with(begin), "{sources}");
}

#[test]
fn a_package_that_changed_under_its_name_is_refused_and_nothing_is_changed() {
    let publisher = Publisher::new();
    publisher.types("gpg --quick-generate-key 'T <t@example.org>' rsa2048 sign never");
    publisher.types("qus-release packages repository one --host amd64 --target arm --date 1000000000");
    publisher.types("qus-release packages repository other --host amd64 --target arm --date 1000000001");
    let publish =
        |kind: &str, packages: &str| format!("scripts/publish-{kind} --url file:///x {packages} {kind} t@example.org");
    for kind in ["apt", "dnf"] {
        publisher.types(&publish(kind, "one"));
        let before = publisher.types(&format!("cd {kind}; find . -type f -exec sha256sum {{}} + | sort"));
        let refused = publisher.output(&publish(kind, "other"));
        assert_eq!(refused.status.code(), Some(1));
        let said = text(&refused.stderr);
        assert!(
            said.contains("is there already, and holds something else\nhelp: give it a higher version\n"),
            "{said}"
        );
        assert_eq!(publisher.types(&format!("cd {kind}; find . -type f -exec sha256sum {{}} + | sort")), before);
    }
    // Once more the same: no new files but signatures.
    let files = publisher.files("apt");
    publisher.types(&publish("apt", "one"));
    assert_eq!(publisher.files("apt"), files);
    let files = publisher.files("dnf");
    publisher.types(&publish("dnf", "one"));
    assert_eq!(publisher.files("dnf"), files);
    for (script, code, says) in [
        (
            "scripts/publish-apt --url file:///x one apt nobody@example.org",
            1,
            "error: gpg has no secret key \"nobody@example.org\"",
        ),
        (
            "scripts/publish-dnf --url file:///x one dnf nobody@example.org",
            1,
            "error: gpg has no secret key \"nobody@example.org\"",
        ),
        ("scripts/publish-apt --renew nothing t@example.org", 1, "error: there is nothing to renew in "),
        ("scripts/publish-apt one apt t@example.org", 2, "usage: "),
        ("scripts/publish-dnf one dnf t@example.org", 2, "usage: "),
    ] {
        let output = publisher.output(script);
        assert_eq!(output.status.code(), Some(code), "{script}");
        assert!(text(&output.stderr).starts_with(says), "{script}: {}", text(&output.stderr));
    }
}

/// What a reader finds who read the first list at one moment and fetches what it names at a later one.
fn what_it_names_is_there(folder: &Path, names: impl Iterator<Item = String>) {
    for name in names {
        assert!(folder.join(&name).exists(), "\"{name}\" is not there");
    }
}

#[test]
fn a_reader_in_the_middle_of_publishing_finds_the_old_state_or_the_new_one() {
    let publisher = Publisher::new();
    publisher.types("gpg --quick-generate-key 'T <t@example.org>' rsa2048 sign never");
    for times in [1, 2] {
        publisher.types(&format!("qus-release packages repository {times} --host amd64 --revision {times}"));
    }
    let apt = publisher.workshop.path("apt/dists/stable");
    let dnf = publisher.workshop.path("dnf");
    let in_apt = || {
        let text = std::fs::read_to_string(apt.join("InRelease")).unwrap();
        let sums = text.split_once("\nSHA256:\n").unwrap().1.split_once("\nSHA512:").unwrap().0.to_owned();
        let by_hash = |line: &str| {
            let [hash, _, name] = line.split_whitespace().collect::<Vec<_>>()[..] else { panic!("{line}") };
            format!("{}/by-hash/SHA256/{hash}", name.rsplit_once('/').unwrap().0)
        };
        sums.lines().map(by_hash).collect::<Vec<String>>()
    };
    let in_dnf = || {
        let text = std::fs::read_to_string(dnf.join("repodata/repomd.xml")).unwrap();
        let hrefs = text.split("<location href=\"").skip(1).map(|rest| rest.split_once('"').unwrap().0.to_owned());
        hrefs.collect::<Vec<String>>()
    };
    let publish = |times: u32| {
        format!(
            "scripts/publish-apt --url file:///x {times} apt t@example.org; \
             scripts/publish-dnf --url file:///x {times} dnf t@example.org"
        )
    };
    publisher.types(&publish(1));
    let (mut apt_before, mut dnf_before) = (in_apt(), in_dnf());
    let (first_apt, first_dnf) = (apt_before.clone(), dnf_before.clone());
    let mut publishing = publisher.command(&publish(2)).stderr(Stdio::null()).spawn().unwrap();
    let mut looked = 0;
    let ended = loop {
        let ended = publishing.try_wait().unwrap();
        // What was read a moment ago, and what is read now.
        what_it_names_is_there(&apt, apt_before.iter().cloned());
        what_it_names_is_there(&dnf, dnf_before.iter().cloned());
        (apt_before, dnf_before) = (in_apt(), in_dnf());
        what_it_names_is_there(&apt, apt_before.iter().cloned());
        what_it_names_is_there(&dnf, dnf_before.iter().cloned());
        looked += 1;
        if let Some(ended) = ended {
            break ended;
        }
    };
    assert!(ended.success() && looked > 1, "{ended}, looked {looked} times");
    assert_ne!((&apt_before, &dnf_before), (&first_apt, &first_dnf));
    // Who was slow still finds what the list of before names.
    what_it_names_is_there(&apt, first_apt.into_iter());
    what_it_names_is_there(&dnf, first_dnf.into_iter());
}

/// All files of a folder, with what they hold.
const SUMS: &str = "find . -type f -exec sha256sum {} + | sort";

/// The fingerprints of a folder's keys as machines get them: of whole keys, and of subkeys.
const SHOWN: &str = "gpg --show-keys --with-colons | sed -n 's/^fpr:*//; T; s/:.*//p'";

#[test]
fn a_public_key_of_the_same_name_is_neither_exported_nor_taken_for_ours() {
    let publisher = Publisher::new();
    publisher.types("qus-release packages repository packages --host amd64 --target arm");
    // A key that certifies, with a subkey that signs, among those of an impostor.
    publisher.types("gpg --quick-generate-key 'T Name <t@example.org>' rsa2048 cert never");
    let shown = |of: &str| publisher.types(&format!("{of} | {SHOWN}"));
    let whole = shown("gpg --export").trim().to_owned();
    publisher.types(&format!("gpg --quick-add-key {whole} rsa2048 sign never"));
    let ours = shown("gpg --export");
    assert_eq!(ours.lines().count(), 2, "{ours}");
    publisher.types(
        "mkdir -m 700 impostor; cp gpg/gpg.conf impostor; ours=$GNUPGHOME; export GNUPGHOME=$PWD/impostor; \
         gpg --quick-generate-key 'T Name <t@example.org>' rsa2048 sign never; gpg --export > impostor.pgp; \
         gpg --export-secret-keys > impostor.secret; gpgconf --kill all; GNUPGHOME=$ours gpg --import impostor.pgp",
    );
    assert_eq!(shown("gpg --export 't@example.org'").lines().count(), 3);

    for kind in ["apt", "dnf"] {
        let publish =
            |key: &str| publisher.output(&format!("scripts/publish-{kind} --url file:///x packages {kind} '{key}'"));
        for name in ["t@example.org", "T Name <t@example.org>", &whole] {
            let output = publish(name);
            let said = text(&output.stderr);
            assert!(output.status.success() && said.ends_with(&format!("\nkeys: {whole}\n")), "{said}");
            assert_eq!(shown(&format!("cat {kind}/qus.asc")), ours);
        }
    }
    assert_eq!(shown("sed -n 's/^ \\.\\?//p' apt/qus.sources"), ours);
    // What is signed, by the subkey, holds for who has nothing but what was exported.
    publisher.types(
        "mkdir -m 700 reader db; gpg --homedir reader --import apt/qus.asc; \
         gpg --homedir reader --verify apt/dists/stable/InRelease; \
         gpg --homedir reader --verify dnf/repodata/repomd.xml.asc dnf/repodata/repomd.xml; \
         rpmkeys --dbpath $PWD/db --import dnf/qus.asc; \
         rpmkeys --dbpath $PWD/db --define '_pkgverify_level all' -K dnf/packages/*",
    );

    // Two secret keys of one name: the name says too little.
    publisher.types("gpg --import impostor.secret");
    for kind in ["apt", "dnf"] {
        let before = publisher.types(&format!("cd {kind}; {SUMS}"));
        let refused =
            publisher.output(&format!("scripts/publish-{kind} --url file:///x packages {kind} t@example.org"));
        let said = text(&refused.stderr);
        assert_eq!(refused.status.code(), Some(1), "{said}");
        let [error, help] = said.lines().collect::<Vec<_>>()[..] else { panic!("{said}") };
        assert_eq!(error, "error: gpg has several secret keys \"t@example.org\"");
        assert!(
            help.starts_with("help: name one by its fingerprint, or delete those that are not yours: ")
                && help.contains(&whole),
            "{help}"
        );
        assert_eq!(publisher.types(&format!("cd {kind}; {SUMS}")), before);
        publisher.types(&format!("scripts/publish-{kind} --url file:///x packages {kind} {whole}"));
        assert_eq!(shown(&format!("cat {kind}/qus.asc")), ours);
    }
}

#[test]
fn who_took_our_key_for_a_subkey_of_theirs_is_not_exported() {
    let publisher = Publisher::new();
    publisher.types("qus-release packages repository packages --host amd64 --target arm");
    publisher.types("gpg --quick-generate-key 'T <t@example.org>' rsa2048 cert never");
    let field = |record: &str, number: u32| {
        let listed = "gpg --list-secret-keys --with-colons t@example.org";
        publisher.types(&format!("{listed} | grep -m 1 ^{record}: | cut -d : -f {number}")).trim().to_owned()
    };
    let (ours, grip, made) = (field("fpr", 10), field("grp", 10), field("sec", 6));
    publisher.types(&format!("gpg --quick-add-key {ours} rsa2048 sign never"));
    // It takes no more than our public key, but gpg makes one only for who has the secret one.
    publisher.types(&format!(
        "mkdir -m 700 impostor; cp -r gpg/gpg.conf gpg/private-keys-v1.d impostor; export GNUPGHOME=$PWD/impostor; \
         gpg --faked-system-time '{made}!' --quick-generate-key 'E <e@example.org>' rsa2048 sign never; \
         printf '%s\\n' addkey 13 {grip} s q 0 save | gpg --no-batch --no-tty --expert --command-fd 0 --status-fd 2 \
             --faked-system-time '{made}!' --edit-key e@example.org; \
         gpg --export > impostor.pgp; gpgconf --kill all"
    ));
    publisher.types("gpg --import impostor.pgp");
    let shown = |of: &str| publisher.types(&format!("{of} | {SHOWN}"));
    assert_eq!(shown(&format!("gpg --export {ours}")).matches(&ours).count(), 2);

    let publish = format!("scripts/publish-apt --url file:///x packages apt {ours}");
    let refused = |says: &str| {
        let output = publisher.output(&publish);
        let said = text(&output.stderr);
        assert!(output.status.code() == Some(1) && said.starts_with(says), "{said}");
        assert!(!publisher.workshop.path("apt/qus.asc").exists());
    };
    refused(&format!("error: gpg has several secret keys \"{ours}\"\n"));
    // With the secret key itself elsewhere, and only its subkey at hand, theirs is none that gpg has secrets of.
    publisher.types(&format!("rm gpg/private-keys-v1.d/{grip}.key"));
    refused(&format!("error: gpg also exports other keys than {ours}\n"));
    publisher.types(
        "gpg --yes --delete-keys $(gpg --with-colons --list-keys e@example.org | grep -m 1 ^fpr: | cut -d : -f 10)",
    );
    publisher.types(&publish);
    assert_eq!(shown("cat apt/qus.asc").lines().collect::<Vec<_>>()[0], ours);
    assert_eq!(shown("cat apt/qus.asc").lines().count(), 2);
}

#[test]
fn keys_whose_signatures_machines_would_refuse_are_refused() {
    let publisher = Publisher::new();
    publisher.types("gpg --quick-generate-key 'Old <old@example.org>' rsa2048 sign never");
    publisher.types("gpg --quick-generate-key 'New <new@example.org>' rsa2048 sign never");
    for times in [1, 2] {
        publisher
            .types(&format!("qus-release packages repository {times} --host amd64 --target arm --revision {times}"));
    }
    publisher.types("scripts/publish-apt --url file:///x 1 apt old@example.org");
    publisher.types("scripts/publish-dnf --url file:///x 1 dnf old@example.org");
    let refused = |folder: &str, script: &str, says: &str| {
        let before = publisher.types(&format!("cd {folder}; {SUMS}"));
        let output = publisher.output(script);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.starts_with("error: ") && said.contains(says), "{said}");
        assert_eq!(publisher.types(&format!("cd {folder}; {SUMS}")), before);
    };
    let holds = "/qus.sources\" holds other keys\nhelp: scripts/publish-apt --url URL PACKAGES ";
    refused("apt", "scripts/publish-apt --renew apt new@example.org", holds);
    refused("apt", "scripts/publish-apt --renew apt old@example.org new@example.org", holds);
    publisher.types("scripts/publish-apt --renew apt old@example.org");
    publisher.types("scripts/publish-apt --url file:///x 2 apt old@example.org new@example.org");
    publisher.types("scripts/publish-apt --renew apt new@example.org old@example.org");
    assert_eq!(publisher.types("grep ^URIs: apt/qus.sources"), "URIs: file:///x\n");

    let signed = ".rpm\" is signed by none of these keys\nhelp: name its key also, or delete it\n";
    refused("dnf", "scripts/publish-dnf --url file:///x 2 dnf new@example.org", signed);
    publisher.types("scripts/publish-dnf --url file:///x 2 dnf new@example.org old@example.org");
    publisher.types("rm dnf/packages/*~qus1.*; scripts/publish-dnf --url file:///x 2 dnf new@example.org");
    publisher.types("cp 1/*.rpm dnf/packages");
    refused("dnf", "scripts/publish-dnf --url file:///x 2 dnf new@example.org", signed);
}

#[test]
fn an_architecture_whose_packages_are_all_deleted_has_an_empty_list() {
    let publisher = Publisher::new();
    publisher.types("gpg --quick-generate-key 'T <t@example.org>' rsa2048 sign never");
    publisher.types("qus-release packages repository amd64 --host amd64 --target arm");
    publisher.types(
        "dpkg-deb -R amd64/qus-emulator-arm_*.deb unpacked; mkdir arm64; \
         sed -i 's/^Architecture: amd64$/Architecture: arm64/' unpacked/DEBIAN/control; \
         dpkg-deb --build unpacked arm64/qus-emulator-arm_11.1.3-1~qus1_arm64.deb",
    );
    publisher.types("scripts/publish-apt --url file:///x amd64 apt t@example.org");
    publisher.types("scripts/publish-apt --url file:///x arm64 apt t@example.org");
    let packages = |architecture: &str| {
        let list = format!("xzcat apt/dists/stable/main/binary-{architecture}/Packages.xz | sed -n 's/^Package: //p'");
        publisher.types(&list)
    };
    assert_eq!((packages("amd64"), packages("arm64")), ("qus-emulator-arm\n".into(), "qus-emulator-arm\n".into()));
    publisher.types(
        "find apt/pool -name '*_arm64.deb' -delete; scripts/publish-apt --url file:///x amd64 apt t@example.org",
    );
    assert_eq!((packages("amd64"), packages("arm64")), ("qus-emulator-arm\n".into(), String::new()));
    assert_eq!(publisher.types("grep ^Archi apt/dists/stable/Release"), "Architectures: amd64 arm64\n");
}
