//! Takes events and bytes, gives journal, log and the files that close a run; the masker sits in front of
//! every sink. Knows nothing of how a run works.

pub mod event;
mod files;
pub mod journal;
pub mod log;
pub mod mask;
pub mod provenance;
mod seal;
mod text;
mod turn;

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::Path;

pub use event::Event;
pub use files::{Files, RunName};
pub use journal::{Head, Journal, Line, Sha};
use log::{Log, Stream};
use mask::Secrets;
pub use text::{Document, Text, Token};
use turn::Turn;

/// Sees what is recorded, after it is durable. The terminal's progress is one.
pub trait Watch {
    /// An event was written.
    fn event(&mut self, line: &Line);
    /// Masked output was written.
    fn output(&mut self, masked: &[u8]);
}

/// A watch that sees nothing.
#[derive(Debug)]
pub struct Unwatched;

impl Watch for Unwatched {
    fn event(&mut self, _: &Line) {}
    fn output(&mut self, _: &[u8]) {}
}

/// Writes the evidence of one run: the single way to its journal, its log and its reports.
pub struct Recorder {
    files: Files,
    journal: Journal,
    log: Log,
    secrets: Secrets,
    watch: Box<dyn Watch>,
    deferred: Vec<Event>,
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recorder").field("run", &self.files.run()).finish_non_exhaustive()
    }
}

impl Recorder {
    /// Claims a name for a new run, one that is not `taken` elsewhere, and opens its files. An error of the kind
    /// `WouldBlock` if another run of the issue is being recorded.
    pub fn create(
        top: &Path,
        issue: u64,
        taken: &dyn Fn(RunName) -> bool,
        secrets: &Secrets,
        watch: Box<dyn Watch>,
    ) -> io::Result<Self> {
        files::make_folders(top)?;
        let _turn = Turn::take(top, issue, None)?;
        let (files, journal) = Files::claim(top, issue, chrono::Utc::now(), taken)?;
        let journal = Journal::new(&files.journal(), journal)?;
        let log = Log::open(&files.log())?;
        Ok(Self { files, journal, log, secrets: secrets.clone(), watch, deferred: Vec::new() })
    }

    /// Opens the files of a run to go on with it; returns its events and the bytes of a torn last line. An error of
    /// the kind `WouldBlock` if it or another run of the issue is being recorded.
    pub fn go_on(
        files: Files,
        secrets: &Secrets,
        watch: Box<dyn Watch>,
    ) -> io::Result<(Self, Vec<Line>, u64)> {
        let _turn = Turn::take(files.top(), files.run().issue(), Some(files.run()))?;
        Self::reopen(files, secrets, watch)
    }

    /// Opens the files of a run that is over, or to be ended, to add to them. A log that was lost is begun anew, and
    /// says so: the journal goes on to tell where its parts were.
    pub fn reopen(
        files: Files,
        secrets: &Secrets,
        watch: Box<dyn Watch>,
    ) -> io::Result<(Self, Vec<Line>, u64)> {
        let (journal, lines, torn) = Journal::reopen(&files.journal())?;
        files.make_folders()?;
        let is_lost = !lines.is_empty() && files::is_absent(&files.log())?;
        let log = Log::open(&files.log())?;
        let deferred = Vec::new();
        let mut recorder = Self { files, journal, log, secrets: secrets.clone(), watch, deferred };
        if is_lost {
            recorder.banner("the log was lost: what the run had printed before this line is gone")?;
        }
        Ok((recorder, lines, torn))
    }

    /// Returns the names of the run's files.
    pub fn files(&self) -> &Files {
        &self.files
    }

    /// Keeps a second copy of the journal where `git clean` does not reach.
    pub fn mirror(&mut self, path: &Path) -> io::Result<()> {
        self.journal.mirror(path)
    }

    /// Masks a text for an event.
    pub fn text(&self, text: impl AsRef<str>) -> Text {
        Text::new(&self.secrets, text.as_ref())
    }

    /// Masks a text for an event that is shown as one line.
    pub fn line(&self, text: impl AsRef<str>) -> Text {
        Text::line(&self.secrets, text.as_ref())
    }

    /// Masks what is composed of masked texts, and leaves the code fences around them as they are.
    pub fn composed(&self, text: &str) -> String {
        mask::composed(&self.secrets, text)
    }

    /// Masks a document for an event.
    pub fn document(&self, value: serde_json::Value) -> Document {
        Document::new(&self.secrets, value)
    }

    /// Writes one event; when this returns it is durable, and so is all that was deferred before it. What could not
    /// be written is written before any later event, or none of them is.
    pub fn record(&mut self, event: Event) -> io::Result<()> {
        self.defer(event);
        self.write_deferred()
    }

    /// Writes what was deferred, if anything was.
    pub fn write_deferred(&mut self) -> io::Result<()> {
        if self.deferred.is_empty() {
            return Ok(());
        }
        self.keep_in_place()?;
        for line in self.journal.append(&self.deferred)? {
            self.watch.event(&line);
        }
        self.deferred.clear();
        Ok(())
    }

    /// Puts log and journal back where something (`git clean -fdx` is a habit) took them away in mid-run. They
    /// are open, so nothing of them is lost; the log says so.
    pub fn keep_in_place(&mut self) -> io::Result<()> {
        if !self.files.folders_are_there() {
            self.files.make_folders()?;
        }
        if self.journal.keep_in_place()? | self.log.keep_in_place()? {
            self.banner("the evidence had been removed or replaced while the run ran; it was put back")?;
        }
        Ok(())
    }

    /// Takes an event that is written with the next one: between the two nothing outside the journal changes,
    /// and one wait for the disk serves both.
    pub fn defer(&mut self, event: Event) {
        self.deferred.push(event);
    }

    /// Writes a line of the runner's own into the log.
    pub fn banner(&mut self, line: impl AsRef<str>) -> io::Result<()> {
        self.log.banner(&self.secrets, line.as_ref())
    }

    /// Returns the bytes in the log.
    pub fn log_position(&self) -> u64 {
        self.log.position()
    }

    /// Starts the way of a command's output into the log.
    pub fn stream(&self) -> Stream {
        Stream::new(&self.secrets)
    }

    /// Writes output that passed a [`Stream`] into the log.
    pub fn output(&mut self, masked: &[u8]) -> io::Result<()> {
        self.log.write(masked)?;
        self.watch.output(masked);
        Ok(())
    }

    /// Names the kinds of secrets that bytes seem to hold.
    pub fn secrets_in(&self, bytes: &[u8]) -> BTreeSet<&'static str> {
        self.secrets.detect(bytes).into_iter().map(|hit| hit.kind.name()).collect()
    }

    /// Writes the summary, and the failure report and the list of what was not salvaged if there are any. Masked
    /// once more, as every sink is.
    pub fn write_reports(
        &mut self,
        summary: &str,
        failed: Option<&str>,
        not_salvaged: Option<&str>,
    ) -> io::Result<()> {
        self.write_file(&self.files.summary(), summary, 0o644)?;
        match failed {
            Some(failed) => self.write_file(&self.files.failed(), failed, 0o644)?,
            // Of an earlier part of a run that was resumed, and is done now.
            None => files::remove_if_there(&self.files.failed())?,
        }
        if let Some(list) = not_salvaged {
            self.write_file(&self.files.not_salvaged(), list, 0o600)?;
        }
        Ok(())
    }

    fn write_file(&self, path: &Path, text: &str, mode: u32) -> io::Result<()> {
        let masked = self.composed(text);
        write_durably(path, masked.as_bytes(), mode)
    }
}

/// Puts a file in its place at once and for good; one that is there is replaced.
fn write_durably(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let folder = path.parent().ok_or_else(|| io::Error::other("a file without a folder"))?;
    let mut file = tempfile::Builder::new()
        .prefix(files::STAGED)
        .permissions(std::fs::Permissions::from_mode(mode))
        .tempfile_in(folder)
        .map_err(|error| files::named(error, folder))?;
    file.write_all(bytes).and_then(|()| file.as_file().sync_all()).map_err(|e| files::named(e, path))?;
    file.persist(path).map_err(|error| files::named(error.error, path))?;
    files::sync_folder_of(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_be_written_comes_before_what_is_written_later() {
        let top = tempfile::tempdir().unwrap();
        let mut recorder =
            Recorder::create(top.path(), 7, &|_| false, &Secrets::default(), Box::new(Unwatched)).unwrap();
        let full = top.path().join("full");
        std::fs::write(&full, "").unwrap();
        // Nothing can be written to what is open for reading only.
        let mut broken = Journal::new(&full, std::fs::File::open(&full).unwrap()).unwrap();
        std::mem::swap(&mut recorder.journal, &mut broken);
        recorder.defer(Event::Recovered { torn: 1 });
        recorder.record(Event::Recovered { torn: 2 }).unwrap_err();
        std::mem::swap(&mut recorder.journal, &mut broken);
        recorder.record(Event::Recovered { torn: 3 }).unwrap();
        let lines = journal::read(&recorder.files().journal()).unwrap().lines;
        let torn = lines.iter().map(|line| if let Event::Recovered { torn } = line.event { torn } else { 0 });
        assert_eq!(torn.collect::<Vec<_>>(), [1, 2, 3]);
    }
}
