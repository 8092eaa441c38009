//! What is meant by what was typed after `binfmt`, and by its variables.

use std::path::PathBuf;

use glob::Pattern;
use thiserror::Error;

use super::words::{BadWords, Typed};
use crate::rule::{Flags, RuleName};
use crate::system::environment::Environment;
use crate::target::{Target, UnknownTarget};
use crate::wanted::{BadSelection, Consent, Dismissal, Letters, Meant, PassOver, Registration, Selection, Source};

/// One call of `binfmt`.
#[derive(Debug, PartialEq, Eq)]
pub enum Deed {
    /// Tell what can be typed.
    Help,
    /// Tell the version of the emulators.
    Version(Source),
    /// Take entries away, then register emulators, then tell what there is.
    Emulators {
        /// Where the table is said to be.
        mount: Option<PathBuf>,
        /// What to take away.
        dismissal: Option<Dismissal>,
        /// What to register.
        registration: Option<Box<Registration>>,
    },
    /// Apply every rule of a folder's files.
    Rules {
        /// Where the table is said to be.
        mount: Option<PathBuf>,
        /// The folder.
        directory: PathBuf,
    },
}

/// Why a call makes no sense.
#[derive(Debug, PartialEq, Eq, Error)]
#[error(transparent)]
#[expect(missing_docs, reason = "each is the error it holds")]
pub enum Usage {
    Words(#[from] BadWords),
    Selection(#[from] BadSelection),
}

impl From<UnknownTarget> for Usage {
    fn from(unknown: UnknownTarget) -> Usage {
        BadSelection::from(unknown).into()
    }
}

impl Deed {
    /// What `words`, without the name of the program, mean in this environment.
    pub fn parse(words: &[String], environment: &Environment) -> Result<Deed, Usage> {
        let Typed { install, uninstall, mount, dir, version, help } = Typed::parse(words)?;
        if help {
            return Ok(Deed::Help);
        }
        if let Some(directory) = dir {
            let is_alone = install.is_none() && uninstall.is_none() && !version;
            return if is_alone { Ok(Deed::Rules { mount, directory }) } else { Err(BadWords::Mixed.into()) };
        }
        let settings = Settings::of(environment)?;
        if version {
            return Ok(Deed::Version(settings.source()));
        }
        let dismissal = listed(uninstall.as_deref()).map(|words| settings.dismissal(&words)).transpose()?;
        let registration = listed(install.as_deref()).map(|words| settings.registration(&words)).transpose()?;
        let registration = registration.map(Box::new);
        Ok(Deed::Emulators { mount, dismissal, registration })
    }
}

/// The words of a list; none if it holds nothing.
fn listed(list: Option<&str>) -> Option<Vec<&str>> {
    let words: Vec<&str> = list?.split(',').map(str::trim).filter(|word| !word.is_empty()).collect();
    (!words.is_empty()).then_some(words)
}

/// What the variables say.
struct Settings {
    directory: String,
    prefix: String,
    preserves_argv0: bool,
    credentials: bool,
}

impl Settings {
    fn of(environment: &Environment) -> Result<Settings, BadWords> {
        let directory = environment.get("QEMU_BINARY_PATH").unwrap_or("/usr/bin").to_owned();
        if !directory.starts_with('/') {
            return Err(BadWords::Directory(directory));
        }
        let prefix = environment.get("QEMU_BINARY_PREFIX").unwrap_or_default().to_owned();
        if RuleName::try_from(format!("{prefix}qemu")).is_err() {
            return Err(BadWords::Prefix(prefix));
        }
        let credentials = match environment.get("QUS_CREDENTIALS") {
            None | Some("yes") => true,
            Some("no") => false,
            Some(other) => return Err(BadWords::Credentials(other.to_owned())),
        };
        let preserves_argv0 = environment.get("QEMU_PRESERVE_ARGV0").is_some();
        Ok(Settings { directory, prefix, preserves_argv0, credentials })
    }

    fn source(&self) -> Source {
        Source::Folder { directory: self.directory.clone(), prefix: self.prefix.clone(), suffix: String::new() }
    }

    fn flags(&self, preserves_argv0: bool) -> Flags {
        let preserve = if preserves_argv0 { "P" } else { "" };
        let credentials = if self.credentials { "C" } else { "" };
        Flags::sorted(&format!("{preserve}O{credentials}F"))
    }

    fn registration(&self, words: &[&str]) -> Result<Registration, Usage> {
        let selection = match words {
            ["all"] => Selection::All,
            words if words.contains(&"all") => return Err(BadSelection::AllAndMore.into()),
            words => words.iter().map(|word| word.parse::<Target>()).collect::<Result<Selection, _>>()?,
        };
        let letters = Letters {
            exactly: Some(self.flags(self.preserves_argv0)),
            credentials: self.credentials,
            prefix: self.prefix.clone(),
            ..Letters::default()
        };
        let consent = Consent { pass_over: PassOver::Native, ..Consent::default() };
        Ok(Registration { selection, source: self.source(), letters, consent })
    }

    fn dismissal(&self, words: &[&str]) -> Result<Dismissal, BadWords> {
        Ok(Dismissal {
            entries: words.iter().map(|word| meant(word)).collect::<Result<_, _>>()?,
            source: self.source(),
            prefix: self.prefix.clone(),
            flags: vec![self.flags(false), self.flags(true)],
        })
    }
}

fn meant(word: &str) -> Result<Meant, BadWords> {
    let pattern = |text: &str| {
        Pattern::new(text).map_err(|error| BadWords::Pattern { word: word.to_owned(), why: error.msg.to_owned() })
    };
    Ok(match word.parse::<Target>() {
        Ok(target) => Meant::Target(target),
        Err(_) if word == "all" => Meant::Pattern(pattern("*")?),
        Err(_) if word.contains(['*', '?', '[']) => Meant::Pattern(pattern(word)?),
        Err(_) => Meant::Name(word.to_owned()),
    })
}
