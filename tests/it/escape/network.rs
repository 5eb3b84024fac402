//! The network and its neighbours.

use super::{Attempt, Who, attempt};

/// A host that nobody is.
const LISTED: &[&str] = &["--network", "host.invalid"];

/// Asks the proxy for a tunnel to the host's loopback; without a proxy, goes there.
const THROUGH_THE_PROXY: &str = "
proxy = os.environ.get('HTTP_PROXY')
place = proxy.split('//')[1].split(':') if proxy else ('127.0.0.1', TCP)
s = socket.create_connection((place[0], int(place[1])), 3)
if proxy: s.sendall(b'CONNECT 127.0.0.1:%d HTTP/1.1\\r\\n\\r\\n' % TCP)
won(not proxy or b' 200 ' in s.recv(99))
";

const PAIR_BY_NUMBERS: &str = "
b = ctypes.create_string_buffer(8)
call(53, 0x100000001, 0x100000002, 0, b)
socket.socket(fileno=struct.unpack('ii', b.raw)[0]).sendto(b'x', V + '/log.sock')
won()
";

/// `socketcall(SYS_SOCKETPAIR, [AF_UNIX, SOCK_DGRAM, 0, ends])` by `int 0x80`, from code and arguments below 4 GiB.
const PAIR_OF_32_BITS: &str = "
libc.mmap.restype = ctypes.c_void_p
low = libc.mmap(None, 4096, 7, 0x62, -1, 0)
code = bytes([0x53, 0xb8, 102, 0, 0, 0, 0xbb, 8, 0, 0, 0, 0xb9]) + struct.pack('I', low + 256) + bytes([0xcd, 0x80, 0x5b, 0xc3])
ctypes.memmove(low, code, len(code))
ctypes.memmove(low + 256, struct.pack('IIII', 1, 2, 0, low + 512), 16)
if ctypes.CFUNCTYPE(ctypes.c_int)(low)() == 0:
    ends = struct.unpack('ii', ctypes.string_at(low + 512, 8))
    socket.socket(fileno=ends[0]).sendto(b'x', V + '/log.sock')
    won()
";

pub(super) const ATTEMPTS: &[Attempt] = &[
    attempt("TCP over IPv4", "won(socket.create_connection(('127.0.0.1',TCP),3))"),
    attempt("TCP over IPv6", "won(socket.create_connection(('::1',TCP),3))"),
    attempt(
        "TCP over a mapped address",
        "s=socket.socket(socket.AF_INET6); s.connect(('::ffff:127.0.0.1',TCP)); won()",
    ),
    attempt(
        "TCP without blocking",
        "s=socket.socket(); s.setblocking(0); s.connect_ex(('127.0.0.1',TCP)); time.sleep(.2); won(s.getsockopt(1,4)==0 and s.getpeername())",
    ),
    attempt("TCP Fast Open", "s=socket.socket(); s.sendto(b'x',0x20000000,('127.0.0.1',TCP)); won()"),
    attempt("MPTCP", "s=socket.socket(2,1,262); s.connect(('127.0.0.1',TCP)); won()").kernel(),
    attempt("UDP", "s=socket.socket(2,2); s.settimeout(2); s.sendto(b'x',('127.0.0.1',UDP)); won(s.recv(9))"),
    attempt(
        "UDP over IPv6",
        "s=socket.socket(10,2); s.settimeout(2); s.sendto(b'x',('::1',UDP)); won(s.recv(9))",
    ),
    attempt("UDP-Lite", "won(socket.socket(2,2,136))").kernel(),
    attempt("the host's network namespace", "won(os.readlink('/proc/self/ns/net')==NET)").namespaces(),
    attempt("the host's IPC namespace", "won(os.readlink('/proc/self/ns/ipc')==IPC)").namespaces(),
    attempt(
        "a Unix socket by its path",
        "s=socket.socket(socket.AF_UNIX); s.connect(V+'/agent.sock'); won()",
    ),
    attempt(
        "a Unix datagram by its path",
        "s=socket.socket(socket.AF_UNIX,2); s.sendto(b'x',V+'/log.sock'); won()",
    ),
    attempt("an abstract Unix socket", "s=socket.socket(socket.AF_UNIX); s.connect('\\0'+V); won()"),
    attempt(
        "a Unix datagram through a pair",
        "a,b=socket.socketpair(1,2); a.sendto(b'x',V+'/log.sock'); won()",
    ),
    attempt(
        "a Unix datagram through a raw pair",
        "a,b=socket.socketpair(1,3); a.sendto(b'x',V+'/log.sock'); won()",
    ),
    attempt(
        "a Unix datagram through a pair that is turned",
        "a,b=socket.socketpair(1,2); a.connect(V+'/log.sock'); a.send(b'x'); won()",
    ),
    attempt(
        "descriptors out through a pair",
        "a,b=socket.socketpair(1,2); a.sendmsg([b'x'],[(1,1,struct.pack('i',os.open('.',0)))],0,V+'/log.sock'); won()",
    ),
    attempt("a pair's type in a high half", PAIR_BY_NUMBERS),
    attempt("a pair by the 32-bit entry", PAIR_OF_32_BITS).kernel(),
    attempt("a pair by the x32 numbers", "call(0x40000000+53,1,2,0,ctypes.create_string_buffer(8)); won()")
        .kernel(),
    attempt(
        "full network: a Unix datagram through a pair",
        "a,b=socket.socketpair(1,2); a.sendto(b'x',V+'/log.sock'); won()",
    )
    .with(&["--network", "full"]),
    attempt(
        "full network: a Unix socket by its path",
        "s=socket.socket(socket.AF_UNIX); s.connect(V+'/agent.sock'); won()",
    )
    .with(&["--network", "full"]),
    attempt(
        "full network: an abstract Unix socket",
        "s=socket.socket(socket.AF_UNIX); s.connect('\\0'+V); won()",
    )
    .with(&["--network", "full"]),
    attempt("allow list: TCP past the proxy", "won(socket.create_connection(('127.0.0.1',TCP),3))")
        .with(LISTED)
        .namespaces(),
    attempt(
        "allow list: TCP Fast Open",
        "s=socket.socket(); s.sendto(b'x',0x20000000,('127.0.0.1',TCP)); won()",
    )
    .with(LISTED)
    .namespaces(),
    attempt("allow list: MPTCP", "s=socket.socket(2,1,262); s.connect(('127.0.0.1',TCP)); won()")
        .with(LISTED)
        .namespaces()
        .kernel(),
    attempt(
        "allow list: UDP",
        "s=socket.socket(2,2); s.settimeout(2); s.sendto(b'x',('127.0.0.1',UDP)); won(s.recv(9))",
    )
    .with(LISTED)
    .namespaces(),
    attempt(
        "allow list: a Unix socket by its path",
        "s=socket.socket(socket.AF_UNIX); s.connect(V+'/agent.sock'); won()",
    )
    .with(LISTED)
    .namespaces(),
    attempt(
        "allow list: an abstract Unix socket",
        "s=socket.socket(socket.AF_UNIX); s.connect('\\0'+V); won()",
    )
    .with(LISTED)
    .namespaces(),
    attempt("allow list: vsock", "won(reached(41,40,1,0))").with(LISTED).namespaces().kernel(),
    attempt("allow list: io_uring", "won(reached(425,4,ctypes.create_string_buffer(120)))")
        .with(LISTED)
        .namespaces()
        .kernel(),
    attempt(
        "allow list: listen without bind, for the host to connect to",
        "s=socket.socket(); s.listen(); won(os.readlink('/proc/self/ns/net')==NET)",
    )
    .with(LISTED)
    .namespaces(),
    attempt("allow list: the host's loopback through the proxy", THROUGH_THE_PROXY).with(LISTED).namespaces(),
    attempt("raw sockets", "won(socket.socket(2,3,1))").only(Who::Root),
    attempt("packet sockets", "won(socket.socket(17,3,3))").only(Who::Root).kernel(),
    attempt("ping sockets", "won(socket.socket(2,2,1))").kernel(),
    attempt("vsock", "won(reached(41,40,1,0))").kernel(),
    attempt("kernel crypto sockets", "won(socket.socket(38,5,0))").kernel(),
    attempt("netlink uevents", "won(socket.socket(16,3,15))"),
    attempt("netlink netfilter", "won(socket.socket(16,3,12))").kernel(),
    attempt("SCTP", "won(socket.socket(2,1,132))").kernel(),
    attempt("a socket family in a high half", "won(call(41,0x100000000|16,3,15)>=0)"),
];
