//! The HTTP client: whom it believes, through which proxy it goes, and where it lets itself be sent.

use reqwest::blocking::Client;
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Certificate, NoProxy, Proxy};
use thiserror::Error;
use url::{Host, Url};

use super::{FetchError, Network};

/// How often a server may send us elsewhere: a content network does it once or twice.
const REDIRECTS_MAX: usize = 5;

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
            } else if Attempt::previous(&attempt).len() > REDIRECTS_MAX {
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
            let through = Proxy::all(proxy).map_err(|error| FetchError::BadProxy(proxy.clone(), reason(&error)))?;
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
    let built = install_crypto().and_then(|()| builder.build().map_err(|error| reason(&error)));
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
        // An I/O error hides what it holds from the chain.
        let held = cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        if let Some(rustls::Error::InvalidCertificate(_)) = held.and_then(|held| held.downcast_ref()) {
            return FetchError::Certificate { url, error: reason(error) };
        }
    }
    match reason(error) {
        // The tunnel's own error cannot be named from here.
        error if error.contains("proxy authorization required") => FetchError::ProxyLogin(url),
        error => FetchError::Unreachable { url, error },
    }
}

/// reqwest's own message says only that a request failed; the reason is at the end of the chain.
pub(super) fn reason(error: &reqwest::Error) -> String {
    causes(error).last().map_or_else(|| error.to_string(), ToString::to_string)
}

fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error as &(dyn std::error::Error + 'static)), |error| error.source())
}
