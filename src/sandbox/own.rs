//! Where autopilot's own configuration, keys and state are on a host, and whether something shows them: by whatever name,
//! through links, `..` and folders that are mounted twice.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use autopilot_init::own::{Own, real};
use nix::unistd::{User, getuid};

use super::lookup::Lookup;
use crate::policy::{self, Grant, Reason};

/// Below a home.
const IN_HOME: [&str; 2] = [".config/autopilot", ".local/state/autopilot"];

/// Wherever the caller's home is.
const OF_HOST: [&str; 2] = ["/etc/autopilot", "/var/lib/autopilot"];

/// Returns every place that autopilot may have here, whichever of them it takes: as they are named, and where that leads.
pub(super) fn places(environment: &BTreeMap<String, String>, home: Option<&Path>) -> Vec<PathBuf> {
    let variable = |name: &str| environment.get(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let below = |name: &str| variable(name).map(|folder| folder.join("autopilot"));
    let named = [variable("AUTOPILOT_STATE_DIR"), below("XDG_STATE_HOME"), below("XDG_CONFIG_HOME")]
        .into_iter()
        .flatten();
    // HOME can be set to something else than the user's.
    let own = User::from_uid(getuid()).ok().flatten().map(|user| user.dir);
    let homes = home.map(Path::to_owned).into_iter().chain(own);
    let all = named.chain(homes.flat_map(|home| in_home(&home))).chain(OF_HOST.map(PathBuf::from));
    with_real(all)
}

/// Returns where the state of runs is, by variables that are set: `$AUTOPILOT_STATE_DIR`, `$XDG_STATE_HOME/autopilot`,
/// `/var/lib/autopilot` for root, else `~/.local/state/autopilot`. Perhaps no absolute path.
pub fn state_dir(variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    variable("AUTOPILOT_STATE_DIR")
        .or_else(|| Some(variable("XDG_STATE_HOME")?.join("autopilot")))
        .or_else(|| nix::unistd::geteuid().is_root().then(|| PathBuf::from(OF_HOST[1])))
        .or_else(|| Some(variable("HOME")?.join(IN_HOME[1])))
}

/// Returns the same of a user of this host.
pub fn own_of_user(name: &str) -> Vec<PathBuf> {
    let user = User::from_name(name).ok().flatten();
    with_real(user.into_iter().flat_map(|user| in_home(&user.dir)))
}

fn in_home(home: &Path) -> Vec<PathBuf> {
    IN_HOME.iter().map(|part| home.join(part)).collect()
}

/// Adds to autopilot's own places where they lead.
pub fn with_real(paths: impl IntoIterator<Item = PathBuf>) -> Vec<PathBuf> {
    let absolute = paths.into_iter().filter_map(|path| std::path::absolute(path).ok());
    let mut lookup = Lookup::default();
    let mut all: Vec<PathBuf> = absolute.flat_map(|path| [lookup.leads(&path), path]).collect();
    all.sort();
    all.dedup();
    all
}

/// Returns where a path of a plan leads, as the sandbox follows it; `~` is this home.
pub fn leads(path: &Path, home: Option<&Path>) -> PathBuf {
    match (path.strip_prefix("~"), home) {
        (Ok(rest), Some(home)) => real(&home.join(rest)),
        _ => real(path),
    }
}

/// Demands that a path does not show one of autopilot's own places.
fn demand_one_apart(own: &Own<'_>, what: &str, path: &Path, real: PathBuf) -> Result<(), Reason> {
    match own.shown_at(real) {
        Some((real, own)) => Err(policy::not_for_steps(what, path, &real, own)),
        None => Ok(()),
    }
}

/// Demands that nothing of a grant shows autopilot's own files, wherever its paths lead now.
pub fn demand_apart(grant: &Grant) -> Result<(), Reason> {
    let own = Own::find(grant.own(), Path::new("/")).map_err(|error| unknown(&error))?;
    let read = grant.read().iter().map(|path| ("filesystem.read", path));
    let write = grant.write().iter().map(|path| ("filesystem.write", path));
    let toolchains = grant.toolchains().iter().map(|path| ("a toolchain behind PATH", path));
    let caches = grant.caches().iter().map(|cache| ("a cache of downloads", &cache.host));
    let mut all = read.chain(write).chain(toolchains).chain(caches);
    let mut lookup = Lookup::default();
    all.try_for_each(|(what, path)| demand_one_apart(&own, what, path, lookup.leads(path)))
}

/// Demands it of the folder that a command is to have as its worktree.
pub fn demand_worktree_apart(grant: &Grant, folder: &Path) -> Result<(), Reason> {
    let own = Own::find(grant.own(), Path::new("/")).map_err(|error| unknown(&error))?;
    demand_one_apart(&own, "the current directory", folder, real(folder))
}

fn unknown(error: &io::Error) -> Reason {
    Reason {
        what: "filesystem".into(),
        why: format!("what is mounted where cannot be read: {error}"),
        hint: "mount /proc".into(),
    }
}
