//! A web server on this machine, well-behaved or not.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How it answers a request for a path.
#[derive(Clone)]
pub(crate) enum Answer {
    /// With the file of that name.
    File,
    /// With this status line and body; more headers may follow the status.
    Status(&'static str),
    /// With a web page and status 200.
    Page { kind: &'static str },
    /// With bytes that never end.
    Endless,
    /// With the first half of the file, and the length of the whole.
    Half,
    /// With the file and some more.
    Longer,
    /// By sending the client elsewhere.
    Redirect(String),
    /// With the file, this validator's header, and parts of it to whoever asks for them.
    Parts { validator: &'static str },
    /// The same, but each answer breaks off after so many bytes.
    Cut { validator: &'static str, after: usize },
    /// The same, but each answer stops after so many bytes, and the connection stays.
    Stall { validator: &'static str, after: usize },
    /// To whoever asks for a part with this `Content-Range`, and the bytes asked for.
    Range(&'static str),
    /// With these bytes and status 200.
    Bytes(Vec<u8>),
    /// With the file, said to have this length.
    Length(usize),
    /// With one byte of the file after the other, so far apart.
    Drip(Duration),
    /// Not at all.
    Silence,
    /// With the first of these to the first request, and so on; the last one stays.
    Each(Arc<Mutex<Vec<Answer>>>),
}

impl Answer {
    pub(crate) fn each(answers: Vec<Answer>) -> Answer {
        Answer::Each(Arc::new(Mutex::new(answers)))
    }
}

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) path: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    /// Bytes of the body that was sent for it.
    pub(crate) sent: u64,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// A running server; it ends with the process.
pub(crate) struct Server {
    pub(crate) url: String,
    state: Arc<State>,
}

struct State {
    folder: PathBuf,
    requests: Mutex<Vec<Request>>,
    answers: Mutex<Vec<(String, Answer)>>,
}

impl Server {
    pub(crate) fn of(folder: PathBuf) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(State { folder, requests: Mutex::default(), answers: Mutex::default() });
        let serving = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let serving = Arc::clone(&serving);
                std::thread::spawn(move || serve(stream.unwrap(), &serving));
            }
        });
        Server { url, state }
    }

    /// From now on requests whose path ends with `path` are answered like this.
    pub(crate) fn answer(&self, path: &str, answer: Answer) {
        self.state.answers.lock().unwrap().insert(0, (path.to_owned(), answer));
    }

    /// What was asked for, and how many bytes were sent for it.
    pub(crate) fn asked(&self) -> Vec<(String, u64)> {
        self.requests().into_iter().map(|request| (request.path, request.sent)).collect()
    }

    /// The requests for paths that end with `path`.
    pub(crate) fn requests_for(&self, path: &str) -> Vec<Request> {
        self.requests().into_iter().filter(|request| request.path.ends_with(path)).collect()
    }

    fn requests(&self) -> Vec<Request> {
        self.state.requests.lock().unwrap().clone()
    }

    /// Forgets what was asked for.
    pub(crate) fn forget(&self) {
        self.state.requests.lock().unwrap().clear();
    }
}

/// What goes over the wire.
struct Reply {
    /// Status line and headers, but for the length.
    head: String,
    body: Vec<u8>,
    /// The length that is told, if it is another.
    length: Option<usize>,
    /// Whether the connection ends behind it.
    last: bool,
    pause: Option<Duration>,
}

impl Reply {
    fn of(head: impl Into<String>, body: Vec<u8>) -> Reply {
        Reply { head: head.into(), body, length: None, last: false, pause: None }
    }
}

fn serve(stream: TcpStream, state: &State) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    // Head and body are written one after the other: without this the second waits for the client to acknowledge the first.
    stream.set_nodelay(true).unwrap();
    let mut stream = stream;
    while let Some(mut request) = read_request(&mut reader) {
        let answers = state.answers.lock().unwrap();
        let rule = answers.iter().find(|(suffix, _)| request.path.ends_with(suffix)).map(|(_, answer)| answer.clone());
        drop(answers);
        let answer = resolve(rule.unwrap_or(Answer::File));
        if let Answer::Endless = answer {
            state.requests.lock().unwrap().push(request);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
            // Ends when the client hangs up.
            let _ = std::io::copy(&mut std::io::repeat(b'x').take(1 << 34), &mut stream);
            return;
        }
        if let Answer::Silence = answer {
            state.requests.lock().unwrap().push(request);
            // The client hangs up first.
            let _ = reader.read_line(&mut String::new());
            return;
        }
        let stalls = matches!(answer, Answer::Stall { .. });
        let reply = reply(&answer, &request, &state.folder);
        request.sent = reply.body.len() as u64;
        state.requests.lock().unwrap().push(request);
        let sent = send(&mut stream, &reply);
        if stalls {
            let _ = reader.read_line(&mut String::new());
        }
        if sent.is_err() || reply.last {
            let _ = stream.shutdown(Shutdown::Write);
            return;
        }
    }
}

fn read_request(reader: &mut impl BufRead) -> Option<Request> {
    let mut line = String::new();
    if reader.read_line(&mut line).unwrap_or(0) == 0 {
        return None;
    }
    let path = line.split(' ').nth(1).unwrap_or("/").trim_start_matches('/').to_owned();
    let mut headers = Vec::new();
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header).unwrap_or(0) <= 2 {
            return Some(Request { path, headers, sent: 0 });
        }
        if let Some((name, value)) = header.split_once(':') {
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
}

fn resolve(answer: Answer) -> Answer {
    match answer {
        Answer::Each(answers) => {
            let mut answers = answers.lock().unwrap();
            let next = if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() };
            drop(answers);
            resolve(next)
        }
        answer => answer,
    }
}

fn reply(answer: &Answer, request: &Request, folder: &Path) -> Reply {
    let file = std::fs::read(folder.join(&request.path));
    let missing = file.is_err() && matches!(answer, Answer::File | Answer::Parts { .. } | Answer::Cut { .. });
    if missing {
        return Reply::of("404 Not Found", b"<html>no such file</html>".to_vec());
    }
    let whole = file.unwrap_or_default();
    match answer {
        Answer::File => Reply::of("200 OK", whole),
        Answer::Status(status) => Reply::of(*status, b"sorry".to_vec()),
        Answer::Page { kind } => {
            Reply::of(format!("200 OK\r\nContent-Type: {kind}"), b"<!DOCTYPE html><html>log in</html>".to_vec())
        }
        Answer::Half => {
            let length = Some(whole.len());
            Reply { length, last: true, ..Reply::of("200 OK", whole[..whole.len() / 2].to_vec()) }
        }
        Answer::Longer => Reply::of("200 OK", [whole, vec![b'x'; 4096]].concat()),
        Answer::Redirect(to) => Reply::of(format!("302 Found\r\nLocation: {to}"), Vec::new()),
        Answer::Parts { validator } => part(validator, request, &whole),
        Answer::Cut { validator, after } | Answer::Stall { validator, after } => {
            let mut reply = part(validator, request, &whole);
            reply.length = Some(reply.body.len());
            reply.last = reply.body.len() > *after;
            reply.body.truncate(*after);
            reply
        }
        Answer::Range(range) => {
            let from = first_byte(request).unwrap_or(0);
            Reply::of(format!("206 Partial Content\r\nContent-Range: {range}"), whole[from..].to_vec())
        }
        Answer::Bytes(bytes) => Reply::of("200 OK", bytes.clone()),
        Answer::Length(length) => Reply { length: Some(*length), last: true, ..Reply::of("200 OK", whole) },
        Answer::Drip(pause) => Reply { pause: Some(*pause), ..Reply::of("200 OK", whole) },
        Answer::Endless | Answer::Silence | Answer::Each(_) => unreachable!("answered before"),
    }
}

/// As RFC 9110 has it: a part to whoever asks for one of this very file, else the whole; nothing new to whoever has it.
fn part(validator: &str, request: &Request, whole: &[u8]) -> Reply {
    let (header, value) = validator.split_once(": ").unwrap();
    let known = request.header(if header == "ETag" { "if-none-match" } else { "if-modified-since" });
    if known == Some(value) {
        return Reply::of(format!("304 Not Modified\r\n{validator}"), Vec::new());
    }
    let same = request.header("if-range").is_none_or(|range| range == value);
    match first_byte(request).filter(|_| same) {
        None => Reply::of(format!("200 OK\r\n{validator}"), whole.to_vec()),
        Some(from) if from >= whole.len() => {
            Reply::of(format!("416 Range Not Satisfiable\r\nContent-Range: bytes */{}", whole.len()), Vec::new())
        }
        Some(from) => {
            let range = format!("bytes {from}-{}/{}", whole.len() - 1, whole.len());
            let head = format!("206 Partial Content\r\n{validator}\r\nContent-Range: {range}");
            Reply::of(head, whole[from..].to_vec())
        }
    }
}

fn first_byte(request: &Request) -> Option<usize> {
    request.header("range")?.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
}

fn send(stream: &mut TcpStream, reply: &Reply) -> std::io::Result<()> {
    let length = reply.length.unwrap_or(reply.body.len());
    write!(stream, "HTTP/1.1 {}\r\nContent-Length: {length}\r\n\r\n", reply.head)?;
    let Some(pause) = reply.pause else { return stream.write_all(&reply.body) };
    reply.body.iter().try_for_each(|byte| {
        std::thread::sleep(pause);
        stream.write_all(&[*byte])
    })
}
