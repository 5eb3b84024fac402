//! Probes what this host can enforce and what it has. Namespaces are tried, not guessed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use autopilot_init::granted::Granted;
use autopilot_init::outcome::SandboxError;
use autopilot_init::spec::Setting;
use autopilot_init::{procfs, refused, tried};
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};
use nix::unistd::{User, getegid, geteuid, getuid};
use rustix::fs::StatVfsMountFlags;
use rustix::thread::CapabilitySet;

use super::toolchains::{self, Toolchains};
use super::{cgroup, distribution, launcher, mapped, own, start};
use crate::policy::{
    self, Bounds, Decision, Fact, HostFacts, Identity, Namespaces, Request, Waiver, Waivers,
};

/// Folders of the system that programs need, and what they read of the machine.
const FOLDERS: [&str; 11] = [
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/nix/store",
    "/gnu/store",
    "/run/current-system/sw",
    "/sys/devices/system/cpu",
];

/// Probes the host, as the caller of this process.
pub fn probe() -> HostFacts {
    // Lossy names and values are of no use to a plan, which is UTF-8.
    let environment: BTreeMap<String, String> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let home = environment.get("HOME").map(PathBuf::from).filter(|home| home.is_absolute());
    let own = own::places(&environment, home.as_deref());
    let Toolchains { path, refused, folders, config, env, caches } =
        toolchains::find(&environment, home.as_deref(), &own);
    let folders_of_system = FOLDERS.iter().map(PathBuf::from).filter(|path| path.exists());
    let all: BTreeSet<PathBuf> = folders_of_system.chain(distribution::find()).chain(config).collect();
    // What lies in a folder that is brought in is there already.
    let is_within = |path: &Path| path.ancestors().skip(1).any(|above| all.contains(above));
    let system = all.iter().filter(|path| !is_within(path)).cloned().collect();
    let set = |name: &str| environment.get(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let state_noexec = own::state_dir(set).filter(|state| is_noexec(state));
    let filtered = refused::is_filtered();
    let deadly = if filtered { start::deadly() } else { Vec::new() };
    let (landlock, seccomp) =
        tried::restrictions(!deadly.contains(&"landlock"), !deadly.contains(&"seccomp"));
    let mut facts = HostFacts {
        environment,
        uid: getuid().as_raw(),
        identity: identity(),
        namespaces: Fact::default(),
        proc: Fact::default(),
        cgroup: cgroup::find(),
        filtered,
        landlock,
        seccomp,
        home,
        path,
        path_refused: refused,
        path_closed: Vec::new(),
        system,
        toolchains: folders,
        toolchain_env: env,
        caches,
        own,
        within: Vec::new(),
        demands: Vec::new(),
        bounds: bounds(),
        state_noexec,
    };
    if let Err(error) = try_namespaces(&mut facts) {
        facts.namespaces = Fact::No { why: error.to_string(), hint: error.hint };
    }
    if matches!(facts.namespaces, Fact::No { .. }) {
        facts.path_closed = facts.path.iter().filter_map(|dir| Some((dir.clone(), closed(dir)?))).collect();
    }
    facts
}

/// Tells whether nothing can be executed in a folder, or where it will be once it is made.
fn is_noexec(folder: &Path) -> bool {
    let there = folder.ancestors().find(|folder| folder.is_dir());
    let mount = there.and_then(|folder| rustix::fs::statvfs(folder).ok());
    mount.is_some_and(|mount| mount.f_flag.contains(StatVfsMountFlags::NOEXEC))
}

/// Returns the bounds that this process cannot raise.
fn bounds() -> Bounds {
    let most =
        |resource| getrlimit(resource).ok().map(|(_, hard)| hard).filter(|hard| *hard != RLIM_INFINITY);
    if geteuid().is_root() {
        return Bounds::default();
    }
    Bounds { open_files: most(Resource::RLIMIT_NOFILE), file_size: most(Resource::RLIMIT_FSIZE) }
}

/// Returns who owns the folder on the way to this one that is closed to others, if one is.
fn closed(dir: &Path) -> Option<u32> {
    let real = fs::canonicalize(dir).ok()?;
    let is_closed = |facts: &fs::Metadata| facts.mode() & 0o001 == 0;
    real.ancestors().filter_map(|each| fs::metadata(each).ok()).find(is_closed).map(|facts| facts.uid())
}

/// Returns the identity of a user of this host, for `--run-as`.
pub fn user(name: &str) -> Fact<Identity> {
    let no = |why: String| Fact::No { why, hint: "name an ordinary user of this host: --run-as USER".into() };
    match User::from_name(name) {
        Ok(Some(user)) if user.uid.is_root() => no(format!("{name} is root, and steps never run as root")),
        Ok(Some(user)) => Fact::Yes(Identity {
            uid: user.uid.as_raw(),
            gid: user.gid.as_raw(),
            name: user.name,
            own: false,
        }),
        Ok(None) => no(format!("there is no user {name}")),
        Err(error) => no(format!("user {name}: {error}")),
    }
}

fn identity() -> Fact<Identity> {
    if !geteuid().is_root() {
        return Fact::Yes(Identity {
            uid: geteuid().as_raw(),
            gid: getegid().as_raw(),
            name: "step".into(),
            own: false,
        });
    }
    let needed = CapabilitySet::SETUID | CapabilitySet::SETGID | CapabilitySet::SETPCAP;
    let held = rustix::thread::capabilities(None).map_or(CapabilitySet::empty(), |sets| sets.effective);
    if held.contains(needed) {
        return mapped::identity(&unlike_others());
    }
    Fact::No {
        why: format!("root without {:?} cannot become anybody else", needed - held),
        hint:
            "run autopilot as an ordinary user, or give the container CAP_SETUID, CAP_SETGID and CAP_SETPCAP"
                .into(),
    }
}

/// Returns what no other run that lives now goes by: the kernel counts processes per uid, and those of one run are
/// not to count for another, of this process or of one with the same pid in another container.
fn unlike_others() -> String {
    static PROBES: AtomicU32 = AtomicU32::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    format!("{}-{}-{now}", std::process::id(), PROBES.fetch_add(1, Ordering::Relaxed))
}

/// Makes a confined side ready with the system and the toolchains in a root of its own, and in a control group if one
/// is to be had. The first launch takes it.
fn try_namespaces(facts: &mut HostFacts) -> Result<(), SandboxError> {
    let user = !geteuid().is_root();
    let mut own_proc = true;
    let attempt = |facts: &HostFacts, own_proc| {
        setting(facts, Namespaces { user, own_proc }).and_then(launcher::try_out)
    };
    let mut tried = attempt(facts, own_proc);
    if let Err(error) = tried.as_ref()
        && error.layer == cgroup::LAYER
    {
        facts.cgroup = cgroup::no(error.what.clone());
        tried = attempt(facts, own_proc);
    }
    facts.proc = Fact::Yes(());
    if let Err(error) = tried.as_ref()
        && error.layer == procfs::LAYER
    {
        let (why, hint) = procfs::without(error);
        facts.proc = Fact::No { why, hint };
        own_proc = false;
        tried = attempt(facts, own_proc);
    }
    if tried.is_err() {
        // A toolchain that cannot be brought in is for the launch to complain about: it says nothing about namespaces.
        attempt(&HostFacts { toolchains: Vec::new(), ..facts.clone() }, own_proc)?;
    }
    facts.namespaces = Fact::Yes(Namespaces { user, own_proc });
    Ok(())
}

/// Returns what most commands would be launched under if there are namespaces.
fn setting(facts: &HostFacts, namespaces: Namespaces) -> Result<Setting, SandboxError> {
    let facts = HostFacts { namespaces: Fact::Yes(namespaces), ..facts.clone() };
    let waivers = Waivers::from_iter([Waiver::Landlock, Waiver::Seccomp]);
    match policy::decide(&Request::git(), &facts, &waivers) {
        Decision::Allow(grant) => Ok(Setting::of(&Granted::from(&*grant))),
        Decision::Deny(reason) => {
            Err(SandboxError { layer: reason.what, what: reason.why, hint: reason.hint })
        }
    }
}
