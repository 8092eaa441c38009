//! What is not qus's own to replace it does not, and says who does.

use crate::support::machine::{Said, qus};
use crate::support::tools::{PATH, Standalone, real};
use crate::support::tree::without_memory;

/// Where nothing else lies.
const APART: &str = "/usr/local/lib/apps/qus";

#[test]
fn a_copy_that_nobody_wrote_down_is_refused() {
    Said::by(qus().arg("self-update").output().unwrap())
        .expect(8, &["was installed is not known, so it is not replaced", "cargo install qus", "install.sh | sudo sh"]);
    let mut machine = Standalone::new();
    machine.offer("0.9.9", &real("0.9.9"));
    for script in [
        "rm /var/lib/qus/self.json",
        "echo nonsense > /var/lib/qus/self.json",
        "sed -i s,/usr/local/bin/qus,/usr/local/bin/other, /var/lib/qus/self.json; cp /usr/local/bin/qus /usr/local/bin/other",
        "sed -i 's/\"schema\": 1/\"schema\": 2/' /var/lib/qus/self.json",
    ] {
        machine.write_receipt(PATH);
        machine.sandbox.shell(script).expect(0, &[]);
        for words in [&["self-update"][..], &["self-update", "--check"], &["self-update", "--rollback"]] {
            machine.in_vain(words).expect(8, &["how \"/usr/local/bin/qus\" was installed is not known"]);
        }
    }
}

#[test]
fn a_file_that_somebody_else_put_there_since_is_refused() {
    let mut machine = Standalone::new();
    machine.offer("0.9.9", &real("0.9.9"));
    machine.put(PATH, &real("0.1.1"));
    machine.in_vain(&["self-update"]).expect(8, &["is not the file that qus's own installation put there"]);
}

#[test]
fn a_copy_of_the_machines_is_no_users_to_replace() {
    let mut machine = Standalone::new();
    machine.offer("0.9.9", &real("0.9.9"));
    machine.sandbox.shell("mkdir /usr/local/lib/home").expect(0, &[]);
    let before = machine.tree();
    let mine =
        |words: &str| machine.sandbox.shell(&format!("HOME=/usr/local/lib/home {PATH} self-update --user {words}"));
    for words in ["", "--check", "--rollback"] {
        let said = mine(words).expect(8, &["\"/usr/local/bin/qus\" is the whole machine's, and not this user's own"]);
        assert!(said.stderr.ends_with("help: as root, and without --user: sudo qus self-update\n"), "{said:#?}");
    }
    assert_eq!(machine.tree(), before);
    // What is written down is not what lies there: that is nobody's.
    machine.sandbox.shell("sed -i 's/\"sha256\": \"./\"sha256\": \"/' /var/lib/qus/self.json").expect(0, &[]);
    mine("").expect(8, &["how \"/usr/local/bin/qus\" was installed is not known"]);
}

#[test]
fn a_copy_of_dpkgs_is_refused_with_the_command_of_apt() {
    let mut machine = Standalone::new();
    machine.offer("0.9.9", &real("0.9.9"));
    machine
        .sandbox
        .shell(&format!(
            "mkdir -p /var/lib/dpkg/info; cd /var/lib/dpkg/info
             printf '/.\\n/usr/local/bin/qus-doc\\n' > other.list; printf '/.\\n/usr\\n{PATH}\\n' > qus:amd64.list"
        ))
        .expect(0, &[]);
    let said = machine.in_vain(&["self-update"]).expect(8, &["\"/usr/local/bin/qus\" is managed by apt"]);
    assert!(said.stderr.ends_with("help: apt install --only-upgrade qus\n"), "{said:#?}");
    machine.sandbox.shell("rm /var/lib/dpkg/info/qus:amd64.list").expect(0, &[]);
    machine.qus(&["self-update"]).expect(0, &[]);
}

#[test]
fn a_package_that_knows_it_by_the_short_name_of_its_directory_owns_it_too() {
    let machine = Standalone::at("/usr/bin/qus");
    machine.sandbox.shell("mkdir -p /var/lib/dpkg/info; echo /bin/qus > /var/lib/dpkg/info/qus.list").expect(0, &[]);
    machine.sandbox.run("/usr/bin/qus", &["self-update"]).expect(8, &["managed by apt"]);
}

#[test]
fn a_package_of_another_manager_says_so_in_a_file() {
    let marker = "manager = \"pacman\"\ncommand = \"pacman -Syu qus\"\n";
    let machine = Standalone::at("/usr/bin/qus");
    let mark =
        format!("mkdir -p /usr/lib/qus; printf '{}' > /usr/lib/qus/install-source.toml", marker.replace('\n', "\\n"));
    machine.sandbox.shell(&mark).expect(0, &[]);
    let said = machine
        .sandbox
        .run("/usr/bin/qus", &["self-update"])
        .expect(8, &["managed by pacman", "help: pacman -Syu qus"]);
    assert_eq!(said.stdout, "");
    machine.sandbox.shell("echo nonsense > /usr/lib/qus/install-source.toml").expect(0, &[]);
    machine.sandbox.run("/usr/bin/qus", &["self-update"]).expect(8, &["see /usr/lib/qus/install-source.toml"]);

    // What the administrator put elsewhere is not that package's.
    let mut machine = Standalone::new();
    machine.offer("0.9.9", &real("0.9.9"));
    machine.sandbox.shell(&mark).expect(0, &[]);
    machine.qus(&["self-update"]).expect(0, &[]);
}

#[test]
fn a_copy_of_rpms_is_refused_with_the_command_of_its_manager() {
    let mut machine = Standalone::at(APART);
    machine.offer("0.9.9", &real("0.9.9"));
    let folder = machine.image.folder.path().display().to_string();
    let spec = format!(
        "Name: qus\nVersion: 1\nRelease: 1\nSummary: qus\nLicense: MIT\nBuildArch: noarch\n%description\nqus\n\
         %install\nmkdir -p %{{buildroot}}/usr/local/lib/apps\ntouch %{{buildroot}}{APART}\n%files\n{APART}\n"
    );
    std::fs::write(machine.image.folder.path().join("qus.spec"), spec).unwrap();
    // A home of its own: Debian's rpm has its database there.
    let script = format!(
        "export HOME={folder}
         rpmbuild --quiet -bb --define '_topdir {folder}/rpm' {folder}/qus.spec
         rpm --install --justdb --nodeps {folder}/rpm/RPMS/noarch/qus-1-1.noarch.rpm
         {APART} self-update"
    );
    let before = machine.tree();
    let said = machine.sandbox.shell(&script).expect(8, &["is managed by dnf"]);
    assert!(said.stderr.ends_with("help: dnf upgrade qus\n"), "{said:#?}");
    assert_eq!(machine.tree(), before);

    // Where rpm has no database, none is made by asking.
    machine
        .sandbox
        .shell(&format!("mkdir {folder}/home; HOME={folder}/home {APART} self-update --dry-run"))
        .expect(0, &[]);
    assert_eq!(std::fs::read_dir(machine.image.folder.path().join("home")).unwrap().count(), 0);
}

#[test]
fn a_copy_in_a_container_is_its_images() {
    let mut machine = Standalone::new();
    machine.offer("0.9.9", &real("0.9.9"));
    machine.sandbox.shell("mkdir -p /run/host; echo podman > /run/host/container-manager").expect(0, &[]);
    // A process namespace of its own is what makes the mark one of a container, and not of a machine made from an image.
    let before = machine.tree();
    machine
        .sandbox
        .run("unshare", &["--pid", "--fork", PATH, "self-update"])
        .expect(8, &["came with the image of a container (podman)", "help: pull a newer image"]);
    assert_eq!(machine.tree(), before);
}

#[test]
fn who_may_not_write_is_told_to_become_root() {
    let mut machine = Standalone::new();
    machine.offer("0.9.9", &real("0.9.9"));
    let before = without_memory(machine.tree());
    let without_rights = |words: &[&str]| {
        let words = [&["--bounding-set=-all", PATH, "self-update"], words].concat();
        machine.sandbox.run("setpriv", &words)
    };
    machine.sandbox.shell("chmod 555 /usr/local/bin /run").expect(0, &[]);
    without_rights(&["--check"]).expect(100, &["qus 0.9.9 is there"]);
    without_rights(&[]).expect(9, &["run the command as root"]);
    machine.sandbox.shell("chmod 755 /run").expect(0, &[]);
    without_rights(&[]).expect(9, &["/usr/local/bin"]);
    machine.sandbox.shell("chmod 755 /usr/local/bin").expect(0, &[]);
    assert_eq!(without_memory(machine.tree()), before);
}
