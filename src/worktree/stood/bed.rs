//! Takes what stood before a step and what is laid above it, gives a place where one run of a proof works: a layer of its
//! own, with fresh times, HOME and TMPDIR. Nothing of it is seen by a later run.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, OpenOptionsExt, symlink};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode};

use super::held::{HOMES, Stood, TREE, read};
use crate::layer::{self, Backend, Bound};
use crate::sandbox::Place;
use crate::worktree::checkout::Worktree;
use crate::worktree::error::{WorktreeError, at};
use crate::worktree::remove::remove_tree;
use crate::worktree::root::{Root, join};

/// What is cloned for one run where no overlay can be mounted.
const BOUND: Bound = Bound { entries: 500_000, bytes: 4 << 30 };

/// What is laid at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Laid {
    /// What the worktree has there now.
    Now(Vec<u8>),
    /// A file of these bytes.
    File(Vec<u8>, Vec<u8>),
    /// What stood there, as a new file.
    Stood(Vec<u8>),
    /// Nothing.
    Gone(Vec<u8>),
}

impl Laid {
    /// Returns the path.
    pub fn path(&self) -> &[u8] {
        match self {
            Self::Now(path) | Self::File(path, _) | Self::Stood(path) | Self::Gone(path) => path,
        }
    }
}

/// Where one run of a proof works.
#[derive(Debug)]
pub struct Bed {
    dir: PathBuf,
    /// Its place.
    pub place: Place,
}

/// What a run of a proof built, as a layer that later ones see.
#[derive(Debug)]
pub struct Left {
    dir: PathBuf,
    upper: PathBuf,
}

impl Worktree {
    /// Makes a place for a run.
    pub async fn bed(
        &mut self,
        stood: &Stood,
        above: Option<&Left>,
        name: &str,
        laid: &[Laid],
    ) -> Result<Bed, WorktreeError> {
        let is_overlay = *self.tried_backend().await? == Backend::Overlay;
        let (beds, dir) = (self.dir.beds(), self.dir.beds().join(name));
        remove_tree(&dir)?;
        // Without a root of its own a command goes through them.
        for folder in [&beds, &dir].into_iter().filter(|folder| !folder.exists()) {
            DirBuilder::new().mode(0o700).create(folder).map_err(at(folder))?;
            self.git.make_over(folder)?;
        }
        let [tree, home, tmp] = ["tree", "home", "tmp"].map(|name| dir.join(name));
        let (mut below_worktree, mut below_home) = (Vec::new(), Vec::new());
        let mut left = BOUND;
        if is_overlay {
            for folder in [&tree, &home] {
                DirBuilder::new().mode(0o700).create(folder).map_err(at(folder))?;
            }
            below_worktree.extend(above.map(|above| above.upper.clone()));
            below_worktree.push(stood.dir.join(TREE));
            below_home = stood.homes().into_iter().filter(|home| is_used(home)).collect();
        } else {
            self.clone_path(&stood.dir.join(TREE), &tree, &mut left)?;
            self.clone_home(stood, &home, &mut left)?;
        }
        DirBuilder::new().mode(0o700).create(&tmp).map_err(at(&tmp))?;
        let above = above.map(|above| Root::open(&above.upper)).transpose()?;
        let bed = Laying { top: &tree, worktree: &self.root, stood, above, is_overlay };
        // What goes makes room for what comes.
        for laid in laid
            .iter()
            .filter(|laid| matches!(laid, Laid::Gone(_)))
            .chain(laid.iter().filter(|laid| !matches!(laid, Laid::Gone(_))))
        {
            bed.lay(laid).map_err(|error| crate::worktree::root::at(laid.path(), &error))?;
        }
        for folder in [&tree, &home, &tmp] {
            self.git.make_over(folder)?;
        }
        let place = Place {
            worktree: tree,
            home,
            below_home,
            below_worktree,
            tmp,
            also_write: Vec::new(),
            also_read: Vec::new(),
        };
        Ok(Bed { dir, place })
    }

    /// Keeps what a run built in ignored folders, for later runs to begin with; nothing where that would be a copy.
    pub fn keep_built(&self, bed: Bed) -> Result<Option<Left>, WorktreeError> {
        if bed.place.below_worktree.is_empty() {
            return bed.remove().map(|()| None);
        }
        let tree = Root::open(&bed.place.worktree)?;
        tree.open_top()?;
        let upper = bed.dir.join("built");
        DirBuilder::new().mode(0o700).create(&upper).map_err(at(&upper))?;
        for path in self.snapshot.ignored(&tree, &self.base.rules)? {
            let to = upper.join(OsStr::from_bytes(&path));
            let above = to.parent().unwrap_or(&upper);
            DirBuilder::new().recursive(true).mode(0o755).create(above).map_err(at(above))?;
            let from = bed.place.worktree.join(OsStr::from_bytes(&path));
            // A link has to stay where it is: nothing is moved through one.
            if !fs::symlink_metadata(&from).map_err(at(&from))?.is_symlink() {
                fs::rename(&from, &to).map_err(at(&from))?;
            }
        }
        self.git.make_over(&upper)?;
        for folder in ["home", "tmp", "tree"] {
            remove_tree(&bed.dir.join(folder))?;
        }
        Ok(Some(Left { upper, dir: bed.dir }))
    }

    /// Removes what is left of all runs of proofs.
    pub fn clear_beds(&self) -> Result<(), WorktreeError> {
        remove_tree(&self.dir.beds())
    }

    fn clone_path(&self, from: &Path, to: &Path, left: &mut Bound) -> Result<(), WorktreeError> {
        let (Some(folder), Some(name)) = (from.parent(), from.file_name()) else {
            return Err(io::Error::from(io::ErrorKind::InvalidInput).into());
        };
        let folder = File::open(folder).map_err(at(folder))?;
        self.clone_named((&folder, name), to, left)
    }

    /// Clones what is seen through the HOMEs that stood, the farthest first: what is nearer lies above it.
    fn clone_home(&self, stood: &Stood, home: &Path, left: &mut Bound) -> Result<(), WorktreeError> {
        DirBuilder::new().mode(0o700).create(home).map_err(at(home))?;
        for name in HOMES.iter().rev() {
            for (from, to) in [
                (stood.dir.join(name), home.to_owned()),
                (layer::beside(&stood.dir.join(name)), layer::beside(home)),
            ] {
                if !from.is_dir() {
                    continue;
                }
                DirBuilder::new().recursive(true).mode(0o700).create(&to).map_err(at(&to))?;
                for entry in fs::read_dir(&from).map_err(at(&from))? {
                    let name = entry?.file_name();
                    remove_tree(&to.join(&name))?;
                    self.clone_path(&from.join(&name), &to.join(&name), left)?;
                }
            }
        }
        Ok(())
    }
}

/// Tells whether anything is in a HOME or was added to what the host has downloaded.
fn is_used(home: &Path) -> bool {
    layer::beside(home).is_dir() || fs::read_dir(home).is_ok_and(|mut entries| entries.next().is_some())
}

impl Bed {
    /// Makes a folder in TMPDIR that only this run knows of; returns where the host has it.
    pub fn folder(&self, name: &str, worktree: &Worktree) -> Result<PathBuf, WorktreeError> {
        let folder = self.place.tmp.join(name);
        DirBuilder::new().mode(0o700).create(&folder).map_err(at(&folder))?;
        worktree.git.make_over(&folder)?;
        Ok(folder)
    }

    /// Reads a file that the run left in its TMPDIR, up to so many bytes.
    pub fn read_in_tmp(&self, path: &[u8], most: u64) -> io::Result<Option<Vec<u8>>> {
        let root = Root::open(&self.place.tmp)?;
        root.open_top()?;
        read(&root, path, most)
    }

    /// Reads a file that the run left in the worktree, up to so many bytes.
    pub fn read_in_tree(&self, path: &[u8], most: u64) -> io::Result<Option<Vec<u8>>> {
        let root = Root::open(&self.place.worktree)?;
        root.open_top()?;
        read(&root, path, most)
    }

    /// Reads the files with an ending that the run left in a folder of the worktree.
    pub fn read_folder(&self, folder: &[u8], ending: &str, most: u64) -> io::Result<Vec<Vec<u8>>> {
        let root = Root::open(&self.place.worktree)?;
        root.open_top()?;
        let mut names = Vec::new();
        for entry in root.list(folder)? {
            let (name, _) = entry?;
            if name.ends_with(ending.as_bytes()) {
                names.push(name);
            }
        }
        names.sort();
        let all: io::Result<Vec<Option<Vec<u8>>>> =
            names.iter().map(|name| read(&root, &join(folder, name), most)).collect();
        Ok(all?.into_iter().flatten().collect())
    }

    /// Removes it with all that is in it.
    pub fn remove(self) -> Result<(), WorktreeError> {
        remove_tree(&self.dir)
    }
}

impl Left {
    /// Removes it.
    pub fn remove(self) -> Result<(), WorktreeError> {
        remove_tree(&self.dir)
    }
}

/// Lays files into the tree of a run. Nobody but the runner has written there yet, but for what was cloned.
struct Laying<'a> {
    top: &'a Path,
    worktree: &'a Root,
    stood: &'a Stood,
    /// What an earlier run left.
    above: Option<Root>,
    is_overlay: bool,
}

impl Laying<'_> {
    fn lay(&self, laid: &Laid) -> io::Result<()> {
        let path = laid.path();
        let relative = Path::new(OsStr::from_bytes(path));
        if path.is_empty() || relative.components().any(|part| !matches!(part, Component::Normal(_))) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        match laid {
            Laid::Gone(_) => self.take_away(relative),
            Laid::File(_, bytes) => {
                self.make_room(relative)?;
                let stat = self.worktree.stat(path)?.or(self.stood.root.stat(path)?);
                let mode = stat.map_or(0o644, |stat| 0o644 | (stat.st_mode & 0o111));
                self.file(relative, mode)?.write_all(bytes)
            }
            Laid::Now(_) => self.copy(self.worktree, path, relative),
            Laid::Stood(_) => self.copy(&self.stood.root, path, relative),
        }
    }

    fn copy(&self, from: &Root, path: &[u8], relative: &Path) -> io::Result<()> {
        self.make_room(relative)?;
        let stat = from.stat(path)?.ok_or(io::ErrorKind::NotFound)?;
        if FileType::from_raw_mode(stat.st_mode) == FileType::Symlink {
            let target = from.link(path)?;
            return symlink(OsStr::from_bytes(&target), self.top.join(relative));
        }
        let (mut file, size) = from.file(path)?;
        let mut to = self.file(relative, 0o644 | (stat.st_mode & 0o111))?;
        io::copy(&mut io::Read::take(&mut file, size), &mut to).map(drop)
    }

    fn file(&self, path: &Path, mode: u32) -> io::Result<File> {
        OpenOptions::new().write(true).create_new(true).mode(mode).open(self.top.join(path))
    }

    /// Makes the folders above a path, and takes away what is at it.
    fn make_room(&self, path: &Path) -> io::Result<()> {
        self.make_above(path)?;
        let own = self.top.join(path);
        match fs::symlink_metadata(&own) {
            Ok(found) if found.is_dir() => remove_tree(&own).map_err(io::Error::other),
            Ok(_) => fs::remove_file(&own),
            Err(_) => Ok(()),
        }
    }

    fn make_above(&self, path: &Path) -> io::Result<()> {
        let mut made = self.top.to_owned();
        for part in path.parent().into_iter().flat_map(Path::components) {
            made.push(part);
            match fs::symlink_metadata(&made) {
                Ok(found) if found.is_dir() => continue,
                Ok(_) => fs::remove_file(&made)?,
                Err(_) => {}
            }
            DirBuilder::new().mode(0o755).create(&made)?;
        }
        Ok(())
    }

    fn take_away(&self, path: &Path) -> io::Result<()> {
        if !self.is_overlay {
            return remove_tree(&self.top.join(path)).map_err(io::Error::other);
        }
        let own = path.as_os_str().as_bytes();
        let of_above = self.above.as_ref().map_or(Ok(None), |above| above.stat(own))?;
        if self.stood.root.stat(own)?.is_none() && of_above.is_none() {
            return Ok(());
        }
        self.make_above(path)?;
        let own = self.top.join(path);
        if fs::symlink_metadata(&own).is_ok_and(|found| found.file_type().is_char_device()) {
            return Ok(());
        }
        // What an overlay takes for a hole: a device of no number. It needs no privilege.
        Ok(rustix::fs::mknodat(CWD, &own, FileType::CharacterDevice, Mode::empty(), 0)?)
    }
}
