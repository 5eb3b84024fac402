"""Refuses unshare(2) with EPERM, as Docker's default profile and Ubuntu's AppArmor rule do, and becomes a command."""
import ctypes, os, platform, sys

class Filter(ctypes.Structure):
    _fields_ = [("code", ctypes.c_ushort), ("jt", ctypes.c_ubyte), ("jf", ctypes.c_ubyte), ("k", ctypes.c_uint)]

class Program(ctypes.Structure):
    _fields_ = [("len", ctypes.c_ushort), ("filter", ctypes.POINTER(Filter))]

unshare = {"x86_64": 272, "aarch64": 97}[platform.machine()]
lines = (Filter * 4)(
    Filter(0x20, 0, 0, 0), Filter(0x15, 0, 1, unshare), Filter(6, 0, 0, 0x00050001), Filter(6, 0, 0, 0x7FFF0000)
)
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, ctypes.byref(Program(4, lines)), 0, 0) == 0, os.strerror(ctypes.get_errno())
os.execvp(sys.argv[1], sys.argv[1:])
