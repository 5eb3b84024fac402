//! Whether something shows autopilot's own configuration, keys and state: by whatever name,
//! through links, `..` and folders that are mounted twice.

use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::path::{Component, Path, PathBuf};

use crate::binds::plain;
use crate::mountinfo::{Mounts, Spot};
use crate::mounts::HOST;
use crate::outcome::SandboxError;
use crate::spec::Launch;

/// Returns where a path leads; as far as it is not there, as it is written.
pub fn real(path: &Path) -> PathBuf {
    real_by(path, |path| fs::canonicalize(path).ok())
}

/// Returns the same by somebody who knows the names without links of what is there.
pub fn real_by(path: &Path, mut resolve: impl FnMut(&Path) -> Option<PathBuf>) -> PathBuf {
    let there = path.ancestors().find_map(|above| Some((above, resolve(above)?)));
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
pub struct Own<'a> {
    places: &'a [PathBuf],
    mounts: Mounts,
    spots: Vec<Spot>,
}

impl<'a> Own<'a> {
    /// Looks for them below where the root that they are named from lies now.
    pub fn find(places: &'a [PathBuf], root: &Path) -> io::Result<Self> {
        let mounts = Mounts::read()?;
        let spots = places.iter().map(|own| mounts.spot(root, own)).collect();
        Ok(Self { places, mounts, spots })
    }

    /// Returns where a path leads, and which of autopilot's places it shows, if it does.
    pub fn shown(&self, path: &Path) -> Option<(PathBuf, &'a PathBuf)> {
        self.shown_at(real(path))
    }

    /// Returns the same of a path that was led to its end already.
    pub fn shown_at(&self, real: PathBuf) -> Option<(PathBuf, &'a PathBuf)> {
        let seen = self.mounts.seen(&real);
        let is_seen = |own: &Spot| seen.iter().any(|spot| spot.shows(own));
        let mounted = || self.spots.iter().zip(self.places).find(|(spot, _)| is_seen(spot));
        let own = shows(&real, self.places).or_else(|| Some(mounted()?.1))?;
        Some((real, own))
    }
}

/// Returns the one of autopilot's own places that a path would show: it lies above it, in it, or is it.
pub fn shows<'a>(path: &Path, own: &'a [PathBuf]) -> Option<&'a PathBuf> {
    own.iter().find(|own| own.starts_with(path) || path.starts_with(own))
}

/// Demands of the root that was built for a launch that nothing of it shows autopilot's own files: of what is really mounted, whatever its names led to before.
pub(crate) fn held(launch: &Launch) -> Result<(), SandboxError> {
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
pub(crate) fn held_open(
    own: &Own<'_>,
    opened: &impl AsFd,
    folders: &[&[PathBuf]],
) -> Result<(), SandboxError> {
    let name = format!("/proc/self/fd/{}", opened.as_fd().as_raw_fd());
    let path = fs::read_link(name).map_err(|error| refused(&error.to_string()))?;
    if !folders.iter().all(|folders| folders.iter().any(|folder| path.starts_with(folder))) {
        return Err(beyond(&path));
    }
    match own.shown(&path) {
        Some((real, own)) => {
            Err(refused(&format!("{} would open {}, autopilot's own files", real.display(), own.display())))
        }
        None => Ok(()),
    }
}

fn refused(why: &str) -> SandboxError {
    SandboxError {
        layer: "own files".into(),
        what: why.to_owned(),
        hint: "a path of `filesystem` leads to autopilot's configuration, keys or state by now: take it out"
            .into(),
    }
}
