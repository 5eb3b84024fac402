//! Where autopilot's own configuration, keys and state are on a host, and whether something shows them: by whatever name,
//! through links, `..` and folders that are mounted twice.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::path::{Component, Path, PathBuf};

use nix::unistd::{User, getuid};

use super::SandboxError;
use super::binds::plain;
use super::mountinfo::{Mounts, Spot};
use super::mounts::HOST;
use super::spec::Launch;
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
    let mut all: Vec<PathBuf> = absolute.flat_map(|path| [real(&path), path]).collect();
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

/// Returns where a path leads; as far as it is not there, as it is written.
fn real(path: &Path) -> PathBuf {
    let there = path.ancestors().find_map(|above| Some((above, fs::canonicalize(above).ok()?)));
    let Some((above, real)) = there else { return path.to_owned() };
    let rest = path.strip_prefix(above).unwrap_or(Path::new(""));
    rest.components().fold(real, |mut real, part| {
        match part {
            Component::Normal(name) => real.push(name),
            Component::ParentDir => drop(real.pop()),
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
        real
    })
}

/// What is mounted where now, and autopilot's own places in it.
#[derive(Debug)]
pub(super) struct Own<'a> {
    places: &'a [PathBuf],
    mounts: Mounts,
    spots: Vec<Spot>,
}

impl<'a> Own<'a> {
    /// Looks for them below where the root that they are named from lies now.
    pub(super) fn find(places: &'a [PathBuf], root: &Path) -> io::Result<Self> {
        let mounts = Mounts::read()?;
        let spots = places.iter().map(|own| mounts.spot(root, own)).collect();
        Ok(Self { places, mounts, spots })
    }

    /// Returns where a path leads, and which of autopilot's places it shows, if it does.
    pub(super) fn shown(&self, path: &Path) -> Option<(PathBuf, &'a PathBuf)> {
        let real = real(path);
        let seen = self.mounts.seen(&real);
        let is_seen = |own: &Spot| seen.iter().any(|spot| spot.shows(own));
        let mounted = || self.spots.iter().zip(self.places).find(|(spot, _)| is_seen(spot));
        let own = policy::shows(&real, self.places).or_else(|| Some(mounted()?.1))?;
        Some((real, own))
    }

    fn demand_apart(&self, what: &str, path: &Path) -> Result<(), Reason> {
        match self.shown(path) {
            Some((real, own)) => Err(policy::not_for_steps(what, path, &real, own)),
            None => Ok(()),
        }
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
    all.try_for_each(|(what, path)| own.demand_apart(what, path))
}

/// Demands it of the folder that a command is to have as its worktree.
pub fn demand_worktree_apart(grant: &Grant, folder: &Path) -> Result<(), Reason> {
    let own = Own::find(grant.own(), Path::new("/")).map_err(|error| unknown(&error))?;
    own.demand_apart("the current directory", folder)
}

fn unknown(error: &io::Error) -> Reason {
    Reason {
        what: "filesystem".into(),
        why: format!("what is mounted where cannot be read: {error}"),
        hint: "mount /proc".into(),
    }
}

/// Demands it of the root that was built for a launch: of what is really mounted, whatever its names led to before.
pub(super) fn held(launch: &Launch) -> Result<(), SandboxError> {
    let Launch { grant, place, seen, read_only, .. } = launch;
    let own = Own::find(&grant.own, Path::new(HOST)).map_err(|error| refused(&error.to_string()))?;
    // A run has its directories in the state directory; what it sees there is its own.
    let caches = grant.caches.iter().map(|cache| seen.home.join(&cache.seen));
    let of_run = [&seen.worktree, &seen.home, &seen.tmp].into_iter().chain(read_only);
    let of_run = of_run.chain(&place.also_read).chain(&place.also_write).map(|path| plain(path));
    let of_run: Vec<PathBuf> = of_run.chain(caches).collect();
    let made = own.mounts.iter().filter(|mount| !mount.point.starts_with(HOST));
    for mount in made.filter(|mount| !of_run.contains(&mount.point)) {
        if own.spots.iter().any(|own| own.shows(&mount.root)) {
            return Err(refused(&format!("{} shows autopilot's own files", mount.point.display())));
        }
    }
    held_within(launch, &own.mounts)
}

/// Demands of what is really mounted that it lies where a ceiling lets it.
fn held_within(launch: &Launch, mounts: &Mounts) -> Result<(), SandboxError> {
    let grant = &launch.grant;
    for within in &grant.within {
        for (paths, folders) in [(&grant.read, &within.read), (&grant.write, &within.write)] {
            let allowed: Vec<Spot> =
                folders.iter().map(|folder| mounts.spot(Path::new(HOST), folder)).collect();
            let points: Vec<PathBuf> = paths.iter().map(|path| plain(path)).collect();
            let mut made = mounts.iter().filter(|mount| points.contains(&mount.point));
            if let Some(mount) = made.find(|mount| !allowed.iter().any(|spot| mount.root.lies_in(spot))) {
                return Err(beyond(&mount.point));
            }
        }
    }
    Ok(())
}

fn beyond(path: &Path) -> SandboxError {
    SandboxError {
        layer: "ceiling".into(),
        what: format!("{} leads to where no plan may reach on this host", path.display()),
        hint: "an earlier step, or somebody else, made it a link by now: take it out".into(),
    }
}

/// Demands both of what was opened: Landlock allows that, whatever it was called.
pub(super) fn held_open(
    own: &Own<'_>,
    opened: &impl AsFd,
    folders: &[&[PathBuf]],
) -> Result<(), SandboxError> {
    let name = format!("/proc/self/fd/{}", opened.as_fd().as_raw_fd());
    let path = fs::read_link(name).map_err(|error| refused(&error.to_string()))?;
    if !folders.iter().all(|folders| folders.iter().any(|folder| path.starts_with(folder))) {
        return Err(beyond(&path));
    }
    own.demand_apart("filesystem", &path).map_err(|reason| refused(&reason.to_string()))
}

fn refused(why: &str) -> SandboxError {
    SandboxError {
        layer: "own files".into(),
        what: why.to_owned(),
        hint: "a path of `filesystem` leads to autopilot's configuration, keys or state by now: take it out"
            .into(),
    }
}
