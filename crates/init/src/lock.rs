//! Landlock: what the command may touch, said once more, by the kernel's own allow list.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, LandlockStatus, NetPort,
    PathBeneath, Ruleset, RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetStatus, Scope,
};
use rustix::fs::{Mode, OFlags};

use crate::granted::{Isolation, Within};
use crate::mounts::SHM;
use crate::outcome::SandboxError;
use crate::own::{self, Own};
use crate::procfs::OF_THE_MACHINE;
use crate::spec::{Launch, Setting};

/// Devices that are read and written.
const DEVICES: [&str; 5] = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"];

/// The same where it is the command's own, and not the host's.
const OWN_DEVICES: [&str; 2] = ["/dev/tty", "/dev/pts"];

/// Makes the ruleset, with the rules of a setting. Every right that the ABI knows is handled; whatever cannot be
/// enforced is an error, never a lesser protection.
pub(crate) fn begin(setting: &Setting) -> Result<Option<RulesetCreated>, SandboxError> {
    if setting.landlock == 0 {
        return Ok(None);
    }
    let abi = abi(setting.landlock);
    let ruleset = ruleset(setting, abi).map_err(|error| failed("create the ruleset", &error))?;
    rules_of_setting(ruleset, setting, abi).map(Some)
}

/// Adds the rules of a launch. They open what they name: while that is still within the reach of whoever started
/// this.
pub(crate) fn complete(
    ruleset: Option<RulesetCreated>,
    launch: &Launch,
) -> Result<Option<RulesetCreated>, SandboxError> {
    ruleset.map(|ruleset| rules_of_launch(ruleset, launch, abi(launch.grant.landlock))).transpose()
}

/// Restricts this process and all it starts.
pub(crate) fn restrict(ruleset: Option<RulesetCreated>) -> Result<(), SandboxError> {
    let Some(ruleset) = ruleset else { return Ok(()) };
    let status = ruleset.restrict_self().map_err(|error| failed("restrict_self", &error))?;
    if status.ruleset != RulesetStatus::FullyEnforced || !status.no_new_privs {
        return Err(failed("restrict_self", &format!("{status:?}")));
    }
    Ok(())
}

/// Returns the newest ABI that both the kernel and this program know.
fn abi(number: u32) -> ABI {
    ABI::from(i32::try_from(number).unwrap_or(i32::MAX))
}

fn ruleset(setting: &Setting, abi: ABI) -> Result<RulesetCreated, landlock::RulesetError> {
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(abi))?;
    let alone = setting.isolation == Isolation::Bare;
    if alone && !setting.shares_network && abi >= ABI::V4 {
        // No port but those that a rule names.
        ruleset = ruleset.handle_access(AccessNet::from_all(abi))?;
    }
    if abi >= ABI::V6 {
        ruleset = ruleset.scope(Scope::from_all(abi))?;
    }
    ruleset.create()
}

/// Nobody makes device nodes.
fn write(abi: ABI) -> BitFlags<AccessFs> {
    AccessFs::from_all(abi) & !(AccessFs::MakeChar | AccessFs::MakeBlock)
}

fn device(abi: ABI) -> BitFlags<AccessFs> {
    write(abi) & !BitFlags::from(AccessFs::Execute)
}

fn rules_of_setting(
    mut ruleset: RulesetCreated,
    setting: &Setting,
    abi: ABI,
) -> Result<RulesetCreated, SandboxError> {
    let read = AccessFs::from_read(abi);
    let alone = setting.isolation == Isolation::Bare;
    for port in setting.connect.iter().filter(|_| alone) {
        let rule = NetPort::new(*port, AccessNet::ConnectTcp);
        ruleset = ruleset.add_rule(rule).map_err(|error| failed("add a port", &error))?;
    }
    if alone {
        ruleset = add(ruleset, OF_THE_MACHINE.iter().map(Path::new), read, abi)?;
    } else {
        // All that is below is there because it was granted; the names of it may be listed.
        ruleset = add(ruleset, [Path::new("/")], AccessFs::ReadDir.into(), abi)?;
        ruleset = add(ruleset, [Path::new("/etc")], read, abi)?;
        // One that is lent is the supervisor's alone, who is under the same rules: for the command it has no name.
        let of_proc =
            if setting.isolation.has_own_proc() { read } else { read & !BitFlags::from(AccessFs::Execute) };
        ruleset = add(ruleset, [Path::new("/proc")], of_proc, abi)?;
        ruleset = add(ruleset, OWN_DEVICES.iter().map(Path::new), device(abi), abi)?;
    }
    ruleset = add(ruleset, DEVICES.iter().map(Path::new), device(abi), abi)?;
    // With a root of its own, what there is of /etc was brought in by name.
    let named = |path: &&PathBuf| alone || !path.starts_with("/etc");
    let system = setting.system.iter().filter(named).chain(&setting.toolchains);
    add(ruleset, system.map(PathBuf::as_path), read, abi)
}

fn rules_of_launch(
    mut ruleset: RulesetCreated,
    launch: &Launch,
    abi: ABI,
) -> Result<RulesetCreated, SandboxError> {
    let Launch { grant, place, seen, .. } = launch;
    let read = AccessFs::from_read(abi);
    let folders =
        |of: fn(&Within) -> &[PathBuf]| -> Vec<&[PathBuf]> { grant.within.iter().map(of).collect() };
    ruleset = add_granted(ruleset, launch, (&grant.read, &folders(|within| &within.read)), read, abi)?;
    ruleset =
        add_granted(ruleset, launch, (&grant.write, &folders(|within| &within.write)), write(abi), abi)?;
    ruleset = add(ruleset, place.also_read.iter().map(PathBuf::as_path), read, abi)?;
    if grant.isolation == Isolation::Bare {
        ruleset = add(ruleset, grant.caches.iter().map(|each| each.host.as_path()), read, abi)?;
    } else {
        ruleset = add(ruleset, [Path::new(SHM)], device(abi), abi)?;
        if !grant.isolation.has_own_proc() {
            ruleset = add(ruleset, OF_THE_MACHINE.iter().map(Path::new), read, abi)?;
        }
    }
    let places = [&seen.worktree, &seen.home, &seen.tmp];
    let places = places.into_iter().chain(&place.also_write);
    add(ruleset, places.map(PathBuf::as_path), write(abi), abi)
}

/// Adds a rule a path. A path that is not there is left out only where it may be missing by nature.
fn add<'a>(
    mut ruleset: RulesetCreated,
    paths: impl IntoIterator<Item = &'a Path>,
    rights: BitFlags<AccessFs>,
    abi: ABI,
) -> Result<RulesetCreated, SandboxError> {
    for path in paths {
        let optional = path.starts_with("/dev") || path.starts_with("/proc");
        match open(path) {
            Err(_) if optional => {}
            opened => ruleset = allow(ruleset, opened?, path, rights, abi)?,
        }
    }
    Ok(ruleset)
}

/// Adds a rule for each path that the plan names. Where nothing is mounted that could be looked at, the file itself is: it must
/// not show autopilot's own.
fn add_granted(
    mut ruleset: RulesetCreated,
    launch: &Launch,
    (paths, folders): (&[PathBuf], &[&[PathBuf]]),
    rights: BitFlags<AccessFs>,
    abi: ABI,
) -> Result<RulesetCreated, SandboxError> {
    if launch.grant.isolation != Isolation::Bare {
        return add(ruleset, paths.iter().map(PathBuf::as_path), rights, abi);
    }
    let own =
        Own::find(&launch.grant.own, Path::new("/")).map_err(|error| failed("read mountinfo", &error))?;
    for path in paths {
        let fd = open(path)?;
        own::held_open(&own, &fd, folders)?;
        ruleset = allow(ruleset, fd, path, rights, abi)?;
    }
    Ok(ruleset)
}

fn open(path: &Path) -> Result<OwnedFd, SandboxError> {
    rustix::fs::open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())
        .map_err(|error| failed(&format!("open {}", path.display()), &error))
}

fn allow(
    ruleset: RulesetCreated,
    fd: OwnedFd,
    path: &Path,
    rights: BitFlags<AccessFs>,
    abi: ABI,
) -> Result<RulesetCreated, SandboxError> {
    let rights = if path.is_dir() { rights } else { rights & AccessFs::from_file(abi) };
    ruleset
        .add_rule(PathBeneath::new(fd, rights))
        .map_err(|error| failed(&format!("allow {}", path.display()), &error))
}

fn failed(tried: &str, error: &impl std::fmt::Display) -> SandboxError {
    SandboxError {
        layer: "landlock".into(),
        what: format!("{tried}: {error}"),
        hint: "run `autopilot doctor`: it says which Landlock this kernel has".into(),
    }
}

/// Returns the newest Landlock ABI that both the kernel and this program know; 0: none.
///
/// The crate tells it only to a thread that is restricted by it, and stays so.
pub(crate) fn probe() -> u32 {
    let restricted = || {
        let ruleset = Ruleset::default().handle_access(AccessFs::MakeChar)?.create()?;
        Ok::<_, landlock::RulesetError>(ruleset.restrict_self()?.landlock)
    };
    match restricted() {
        Ok(LandlockStatus::Available { effective_abi, .. }) => effective_abi as u32,
        _ => 0,
    }
}
