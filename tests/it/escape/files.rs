//! Files: what must not be read, written, changed, or found.

use super::{Attempt, Who, attempt};

pub(super) const ATTEMPTS: &[Attempt] = &[
    attempt("read an ssh key", "won(open(V+'/home/.ssh/id').read())"),
    attempt("read a token", "won(open(V+'/home/.config/gh/hosts.yml').read())"),
    attempt("read a sibling project", "won(open(V+'/sibling/secret').read())"),
    attempt("list a home", "won(os.listdir(V+'/home'))"),
    attempt("stat a file outside", "won(os.stat(V+'/home/.ssh/id'))").namespaces(),
    attempt("read through a symlink", "os.symlink(V+'/home/.ssh/id','sl'); won(open('sl').read())"),
    attempt("read through a hard link", "os.link(V+'/sibling/secret','hl'); won(open('hl').read())"),
    attempt("climb out of a read grant", "won(open(V+'/granted/../home/.ssh/id').read())")
        .with(&["--read", "{V}/granted"]),
    attempt("write into a read grant", "won(open(V+'/granted/x','w').write('x'))")
        .with(&["--read", "{V}/granted"]),
    attempt("read the checkout's .git", "won(open(V+'/checkout/.git/config').read())"),
    attempt("plant a hook in the checkout", "won(open(V+'/checkout/.git/hooks/post-checkout','w').write('x'))"),
    attempt("append to a dotfile", "won(open(V+'/home/.bashrc','a').write('x'))"),
    attempt("create a file outside", "won(open(V+'/outside/new','w').write('x'))"),
    attempt("truncate a file outside", "os.truncate(V+'/outside/a',0); won()"),
    attempt("unlink a file outside", "os.unlink(V+'/outside/b'); won()"),
    attempt("rename a file outside", "os.rename(V+'/outside/c',V+'/outside/c2'); won()"),
    attempt("chmod a file outside", "os.chmod(V+'/outside/d',0o777); won()").namespaces(),
    attempt("set times of a file outside", "os.utime(V+'/outside/e',(1,1)); won()").namespaces(),
    attempt("set an attribute of a file outside", "os.setxattr(V+'/outside/f','user.x',b'x'); won()").namespaces(),
    attempt("leave a symlink outside", "os.symlink('/etc/passwd',V+'/outside/link'); won()"),
    attempt("watch a file outside", "fd=libc.inotify_init(); won(libc.inotify_add_watch(fd,(V+'/outside/g').encode(),2)>=0)"),
    attempt("write the host's /tmp", "open('/tmp/'+os.path.basename(V)+'-tmp','w').close(); won(os.stat('/tmp').st_ino==int(os.environ['TMP_INODE']))")
        .with(&["--env", "TMP_INODE"]),
    attempt("write the host's /dev/shm", "open('/dev/shm/'+os.path.basename(V),'w').close(); won(os.stat('/dev/shm').st_dev==int(os.environ['SHM_DEV']))")
        .with(&["--env", "SHM_DEV"]),
    attempt("write the host's /var/tmp", "open('/var/tmp/'+os.path.basename(V)+'-tmp','w').close(); won(os.stat('/var/tmp').st_ino==int(os.environ['VAR_TMP_INODE']))").with(&["--env", "VAR_TMP_INODE"]),
    attempt("rewrite the worktree's own .git", "open('.git/config','a').write('[core]\\nfsmonitor=x\\n'); won()").namespaces(),
    attempt("move the worktree's own .git away", "os.rename('.git','git2'); won()").namespaces(),
    attempt("other processes' roots", "won(processes('root'+V+'/home/.ssh/id',lambda f: open(f).read()))"),
    attempt("other processes' working directories", "won(os.readlink(f'/proc/{VICTIM}/cwd'))"),
    attempt("other processes' descriptors", "won(os.listdir(f'/proc/{VICTIM}/fd'))"),
    attempt("other processes' memory", "won(open(f'/proc/{VICTIM}/mem','rb'))"),
    attempt("other processes' command lines", "won(processes('cmdline',lambda f: open(f,'rb').read().startswith(b'autopilot-escape-victim')))"),
    attempt("the launcher's environment in /proc", "won(processes('environ',lambda f: b'LAUNCHER_SECRET=hunter2' in open(f,'rb').read()))"),
    attempt("the launcher's secret in the environment", "won(os.environ['LAUNCHER_SECRET'])"),
    attempt("GIT_SSH_COMMAND of the launcher", "won(os.environ['GIT_SSH_COMMAND'])"),
    attempt("an inherited descriptor", "won(os.read(9,10))"),
    attempt("/etc/shadow", "won(open('/etc/shadow').read())").only(Who::Root),
    attempt("a new file in /usr", "won(os.access('/usr/local',os.W_OK))").only(Who::Root),
    attempt("/proc/sys for writing", "won(os.open('/proc/sys/kernel/core_pattern',os.O_WRONLY))").only(Who::Root),
    attempt("/proc/sysrq-trigger for writing", "won(os.open('/proc/sysrq-trigger',os.O_WRONLY))").only(Who::Root).kernel(),
    attempt("the kernel's log for writing", "won(os.open('/dev/kmsg',os.O_WRONLY))").only(Who::Root),
    attempt("make a device", "os.mknod('dev',0o20666,os.makedev(1,1)); won()").only(Who::Root),
    attempt("give a file away", "open('own','w').close(); os.chown('own',1,1); won()").only(Who::Root),
    attempt("open by handle", "b=ctypes.create_string_buffer(struct.pack('Ii',128,0)+bytes(128)); m=ctypes.create_string_buffer(4); call(303,-100,b'.',b,m,0); won(call(304,os.open('.',0),b,0)>=0)")
        .only(Who::Root),
    attempt("a set-uid file by chmod", "open('s1','w').close(); os.chmod('s1',0o4755); won(os.stat('s1').st_mode&0o4000)"),
    attempt("a set-gid file by chmod", "open('s2','w').close(); os.chmod('s2',0o2755); won(os.stat('s2').st_mode&0o2000)"),
    attempt("a set-uid file by fchmod", "f=os.open('s3',os.O_CREAT|os.O_RDWR); os.fchmod(f,0o4755); won(os.stat('s3').st_mode&0o4000)"),
    attempt("a set-uid file by open", "os.open('s4',os.O_CREAT|os.O_RDWR,0o4755); won(os.stat('s4').st_mode&0o4000)"),
    attempt("a set-uid file by mknod", "os.mknod('s5',0o104755); won(os.stat('s5').st_mode&0o4000)"),
    attempt("a set-uid file by creat", "call(85,b's6',0o4755); won(os.stat('s6').st_mode&0o4000)"),
    attempt("a set-uid file by fchmodat2", "open('s7','w').close(); call(452,-100,b's7',0o4755,0); won(os.stat('s7').st_mode&0o4000)")
        .kernel(),
    attempt("a set-uid file by openat2", "call(437,-100,b's8',ctypes.create_string_buffer(struct.pack('QQQ',os.O_CREAT|os.O_RDWR,0o4755,0)),24); won(os.stat('s8').st_mode&0o4000)"),
    attempt("a set-uid file by a high half", "open('s9','w').close(); call(90,b's9',0xffff00000000|0o4755); won(os.stat('s9').st_mode&0o4000)"),
];
