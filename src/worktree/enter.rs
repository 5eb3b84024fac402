//! Takes the tier of who comes, gives a place to work in: HOME and ignored files as steps left them that may do at least
//! as much, and none of what others did.
//!
//! HOME of a tier is a folder of its own. Through that of `offline` steps the one of `way-out` steps is seen; that of a
//! `secret` step begins empty and goes with the step. What is ignored in the worktree: see the file `ignored`.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use super::checkout::Worktree;
use super::error::{WorktreeError, at};
use super::ignored::{Ground, Visit};
use super::layers::{Entries, changed, entries};
use super::remove::remove_tree;
use super::root::Root;
use crate::layer::{self, Backend, Bound};
use crate::plan::Tier;

/// What is cloned of one entry of a HOME, where there is no overlay.
const BOUND: Bound = Bound { entries: 500_000, bytes: 4 << 30 };

/// Paths that are named of what an attempt wrote, and of what is kept from it.
const NAMED: usize = 50;

/// Who comes to work, and what it takes.
#[derive(Debug, Clone, Copy)]
pub struct Comer {
    /// What it may do.
    pub tier: Tier,
    /// It takes what steps of lower tiers left.
    pub keeps: bool,
    /// A step of a higher tier follows that takes no such thing.
    pub higher_follows: bool,
}

/// What an attempt wrote beside its result: top entries, shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wrote {
    /// Topmost ignored paths of the worktree.
    pub ignored: Vec<Vec<u8>>,
    /// Those of them that no rule ignores: they say of themselves that they are a tool's.
    pub marked: Vec<Vec<u8>>,
    /// Those of them that rules of steps hide.
    pub hidden: Vec<Vec<u8>>,
    /// Entries of HOME.
    pub home: Vec<Vec<u8>>,
}

impl Worktree {
    /// Makes everything ready for an attempt of a step: its HOME, and the ignored files that it may have. Returns the paths
    /// that are kept from it.
    pub async fn enter(&mut self, comer: Comer) -> Result<Vec<Vec<u8>>, WorktreeError> {
        self.make_home(Tier::Secret)?;
        let home = if comer.keeps { kept(comer.tier) } else { comer.tier };
        self.layers.home = Some(home);
        self.layers.below = self.seen_through(home, comer.keeps).await?;
        if !self.layers.is_settled() {
            // A rollback, a reset, or a runner that died has worked here since.
            self.settle()?;
            // Names first: whoever goes on after a kill finds by them what is moved.
            self.write_layers()?;
        }
        let tier = if comer.keeps { Tier::Offline } else { comer.tier };
        if self.layers.known.git.is_some_and(|before| before < tier) {
            self.strip_git()?;
            self.layers.known.git = None;
        }
        let git = self.layers.known.git.get_or_insert(tier);
        *git = tier.min(*git);
        let visit = Visit { tier, protect: comer.higher_follows };
        let aside = self.aside()?;
        let ground = Ground { root: &self.root, aside: &aside, now: &[] };
        let mut withheld = self.layers.known.ignored.enter(&ground, visit)?;
        withheld.truncate(NAMED);
        self.write_layers()?;
        self.find_hidden()?;
        Ok(withheld)
    }

    /// Tells what an attempt wrote beside its result.
    pub fn leave(&mut self) -> Result<Wrote, WorktreeError> {
        let mut ignored = self.settle()?;
        let mut home = Vec::new();
        if let Some(tier) = self.layers.home {
            let now = entries(&self.dir.home_of(tier))?;
            let before = self.layers.known.homes.entry(tier).or_default();
            home.extend(changed(before, &now, true).map(<[u8]>::to_vec));
            *before = now;
        }
        self.write_layers()?;
        let by_no_rule = ignored.iter().filter(|path| !self.base.rules.ignore_within(path, true));
        let by_no_rule: Vec<Vec<u8>> = by_no_rule.take(NAMED).cloned().collect();
        let tops = self.hidden_tops();
        let (hidden, marked) = by_no_rule.into_iter().partition(|path| tops.contains(path));
        ignored.truncate(NAMED);
        home.truncate(NAMED);
        Ok(Wrote { ignored, marked, hidden, home })
    }

    /// Returns HOME of who works now, and what is seen through it.
    pub(super) fn home(&self) -> (PathBuf, Vec<PathBuf>) {
        (self.dir.home_of(self.layers.home.unwrap_or(Tier::Offline)), self.layers.below.clone())
    }

    /// Removes the HOME of a step that held a secret: it is over.
    pub fn forget_secrets(&mut self) -> Result<(), WorktreeError> {
        self.make_home(Tier::Secret)
    }

    pub(super) fn settle(&mut self) -> Result<Vec<Vec<u8>>, WorktreeError> {
        let mut now = self.snapshot.ignored(&self.root, &self.base.rules)?;
        let hidden = self.hidden_tops();
        let is_inside = |path: &[u8]| {
            let is_above =
                |top: &Vec<u8>| path.strip_prefix(top.as_slice()).is_some_and(|rest| rest.starts_with(b"/"));
            hidden.iter().any(is_above)
        };
        now.retain(|path| !is_inside(path));
        now.extend(hidden);
        let aside = self.aside()?;
        let ground = Ground { root: &self.root, aside: &aside, now: &now };
        let wrote = self.layers.known.ignored.settle(&ground)?;
        self.layers.settled();
        Ok(wrote)
    }

    /// Opens the folder of what lies aside.
    pub(super) fn aside(&self) -> Result<Root, WorktreeError> {
        let folder = self.dir.aside();
        DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(at(&folder))?;
        let mut aside = Root::open(&folder)?;
        aside.heed(self.root.halt().clone());
        Ok(aside)
    }

    pub(super) fn write_layers(&self) -> Result<(), WorktreeError> {
        let bytes = serde_json::to_vec(&self.layers.known).map_err(io::Error::from)?;
        let (file, new) = (self.dir.layers(), self.dir.layers().with_extension("new"));
        fs::write(&new, bytes).and_then(|()| fs::rename(&new, &file)).map_err(at(&file))
    }

    /// Makes HOME of a tier; what a `secret` step left in its own goes.
    pub(super) fn make_home(&mut self, tier: Tier) -> Result<(), WorktreeError> {
        let home = self.dir.home_of(tier);
        if tier == Tier::Secret {
            remove_tree(&home)?;
            remove_tree(&layer::beside(&home))?;
            self.layers.known.homes.remove(&tier);
        }
        if !home.exists() {
            DirBuilder::new().mode(0o700).create(&home).map_err(at(&home))?;
            self.git.make_over(&home)?;
        }
        Ok(())
    }

    /// Returns what is seen through HOME of a tier, and makes both ready.
    async fn seen_through(&mut self, home: Tier, keeps: bool) -> Result<Vec<PathBuf>, WorktreeError> {
        self.make_home(Tier::WayOut)?;
        let of_way_out = self.dir.home_of(Tier::WayOut);
        let is_used = |home: &Path| -> io::Result<bool> {
            // A step may have shut it.
            Root::open(home)?.open_top()?;
            Ok(layer::beside(home).exists() || fs::read_dir(home)?.next().is_some())
        };
        let mut below = Vec::new();
        if home == Tier::Secret && keeps {
            self.make_home(Tier::Offline)?;
            below.push(self.dir.home_of(Tier::Offline));
        }
        if home == Tier::Offline || (home == Tier::Secret && keeps) {
            self.make_home(Tier::Offline)?;
            below.push(of_way_out);
        }
        let mut used = Vec::new();
        for home in below {
            if is_used(&home).map_err(at(&home))? {
                used.push(home);
            }
        }
        if used.is_empty() {
            return Ok(used);
        }
        if *self.tried_backend().await? == Backend::Overlay {
            return Ok(used);
        }
        self.clone_homes(home, &used)?;
        Ok(Vec::new())
    }

    pub(super) async fn tried_backend(&mut self) -> Result<&Backend, WorktreeError> {
        if self.layers.backend.is_none() {
            let backend = self.git.try_overlay(&self.dir).await?;
            tracing::debug!(?backend, "layers are made like this");
            self.layers.backend = Some(backend);
        }
        Ok(self.layers.backend.get_or_insert(Backend::Overlay))
    }

    /// Clones what is new in other HOMEs into this one, entry by entry: the latest of a higher tier is the lower one's, too.
    pub(super) fn clone_homes(&mut self, home: Tier, below: &[PathBuf]) -> Result<(), WorktreeError> {
        let target = self.dir.home_of(home);
        // The farthest first: what is nearer lies above it.
        for from in below.iter().rev() {
            for (from, to) in [(from.clone(), target.clone()), (layer::beside(from), layer::beside(&target))]
            {
                if !from.exists() {
                    continue;
                }
                if !to.exists() {
                    DirBuilder::new().mode(0o700).create(&to).map_err(at(&to))?;
                    self.git.make_over(&to)?;
                }
                let key = format!("{} {}", home.word(), from.file_name().unwrap_or_default().display());
                let known = if home == Tier::Secret {
                    Entries::new()
                } else {
                    self.layers.known.cloned.remove(&key).unwrap_or_default()
                };
                let now = entries(&from)?;
                for name in changed(&known, &now, false) {
                    clone_entry(&from, &to, OsStr::from_bytes(name))?;
                }
                self.layers.known.cloned.insert(key, now);
            }
        }
        Ok(())
    }
}

/// Whose HOME a step works in that takes what lower tiers left: theirs, but for one whose own is never to be left.
fn kept(tier: Tier) -> Tier {
    if tier == Tier::Secret { Tier::Secret } else { Tier::Offline }
}

/// Clones an entry anew. What is too much, or cannot be read, the lower tier does without: it is not the run's fault.
fn clone_entry(from: &Path, to: &Path, name: &OsStr) -> Result<(), WorktreeError> {
    let target = to.join(name);
    remove_tree(&target)?;
    let open = |path: &Path| -> Result<_, WorktreeError> {
        Ok(Root::open(path)?.below(b"", OFlags::PATH | OFlags::DIRECTORY)?)
    };
    let cloned = layer::clone_tree((&open(from)?, name), (&open(to)?, name), BOUND);
    let Err(error) = cloned else { return Ok(()) };
    tracing::warn!(path = %from.join(name).display(), %error, "not cloned: steps of lower tiers do without it");
    remove_tree(&target)
}
