//! Over HTTPS, by a real server with a certificate of an authority of its own.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::support::machine::{Image, Said, qus};
use crate::support::publisher::Publisher;

/// Makes an authority, and a certificate of it for `localhost`.
const CERTIFY: &str = r#"
cd "$1"
openssl req -x509 -newkey rsa:2048 -nodes -keyout authority.key -out authority.pem -days 2 \
    -subj /CN=authority -addext basicConstraints=critical,CA:TRUE
openssl req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj /CN=localhost
printf 'subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n' > extensions
openssl x509 -req -in server.csr -CA authority.pem -CAkey authority.key -CAcreateserial -days 2 -extfile extensions -out server.pem
"#;

const SERVE: &str = r"
import functools, http.server, ssl, sys
folder, keys = sys.argv[1:]
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=folder)
server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(keys + '/server.pem', keys + '/server.key')
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_address[1], flush=True)
server.serve_forever()
";

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to end.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn serve(folder: &Path, keys: &Path) -> (Server, String) {
    let certified = Command::new("sh").args(["-ec", CERTIFY, "sh"]).arg(keys).output().unwrap();
    assert!(certified.status.success(), "openssl is needed: {certified:?}");
    let mut child = Command::new("python3")
        .args(["-c", SERVE])
        .args([folder, keys])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("python3 is needed: {error}"));
    let mut port = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut port).unwrap();
    (Server(child), format!("https://localhost:{}", port.trim()))
}

#[test]
fn a_repository_is_reached_over_https_by_whoever_knows_its_authority_and_by_nobody_else() {
    let folder = TempDir::new().unwrap();
    let (repository, keys) = (folder.path().join("repository"), folder.path().join("keys"));
    std::fs::create_dir(&keys).unwrap();
    let (_server, url) = serve(&repository, &keys);
    let image = Image::at_url(Some(&url), |_, url| Publisher::usual(&repository, url, &["aarch64"]));
    image.run_in_vain(&["install", "aarch64"]).expect(7, &["invalid peer certificate"]);
    image.run_in_vain(&["install", "aarch64", "--offline"]).expect(7, &["--offline forbids"]);
    let output = qus()
        .env("SSL_CERT_FILE", keys.join("authority.pem"))
        .arg("--root")
        .arg(image.root())
        .args(["install", "aarch64"])
        .output()
        .unwrap();
    Said::by(output).expect(0, &["installed"]);
}
