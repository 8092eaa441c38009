//! A web server on this machine, well-behaved or not.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

/// How it answers a request for a path.
#[derive(Clone)]
pub(crate) enum Answer {
    /// With the file of that name.
    File,
    /// With this status line and body.
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
}

/// A running server; it ends with the process.
pub(crate) struct Server {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<(String, u64)>>>,
    answers: Arc<Mutex<Vec<(String, Answer)>>>,
}

impl Server {
    pub(crate) fn of(folder: PathBuf) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let answers = Arc::new(Mutex::new(Vec::<(String, Answer)>::new()));
        let (log, rules) = (Arc::clone(&asked), Arc::clone(&answers));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (folder, log, rules) = (folder.clone(), Arc::clone(&log), Arc::clone(&rules));
                std::thread::spawn(move || serve(stream.unwrap(), &folder, &log, &rules));
            }
        });
        Server { url, asked, answers }
    }

    /// From now on requests whose path ends with `path` are answered like this.
    pub(crate) fn answer(&self, path: &str, answer: Answer) {
        self.answers.lock().unwrap().insert(0, (path.to_owned(), answer));
    }

    /// What was asked for, and how many bytes were sent for it.
    pub(crate) fn asked(&self) -> Vec<(String, u64)> {
        self.asked.lock().unwrap().clone()
    }
}

fn serve(
    stream: TcpStream,
    folder: &std::path::Path,
    log: &Mutex<Vec<(String, u64)>>,
    rules: &Mutex<Vec<(String, Answer)>>,
) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    // Head and body are written one after the other: without this the second waits for the client to acknowledge the first.
    stream.set_nodelay(true).unwrap();
    let mut stream = stream;
    loop {
        let mut request = String::new();
        if reader.read_line(&mut request).unwrap_or(0) == 0 {
            return;
        }
        let mut header = String::new();
        while reader.read_line(&mut header).unwrap_or(0) > 2 {
            header.clear();
        }
        let path = request.split(' ').nth(1).unwrap_or("/").trim_start_matches('/').to_owned();
        let rule =
            rules.lock().unwrap().iter().find(|(suffix, _)| path.ends_with(suffix)).map(|(_, answer)| answer.clone());
        let file = || std::fs::read(folder.join(&path)).ok();
        let (head, body, lied) = match rule.unwrap_or(Answer::File) {
            Answer::File => match file() {
                Some(body) => ("200 OK".to_owned(), body, None),
                None => ("404 Not Found".to_owned(), b"<html>no such file</html>".to_vec(), None),
            },
            Answer::Status(status) => (status.to_owned(), b"sorry".to_vec(), None),
            Answer::Page { kind } => {
                (format!("200 OK\r\nContent-Type: {kind}"), b"<!DOCTYPE html><html>log in</html>".to_vec(), None)
            }
            Answer::Half => {
                let body = file().unwrap();
                let whole = body.len();
                ("200 OK".to_owned(), body[..whole / 2].to_vec(), Some(whole))
            }
            Answer::Longer => {
                let mut body = file().unwrap();
                body.extend([b'x'; 4096]);
                ("200 OK".to_owned(), body, None)
            }
            Answer::Redirect(to) => (format!("302 Found\r\nLocation: {to}"), Vec::new(), None),
            Answer::Endless => {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
                // Ends when the client hangs up.
                let _ = std::io::copy(&mut std::io::repeat(b'x').take(1 << 34), &mut stream);
                return;
            }
        };
        log.lock().unwrap().push((path, body.len() as u64));
        let length = lied.unwrap_or(body.len());
        let sent = write!(stream, "HTTP/1.1 {head}\r\nContent-Length: {length}\r\n\r\n")
            .and_then(|()| stream.write_all(&body));
        if sent.is_err() || lied.is_some() {
            return;
        }
    }
}
