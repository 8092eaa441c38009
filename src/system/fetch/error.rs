//! Why nothing came.

use std::time::Duration;

use reqwest::StatusCode;
use thiserror::Error;

use crate::exit::{Exit, Explain};

/// Why a source did not give a file. Whether what it gives can be believed is another question.
#[derive(Debug, Error)]
#[expect(missing_docs, reason = "each says itself what it means")]
pub enum FetchError {
    #[error("\"{0}\" is not the URL of a repository: {1}")]
    BadUrl(String, String),
    #[error("\"{0}\" is no proxy that can be used: {1}")]
    BadProxy(String, String),
    #[error("\"{0}\" holds no certificates that can be used: {1}")]
    BadAuthorities(String, String),
    #[error("this machine knows no authority whose certificates it could believe")]
    NoAuthorities,
    #[error("\"{0}\" is on the network, which --offline forbids to use")]
    Offline(String),
    #[error("\"{0}\" would be fetched without encryption from another machine")]
    Insecure(String),
    #[error("\"{url}\" leads to \"{to}\", a place without encryption")]
    InsecureRedirect { url: String, to: String },
    #[error("\"{0}\" leads on and on")]
    Redirects(String),
    #[error("\"{0}\" is not there")]
    NotFound(String),
    #[error("the server does not let this machine have \"{url}\": it answered {status}")]
    Forbidden { url: String, status: StatusCode },
    #[error("the server answered {status} to \"{url}\"")]
    Status { url: String, status: StatusCode },
    #[error("the server answered {status} to \"{url}\"{}", wait.map(asks_for).unwrap_or_default())]
    Busy { url: String, status: StatusCode, wait: Option<Duration> },
    #[error("the proxy on the way to \"{0}\" wants a name and a password")]
    ProxyLogin(String),
    #[error("\"{0}\" is a web page, not the file that was asked for")]
    WebPage(String),
    #[error("\"{url}\" is longer than {limit} bytes, the most that such a file may have")]
    TooLong { url: String, limit: u64 },
    #[error("the server answered with another part of \"{0}\" than it was asked for")]
    WrongPart(String),
    #[error("\"{url}\" came slower than {rate} bytes a second")]
    Slow { url: String, rate: u64 },
    #[error("\"{url}\" did not come within {} seconds", limit.as_secs_f64())]
    Late { url: String, limit: Duration },
    #[error("\"{url}\" broke off: {error}")]
    Cut { url: String, error: String },
    #[error("\"{0}\" broke off again and again, and its server does not go on where it broke off")]
    NeverWhole(String),
    #[error("cannot reach \"{url}\": {error}")]
    Certificate { url: String, error: String },
    #[error("cannot reach \"{url}\": {error}")]
    Unreachable { url: String, error: String },
    #[error("\"{path}\" cannot be read: {error}")]
    Unreadable { path: String, error: std::io::Error },
    #[error("{0}")]
    GivenUp(String),
    #[error("interrupted; nothing is changed")]
    Interrupted,
}

fn asks_for(wait: Duration) -> String {
    format!(", and asks to come again in {} seconds", wait.as_secs())
}

impl FetchError {
    /// Whether the same request may succeed in a moment.
    pub(super) fn passes(&self) -> bool {
        matches!(self, FetchError::Busy { .. } | FetchError::Cut { .. } | FetchError::Unreachable { .. })
    }

    /// Whether the source has nothing for us, whichever file is asked for.
    pub(super) fn is_of_the_source(&self) -> bool {
        matches!(
            self,
            FetchError::Busy { .. }
                | FetchError::Unreachable { .. }
                | FetchError::Certificate { .. }
                | FetchError::ProxyLogin(_)
                | FetchError::WebPage(_)
                | FetchError::InsecureRedirect { .. }
                | FetchError::Slow { .. }
                | FetchError::Late { .. }
        )
    }
}

impl Explain for FetchError {
    fn exit(&self) -> Exit {
        match self {
            FetchError::BadUrl(..)
            | FetchError::BadProxy(..)
            | FetchError::BadAuthorities(..)
            | FetchError::Insecure(_) => Exit::Usage,
            FetchError::TooLong { .. } => Exit::NotAuthentic,
            FetchError::Interrupted => Exit::Failed,
            _ => Exit::Unreachable,
        }
    }

    fn help(&self) -> Option<String> {
        let help = match self {
            FetchError::BadUrl(..) => "a repository is named as https://HOST/PATH or file:///PATH",
            FetchError::BadProxy(..) => {
                "a proxy is named as http://HOST:PORT, https://HOST:PORT or socks5h://HOST:PORT"
            }
            FetchError::BadAuthorities(..) => "ca in /etc/qus/config.toml names a file of certificates in PEM",
            FetchError::NoAuthorities => {
                "install the certificates of authorities: apt-get install ca-certificates, or the like; or name a file: SSL_CERT_FILE=FILE"
            }
            FetchError::Insecure(_) => "use https://; plain http:// is for this machine itself only",
            FetchError::Offline(_) => "leave out --offline, or name a repository on disk: file:///PATH",
            FetchError::NotFound(_) => "check the URL of the repository: qus --repository URL",
            FetchError::Status { .. } | FetchError::Busy { .. } => {
                "try again later; if it stays, tell whoever runs the server"
            }
            FetchError::Forbidden { .. } => "check the URL of the repository, and whether this machine may use it",
            FetchError::ProxyLogin(_) => "name them in the proxy's URL: HTTPS_PROXY=http://NAME:PASSWORD@HOST:PORT",
            FetchError::WebPage(_) | FetchError::InsecureRedirect { .. } => {
                "log in to the network first if it asks for that, then try again"
            }
            FetchError::TooLong { .. } => "do not install from this repository until its publisher has explained this",
            FetchError::Certificate { .. } => {
                "if a company's proxy opens encrypted connections, name its authority: ca = \"FILE\" in /etc/qus/config.toml, or SSL_CERT_FILE=FILE"
            }
            FetchError::Redirects(_)
            | FetchError::WrongPart(_)
            | FetchError::Slow { .. }
            | FetchError::Late { .. }
            | FetchError::Cut { .. }
            | FetchError::NeverWhole(_)
            | FetchError::GivenUp(_)
            | FetchError::Unreachable { .. } => "check the network, the name and any proxy, then try again",
            FetchError::Unreadable { .. } | FetchError::Interrupted => return None,
        };
        Some(help.to_owned())
    }
}
