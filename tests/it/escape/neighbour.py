# Another program of the user's, with objects of System V and a POSIX queue that are its own until its input ends.
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
PRIVATE, CREATE, OWNERS = 0, 0o1000, 0o600
REMOVE = 0
name = b'autopilot-escape-%d' % os.getpid()
memory = libc.shmget(PRIVATE, 4096, CREATE | OWNERS)
queue = libc.msgget(PRIVATE, CREATE | OWNERS)
semaphore = libc.semget(PRIVATE, 1, CREATE | OWNERS)
libc.syscall(240, name, 0o102, OWNERS, 0)
print(memory, queue, semaphore, name.decode(), flush=True)
sys.stdin.read()
libc.shmctl(memory, REMOVE, 0)
libc.msgctl(queue, REMOVE, 0)
libc.semctl(semaphore, 0, REMOVE, 0)
libc.syscall(241, name)
