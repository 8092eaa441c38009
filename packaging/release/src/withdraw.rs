//! `qus-release withdraw`: a version that nobody is to install any more. The next index says so.

use qus::release::{RELEASE_FILE, TOOL_FILE, ToolArchive};
use qus::trust::Archive;
use serde::Serialize;

use crate::cli::WithdrawArgs;
use crate::error::Error;
use crate::repository::Repository;

/// Marks the version, of emulators or of qus itself, or takes the mark away.
///
/// # Atomicity
///
/// The version's list appears whole, in the place of the one before.
pub fn run(args: &WithdrawArgs) -> Result<(), Error> {
    let repository = Repository::lock(&args.repository)?;
    if args.tool {
        let folder = ToolArchive::folder(&args.version);
        let mut tool = repository.tool(&folder)?.ok_or_else(|| Error::NoSuchTool(args.version.clone()))?;
        tool.withdrawn.clone_from(&args.why);
        return put(&repository, format!("{folder}/{TOOL_FILE}"), &tool);
    }
    let release = repository.release(args.version.as_str())?;
    let mut release = release.ok_or_else(|| Error::NoSuchVersion(args.version.clone()))?;
    release.withdrawn.clone_from(&args.why);
    put(&repository, format!("{}/{RELEASE_FILE}", args.version), &release)
}

fn put(repository: &Repository, name: String, list: &impl Serialize) -> Result<(), Error> {
    let malformed =
        |error: serde_json::Error| Error::Malformed { path: repository.file(&name), why: error.to_string() };
    let text = serde_json::to_string_pretty(list).map_err(malformed)? + "\n";
    let staging = repository.staging()?;
    // Its folder in the staging area is made with it.
    staging.file(&name)?;
    staging.write(&name, &text)?;
    staging.place(&[name])
}
