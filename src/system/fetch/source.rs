//! One place with a repository's files.

use std::cell::RefCell;
use std::fs::File;
use std::io::Read;

use url::Url;

use super::super::bundle::Bundle;
use super::client::is_loopback;
use super::http::{Server, looks_like_a_page};
use super::local::Folder;
use super::partial::Partial;
use super::resume::{Outcome, Resumed};
use super::{FetchError, Network, Validator};
use crate::system::root::{FileError, failed};
use crate::trust::TrustError;

/// A place that gives bytes. What they are worth, others decide.
#[derive(Debug)]
pub struct Source {
    url: String,
    place: Place,
    /// Why it is not asked any more in this run.
    given_up: RefCell<Option<String>>,
}

#[derive(Debug)]
enum Place {
    Folder(Folder),
    Bundle(Bundle),
    Server(Server),
}

/// A file that is here, or the server that has it.
enum Opened<'a> {
    Here(Box<dyn Read>),
    At(&'a Server),
}

/// Why an asset was not had from a source.
#[derive(Debug)]
pub enum Undelivered {
    /// It did not come.
    Fetch(FetchError),
    /// It is not to be believed.
    Trust(TrustError),
    /// It could not be kept.
    File(FileError),
}

impl Source {
    /// The place at `url`, if this machine may go there.
    pub fn at(url: &str, network: &Network) -> Result<Source, FetchError> {
        let bad = |why: &str| FetchError::BadUrl(url.to_owned(), why.to_owned());
        // Relative names are resolved against a directory.
        let base = Url::parse(&format!("{}/", url.trim_end_matches('/'))).map_err(|error| bad(&error.to_string()))?;
        let place = match base.scheme() {
            "file" => Place::Folder(Folder::at(&base)?),
            "https" | "http" if network.offline => return Err(FetchError::Offline(url.to_owned())),
            "http" if !is_loopback(&base) => return Err(FetchError::Insecure(url.to_owned())),
            "https" | "http" => Place::Server(Server::at(base, network)?),
            _ => return Err(bad("it is neither https nor file")),
        };
        Ok(Source { url: url.trim_end_matches('/').to_owned(), place, given_up: RefCell::default() })
    }

    /// A file with all of them: no other place is asked.
    pub fn in_bundle(bundle: Bundle) -> Source {
        let url = bundle.path().display().to_string();
        Source { url, place: Place::Bundle(bundle), given_up: RefCell::default() }
    }

    /// Its URL, without a slash at its end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Whether what comes from it may be cut off.
    pub fn is_remote(&self) -> bool {
        matches!(self.place, Place::Server(_))
    }

    /// A whole small file, of at most `limit` bytes.
    pub fn get(&self, file: &str, limit: u64) -> Result<Vec<u8>, FetchError> {
        match self.get_unless(file, limit, None)? {
            Some((bytes, _)) => Ok(bytes),
            None => Err(FetchError::WrongPart(format!("{}/{file}", self.url))),
        }
    }

    /// The same, with what tells its states apart; none if it is still the `known` one.
    pub fn get_unless(
        &self,
        file: &str,
        limit: u64,
        known: Option<&Validator>,
    ) -> Result<Option<(Vec<u8>, Validator)>, FetchError> {
        let path = format!("{}/{file}", self.url);
        let mut bytes = Vec::new();
        let opened = match self.open(file)? {
            Opened::Here(opened) => opened,
            Opened::At(server) => return server.get(file, limit, known),
        };
        let read = opened.take(limit + 1).read_to_end(&mut bytes);
        read.map_err(|error| FetchError::Unreadable { path: path.clone(), error })?;
        if bytes.len() as u64 > limit {
            return Err(FetchError::TooLong { url: path, limit });
        }
        if looks_like_a_page(&bytes) { Err(FetchError::WebPage(path)) } else { Ok(Some((bytes, Validator::default()))) }
    }

    /// Lets `read` read a file of `size` bytes from its first byte on, and write it to where it is kept: what
    /// `partial` holds first, then what is missing. If that cannot be believed, and was put together of several
    /// answers, it is read once more from the source alone.
    pub fn deliver<T>(
        &self,
        file: &str,
        size: u64,
        partial: &Partial,
        read: &mut dyn FnMut(&mut dyn Read, File) -> Result<T, TrustError>,
    ) -> Result<T, Undelivered> {
        let server = match self.open(file)? {
            Opened::At(server) => server,
            Opened::Here(mut opened) => {
                partial.begin_anew()?;
                return read(&mut opened, partial.sink()?).or_else(|error| refuse(error, partial));
            }
        };
        if partial.have()? > size {
            partial.begin_anew()?;
        }
        let mut source = Resumed::new(server, file, size, partial);
        source.behind(partial.have()?);
        let mut again = true;
        loop {
            let error = match read(&mut source, partial.sink()?) {
                Ok(delivered) => return Ok(delivered),
                Err(error) => error,
            };
            match source.end() {
                Outcome::Failed(error) => return Err(error.into()),
                Outcome::Anew => {}
                Outcome::Read if again && source.is_pieced() && !matches!(error, TrustError::Write { .. }) => {
                    again = false;
                    partial.begin_anew()?;
                    source.restart();
                }
                Outcome::Read => return refuse(error, partial),
            }
        }
    }

    /// A file, or whom to ask for it.
    fn open(&self, file: &str) -> Result<Opened<'_>, FetchError> {
        let not_found = || FetchError::NotFound(format!("{}/{file}", self.url));
        Ok(match &self.place {
            Place::Server(server) => Opened::At(server),
            Place::Folder(folder) => Opened::Here(Box::new(folder.open(file)?)),
            Place::Bundle(bundle) => Opened::Here(Box::new(bundle.piece(file).ok_or_else(not_found)?)),
        })
    }

    /// Remembers that it has nothing for us, if `error` says so: it is not waited for with every file again.
    pub(super) fn give_up(&self, error: &FetchError) {
        if error.is_of_the_source() {
            self.given_up.replace(Some(error.to_string()));
        }
    }

    /// Fails if it was given up.
    pub(super) fn check(&self) -> Result<(), FetchError> {
        self.given_up.borrow().clone().map_or(Ok(()), |why| Err(FetchError::GivenUp(why)))
    }
}

/// What is not to be believed is not kept. That it could not be stored is no fault of who sent it.
fn refuse<T>(error: TrustError, partial: &Partial) -> Result<T, Undelivered> {
    partial.begin_anew()?;
    Err(match (error, partial.directory()) {
        (TrustError::Write { error, .. }, Some(directory)) => failed("write to", &directory)(error).into(),
        (error, _) => Undelivered::Trust(error),
    })
}

impl From<FetchError> for Undelivered {
    fn from(error: FetchError) -> Undelivered {
        Undelivered::Fetch(error)
    }
}

impl From<FileError> for Undelivered {
    fn from(error: FileError) -> Undelivered {
        Undelivered::File(error)
    }
}
