//! The loader's configuration in a root directory that is anybody's: nothing outside of it is looked at.

use qus::system::libraries::configured_directories;
use qus::system::root::Root;

use super::scratch::with_file;

pub(crate) fn check(bytes: &[u8]) {
    with_file("etc/ld.so.conf", bytes, |folder| {
        let root = Root::image(folder.to_owned());
        let directories = configured_directories(&|path| {
            let place = root.follow_any(path);
            assert!(place.starts_with(folder), "\"{path}\" leads to \"{}\"", place.display());
            place
        });
        assert!(directories.iter().all(|directory| directory.starts_with('/') && !directory.contains(['\n', ' '])));
    });
}
