//! Going back to the last checkpoint.

use std::io;

use rustix::fs::{FileType, Mode, OFlags};

use super::changes::{Changes, WrittenRules};
use super::checkout::Worktree;
use super::error::WorktreeError;
use super::layout::shown;
use super::remove::remove_in;
use super::root::{is_absence, split};
use super::scripts::RESTORE;
use super::unfit::Unproved;

impl Worktree {
    /// Goes back to the last checkpoint. What is ignored stays, unless `clean_ignored`.
    ///
    /// What [`Worktree::salvage`] has not saved just before is not removed: then nothing is.
    pub async fn reset(&mut self, clean_ignored: bool) -> Result<(), WorktreeError> {
        self.layers.unsettle();
        let mut changes = self.changes()?;
        self.demand_saved(&changes)?;
        let hidden = if clean_ignored {
            self.remove_hidden()?;
            Vec::new()
        } else {
            self.take_hidden(&mut changes, WrittenRules::Before)?
        };
        self.clear_the_way(&changes, clean_ignored)?;
        let paths = changes.paths.iter().map(|changed| changed.path.as_slice());
        let restored: Vec<&[u8]> = paths.filter(|path| self.snapshot.holds(path)).collect();
        self.let_git_write(&restored)?;
        for (number, part) in self.base.parts.iter().enumerate() {
            let of_part: Vec<&[u8]> = restored.iter().filter_map(|path| self.in_part(number, path)).collect();
            if number == 0 || !of_part.is_empty() {
                self.lay("restored", &of_part)?;
                self.git.script("restore", RESTORE, &self.dir.part_at(number, &part.path)).await?;
            }
        }
        self.fill(&restored).await?;
        self.snapshot.believe_paths(&self.root, &restored)?;
        self.snapshot.keep_off(&hidden);
        let left = self.changes()?;
        match left.paths.first() {
            None => Ok(()),
            Some(changed) => Err(Unproved::NotReset { path: shown(&changed.path).into_owned() }.into()),
        }
    }

    /// Removes what rules of steps have kept off.
    fn remove_hidden(&self) -> Result<(), WorktreeError> {
        let off: Vec<Vec<u8>> = self.snapshot.off().map(<[u8]>::to_vec).collect();
        off.iter().try_for_each(|path| self.remove_entry(path))
    }

    /// Opens up the folders that git is to write into.
    fn let_git_write(&self, paths: &[&[u8]]) -> io::Result<()> {
        let mut folders: Vec<&[u8]> = paths.iter().map(|path| split(path).0).collect();
        folders.sort_unstable();
        folders.dedup();
        for folder in folders {
            let ends = folder.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
            for end in ends.chain([folder.len()]).filter(|end| *end > 0) {
                let Some(stat) = self.root.stat(&folder[..end])? else { break };
                let is_folder = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
                if is_folder && !Mode::from_raw_mode(stat.st_mode).contains(Mode::RWXU) {
                    self.root.open_up(&folder[..end])?;
                }
            }
        }
        Ok(())
    }

    /// Returns a path as one of the nth part of the base, if it is in that and in none inside of it.
    pub(super) fn in_part<'p>(&self, number: usize, path: &'p [u8]) -> Option<&'p [u8]> {
        let below = |top: &[u8]| match top {
            [] => Some(path),
            top => path.strip_prefix(top)?.strip_prefix(b"/"),
        };
        let innermost = self.base.parts.iter().enumerate().filter(|(_, part)| below(&part.path).is_some());
        let (found, part) = innermost.max_by_key(|(_, part)| part.path.len())?;
        (found == number).then(|| below(&part.path))?
    }

    /// Removes what is not in the last checkpoint, and whatever stands where it is to be written again.
    fn clear_the_way(&self, changes: &Changes, clean_ignored: bool) -> Result<(), WorktreeError> {
        for changed in changes.paths.iter().filter(|changed| changed.written().is_some()) {
            self.remove_entry(&changed.path)?;
        }
        for (path, _) in &changes.unheld {
            self.remove_entry(path)?;
        }
        if clean_ignored {
            for path in &changes.ignored {
                self.remove_entry(path)?;
            }
        }
        for folder in changes.folders.iter().rev().filter(|folder| !self.snapshot.holds_below(folder)) {
            if self.snapshot.holds(folder) {
                // A folder where the checkpoint has a file: with what is ignored in it, or git cannot write.
                self.remove_entry(folder)?;
            } else if let Err(error) = self.root.remove_folder(folder) {
                let not_empty = error.kind() == io::ErrorKind::DirectoryNotEmpty;
                if !not_empty && !is_absence(&error) {
                    return Err(error.into());
                }
            }
        }
        Ok(())
    }

    /// Removes whatever is at a path, a whole tree if need be; no link is followed.
    pub(super) fn remove_entry(&self, path: &[u8]) -> Result<(), WorktreeError> {
        self.check_halt()?;
        match self.root.unlink(path) {
            Ok(()) => return Ok(()),
            Err(error) if is_absence(&error) => return Ok(()),
            Err(_) => {}
        }
        let (folder, name) = split(path);
        let folder = self.root.below(folder, OFlags::PATH | OFlags::DIRECTORY)?;
        remove_in(folder, name, self.root.halt()).map_err(|left| Unproved::Stays { left }.into())
    }
}
