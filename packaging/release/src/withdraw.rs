//! `qus-release withdraw`: a version that nobody is to install any more. The next index says so.

use qus::release::{RELEASE_FILE, Release};

use crate::cli::WithdrawArgs;
use crate::error::Error;
use crate::repository::Repository;

/// Marks the release, or takes the mark away.
///
/// # Atomicity
///
/// The release's list appears whole, in the place of the one before.
pub fn run(args: &WithdrawArgs) -> Result<Release, Error> {
    let repository = Repository::lock(&args.repository)?;
    let release = repository.release(args.version.as_str())?;
    let mut release = release.ok_or_else(|| Error::NoSuchVersion(args.version.clone()))?;
    release.withdrawn.clone_from(&args.why);
    let name = format!("{}/{RELEASE_FILE}", args.version);
    let malformed =
        |error: serde_json::Error| Error::Malformed { path: repository.file(&name), why: error.to_string() };
    let text = serde_json::to_string_pretty(&release).map_err(malformed)? + "\n";
    let staging = repository.staging()?;
    // Its folder in the staging area is made with it.
    staging.file(&name)?;
    staging.write(&name, &text)?;
    staging.place(&[name])?;
    Ok(release)
}
