//! seccomp: the system calls that neither Landlock nor a namespace takes away.
//!
//! A list of what is refused, not of what is allowed: programs need hundreds of calls, and a new one must not
//! break them; what it can reach is bounded by the layers below. Three answers: EPERM for what a program must not do,
//! ENOSYS for what it should do another way, 0 for what is to have no effect.

mod calls;
mod program;
#[cfg(test)]
mod tests;

use std::sync::{Mutex, PoisonError};

use autopilot_init::filter::Filter;
use autopilot_init::granted::Granted;
use autopilot_init::outcome::SandboxError;
use autopilot_init::spec::Setting;
use nix::libc;

use self::calls::{ABSENT, HOSTS_IPC, LENDS, NEVER, WATCHES};
use self::program::Condition::{self, Is, IsZero, Isnt, IsntZero, Masked};
use self::program::Rules;
use crate::policy::Isolation;

// AF_UNIX, AF_INET, AF_INET6, AF_NETLINK.
const UNIX: u32 = 1;
const INET: u32 = 2;
const INET6: u32 = 10;
const NETLINK: u32 = 16;
const STREAM: u32 = 1;
const SEQPACKET: u32 = 5;
const SETID: [u32; 2] = [0o4000, 0o2000];
const MSG_FASTOPEN: u32 = 0x2000_0000;
const NEW_NAMESPACES: [u32; 7] =
    [0x0002_0000, 0x0200_0000, 0x0400_0000, 0x0800_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000];
/// RLIMIT_CORE.
const CORE: u32 = 4;
/// TIOCSTI and TIOCLINUX, which type into a terminal.
const IOCTLS: [u32; 2] = [0x5412, 0x541c];

/// Those that were compiled last, and for what: a run's steps mostly share one.
static KNOWN: Mutex<Vec<(Setting, Filter)>> = Mutex::new(Vec::new());
const MOST_KNOWN: usize = 8;

/// Compiles the filter of a grant; none if that was given up. `connect`: the TCP ports it may connect to without a network
/// of its own.
pub(super) fn compile(grant: &Granted, connect: &[u16]) -> Result<Option<Filter>, SandboxError> {
    if !grant.seccomp {
        return Ok(None);
    }
    let connect = connect.to_vec();
    // No path decides what is refused.
    let setting = Setting { connect, system: Vec::new(), toolchains: Vec::new(), ..Setting::of(grant) };
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, filter)) = known.iter().find(|(of, _)| *of == setting) {
        return Ok(Some(filter.clone()));
    }
    match program::program(&rules(&setting)) {
        Ok(program) => {
            let filter = Filter::from(program.as_slice());
            known.truncate(MOST_KNOWN - 1);
            known.insert(0, (setting, filter.clone()));
            Ok(Some(filter))
        }
        Err(error) => Err(SandboxError {
            layer: "seccomp".into(),
            what: format!("build the filter: {error}"),
            hint: "run `autopilot doctor`: it says whether this kernel has system call filters".into(),
        }),
    }
}

/// Returns what calls are answered that are not simply allowed.
fn rules(setting: &Setting) -> Rules {
    let mut rules = Rules::default();
    for call in absent(setting) {
        rules.answer(call, libc::ENOSYS, &[]);
    }
    for call in NEVER {
        refuse(&mut rules, *call, &[]);
    }
    sockets(&mut rules, setting);
    modes(&mut rules);
    for flag in NEW_NAMESPACES {
        refuse(&mut rules, libc::SYS_clone, &[has(0, flag)]);
    }
    for request in IOCTLS {
        refuse(&mut rules, libc::SYS_ioctl, &[Is(1, request)]);
    }
    for (call, argument) in [(libc::SYS_sendto, 3), (libc::SYS_sendmsg, 2), (libc::SYS_sendmmsg, 3)] {
        refuse(&mut rules, call, &[has(argument, MSG_FASTOPEN)]);
    }
    limits(&mut rules);
    scheduling(&mut rules, setting.isolation);
    rules
}

/// Returns the calls that are not there, whatever their arguments.
fn absent(setting: &Setting) -> impl Iterator<Item = i64> {
    let bare = setting.isolation == Isolation::Bare;
    // Instances are the user's, and only through a /proc of its own could the command's be bounded.
    let watches = bare || setting.isolation == (Isolation::Namespaces { user: true, own_proc: false });
    let more = [(true, ABSENT), (bare, HOSTS_IPC), (watches, WATCHES), (setting.cgroup.is_none(), LENDS)];
    more.into_iter().filter(|(there, _)| *there).flat_map(|(_, calls)| calls.iter().copied())
}

/// Another process's limits, our own init's among them; and of one's own the bound on cores.
fn limits(rules: &mut Rules) {
    refuse(rules, libc::SYS_prlimit64, &[Isnt(0, 0), IsntZero(2)]);
    // From the bound that lets none out (`limits`) to 0, which lets the host's handler have them: without effect.
    // Programs that keep secrets set it, and need not hear that they may not.
    rules.answer(libc::SYS_setrlimit, 0, &[Is(0, CORE)]);
    rules.answer(libc::SYS_prlimit64, 0, &[Is(0, 0), Is(1, CORE), IsntZero(2), IsZero(3)]);
    // Who asks for the old ones beside would take what lies there for them.
    refuse(rules, libc::SYS_prlimit64, &[Is(1, CORE), IsntZero(2), IsntZero(3)]);
}

/// Another's scheduling: the supervisor has the command's uid, and at the end of a full run queue it looks at no limit
/// and obeys no order.
///
/// In a pid namespace it is pid 1, and whoever else can be named is the command's own: threads are pinned by their
/// number. Without, a number may be any process of the user's, and only 0, the caller itself, is let through.
fn scheduling(rules: &mut Rules, isolation: Isolation) {
    const ITSELF: u32 = 0;
    const INIT: u32 = 1;
    const PRIO_PROCESS: u32 = 0;
    const IOPRIO_WHO_PROCESS: u32 = 1;
    let another = |argument| match isolation {
        Isolation::Namespaces { .. } => Is(argument, INIT),
        Isolation::Bare => Isnt(argument, ITSELF),
    };
    for call in [
        libc::SYS_sched_setscheduler,
        libc::SYS_sched_setparam,
        libc::SYS_sched_setattr,
        libc::SYS_sched_setaffinity,
    ] {
        refuse(rules, call, &[another(0)]);
    }
    // Of these the first argument says of what kind the second is. Process groups and users are no way round: the
    // supervisor's group is one that the command may join.
    for (call, process) in [(libc::SYS_setpriority, PRIO_PROCESS), (libc::SYS_ioprio_set, IOPRIO_WHO_PROCESS)]
    {
        refuse(rules, call, &[Isnt(0, process)]);
        refuse(rules, call, &[another(1)]);
    }
}

/// Sockets: local and internet ones, streams and datagrams, TCP and UDP; routing questions. Without namespaces
/// no socket of a name or an address, since named ones in granted folders would be within reach.
fn sockets(rules: &mut Rules, setting: &Setting) {
    let alone = setting.isolation == Isolation::Bare;
    refuse(rules, libc::SYS_socketpair, &[Isnt(0, UNIX)]);
    if alone {
        held_pairs(rules);
    }
    if alone && !setting.shares_network {
        return few_sockets(rules, setting);
    }
    refuse(rules, libc::SYS_socket, &[Isnt(0, UNIX), Isnt(0, INET), Isnt(0, INET6), Isnt(0, NETLINK)]);
    if alone {
        refuse(rules, libc::SYS_socket, &[Is(0, UNIX)]);
    }
    for family in [INET, INET6] {
        refuse(rules, libc::SYS_socket, &[Is(0, family), Isnt(2, 0), Isnt(2, 6), Isnt(2, 17)]);
        for kind in [3, 4, 5, 6, 10] {
            refuse(rules, libc::SYS_socket, &[Is(0, family), Masked(1, 0xf, kind)]);
        }
    }
    refuse(rules, libc::SYS_socket, &[Is(0, NETLINK), Isnt(2, 0)]);
}

/// Pairs whose ends reach each other and nobody else. An end of a datagram pair sends to any path that it names,
/// descriptors too; "raw" is another word for datagrams there. A stream's is connected for good, and one of sequenced
/// packets takes no notice of a name.
fn held_pairs(rules: &mut Rules) {
    for kind in (0..16).filter(|kind| ![STREAM, SEQPACKET].contains(kind)) {
        refuse(rules, libc::SYS_socketpair, &[Masked(1, 0xf, kind)]);
    }
}

/// Where neither the network is the command's own nor all of it is granted: none, or TCP to ports that Landlock names.
/// Landlock knows nothing of datagrams, of other protocols, and of a listener that was never bound.
fn few_sockets(rules: &mut Rules, setting: &Setting) {
    // A name for an end of a pair: all that is left to bind, and others may be waiting to use it.
    refuse(rules, libc::SYS_bind, &[]);
    if setting.connect.is_empty() {
        return refuse(rules, libc::SYS_socket, &[]);
    }
    refuse(rules, libc::SYS_listen, &[]);
    refuse(rules, libc::SYS_socket, &[Isnt(0, INET), Isnt(0, INET6)]);
    refuse(rules, libc::SYS_socket, &[Isnt(2, 0), Isnt(2, 6)]);
    for kind in (0..16).filter(|kind| *kind != STREAM) {
        refuse(rules, libc::SYS_socket, &[Masked(1, 0xf, kind)]);
    }
}

/// Set-uid and set-gid bits, however a file comes by them.
fn modes(rules: &mut Rules) {
    const CREATE: u32 = 0o100;
    const TMPFILE: u32 = 0o20_000_000;
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
            refuse(rules, call, &[has(mode, bit)]);
        }
        // Without one of these flags the mode is whatever lay in the register.
        for (call, flags, mode) in opens {
            refuse(rules, call, &[has(flags, CREATE), has(mode, bit)]);
            refuse(rules, call, &[has(flags, TMPFILE), has(mode, bit)]);
        }
    }
}

fn refuse(rules: &mut Rules, call: i64, all: &[Condition]) {
    rules.answer(call, libc::EPERM, all);
}

/// All bits of a flag are set.
fn has(argument: u8, flag: u32) -> Condition {
    Masked(argument, flag, flag)
}
