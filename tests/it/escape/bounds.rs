//! What a step can hold in memory that is in no process's resident set. Only a control group bounds it.

use super::{Attempt, attempt};

/// With the supervisor's part it comes to less than half of what each attempt takes.
const LITTLE: &[&str] = &["--memory", "48MiB", "--open-files", "4000"];

/// Both ends of a pair, full.
pub(super) const STREAMS: &str = "
l = []
def more():
    l.append(socket.socketpair())
    return fill(l[-1][0]) + fill(l[-1][1])
hold(more)
";

const PACKETS: &str = "
l = []
def more():
    l.append(socket.socketpair(1, 5))
    return fill(l[-1][0]) + fill(l[-1][1])
hold(more)
";

const TCP: &str = "
s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(); l = []
def more():
    a = socket.create_connection(s.getsockname()); l.append((a, s.accept()[0]))
    return fill(a) + fill(l[-1][1])
hold(more)
";

const ON_THEIR_WAY: &str = "
l = []
def more():
    l.append(socket.socketpair()); c, d = socket.socketpair()
    taken = fill(c) + fill(d)
    l[-1][0].sendmsg([b'x'], [(1, 1, struct.pack('ii', c.fileno(), d.fileno()))]); c.close(); d.close()
    return taken
hold(more)
";

/// A slot of a pipe holds all of a page of 2 MiB of which it is lent a part. That a page is so large shows in that its
/// other end is there without a fault.
const LENT: &str = "
import mmap
faults = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_minflt
l = []
def more():
    r, w = os.pipe(); l.append((r, w)); taken = 0
    m = mmap.mmap(-1, 18 << 21, flags=0x22); m.madvise(14)
    base = ctypes.addressof(ctypes.c_char.from_buffer(m)); first = -base % (2 << 20)
    for i in range(16):
        at = first + (i << 21); m[at] = 1; before = faults(); m[at + (1 << 20)] = 1
        taken += (2 << 20) * (faults() == before)
        call(278, w, ctypes.create_string_buffer(struct.pack('QQ', base + at, 4096)), 1, 2)
        m.madvise(4, at, 2 << 20)
    return taken
hold(more)
";

/// Less than what the kernel grants a user before their pipes get small.
const PIPES: &str = "
l = []
def more():
    r, w = os.pipe(); os.set_blocking(w, False); l.append((r, w)); taken = 0
    try:
        while True: taken += os.write(w, bytes(1 << 12))
    except BlockingIOError: return taken
hold(more, 52 << 20)
";

const EMPTY_FILES: &str = "
made = []
def more():
    for i in range(1000):
        made.append(f'/dev/shm/{os.path.basename(V)}-{os.getpid()}-{len(made)}')
        os.close(os.open(made[-1], os.O_CREAT | os.O_EXCL))
    return 1000 * 1700
try: hold(more)
finally: [os.unlink(each) for each in made]
";

const WATCHED: &str = "
import select
l = []
def more():
    l.append(select.epoll())
    for fd in ends: l[-1].register(fd)
    return len(ends) * 128
raise_files()
ends = [os.dup(e) for e in os.pipe() for i in range(1500)]
hold(more)
";

const NOBODYS: &str = "
import mmap
l = []
def more():
    l.append(mmap.mmap(-1, 8 << 20)); l[-1][:] = bytes(8 << 20); l[-1].madvise(4)
    return 8 << 20
hold(more)
";

/// Out of its own group into one without a bound.
const ANOTHER_GROUP: &str = "
own = os.environ['GROUPS'] + '/escape-%d' % os.getpid()
os.mkdir(own)
try: won()
finally: os.rmdir(own)
";

pub(super) const ATTEMPTS: &[Attempt] = &[
    attempt("memory in local streams", STREAMS).with(LITTLE),
    attempt("memory in local packets", PACKETS).with(LITTLE),
    attempt("memory in TCP", TCP).with(LITTLE),
    attempt("memory in sockets on their way through others", ON_THEIR_WAY).with(LITTLE),
    attempt("memory in pages lent to pipes", LENT).with(LITTLE).kernel(),
    attempt("memory in pipes", PIPES).with(&["--memory", "20MiB", "--open-files", "4000"]),
    attempt("memory in empty files of /dev/shm", EMPTY_FILES).with(LITTLE),
    attempt("memory in lists of what is waited for", WATCHED).with(LITTLE),
    attempt("memory that nobody has resident", NOBODYS).with(LITTLE),
    attempt("a group of one's own without a bound", ANOTHER_GROUP).with(&["--env", "GROUPS"]),
];
