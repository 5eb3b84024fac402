//! Saving what differs from the last checkpoint, before it is reset or taken away: raw bytes, streamed by the
//! runner itself. What no bundle can hold is moved aside and stays with the run's directory.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::io::{self, BufRead as _, BufWriter, PipeWriter, Write};
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use super::aside::NotHeld;
use super::changes::Changes;
use super::checkout::Worktree;
use super::checkpoint::message;
use super::error::{WorktreeError, at};
use super::layout::shown;
use super::names::Prefix;
use super::root::Root;
use super::scripts::SALVAGE;
use super::tree::{self, Difference, Held, LINK};
use super::unfit::{Unheld, Unproved};
use super::walk::Found;
use crate::git::{Oid, RefName};

/// What was saved before a reset.
#[derive(Debug, Clone)]
pub struct Salvage {
    /// Ref in the salvage bundle.
    pub reference: RefName,
    /// The commit.
    pub commit: Oid,
    /// Paths that differ from the last checkpoint.
    pub paths: u64,
    /// What a commit cannot hold.
    pub not_held: Vec<NotHeld>,
    /// Paths that were written, relative to the repository's top: what is to be looked at for secrets.
    pub written: Vec<PathBuf>,
}

/// A file on its way into a bundle.
#[derive(Debug, Clone)]
struct Saved {
    path: Vec<u8>,
    /// Its path in the bundle.
    name: Vec<u8>,
    held: Held,
    size: u64,
}

/// What becomes of that for which a run may not salvage enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TooMuch {
    /// It is moved aside, out of the way of what follows.
    Moves,
    /// It stays for what follows, and goes with the worktree.
    Stays,
}

/// A path that cannot go there, and why.
type NotSaved = (Vec<u8>, Unheld);

/// What goes into a bundle, and what cannot.
#[derive(Debug, Default)]
struct ToSave {
    files: Vec<Saved>,
    unheld: Vec<NotSaved>,
    /// What names begin with that are others in the bundle.
    prefix: Prefix,
}

impl Worktree {
    /// Saves what differs from the last checkpoint under a name of its own; nothing if nothing does.
    ///
    /// The bytes are compared before this returns: what it reports as saved is saved, and may be reset.
    pub async fn salvage(&mut self, step: &str, attempt: u32) -> Result<Option<Salvage>, WorktreeError> {
        self.saving.safe = Some(HashMap::new());
        let changes = self.changes()?;
        if changes.is_empty() && !changes.unheld.iter().any(|(_, kind)| kind.holds_bytes()) {
            return Ok(None);
        }
        self.save(step, attempt, &changes, TooMuch::Moves).await.map(Some)
    }

    /// Saves these changes.
    pub(super) async fn save(
        &mut self,
        step: &str,
        attempt: u32,
        changes: &Changes,
        too_much: TooMuch,
    ) -> Result<Salvage, WorktreeError> {
        let ToSave { mut files, mut unheld, prefix } = self.to_be_saved(changes)?;
        self.leave_out_the_largest(&mut files, &mut unheld);
        let reference = self.free_salvage_name(step, attempt)?;
        let run = self.record.run.clone();
        let message = message(&format!("Salvage of {step}, attempt {attempt}"), &[("Autopilot-Run", &run)]);
        // As the entries of an index are: then each is put behind the last.
        files.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        let deleted = changes.paths.iter().filter(|changed| changed.written().is_none());
        let deleted: Vec<Vec<u8>> = deleted.map(|changed| changed.path.clone()).collect();
        let (commit, differences) = self.import(&reference, &message, &deleted, &files).await?;
        self.prove_saved(&files, &differences)?;
        self.saving.safe = Some(files.iter().map(|file| (file.path.clone(), file.held)).collect());
        self.ledger.salvaged.push(reference.clone());
        let mut not_held = Vec::new();
        for (path, kind) in &unheld {
            not_held.push(match too_much {
                TooMuch::Moves => self.set_aside(path, *kind)?,
                TooMuch::Stays => NotHeld::staying(path, *kind),
            });
        }
        let renamed = changes.unheld.iter().filter(|(_, kind)| kind.fits_bundle());
        not_held.extend(renamed.map(|(path, kind)| NotHeld::renamed(path, *kind, &prefix)));
        let written = files.into_iter().map(|file| PathBuf::from(OsString::from_vec(file.path))).collect();
        Ok(Salvage { reference, commit, paths: changes.paths.len() as u64, not_held, written })
    }

    /// Notes that a rollback begins: what it writes until the reset is no work.
    pub fn rolling_back(&mut self) {
        self.saving.safe = None;
    }

    /// Demands that the last salvage holds everything that differs from the last checkpoint, or moved it aside.
    pub(super) fn demand_saved(&self, changes: &Changes) -> Result<(), WorktreeError> {
        let Some(safe) = &self.saving.safe else { return Ok(()) };
        let ToSave { files, unheld, .. } = self.to_be_saved(changes)?;
        let is_safe = |file: &&Saved| safe.get(&file.path) == Some(&file.held);
        let unsaved = files.iter().find(|file| !is_safe(file)).map(|file| &file.path);
        let unsaved =
            unsaved.or_else(|| unheld.iter().find(|(_, kind)| kind.holds_bytes()).map(|(path, _)| path));
        match unsaved {
            None => Ok(()),
            Some(path) => Err(Unproved::AfterSalvage { path: shown(path).into_owned() }.into()),
        }
    }

    /// Lists what goes into a bundle, and what cannot.
    fn to_be_saved(&self, changes: &Changes) -> Result<ToSave, WorktreeError> {
        let mut saved = ToSave::default();
        for changed in &changes.paths {
            saved.files.extend(changed.written().map(|written| Saved {
                path: changed.path.clone(),
                name: changed.path.clone(),
                held: written.held,
                size: written.size,
            }));
        }
        let mut found = Vec::new();
        for (path, kind) in &changes.unheld {
            if kind.fits_bundle() {
                let below = self.root.below_anyhow(path)?;
                saved.unheld.extend(below.unheld);
                found.extend(below.found);
            } else {
                saved.unheld.push((path.clone(), *kind));
            }
        }
        let taken = saved.files.iter().map(|file| file.path.as_slice());
        saved.prefix = Prefix::free_of(taken.chain(found.iter().map(|found| found.path.as_slice())));
        for Found { path, mode, identity } in found {
            let oid = self.root.blob(&path, mode, self.repository.format)?;
            let (name, held) = (saved.prefix.stored(&path), Held { mode, oid });
            saved.files.push(Saved { name, path, held, size: identity.size() });
        }
        Ok(saved)
    }

    /// What is together more than a run may salvage is moved aside, the largest first.
    fn leave_out_the_largest(&mut self, files: &mut Vec<Saved>, unheld: &mut Vec<NotSaved>) {
        let mut sum: u64 = files.iter().map(|file| file.size).sum();
        files.sort_by_key(|file| file.size);
        while sum > self.saving.left {
            let Some(largest) = files.pop() else { break };
            sum -= largest.size;
            unheld.push((largest.path, Unheld::Big));
        }
        self.saving.left = self.saving.left.saturating_sub(sum);
    }

    async fn import(
        &self,
        reference: &RefName,
        message: &str,
        deleted: &[Vec<u8>],
        files: &[Saved],
    ) -> Result<(Oid, Vec<Option<Difference>>), WorktreeError> {
        let (reader, writer) = io::pipe()?;
        self.lay_records(deleted, files)?;
        let to = self.dir.inbox().join("message");
        fs::write(&to, message).map_err(at(&to))?;
        let root = self.root.try_clone()?;
        let sent: Vec<(Vec<u8>, u32)> =
            files.iter().map(|file| (file.path.clone(), file.held.mode)).collect();
        let sender = std::thread::spawn(move || send(&root, writer, &sent));
        let variables: [(&str, OsString); 6] = [
            ("PARENT", (&self.ledger.last).into()),
            ("REF", reference.into()),
            ("NAME", self.base.person.name.clone().into()),
            ("EMAIL", self.base.person.email.clone().into()),
            ("COMMITTER_NAME", self.base.committer.name.clone().into()),
            ("COMMITTER_EMAIL", self.base.committer.email.clone().into()),
        ];
        let printed = self.git.script_fed("salvage", SALVAGE, &variables, reader.into()).await;
        // The reading end is gone by now, so it has ended, too.
        let sent = sender.join().unwrap_or_else(|_| Err(io::Error::other("the stream broke off")));
        let mut printed = match (printed, sent) {
            (Ok(printed), Ok(())) => printed,
            (_, Err(error)) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error.into()),
            (Err(error), _) => return Err(error),
            (Ok(_), Err(error)) => return Err(error.into()),
        };
        let mut commit = String::new();
        printed.read_line(&mut commit)?;
        let names: Vec<&[u8]> = files.iter().map(|file| &*file.name).collect();
        Ok((Oid::parse(commit.trim_end())?, tree::read_differences(&mut printed, &names)?))
    }

    /// Lays what is deleted and what is written as entries of an index, where the confined git finds it.
    fn lay_records(&self, deleted: &[Vec<u8>], files: &[Saved]) -> Result<(), WorktreeError> {
        let file = self.dir.inbox().join("records");
        let lay = || -> io::Result<()> {
            let mut to = BufWriter::new(fs::File::create(&file)?);
            let none = "0".repeat(self.ledger.last.as_str().len());
            for path in deleted {
                write!(to, "0 {none}\t")?;
                to.write_all(path)?;
                to.write_all(b"\0")?;
            }
            for Saved { name, held, .. } in files {
                write!(to, "{:o} {}\t", held.mode, held.oid)?;
                to.write_all(name)?;
                to.write_all(b"\0")?;
            }
            to.flush()
        };
        lay().map_err(at(&file))
    }

    /// Compares the ids the walk computed with what the salvage commit holds.
    fn prove_saved(&self, files: &[Saved], differences: &[Option<Difference>]) -> Result<(), WorktreeError> {
        let is_saved = |(file, difference): &(&Saved, &Option<Difference>)| {
            let found = difference.and_then(|difference| difference.new);
            // What attributes had converted can be, raw, what the checkpoint holds: then nothing differs.
            found.or_else(|| self.snapshot.committed(&file.name)) == Some(file.held)
        };
        match files.iter().zip(differences).find(|pair| !is_saved(pair)) {
            None => Ok(()),
            Some((file, _)) => Err(Unproved::OtherwiseSaved { path: shown(&file.path).into_owned() }.into()),
        }
    }

    fn free_salvage_name(&self, step: &str, attempt: u32) -> Result<RefName, WorktreeError> {
        let name = format!("refs/salvage/{step}-{attempt}");
        let is_taken = |name: &str| self.ledger.salvaged.iter().any(|taken| taken.as_str() == name);
        let again = (2..).map(|n| format!("{name}.{n}"));
        let free = std::iter::once(name.clone()).chain(again).find(|name| !is_taken(name));
        Ok(RefName::parse(&free.unwrap_or(name))?)
    }
}

/// Sends the bytes of files and links, by path and mode. Only lengths frame them: no byte of a file can be taken for a
/// command.
fn send(root: &Root, to: PipeWriter, files: &[(Vec<u8>, u32)]) -> io::Result<()> {
    let mut to = BufWriter::with_capacity(256 * 1024, to);
    for (path, mode) in files {
        to.write_all(b"blob\n")?;
        if *mode == LINK {
            let target = root.link(path)?;
            writeln!(to, "data {}", target.len())?;
            to.write_all(&target)?;
        } else {
            let (mut from, size) = root.file(path)?;
            writeln!(to, "data {size}")?;
            if io::copy(&mut io::Read::take(&mut from, size), &mut to)? != size {
                return Err(io::Error::other(format!("{} changed while it was saved", shown(path))));
            }
        }
        to.write_all(b"\n")?;
    }
    to.write_all(b"done\n")?;
    to.flush()
}
