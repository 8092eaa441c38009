//! What a server answers, piece by piece: read in a thread of its own, so that whoever waits for it can be interrupted.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Instant;

use reqwest::StatusCode;
use reqwest::blocking::{RequestBuilder, Response};
use reqwest::header::HeaderMap;
use std::io::Read;

use super::FetchError;
use super::client::failure;
use super::pace::Pace;
use super::retry::GLANCE;
use crate::system::interrupt;

/// How much is read at once, in bytes.
const PIECE: usize = 64 * 1024;

/// How many pieces may wait to be taken.
const WAITING: usize = 4;

/// What stands before the bytes.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
}

#[derive(Debug)]
enum Message {
    Head(Head),
    Piece(Vec<u8>),
    End,
    Failed(FetchError),
}

/// The bytes of an answer as they arrive.
#[derive(Debug)]
pub(super) struct Body {
    url: String,
    messages: Receiver<Message>,
}

impl Body {
    /// Sends a request, and waits for the head of its answer.
    pub(super) fn request(url: &str, request: RequestBuilder, pace: &mut Pace) -> Result<(Head, Body), FetchError> {
        let (sender, messages) = sync_channel(WAITING);
        let name = url.to_owned();
        // It ends with its connection, or when nobody takes its pieces any more.
        let spawned = thread::Builder::new().name("fetch".to_owned()).spawn(move || receive(&name, request, &sender));
        if let Err(error) = spawned {
            return Err(FetchError::Unreachable { url: url.to_owned(), error: error.to_string() });
        }
        let body = Body { url: url.to_owned(), messages };
        match body.wait(pace)? {
            Message::Head(head) => Ok((head, body)),
            Message::Failed(error) => Err(error),
            Message::Piece(_) | Message::End => Err(body.cut("it has no head")),
        }
    }

    /// The next piece; none at the end.
    pub(super) fn next(&self, pace: &mut Pace) -> Result<Option<Vec<u8>>, FetchError> {
        match self.wait(pace)? {
            Message::Piece(piece) => Ok(Some(piece)),
            Message::End => Ok(None),
            Message::Failed(error) => Err(error),
            Message::Head(_) => Err(self.cut("it has two heads")),
        }
    }

    pub(super) fn cut(&self, error: &str) -> FetchError {
        FetchError::Cut { url: self.url.clone(), error: error.to_owned() }
    }

    fn wait(&self, pace: &mut Pace) -> Result<Message, FetchError> {
        loop {
            if interrupt::asked() {
                return Err(FetchError::Interrupted);
            }
            let began = Instant::now();
            let message = self.messages.recv_timeout(GLANCE);
            let bytes = if let Ok(Message::Piece(piece)) = &message { piece.len() as u64 } else { 0 };
            pace.waited(began.elapsed(), bytes, &self.url)?;
            match message {
                Ok(message) => return Ok(message),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Err(self.cut("nobody reads it")),
            }
        }
    }
}

/// Sends `request` and hands on what comes, until the end or until nobody wants it.
fn receive(url: &str, request: RequestBuilder, sender: &SyncSender<Message>) {
    let response = match request.send() {
        Ok(response) => response,
        Err(error) => return drop(sender.send(Message::Failed(failure(url, &error)))),
    };
    let head = Head { status: response.status(), headers: response.headers().clone() };
    if sender.send(Message::Head(head)).is_ok() {
        hand_on(url, response, sender);
    }
}

fn hand_on(url: &str, mut response: Response, sender: &SyncSender<Message>) {
    loop {
        let mut piece = vec![0; PIECE];
        let message = match response.read(&mut piece) {
            Ok(0) => Message::End,
            Ok(read) => {
                piece.truncate(read);
                Message::Piece(piece)
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => Message::Failed(FetchError::Cut { url: url.to_owned(), error: reason(&error) }),
        };
        let last = !matches!(message, Message::Piece(_));
        if sender.send(message).is_err() || last {
            return;
        }
    }
}

/// The end of the chain of causes says what happened.
fn reason(error: &std::io::Error) -> String {
    let first = error.get_ref().map(|held| held as &dyn std::error::Error);
    let last = std::iter::successors(first, |error| error.source()).last();
    last.map_or_else(|| error.to_string(), ToString::to_string)
}
