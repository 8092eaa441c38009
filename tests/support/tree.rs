//! A whole directory tree as a value, so that "touches nothing else" is always tested.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Path below the root -> mode, owner and content.
pub(crate) type Tree = BTreeMap<String, String>;

pub(crate) fn tree(root: &Path) -> Tree {
    tree_without(root, &|_| false)
}

/// The same without the paths that `skip` names, and all below them.
pub(crate) fn tree_without(root: &Path, skip: &dyn Fn(&str) -> bool) -> Tree {
    let mut tree = Tree::new();
    walk(root, root, skip, &mut tree);
    tree
}

fn walk(root: &Path, directory: &Path, skip: &dyn Fn(&str) -> bool, tree: &mut Tree) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(root).unwrap().display().to_string();
        if skip(&name) {
            continue;
        }
        let metadata = fs::symlink_metadata(&path).unwrap();
        let content = if metadata.is_symlink() {
            format!("-> {}", fs::read_link(&path).unwrap().display())
        } else if metadata.is_file() {
            let bytes = fs::read(&path).unwrap();
            match String::from_utf8(bytes) {
                Ok(text) if text.len() < 4096 => text,
                Ok(text) => format!("{} characters of text, {}", text.len(), hash(text.as_bytes())),
                Err(error) => format!("{} bytes, {}", error.as_bytes().len(), hash(error.as_bytes())),
            }
        } else {
            String::new()
        };
        tree.insert(name, format!("{:o} {}:{} {content}", metadata.mode(), metadata.uid(), metadata.gid()));
        if metadata.is_dir() {
            walk(root, &path, skip, tree);
        }
    }
}

fn hash(bytes: &[u8]) -> String {
    use sha2::Digest;
    qus::hex::encode(&sha2::Sha256::digest(bytes))
}

/// The same without what is remembered of repositories.
pub(crate) fn without_memory(mut tree: Tree) -> Tree {
    tree.remove("var/lib/qus/trust.json");
    tree
}
