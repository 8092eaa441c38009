//! Reading an asset from a server, going on where it was cut.

use std::io::{self, Read};

use super::FetchError;
use super::body::Body;
use super::http::{Ask, Reply, Server, looks_like_a_page};
use super::pace::Pace;
use super::partial::{Origin, Partial};
use super::retry::Retry;
use crate::system::root::FileError;

/// How often a file is begun anew because the server has another one by now.
const ANEW_MAX: u32 = 2;

/// What is kept of a file, and behind it what the server sends.
pub(super) struct Resumed<'a> {
    server: &'a Server,
    file: &'a str,
    size: u64,
    partial: &'a Partial,
    /// How many bytes of the partial go first.
    kept: u64,
    at: u64,
    body: Option<Body>,
    /// Length of the whole, as the server told it.
    total: Option<u64>,
    piece: Vec<u8>,
    taken: usize,
    pace: Pace,
    retry: Retry,
    anew: u32,
    ended: bool,
    /// Whether bytes of several answers were put together.
    pieced: bool,
    outcome: Outcome,
}

/// Why the reading ended.
#[derive(Debug)]
pub(super) enum Outcome {
    /// It was read as the server sent it.
    Read,
    /// The server has another file by now: all has to be read again, which can begin at once.
    Anew,
    /// It did not come.
    Failed(FetchError),
}

impl<'a> Resumed<'a> {
    pub(super) fn new(server: &'a Server, file: &'a str, size: u64, partial: &'a Partial) -> Resumed<'a> {
        let limits = server.limits();
        Resumed {
            server,
            file,
            size,
            partial,
            kept: 0,
            at: 0,
            body: None,
            total: None,
            piece: Vec::new(),
            taken: 0,
            pace: Pace::steady(limits),
            retry: Retry::new(limits, None),
            anew: 0,
            ended: false,
            pieced: false,
            outcome: Outcome::Read,
        }
    }

    /// Goes on behind the `have` bytes that are kept.
    pub(super) fn behind(&mut self, have: u64) {
        (self.kept, self.at, self.pieced) = (have, 0, have > 0);
    }

    /// Why it ended; from now on it is read from its first byte again.
    pub(super) fn end(&mut self) -> Outcome {
        let outcome = std::mem::replace(&mut self.outcome, Outcome::Read);
        self.at = 0;
        outcome
    }

    /// Whether bytes of several answers were put together, so that a fault may lie between them.
    pub(super) fn is_pieced(&self) -> bool {
        self.pieced
    }

    /// Forgets all of it.
    pub(super) fn restart(&mut self) {
        (self.kept, self.at, self.pieced, self.body, self.total) = (0, 0, false, None, None);
        (self.piece, self.taken, self.ended) = (Vec::new(), 0, false);
    }

    /// Makes the next bytes be there; none are left at the end.
    fn advance(&mut self) -> Result<(), FetchError> {
        loop {
            let error = match self.receive() {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            self.body = None;
            self.retry.wait(error)?;
        }
    }

    fn receive(&mut self) -> Result<(), FetchError> {
        if self.body.is_none() && !self.connect()? {
            return Ok(());
        }
        let Some(body) = &self.body else { return Ok(()) };
        if let Some(piece) = body.next(&mut self.pace)? {
            if self.at == 0 && looks_like_a_page(&piece) {
                return Err(FetchError::WebPage(self.server.url(self.file)?.to_string()));
            }
            self.retry.progressed();
            (self.piece, self.taken) = (piece, 0);
            return Ok(());
        }
        // An end that nobody announced is one only where the file ends.
        if self.at >= self.total.unwrap_or(self.size) {
            self.ended = true;
            return Ok(());
        }
        Err(body.cut(&format!("it ends after {} of {} bytes", self.at, self.size)))
    }

    /// Asks for what is missing. False if the file has to be begun anew.
    fn connect(&mut self) -> Result<bool, FetchError> {
        let url = self.server.url(self.file)?.to_string();
        let origin = self.partial.origin().filter(|origin| origin.url == url);
        let same = origin.as_ref().map(|origin| &origin.validator);
        let mut whole = false;
        let reply = self.server.ask(self.file, Ask { from: self.at, same, known: None }, &mut self.pace)?;
        match reply {
            Reply::Bytes { from, total, body, .. } if from > 0 && total.is_none_or(|total| total == self.size) => {
                (self.body, self.total, self.pieced) = (Some(body), total, true);
                return Ok(true);
            }
            Reply::Bytes { from: 0, total, validator, body } => {
                self.forget_kept()?;
                self.partial.comes_from(Origin { url: url.clone(), validator });
                (self.body, self.total) = (Some(body), total);
                if self.at == 0 {
                    return Ok(true);
                }
                whole = true;
            }
            // Another part, or a part of another file.
            Reply::Bytes { .. } | Reply::OtherPart | Reply::Unchanged => self.forget_kept()?,
        }
        self.anew += 1;
        if self.anew > ANEW_MAX {
            return Err(if whole { FetchError::NeverWhole(url) } else { FetchError::WrongPart(url) });
        }
        (self.kept, self.pieced, self.outcome) = (0, false, Outcome::Anew);
        Ok(false)
    }

    fn forget_kept(&self) -> Result<(), FetchError> {
        let FileError { path, error, .. } = match self.partial.begin_anew() {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        Err(FetchError::Unreadable { path, error })
    }
}

impl Read for Resumed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at < self.kept {
            let wanted = usize::try_from(self.kept - self.at).unwrap_or(usize::MAX).min(buffer.len());
            let read = self.partial.read_at(&mut buffer[..wanted], self.at)?;
            self.at += read as u64;
            return Ok(read);
        }
        // What was there when it was begun needs no server.
        let complete = self.kept == self.size && self.at == self.size;
        if self.taken == self.piece.len() && !complete && !self.ended {
            (self.piece, self.taken) = (Vec::new(), 0);
            if let Err(error) = self.advance() {
                self.outcome = Outcome::Failed(error);
            }
            if !matches!(self.outcome, Outcome::Read) {
                return Err(io::Error::other("it did not come"));
            }
        }
        let read = buffer.len().min(self.piece.len() - self.taken);
        buffer[..read].copy_from_slice(&self.piece[self.taken..self.taken + read]);
        (self.taken, self.at) = (self.taken + read, self.at + read as u64);
        Ok(read)
    }
}
