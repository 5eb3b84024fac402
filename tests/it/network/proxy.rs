//! What the proxy lets through, against clients that mean harm.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use autopilot::network::{Decision, Verdict};
use tokio_rustls::rustls::{self, ClientConfig, ClientConnection, RootCertStore, pki_types::ServerName};

use super::elsewhere::{Elsewhere, Proxy};
use super::host::Host;
use crate::common::wait_until;

impl Proxy {
    fn open(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream
    }

    /// Sends these bytes, and returns all that comes back.
    fn send(&self, bytes: &[u8]) -> String {
        let mut stream = self.open();
        // It may hang up before it has read everything.
        let _ = stream.write_all(bytes);
        read_all(stream)
    }

    fn get(&self, url: &str) -> String {
        self.send(format!("GET {url} HTTP/1.1\r\nHost: whoever\r\nConnection: close\r\n\r\n").as_bytes())
    }

    /// Opens a tunnel; returns the answer's first line and the tunnel.
    fn connect(&self, target: &str) -> (String, TcpStream) {
        let mut stream = self.open();
        write!(stream, "CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n").unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        (String::from_utf8_lossy(&head).lines().next().unwrap().to_owned(), stream)
    }

    fn end(self) -> Vec<Decision> {
        self.serving.end().decisions
    }
}

fn read_all(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    // A reset ends it as well.
    let _ = stream.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The first thing a TLS client says to a server of this name.
fn hello(name: &str) -> Vec<u8> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut bytes = Vec::new();
    ClientConnection::new(Arc::new(config), name).unwrap().write_tls(&mut bytes).unwrap();
    bytes
}

fn whys(decisions: &[Decision]) -> Vec<String> {
    decisions
        .iter()
        .map(|decision| format!("{}:{} {}", decision.host, decision.port, decision.verdict.why()))
        .collect()
}

#[test]
fn a_listed_host_is_reached_under_its_own_name() {
    let (host, outside) = (Host::saying("hello"), Elsewhere::new());
    outside.host("example.org", 80, host.address);
    let proxy = outside.proxy(&["example.org:80"]);
    let answer = proxy.send(
        b"GET http://EXAMPLE.org/a?b HTTP/1.1\r\nHost: other.example.org\r\nProxy-Authorization: x\r\n\
          Connection: close, X-Hop\r\nX-Hop: y\r\nUpgrade: z\r\nX-Own: kept\r\n\r\n",
    );
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("hello"), "{answer}");
    let head = host.heads().remove(0).to_lowercase();
    assert!(head.starts_with("get /a?b http/1.1\r\n"), "{head}");
    assert!(head.contains("host: example.org\r\n") && head.contains("x-own: kept\r\n"), "{head}");
    assert!(["proxy-", "x-hop", "upgrade", "other"].iter().all(|gone| !head.contains(gone)), "{head}");
    assert_eq!(outside.dialled(), ["9.9.9.9:80"]);
}

#[test]
fn what_is_not_listed_is_neither_resolved_nor_reached() {
    let outside = Elsewhere::new();
    let proxy = outside.proxy(&["example.org:80", "*.example.org:80", "example.org"]);
    for url in [
        "http://evilexample.org/",
        "http://example.org:81/",
        "http://example.org.evil.net/",
        "http://example.org@evil.net/",
        "http://127.0.0.1/",
        "http://[::1]/",
        "http://localhost/",
        "http://0x7f.1/",
        "http://2130706433/",
        "http://127.1/",
        "http://*.example.org/",
        "http://example.org%2eevil.net/",
        "https://example.org/",
        "ftp://example.org/",
        "/",
    ] {
        let answer = proxy.get(url);
        assert!(answer.starts_with("HTTP/1.1 4"), "{url}: {answer}");
    }
    for target in [
        "evil.net:443",
        "example.org:8443",
        "*.example.org:443",
        "[::1]:443",
        "example.org",
        "a.example.org:443",
    ] {
        let (line, _) = proxy.connect(target);
        assert!(line.contains(" 40"), "{target}: {line}");
    }
    assert_eq!((outside.asked(), outside.dialled()), (vec![], vec![]));
}

#[test]
fn a_public_name_leads_to_no_private_address() {
    let outside = Elsewhere::new();
    let proxy = outside.proxy(&["*.example.org"]);
    for (number, address) in [
        "127.0.0.1",
        "10.0.0.1",
        "169.254.169.254",
        "fd00:ec2::254",
        "::1",
        "::ffff:192.168.0.1",
        "64:ff9b::a9fe:a9fe",
    ]
    .iter()
    .enumerate()
    {
        let name = format!("h{number}.example.org");
        outside.answers(&name, &[address]);
        assert!(proxy.connect(&format!("{name}:443")).0.contains("403"), "{address}");
    }
    assert_eq!(outside.dialled(), Vec::<String>::new());
    let decisions = proxy.end();
    assert!(
        whys(&decisions)[2].ends_with("the name resolves to 169.254.169.254, which is link-local"),
        "{decisions:?}"
    );
    assert!(
        whys(&decisions)[1].ends_with("needs this address on the list, beside the name"),
        "{decisions:?}"
    );
    let Verdict::Refused { allow, .. } = &decisions[1].verdict else { panic!("{decisions:?}") };
    assert_eq!(allow.as_deref(), Some("10.0.0.1"));
}

#[test]
fn a_private_address_that_is_listed_itself_is_reached_by_name_too() {
    let (host, outside) = (Host::saying("inside"), Elsewhere::new());
    outside.answers("a.example.org", &["10.0.0.2", "10.0.0.1"]);
    outside.leads("10.0.0.1:80", host.address);
    let proxy = outside.proxy(&["a.example.org:80", "10.0.0.1:80"]);
    assert!(proxy.get("http://a.example.org/").ends_with("inside"));
    assert_eq!(outside.dialled(), ["10.0.0.1:80"]);
}

#[test]
fn a_name_is_resolved_once_and_the_checked_address_is_what_is_reached() {
    let (host, outside) = (Host::saying("public"), Elsewhere::new());
    outside.leads("9.9.9.9:80", host.address);
    // A resolver that changes its mind between the check and the use, if those were two.
    outside.answers("example.org", &["9.9.9.9"]);
    outside.answers("example.org", &["127.0.0.1"]);
    let proxy = outside.proxy(&["example.org:80"]);
    assert!(proxy.get("http://example.org/").ends_with("public"));
    assert_eq!((outside.asked().len(), outside.dialled()), (1, vec!["9.9.9.9:80".to_owned()]));
    assert!(proxy.get("http://example.org/").starts_with("HTTP/1.1 403"));
    assert_eq!((outside.asked().len(), outside.dialled().len()), (2, 1));
}

#[test]
fn a_tunnel_asks_for_the_host_it_leads_to() {
    let (host, outside) = (Host::answering("answered".to_owned()), Elsewhere::new());
    outside.host("example.org", 443, host.address);
    let proxy = outside.proxy(&["example.org"]);
    for name in ["example.org", "EXAMPLE.ORG"] {
        let (line, mut tunnel) = proxy.connect("Example.Org.:443");
        assert!(line.contains(" 200 "), "{line}");
        // In two pieces: a hello may arrive like that.
        let bytes = hello(name);
        let (one, two) = bytes.split_at(7);
        tunnel.write_all(one).unwrap();
        tunnel.flush().unwrap();
        tunnel.write_all(two).unwrap();
        tunnel.write_all(b"\r\n\r\n").unwrap();
        assert!(read_all(tunnel).ends_with("answered"), "{name}");
    }
    let arrived = host.heads().len();
    let fragment = |bytes: &[u8]| {
        // Each byte of the handshake in a record of its own.
        bytes[5..].iter().flat_map(|byte| [0x16, 3, 1, 0, 1, *byte]).collect::<Vec<u8>>()
    };
    for (bytes, why) in [
        (hello("evil.example.net"), "asked for evil.example.net over TLS"),
        (fragment(&hello("evil.example.net")), "asked for evil.example.net over TLS"),
        (hello("9.9.9.9"), "asked for no name over TLS"),
        ([&[0x16, 3, 1, 0, 200][..], &[0; 200]].concat(), "no whole TLS hello"),
        (b"\x16\x03".to_vec(), "no whole TLS hello"),
        (b"SSH-2.0-x\r\n\r\n".to_vec(), "neither TLS nor HTTP"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), "neither TLS nor HTTP"),
        (vec![0x80, 0x2e, 1, 3, 1], "neither TLS nor HTTP"),
        (
            b"GET / HTTP/1.1\r\nHost: evil.example.net\r\nConnection: close\r\n\r\n".to_vec(),
            "\"evil.example.net\" over HTTP",
        ),
        (
            b"GET http://evil.example.net/ HTTP/1.1\r\nHost: example.org\r\nConnection: close\r\n\r\n"
                .to_vec(),
            "\"example.org\" over HTTP",
        ),
        (b"\r\nGET / HTTP/1.1\r\nConnection: close\r\n\r\n".to_vec(), "\"\" over HTTP"),
    ] {
        let (_, mut tunnel) = proxy.connect("example.org:443");
        tunnel.write_all(&bytes).unwrap();
        if !bytes.ends_with(b"\r\n") {
            tunnel.shutdown(std::net::Shutdown::Write).unwrap();
        }
        assert!(!read_all(tunnel).contains("answered"), "{why}");
        wait_until(|| whys(&proxy.serving.news()).iter().any(|each| each.contains(why)));
    }
    assert_eq!(host.heads().len(), arrived);
}

#[test]
fn a_tunnel_may_carry_plain_http_for_its_host() {
    let (host, outside) = (Host::saying("plain"), Elsewhere::new());
    outside.host("example.org", 80, host.address);
    let proxy = outside.proxy(&["example.org:80"]);
    let (_, mut tunnel) = proxy.connect("example.org:80");
    tunnel.write_all(b"GET /x HTTP/1.1\r\nHost: example.org\r\nConnection: close\r\n\r\n").unwrap();
    assert!(read_all(tunnel).ends_with("plain"));
    assert!(host.heads()[0].starts_with("GET /x HTTP/1.1\r\n"));
}

#[test]
fn nothing_is_smuggled_past_a_request() {
    let inner = "GET http://internal.example.net/evil HTTP/1.1\r\nHost: internal.example.net\r\nConnection: close\r\n\r\n";
    let start = "POST http://example.org/first HTTP/1.1\r\nHost: example.org\r\n";
    let length = inner.len();
    let framings = [
        format!("Content-Length: {}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{inner}", length + 5),
        format!("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n{inner}"),
        format!("Transfer-Encoding: xchunked\r\nContent-Length: 0\r\n\r\n{inner}"),
        format!("Transfer-Encoding : chunked\r\nContent-Length: 0\r\n\r\n{inner}"),
        format!("Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n{inner}"),
        format!("Content-Length: 0\r\nContent-Length: {length}\r\n\r\n{inner}"),
        format!("Content-Length: +0\r\n\r\n{inner}"),
        format!("Content-Length: 0\n\n{inner}"),
        format!("X: a\rContent-Length: 0\r\n\r\n{inner}"),
        format!("Content-Length: 0\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n{inner}"),
        format!("Content-Length: 0\r\nHost: internal.example.net\r\n\r\n{inner}"),
        format!("Content-Length: 0\r\nX: \0\r\n\r\n{inner}"),
    ];
    // Side by side: some are only over when the proxy has waited long enough for more.
    std::thread::scope(|scope| {
        for framing in &framings {
            scope.spawn(move || {
                let (host, outside) = (Host::saying("one"), Elsewhere::new());
                outside.host("example.org", 80, host.address);
                let proxy = outside.proxy(&["example.org:80"]);
                proxy.send(format!("{start}{framing}").as_bytes());
                let heads = host.heads();
                assert!(heads.len() <= 1, "{framing:?}\n{heads:#?}");
                for head in heads {
                    let named = head.to_lowercase().matches("\r\nhost: example.org\r\n").count();
                    assert_eq!((head.matches("HTTP/1.1\r\n").count(), named), (1, 1), "{framing:?}\n{head}");
                }
                assert!(outside.asked().iter().all(|name| name == "example.org"), "{framing:?}");
                let elsewhere =
                    |each: &Decision| each.host != "example.org" && each.verdict == Verdict::Allowed;
                assert!(!proxy.end().iter().any(elsewhere), "{framing:?}");
            });
        }
    });
}

#[test]
fn absurd_requests_and_slow_ones_do_no_harm_to_others() {
    let (host, outside) = (Host::saying("well"), Elsewhere::new());
    outside.host("example.org", 80, host.address);
    let proxy = outside.proxy(&["example.org:80"]);
    let slow: Vec<TcpStream> = (0..100)
        .map(|number| {
            let mut stream = proxy.open();
            let words: &[u8] =
                if number % 2 == 0 { b"GET http://exa" } else { b"CONNECT example.org:80 HTTP/1.1\r\n\r\n" };
            stream.write_all(words).unwrap();
            stream
        })
        .collect();
    let start = "GET http://example.org/ HTTP/1.1\r\n";
    for absurd in [
        format!("{start}X: {}\r\n\r\n", "y".repeat(4 << 20)),
        format!("{start}{}\r\n", "X: y\r\n".repeat(100_000)),
        format!("GET http://example.org/{} HTTP/1.1\r\n\r\n", "a".repeat(4 << 20)),
        format!("{}\r\n\r\n", "A".repeat(4 << 20)),
        "\0\u{1}\u{2}".repeat(1000),
        format!("CONNECT {}.example.org:80 HTTP/1.1\r\n\r\n", "a.".repeat(2000)),
    ] {
        let answer = proxy.send(absurd.as_bytes());
        assert!(!answer.contains("well"), "{answer}");
    }
    assert!(proxy.get("http://example.org/").ends_with("well"));
    drop(slow);
}

#[test]
fn ending_a_gate_ends_its_connections() {
    let outside = Elsewhere::new();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    outside.host("example.org", 80, silent.local_addr().unwrap());
    let proxy = outside.proxy(&["example.org:80"]);
    let mut client = proxy.open();
    client.write_all(b"GET http://example.org/ HTTP/1.1\r\nHost: example.org\r\n\r\n").unwrap();
    let (mut server, _) = silent.accept().unwrap();
    server.read_exact(&mut [0; 5]).unwrap();
    let address = proxy.address;
    let decisions = proxy.end();
    assert_eq!(decisions.len(), 1, "{decisions:?}");
    assert_eq!(read_all(client), "");
    read_all(server);
    assert!(TcpStream::connect(address).is_err());
}
