//! Takes who works in the worktree, sees to it that ignored files go down from tier to tier and never up.
//!
//! Each topmost ignored path (`target`, `node_modules`) can exist in several versions, one for each tier that wrote to it.
//! One of them is in its place, the others lie aside. Whoever comes finds the version of the lowest tier that is not below
//! its own. Before one works in a version of a higher tier that is still needed, that is cloned.

use std::collections::{BTreeMap, HashSet};
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;

use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};

use super::remove::remove_in;
use super::root::{Root, is_absence, split};
use crate::layer::{self, Bound, Print};
use crate::plan::Tier;

/// What is cloned of one path: beyond, the tier that works in it is the only one that has it.
const BOUND: Bound = Bound { entries: 500_000, bytes: 4 << 30 };

/// What is known of the ignored files of a run.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ignored {
    versions: Versions,
    /// The last name that was given.
    last: u64,
    /// Who worked here last; whatever changed since is of this tier.
    visitor: Option<Tier>,
    /// What a runner before had written down was compared with what there is.
    #[serde(skip)]
    is_compared: bool,
}

/// The versions of each path: a step can make any number of paths, of versions there is one for each tier.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[serde(from = "Vec<(Vec<u8>, Vec<Version>)>", into = "Vec<(Vec<u8>, Vec<Version>)>")]
struct Versions(BTreeMap<Vec<u8>, Vec<Version>>);

impl From<Vec<(Vec<u8>, Vec<Version>)>> for Versions {
    fn from(list: Vec<(Vec<u8>, Vec<Version>)>) -> Self {
        Self(list.into_iter().collect())
    }
}

impl From<Versions> for Vec<(Vec<u8>, Vec<Version>)> {
    fn from(versions: Versions) -> Self {
        versions.0.into_iter().collect()
    }
}

/// One version of an ignored path.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Version {
    /// The lowest tier that wrote to it.
    owner: Tier,
    /// Its name aside, never another.
    name: u64,
    /// It lies there, and not in its place.
    is_aside: bool,
    /// How it looked when it was last looked at, in its place.
    print: Option<Print>,
    /// It is as an earlier run had left it.
    #[serde(default)]
    is_taken: bool,
}

/// A version of a path, and where it lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lying {
    /// The lowest tier that wrote to it.
    pub(super) owner: Tier,
    /// Its name aside, if it lies there and not in its place.
    pub(super) aside: Option<u64>,
    /// It is as an earlier run had left it.
    pub(super) is_taken: bool,
}

impl Version {
    /// Tells whether it is in its place and of a higher tier.
    fn is_above(&self, tier: Tier) -> bool {
        !self.is_aside && self.owner > tier
    }
}

/// Who comes to work in the worktree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Visit {
    /// What it may do. One that takes what lower tiers left counts as the lowest: what was planted there runs in it.
    pub(super) tier: Tier,
    /// A step of a higher tier follows, which is to find its files as they are now.
    pub(super) protect: bool,
}

/// Where versions lie.
pub(super) struct Ground<'a> {
    pub(super) root: &'a Root,
    pub(super) aside: &'a Root,
    /// Topmost ignored paths that are there now.
    pub(super) now: &'a [Vec<u8>],
}

impl Ignored {
    /// Tells where the versions of a path lie. Call it when all is settled.
    pub(super) fn versions_of(&self, path: &[u8]) -> Vec<Lying> {
        let versions = self.versions.0.get(path).into_iter().flatten();
        versions
            .map(|own| Lying {
                owner: own.owner,
                aside: own.is_aside.then_some(own.name),
                is_taken: own.is_taken,
            })
            .collect()
    }

    /// Gives a name aside that nothing else has.
    pub(super) fn next_name(&mut self) -> u64 {
        next(&mut self.last)
    }

    /// Takes in a version that an earlier run had left, and that lies aside under this name.
    pub(super) fn take_in(&mut self, path: &[u8], owner: Tier, name: u64) {
        let version = Version { owner, name, is_aside: true, print: None, is_taken: true };
        self.versions.0.entry(path.to_vec()).or_default().push(version);
    }

    /// Forgets the versions of a path that lie aside, and removes them: nobody has worked with them yet.
    pub(super) fn forget(&mut self, path: &[u8], aside: &Root) -> io::Result<()> {
        for version in self.versions.0.remove(path).unwrap_or_default() {
            remove_aside(aside, &version)?;
        }
        Ok(())
    }

    /// Attributes what changed since to who worked here; returns the paths that did. Nobody's is the lowest's.
    pub(super) fn settle(&mut self, ground: &Ground<'_>) -> io::Result<Vec<Vec<u8>>> {
        self.compare(ground)?;
        let visitor = self.visitor.unwrap_or(Tier::Offline);
        let mut wrote = Vec::new();
        let now: HashSet<&[u8]> = ground.now.iter().map(Vec::as_slice).collect();
        for (path, versions) in &mut self.versions.0 {
            let before = versions.len();
            versions.retain(|version| version.is_aside || now.contains(path.as_slice()));
            wrote.extend((versions.len() < before).then(|| path.clone()));
        }
        for path in ground.now {
            let versions = self.versions.0.entry(path.clone()).or_default();
            if !look(ground, path, versions, (visitor, &mut self.last)) {
                continue;
            }
            // What a higher tier has written anew is the lower ones', too.
            let is_stale = |version: &Version| version.owner < visitor && version.is_aside;
            for stale in versions.iter().filter(|version| is_stale(version)) {
                remove_aside(ground.aside, stale)?;
            }
            versions.retain(|version| !is_stale(version));
            wrote.push(path.clone());
        }
        self.versions.0.retain(|_, versions| !versions.is_empty());
        Ok(wrote)
    }

    /// Compares what a runner before had written down with what there is: it may have died between a move and a line.
    fn compare(&mut self, ground: &Ground<'_>) -> io::Result<()> {
        if std::mem::replace(&mut self.is_compared, true) {
            return Ok(());
        }
        for (path, versions) in &mut self.versions.0 {
            for version in versions.iter_mut() {
                version.is_aside = ground.aside.stat(version.name.to_string().as_bytes())?.is_some();
            }
            let is_there = ground.root.stat(path)?.is_some();
            // At most one is in its place; of two that are nowhere none is.
            let here = versions.iter().filter(|version| !version.is_aside).count();
            versions.retain(|version| version.is_aside || (is_there && here == 1));
        }
        // What nobody knows by name is half a clone, or of a runner whose list is lost.
        let names = self.versions.0.values().flatten().map(|version| version.name.to_string());
        let known: HashSet<String> = names.collect();
        let there: Vec<Vec<u8>> =
            ground.aside.list(b"")?.map(|entry| Ok(entry?.0)).collect::<io::Result<_>>()?;
        for name in there.iter().filter(|name| !known.contains(String::from_utf8_lossy(name).as_ref())) {
            remove_named(ground.aside, name)?;
        }
        Ok(())
    }

    /// Arranges the worktree for who comes; returns the paths that are kept from it. Call it when all is settled.
    pub(super) fn enter(&mut self, ground: &Ground<'_>, visit: Visit) -> io::Result<Vec<Vec<u8>>> {
        self.visitor = Some(visit.tier);
        let mut withheld = Vec::new();
        for (path, versions) in &mut self.versions.0 {
            let fitting = versions.iter().enumerate().filter(|(_, version)| version.owner >= visit.tier);
            let chosen = fitting.min_by_key(|(_, version)| version.owner).map(|(index, _)| index);
            let here = versions.iter().position(|own| !own.is_aside);
            let mut is_gone = false;
            if here != chosen {
                if let Some(here) = here {
                    ground.root.move_to(path, ground.aside, &versions[here].name.to_string())?;
                    versions[here].is_aside = true;
                }
                if let Some(chosen) = chosen {
                    is_gone = !put_back(ground, path, &mut versions[chosen])?;
                }
            }
            match chosen {
                None => withheld.push(path.clone()),
                // The folder around it is gone, and it with that.
                Some(chosen) if is_gone => drop(versions.remove(chosen)),
                Some(chosen) if visit.protect && versions[chosen].is_above(visit.tier) => {
                    protect(ground, path, versions, chosen, (visit.tier, next(&mut self.last)));
                }
                Some(_) => {}
            }
        }
        Ok(withheld)
    }
}

fn next(last: &mut u64) -> u64 {
    *last += 1;
    *last
}

/// Looks at what is in its place; whether it is another than it was.
fn look(
    ground: &Ground<'_>,
    path: &[u8],
    versions: &mut Vec<Version>,
    (visitor, last): (Tier, &mut u64),
) -> bool {
    let print = print_of(ground.root, path);
    match versions.iter_mut().find(|own| !own.is_aside) {
        None => {
            versions.push(Version {
                owner: visitor,
                name: next(last),
                is_aside: false,
                print,
                is_taken: false,
            });
            true
        }
        Some(own) if print.is_none() || own.print != print => {
            own.owner = own.owner.min(visitor);
            own.print = print;
            own.is_taken = false;
            true
        }
        Some(_) => false,
    }
}

/// Puts a version in its place; whether there was one for it.
fn put_back(ground: &Ground<'_>, path: &[u8], version: &mut Version) -> io::Result<bool> {
    match ground.root.take_from(path, ground.aside, &version.name.to_string()) {
        Ok(()) => {
            version.is_aside = false;
            // Moving it has changed it, for whoever looks.
            version.print = print_of(ground.root, path);
            Ok(true)
        }
        Err(error) if is_absence(&error) || error.kind() == io::ErrorKind::AlreadyExists => {
            remove_aside(ground.aside, version)?;
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// Clones what is in its place for the higher tier that it is of; who comes works in the original. Where that is too much,
/// the higher tier does without.
fn protect(
    ground: &Ground<'_>,
    path: &[u8],
    versions: &mut Vec<Version>,
    chosen: usize,
    (tier, name): (Tier, u64),
) {
    let clone = Version { name, is_aside: true, ..versions[chosen].clone() };
    match clone_aside(ground, path, name) {
        Ok(()) => {
            versions[chosen].owner = tier;
            versions.push(clone);
        }
        Err(error) => {
            let path = String::from_utf8_lossy(path).into_owned();
            tracing::warn!(path, %error, owner = %clone.owner, "not cloned: steps may change it");
            if let Err(error) = remove_aside(ground.aside, &clone) {
                tracing::warn!(%error, "half a clone stays until the run directory goes");
            }
        }
    }
}

fn print_of(root: &Root, path: &[u8]) -> Option<Print> {
    let (folder, name) = split(path);
    // What cannot be looked at counts as changed.
    let folder = root.below(folder, OFlags::PATH | OFlags::DIRECTORY).ok()?;
    layer::print_of(&folder, OsStr::from_bytes(name)).ok()?
}

fn clone_aside(ground: &Ground<'_>, path: &[u8], name: u64) -> io::Result<()> {
    let (folder, own) = split(path);
    let folder = ground.root.below(folder, OFlags::PATH | OFlags::DIRECTORY)?;
    let aside = ground.aside.below(b"", OFlags::PATH | OFlags::DIRECTORY)?;
    let name = name.to_string();
    let cloned = layer::clone_tree((&folder, OsStr::from_bytes(own)), (&aside, OsStr::new(&name)), BOUND)?;
    tracing::debug!(path = %String::from_utf8_lossy(path), ?cloned, "an ignored path is cloned");
    Ok(())
}

fn remove_aside(aside: &Root, version: &Version) -> io::Result<()> {
    remove_named(aside, version.name.to_string().as_bytes())
}

fn remove_named(aside: &Root, name: &[u8]) -> io::Result<()> {
    let top = aside.below(b"", OFlags::PATH | OFlags::DIRECTORY)?;
    remove_in(top, name, aside.halt()).map_err(io::Error::other)
}

#[cfg(test)]
mod tests;
