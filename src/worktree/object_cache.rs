//! Takes a repository and the base of a run, gives packs with what is reachable from that base and what lies beside it,
//! and nothing else: kept from run to run in the state directory, one object cache for each base branch, and grown by what is
//! new.
//!
//! Whatever is in an object cache can be read by a step that borrows it. So it is used only if all that it was made of can be
//! reached from what the run's steps may see: after a branch was pushed by force, or a tag removed, it is made anew. A
//! run has links of its own to the packs, which no step can write: what becomes of the object cache is nothing to it.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize};

use super::base::Base;
use super::error::{WorktreeError, at};
use super::halt::Halt;
use super::init::{Use, init, lay};
use super::lacking::lacking;
use super::meter::Meter;
use super::packing::{Ask, READ_ONLY, files, permit};
use super::remove::remove_tree;
use super::repository::Repository;
use super::rundir::sync_folder_of;
use super::state::{State, key};
use crate::git::{Oid, RefName};

/// So many packs are looked through without a loss; where there would be more, they are packed into one.
const PACKS: usize = 16;

/// How often it is looked whether somebody else has done with an object cache.
const LOOK: Duration = Duration::from_millis(100);

/// Where an object cache says what it is.
pub(super) const RECORD: &str = "cache.json";

/// What an object cache says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Known {
    /// Version of this record.
    v: u32,
    /// The repository's shared git directory.
    pub(super) common_dir: PathBuf,
    /// The base branch, by its full name; empty for commits that are on none.
    pub(super) branch: String,
    /// How objects are named.
    format: String,
    /// Where the history of a shallow clone ended.
    ends: Vec<Oid>,
    /// All that is in it can be reached from these.
    tips: Vec<Oid>,
    packs: Vec<Held>,
}

/// A file of a pack as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Held {
    name: String,
    size: u64,
    /// When it was written, in seconds and nanoseconds.
    written: (i64, i64),
}

impl Held {
    /// Tells whether it is the pack itself.
    fn is_pack(&self) -> bool {
        Path::new(&self.name).extension().is_some_and(|extension| extension == "pack")
    }

    /// Describes a file; nothing if it is none of ours, or not as we leave it.
    fn of(path: &Path) -> Option<Self> {
        let stat = fs::symlink_metadata(path).ok()?;
        let own = stat.is_file()
            && stat.uid() == nix::unistd::geteuid().as_raw()
            && stat.mode() & 0o7777 == READ_ONLY;
        let name = path.file_name()?.to_str()?.to_owned();
        own.then(|| Self { name, size: stat.len(), written: (stat.mtime(), stat.mtime_nsec()) })
    }
}

/// The object cache of a base branch, held by its lock.
pub(super) struct ObjectCache<'a> {
    folder: PathBuf,
    repository: &'a Repository,
    branch: String,
    halt: &'a Halt,
    meter: Meter,
    _lock: Flock<File>,
}

impl Repository {
    /// Brings what runs of a base borrow up to date, before anything of a run is made: a history that cannot be read whole
    /// is refused. Somebody is told how far it is.
    pub fn cache_objects(
        &self,
        state: &State,
        base: &Base,
        halt: &Halt,
        meter: &Meter,
    ) -> Result<(), WorktreeError> {
        let cache = ObjectCache::take(state, self, base, halt);
        let provided = cache.and_then(|cache| cache.telling(meter).provide(base));
        provided.map_err(|error| lacking(&base.name, error))
    }
}

/// Where what a run borrows comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum From {
    /// From the object cache, as far as it has it.
    Cache,
    /// All from the repository: what was in the object cache cannot be read.
    Repository,
}

/// What can be done with an object cache.
enum Fit {
    /// It holds all that is wanted.
    Whole,
    /// It holds nothing else, and less.
    Grows(Known),
    /// It is made anew, for this reason.
    Not(&'static str),
}

impl<'a> ObjectCache<'a> {
    /// Takes the object cache of a base, and waits for whoever is at it.
    pub(super) fn take(
        state: &State,
        repository: &'a Repository,
        base: &Base,
        halt: &'a Halt,
    ) -> Result<Self, WorktreeError> {
        let branch = branch_of(base);
        let folder = state.object_cache_folder()?.join(folder_name(&repository.common_dir, &branch));
        let lock = lock(&folder, || {
            halt.check()?;
            std::thread::sleep(LOOK);
            Ok(true)
        })?;
        let lock = lock.ok_or_else(|| at(&folder)(io::ErrorKind::WouldBlock.into()))?;
        Ok(Self { folder, repository, branch, halt, meter: Meter::none(), _lock: lock })
    }

    /// Tells somebody how far it is.
    fn telling(mut self, meter: &Meter) -> Self {
        self.meter = meter.clone();
        self
    }

    /// Gives a run links to what it may read, in a folder of objects that is the run's.
    pub(super) fn lend(&self, base: &Base, from: From, to: &Path) -> Result<(), WorktreeError> {
        if from == From::Repository {
            remove_tree(&self.record())?;
        }
        self.provide(base)?;
        self.link(to)
    }

    /// Sees to it that it holds a base and what lies beside it, and nothing else.
    fn provide(&self, base: &Base) -> Result<(), WorktreeError> {
        let (tips, ends) = (tips(base), self.repository.source().boundaries()?);
        match self.fit(&tips, &ends)? {
            Fit::Whole => self.touch(),
            Fit::Grows(known) => self.make(&tips, &ends, Some(known)),
            Fit::Not(why) => {
                tracing::debug!(path = %self.folder.display(), branch = self.branch, why, "an object cache is made anew");
                self.make(&tips, &ends, None)
            }
        }
    }

    fn link(&self, to: &Path) -> Result<(), WorktreeError> {
        let packs = to.join("pack");
        remove_tree(to)?;
        DirBuilder::new().recursive(true).mode(0o755).create(&packs).map_err(at(&packs))?;
        let known = self.known().unwrap_or_default();
        for held in known.into_iter().flat_map(|known| known.packs) {
            let (from, to) = (self.packs().join(&held.name), packs.join(&held.name));
            if let Err(error) = fs::hard_link(&from, &to) {
                tracing::debug!(path = %to.display(), %error, "a pack is copied: it cannot be linked");
                fs::copy(&from, &to).map_err(at(&to))?;
            }
        }
        permit(to)?;
        sync_folder_of(&packs.join("pack"))
    }

    fn packs(&self) -> PathBuf {
        self.folder.join("pack")
    }

    fn record(&self) -> PathBuf {
        self.folder.join(RECORD)
    }

    /// Reads what it says of itself; nothing if there is nothing, and an error in words if it is of no use.
    fn known(&self) -> Result<Option<Known>, &'static str> {
        let bytes = match fs::read(self.record()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            read => read.map_err(|_| "its record cannot be read")?,
        };
        serde_json::from_slice(&bytes).map(Some).map_err(|_| "its record is of another program, or broken")
    }

    /// Tells what can be done with it.
    fn fit(&self, tips: &[Oid], ends: &[Oid]) -> Result<Fit, WorktreeError> {
        let known = match self.known() {
            Ok(Some(known)) => known,
            Ok(None) => return Ok(Fit::Not("there is none")),
            Err(why) => return Ok(Fit::Not(why)),
        };
        let same = (&known.common_dir, &known.branch, known.format.as_str(), known.v)
            == (&self.repository.common_dir, &self.branch, self.repository.format.name(), 1);
        let is_there = |held: &Held| Held::of(&self.packs().join(&held.name)).as_ref() == Some(held);
        Ok(if !same {
            Fit::Not("it is of another repository")
        } else if known.ends != ends {
            Fit::Not("the history ends elsewhere by now")
        } else if !known.packs.iter().all(is_there) {
            Fit::Not("a pack is not as it was written")
        } else if known.tips == tips {
            Fit::Whole
        } else if !self.is_within(&known.tips, tips)? {
            Fit::Not("it holds what the base does not reach any more")
        } else if known.packs.iter().filter(|held| held.is_pack()).count() >= PACKS {
            Fit::Not("it has many packs")
        } else {
            Fit::Grows(known)
        })
    }

    /// Tells whether all that can be reached from some objects can be reached from others, in the user's repository.
    fn is_within(&self, these: &[Oid], others: &[Oid]) -> Result<bool, WorktreeError> {
        let more: Vec<&Oid> = these.iter().filter(|id| !others.contains(id)).collect();
        if more.is_empty() {
            return Ok(true);
        }
        let more = more.iter().map(|id| format!("{id}\n"));
        let asked: String = more.chain(others.iter().map(|id| format!("^{id}\n"))).collect();
        let walk = self.repository.source().git("rev-list").args(["--objects", "--stdin"]).heed(self.halt);
        let prints = walk.feed_and_read(asked.into_bytes(), |printed| {
            printed.fill_buf().is_ok_and(|bytes| !bytes.is_empty())
        });
        match prints {
            Ok(prints) => Ok(!prints),
            // One of them is gone; or it was cut off while it told of many.
            Err(WorktreeError::Git { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Adds what is missing; or, if it holds nothing of use, makes it anew. Until its record is written it is what it was.
    fn make(&self, tips: &[Oid], ends: &[Oid], known: Option<Known>) -> Result<(), WorktreeError> {
        let incoming = self.folder.join("incoming");
        remove_tree(&incoming)?;
        init(&incoming, self.repository.format, Use::Work, "ref: refs/heads/none", &[])?;
        let (without, mut packs) = known.map(|known| (known.tips, known.packs)).unwrap_or_default();
        let wanted: Vec<&Oid> = tips.iter().collect();
        let ask = Ask { wanted: &wanted, without: &without, ends };
        self.repository.source().pack(&incoming, ask, self.halt, &self.meter)?;
        packs.extend(self.adopt(&incoming.join("objects/pack"))?);
        let (common_dir, format) =
            (self.repository.common_dir.clone(), self.repository.format.name().to_owned());
        let (ends, tips, branch) = (ends.to_vec(), tips.to_vec(), self.branch.clone());
        let known = Known { v: 1, common_dir, branch, format, ends, tips, packs };
        self.write(&known)?;
        self.tidy(&known)?;
        remove_tree(&incoming)
    }

    /// Takes packs in that were written just now.
    fn adopt(&self, from: &Path) -> Result<Vec<Held>, WorktreeError> {
        let packs = self.packs();
        DirBuilder::new().recursive(true).mode(0o700).create(&packs).map_err(at(&packs))?;
        let mut held = Vec::new();
        for file in files(from)? {
            fs::set_permissions(&file, Permissions::from_mode(READ_ONLY)).map_err(at(&file))?;
            let name = packs.join(file.file_name().unwrap_or_default());
            fs::rename(&file, &name).map_err(at(&name))?;
            held.push(Held::of(&name).ok_or_else(|| at(&name)(io::ErrorKind::InvalidData.into()))?);
        }
        sync_folder_of(&packs.join("pack"))?;
        Ok(held)
    }

    /// Remembers that it was used.
    fn touch(&self) -> Result<(), WorktreeError> {
        let file = self.record();
        let touched = File::options().write(true).open(&file);
        touched.and_then(|file| file.set_modified(SystemTime::now())).map_err(at(&file))
    }

    /// Writes what it is.
    fn write(&self, known: &Known) -> Result<(), WorktreeError> {
        let staged = self.folder.join("cache.json.new");
        lay(&staged, &serde_json::to_vec(known).map_err(io::Error::from)?)?;
        fs::rename(&staged, self.record()).map_err(at(&self.record()))?;
        sync_folder_of(&self.record())
    }

    /// Removes what its record does not name.
    fn tidy(&self, known: &Known) -> Result<(), WorktreeError> {
        let packs = self.packs();
        for entry in fs::read_dir(&packs).map_err(at(&packs))? {
            let path = entry.map_err(at(&packs))?.path();
            if !known.packs.iter().any(|held| path.ends_with(&held.name)) {
                remove_tree(&path)?;
            }
        }
        Ok(())
    }
}

/// Takes the lock of an object cache, which is made if need be; where it is held, somebody says whether to try again.
pub(super) fn lock(
    folder: &Path,
    mut again: impl FnMut() -> io::Result<bool>,
) -> Result<Option<Flock<File>>, WorktreeError> {
    let path = folder.join("lock");
    let open = || {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path)
    };
    loop {
        let file = match open() {
            // Whoever had it is removing the folder.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            opened => opened.map_err(at(&path))?,
        };
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(lock) if is_still(&path, &lock) => return Ok(Some(lock)),
            // Whoever had it has removed it.
            Ok(_) => {}
            Err((_, nix::errno::Errno::EWOULDBLOCK)) if again().map_err(at(&path))? => {}
            Err((_, nix::errno::Errno::EWOULDBLOCK)) => return Ok(None),
            Err((_, error)) => return Err(at(&path)(error.into())),
        }
    }
}

fn is_still(path: &Path, file: &File) -> bool {
    fs::metadata(path).is_ok_and(|now| file.metadata().is_ok_and(|own| now.ino() == own.ino()))
}

/// Returns the base branch by its full name; nothing if the base is on none.
fn branch_of(base: &Base) -> String {
    let branch = RefName::branch(&base.name).ok();
    let branch = branch.filter(|branch| base.refs.iter().any(|(name, _)| name == branch));
    branch.map(String::from).unwrap_or_default()
}

/// Lists what a run's steps may see, in an order of its own.
fn tips(base: &Base) -> Vec<Oid> {
    let mut tips: Vec<Oid> = base.refs.iter().map(|(_, id)| id.clone()).collect();
    tips.push(base.commit.clone());
    tips.sort_by(|a, b| a.as_str().cmp(b.as_str()));
    tips.dedup();
    tips
}

/// Names the folder of an object cache.
fn folder_name(common_dir: &Path, branch: &str) -> String {
    format!("{}-{}", key(common_dir), key(Path::new(branch)))
}
