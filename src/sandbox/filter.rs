//! seccomp: the system calls that neither Landlock nor a namespace takes away.
//!
//! A list of what is refused, not of what is allowed: programs need hundreds of calls, and a new one must not
//! break them; what it can reach is bounded by the layers below. Four filters, because one filter has one
//! answer: EPERM for what a program must not do, ENOSYS for what it should do another way, 0 for what is to have no
//! effect, and a raw one that looks at the number's bit for the x32 variant, which `seccompiler` does not know.

use std::collections::BTreeMap;

use nix::libc;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    sock_filter,
};

use super::SandboxError;
use super::calls::{ABSENT, HOSTS_IPC, LENDS, NEVER, WATCHES};
use super::spec::Setting;
use crate::policy::Isolation;

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// AF_UNIX, AF_INET, AF_INET6, AF_NETLINK.
const FAMILIES: [u64; 4] = [1, 2, 10, 16];
const STREAM: u64 = 1;
const SEQPACKET: u64 = 5;
const X32: u32 = 0x4000_0000;
const SETID: [u64; 2] = [0o4000, 0o2000];
const MSG_FASTOPEN: u64 = 0x2000_0000;
const NEW_NAMESPACES: [u64; 7] =
    [0x0002_0000, 0x0200_0000, 0x0400_0000, 0x0800_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000];
/// RLIMIT_CORE.
const CORE: u64 = 4;
/// TIOCSTI and TIOCLINUX, which type into a terminal.
const IOCTLS: [u64; 2] = [0x5412, 0x541c];

/// Compiles the filters of a setting; none if that was given up.
pub(super) fn compile(setting: &Setting) -> Result<Vec<BpfProgram>, SandboxError> {
    if !setting.seccomp {
        return Ok(Vec::new());
    }
    programs(setting).map(Vec::from).map_err(|error| failed("build the filter", &error))
}

/// Puts the filters over this process and all it starts.
pub(super) fn install(programs: &[BpfProgram]) -> Result<(), SandboxError> {
    for program in programs {
        seccompiler::apply_filter(program).map_err(|error| failed("install the filter", &error))?;
    }
    Ok(())
}

/// Tells whether filters are to be had: a thread that ends puts one that allows everything over itself alone.
pub(super) fn probe() -> bool {
    const RETURN: u16 = 0x06; // BPF_RET | BPF_K
    const ALLOW: u32 = 0x7fff_0000; // SECCOMP_RET_ALLOW
    let all = [sock_filter { code: RETURN, jt: 0, jf: 0, k: ALLOW }];
    std::thread::spawn(move || seccompiler::apply_filter(&all).is_ok()).join().unwrap_or(false)
}

fn programs(setting: &Setting) -> Result<[BpfProgram; 3], seccompiler::BackendError> {
    let refused = program(refused(setting)?, libc::EPERM)?;
    let bare = setting.isolation == Isolation::Bare;
    // Instances are the user's, and only through a /proc of its own could the command's be bounded.
    let watches = bare || setting.isolation == (Isolation::Namespaces { user: true, own_proc: false });
    let more = [(bare, HOSTS_IPC), (watches, WATCHES), (setting.cgroup.is_none(), LENDS)];
    let more = more.into_iter().filter(|(there, _)| *there).flat_map(|(_, calls)| calls);
    let absent = ABSENT.iter().chain(more).map(|call| (*call, Vec::new())).collect();
    Ok([[x32(), refused].concat(), program(absent, libc::ENOSYS)?, program(ignored()?, 0)?])
}

fn program(rules: Rules, errno: i32) -> Result<BpfProgram, seccompiler::BackendError> {
    let arch = std::env::consts::ARCH.try_into()?;
    let errno = u32::try_from(errno).unwrap_or(1);
    SeccompFilter::new(rules, SeccompAction::Allow, SeccompAction::Errno(errno), arch)?.try_into()
}

/// Refuses the x32 numbers, which pass the architecture check of x86-64. The rest goes on to the next filter.
fn x32() -> BpfProgram {
    const LOAD: u16 = 0x20; // BPF_LD | BPF_W | BPF_ABS
    const JUMP_GE: u16 = 0x35; // BPF_JMP | BPF_JGE | BPF_K
    const RETURN: u16 = 0x06; // BPF_RET | BPF_K
    const ERRNO: u32 = 0x0005_0000; // SECCOMP_RET_ERRNO
    if !cfg!(target_arch = "x86_64") {
        return Vec::new();
    }
    let enosys = ERRNO | u32::try_from(libc::ENOSYS).unwrap_or(38);
    vec![
        sock_filter { code: LOAD, jt: 0, jf: 0, k: 0 },
        sock_filter { code: JUMP_GE, jt: 0, jf: 1, k: X32 },
        sock_filter { code: RETURN, jt: 0, jf: 0, k: enosys },
    ]
}

fn refused(setting: &Setting) -> Result<Rules, seccompiler::BackendError> {
    let mut rules: Rules = NEVER.iter().map(|call| (*call, Vec::new())).collect();
    sockets(&mut rules, setting)?;
    modes(&mut rules)?;
    for flag in NEW_NAMESPACES {
        refuse(&mut rules, libc::SYS_clone, [has(0, flag)])?;
    }
    for request in IOCTLS {
        refuse(&mut rules, libc::SYS_ioctl, [is(1, request)])?;
    }
    for (call, argument) in [(libc::SYS_sendto, 3), (libc::SYS_sendmsg, 2), (libc::SYS_sendmmsg, 3)] {
        refuse(&mut rules, call, [has(argument, MSG_FASTOPEN)])?;
    }
    // Another process's limits, our own init's among them.
    refuse(&mut rules, libc::SYS_prlimit64, [isnt(0, 0), isnt_wide(2, 0)])?;
    // Who asks for the old ones beside would take what lies there for them.
    refuse(&mut rules, libc::SYS_prlimit64, [is(1, CORE), isnt_wide(2, 0), isnt_wide(3, 0)])?;
    scheduling(&mut rules, setting.isolation)?;
    Ok(rules)
}

/// Setting one's own bound on cores: from the one that lets none out (`limits`) to 0, which lets the host's handler
/// have them. Programs that keep secrets set it, and need not hear that they may not.
fn ignored() -> Result<Rules, seccompiler::BackendError> {
    let mut rules = Rules::new();
    refuse(&mut rules, libc::SYS_setrlimit, [is(0, CORE)])?;
    refuse(&mut rules, libc::SYS_prlimit64, [is(0, 0), is(1, CORE), isnt_wide(2, 0), is_wide(3, 0)])?;
    Ok(rules)
}

/// Another's scheduling: the supervisor has the command's uid, and at the end of a full run queue it looks at no limit
/// and obeys no order.
///
/// In a pid namespace it is pid 1, and whoever else can be named is the command's own: threads are pinned by their
/// number. Without, a number may be any process of the user's, and only 0, the caller itself, is let through.
fn scheduling(rules: &mut Rules, isolation: Isolation) -> Result<(), seccompiler::BackendError> {
    const ITSELF: u64 = 0;
    const INIT: u64 = 1;
    const PRIO_PROCESS: u64 = 0;
    const IOPRIO_WHO_PROCESS: u64 = 1;
    let another = |argument| match isolation {
        Isolation::Namespaces { .. } => is(argument, INIT),
        Isolation::Bare => isnt(argument, ITSELF),
    };
    for call in [
        libc::SYS_sched_setscheduler,
        libc::SYS_sched_setparam,
        libc::SYS_sched_setattr,
        libc::SYS_sched_setaffinity,
    ] {
        refuse(rules, call, [another(0)])?;
    }
    // Of these the first argument says of what kind the second is. Process groups and users are no way round: the
    // supervisor's group is one that the command may join.
    for (call, process) in [(libc::SYS_setpriority, PRIO_PROCESS), (libc::SYS_ioprio_set, IOPRIO_WHO_PROCESS)]
    {
        refuse(rules, call, [isnt(0, process)])?;
        refuse(rules, call, [another(1)])?;
    }
    Ok(())
}

/// Sockets: local and internet ones, streams and datagrams, TCP and UDP; routing questions. Without namespaces
/// no socket of a name or an address, since named ones in granted folders would be within reach.
fn sockets(rules: &mut Rules, setting: &Setting) -> Result<(), seccompiler::BackendError> {
    let [unix, inet, inet6, netlink] = FAMILIES;
    let alone = setting.isolation == Isolation::Bare;
    refuse(rules, libc::SYS_socketpair, [isnt(0, unix)])?;
    if alone {
        held_pairs(rules)?;
    }
    if alone && !setting.shares_network {
        return few_sockets(rules, setting);
    }
    refuse(rules, libc::SYS_socket, [isnt(0, unix), isnt(0, inet), isnt(0, inet6), isnt(0, netlink)])?;
    if alone {
        refuse(rules, libc::SYS_socket, [is(0, unix)])?;
    }
    for family in [inet, inet6] {
        refuse(rules, libc::SYS_socket, [is(0, family), isnt(2, 0), isnt(2, 6), isnt(2, 17)])?;
        for kind in [3, 4, 5, 6, 10] {
            refuse(rules, libc::SYS_socket, [is(0, family), masked(1, 0xf, kind)])?;
        }
    }
    refuse(rules, libc::SYS_socket, [is(0, netlink), isnt(2, 0)])
}

/// Pairs whose ends reach each other and nobody else. An end of a datagram pair sends to any path that it names,
/// descriptors too; "raw" is another word for datagrams there. A stream's is connected for good, and one of sequenced
/// packets takes no notice of a name.
fn held_pairs(rules: &mut Rules) -> Result<(), seccompiler::BackendError> {
    for kind in (0..16).filter(|kind| ![STREAM, SEQPACKET].contains(kind)) {
        refuse(rules, libc::SYS_socketpair, [masked(1, 0xf, kind)])?;
    }
    Ok(())
}

/// Where neither the network is the command's own nor all of it is granted: none, or TCP to ports that Landlock names.
/// Landlock knows nothing of datagrams, of other protocols, and of a listener that was never bound.
fn few_sockets(rules: &mut Rules, setting: &Setting) -> Result<(), seccompiler::BackendError> {
    // A name for an end of a pair: all that is left to bind, and others may be waiting to use it.
    rules.insert(libc::SYS_bind, Vec::new());
    if setting.connect.is_empty() {
        rules.insert(libc::SYS_socket, Vec::new());
        return Ok(());
    }
    let [_, inet, inet6, _] = FAMILIES;
    rules.insert(libc::SYS_listen, Vec::new());
    refuse(rules, libc::SYS_socket, [isnt(0, inet), isnt(0, inet6)])?;
    refuse(rules, libc::SYS_socket, [isnt(2, 0), isnt(2, 6)])?;
    for kind in (0..16).filter(|kind| *kind != STREAM) {
        refuse(rules, libc::SYS_socket, [masked(1, 0xf, kind)])?;
    }
    Ok(())
}

/// Set-uid and set-gid bits, however a file comes by them.
fn modes(rules: &mut Rules) -> Result<(), seccompiler::BackendError> {
    const CREATE: u64 = 0o100;
    const TMPFILE: u64 = 0o20_000_000;
    let plain = [
        (libc::SYS_fchmod, 1),
        (libc::SYS_fchmodat, 2),
        (libc::SYS_fchmodat2, 2),
        (libc::SYS_mknodat, 2),
        #[cfg(target_arch = "x86_64")]
        (libc::SYS_chmod, 1),
        #[cfg(target_arch = "x86_64")]
        (libc::SYS_creat, 1),
        #[cfg(target_arch = "x86_64")]
        (libc::SYS_mknod, 1),
    ];
    let opens = [
        (libc::SYS_openat, 2, 3),
        #[cfg(target_arch = "x86_64")]
        (libc::SYS_open, 1, 2),
    ];
    for bit in SETID {
        for (call, mode) in plain {
            refuse(rules, call, [has(mode, bit)])?;
        }
        // Without one of these flags the mode is whatever lay in the register.
        for (call, flags, mode) in opens {
            refuse(rules, call, [has(flags, CREATE), has(mode, bit)])?;
            refuse(rules, call, [has(flags, TMPFILE), has(mode, bit)])?;
        }
    }
    Ok(())
}

type Condition = Result<SeccompCondition, seccompiler::BackendError>;

fn refuse(
    rules: &mut Rules,
    call: i64,
    all: impl IntoIterator<Item = Condition>,
) -> Result<(), seccompiler::BackendError> {
    let conditions: Result<Vec<_>, _> = all.into_iter().collect();
    rules.entry(call).or_default().push(SeccompRule::new(conditions?)?);
    Ok(())
}

// The kernel takes these as ints: with Qword the high half, which the caller chooses, would slip through.

fn is(argument: u8, value: u64) -> Condition {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)
}

fn isnt(argument: u8, value: u64) -> Condition {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, value)
}

fn is_wide(argument: u8, value: u64) -> Condition {
    SeccompCondition::new(argument, SeccompCmpArgLen::Qword, SeccompCmpOp::Eq, value)
}

fn isnt_wide(argument: u8, value: u64) -> Condition {
    SeccompCondition::new(argument, SeccompCmpArgLen::Qword, SeccompCmpOp::Ne, value)
}

fn has(argument: u8, bit: u64) -> Condition {
    masked(argument, bit, bit)
}

fn masked(argument: u8, mask: u64, value: u64) -> Condition {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::MaskedEq(mask), value)
}

fn failed(tried: &str, error: &impl std::fmt::Display) -> SandboxError {
    SandboxError {
        layer: "seccomp".into(),
        what: format!("{tried}: {error}"),
        hint: "run `autopilot doctor`: it says whether this kernel has system call filters".into(),
    }
}
