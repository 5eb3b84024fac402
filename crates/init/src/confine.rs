//! The order of confining, written down once.
//!
//! Inside namespaces, the init of the pid namespace does it all to itself before it starts the command:
//!
//! 1. descriptors of others marked close-on-exec, environment empty (the launcher saw to it)
//! 2. namespaces: everything below needs them, and only a single-threaded process may make a user namespace
//! 3. loopback up: needs the network namespace's CAP_NET_ADMIN, gone with 6
//! 4. the root of its own: needs CAP_SYS_ADMIN; Landlock forbids mounts after 9. First what every command of the
//!    setting needs, with its Landlock rules made; then, once the launch is there, what is granted
//! 5. resource limits: could still be raised with a capability
//!    the Landlock ruleset is completed: it opens paths that 6 may put out of reach
//! 6. identity: bounding set, groups, gid, uid, capabilities; proved
//! 7. the command's folder: `openat2` is refused after 10
//! 8. no_new_privs: Landlock and seccomp demand it of the unprivileged
//! 9. Landlock: needs system calls that seccomp need not allow
//! 10. seccomp
//! 11. parent-death signal and non-dumpable: a change of credentials undoes both, so last
//! 12. proof from `/proc/self/status`, then the command
//!
//! Without namespaces the supervisor stays outside, and a process between it and the command does 5 to 12.

use std::io;

use landlock::RulesetCreated;
use nix::sys::prctl;
use nix::sys::signal::Signal;

use crate::filter::Filter;
use crate::granted::{Cgroup, Isolation};
use crate::outcome::{Enforced, SandboxError};
use crate::spec::Launch;
use crate::told::step;
use crate::{command, identity, limits, lock, procfs};

/// Does 5 to 12 to this process, and returns what the kernel confirms. `namespaces` are the ones it is in.
pub(crate) fn confine(
    launch: &Launch,
    namespaces: Vec<String>,
    ruleset: Option<RulesetCreated>,
) -> Result<Enforced, SandboxError> {
    let grant = &launch.grant;
    let as_root = nix::unistd::geteuid().is_root();
    step("limits", || limits::set(&grant.limits, grant.isolation, as_root))?;
    let ruleset = step("ruleset", || lock::complete(ruleset, launch))?;
    step("identity", || identity::assume(&grant.identity))?;
    step("folder", || command::enter_folder(launch))?;
    step("no_new_privs", || called("no_new_privs", prctl::set_no_new_privs()))?;
    step("landlock", || lock::restrict(ruleset))?;
    step("seccomp", || launch.filter.iter().try_for_each(Filter::install))?;
    step("death signal", || called("the parent-death signal", prctl::set_pdeathsig(Signal::SIGKILL)))?;
    step("not dumpable", || called("PR_SET_DUMPABLE", prctl::set_dumpable(false)))?;
    step("proof", || prove(launch, namespaces))
}

/// Reads back what is in force; a difference from the grant is an error.
fn prove(launch: &Launch, namespaces: Vec<String>) -> Result<Enforced, SandboxError> {
    let grant = &launch.grant;
    let no_new_privs =
        prctl::get_no_new_privs().map_err(|error| failed("PR_GET_NO_NEW_PRIVS", error.into()))?;
    let seccomp = rustix::thread::secure_computing_mode()
        .map_err(|error| failed("PR_GET_SECCOMP", error.into()))?
        == rustix::thread::SecureComputingMode::Filter;
    let sets = rustix::thread::capabilities(None).map_err(|error| failed("capget", error.into()))?;
    let capabilities = (sets.effective | sets.permitted | sets.inheritable).bits();
    let own_proc = grant.isolation != Isolation::Bare && procfs::is_mounted();
    let enforced = Enforced {
        namespaces,
        proc: if own_proc { "own" } else { "machine" }.to_owned(),
        // The supervisor moved in before all else, or it would not have come this far; this was born there.
        cgroup: grant.cgroup.iter().flat_map(Cgroup::controllers).map(str::to_owned).collect(),
        landlock: grant.landlock,
        seccomp,
        uid: nix::unistd::getuid().as_raw(),
        gid: nix::unistd::getgid().as_raw(),
        capabilities,
        no_new_privs,
        seen: launch.seen.clone(),
        waived: grant.waived.iter().cloned().chain(egress(launch)).collect(),
    };
    let holds = enforced.no_new_privs
        && enforced.seccomp == grant.seccomp
        && own_proc == grant.isolation.has_own_proc()
        && enforced.uid == grant.identity.uid
        && enforced.gid == grant.identity.gid
        && capabilities == 0;
    if holds { Ok(enforced) } else { Err(failed("proof", io::Error::other(format!("{enforced:?}")))) }
}

/// Says what a command may connect to that shares the host's network, and of which only ports are bounded.
fn egress(launch: &Launch) -> Option<String> {
    let ports: Vec<String> = launch.connect.iter().map(ToString::to_string).collect();
    (!ports.is_empty()).then(|| format!("egress: any host on port {}", ports.join(", ")))
}

fn called(what: &str, done: nix::Result<()>) -> Result<(), SandboxError> {
    done.map_err(|error| failed(what, error.into()))
}

fn failed(tried: &str, error: io::Error) -> SandboxError {
    SandboxError::of("confine", tried, &error)
}
