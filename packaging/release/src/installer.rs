//! The repository's `install.sh`: `scripts/install.sh` with what it is to install written into it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use qus::release::{Tool, ToolArchive};
use qus::tool::is_prerelease;
use qus::trust::{Anchor, Archive, Key, MINISIG_MAX, ROOT_MAX, Root};

use crate::error::Error;
use crate::repository::{ANCHOR_FILE, Repository};

/// Its name in a repository.
pub const INSTALLER_FILE: &str = "install.sh";

const TEMPLATE: &str = include_str!("../../../scripts/install.sh");

/// The script for the newest of `tools` that is not withdrawn; they were checked by `root`. None if there are none, or nobody says where
/// readers find the repository.
pub fn script(repository: &Repository, tools: &[Tool], root: &Root) -> Result<Option<String>, Error> {
    let mut offered = tools.iter().filter(|tool| tool.withdrawn.is_none());
    let newest = offered.clone().find(|tool| !is_prerelease(&tool.version)).or(offered.next());
    let (Some(tool), Some(anchor)) = (newest, repository.read(ANCHOR_FILE, 4 * ROOT_MAX)?) else { return Ok(None) };
    let url = Anchor::parse(ANCHOR_FILE, &anchor)?.repository;
    // It stands between single quotes of a shell.
    if !url.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!&()*+,;=%".contains(&byte)) {
        let why = format!("\"{url}\" is no URL that can be written into a script");
        return Err(Error::Malformed { path: repository.file(ANCHOR_FILE), why });
    }
    let mut lines = Vec::new();
    for archive in tool.archives.iter().filter(|archive| archive.file == ToolArchive::tgz_name(archive.host)) {
        let key = signer(repository, tool, archive, root)?;
        lines.push(format!("{} {} {} {}", archive.host, archive.size, archive.sha256, key.as_str()));
    }
    let script = TEMPLATE.replace("@URL@", &url).replace("@VERSION@", tool.version.as_str());
    Ok(Some(script.replace("@ARCHIVES@", &lines.join("\n"))))
}

/// The release key whose number the archive's signature bears. The signature was checked before: if it were
/// another key's, whoever runs the script would be told so.
fn signer(repository: &Repository, tool: &Tool, archive: &ToolArchive, root: &Root) -> Result<Key, Error> {
    let file = format!("{}/{}.minisig", ToolArchive::folder(&tool.version), archive.file);
    let text = repository.read(&file, MINISIG_MAX)?.unwrap_or_default();
    // Behind two letters for the algorithm, in keys and signatures alike.
    let number = |line: &str| BASE64.decode(line).ok().and_then(|bytes| bytes.get(2..10).map(<[u8]>::to_vec));
    let wanted = text.lines().nth(1).and_then(number);
    let mut keys = root.roles.release.keys.values();
    let signer = keys.find(|key| wanted.is_some() && number(key.as_str()) == wanted);
    let why = "no release key of the newest root has its number".to_owned();
    signer.cloned().ok_or_else(|| Error::Malformed { path: repository.file(&file), why })
}
