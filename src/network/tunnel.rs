//! Takes the two ends of a tunnel, carries bytes between them: to a host by name only TLS that asks for that name.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use super::hello::{self, Began};
use super::tally::Counts;
use crate::plan::Destination;

/// Bytes moved at a time.
const CHUNK: usize = 64 << 10;
/// A fatal alert, `access_denied`: what a client that speaks TLS understands.
const DENIED: [u8; 7] = [0x15, 3, 3, 0, 2, 2, 49];

/// Tells why what a client began with does not belong into a tunnel to this host. `early` is what it sent already,
/// and afterwards all that it sent.
pub(super) async fn mismatch(
    client: &mut TcpStream,
    early: &mut Vec<u8>,
    target: &Destination,
) -> io::Result<Option<String>> {
    if target.host.parse::<IpAddr>().is_ok() {
        // An address has no name that could differ.
        return Ok(None);
    }
    let why = match hello::read(client, early).await {
        Ok(Began::Nothing) => return Ok(None),
        Ok(Began::Tls(Some(name))) if is(&name, target) => return Ok(None),
        Ok(Began::Tls(Some(name))) => format!("the tunnel asked for {name} over TLS"),
        Ok(Began::Tls(None)) => "the tunnel asked for no name over TLS".to_owned(),
        Ok(Began::Other) => "the tunnel carried something else than TLS".to_owned(),
        Err(error) => format!("the tunnel began with what is no TLS: {error}"),
    };
    // It may be gone: it is refused either way.
    let _ = client.write_all(&DENIED).await;
    Ok(Some(why))
}

fn is(name: &str, target: &Destination) -> bool {
    format!("{name}:{}", target.port).parse::<Destination>().is_ok_and(|asked| asked == *target)
}

/// Carries bytes both ways until both sides have ended, or one has failed.
pub(super) async fn carry(
    client: TcpStream,
    early: Vec<u8>,
    mut upstream: TcpStream,
    counts: Arc<Counts>,
) -> io::Result<()> {
    upstream.write_all(&early).await?;
    counts.sent.fetch_add(early.len() as u64, Ordering::Relaxed);
    drop(early);
    let (from_client, to_client) = client.into_split();
    let (from_upstream, to_upstream) = upstream.into_split();
    tokio::try_join!(
        one_way(from_client, to_upstream, &counts.sent),
        one_way(from_upstream, to_client, &counts.received),
    )?;
    Ok(())
}

async fn one_way(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, count: &AtomicU64) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK];
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            return to.shutdown().await;
        }
        to.write_all(&buffer[..read]).await?;
        count.fetch_add(read as u64, Ordering::Relaxed);
    }
}
