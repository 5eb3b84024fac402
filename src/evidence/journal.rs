//! The journal: JSON Lines, each line holding the hash of the one before, durable before anything follows.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::event::Event;
use super::files::{keep_in_place, named, sync_folder_of};

/// Version of the journal's lines.
pub const VERSION: u32 = 1;

/// SHA-256 in lower-case hex.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sha(String);

impl Sha {
    /// Hashes bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(hex::encode(Sha256::digest(bytes)))
    }

    /// What the first line has for a predecessor: 64 zeros.
    pub fn none() -> Self {
        Self("0".repeat(64))
    }

    /// Hashes a file without reading it into memory.
    pub fn of_file(file: &mut impl Read) -> io::Result<(Self, u64)> {
        let mut hasher = Sha256::new();
        let mut buffer = vec![0; 256 * 1024];
        let mut size = 0;
        loop {
            let n = file.read(&mut buffer)?;
            if n == 0 {
                return Ok((Self(hex::encode(hasher.finalize())), size));
            }
            hasher.update(&buffer[..n]);
            size += n as u64;
        }
    }

    /// Returns the 64 hex digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One line of a journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// [`VERSION`] of the autopilot that wrote it.
    pub v: u32,
    /// 0 for the first line.
    pub seq: u64,
    /// When it was written, UTC.
    pub ts: String,
    /// SHA-256 of the previous line's bytes, its newline not included.
    pub prev: Sha,
    /// What happened.
    pub event: Event,
}

impl Line {
    /// Returns when it was written.
    pub fn time(&self) -> Option<DateTime<Utc>> {
        DateTime::parse_from_rfc3339(&self.ts).ok().map(|time| time.to_utc())
    }
}

/// A journal that is being written.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    mirror: Option<File>,
    seq: u64,
    prev: Sha,
    length: u64,
    /// A half line may stand behind the last whole one.
    torn: bool,
}

impl Journal {
    /// Takes a new, empty journal file; its name is made durable.
    pub fn new(path: &Path, file: File) -> io::Result<Self> {
        lock(path, &file)?;
        sync_folder_of(path)?;
        Ok(Self {
            path: path.to_owned(),
            file,
            mirror: None,
            seq: 0,
            prev: Sha::none(),
            length: 0,
            torn: false,
        })
    }

    /// Opens a journal to go on with it; a half-written last line is cut off and its bytes are counted.
    pub fn reopen(path: &Path) -> io::Result<(Self, Vec<Line>, u64)> {
        let file = File::options().append(true).read(true).open(path).map_err(|e| named(e, path))?;
        lock(path, &file)?;
        let Contents { lines, torn, last } = read(path)?;
        let length = file.metadata()?.len() - torn;
        file.set_len(length).map_err(|e| named(e, path))?;
        let seq = lines.last().map_or(0, |line| line.seq + 1);
        let journal =
            Self { path: path.to_owned(), file, mirror: None, seq, prev: last, length, torn: false };
        Ok((journal, lines, torn))
    }

    /// Keeps a second copy from here on, with all that was written so far.
    pub fn mirror(&mut self, path: &Path) -> io::Result<()> {
        let mut copy = File::create(path).map_err(|e| named(e, path))?;
        self.file.seek(SeekFrom::Start(0))?;
        io::copy(&mut self.file, &mut copy).map_err(|e| named(e, path))?;
        self.mirror = Some(copy);
        Ok(())
    }

    /// Puts the file back under its name if something took it away; whether that was so.
    pub(super) fn keep_in_place(&mut self) -> io::Result<bool> {
        let put_back = keep_in_place(&self.path, &mut self.file)?;
        if put_back {
            lock(&self.path, &self.file)?;
        }
        Ok(put_back)
    }

    /// Stops keeping the copy.
    pub fn unmirror(&mut self) {
        self.mirror = None;
    }

    /// Appends events as one write and makes them durable.
    pub fn append(&mut self, events: &[Event]) -> io::Result<Vec<Line>> {
        let mut bytes = Vec::with_capacity(512 * events.len());
        let mut lines = Vec::with_capacity(events.len());
        let (mut seq, mut prev) = (self.seq, self.prev.clone());
        for event in events {
            let ts = Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true);
            let line = Line { v: VERSION, seq, ts, prev, event: event.clone() };
            let start = bytes.len();
            serde_json::to_writer(&mut bytes, &line)?;
            prev = Sha::of(&bytes[start..]);
            bytes.push(b'\n');
            seq += 1;
            lines.push(line);
        }
        self.write(&bytes)?;
        (self.seq, self.prev) = (seq, prev);
        self.length += bytes.len() as u64;
        Ok(lines)
    }

    /// Returns sequence number and hash of the last line.
    pub fn head(&self) -> Option<Head> {
        Some(Head { seq: self.seq.checked_sub(1)?, hash: self.prev.clone() })
    }

    /// Returns the bytes written so far.
    pub fn length(&self) -> u64 {
        self.length
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let cut = |file: &File| file.set_len(self.length);
        let whole = if self.torn { cut(&self.file) } else { Ok(()) };
        let written = whole.and_then(|()| self.file.write_all(bytes)).and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            // A half line would break the chain for whoever goes on with this journal.
            self.torn = cut(&self.file).is_err();
            return Err(named(error, &self.path));
        }
        self.torn = false;
        // The copy guards against `git clean`, not against power loss: it is not synced. That it cannot be
        // kept (a full state directory) does not end a run whose journal is written.
        if self.mirror.as_mut().is_some_and(|mirror| mirror.write_all(bytes).is_err()) {
            self.mirror = None;
        }
        Ok(())
    }
}

/// Demands to be the only one that writes a journal, whatever state directory it was started with; the error is
/// of the kind `WouldBlock`. Where the filesystem knows no locks, the issue's own lock has to do.
fn lock(path: &Path, file: &File) -> io::Result<()> {
    match rustix::fs::flock(file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
        Err(rustix::io::Errno::WOULDBLOCK) => {
            let what = format!("its run is running: another autopilot is writing {}", path.display());
            Err(io::Error::new(io::ErrorKind::WouldBlock, what))
        }
        _ => Ok(()),
    }
}

/// The last line of a run's evidence: whoever knows it can tell whether anything before it was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Its sequence number.
    pub seq: u64,
    /// The hash of its bytes.
    pub hash: Sha,
}

impl std::fmt::Display for Head {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.seq, self.hash.as_str())
    }
}

/// What [`read`] found.
#[derive(Debug, Clone)]
pub struct Contents {
    /// The lines, in order.
    pub lines: Vec<Line>,
    /// Bytes after the last newline: a line that was being written when the runner died.
    pub torn: u64,
    /// Hash of the last whole line.
    pub last: Sha,
}

/// Reads a journal and checks its chain; the error names the line.
pub fn read(path: &Path) -> io::Result<Contents> {
    let mut bytes = Vec::new();
    File::open(path).and_then(|mut file| file.read_to_end(&mut bytes)).map_err(|e| named(e, path))?;
    let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
    let mut lines = Vec::new();
    let mut prev = Sha::none();
    for (seq, text) in (0u64..).zip(bytes[..whole].split_inclusive(|&byte| byte == b'\n')) {
        let text = &text[..text.len() - 1];
        let broken = |what: String| {
            io::Error::new(io::ErrorKind::InvalidData, format!("{}:{}: {what}", path.display(), seq + 1))
        };
        let line: Line = serde_json::from_slice(text).map_err(|error| broken(error.to_string()))?;
        if (line.seq, &line.prev) != (seq, &prev) {
            return Err(broken("does not follow the line before it".to_owned()));
        }
        prev = Sha::of(text);
        lines.push(line);
    }
    Ok(Contents { lines, torn: (bytes.len() - whole) as u64, last: prev })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::text::Token;

    fn event(step: &str) -> Event {
        Event::ResetStarted { step: Token::new(step), attempt: 1 }
    }

    fn journal(folder: &Path) -> (PathBuf, Journal) {
        let path = folder.join("status.log");
        let file = File::options().append(true).read(true).create_new(true).open(&path).unwrap();
        let journal = Journal::new(&path, file).unwrap();
        (path, journal)
    }

    #[test]
    fn each_line_holds_the_hash_of_the_one_before() {
        let folder = tempfile::tempdir().unwrap();
        let (path, mut journal) = journal(folder.path());
        journal.append(&[event("a"), event("b")]).unwrap();
        journal.append(&[event("c")]).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let rows: Vec<&str> = text.lines().collect();
        let read = read(&path).unwrap();
        assert_eq!(read.lines.len(), 3);
        assert_eq!(read.lines[0].prev, Sha::none());
        assert_eq!(read.lines[2].prev, Sha::of(rows[1].as_bytes()));
        assert_eq!(
            journal.head().unwrap().to_string(),
            format!("2:{}", Sha::of(rows[2].as_bytes()).as_str())
        );
        assert_eq!(journal.length(), text.len() as u64);
    }

    #[test]
    fn a_changed_line_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let (path, mut journal) = journal(folder.path());
        journal.append(&[event("a"), event("b")]).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replacen("\"a\"", "\"x\"", 1)).unwrap();
        let error = read(&path).unwrap_err().to_string();
        assert!(error.contains("status.log:2: does not follow"), "{error}");
    }

    #[test]
    fn a_torn_last_line_is_cut_off_and_the_chain_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let (path, mut journal) = journal(folder.path());
        journal.append(&[event("a")]).unwrap();
        let mut text = std::fs::read(&path).unwrap();
        text.extend_from_slice(b"{\"v\":1,\"se");
        std::fs::write(&path, text).unwrap();
        drop(journal);
        let (mut journal, lines, torn) = Journal::reopen(&path).unwrap();
        assert_eq!((lines.len(), torn), (1, 10));
        journal.append(&[event("b")]).unwrap();
        assert_eq!(read(&path).unwrap().lines.len(), 2);
    }

    #[test]
    fn a_journal_has_one_writer() {
        let folder = tempfile::tempdir().unwrap();
        let (path, mut journal) = journal(folder.path());
        journal.append(&[event("a")]).unwrap();
        assert_eq!(Journal::reopen(&path).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        drop(journal);
        assert!(Journal::reopen(&path).is_ok());
    }

    #[test]
    fn the_mirror_is_the_same_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let (path, mut journal) = journal(folder.path());
        journal.append(&[event("a")]).unwrap();
        journal.mirror(&folder.path().join("mirror")).unwrap();
        journal.append(&[event("b")]).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), std::fs::read(folder.path().join("mirror")).unwrap());
    }
}
