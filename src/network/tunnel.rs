//! Takes the two ends of a tunnel, carries bytes between them; to a host by name only what asks for that name.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::net::Shutdown;
use rustix::pipe::{PipeFlags, SpliceFlags, fcntl_setpipe_size, pipe_with, splice};
use tokio::io::{AsyncWriteExt, Interest};
use tokio::net::TcpStream;

use super::hello::{self, Began};
use super::tally::Counts;
use crate::plan::Destination;

/// Most bytes moved at a time: what a pipe holds, if the user's quota for pipes gives so much.
const CHUNK: usize = 1 << 20;
/// A fatal alert, `access_denied`: what a client that speaks TLS understands.
const DENIED: [u8; 7] = [0x15, 3, 3, 0, 2, 2, 49];

/// What is in a tunnel.
#[derive(Debug)]
pub(super) enum Inside {
    /// What may be carried as it is: TLS that asks for the tunnel's host, or anything at all to an address, which has
    /// no name that could differ.
    Fits,
    /// No TLS: plain HTTP perhaps, whose every request has to be looked at.
    NoTls,
    /// Something for another host.
    Wrong(String),
}

/// Looks at what a client begins a tunnel with. `early` is what it sent already, and afterwards all that it sent.
pub(super) async fn look(client: &mut TcpStream, early: &mut Vec<u8>, target: &Destination) -> Inside {
    if target.host.parse::<IpAddr>().is_ok() {
        return Inside::Fits;
    }
    let why = match hello::read(client, early).await {
        Ok(Began::Other) => return Inside::NoTls,
        Ok(Began::Nothing) => return Inside::Fits,
        Ok(Began::Tls(Some(name))) if is_for(&name, target) => return Inside::Fits,
        Ok(Began::Tls(Some(name))) => format!("the tunnel asked for {name} over TLS"),
        Ok(Began::Tls(None)) => "the tunnel asked for no name over TLS".to_owned(),
        Err(error) => format!("the tunnel began with no whole TLS hello: {error}"),
    };
    // It may be gone: it is refused either way.
    let _ = client.write_all(&DENIED).await;
    Inside::Wrong(why)
}

/// Tells whether a name, with or without a port, is a tunnel's host.
pub(super) fn is_for(name: &str, target: &Destination) -> bool {
    let with_port = format!("{name}:{}", target.port);
    [name, &with_port].iter().any(|text| text.parse::<Destination>().is_ok_and(|asked| asked == *target))
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
    tokio::try_join!(
        one_way(&client, &upstream, &counts.sent),
        one_way(&upstream, &client, &counts.received),
    )?;
    Ok(())
}

/// Moves bytes through a pipe, which costs no copy: the kernel hands its pages on.
async fn one_way(from: &TcpStream, to: &TcpStream, count: &AtomicU64) -> io::Result<()> {
    let flags = SpliceFlags::MOVE | SpliceFlags::NONBLOCK;
    let (exit, entry) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
    // Over the quota it stays narrow, which is only slower.
    let _ = fcntl_setpipe_size(&entry, CHUNK);
    loop {
        // The pipe is empty: that nothing could be moved means that nothing has arrived.
        let take = || Ok(splice(from, None, &entry, None, CHUNK, flags)?);
        let mut left = from.async_io(Interest::READABLE, take).await?;
        if left == 0 {
            return Ok(rustix::net::shutdown(to, Shutdown::Write)?);
        }
        count.fetch_add(left as u64, Ordering::Relaxed);
        while left > 0 {
            let give = || Ok(splice(&exit, None, to, None, left, flags)?);
            left -= to.async_io(Interest::WRITABLE, give).await?;
        }
    }
}
