//! Taking objects out of the user's repository and into one of a run's: packs that are written once, with their indexes,
//! by the one git that reads it. No protocol, no hook, no remote.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::error::{WorktreeError, at};
use super::git::Git;
use super::halt::Halt;
use super::intake::Source;
use super::layout::DURABLE;
use super::meter::Meter;
use crate::git::Oid;

/// How much of the history is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth<'a> {
    /// All there is; of a shallow clone, as far as it goes.
    All,
    /// Down to this commit and no further.
    To(&'a Oid),
    /// What stands on this commit, which is there.
    Above(&'a Oid),
    /// All, and it is there: in this folder of objects, which is borrowed.
    Borrowed(&'a Path),
}

/// A pack can be read by whoever gets to it, and is written by nobody.
pub(super) const READ_ONLY: u32 = 0o444;

/// What is to be packed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ask<'a> {
    /// These, and all that they need,
    pub(super) wanted: &'a [&'a Oid],
    /// but for what these need;
    pub(super) without: &'a [Oid],
    /// and nothing behind these.
    pub(super) ends: &'a [Oid],
}

impl Ask<'_> {
    /// Returns it as git reads it.
    fn lines(&self) -> Vec<u8> {
        let ends = self.ends.iter().map(|id| format!("--shallow {id}\n"));
        let wanted = self.wanted.iter().map(|id| format!("{id}\n"));
        let without = self.without.iter().map(|id| format!("^{id}\n"));
        ends.chain(wanted).chain(without).collect::<String>().into_bytes()
    }
}

impl Source {
    /// Brings the objects of `wanted` and everything they need into the git directory `into`.
    pub(super) fn bring(&self, into: &Path, wanted: &[&Oid], depth: Depth<'_>) -> Result<(), WorktreeError> {
        let (ends, without) = match depth {
            Depth::To(commit) => (vec![commit.clone()], Vec::new()),
            Depth::Above(commit) => (self.boundaries()?, vec![commit.clone()]),
            Depth::All | Depth::Borrowed(_) => (self.boundaries()?, Vec::new()),
        };
        match depth {
            Depth::Borrowed(objects) => borrow(into, objects)?,
            Depth::All | Depth::To(_) | Depth::Above(_) => {
                let ask = Ask { wanted, without: &without, ends: &ends };
                self.pack(into, ask, &Halt::never(), &Meter::none())?;
            }
        }
        if ends.is_empty() {
            return Ok(());
        }
        let file = into.join("shallow");
        let lines: String = ends.iter().map(|id| format!("{id}\n")).collect();
        fs::write(&file, lines).map_err(at(&file))
    }

    /// Packs objects into a git directory. No pack leans on what is outside of it: what a step can reach is what was
    /// asked for.
    pub(super) fn pack(
        &self,
        into: &Path,
        ask: Ask<'_>,
        halt: &Halt,
        meter: &Meter,
    ) -> Result<(), WorktreeError> {
        let objects = into.join("objects");
        let pack = ["--revs", "--delta-base-offset"];
        if self.owner.is_some() {
            // Its owner cannot write here, and we read nothing of theirs.
            let pack = self.git("pack-objects").args(pack).arg("--stdout").heed(halt).tell(meter);
            let index = Git::new(into, "index-pack").git_dir(into).args(["--stdin", "--fix-thin"]).heed(halt);
            return pack.feed_through(ask.lines(), index);
        }
        let settings = [&format!("core.fsync={DURABLE}"), "core.fsyncMethod=fsync", "pack.packSizeLimit=0"];
        let pack = self.git_with(&settings, "pack-objects").args(pack).tell(meter);
        // Deltas that are there are taken over; none is looked for: it would take longer than all the rest.
        let pack =
            pack.args(["--non-empty", "--window=0"]).stored_in(&objects, &self.git_dir.join("objects"));
        pack.arg(objects.join("pack/pack")).heed(halt).feed(ask.lines()).map(drop)
    }
}

/// Names the folder of objects that a git directory borrows from.
pub(super) const ALTERNATES: &str = "objects/info/alternates";

/// Has a git directory borrow from a folder of objects.
pub(super) fn borrow(git_dir: &Path, objects: &Path) -> Result<(), WorktreeError> {
    let line = borrowed_line(objects)?;
    let file = git_dir.join(ALTERNATES);
    fs::write(&file, line).map_err(at(&file))
}

/// Returns the line by which a git directory borrows from a folder of objects.
pub(super) fn borrowed_line(objects: &Path) -> Result<String, WorktreeError> {
    let text = objects.to_str().filter(|text| !text.contains('\n') && !text.starts_with(['"', '#']));
    text.map(|text| format!("{text}\n")).ok_or_else(|| {
        WorktreeError::refused(
            format!("git cannot borrow objects from a folder of this name: {}", objects.display()),
            "set AUTOPILOT_STATE_DIR to a folder with a plain name",
        )
    })
}

/// Lets everybody who gets to a folder of objects read what is in it, and nobody write: the steps of root's runs are
/// somebody else.
pub(super) fn permit(objects: &Path) -> Result<(), WorktreeError> {
    let packs = objects.join("pack");
    for folder in [objects, &packs] {
        fs::set_permissions(folder, Permissions::from_mode(0o755)).map_err(at(folder))?;
    }
    for file in files(&packs)? {
        fs::set_permissions(&file, Permissions::from_mode(READ_ONLY)).map_err(at(&file))?;
    }
    Ok(())
}

/// Lists the files of a folder of packs, each pack only with its index.
pub(super) fn files(folder: &Path) -> Result<Vec<PathBuf>, WorktreeError> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(at(folder))? {
        let path = entry.map_err(at(folder))?.path();
        let of_pack = |extension: &str| path.with_extension(extension).is_file();
        let is_kind =
            |known: &[&str]| path.extension().is_some_and(|own| known.iter().any(|one| own == *one));
        if is_kind(&["pack", "idx", "rev"]) && of_pack("pack") && of_pack("idx") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
