//! Takes a command's standard streams, refuses those that reach further than what lies at their other end.
//!
//! A socket is a way out whatever the network of the command's own: it belongs to the network it was made in. A TCP
//! connection can be cut and made anew to somebody else, a datagram socket sends to whom it names, a listener accepts.

use std::os::fd::BorrowedFd;

use autopilot_init::outcome::SandboxError;
use rustix::io::Errno;
use rustix::net::sockopt::{socket_acceptconn, socket_domain, socket_type};
use rustix::net::{AddressFamily, SocketType};

/// Names of the streams, in the order of their numbers.
const NAMES: [&str; 3] = ["standard input", "standard output", "standard error"];

/// Demands that the streams are no sockets, or connected for good.
pub(super) fn check(streams: [BorrowedFd<'_>; 3]) -> Result<(), SandboxError> {
    for (name, stream) in NAMES.into_iter().zip(streams) {
        if !is_held(stream) {
            return Err(SandboxError {
                layer: "streams".into(),
                what: format!("{name} is a socket that could be turned to somebody else"),
                hint: "put a pipe there: `… | autopilot sandbox -- CMD 2>&1 | cat`".into(),
            });
        }
    }
    Ok(())
}

/// Tells whether a stream ends where it ends now. What cannot be told is not held.
fn is_held(stream: BorrowedFd<'_>) -> bool {
    let kind = match socket_type(stream) {
        Err(Errno::NOTSOCK) => return true,
        Err(_) => return false,
        Ok(kind) => kind,
    };
    let connected = [SocketType::STREAM, SocketType::SEQPACKET].contains(&kind)
        && socket_acceptconn(stream) == Ok(false)
        && rustix::net::getpeername(stream).is_ok();
    connected && socket_domain(stream) == Ok(AddressFamily::UNIX)
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream, UdpSocket};
    use std::os::fd::AsFd;
    use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};

    use super::*;

    #[test]
    fn files_pipes_and_connected_local_streams_pass() {
        let file = tempfile::tempfile().unwrap();
        let (pipe, _writer) = std::io::pipe().unwrap();
        let (stream, _peer) = UnixStream::pair().unwrap();
        let (packets, _peer) = autopilot_init::wire::pair().unwrap();
        for stream in [file.as_fd(), pipe.as_fd(), stream.as_fd(), packets.as_fd()] {
            assert!(is_held(stream), "{stream:?}");
        }
    }

    #[test]
    fn what_can_be_turned_elsewhere_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let tcp = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let (datagrams, _peer) = UnixDatagram::pair().unwrap();
        let local = UnixListener::bind(folder.path().join("socket")).unwrap();
        let alone = rustix::net::socket(AddressFamily::UNIX, SocketType::STREAM, None).unwrap();
        let all =
            [listener.as_fd(), tcp.as_fd(), udp.as_fd(), datagrams.as_fd(), local.as_fd(), alone.as_fd()];
        for stream in all {
            assert!(!is_held(stream), "{stream:?}");
        }
        let file = tempfile::tempfile().unwrap();
        let error = check([file.as_fd(), tcp.as_fd(), file.as_fd()]).unwrap_err();
        assert!(error.what.starts_with("standard output is a socket"), "{error}");
    }

    /// What the filter leaves of pairs, tried on this kernel: every way to another address ends at the peer or fails.
    #[test]
    fn pairs_of_streams_and_packets_reach_each_other_alone() {
        use rustix::net::{SendFlags, SocketAddrUnix, SocketFlags, connect, recv, sendto, socketpair};
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let outside = UnixDatagram::bind(&path).unwrap();
        outside.set_nonblocking(true).unwrap();
        let address = SocketAddrUnix::new(&path).unwrap();
        for kind in [SocketType::STREAM, SocketType::SEQPACKET] {
            let pair = || socketpair(AddressFamily::UNIX, kind, SocketFlags::NONBLOCK, None).unwrap();
            for is_left in [false, true] {
                let (end, peer) = pair();
                let peer = (!is_left).then_some(peer);
                let sent = sendto(&end, b"x", SendFlags::NOSIGNAL, &address).is_ok();
                let received = peer.as_ref().is_some_and(|peer| {
                    recv(peer, &mut [0_u8; 1][..], rustix::net::RecvFlags::empty()).is_ok()
                });
                assert_eq!(sent, received, "{kind:?}: went elsewhere");
                assert!(connect(&end, &address).is_err(), "{kind:?}");
                assert!(rustix::net::connect_unspec(&end).is_err(), "{kind:?}: disconnected");
                assert!(sendto(&end, b"x", SendFlags::NOSIGNAL, &address).is_ok() == (sent && !is_left));
            }
        }
        assert!(outside.recv(&mut [0; 1]).is_err(), "something arrived");
    }
}
