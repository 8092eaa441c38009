//! The environment variables that this process was given.

use std::collections::BTreeMap;
use std::ffi::OsString;

/// Makes variables of qus that are empty be none, as shells take them in `${NAME:-default}`. Only while the process has one
/// thread.
pub fn forget_empty() {
    for (name, value) in std::env::vars_os() {
        if value.is_empty() && name.to_string_lossy().starts_with("QUS_") {
            // SAFETY: there is no other thread that could read the environment.
            unsafe { std::env::remove_var(name) };
        }
    }
}

/// Variables by name.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    texts: BTreeMap<String, String>,
    /// The names of those whose value is no UTF-8.
    odd: Vec<String>,
}

impl Environment {
    /// Those of this process.
    pub fn of_process() -> Environment {
        std::env::vars_os().collect()
    }

    /// The variables whose value is no text; [`Environment::get`] does not have them.
    pub fn odd(&self) -> impl Iterator<Item = &str> {
        self.odd.iter().map(String::as_str)
    }

    /// The value of a variable; none where it is empty, as shells take it in `${NAME:-default}`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.texts.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

impl FromIterator<(OsString, OsString)> for Environment {
    fn from_iter<I: IntoIterator<Item = (OsString, OsString)>>(variables: I) -> Environment {
        let mut environment = Environment::default();
        for (name, value) in variables {
            // Nobody asks for a name that is no text.
            let Ok(name) = name.into_string() else { continue };
            match value.into_string() {
                Ok(text) => drop(environment.texts.insert(name, text)),
                Err(_) => environment.odd.push(name),
            }
        }
        environment
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Environment {
    fn from(variables: [(&str, &str); N]) -> Environment {
        variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect()
    }
}
