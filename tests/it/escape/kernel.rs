//! Kernel surface, other processes, and resources.

use super::{Attempt, Who, attempt};

/// What waits in sockets that no control group counts.
const UDP: &str = "
l = []
def more():
    a = socket.socket(2, 2); a.setsockopt(1, 8, 1 << 22); a.bind(('127.0.0.1', 0)); a.connect(a.getsockname()); l.append(a)
    size = a.getsockopt(1, 8)
    for i in range(size // 65536): a.send(bytes(60000))
    return size
hold(more)
";

/// The same, in answers to questions that mean nothing.
const NETLINK: &str = "
l = []; question = struct.pack('IHHII', 16, 99, 5, 0, 0)
def more():
    l.append(socket.socket(16, 3, 0)); l[-1].setsockopt(1, 8, 1 << 22); size = l[-1].getsockopt(1, 8)
    for i in range(size // 768): l[-1].send(question)
    return size
hold(more)
";

pub(super) const ATTEMPTS: &[Attempt] = &[
    attempt("io_uring", "won(reached(425,4,ctypes.create_string_buffer(120)))").kernel(),
    attempt("a user namespace by unshare", "call(272,0x10000000); won()").kernel(),
    attempt("a user namespace by clone", "p=call(56,0x10000011,0,0,0,0); p==0 and os._exit(0); won(p>0)").kernel(),
    attempt("a user namespace by clone3", "p=call(435,ctypes.create_string_buffer(struct.pack('11Q',0x10000000,0,0,0,17,0,0,0,0,0,0)),88); p==0 and os._exit(0); won(p>0)").kernel(),
    attempt("a mount namespace", "call(272,0x20000); won()").only(Who::Root),
    attempt("mount", "won(reached(165,b'x',b'/nonexistent',b'tmpfs',0,0))").only(Who::Root),
    attempt("the new mount calls", "won(call(430,b'tmpfs',0)>=0)").only(Who::Root),
    attempt("open_tree", "won(call(428,-100,b'/',0)>=0)"),
    attempt("chroot", "os.chroot('.'); won()").only(Who::Root),
    attempt("ptrace", "p=os.fork(); p==0 and time.sleep(9); r=libc.ptrace(16,p,0,0); os.kill(p,9); won(r==0)"),
    attempt("read another process's memory", "won(reached(310,os.getpid(),0,0,0,0,0))"),
    attempt("write another process's memory", "won(reached(311,os.getpid(),0,0,0,0,0))"),
    attempt("take another process's descriptor", "f=call(434,VICTIM,0); won(call(438,f,0,0)>=0)"),
    attempt("compare with another process", "won(reached(312,os.getpid(),os.getpid(),0,0,0))").kernel(),
    attempt("signal a process outside", "os.kill(VICTIM,0); won()"),
    attempt("change a process's priority outside", "os.setpriority(0,VICTIM,5); won()"),
    attempt("the supervisor's priority", "won(others(lambda p: os.setpriority(0,p,5)))"),
    attempt("the supervisor's priority by its group", "c=os.fork()\nif c==0: time.sleep(9); os._exit(0)\nos.setpgid(c,c)\ntry: won(os.setpriority(1,c,1) is None)\nfinally: os.kill(c,9)"),
    attempt("the supervisor's priority by its user", "won(reached(141,2,54322,0))"),
    attempt("the supervisor's policy: only when idle", "won(others(lambda p: os.sched_setscheduler(p,5,os.sched_param(0))))"),
    attempt("the supervisor's policy by its parameters", "won(others(lambda p: os.sched_setparam(p,os.sched_param(0))))"),
    attempt("the supervisor's policy by its attributes", "won(others(lambda p: call(314,p,ctypes.create_string_buffer(struct.pack('IIQiI3Q',48,5,0,0,0,0,0,0)),0)))"),
    attempt("the supervisor's policy in a high half", "won(others(lambda p: call(144,0x100000000|p,5,ctypes.create_string_buffer(4))))"),
    attempt("the supervisor on one processor", "won(others(lambda p: os.sched_setaffinity(p,{0})))"),
    attempt("the supervisor's input and output when idle", "won(others(lambda p: call(251,1,p,0x6000)))"),
    attempt("another program's shared memory", "p=call(30,MEMORY,0,0); ctypes.memset(p,1,1); won()"),
    attempt("another program's message queue", "call(69,QUEUE,ctypes.create_string_buffer(struct.pack('q',1)+b'x'),1,0o4000); won()"),
    attempt("another program's semaphore", "call(66,SEMAPHORE,0,16,5); won()"),
    attempt("another program's POSIX queue", "won(call(240,POSIX_QUEUE,2,0,0)>=0)").kernel(),
    attempt("change a process's limits outside", "resource.prlimit(VICTIM,resource.RLIMIT_CORE,(0,0)); won()"),
    attempt("add a key", "won(reached(248,b'user',b'autopilot',b'x',1,-3))").kernel(),
    attempt("the session keyring", "won(reached(250,0,-3,0,0,0))").kernel(),
    attempt("request a key", "won(reached(249,b'user',b'autopilot-none',0,0))").kernel(),
    attempt("bpf", "won(reached(321,0,ctypes.create_string_buffer(struct.pack('IIII',2,4,4,1)+bytes(104)),120))").only(Who::Root),
    attempt("perf_event_open", "won(reached(298,ctypes.create_string_buffer(struct.pack('II',1,128)+bytes(120)),0,-1,-1,0))").kernel(),
    attempt("userfaultfd", "won(reached(323,1))").kernel(),
    attempt("load a module", "won(reached(313,-1,b'',0))").only(Who::Root).kernel(),
    attempt("the local descriptor table", "won(reached(154,0,ctypes.create_string_buffer(16),16))").kernel(),
    attempt("fanotify", "won(reached(300,0,0))").only(Who::Root).kernel(),
    attempt("the kernel's log", "won(reached(103,10,0,0))").only(Who::Root),
    attempt("type into a terminal", "import fcntl,pty; p=os.fork()\nif p==0:\n    os.setsid(); m,s=pty.openpty(); fcntl.ioctl(s,0x540e,0); fcntl.ioctl(s,0x5412,b'x'); won(); os._exit(0)\nos.wait()").only(Who::Root),
    attempt("the console's selection", "import fcntl,pty; m,s=pty.openpty()\ntry: fcntl.ioctl(s,0x541c,b'\\x02'); won()\nexcept OSError as e: won(e.errno!=errno.EPERM)"),
    attempt("a terminal ioctl in a high half", "import pty; m,s=pty.openpty(); won(reached(16,s,0x10000541c,b'\\x02'))"),
    attempt("become root", "os.setuid(0); won()").only(Who::Root),
    attempt("capabilities to gain", "won(not any(l.startswith('CapBnd:\\t0000000000000000') for l in open('/proc/self/status')))"),
    attempt("capabilities of the launcher", "won(any(l.startswith(('CapInh','CapPrm','CapEff','CapAmb')) and int(l.split()[1],16) for l in open('/proc/self/status')))").kernel(),
    attempt("privileges to gain", "won(any(l.startswith('NoNewPrivs:\\t0') for l in open('/proc/self/status')))"),
    attempt("groups of the launcher", "won(any(g!=os.getgid() for g in os.getgroups()))").only(Who::Root),
    attempt("files that anybody may change, by the launcher's mask", "won(os.umask(0)==0)"),
    attempt("core dumps", "won(resource.getrlimit(resource.RLIMIT_CORE)[1]!=1)"),
    attempt("core dumps for the host's handler", "resource.setrlimit(resource.RLIMIT_CORE,(0,0)); won(resource.getrlimit(resource.RLIMIT_CORE)[0]!=1)"),
    attempt("core dumps for the host's handler by prlimit", "won(call(302,0,4,struct.pack('QQ',0,0),ctypes.create_string_buffer(16))==0 and resource.getrlimit(resource.RLIMIT_CORE)[0]!=1)"),
    attempt("limits that are lifted for the launcher", "won(any(resource.getrlimit(r)[1]==resource.RLIM_INFINITY for r in (resource.RLIMIT_FSIZE,resource.RLIMIT_NPROC,resource.RLIMIT_NOFILE,resource.RLIMIT_MSGQUEUE,resource.RLIMIT_SIGPENDING)))"),
    attempt("a better priority, by the launcher's limit", "os.setpriority(0,0,-5); won()").kernel(),
    attempt("run in real time, by the launcher's limit", "os.sched_setscheduler(0,2,os.sched_param(1)); won()").kernel(),
    attempt("run in real time", "os.sched_setscheduler(0,2,os.sched_param(1)); won()").only(Who::Root),
    attempt("memory of one process", "x=bytearray(400<<20); time.sleep(5); won()").with(&["--memory", "200MiB"]),
    attempt("memory over four processes", "r,w=os.pipe()\nfor i in range(4):\n    if os.fork()==0: x=bytearray(80<<20); os.write(w,b'x'); time.sleep(6); os._exit(0)\nfor i in range(4): os.read(r,1)\ntime.sleep(5); won()").with(&["--memory", "200MiB"]),
    attempt("memory in /dev/shm", "f=open('/dev/shm/autopilot-big','wb'); os.unlink(f.name); [f.write(bytes(1<<20)) for i in range(150)]; f.flush(); time.sleep(5); won()").with(&["--memory", "100MiB"]),
    attempt("memory in a memory file", "f=os.memfd_create('x'); [os.write(f,bytes(1<<20)) for i in range(150)]; time.sleep(5); won()").with(&["--memory", "100MiB"]),
    attempt("memory in detached segments", "ids=[]\ntry:\n    for i in range(3):\n        ids.append(call(29,0,50<<20,0o1600)); p=call(30,ids[-1],0,0); ctypes.memset(p,1,50<<20); call(67,p)\n    time.sleep(5); won()\nfinally: [call(31,i,0,0) for i in ids]").with(&["--memory", "100MiB"]),
    attempt("memory in messages", "ids=[]; m=ctypes.create_string_buffer(struct.pack('q',1)+bytes(8192))\ntry:\n    for i in range(6000): ids.append(call(68,0,0o1600)); [call(69,ids[-1],m,8192,0o4000) for j in (1,2)]\n    time.sleep(5); won()\nfinally: [call(71,i,0,0) for i in ids]").with(&["--memory", "70MiB"]),
    attempt("memory in semaphores", "ids=[]\ntry:\n    for i in range(75): ids.append(call(64,0,32000,0o1600))\n    time.sleep(5); won()\nfinally: [call(66,i,0,0) for i in ids]").with(&["--memory", "100MiB"]),
    attempt("memory in page tables", "import mmap; m=mmap.mmap(-1,100<<30,flags=0x4022,prot=1); m.madvise(15)\nfor i in range(0,100<<30,2<<20): m[i]\ntime.sleep(5); won()").with(&["--memory", "100MiB"]),
    attempt("memory in UDP", UDP).with(&["--memory", "48MiB", "--open-files", "4000"]),
    attempt("memory in netlink", NETLINK).with(&["--memory", "48MiB", "--open-files", "4000"]),
    attempt("600 children", "for i in range(600):\n    if os.fork()==0: time.sleep(3); os._exit(0)\nwon()").with(&["--processes", "200"]),
    attempt("CPU time", "t=time.process_time\nwhile t()<2.5: pass\nwon()").with(&["--cpu", "1s"]),
    attempt("CPU time over children", "for i in range(3):\n    if os.fork()==0:\n        while time.process_time()<1: pass\n        os._exit(0)\nfor i in range(3): os.wait()\nwon()").with(&["--cpu", "1500ms"]),
    attempt("file size", "signal.signal(signal.SIGXFSZ,signal.SIG_IGN); f=open('big','wb'); f.write(bytes(3<<20)); f.flush(); won()").with(&["--file-size", "1MiB"]),
    attempt("open files", "l=[open('/dev/null') for i in range(100)]; won()").with(&["--open-files", "50"]),
    attempt("signals that wait, all of the user's", "signal.pthread_sigmask(signal.SIG_BLOCK,[40]); i=ctypes.create_string_buffer(struct.pack('iii',40,0,-1)+bytes(116))\nfor n in range(6000): call(129,os.getpid(),40,i)\nwon()"),
    attempt("terminals, all of the host's", "import pty; l=[pty.openpty() for i in range(300)]; won()").with(&["--open-files", "4096"]),
    attempt("outlive the step", "p=os.fork()\nif p==0:\n    os.setsid()\n    if os.fork()==0:\n        [os.close(f) for f in (0,1,2)]\n        os.execv('/bin/sleep',['daemon-'+os.path.basename(V),'8'])\n    os._exit(0)\ntime.sleep(.3)").survives(),
    attempt("outlive the step ignoring SIGTERM", "p=os.fork()\nif p==0:\n    signal.signal(signal.SIGTERM,signal.SIG_IGN); signal.signal(signal.SIGHUP,signal.SIG_IGN); os.setsid()\n    [os.close(f) for f in (0,1,2)]\n    os.execv('/bin/sleep',['daemon-'+os.path.basename(V),'8'])\ntime.sleep(.3)").survives(),
    attempt("hold standard output open", "if os.fork()==0:\n    os.setsid(); os.execv('/bin/sleep',['sleep','5'])").slow(),
];
