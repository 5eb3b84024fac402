import ctypes, errno, os, resource, signal, socket, struct, subprocess, sys, time
V, VICTIM, NET, IPC, TCP, UDP = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4], int(sys.argv[5]), int(sys.argv[6])
MEMORY, QUEUE, SEMAPHORE, POSIX_QUEUE = int(sys.argv[7]), int(sys.argv[8]), int(sys.argv[9]), sys.argv[10].encode()
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
def call(number, *arguments):
    "Makes a system call; an error is an OSError."
    ctypes.set_errno(0)
    result = libc.syscall(ctypes.c_long(number), *[a if isinstance(a, (bytes, ctypes.Array, ctypes.Structure)) else ctypes.c_long(a) for a in arguments])
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result
def reached(number, *arguments):
    "Is the call there at all? Whatever it says about its arguments, the kernel behind it was reached."
    try:
        call(number, *arguments)
    except OSError as error:
        return error.errno not in (errno.EPERM, errno.ENOSYS)
    return True
def won(yes=True):
    if yes:
        print("ESCAPED", flush=True)
def others(change):
    "Does a change reach who watches this process, or a process of the victim's?"
    for pid in (os.getppid(), VICTIM):
        try:
            change(pid)
            return True
        except OSError:
            pass
    return False
def processes(name, look):
    "Looks at a file of every process that can be looked at."
    for pid in os.listdir('/proc'):
        try:
            if pid.isdigit() and look(f'/proc/{pid}/{name}'):
                return True
        except OSError:
            pass
    return False
def raise_files():
    "As many open files as are allowed, within reason."
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 4000), most))
def fill(end):
    "Sends until nothing goes any more, into a buffer as large as it can be; returns about what that takes."
    end.setblocking(False)
    end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 22)
    taken = 0
    try:
        while True:
            taken += end.send(bytes(1 << 15))
    except BlockingIOError:
        return taken
def hold(more, much=150 << 20):
    "Takes more until it is much, and wins if it can keep it for longer than it takes to look."
    raise_files()
    taken = 0
    while taken < much:
        more_of_it = more()
        if more_of_it == 0:
            return
        taken += more_of_it
    time.sleep(1)
    won()
print("STARTED", flush=True)
