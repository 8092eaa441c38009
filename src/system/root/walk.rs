//! Where paths lead: on the running system as the kernel goes, in an image never out of it.

use std::fs;
use std::path::PathBuf;

use super::Root;
use crate::rooted::RootedPath;

impl Root {
    /// Where `path` lies in the file system of this process. In an image, symbolic links on the way
    /// are followed as the image itself would follow them, never out of it; the last name is not
    /// followed.
    pub fn locate(&self, path: &RootedPath) -> PathBuf {
        self.walk(path.as_str())
    }

    /// Walks down any path, `.` and `..` in it too.
    fn walk(&self, path: &str) -> PathBuf {
        /// As many links as the kernel follows (`MAXSYMLINKS`, Linux tag v6.12, `include/linux/namei.h`).
        const LINKS_MAX: usize = 40;
        if self.is_system() {
            return PathBuf::from(path);
        }
        let names = |path: &str| -> Vec<String> {
            path.split('/').rev().filter(|name| !matches!(*name, "" | ".")).map(str::to_owned).collect()
        };
        let mut waiting = names(path);
        let mut at = PathBuf::new();
        let mut links = 0;
        while let Some(name) = waiting.pop() {
            if name == ".." {
                at.pop();
                continue;
            }
            let next = at.join(&name);
            let link = (!waiting.is_empty()).then(|| fs::read_link(self.directory.join(&next)).ok()).flatten();
            let Some(link) = link else {
                at = next;
                continue;
            };
            links += 1;
            match link.to_str() {
                Some(target) if links <= LINKS_MAX => {
                    if target.starts_with('/') {
                        at = PathBuf::new();
                    }
                    waiting.extend(names(target));
                }
                // What is not followed here must not be followed by the kernel, which would leave the image: no path has
                // a zero in it, and whoever opens this, or its parent, fails.
                _ => return self.directory.join("\0/\0"),
            }
        }
        self.directory.join(at)
    }

    /// Where `path` leads, a link at its end followed too.
    pub fn follow(&self, path: &RootedPath) -> PathBuf {
        // On the way to something below it a link is no last name.
        let mut place = self.locate(&path.join("below"));
        place.pop();
        place
    }

    /// Where any path leads that a program of the system may name: `.` and `..` may be in it, and a relative one is one
    /// from the root directory.
    pub fn follow_any(&self, path: &str) -> PathBuf {
        if self.is_system() {
            return PathBuf::from(path);
        }
        let mut place = self.walk(&format!("{path}/below"));
        place.pop();
        place
    }
}
