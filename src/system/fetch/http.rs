//! A repository behind a web server.

use std::time::{Duration, Instant, SystemTime};

use reqwest::StatusCode;
use reqwest::blocking::Client;
use reqwest::header::{
    CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE,
    LAST_MODIFIED, RANGE, RETRY_AFTER,
};
use serde::{Deserialize, Serialize};
use url::Url;

use super::body::{Body, Head};
use super::client;
use super::pace::Pace;
use super::retry::Retry;
use super::{FetchError, Limits, Network};

/// A server, and where in it the repository's files are.
#[derive(Debug)]
pub(super) struct Server {
    base: Url,
    client: Client,
    limits: Limits,
}

/// By what a server tells the states of a file apart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validator {
    etag: Option<String>,
    modified: Option<String>,
}

impl Validator {
    fn of(headers: &HeaderMap) -> Validator {
        let text = |name| headers.get(&name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        Validator { etag: text(ETAG), modified: text(LAST_MODIFIED) }
    }

    /// Whether there is anything to tell them apart by.
    pub fn is_any(&self) -> bool {
        self.etag.is_some() || self.modified.is_some()
    }

    /// What `If-Range` may hold: a weak tag does not tell bytes apart.
    fn for_range(&self) -> Option<&str> {
        let strong = self.etag.as_deref().filter(|tag| !tag.starts_with("W/"));
        strong.or(self.modified.as_deref().filter(|_| self.etag.is_none()))
    }
}

/// What is asked for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ask<'a> {
    /// From which byte on.
    pub(super) from: u64,
    /// The rest only if the file is still this one, else the whole.
    pub(super) same: Option<&'a Validator>,
    /// Nothing at all if the file is still this one.
    pub(super) known: Option<&'a Validator>,
}

/// What was answered, but for failures.
#[derive(Debug)]
pub(super) enum Reply {
    /// The file, from this byte on, with the length of the whole, if it was told.
    Bytes { from: u64, total: Option<u64>, validator: Validator, body: Body },
    /// It is the known one.
    Unchanged,
    /// There is no such part of the file.
    OtherPart,
}

impl Server {
    pub(super) fn at(base: Url, network: &Network) -> Result<Server, FetchError> {
        let client = client::client(network, base.scheme() == "http")?;
        Ok(Server { base, client, limits: network.limits })
    }

    pub(super) fn limits(&self) -> Limits {
        self.limits
    }

    pub(super) fn url(&self, file: &str) -> Result<Url, FetchError> {
        self.base.join(file).map_err(|error| FetchError::BadUrl(file.to_owned(), error.to_string()))
    }

    /// Asks once.
    pub(super) fn ask(&self, file: &str, ask: Ask, pace: &mut Pace) -> Result<Reply, FetchError> {
        let url = self.url(file)?;
        let mut request = self.client.get(url.clone());
        if ask.from > 0 {
            request = request.header(RANGE, format!("bytes={}-", ask.from));
            if let Some(same) = ask.same.and_then(Validator::for_range) {
                request = request.header(IF_RANGE, same);
            }
        }
        if let Some(known) = ask.known {
            let header: Option<(HeaderName, &String)> = known
                .etag
                .as_ref()
                .map(|tag| (IF_NONE_MATCH, tag))
                .or(known.modified.as_ref().map(|time| (IF_MODIFIED_SINCE, time)));
            if let Some((name, value)) = header {
                request = request.header(name, value);
            }
        }
        let (head, body) = Body::request(url.as_str(), request, pace)?;
        understand(url.as_str(), ask, &head, body)
    }

    /// A whole document of at most `limit` bytes, with what tells it apart; none if it is still the `known` one.
    pub(super) fn get(
        &self,
        file: &str,
        limit: u64,
        known: Option<&Validator>,
    ) -> Result<Option<(Vec<u8>, Validator)>, FetchError> {
        let until = Instant::now() + self.limits.document;
        let mut retry = Retry::new(self.limits, Some(until));
        loop {
            match self.get_once(file, limit, known, &mut Pace::until(until, self.limits)) {
                Ok(document) => return Ok(document),
                Err(error) => retry.wait(error)?,
            }
        }
    }

    fn get_once(
        &self,
        file: &str,
        limit: u64,
        known: Option<&Validator>,
        pace: &mut Pace,
    ) -> Result<Option<(Vec<u8>, Validator)>, FetchError> {
        let url = self.url(file)?.to_string();
        let (validator, body) = match self.ask(file, Ask { known, ..Ask::default() }, pace)? {
            Reply::Bytes { validator, body, .. } => (validator, body),
            Reply::Unchanged => return Ok(None),
            Reply::OtherPart => return Err(FetchError::WrongPart(url)),
        };
        let mut bytes = Vec::new();
        while let Some(piece) = body.next(pace)? {
            bytes.extend(piece);
            if bytes.len() as u64 > limit {
                return Err(FetchError::TooLong { url, limit });
            }
        }
        if looks_like_a_page(&bytes) { Err(FetchError::WebPage(url)) } else { Ok(Some((bytes, validator))) }
    }
}

/// Looks at status and headers before anybody looks at what follows them: a file that is not there is no attack.
fn understand(url: &str, ask: Ask, head: &Head, body: Body) -> Result<Reply, FetchError> {
    let Head { status, headers } = head;
    let (url, status) = (url.to_owned(), *status);
    match status {
        StatusCode::OK | StatusCode::PARTIAL_CONTENT if is_page(headers) => Err(FetchError::WebPage(url)),
        StatusCode::OK => {
            let validator = Validator::of(headers);
            Ok(Reply::Bytes { from: 0, total: length(headers), validator, body })
        }
        StatusCode::PARTIAL_CONTENT if ask.from > 0 => match content_range(headers) {
            Some((from, total)) if from == ask.from => {
                Ok(Reply::Bytes { from, total, validator: Validator::of(headers), body })
            }
            _ => Ok(Reply::OtherPart),
        },
        StatusCode::PARTIAL_CONTENT => Err(FetchError::WrongPart(url)),
        StatusCode::RANGE_NOT_SATISFIABLE if ask.from > 0 => Ok(Reply::OtherPart),
        StatusCode::NOT_MODIFIED if ask.known.is_some() => Ok(Reply::Unchanged),
        StatusCode::NOT_FOUND | StatusCode::GONE => Err(FetchError::NotFound(url)),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(FetchError::Forbidden { url, status }),
        StatusCode::PROXY_AUTHENTICATION_REQUIRED => Err(FetchError::ProxyLogin(url)),
        // RFC 6585 made it for networks that want a login first.
        StatusCode::NETWORK_AUTHENTICATION_REQUIRED => Err(FetchError::WebPage(url)),
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => Err(busy(url, status, headers)),
        status if status.is_server_error() => Err(busy(url, status, headers)),
        status => Err(FetchError::Status { url, status }),
    }
}

fn busy(url: String, status: StatusCode, headers: &HeaderMap) -> FetchError {
    FetchError::Busy { url, status, wait: retry_after(headers) }
}

/// How long the server asks to be left alone: in seconds, or until a date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(SystemTime::now()).unwrap_or_default())
}

fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get(reqwest::header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// `bytes 100-299/300`: where the part begins, and the length of the whole unless that is `*`.
fn content_range(headers: &HeaderMap) -> Option<(u64, Option<u64>)> {
    let text = headers.get(CONTENT_RANGE)?.to_str().ok()?;
    let (part, total) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (from, to) = part.split_once('-')?;
    let (from, to): (u64, u64) = (from.trim().parse().ok()?, to.trim().parse().ok()?);
    let total = if total == "*" { None } else { Some(total.trim().parse::<u64>().ok()?) };
    // A part that ends before the end, or behind it, is not the one that was asked for.
    (from <= to && total.is_none_or(|total| to + 1 == total)).then_some((from, total))
}

fn is_page(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.trim_start().to_ascii_lowercase().starts_with("text/html"))
}

/// What a captive portal or a hosting service sends in place of a file, whatever it calls it.
pub(super) fn looks_like_a_page(bytes: &[u8]) -> bool {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(64)]).to_ascii_lowercase();
    let head = head.trim_start_matches('\u{feff}').trim_start();
    ["<!doctype html", "<html", "<head", "<script", "<!--"].iter().any(|start| head.starts_with(start))
}
