//! The programs that plans run, confined: through the proxy to hosts over TLS, with a private CA.
//!
//! The proxy is the test's own, so that public names can lead to its servers; the step reaches it as an entry on the
//! host's loopback, and every variable that names its usual proxy names this one instead.

use std::fs;
use std::process::Command;

use super::elsewhere::Elsewhere;
use super::site::Site;
use crate::common::{Ran, Repo};

/// Works on a copy that the step owns, and replaces the usual proxy in the environment, whatever the variables are
/// called.
const REDIRECT: &str = r#"
cp -R . "$TMPDIR/copy" && cd "$TMPDIR/copy"
for name in $(env | sed -n 's|=http://127.0.0.1:61080$||p'); do export "$name=http://127.0.0.1:PORT"; done
export CURL_CA_BUNDLE=$PWD/ca.pem SSL_CERT_FILE=$PWD/ca.pem GIT_SSL_CAINFO=$PWD/ca.pem
export CARGO_HTTP_CAINFO=$PWD/ca.pem npm_config_cafile=$PWD/ca.pem
"#;

/// A repository whose steps reach `*.example.org`, which is a folder served over TLS.
struct World {
    repo: Repo,
    outside: std::sync::Arc<Elsewhere>,
    proxy: super::elsewhere::Proxy,
}

impl World {
    fn new() -> Self {
        let repo = Repo::new();
        let folder = repo.dir().join("site");
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("hello"), "hello from outside\n").unwrap();
        let site = Site::of(&folder, &["*.example.org"]);
        fs::write(repo.top().join("ca.pem"), &site.ca).unwrap();
        let outside = Elsewhere::new();
        for name in ["files", "git", "index", "npm"] {
            outside.answers(&format!("{name}.example.org"), &["9.9.9.9"]);
        }
        outside.leads("9.9.9.9:443", site.address);
        let proxy = outside.proxy(&["*.example.org"]);
        Self { repo, outside, proxy }
    }

    fn served(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.repo.dir().join("site").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// Runs a script as a step that reaches the proxy alone.
    fn confined(&self, script: &str) -> Ran {
        self.confined_with(&[], script)
    }

    /// The same under a policy that gives more.
    fn confined_with(&self, policy: &[&str], script: &str) -> Ran {
        let port = self.proxy.address.port().to_string();
        let script = REDIRECT.replace("PORT", &port) + script;
        let network = format!("127.0.0.1:{port}");
        let command = ["--", "sh", "-ec", &script];
        self.repo.autopilot([&["sandbox", "--network", &network], policy, &command].concat())
    }
}

#[test]
fn curl_follows_no_redirect_to_a_host_that_is_not_listed() {
    let world = World::new();
    world.confined("curl -sS https://files.example.org/hello").exits(0).says("hello from outside");
    world.confined("curl -sS https://example.net/").exits(56).says("CONNECT tunnel failed, response 403");
    let redirect = "HTTP/1.1 302 Found\r\nLocation: https://example.net/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let host = super::host::Host::answering(redirect.to_owned());
    world.outside.answers("plain.example.org", &["8.8.8.8"]);
    world.outside.leads("8.8.8.8:443", host.address);
    // Plain HTTP in a tunnel, which is looked at request by request.
    let follow = "curl -sSLp http://plain.example.org:443/";
    world.confined(follow).exits(56).says("CONNECT tunnel failed, response 403");
    assert_eq!(host.heads().len(), 1);
    assert!(
        world.outside.asked().iter().all(|name| name.ends_with(".example.org")),
        "{:?}",
        world.outside.asked()
    );
}

#[test]
fn curl_asks_for_another_name_than_its_tunnels_and_is_refused() {
    let world = World::new();
    let ran = world.confined(
        "curl -sS --connect-to evil.example.net:443:files.example.org:443 https://evil.example.net/hello",
    );
    assert_ne!(ran.code, 0, "{ran:?}");
    ran.hides("hello from outside");
}

#[test]
fn python_reads_a_page() {
    let script = "/usr/bin/python3 -c \"import urllib.request as r; print(r.urlopen('https://files.example.org/hello').read())\"";
    World::new().confined(script).exits(0).says("hello from outside");
}

#[test]
fn git_clones_over_https() {
    let world = World::new();
    let top = world.repo.top();
    let bare = world.repo.dir().join("site/repo.git");
    world.repo.git(["clone", "-q", "--bare", top.to_str().unwrap(), bare.to_str().unwrap()]);
    world.repo.git(["-C", bare.to_str().unwrap(), "update-server-info"]);
    let script = "git clone -q https://git.example.org/repo.git got && cat got/README.md";
    world.confined(script).exits(0).says("a scratch repository");
}

#[test]
fn cargo_fetches_from_a_registry() {
    let world = World::new();
    let dir = world.repo.dir();
    let package = dir.join("tiny-0.1.0");
    fs::create_dir_all(package.join("src")).unwrap();
    fs::write(
        package.join("Cargo.toml"),
        "[package]\nname = \"tiny\"\nversion = \"0.1.0\"\nedition = \"2021\"\n",
    )
    .unwrap();
    fs::write(package.join("src/lib.rs"), "").unwrap();
    let packed = Command::new("tar").args(["-cz", "tiny-0.1.0"]).current_dir(dir).output().unwrap().stdout;
    let sum = {
        use sha2::{Digest, Sha256};
        hex::encode(Sha256::digest(&packed))
    };
    world.served("dl/tiny/0.1.0/download", packed);
    world.served("config.json", r#"{"dl": "https://files.example.org/dl"}"#);
    let entry = format!(
        r#"{{"name":"tiny","vers":"0.1.0","deps":[],"cksum":"{sum}","features":{{}},"yanked":false}}"#
    );
    world.served("ti/ny/tiny", entry);
    let repo = &world.repo;
    repo.file(".cargo/config.toml", "[registries.own]\nindex = \"sparse+https://index.example.org/\"\n");
    repo.file("src/lib.rs", "");
    repo.file(
        "Cargo.toml",
        "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[dependencies]\ntiny = { version = \"0.1\", registry = \"own\" }\n",
    );
    world.confined("cargo fetch && cargo tree --offline").exits(0).says("tiny v0.1.0");
}

#[test]
fn npm_installs_from_a_registry() {
    let world = World::new();
    let dir = world.repo.dir();
    fs::create_dir(dir.join("package")).unwrap();
    fs::write(dir.join("package/package.json"), r#"{"name": "tiny", "version": "1.0.0"}"#).unwrap();
    let packed = Command::new("tar").args(["-cz", "package"]).current_dir(dir).output().unwrap().stdout;
    world.served("tiny-1.0.0.tgz", packed);
    let document = r#"{"name": "tiny", "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0":
        {"name": "tiny", "version": "1.0.0", "dist": {"tarball": "https://npm.example.org/tiny-1.0.0.tgz"}}}}"#;
    world.served("tiny", document);
    world.repo.file("package.json", r#"{"name": "app", "version": "1.0.0"}"#);
    let script = "npm install --no-audit --no-fund --registry https://npm.example.org/ tiny && cat node_modules/tiny/package.json";
    world.confined(script).exits(0).says(r#""version": "1.0.0""#);
}

#[test]
#[ignore = "needs node"]
fn node_fetches_a_page() {
    let node = std::env::var("AUTOPILOT_TEST_NODE")
        .expect("no node that heeds proxies: AUTOPILOT_TEST_NODE=$(bash .ci/node) installs and names one");
    let script = format!(
        "export NODE_EXTRA_CA_CERTS=$PWD/ca.pem
        {node}/node -e \"fetch('https://files.example.org/hello').then(r => r.text()).then(console.log)\""
    );
    World::new().confined_with(&["--read", &node], &script).exits(0).says("hello from outside");
}

/// Opens a thousand connections before it asks anything, then asks over each, and counts the answers.
const THOUSAND: &str = "
import socket
ends = [socket.create_connection(('127.0.0.1', PORT)) for _ in range(1000)]
for end in ends: end.sendall(b'GET http://plain.example.org/ HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n')
good = 0
for end in ends:
    answer = b''
    while piece := end.recv(65536): answer += piece
    good += answer.startswith(b'HTTP/1.1 200') and answer.endswith(b'well')
print(good, 'answers')
";

#[test]
fn a_thousand_connections_at_once_are_all_served() {
    let world = World::new();
    let host = super::host::Host::saying("well");
    let network = format!("127.0.0.1:{}", host.address.port());
    // The released proxy itself, from within: through it the host's own server, as an address that is listed.
    let script = THOUSAND.replace("PORT", "61080").replace("plain.example.org", &network);
    world
        .repo
        .autopilot([
            "sandbox",
            "--network",
            &network,
            "--open-files",
            "4096",
            "--",
            "/usr/bin/python3",
            "-c",
            &script,
        ])
        .exits(0)
        .says("1000 answers");
    assert_eq!(host.heads().len(), 1000);
}
