//! Takes the first bytes of a tunnel, tells which name they ask for: TLS says it in the clear.

use std::io::{self, Cursor};
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::rustls::server::Acceptor;

/// How long a client may take to say hello.
const PATIENCE: Duration = Duration::from_secs(15);
/// Longest hello; real ones have one or two thousand bytes.
const LONGEST: usize = 64 << 10;
/// First byte of a TLS handshake record.
const HANDSHAKE: u8 = 0x16;

/// What a client began with.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Began {
    /// TLS, for this name if it said one.
    Tls(Option<String>),
    /// Something else.
    Other,
    /// Nothing at all.
    Nothing,
}

/// Reads until it is clear what a client begins with. `read` is what was read already, and all of it afterwards.
pub(super) async fn read(client: &mut TcpStream, read: &mut Vec<u8>) -> io::Result<Began> {
    timeout(PATIENCE, read_on(client, read))
        .await
        .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "the client said nothing in time"))?
}

async fn read_on(client: &mut TcpStream, read: &mut Vec<u8>) -> io::Result<Began> {
    let mut acceptor = Acceptor::default();
    let mut seen = 0;
    loop {
        if read.first().is_some_and(|first| *first != HANDSHAKE) {
            return Ok(Began::Other);
        }
        let mut rest = Cursor::new(read.get(seen..).unwrap_or_default());
        while acceptor.read_tls(&mut rest)? > 0 {
            match acceptor.accept() {
                Ok(Some(accepted)) => {
                    let name = accepted.client_hello().server_name().map(str::to_owned);
                    return Ok(Began::Tls(name));
                }
                Ok(None) => {}
                Err((error, _)) => return Err(io::Error::new(io::ErrorKind::InvalidData, error)),
            }
        }
        seen = read.len();
        if seen > LONGEST {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the client says hello without an end"));
        }
        if client.read_buf(read).await? == 0 {
            return if read.is_empty() {
                Ok(Began::Nothing)
            } else {
                Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the client went away while it said hello"))
            };
        }
    }
}
