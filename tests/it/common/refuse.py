"""Makes a host poorer: refuses system calls, named in the first argument and separated by commas, and becomes the command that follows. `unshare`: Docker's default profile, Ubuntu's AppArmor rule. `landlock`, `seccomp`: a kernel without it. `docker`, `system-service`: what the profile of that name refuses of what a sandbox is made of; with a `!`, whoever calls it is killed, as systemd has it unless told otherwise."""
import ctypes, errno, os, platform, sys

class Filter(ctypes.Structure):
    _fields_ = [("code", ctypes.c_ushort), ("jt", ctypes.c_ubyte), ("jf", ctypes.c_ubyte), ("k", ctypes.c_uint)]

class Program(ctypes.Structure):
    _fields_ = [("len", ctypes.c_ushort), ("filter", ctypes.POINTER(Filter))]

calls = {
    "unshare": ({"x86_64": 272, "aarch64": 97}, errno.EPERM),
    "landlock": ({"x86_64": 444, "aarch64": 444}, errno.ENOSYS),
    # A disk that other machines see, too, of which locks reach none of them: each is given, and holds nothing.
    "flock": ({"x86_64": 73, "aarch64": 32}, 0),
    "seccomp": ({"x86_64": 317, "aarch64": 277}, errno.ENOSYS),
    "mount": ({"x86_64": 165, "aarch64": 40}, errno.EPERM),
    "umount2": ({"x86_64": 166, "aarch64": 39}, errno.EPERM),
    "pivot_root": ({"x86_64": 155, "aarch64": 41}, errno.EPERM),
    "setns": ({"x86_64": 308, "aarch64": 268}, errno.EPERM),
    "keyctl": ({"x86_64": 250, "aarch64": 219}, errno.EPERM),
    "clone3": ({"x86_64": 435, "aarch64": 435}, errno.ENOSYS),
}
profiles = {
    "docker": "unshare,mount,umount2,pivot_root,setns,keyctl,clone3",
    "system-service": "mount,umount2,pivot_root,seccomp,landlock",
}
names, killed, _ = sys.argv[1].partition("!")
names = profiles.get(names, names).split(",")
lines = [Filter(0x20, 0, 0, 0)]
for name in names:
    numbers, error = calls[name]
    # A list that lets named calls through answers to all others the same.
    error = errno.EPERM if len(names) > 3 and name != "clone3" else error
    action = 0x80000000 if killed else 0x00050000 | error
    lines += [Filter(0x15, 0, 1, numbers[platform.machine()]), Filter(6, 0, 0, action)]
lines.append(Filter(6, 0, 0, 0x7FFF0000))
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0
program = Program(len(lines), (Filter * len(lines))(*lines))
assert libc.prctl(22, 2, ctypes.byref(program), 0, 0) == 0, os.strerror(ctypes.get_errno())
os.execvp(sys.argv[2], sys.argv[2:])
