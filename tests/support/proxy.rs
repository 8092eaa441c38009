//! Proxies on this machine: one that understands CONNECT, one that speaks SOCKS 5. Both lead every name to this machine,
//! so that whoever reaches a name that nobody else knows came through them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A running proxy; it ends with the process.
pub(crate) struct Proxy {
    /// `HOST:PORT`.
    pub(crate) address: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// One that understands CONNECT, and wants this `Proxy-Authorization`, if any.
    pub(crate) fn http(login: Option<&'static str>) -> Proxy {
        Proxy::running(move |stream, asked| connect(stream, login, asked))
    }

    /// One that speaks SOCKS 5, without a login.
    pub(crate) fn socks() -> Proxy {
        Proxy::running(socks)
    }

    /// Where others wanted to go: `HOST:PORT`.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    fn running(serve: impl Fn(TcpStream, &Mutex<Vec<String>>) -> Option<()> + Send + Sync + 'static) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (serve, log) = (Arc::new(serve), Arc::clone(&asked));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (serve, log) = (Arc::clone(&serve), Arc::clone(&log));
                // A client that hangs up early is none of ours.
                std::thread::spawn(move || serve(stream.unwrap(), &log));
            }
        });
        Proxy { address, asked }
    }
}

fn connect(mut client: TcpStream, login: Option<&str>, asked: &Mutex<Vec<String>>) -> Option<()> {
    let mut reader = BufReader::new(client.try_clone().ok()?);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let to = line.strip_prefix("CONNECT ")?.split(' ').next()?.to_owned();
    let mut welcome = login.is_none();
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header).ok()? <= 2 {
            break;
        }
        let (name, value) = header.split_once(':')?;
        welcome |= name.eq_ignore_ascii_case("proxy-authorization") && login == Some(value.trim());
    }
    if !welcome {
        let wants = "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n";
        return client.write_all(wants.as_bytes()).ok();
    }
    asked.lock().unwrap().push(to.clone());
    let server = TcpStream::connect(("127.0.0.1", to.rsplit(':').next()?.parse().ok()?)).ok()?;
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").ok()?;
    relay(client, server)
}

/// RFC 1928, as far as a client without a login that names its host by name goes.
fn socks(mut client: TcpStream, asked: &Mutex<Vec<String>>) -> Option<()> {
    let [version, methods] = take(&mut client)?;
    client.read_exact(&mut vec![0; usize::from(methods)]).ok()?;
    client.write_all(&[version, 0]).ok()?;
    let [5, 1, 0, kind] = take(&mut client)? else { return None };
    let name = match kind {
        1 => std::net::Ipv4Addr::from(take::<4>(&mut client)?).to_string(),
        3 => {
            let [length] = take(&mut client)?;
            let mut name = vec![0; usize::from(length)];
            client.read_exact(&mut name).ok()?;
            String::from_utf8(name).ok()?
        }
        _ => return None,
    };
    let port = u16::from_be_bytes(take(&mut client)?);
    asked.lock().unwrap().push(format!("{name}:{port}"));
    let server = TcpStream::connect(("127.0.0.1", port)).ok()?;
    client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).ok()?;
    relay(client, server)
}

fn take<const N: usize>(client: &mut TcpStream) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    client.read_exact(&mut bytes).ok()?;
    Some(bytes)
}

fn relay(client: TcpStream, server: TcpStream) -> Option<()> {
    let (mut from, mut to) = (client.try_clone().ok()?, server.try_clone().ok()?);
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(std::net::Shutdown::Write);
    });
    let (mut from, mut to) = (server, client);
    std::io::copy(&mut from, &mut to).ok()?;
    to.shutdown(std::net::Shutdown::Write).ok()
}
