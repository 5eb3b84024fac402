//! Takes what a step asks for and what the host can do, gives a decision. Pure; the only place where a
//! [`Grant`] is made, and only a [`Grant`] runs.

mod ceiling;
mod confinement;
mod denial;
mod environment;
mod grant;
mod host;
mod modeline;
mod names;
mod origin;
mod own;
mod request;
mod require;
mod review;
mod waiver;

use std::path::{Path, PathBuf};

pub use autopilot_init::granted::{Cache, Cgroup, Identity, Isolation, Limits};
pub use autopilot_init::refused::FILTER_HINT;
pub use ceiling::{Above, Ceilings, Held, Lowered, Within, in_words};
pub use confinement::{Confinement, Demand, NoConfinement};
pub use denial::{Denial, Own, explain_denial, reading};
pub use environment::host_warnings;
pub use grant::{Grant, Reach};
pub use host::{Bounds, Fact, HostFacts, Namespaces};
pub use modeline::evaluates;
pub use origin::{Origin, Trust, hold_origin, reached};
pub use own::{not_for_steps, shows};
pub use request::{Reason, Request};
pub use review::{Left, reviewable};
pub use waiver::{NoWaiver, Waiver, Waivers};

use crate::plan::{Network, Resources};

/// Lowest Landlock ABI with mount, pid and network namespaces around it.
const FLOOR: u32 = 1;

/// Lowest Landlock ABI where it stands alone, or where the host's network is shared: from 6 on, signals and
/// abstract sockets are scoped.
const FLOOR_ALONE: u32 = 6;

/// May it run?
#[derive(Debug, Clone)]
#[must_use]
pub enum Decision {
    /// Under this grant.
    Allow(Box<Grant>),
    /// Not on this host, or not like this.
    Deny(Reason),
}

/// Decides on a request.
pub fn decide(request: &Request, host: &HostFacts, waivers: &Waivers) -> Decision {
    match grant(request, host, waivers) {
        Ok(grant) => {
            tracing::debug!(grant = grant.describe(), isolation = ?grant.isolation(), "granted");
            Decision::Allow(Box::new(grant))
        }
        Err(reason) => {
            tracing::debug!(%reason, "refused");
            Decision::Deny(reason)
        }
    }
}

fn grant(request: &Request, host: &HostFacts, waivers: &Waivers) -> Result<Grant, Reason> {
    let mut bounded = Vec::new();
    let limits = limits(request, host, &mut bounded)?;
    let network = reach(&request.network);
    let identity = identity(host)?;
    let isolation = match &host.namespaces {
        Fact::Yes(Namespaces { user, own_proc }) => {
            Isolation::Namespaces { user: *user, own_proc: *own_proc }
        }
        Fact::No { .. } => Isolation::Bare,
    };
    let mut waived = Vec::new();
    listed(host, isolation, &network, waivers, &mut waived)?;
    landlock(host, isolation, &network, waivers, &mut waived)?;
    seccomp(host, isolation, waivers, &mut waived)?;
    require::demanded(host, isolation, &waived)?;
    let (env, mut warnings) = environment::environment(request, host, &identity.name)?;
    own::demand_apart(host)?;
    warnings.append(&mut bounded);
    let of_agent = paths("what the agent needs", &request.of_agent, host)?;
    Ok(Grant {
        isolation,
        network,
        cgroup: match &host.cgroup {
            Fact::Yes(cgroup) => Some(cgroup.clone()),
            Fact::No { .. } => None,
        },
        landlock: host.landlock,
        seccomp: host.seccomp,
        identity,
        env,
        system: host.system.clone(),
        toolchains: host.toolchains.clone(),
        read: [paths("filesystem.read", &request.read, host)?, of_agent.clone()].concat(),
        write: paths("filesystem.write", &request.write, host)?,
        caches: if request.caches { host.caches.clone() } else { Vec::new() },
        limits,
        waived,
        warnings,
        own: host.own.clone(),
        within: host.within.iter().map(|within| within.or_read(&of_agent)).collect(),
    })
}

fn reach(network: &Network) -> Reach {
    match network {
        Network::None => Reach::None,
        Network::Full => Reach::Full,
        Network::Allow(hosts) => Reach::Allow(hosts.clone()),
    }
}

/// So many files a runner has open at once at most: folders within one another, a step's streams, its log, git's.
const LEAST_FILES: u64 = 256;

/// Returns the bounds of a step. Where the host sets every process narrower ones, what nobody named is lowered, and what a
/// plan names is refused.
fn limits(request: &Request, host: &HostFacts, warnings: &mut Vec<String>) -> Result<Limits, Reason> {
    let usual = Resources::of_runner();
    let mut asked = request.resources.clone();
    let Bounds { open_files, file_size } = host.bounds;
    if let Some(most) = open_files.filter(|most| *most < LEAST_FILES) {
        return Err(Reason {
            what: "open files".into(),
            why: format!(
                "this process may open {most} at once (`ulimit -Hn`), and a run needs {LEAST_FILES}"
            ),
            hint: "have the bound raised where autopilot is started".into(),
        });
    }
    let pairs = [
        ("open_files", &mut asked.open_files, usual.open_files, open_files, "-Hn"),
        ("file_size", &mut asked.file_size, usual.file_size, file_size, "-Hf"),
    ];
    for (key, asked, usual, most, flag) in pairs {
        let Some(most) = most.filter(|most| *asked > *most) else { continue };
        let why = format!(
            "this process was started with a bound of {most} (`ulimit {flag}`), which only root can raise"
        );
        if *asked != usual {
            return Err(Reason {
                what: format!("resources.{key}: {asked}"),
                why,
                hint: format!("write {most} or less, or have the bound raised where autopilot is started"),
            });
        }
        warnings.push(format!("resources.{key}: {most} instead of {usual}: {why}"));
        *asked = most;
    }
    Ok(Limits::from(&asked))
}

/// First Landlock ABI that knows TCP ports.
const PORTS: u32 = 4;

/// An allow list needs a network namespace: what else the kernel has, a Landlock rule, names a port and never a host.
fn listed(
    host: &HostFacts,
    isolation: Isolation,
    network: &Reach,
    waivers: &Waivers,
    waived: &mut Vec<String>,
) -> Result<(), Reason> {
    let (Reach::Allow(_), Isolation::Bare, Fact::No { why, hint }) = (network, isolation, &host.namespaces)
    else {
        return Ok(());
    };
    if host.landlock >= PORTS && host.seccomp && waivers.include(Waiver::Network) {
        waived.push("network: the step connects to any host on the ports that are let through".into());
        return Ok(());
    }
    Err(Reason {
        what: "network.allow".into(),
        why: format!("an allow list needs a network namespace ({why})"),
        hint: format!(
            "{hint}, or pass --allow-degraded network: then any host is reached on the proxy's port"
        ),
    })
}

/// Tells whether the runner can serve a model to an agent under this grant: on a loopback that is the agent's alone.
/// On one that others share, they would use the key as well.
pub fn serves_model(grant: &Grant) -> Result<(), Reason> {
    let wrong = |why: &str, hint: &str| {
        Err(Reason { what: "the model's endpoint".into(), why: why.into(), hint: hint.into() })
    };
    match (grant.isolation(), grant.network()) {
        (Isolation::Bare, _) => wrong(
            "it needs a loopback of its own, and there are no network namespaces here",
            "`autopilot doctor` says what this host lacks",
        ),
        (Isolation::Namespaces { .. }, Reach::Full) => wrong(
            "with the host's whole network, everybody on this host could use the key",
            "name what the agent needs: `network: {allow: [HOST, …]}`; the model is reached without it",
        ),
        (Isolation::Namespaces { .. }, Reach::None | Reach::Allow(_)) => Ok(()),
    }
}

fn identity(host: &HostFacts) -> Result<Identity, Reason> {
    match &host.identity {
        Fact::Yes(identity) if identity.uid != 0 && identity.gid != 0 => Ok(identity.clone()),
        Fact::Yes(_) => Err(Reason {
            what: "identity".into(),
            why: "steps never run as root".into(),
            hint: "name an ordinary user: --run-as USER".into(),
        }),
        Fact::No { why, hint } => {
            Err(Reason { what: "identity".into(), why: why.clone(), hint: hint.clone() })
        }
    }
}

/// Holds the floor: ABI 1 inside namespaces of its own, ABI 6 where something is shared with the host.
fn landlock(
    host: &HostFacts,
    isolation: Isolation,
    network: &Reach,
    waivers: &Waivers,
    waived: &mut Vec<String>,
) -> Result<(), Reason> {
    let alone = isolation == Isolation::Bare;
    let floor = if alone || *network == Reach::Full { FLOOR_ALONE } else { FLOOR };
    if host.landlock >= floor {
        return Ok(());
    }
    let why = match (&host.namespaces, host.landlock) {
        (Fact::No { why, .. }, abi) => {
            format!("Landlock ABI {abi}, and {floor} is needed without namespaces ({why})")
        }
        (Fact::Yes(_), 0) if host.filtered => {
            "this kernel has no Landlock, or the system call filter that autopilot was started under refuses \
             `landlock_create_ruleset`"
                .into()
        }
        (Fact::Yes(_), 0) => "this kernel has no Landlock, or it is not switched on".into(),
        (Fact::Yes(_), abi) => {
            format!(
                "Landlock ABI {abi}, and {floor} is needed to keep a shared network's abstract sockets away"
            )
        }
    };
    // Without namespaces and without Landlock nothing would be left to give up.
    if !(alone && host.landlock == 0) && waivers.include(Waiver::Landlock) {
        waived.push(format!("landlock: {why}"));
        return Ok(());
    }
    Err(Reason { what: "filesystem".into(), why, hint: landlock_hint(host, alone) })
}

fn landlock_hint(host: &HostFacts, alone: bool) -> String {
    match &host.namespaces {
        Fact::No { hint, .. } if alone => hint.clone(),
        _ if host.filtered => format!("{FILTER_HINT}; or pass --allow-degraded landlock"),
        _ => "boot a kernel with Landlock (CONFIG_SECURITY_LANDLOCK=y, lsm=landlock,…), or pass --allow-degraded landlock"
            .into(),
    }
}

fn seccomp(
    host: &HostFacts,
    isolation: Isolation,
    waivers: &Waivers,
    waived: &mut Vec<String>,
) -> Result<(), Reason> {
    if host.seccomp {
        return Ok(());
    }
    if isolation != Isolation::Bare && waivers.include(Waiver::Seccomp) {
        waived.push("seccomp: this kernel has no system call filters".into());
        return Ok(());
    }
    if host.filtered {
        return Err(Reason {
            what: "system calls".into(),
            why: "there are no seccomp filters: the system call filter that autopilot was started under refuses `seccomp`, or this \
                kernel has none"
                .into(),
            hint: format!("{FILTER_HINT}; or boot a kernel with CONFIG_SECCOMP_FILTER=y, or pass --allow-degraded seccomp"),
        });
    }
    Err(Reason {
        what: "system calls".into(),
        why: "this kernel has no seccomp filters".into(),
        hint: "boot a kernel with CONFIG_SECCOMP_FILTER=y, or pass --allow-degraded seccomp".into(),
    })
}

/// Resolves `~/`, and refuses what would open everything.
fn paths(what: &str, paths: &[PathBuf], host: &HostFacts) -> Result<Vec<PathBuf>, Reason> {
    paths.iter().map(|path| resolve(what, path, host)).collect()
}

fn resolve(what: &str, path: &Path, host: &HostFacts) -> Result<PathBuf, Reason> {
    let wrong = |why: &str, hint: &str| Reason {
        what: format!("{what}: {}", path.display()),
        why: why.into(),
        hint: hint.into(),
    };
    let full = match path.strip_prefix("~") {
        Ok(rest) => {
            let home = host.home.as_ref().ok_or_else(|| wrong("HOME is not set", "write the path out"))?;
            if rest.as_os_str().is_empty() { home.clone() } else { home.join(rest) }
        }
        Err(_) => path.to_owned(),
    };
    if !full.is_absolute() {
        return Err(wrong("not absolute", "write /… or ~/…"));
    }
    let blunt = ["/", "/proc", "/sys", "/dev", "/etc", "/run", "/var/run"];
    if blunt.iter().any(|each| full == Path::new(each)) || full.starts_with("/proc") {
        return Err(wrong("that would open the host", "name the files that are needed"));
    }
    if let Some(own) = shows(&full, &host.own) {
        return Err(not_for_steps(what, &full, &full, own));
    }
    Ok(full)
}

#[cfg(test)]
mod tests;
