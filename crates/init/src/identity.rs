//! Who the command is: groups, gid and uid for good, no capability left, nothing to gain by an `execve`.

use std::io;

use nix::unistd::{
    Gid, Uid, getegid, geteuid, getgroups, getresgid, getresuid, setgroups, setresgid, setresuid,
};
use rustix::thread::{CapabilitySet, CapabilitySets};

use crate::granted::Identity;
use crate::outcome::SandboxError;

/// Becomes this identity, irreversibly. Bounding set first, while that is still allowed; then groups, then
/// gid, then uid: the other way round, the right to change the rest is gone with the uid.
pub(crate) fn assume(identity: &Identity) -> Result<(), SandboxError> {
    empty_bounding_set().map_err(|error| failed("empty the bounding set", &error.into()))?;
    let (uid, gid) = (Uid::from_raw(identity.uid), Gid::from_raw(identity.gid));
    let is_another = geteuid() != uid || getegid() != gid;
    if is_another {
        setgroups(&[gid]).map_err(|error| failed("setgroups", &error.into()))?;
        setresgid(gid, gid, gid).map_err(|error| failed("setresgid", &error.into()))?;
        setresuid(uid, uid, uid).map_err(|error| failed("setresuid", &error.into()))?;
    }
    drop_capabilities().map_err(|error| failed("drop capabilities", &error.into()))?;
    prove(uid, gid)?;
    // An ordinary user cannot put down groups, in a user namespace of their own neither.
    if is_another { prove_groups(gid) } else { Ok(()) }
}

/// No group is left but its own.
fn prove_groups(gid: Gid) -> Result<(), SandboxError> {
    let groups = getgroups().map_err(|error| failed("getgroups", &error.into()))?;
    if groups.iter().all(|group| *group == gid) { Ok(()) } else { Err(wrong("another group was kept")) }
}

fn wrong(what: &str) -> SandboxError {
    SandboxError {
        layer: "identity".into(),
        what: format!("{what} after dropping privileges"),
        hint: "this is a bug in autopilot or in this kernel: report it".into(),
    }
}

/// Nobody can come back: the system says so when asked for it.
fn prove(uid: Uid, gid: Gid) -> Result<(), SandboxError> {
    let root = Uid::from_raw(0);
    if setresuid(root, root, root).is_ok() || nix::unistd::setuid(root).is_ok() {
        return Err(wrong("uid 0 could be had back"));
    }
    if setresgid(Gid::from_raw(0), Gid::from_raw(0), Gid::from_raw(0)).is_ok() {
        return Err(wrong("gid 0 could be had back"));
    }
    let users = getresuid().map_err(|error| failed("getresuid", &error.into()))?;
    let groups = getresgid().map_err(|error| failed("getresgid", &error.into()))?;
    if [users.real, users.effective, users.saved] != [uid; 3]
        || [groups.real, groups.effective, groups.saved] != [gid; 3]
    {
        return Err(wrong("another uid or gid was in force"));
    }
    Ok(())
}

fn empty_bounding_set() -> rustix::io::Result<()> {
    for capability in CapabilitySet::all().iter() {
        match rustix::thread::remove_capability_from_bounding_set(capability) {
            // Newer than this kernel; or an ordinary user outside a user namespace, who has none to gain: no_new_privs.
            Err(rustix::io::Errno::INVAL) => {}
            Err(rustix::io::Errno::PERM) => return Ok(()),
            result => result?,
        }
    }
    Ok(())
}

fn drop_capabilities() -> rustix::io::Result<()> {
    rustix::thread::clear_ambient_capability_set()?;
    let none = CapabilitySet::empty();
    rustix::thread::set_capabilities(
        None,
        CapabilitySets { effective: none, permitted: none, inheritable: none },
    )
}

fn failed(tried: &str, error: &io::Error) -> SandboxError {
    SandboxError {
        layer: "identity".into(),
        what: format!("{tried}: {error}"),
        hint: "as root, autopilot needs CAP_SETUID, CAP_SETGID and CAP_SETPCAP".into(),
    }
}
