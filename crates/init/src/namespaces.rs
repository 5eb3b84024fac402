//! Namespaces of the command's own, and the loopback in them.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;

use nix::sched::{CloneFlags, unshare};
use nix::unistd::{getgid, getuid};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};
use rustix::thread::{CapabilitySet, CapabilitySets};

use crate::outcome::SandboxError;
use crate::{reading, refused};

/// Kinds of namespaces, as `/proc/self/ns` and the journal name them.
const KINDS: [(&str, &str, CloneFlags); 7] = [
    ("net", "net", CloneFlags::CLONE_NEWNET),
    ("pid", "pid", CloneFlags::CLONE_NEWPID),
    ("ipc", "ipc", CloneFlags::CLONE_NEWIPC),
    ("mount", "mnt", CloneFlags::CLONE_NEWNS),
    ("uts", "uts", CloneFlags::CLONE_NEWUTS),
    ("cgroup", "cgroup", CloneFlags::CLONE_NEWCGROUP),
    ("user", "user", CloneFlags::CLONE_NEWUSER),
];

/// What the init of a pid namespace needs to build the rest; given up before the command starts.
const BUILDING: CapabilitySet = CapabilitySet::SYS_ADMIN
    .union(CapabilitySet::NET_ADMIN)
    .union(CapabilitySet::NET_BIND_SERVICE)
    .union(CapabilitySet::SETPCAP)
    .union(CapabilitySet::SYS_RESOURCE)
    .union(CapabilitySet::DAC_OVERRIDE);

/// Returns the identities of the namespaces this process is in, for [`differing`].
pub(crate) fn current() -> io::Result<String> {
    let ids: io::Result<Vec<String>> = KINDS
        .iter()
        .map(|(_, file, _)| {
            Ok(reading::link(Path::new(&format!("/proc/self/ns/{file}")))?.to_string_lossy().into_owned())
        })
        .collect();
    Ok(ids?.join(","))
}

/// Returns the kinds of namespaces in which this process is and the one that wrote `before` was not.
pub(crate) fn differing(before: &str) -> io::Result<Vec<String>> {
    let now = current()?;
    let names = KINDS.iter().map(|(name, _, _)| (*name).to_owned());
    let pairs = before.split(',').zip(now.split(','));
    Ok(names.zip(pairs).filter(|(_, (before, now))| before != now).map(|(name, _)| name).collect())
}

/// Leaves the host's namespaces. The pid namespace takes hold with the next child.
pub(crate) fn leave(user: bool, net: bool) -> Result<(), SandboxError> {
    let mut flags = KINDS.iter().fold(CloneFlags::empty(), |all, (_, _, flag)| all | *flag);
    flags.set(CloneFlags::CLONE_NEWUSER, user);
    flags.set(CloneFlags::CLONE_NEWNET, net);
    let (uid, gid) = (getuid(), getgid());
    unshare(flags).map_err(|error| refused(user, "unshare", error.into()))?;
    if user {
        // One uid and one gid, seen as they are outside; no way to drop groups, so none to use them either.
        std::fs::write("/proc/self/setgroups", "deny")
            .map_err(|error| refused(user, "setgroups=deny", error))?;
        std::fs::write("/proc/self/uid_map", format!("{uid} {uid} 1"))
            .map_err(|error| refused(user, "write uid_map", error))?;
        std::fs::write("/proc/self/gid_map", format!("{gid} {gid} 1"))
            .map_err(|error| refused(user, "write gid_map", error))?;
        keep_for_init().map_err(|error| refused(user, "ambient capabilities", error.into()))?;
    }
    Ok(())
}

/// Hands the capabilities of the new user namespace on to init: an `execve` of an ordinary uid drops the rest.
fn keep_for_init() -> rustix::io::Result<()> {
    rustix::thread::set_capabilities(
        None,
        CapabilitySets { effective: BUILDING, permitted: BUILDING, inheritable: BUILDING },
    )?;
    for capability in BUILDING.iter() {
        rustix::thread::configure_capability_in_ambient_set(capability, true)?;
    }
    Ok(())
}

fn refused(user: bool, tried: &str, error: io::Error) -> SandboxError {
    let hint = if user {
        "allow user namespaces (sysctl kernel.apparmor_restrict_unprivileged_userns=0, user.max_user_namespaces), \
         or run `sudo autopilot … --run-as \"$USER\"`"
    } else {
        "give this container CAP_SYS_ADMIN and a profile that allows unshare and mount, or run as an ordinary user"
    };
    refused::refused("namespaces", tried, &error, user, hint)
}

/// Listens on the loopback of the new network namespace. Whoever holds a listener accepts from this namespace,
/// wherever it is itself; the capability for low ports is still there.
pub(crate) fn listen(addresses: &[SocketAddr]) -> Result<Vec<TcpListener>, SandboxError> {
    const BACKLOG: i32 = 1024;
    let listen = |address: &SocketAddr| -> io::Result<TcpListener> {
        let listener = TcpListener::bind(address)?;
        rustix::net::listen(&listener, BACKLOG)?;
        Ok(listener)
    };
    let failed =
        |address: &SocketAddr, error| SandboxError::of("network", &format!("listen on {address}"), &error);
    addresses.iter().map(|address| listen(address).map_err(|error| failed(address, error))).collect()
}

/// Brings the loopback of a new network namespace up: one RTM_NEWLINK, since an ioctl would be unsafe.
pub(crate) fn loopback_up() -> Result<(), SandboxError> {
    set_link_up().map_err(|error| SandboxError::of("network", "bring the loopback up", &error))
}

fn set_link_up() -> io::Result<()> {
    const NEWLINK: u16 = 16;
    const REQUEST_ACK: u16 = 1 | 4;
    const UP: u32 = 1;
    let mut message = Vec::with_capacity(32);
    message.extend(32_u32.to_ne_bytes());
    message.extend(NEWLINK.to_ne_bytes());
    message.extend(REQUEST_ACK.to_ne_bytes());
    message.extend([0; 8]); // sequence, port
    message.extend([0; 4]); // family, padding, type
    message.extend(1_i32.to_ne_bytes()); // the loopback is always the first
    message.extend(UP.to_ne_bytes());
    message.extend(UP.to_ne_bytes()); // which flags are meant
    let socket =
        rustix::net::socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None)?;
    rustix::net::send(&socket, &message, SendFlags::empty())?;
    let mut answer = [0_u8; 256];
    let (length, _) = rustix::net::recv(&socket, &mut answer[..], RecvFlags::empty())?;
    // nlmsghdr, then the error number, 0 for done.
    let code = answer.get(16..20).filter(|_| length >= 20).and_then(|bytes| bytes.try_into().ok());
    match code.map(i32::from_ne_bytes) {
        Some(0) => Ok(()),
        Some(code) => Err(io::Error::from_raw_os_error(-code)),
        None => Err(io::Error::other("netlink gave no answer")),
    }
}
