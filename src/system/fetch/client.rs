//! The HTTP client: whom it believes, through which proxy it goes, and where it lets itself be sent.

use reqwest::blocking::Client;
use reqwest::redirect::Policy;
use reqwest::{Certificate, NoProxy, Proxy};
use thiserror::Error;
use url::{Host, Url};

use super::{FetchError, Network};

/// How often a server may send us elsewhere: a content network does it once or twice.
const REDIRECTS_MAX: usize = 5;

/// The languages of proxies. With `socks5` and `socks4` this machine looks the names up, with the others the proxy.
const PROXY_SCHEMES: [&str; 6] = ["http", "https", "socks5h", "socks5", "socks4a", "socks4"];

/// Why a redirect is not followed.
#[derive(Debug, Error)]
pub(super) enum Refused {
    #[error("\"{0}\" is a place without encryption")]
    Insecure(String),
    #[error("too many redirects")]
    TooMany,
}

/// A client for servers on the network, or for those on this machine itself.
pub(super) fn client(network: &Network, loopback: bool) -> Result<Client, FetchError> {
    let mut builder = Client::builder()
        .user_agent(concat!("qus/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(network.limits.connect)
        // In the blocking client this bounds the wait for the answer, and then for each piece.
        .timeout(network.limits.silence)
        .redirect(Policy::custom(move |attempt| {
            let safe = if loopback { is_loopback(attempt.url()) } else { attempt.url().scheme() == "https" };
            if !safe {
                let to = attempt.url().to_string();
                attempt.error(Refused::Insecure(to))
            } else if attempt.previous().len() > REDIRECTS_MAX {
                attempt.error(Refused::TooMany)
            } else {
                attempt.follow()
            }
        }));
    if loopback {
        // Over plain HTTP to this machine nobody's certificate is looked at, so none is loaded; and no
        // proxy stands between a machine and itself.
        builder = builder.tls_certs_only([]).no_proxy();
    } else {
        if let Some(proxy) = &network.proxy {
            // As for a proxy that the environment names, NO_PROXY says for whom it is not.
            // Before the @ there may be a password.
            let place = proxy.rsplit_once('@').map_or(proxy.as_str(), |(_, place)| place);
            let bad = |why: String| FetchError::BadProxy(place.to_owned(), why);
            let known = Url::parse(proxy).is_ok_and(|url| PROXY_SCHEMES.contains(&url.scheme()));
            let through = Proxy::all(proxy).map_err(|error| bad(reason(&error)))?;
            if !known {
                return Err(bad("it is neither http, https nor socks5h".to_owned()));
            }
            builder = builder.proxy(through.no_proxy(NoProxy::from_env()));
        }
        if let Some((path, text)) = &network.authorities {
            let bad = |error: String| FetchError::BadAuthorities(path.clone(), error);
            let authorities = Certificate::from_pem_bundle(text.as_bytes()).map_err(|error| bad(reason(&error)))?;
            if authorities.is_empty() {
                return Err(bad("there is none in it".to_owned()));
            }
            builder = builder.tls_certs_merge(authorities);
        }
    }
    install_crypto()?;
    builder.build().map_err(|error| not_built(&error, network))
}

/// Why there is no client.
fn not_built(error: &reqwest::Error, network: &Network) -> FetchError {
    let invalid = |cause: &(dyn std::error::Error + 'static)| {
        matches!(cause.downcast_ref(), Some(rustls::Error::InvalidCertificate(_)))
    };
    match (reason(error), &network.authorities) {
        (why, Some((path, _))) if causes(error).any(invalid) => FetchError::BadAuthorities(path.clone(), why),
        // The verifier has no other word for it.
        (why, _) if why.contains("No CA certificates") => FetchError::NoAuthorities,
        (error, _) => FetchError::Unreachable { url: "any server".to_owned(), error },
    }
}

/// Tells rustls whose cryptography to use. It can be told once; a second time it already knows.
fn install_crypto() -> Result<(), FetchError> {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        let installed = rustls::crypto::ring::default_provider().install_default();
        if installed.is_err() && rustls::crypto::CryptoProvider::get_default().is_none() {
            let error = "rustls takes no cryptography".to_owned();
            return Err(FetchError::Unreachable { url: "any server".to_owned(), error });
        }
    }
    Ok(())
}

/// Whether `url` names this very machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// What failed at `url`, by the chain of causes.
pub(super) fn failure(url: &str, error: &reqwest::Error) -> FetchError {
    let url = url.to_owned();
    for cause in causes(error) {
        match cause.downcast_ref::<Refused>() {
            Some(Refused::Insecure(to)) => return FetchError::InsecureRedirect { url, to: to.clone() },
            Some(Refused::TooMany) => return FetchError::Redirects(url),
            None => {}
        }
        if let Some(rustls::Error::InvalidCertificate(_)) = held(cause) {
            return FetchError::Certificate { url, error: reason(error) };
        }
    }
    match reason(error) {
        // The tunnel's own error cannot be named from here.
        error if error.contains("proxy authorization required") => FetchError::ProxyLogin(url),
        error => FetchError::Unreachable { url, error },
    }
}

/// The error of TLS that an I/O error holds: the chain of causes passes over it.
fn held<'a>(cause: &'a (dyn std::error::Error + 'static)) -> Option<&'a rustls::Error> {
    let mut held = cause.downcast_ref::<std::io::Error>()?.get_ref()?;
    while let Some(error) = held.downcast_ref::<std::io::Error>() {
        held = error.get_ref()?;
    }
    held.downcast_ref()
}

/// reqwest's own message says only that a request failed; the reason is at the end of the chain.
pub(super) fn reason(error: &reqwest::Error) -> String {
    causes(error).last().map_or_else(|| error.to_string(), ToString::to_string)
}

fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error as &(dyn std::error::Error + 'static)), |error| error.source())
}
