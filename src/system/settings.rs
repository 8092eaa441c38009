//! Reading the administrator's settings.

use thiserror::Error;

use super::root::{FileError, Root};
use crate::exit::{Exit, Explain};
use crate::rooted::RootedPath;
use crate::settings::Settings;

/// Settings that cannot be followed.
#[derive(Debug, Error)]
#[expect(missing_docs, reason = "each says itself what it means")]
pub enum SettingsError {
    #[error("\"{path}\" cannot be understood: {error}")]
    Malformed { path: RootedPath, error: Box<toml::de::Error> },
    #[error(transparent)]
    File(#[from] FileError),
}

impl Explain for SettingsError {
    fn exit(&self) -> Exit {
        match self {
            SettingsError::Malformed { .. } => Exit::Usage,
            SettingsError::File(error) => error.exit(),
        }
    }

    fn help(&self) -> Option<String> {
        match self {
            SettingsError::Malformed { .. } => {
                Some("it knows repository, mirrors, channel, ca, proxy, keep and [update] window".to_owned())
            }
            SettingsError::File(error) => error.help(),
        }
    }
}

/// Reads the settings of `root`; without a file all is as by default.
pub fn read(root: &Root) -> Result<Settings, SettingsError> {
    for path in root.layout().settings() {
        if let Some(text) = root.read(path)? {
            return Settings::parse(&text)
                .map_err(|error| SettingsError::Malformed { path: path.clone(), error: Box::new(error) });
        }
    }
    Ok(Settings::default())
}
