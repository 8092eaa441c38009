//! Lists of mounts: a path is what the kernel meant by what it wrote.

use qus::system::mountinfo::Mount;

pub(crate) fn check(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for mount in text.lines().filter_map(Mount::parse) {
        assert!(!mount.point.contains(' ') && !mount.kind.contains(' '));
        let _ = (mount.path(), mount.is_table());
    }
    // Any bytes can be a path; the kernel writes four of them in octal.
    let path = format!("/{}", text.replace('\0', ""));
    let point = path.replace('\\', "\\134").replace(' ', "\\040").replace('\t', "\\011").replace('\n', "\\012");
    let line = format!("36 35 98:0 / {point} rw,noatime shared:1 - ext4 /dev/root rw");
    assert_eq!(Mount::parse(&line).expect("it is a line of the kernel's").path(), path);
}
