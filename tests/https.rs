//! Over HTTPS, by a real server with a certificate of an authority of its own.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::support::machine::{Image, Said, qus};
use crate::support::proxy::Proxy;
use crate::support::publisher::Publisher;
use crate::support::server::Server as PlainServer;

/// Makes an authority, and a certificate of it for `localhost` and for a name that nobody else knows.
const CERTIFY: &str = r#"
cd "$1"
openssl req -x509 -newkey rsa:2048 -nodes -keyout authority.key -out authority.pem -days 2 \
    -subj /CN=authority -addext basicConstraints=critical,CA:TRUE
openssl req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj /CN=localhost
printf 'subjectAltName=DNS:localhost,DNS:qus.invalid\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n' > extensions
openssl x509 -req -in server.csr -CA authority.pem -CAkey authority.key -CAcreateserial -days 2 -extfile extensions -out server.pem
"#;

const SERVE: &str = r"
import functools, http.server, os, ssl, sys
folder, keys = sys.argv[1:]
class Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        if not os.path.exists(keys + '/elsewhere'):
            return super().do_GET()
        self.send_response(302)
        self.send_header('Location', open(keys + '/elsewhere').read() + self.path)
        self.send_header('Content-Length', '0')
        self.end_headers()
handler = functools.partial(Handler, directory=folder)
server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(keys + '/server.pem', keys + '/server.key')
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_address[1], flush=True)
server.serve_forever()
";

pub(crate) struct Server(Child);

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

/// An image, a server that it trusts by the name `host`, and the folder with the keys and all else.
pub(crate) fn at(host: &str) -> (Image, Server, TempDir) {
    let folder = TempDir::new().unwrap();
    let (repository, keys) = (folder.path().join("repository"), folder.path().join("keys"));
    std::fs::create_dir(&keys).unwrap();
    let (server, url) = serve(&repository, &keys);
    let url = url.replace("localhost", host);
    let image = Image::at_url(Some(&url), |_, url| Publisher::usual(&repository, url, &["aarch64"]));
    (image, server, folder)
}

/// Installs with these variables, and none of the tester's.
fn install(image: &Image, variables: &[(&str, &str)]) -> Said {
    let mut command = qus();
    for name in ["http_proxy", "https_proxy", "all_proxy", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR"] {
        command.env_remove(name).env_remove(name.to_uppercase());
    }
    command.envs(variables.iter().copied()).arg("--root").arg(image.root()).args(["install", "aarch64"]);
    Said::by(command.output().unwrap())
}

/// What the environment says of the authority.
fn believing(folder: &TempDir) -> (&'static str, String) {
    ("SSL_CERT_FILE", folder.path().join("keys/authority.pem").display().to_string())
}

#[test]
fn a_repository_is_reached_over_https_by_whoever_knows_its_authority_and_by_nobody_else() {
    let (image, _server, folder) = at("localhost");
    let before = image.tree();
    let said = install(&image, &[]).expect(7, &["invalid peer certificate", "help: if a company's proxy", "ca = "]);
    assert!(!said.stderr.contains("trying again"), "a certificate does not get better: {said:#?}");
    image.run_in_vain(&["install", "aarch64", "--offline"]).expect(7, &["--offline forbids"]);
    assert_eq!(image.tree(), before);
    let (name, value) = believing(&folder);
    install(&image, &[(name, &value)]).expect(0, &["installed"]);
}

#[test]
fn a_redirect_from_https_to_http_is_refused_even_on_this_machine() {
    let (image, _server, folder) = at("localhost");
    let (name, authority) = believing(&folder);
    let before = image.tree();
    let plain = PlainServer::of(folder.path().join("repository"));
    let elsewhere = folder.path().join("keys/elsewhere");
    std::fs::write(&elsewhere, &plain.url).unwrap();
    let says = format!("leads to \"{}/root.2.json\", a place without encryption", plain.url);
    install(&image, &[(name, &authority)]).expect(7, &[&says]);
    assert_eq!((image.tree(), plain.asked()), (before, vec![]));

    // One that stays encrypted is followed.
    let (_other, url) = serve(&folder.path().join("repository"), &other_keys(&folder));
    std::fs::write(&elsewhere, url).unwrap();
    let both = folder.path().join("both.pem");
    let mut certificates = std::fs::read(&authority).unwrap();
    certificates.extend(std::fs::read(folder.path().join("other/authority.pem")).unwrap());
    std::fs::write(&both, certificates).unwrap();
    install(&image, &[(name, both.to_str().unwrap())]).expect(0, &["installed"]);
}

fn other_keys(folder: &TempDir) -> std::path::PathBuf {
    let keys = folder.path().join("other");
    std::fs::create_dir(&keys).unwrap();
    keys
}

#[test]
fn a_machine_without_any_authority_says_what_it_lacks() {
    let (image, _server, folder) = at("localhost");
    let none = folder.path().join("none.pem");
    std::fs::write(&none, "").unwrap();
    let variables = [("SSL_CERT_FILE", none.to_str().unwrap()), ("SSL_CERT_DIR", folder.path().to_str().unwrap())];
    install(&image, &variables)
        .expect(7, &["this machine knows no authority", "help: install the certificates", "ca-certificates"]);
}

#[test]
fn a_companys_authority_is_named_in_the_settings() {
    let (image, _server, folder) = at("localhost");
    let settings = image.root().join("etc/qus/config.toml");
    std::fs::write(&settings, "ca = \"/etc/qus/company.pem\"").unwrap();
    install(&image, &[])
        .expect(2, &["\"/etc/qus/company.pem\" holds no certificates that can be used: there is no such file"]);
    let certificates = image.root().join("etc/qus/company.pem");
    for text in ["", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        std::fs::write(&certificates, text).unwrap();
        install(&image, &[]).expect(2, &["\"/etc/qus/company.pem\" holds no certificates that can be used: "]);
    }
    std::fs::copy(folder.path().join("keys/authority.pem"), &certificates).unwrap();
    install(&image, &[]).expect(0, &["installed"]);
}

#[test]
fn a_proxy_is_asked_for_a_name_that_only_it_knows() {
    let (image, _server, folder) = at("qus.invalid");
    let (name, authority) = believing(&folder);
    let authority = (name, authority.as_str());
    install(&image, &[authority]).expect(7, &["cannot reach \"https://qus.invalid:"]);
    let (http, socks) = (Proxy::http(None), Proxy::socks());
    let (by_http, by_socks) = (format!("http://{}", http.address), format!("socks5h://{}", socks.address));
    let rows = [
        ("HTTPS_PROXY", &by_http, &http),
        ("https_proxy", &by_http, &http),
        ("ALL_PROXY", &by_http, &http),
        ("HTTPS_PROXY", &by_socks, &socks),
        ("all_proxy", &by_socks, &socks),
    ];
    for (variable, value, proxy) in rows {
        let before = proxy.asked().len();
        install(&image, &[authority, (variable, value)]).expect(0, &["installed"]);
        let asked = proxy.asked();
        assert!(asked.len() > before, "{variable}={value}");
        assert!(asked.iter().all(|to| to.starts_with("qus.invalid:")), "{asked:?}");
        image.run(&["remove", "all"]).expect(0, &[]);
    }
}

#[test]
fn the_settings_name_a_proxy_where_the_environment_names_none() {
    let (image, _server, folder) = at("qus.invalid");
    let (name, authority) = believing(&folder);
    let authority = (name, authority.as_str());
    let (ours, theirs) = (Proxy::socks(), Proxy::http(None));
    let settings = image.root().join("etc/qus/config.toml");
    std::fs::write(&settings, format!("proxy = \"socks5h://{}\"", ours.address)).unwrap();
    install(&image, &[authority]).expect(0, &["installed"]);
    let asked = ours.asked().len();
    assert!(asked > 0);
    image.run(&["remove", "all"]).expect(0, &[]);
    install(&image, &[authority, ("HTTPS_PROXY", &format!("http://{}", theirs.address))]).expect(0, &["installed"]);
    assert_eq!(ours.asked().len(), asked);
    assert!(!theirs.asked().is_empty());
    image.run(&["remove", "all"]).expect(0, &[]);
    install(&image, &[authority, ("NO_PROXY", "qus.invalid")]).expect(7, &["cannot reach"]);
    assert_eq!(ours.asked().len(), asked);
    std::fs::write(&settings, "proxy = \"gopher://x\"").unwrap();
    install(&image, &[authority]).expect(2, &["\"gopher://x\" is no proxy that can be used"]);
    std::fs::write(&settings, "proxy = \"gopher://name:secret@x\"").unwrap();
    let said = install(&image, &[authority]).expect(2, &["\"x\" is no proxy that can be used"]);
    assert!(!said.stderr.contains("secret"), "{said:#?}");
}

#[test]
fn no_proxy_keeps_a_host_from_the_proxy() {
    let (image, _server, folder) = at("localhost");
    let (name, authority) = believing(&folder);
    let proxy = Proxy::http(None);
    let url = format!("http://{}", proxy.address);
    let variables = [(name, authority.as_str()), ("HTTPS_PROXY", &url), ("NO_PROXY", "localhost")];
    install(&image, &variables).expect(0, &["installed"]);
    assert_eq!(proxy.asked(), [""; 0]);
}

#[test]
fn a_proxy_that_wants_a_password_says_so() {
    let (image, _server, folder) = at("qus.invalid");
    let (name, authority) = believing(&folder);
    let authority = (name, authority.as_str());
    // `name:password` in base64.
    let proxy = Proxy::http(Some("Basic bmFtZTpwYXNzd29yZA=="));
    let says =
        ["the proxy on the way to \"https://qus.invalid:", "wants a name and a password", "HTTPS_PROXY=http://NAME:"];
    let said = install(&image, &[authority, ("HTTPS_PROXY", &format!("http://{}", proxy.address))]).expect(7, &says);
    assert!(!said.stderr.contains("trying again"), "{said:#?}");
    let url = format!("http://name:password@{}", proxy.address);
    install(&image, &[authority, ("HTTPS_PROXY", &url)]).expect(0, &["installed"]);
}
