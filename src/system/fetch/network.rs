//! How this machine goes to the network.

use super::{FetchError, Limits};
use crate::rooted::RootedPath;
use crate::settings::Settings;
use crate::system::environment::Environment;
use crate::system::root::Root;

/// The variables by which the environment names a proxy, in either case.
const PROXIES: [&str; 3] = ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"];

/// What the administrator says of the network, and how patient qus is with it.
#[derive(Clone, Debug, Default)]
pub struct Network {
    /// Whether it must not be used.
    pub offline: bool,
    /// URL of the proxy where the environment names none.
    pub proxy: Option<String>,
    /// Certificates in PEM of authorities to be believed beside the system's, and the file they are from.
    pub authorities: Option<(String, String)>,
    /// URLs of folders with the repository's files.
    pub mirrors: Vec<String>,
    /// How long servers are waited for.
    pub limits: Limits,
}

impl Network {
    /// As `settings` of `root` say. The environment goes before them: a proxy that it names is used.
    pub fn of(root: &Root, settings: Settings, offline: bool) -> Result<Network, FetchError> {
        let environment = Environment::of_process();
        let named = PROXIES
            .iter()
            .any(|name| environment.get(name).is_some() || environment.get(&name.to_ascii_lowercase()).is_some());
        let authorities = match settings.ca {
            Some(path) if !offline => {
                let text = RootedPath::try_from(path.clone()).map_err(|error| error.to_string());
                let text = text.and_then(|path| root.read(&path).map_err(|error| error.to_string()));
                match text {
                    Ok(Some(text)) => Some((path, text)),
                    Ok(None) => return Err(FetchError::BadAuthorities(path, "there is no such file".to_owned())),
                    Err(error) => return Err(FetchError::BadAuthorities(path, error)),
                }
            }
            _ => None,
        };
        Ok(Network {
            offline,
            proxy: settings.proxy.filter(|_| !named),
            authorities,
            mirrors: settings.mirrors,
            limits: Limits::default(),
        })
    }
}
