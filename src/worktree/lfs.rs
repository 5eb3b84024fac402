//! Takes the pointers that Git LFS keeps in commits in place of files, gives the files themselves where the user's
//! repository has them. No program of LFS ever runs: what is written is what a pointer names, or the pointer stays.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use super::changes::Changed;
use super::checkout::Worktree;
use super::checkpoint::durable;
use super::error::{WorktreeError, at};
use super::filters;
use super::layout::RESULT;
use super::pointer::{LfsFiles, Pointer, is_pointer_at};
use super::root::Root;
use super::scripts::{ATTRIBUTES, LIST, OWN_INDEX, REFRESH, STAGE};
use super::tree::{Held, LINK};
use crate::git::RawOid;

/// Contents are dated back by this: into a file that may be younger than its index, in whole seconds, git looks
/// again, and would not find the pointer there.
const AGE: Duration = Duration::from_secs(2);

impl Worktree {
    /// Tells how many files of LFS there are, as contents and as pointers.
    pub fn lfs_files(&self) -> LfsFiles {
        self.lfs_files
    }

    /// Fills everything that the last checkpoint holds.
    pub(super) async fn fill_all(&mut self) -> Result<(), WorktreeError> {
        let paths = if self.base.lfs { self.snapshot.files() } else { Vec::new() };
        self.lfs_files = self.fill(&paths.iter().map(Vec::as_slice).collect::<Vec<_>>()).await?;
        Ok(())
    }

    /// Fills what the last checkpoint holds at these paths.
    pub async fn fill_patched(&mut self, paths: &[PathBuf]) -> Result<(), WorktreeError> {
        let bytes = paths.iter().map(|path| path.as_os_str().as_encoded_bytes());
        let held: Vec<&[u8]> = bytes.filter(|path| self.snapshot.holds(path)).collect();
        if !self.base.lfs || held.is_empty() {
            return Ok(());
        }
        self.fill(&held).await?;
        Ok(self.snapshot.believe_paths(&self.root, &held)?)
    }

    /// Puts contents in the place of pointers, where a listed path has one, and takes what is there already for
    /// unchanged. No step may be running.
    pub(super) async fn fill(&mut self, paths: &[&[u8]]) -> Result<LfsFiles, WorktreeError> {
        let mut files = LfsFiles::default();
        let parts = if self.base.lfs { self.base.parts.len() } else { 0 };
        for number in 0..parts {
            let own: Vec<&[u8]> = paths.iter().filter_map(|path| self.in_part(number, path)).collect();
            if !own.is_empty() {
                self.fill_part(number, &own, &mut files).await?;
            }
        }
        Ok(files)
    }

    async fn fill_part(
        &mut self,
        number: usize,
        paths: &[&[u8]],
        files: &mut LfsFiles,
    ) -> Result<(), WorktreeError> {
        self.lay("asked", paths)?;
        let place = self.dir.part_at(number, &self.base.parts[number].path);
        let variables = [&place[..], &[("RESULT", RESULT.into())]].concat();
        let ask = [ATTRIBUTES, OWN_INDEX, LIST].concat();
        let printed = self.git.script("attributes", &ask, &variables).await?;
        let (paths, entries) = of_lfs(&printed);
        let mut contents = HashSet::new();
        for path in paths {
            match self.fill_one(number, path)? {
                Some(true) => drop(contents.insert(path)),
                Some(false) => files.pointers += 1,
                None => {}
            }
        }
        if contents.is_empty() {
            return Ok(());
        }
        files.contents += contents.len() as u64;
        let entries = entries.split(|&byte| byte == 0);
        let entries = entries.filter(|entry| path_of(entry).is_some_and(|path| contents.contains(path)));
        self.lay("entries", &entries.collect::<Vec<_>>())?;
        match self.git.script("refresh", &[OWN_INDEX, REFRESH].concat(), &variables).await {
            // An index that a step has spoilt, or a lock on it: its git finds changes that are none.
            Err(WorktreeError::Git { .. }) => Ok(()),
            refreshed => refreshed.map(drop),
        }
    }

    /// Tells whether a content is at a path now, or a pointer; nothing if it is neither.
    fn fill_one(&mut self, part: usize, path: &[u8]) -> Result<Option<bool>, WorktreeError> {
        let path = &self.base.parts[part].in_worktree(path);
        let Some(Held { oid: committed, .. }) = self.snapshot.committed(path) else { return Ok(None) };
        // Where a runner died, a step has left anything.
        let Ok((mut file, size)) = self.root.file(path) else { return Ok(None) };
        let (made, raw) = Pointer::of(&mut file, size, self.repository.format)?;
        let is_pointer = raw == committed && size > 0 && is_pointer_at(&self.root, path)?;
        let content = if is_pointer {
            self.put_content(part, path)?
        } else {
            let is_named = made.blob(self.repository.format) == committed;
            (is_named && self.has_content(part, &made)).then_some(raw)
        };
        let Some(content) = content else { return Ok(is_pointer.then_some(false)) };
        if part == 0 {
            // What a submodule has, the repository need not have.
            self.contents.insert(content, committed);
        }
        self.snapshot.converted(path, content);
        Ok(Some(true))
    }

    /// Tells whether the repository has what a pointer names.
    fn has_content(&self, part: usize, pointer: &Pointer) -> bool {
        let made = |mut file| Pointer::of(&mut file, pointer.size, self.repository.format);
        self.stored(part, pointer).is_some_and(|file| made(file).is_ok_and(|(made, _)| made == *pointer))
    }

    /// Puts the content in the place of the pointer at a path, and returns its id as a blob; nothing if it is not
    /// to be had, whole. Owner and mode are those that git gave the pointer.
    fn put_content(&self, part: usize, path: &[u8]) -> Result<Option<RawOid>, WorktreeError> {
        let (like, length) = self.root.file(path)?;
        let like_it = like.metadata()?;
        let Some(pointer) = Pointer::read(like, length)? else { return Ok(None) };
        let Some(stored) = self.stored(part, &pointer) else { return Ok(None) };
        let (inbox, name) = (self.dir.inbox(), "content");
        let aside = inbox.join(name);
        let open =
            OpenOptions::new().read(true).write(true).create(true).truncate(true).mode(0o600).open(&aside);
        let mut copy = open.map_err(at(&aside))?;
        io::copy(&mut stored.take(pointer.size), &mut copy).map_err(at(&aside))?;
        copy.rewind()?;
        // Of the copy, which nobody else can write to any more.
        let raw = match Pointer::of(&mut copy, pointer.size, self.repository.format) {
            Ok((made, raw)) if made == pointer => raw,
            _ => return fs::remove_file(&aside).map(|()| None).map_err(at(&aside)),
        };
        if copy.metadata()?.uid() != like_it.uid() {
            fchown(&copy, Some(like_it.uid()), Some(like_it.gid()))?;
        }
        copy.set_permissions(like_it.permissions())?;
        copy.set_modified(SystemTime::now() - AGE)?;
        self.root.put(path, &Root::open(&inbox)?, name)?;
        Ok(Some(raw))
    }

    /// Opens the object that a part's repository has for a pointer, if it is a file of that size behind no link.
    fn stored(&self, part: usize, pointer: &Pointer) -> Option<File> {
        let store = Root::open(&self.base.parts[part].source.git_dir).ok()?;
        let (file, size) = store.file(pointer.object().as_bytes()).ok()?;
        (size == pointer.size).then_some(file)
    }

    /// Takes out of a list what is to be committed as its pointer: contents that were put in place, where the state
    /// that is committed gives them the filter. Returns them as records of an index.
    pub(super) async fn take_contents(
        &self,
        written: &mut Vec<&Changed>,
    ) -> Result<Vec<Vec<u8>>, WorktreeError> {
        let pointer_of = |changed: &Changed| {
            let held = &changed.written()?.held;
            let pointer = self.contents.get(&held.oid).filter(|_| held.mode != LINK)?;
            Some(Held { mode: held.mode, oid: *pointer })
        };
        let (contents, others): (Vec<&Changed>, Vec<&Changed>) =
            written.iter().partition(|changed| pointer_of(changed).is_some());
        if contents.is_empty() {
            return Ok(Vec::new());
        }
        self.lay_paths("written", &others)?;
        self.lay_paths("asked", &contents)?;
        let ask = [STAGE, ATTRIBUTES].concat();
        let printed = self.git.script("attributes", &ask, &durable(&others)).await?;
        let with_filter: HashSet<&[u8]> = of_lfs(&printed).0.collect();
        let mut records = Vec::new();
        written.retain(|changed| {
            let pointer = pointer_of(changed).filter(|_| with_filter.contains(&*changed.path));
            let record =
                |held: &Held| [format!("{:o} {}\t", held.mode, held.oid).as_bytes(), &changed.path].concat();
            records.extend(pointer.as_ref().map(record));
            pointer.is_none()
        });
        Ok(records)
    }
}

/// Returns the path of an entry as `ls-files --stage` lists it.
fn path_of(entry: &[u8]) -> Option<&[u8]> {
    entry.iter().position(|&byte| byte == b'\t').map(|tab| &entry[tab + 1..])
}

/// Returns the paths that, says `check-attr`, are of LFS, and what follows.
fn of_lfs(printed: &[u8]) -> (impl Iterator<Item = &[u8]>, &[u8]) {
    let (filters, rest) = filters::read(printed);
    (filters.into_iter().filter(|(_, filter)| *filter == b"lfs").map(|(path, _)| path), rest)
}
