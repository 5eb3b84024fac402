//! The single way to a run's evidence: journal, log, reports. What it wrote, and is about to write, it has folded into
//! the run's state.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use super::disk::{self, write_durably};
use super::event::{Event, RunStarted};
use super::files::{self, Files, RunName};
use super::journal::{Guard, Journal, ReadTo, Stamped};
use super::log::{Log, Stream};
use super::mask::{self, Secrets};
use super::spool::{self, Spool};
use super::state::{Fold, Part, RunState};
use super::text::{Document, Text};
use super::turn::Turn;
use super::{AttemptId, Proving, Watch};

/// The name of a run that has not begun; its files are open.
pub struct Claim {
    files: Files,
    journal: Journal,
    log: Log,
    secrets: Secrets,
    watch: Box<dyn Watch>,
}

impl std::fmt::Debug for Claim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Claim").field("run", &self.files.run()).finish_non_exhaustive()
    }
}

impl Claim {
    /// Claims a name for a new run, one that is not `taken` elsewhere, and opens its files. An error of the kind
    /// `WouldBlock` if another run of the issue is being recorded.
    pub fn new(
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
        Ok(Self { files, journal, log, secrets: secrets.clone(), watch })
    }

    /// Returns the names of the run's files.
    pub fn files(&self) -> &Files {
        &self.files
    }

    /// Returns what is masked in all that is recorded.
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// Writes the first event of the run.
    pub fn begin(self, start: RunStarted) -> io::Result<Recorder> {
        let Self { files, journal, log, secrets, watch } = self;
        let first = Stamped::now(Event::RunStarted(Box::new(start.clone())));
        let state = RunState::new(start, first.time);
        let mut recorder =
            Recorder { deferred: vec![first], ..Recorder::of(files, journal, log, &secrets, watch, state) };
        recorder.write_deferred()?;
        Ok(recorder)
    }
}

/// Writes the evidence of a run that has begun.
pub struct Recorder {
    files: Files,
    pub(super) journal: Journal,
    pub(super) log: Log,
    secrets: Secrets,
    /// The same without what steps registered.
    declared: Secrets,
    watch: Box<dyn Watch>,
    state: RunState,
    deferred: Vec<Stamped>,
    /// Output of the attempts under way.
    parts: BTreeMap<AttemptId, Spool>,
    /// Parts whose place in the log is among what is deferred: laid there once that is written.
    to_lay: Vec<(u64, Spool)>,
    torn: u64,
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recorder").field("run", &self.files.run()).finish_non_exhaustive()
    }
}

impl Recorder {
    fn of(
        files: Files,
        journal: Journal,
        log: Log,
        secrets: &Secrets,
        watch: Box<dyn Watch>,
        state: RunState,
    ) -> Self {
        Self {
            files,
            journal,
            log,
            declared: secrets.declared(),
            secrets: secrets.clone(),
            watch,
            state,
            deferred: Vec::new(),
            parts: BTreeMap::new(),
            to_lay: Vec::new(),
            torn: 0,
        }
    }

    /// Opens the files of a run to go on with it, whose journal was read before; nothing if it never began. An error of
    /// the kind `WouldBlock` if it or another run of the issue is being recorded.
    pub fn go_on(
        files: Files,
        known: Option<RunState>,
        secrets: &Secrets,
        watch: Box<dyn Watch>,
    ) -> io::Result<Option<Self>> {
        let _turn = Turn::take(files.top(), files.run().issue(), Some(files.run()))?;
        Self::reopen(files, known, secrets, watch)
    }

    /// Opens the files of a run that is over, or to be ended, to add to them; nothing if it never began. What its
    /// journal is known to tell is not read again. A log that was lost is begun anew, and says so: the journal goes on
    /// to tell where its parts were.
    pub fn reopen(
        files: Files,
        known: Option<RunState>,
        secrets: &Secrets,
        watch: Box<dyn Watch>,
    ) -> io::Result<Option<Self>> {
        let open = Journal::open(&files.journal())?;
        let size = open.1.metadata()?.len();
        // Whoever wrote it may have ended since it was read.
        let is_all = |read: &ReadTo| read.length + read.torn == size;
        let state = match known.filter(|state| state.read.as_ref().is_some_and(is_all)) {
            Some(state) => state,
            None => match fold(&files)? {
                Some(state) => state,
                None => return Ok(None),
            },
        };
        let Some(read) = state.read.clone() else { return Ok(None) };
        let torn = read.torn;
        let journal = Journal::go_on(open, read)?;
        files.make_folders()?;
        let is_lost = disk::is_absent(&files.log())?;
        let log = Log::open(&files.log())?;
        let mut recorder = Self { torn, ..Self::of(files, journal, log, secrets, watch, state) };
        if is_lost {
            recorder.banner("the log was lost: what the run had printed before this line is gone")?;
        }
        recorder.take_up_parts()?;
        Ok(Some(recorder))
    }

    /// Takes up what a dead runner left of its attempts' output: what has a place in the log is laid there.
    fn take_up_parts(&mut self) -> io::Result<()> {
        for (at, path) in spool::beside(&self.files.log())? {
            let spool = Spool::open(&path)?;
            match self.state.attempt(&at).map(|attempt| attempt.log) {
                Some(Part::At(from, _)) if self.log.lay(from, &mut spool.reader())? => spool.remove()?,
                Some(Part::Spool | Part::At(..)) => drop(self.parts.insert(at, spool)),
                // Nothing is done in an attempt before it is recorded: somebody cut the journal short.
                Some(Part::From(_)) | None => {
                    self.banner(format!("what is left of attempt {at}, which the journal does not know"))?;
                    let from = self.log.end_line()?;
                    self.log.lay(from, &mut spool.reader())?;
                    spool.remove()?;
                }
            }
        }
        Ok(())
    }

    /// Returns the names of the run's files.
    pub fn files(&self) -> &Files {
        &self.files
    }

    /// Returns the run as it is with all that was recorded or deferred.
    pub fn state(&self) -> &RunState {
        &self.state
    }

    /// Returns the bytes of a half-written last line that were cut off when it was opened.
    pub fn torn(&self) -> u64 {
        self.torn
    }

    /// Returns what is masked in all that is recorded.
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// Asks this before anything of it is written from here on.
    pub fn guard(&mut self, guard: Guard) {
        self.journal.guard(guard);
    }

    /// Keeps a second copy of the journal where `git clean` does not reach.
    pub fn mirror(&mut self, path: &Path) -> io::Result<()> {
        self.journal.mirror(path)
    }

    /// Masks a text for an event: a path, a command, a reason. Not by what steps asked to be masked, who could take the
    /// names of files out of a reviewer's sight.
    pub fn text(&self, text: impl AsRef<str>) -> Text {
        Text::new(&self.declared, text.as_ref())
    }

    /// Masks such a text that is shown as one line.
    pub fn line(&self, text: impl AsRef<str>) -> Text {
        Text::line(&self.declared, text.as_ref())
    }

    /// Masks what a step printed, or its agent said, also by what steps asked to be masked.
    pub fn said(&self, text: impl AsRef<str>) -> Text {
        Text::new(&self.secrets, text.as_ref())
    }

    /// Masks what is composed of masked texts, and leaves the code fences around them as they are.
    pub fn composed(&self, text: &str) -> String {
        mask::composed(&self.declared, text)
    }

    /// Masks a document for an event.
    pub fn document(&self, value: serde_json::Value) -> Document {
        Document::new(&self.declared, value)
    }

    /// Writes one event; when this returns it is durable, and so is all that was deferred before it. What could not
    /// be written is written before any later event, or none of them is.
    pub fn record(&mut self, event: Event) -> io::Result<()> {
        self.defer(event);
        self.write_deferred()
    }

    /// Takes an event that is written with the next one: between the two nothing outside the journal changes,
    /// and one wait for the disk serves both.
    pub fn defer(&mut self, event: Event) {
        let stamped = Stamped::now(event);
        self.state.apply(&stamped);
        self.deferred.push(stamped);
    }

    /// Writes what was deferred, if anything was.
    pub fn write_deferred(&mut self) -> io::Result<()> {
        if self.deferred.is_empty() {
            return Ok(());
        }
        self.keep_in_place()?;
        let lines = self.journal.append(&mut self.deferred)?;
        let last = self.journal.head().map(|head| head.hash);
        let hashes = lines.iter().skip(1).map(|next| &next.prev).chain(&last);
        for (line, hash) in lines.iter().zip(hashes) {
            self.state.written(line, hash);
            self.watch.event(line, &self.state);
        }
        for (from, part) in std::mem::take(&mut self.to_lay) {
            if self.log.lay(from, &mut part.reader())? {
                part.remove()?;
            }
        }
        Ok(())
    }

    /// Puts log and journal back where something (`git clean -fdx` is a habit) took them away in mid-run. They
    /// are open, so nothing of them is lost; the log says so.
    pub fn keep_in_place(&mut self) -> io::Result<()> {
        if !self.files.folders_are_there() {
            self.files.make_folders()?;
        }
        if self.journal.keep_in_place()? | self.log.keep_in_place()? {
            self.log.banner(
                &self.secrets,
                "the evidence had been removed or replaced while the run ran; it was put back",
            )?;
        }
        Ok(())
    }

    /// Writes a line of the runner's own into the log, between the parts of attempts.
    pub fn banner(&mut self, line: impl AsRef<str>) -> io::Result<()> {
        // What is laid has its place already.
        if !self.to_lay.is_empty() {
            self.write_deferred()?;
        }
        self.log.banner(&self.secrets, line.as_ref())
    }

    /// Begins the output of an attempt, with a line of the runner's own.
    pub fn begin_part(&mut self, at: &AttemptId, line: &str) -> io::Result<()> {
        let mut part = Spool::create(&spool::path_of(&self.files.log(), at))?;
        part.banner(&self.secrets, line)?;
        self.parts.insert(at.clone(), part);
        Ok(())
    }

    /// Returns the output of an attempt that is under way.
    pub fn part(&self, at: &AttemptId) -> io::Result<&Spool> {
        self.parts.get(at).ok_or_else(|| no_part(at))
    }

    fn part_mut(&mut self, at: &AttemptId) -> io::Result<&mut Spool> {
        self.parts.get_mut(at).ok_or_else(|| no_part(at))
    }

    /// Writes a line of the runner's own into the output of an attempt.
    pub fn banner_of(&mut self, at: &AttemptId, line: &str) -> io::Result<()> {
        let secrets = self.secrets.clone();
        self.part_mut(at)?.banner(&secrets, line)
    }

    /// Tells that a run of a proof begins, in the log and to who watches.
    pub fn proving(&mut self, proving: &Proving<'_>) -> io::Result<()> {
        let Proving { at, nth, of, what } = proving;
        self.banner_of(at, &format!("step {}, proof, run {nth} of {of}: {what}", at.step))?;
        self.watch.proving(proving);
        Ok(())
    }

    /// Starts the way of a command's output into the log.
    pub fn stream(&self) -> Stream {
        Stream::new(&self.secrets)
    }

    /// Writes what passed a [`Stream`] into the output of an attempt.
    pub fn output(&mut self, at: &AttemptId, masked: &[u8]) -> io::Result<()> {
        let framed = self.part_mut(at)?.output(masked)?;
        self.watch.output(&framed);
        Ok(())
    }

    /// Takes the end of a command's output.
    pub fn end_output(&mut self, at: &AttemptId) -> io::Result<()> {
        let framed = self.part_mut(at)?.end_output()?;
        self.watch.output(&framed);
        Ok(())
    }

    /// Ends the output of an attempt: its place in the log is recorded with the next event, and then it is laid there.
    /// Nothing if it has none: of version 1, it is in the log.
    pub fn append_part(&mut self, at: &AttemptId) -> io::Result<()> {
        let Some(mut part) = self.parts.remove(at) else { return Ok(()) };
        part.end_line()?;
        let behind = self.to_lay.last().map(|(from, last)| from + last.size());
        let from = match behind {
            Some(behind) => behind,
            None => self.log.end_line()?,
        };
        let to = from + part.size();
        self.to_lay.push((from, part));
        self.defer(Event::LogAppended { at: at.clone(), from, to });
        Ok(())
    }

    /// Ends all output that a dead runner left.
    pub fn append_left_parts(&mut self) -> io::Result<()> {
        let left: Vec<AttemptId> = self.parts.keys().cloned().collect();
        left.iter().try_for_each(|at| self.append_part(at))
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
            None => disk::remove_if_there(&self.files.failed())?,
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

/// Reads and folds a journal; nothing if nothing is in it.
fn fold(files: &Files) -> io::Result<Option<RunState>> {
    let fold = Fold::of(&files.journal())?;
    if fold.is_empty() {
        return Ok(None);
    }
    let wrong = || {
        let what = format!("{}:1: not the start of a run", files.journal().display());
        io::Error::new(io::ErrorKind::InvalidData, what)
    };
    fold.state().map(Some).ok_or_else(wrong)
}

fn no_part(at: &AttemptId) -> io::Error {
    io::Error::other(format!("attempt {at} has no output that is being written"))
}
