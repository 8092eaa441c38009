//! Passphrases of secret keys: from the environment, the terminal, or standard input.

use std::io::{self, IsTerminal};
use std::path::Path;

use crate::error::Error;

/// The variable that holds the passphrase where nobody can type it.
pub const VARIABLE: &str = "QUS_RELEASE_PASSPHRASE";

/// Where passphrases come from.
#[derive(Clone)]
pub enum Passphrases {
    /// This one, for every key.
    Given(String),
    /// Somebody types them.
    Terminal,
    /// The next line of standard input.
    Input,
}

impl Passphrases {
    /// The environment before the terminal, and standard input where there is neither.
    pub fn from_environment() -> Passphrases {
        match std::env::var(VARIABLE) {
            Ok(passphrase) => Passphrases::Given(passphrase),
            Err(_) if io::stdin().is_terminal() => Passphrases::Terminal,
            Err(_) => Passphrases::Input,
        }
    }

    /// The passphrase of the key in `file`.
    pub fn ask(&self, file: &Path) -> Result<String, Error> {
        let passphrase = match self {
            Passphrases::Given(passphrase) => passphrase.clone(),
            Passphrases::Terminal => prompt(&format!("passphrase of {}: ", file.display()))?,
            Passphrases::Input => read_line()?,
        };
        if passphrase.is_empty() { Err(Error::NoPassphrase(file.to_owned())) } else { Ok(passphrase) }
    }

    /// A passphrase for a new key in `file`; typed twice, for a typing mistake would lose the key.
    pub fn choose(&self, file: &Path) -> Result<String, Error> {
        let passphrase = self.ask(file)?;
        if matches!(self, Passphrases::Terminal) && prompt("once more: ")? != passphrase {
            return Err(Error::PassphrasesDiffer);
        }
        Ok(passphrase)
    }
}

fn prompt(question: &str) -> Result<String, Error> {
    rpassword::prompt_password(question).map_err(Error::Ask)
}

fn read_line() -> Result<String, Error> {
    let mut line = String::new();
    io::stdin().read_line(&mut line).map_err(Error::Ask)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
