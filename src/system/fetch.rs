//! Bytes from a repository: over HTTPS, from this machine over HTTP, or from its file system.

use std::fs::File;
use std::io::Read;
use std::time::Duration;

use reqwest::StatusCode;
use reqwest::blocking::Client;
use reqwest::redirect::Policy;
use thiserror::Error;
use url::{Host, Url};

use super::bundle::Bundle;
use crate::exit::{Exit, Explain};

/// How long a server may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(10);

/// How long a server may fall silent.
const SILENCE: Duration = Duration::from_secs(30);

/// How often a server may send us elsewhere: a content network does it once or twice.
const REDIRECTS_MAX: usize = 5;

/// Where files come from. What comes from it is not believed until [`crate::trust`] has seen it.
#[derive(Debug)]
pub struct Repository {
    base: Url,
    client: Option<Client>,
    bundle: Option<Bundle>,
}

/// Why nothing came.
#[derive(Debug, Error)]
#[expect(missing_docs, reason = "each says itself what it means")]
pub enum FetchError {
    #[error("\"{0}\" is not the URL of a repository: {1}")]
    BadUrl(String, String),
    #[error("\"{0}\" is on the network, which --offline forbids to use")]
    Offline(String),
    #[error("\"{0}\" would be fetched without encryption from another machine")]
    Insecure(String),
    #[error("\"{0}\" is not there")]
    NotFound(String),
    #[error("the server answered {status} to \"{url}\"")]
    Status { url: String, status: StatusCode },
    #[error("\"{0}\" is a web page, not the file that was asked for")]
    WebPage(String),
    #[error("\"{url}\" is longer than {limit} bytes, the most that such a file may have")]
    TooLong { url: String, limit: u64 },
    #[error("cannot reach \"{url}\": {error}")]
    Unreachable { url: String, error: String },
}

impl Explain for FetchError {
    fn exit(&self) -> Exit {
        match self {
            FetchError::BadUrl(..) | FetchError::Insecure(_) => Exit::Usage,
            FetchError::TooLong { .. } => Exit::NotAuthentic,
            _ => Exit::Unreachable,
        }
    }

    fn help(&self) -> Option<String> {
        Some(match self {
            FetchError::BadUrl(..) => "a repository is named as https://HOST/PATH or file:///PATH".to_owned(),
            FetchError::Insecure(_) => "use https://; plain http:// is for this machine itself only".to_owned(),
            FetchError::Offline(_) => "leave out --offline, or name a repository on disk: file:///PATH".to_owned(),
            FetchError::NotFound(_) => "check the URL of the repository: qus --repository URL".to_owned(),
            FetchError::Status { .. } => "try again later; if it stays, tell whoever runs the server".to_owned(),
            FetchError::WebPage(_) => "log in to the network first if it asks for that, then try again".to_owned(),
            FetchError::TooLong { .. } => {
                "do not install from this repository until its publisher has explained this".to_owned()
            }
            FetchError::Unreachable { .. } => "check the network, the name and any proxy, then try again".to_owned(),
        })
    }
}

impl Repository {
    /// The repository at `url`, which must be on disk if `offline`.
    pub fn at(url: &str, offline: bool) -> Result<Repository, FetchError> {
        let bad = |why: &str| FetchError::BadUrl(url.to_owned(), why.to_owned());
        // Relative names are resolved against a directory.
        let base = Url::parse(&format!("{}/", url.trim_end_matches('/'))).map_err(|error| bad(&error.to_string()))?;
        let client = match base.scheme() {
            "file" => None,
            _ if offline => return Err(FetchError::Offline(url.to_owned())),
            "https" => Some(client(false)?),
            "http" if is_loopback(&base) => Some(client(true)?),
            "http" => return Err(FetchError::Insecure(url.to_owned())),
            _ => return Err(bad("it is neither https nor file")),
        };
        Ok(Repository { base, client, bundle: None })
    }

    /// The repository whose files are in `bundle`: no other place is asked.
    pub fn in_bundle(bundle: Bundle) -> Result<Repository, FetchError> {
        let shown = bundle.path().display().to_string();
        let base = std::path::absolute(bundle.path()).ok().and_then(|path| Url::from_directory_path(path).ok());
        let base = base.ok_or_else(|| FetchError::BadUrl(shown, "it has no absolute path".to_owned()))?;
        Ok(Repository { base, client: None, bundle: Some(bundle) })
    }

    /// A whole small file, of at most `limit` bytes.
    pub fn get(&self, file: &str, limit: u64) -> Result<Vec<u8>, FetchError> {
        let url = self.url(file)?.to_string();
        let mut bytes = Vec::new();
        let read = self.open(file)?.take(limit + 1).read_to_end(&mut bytes);
        read.map_err(|error| FetchError::Unreachable { url: url.clone(), error: error.to_string() })?;
        if bytes.len() as u64 > limit {
            return Err(FetchError::TooLong { url, limit });
        }
        if looks_like_a_page(&bytes) {
            return Err(FetchError::WebPage(url));
        }
        Ok(bytes)
    }

    /// A file, to be read as it arrives. The reader must know itself when to stop.
    pub fn open(&self, file: &str) -> Result<Box<dyn Read>, FetchError> {
        let url = self.url(file)?;
        if let Some(bundle) = &self.bundle {
            let piece = bundle.piece(file).ok_or_else(|| FetchError::NotFound(url.to_string()))?;
            return Ok(Box::new(piece));
        }
        let Some(client) = &self.client else { return open_local(&url) };
        let response = client.get(url.clone()).send().map_err(|error| unreachable(&url, &error))?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND | StatusCode::GONE => return Err(FetchError::NotFound(url.to_string())),
            status => return Err(FetchError::Status { url: url.to_string(), status }),
        }
        let kind = response.headers().get(reqwest::header::CONTENT_TYPE);
        if kind.and_then(|kind| kind.to_str().ok()).is_some_and(|kind| kind.starts_with("text/html")) {
            return Err(FetchError::WebPage(url.to_string()));
        }
        Ok(Box::new(response))
    }

    fn url(&self, file: &str) -> Result<Url, FetchError> {
        self.base.join(file).map_err(|error| FetchError::BadUrl(file.to_owned(), error.to_string()))
    }
}

fn client(loopback: bool) -> Result<Client, FetchError> {
    let builder = Client::builder()
        .user_agent(concat!("qus/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT)
        // In the blocking client this bounds the wait for the answer, and then for each piece.
        .timeout(SILENCE)
        .redirect(Policy::custom(move |attempt| {
            let safe = if loopback { is_loopback(attempt.url()) } else { attempt.url().scheme() == "https" };
            if !safe {
                attempt.error("it leads to a place without encryption")
            } else if attempt.previous().len() > REDIRECTS_MAX {
                attempt.error("it leads on and on")
            } else {
                attempt.follow()
            }
        }));
    // Over plain HTTP to this machine nobody's certificate is looked at, so none is loaded; and no
    // proxy stands between a machine and itself.
    let builder = if loopback { builder.tls_certs_only([]).no_proxy() } else { builder };
    let built = install_crypto().and_then(|()| builder.build().map_err(|error| error.to_string()));
    built.map_err(|error| FetchError::Unreachable { url: "any server".to_owned(), error })
}

/// Tells rustls whose cryptography to use. It can be told once; a second time it already knows.
fn install_crypto() -> Result<(), String> {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        let installed = rustls::crypto::ring::default_provider().install_default();
        if installed.is_err() && rustls::crypto::CryptoProvider::get_default().is_none() {
            return Err("rustls takes no cryptography".to_owned());
        }
    }
    Ok(())
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn open_local(url: &Url) -> Result<Box<dyn Read>, FetchError> {
    let path = url.to_file_path().map_err(|()| FetchError::BadUrl(url.to_string(), "it names no file".to_owned()))?;
    match File::open(&path) {
        Ok(file) => Ok(Box::new(file)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(FetchError::NotFound(url.to_string())),
        Err(error) => Err(FetchError::Unreachable { url: url.to_string(), error: error.to_string() }),
    }
}

/// reqwest's own message says only that a request failed; the reason is at the end of the chain.
fn unreachable(url: &Url, error: &reqwest::Error) -> FetchError {
    let mut reason: &dyn std::error::Error = error;
    while let Some(source) = reason.source() {
        reason = source;
    }
    FetchError::Unreachable { url: url.to_string(), error: reason.to_string() }
}

/// What a captive portal or a hosting service sends in place of a file, whatever it calls it.
fn looks_like_a_page(bytes: &[u8]) -> bool {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(64)]).to_ascii_lowercase();
    let head = head.trim_start();
    head.starts_with("<!doctype html") || head.starts_with("<html")
}
