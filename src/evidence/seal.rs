//! Closes a run: digests of its files, then the provenance, then the head.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::disk::{named, write_durably};
use super::event::{Event, Sealed};
use super::id::Sha256;
use super::provenance::{self, Facts};
use super::{Head, Recorder, Token};

impl Recorder {
    /// Seals the files of the run and attests them; nothing of the evidence changes after this.
    ///
    /// The order is the one of `docs/evidence.md`: the log is complete, the reports are written, then
    /// `sealed`, the provenance whose subjects are those files and the journal so far, then `attested`, whose
    /// hash is the head.
    pub fn close(&mut self, facts: &Facts) -> io::Result<Head> {
        self.write_deferred()?;
        self.log.sync()?;
        let mut files = Vec::new();
        for path in self.files_to_seal() {
            let unsealed = |error: io::Error| {
                io::Error::new(error.kind(), format!("the evidence cannot be sealed: {error}"))
            };
            files.extend(digest(self.files(), &path).map_err(unsealed)?);
        }
        self.record(Event::Sealed { files: files.clone() })?;
        let journal = self.journal_so_far()?;
        let statement = provenance::statement(self.files().run(), facts, &files, &journal);
        let bytes = serde_json::to_vec_pretty(&statement)?;
        write_durably(&self.files().provenance(), &bytes, 0o644)?;
        self.record(Event::Attested { sha256: Sha256::of(&bytes) })?;
        self.journal.unmirror();
        self.journal.head().ok_or_else(|| io::Error::other("an empty journal cannot be closed"))
    }

    fn files_to_seal(&self) -> [PathBuf; 6] {
        let files = self.files();
        let (saved, made) = ([files.salvage(), files.not_salvaged()], files.checkpoints());
        let [salvage, not_salvaged] = saved;
        [files.log(), files.summary(), files.failed(), salvage, not_salvaged, made]
    }

    /// Describes the journal up to its last line, which here is `sealed`.
    fn journal_so_far(&self) -> io::Result<Sealed> {
        let path = self.files().journal();
        let mut file = File::open(&path).map_err(|e| named(e, &path))?;
        let mut part = io::Read::take(&mut file, self.journal.length());
        let (sha, size) = Sha256::of_file(&mut part)?;
        if size != self.journal.length() {
            return Err(io::Error::other(format!("{}: shorter than what was written", path.display())));
        }
        Ok(Sealed { path: Token::new(self.files().relative(&path)), sha256: sha, size })
    }
}

/// Describes a file of the evidence; nothing for one that this run does not have.
fn digest(files: &super::Files, path: &Path) -> io::Result<Option<Sealed>> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(named(error, path)),
    };
    let (sha, size) = Sha256::of_file(&mut file).map_err(|e| named(e, path))?;
    Ok(Some(Sealed { path: Token::new(files.relative(path)), sha256: sha, size }))
}
