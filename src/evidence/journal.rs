//! The journal: JSON Lines, each line holding the hash of the one before, durable before anything follows.

use std::fs::File;

use crate::time::stamp;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use super::disk::{keep_in_place, named, open_plain, sync_folder_of};
use super::event::Event;
use super::id::Sha256;
use super::line::{self, Line, Unread, VERSION, parse};

/// An event, and when it happened.
#[derive(Debug, Clone)]
pub struct Stamped {
    /// UTC.
    pub time: DateTime<Utc>,
    /// What happened.
    pub event: Event,
}

impl Stamped {
    /// Stamps an event that happens now, in the milliseconds that a line has room for.
    pub fn now(event: Event) -> Self {
        let now = Utc::now();
        Self { time: DateTime::from_timestamp_millis(now.timestamp_millis()).unwrap_or(now), event }
    }
}

/// A journal that is being written.
pub struct Journal {
    path: PathBuf,
    file: File,
    mirror: Option<File>,
    seq: u64,
    prev: Sha256,
    length: u64,
    /// A half line may stand behind the last whole one.
    torn: bool,
    guard: Option<Guard>,
}

/// Fails where somebody else may write a journal by now, whom no lock keeps from it.
pub type Guard = Box<dyn Fn() -> io::Result<()> + Send>;

impl std::fmt::Debug for Journal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Journal").field("path", &self.path).field("seq", &self.seq).finish_non_exhaustive()
    }
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
            prev: Sha256::none(),
            length: 0,
            torn: false,
            guard: None,
        })
    }

    /// Opens a journal to be written by nobody else.
    pub(super) fn open(path: &Path) -> io::Result<(PathBuf, File)> {
        let file = File::options().append(true).read(true).open(path).map_err(|e| named(e, path))?;
        lock(path, &file)?;
        Ok((path.to_owned(), file))
    }

    /// Goes on with an open journal from where it was read to; a half-written last line is cut off.
    pub(super) fn go_on((path, file): (PathBuf, File), end: ReadTo) -> io::Result<Self> {
        let ReadTo { seq, last: prev, length, .. } = end;
        file.set_len(length).map_err(|e| named(e, &path))?;
        Ok(Self { path, file, mirror: None, seq, prev, length, torn: false, guard: None })
    }

    /// Asks this before anything is written from here on.
    pub fn guard(&mut self, guard: Guard) {
        self.guard = Some(guard);
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

    /// Appends events as one write and makes them durable; returns their lines. What could not be written stays.
    pub fn append(&mut self, events: &mut Vec<Stamped>) -> io::Result<Vec<Line>> {
        let mut bytes = Vec::with_capacity(512 * events.len());
        let mut lines = Vec::with_capacity(events.len());
        let (mut seq, mut prev) = (self.seq, self.prev.clone());
        let mut times = Vec::with_capacity(events.len());
        let mut composed = Ok(());
        // Taken, not copied: an event can tell of a hundred thousand files.
        for Stamped { time, event } in std::mem::take(events) {
            times.push(time);
            let line = Line { v: VERSION, seq, ts: stamp(time), prev, event };
            let start = bytes.len();
            composed = composed.and(serde_json::to_writer(&mut bytes, &line).map_err(io::Error::from));
            prev = Sha256::of(&bytes[start..]);
            bytes.push(b'\n');
            seq += 1;
            lines.push(line);
        }
        if let Err(error) = composed.and_then(|()| self.write(&bytes)) {
            let back = |(time, line): (DateTime<Utc>, Line)| Stamped { time, event: line.event };
            events.extend(times.into_iter().zip(lines).map(back));
            return Err(error);
        }
        for Line { seq, event, .. } in &lines {
            tracing::debug!(seq, event = event.kind(), "an event is durable");
        }
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
        self.guard.as_ref().map_or(Ok(()), |guard| guard())?;
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
    pub hash: Sha256,
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
    /// Where they end.
    pub end: ReadTo,
}

/// Up to where a journal was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadTo {
    /// The number of the next line.
    pub seq: u64,
    /// Hash of the last whole line.
    pub last: Sha256,
    /// Bytes up to and with it.
    pub length: u64,
    /// Bytes after it: a line that was being written when the runner died.
    pub torn: u64,
}

/// Reads a journal and checks its chain; the error names the line, and is of the kind `Unsupported` if that is of a
/// newer program.
pub fn read(path: &Path) -> io::Result<Contents> {
    let mut lines = Vec::new();
    let end = each(path, |line, _| lines.push(line))?;
    Ok(Contents { lines, end })
}

/// The same, line by line: each is handed over with its hash, and none is kept.
pub fn each(path: &Path, mut take: impl FnMut(Line, &Sha256)) -> io::Result<ReadTo> {
    tracing::debug!(path = %path.display(), "reading a journal");
    let file = open_plain(path)?;
    let mut reader = BufReader::with_capacity(256 << 10, file);
    let mut end = ReadTo { seq: 0, last: Sha256::none(), length: 0, torn: 0 };
    let (mut text, mut version) = (Vec::new(), line::OLDEST);
    loop {
        text.clear();
        reader.by_ref().take(line::LONGEST).read_until(b'\n', &mut text).map_err(|e| named(e, path))?;
        let wrong = |unread: Unread| {
            io::Error::new(unread.kind(), format!("{}:{}: {unread}", path.display(), end.seq + 1))
        };
        let length = text.len() as u64;
        let Some(whole) = text.strip_suffix(b"\n") else {
            if length == line::LONGEST {
                return Err(wrong(Unread::Malformed(format!("more than {length} bytes without an end"))));
            }
            return Ok(ReadTo { torn: length, ..end });
        };
        let line = parse(whole).map_err(wrong)?;
        if (line.seq, &line.prev) != (end.seq, &end.last) || line.v < version {
            return Err(wrong(Unread::Malformed("does not follow the line before it".to_owned())));
        }
        version = line.v;
        let (seq, last, length) = (end.seq + 1, Sha256::of(whole), end.length + length);
        take(line, &last);
        end = ReadTo { seq, last, length, torn: 0 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::AttemptId;
    use crate::evidence::id::StepId;

    fn event(step: &str) -> Stamped {
        Stamped::now(Event::ResetStarted { at: AttemptId { step: StepId::new(step), attempt: 1 } })
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
        journal.append(&mut vec![event("a"), event("b")]).unwrap();
        journal.append(&mut vec![event("c")]).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let rows: Vec<&str> = text.lines().collect();
        let read = read(&path).unwrap();
        assert_eq!(read.lines.len(), 3);
        assert_eq!(read.lines[0].prev, Sha256::none());
        assert_eq!(read.lines[2].prev, Sha256::of(rows[1].as_bytes()));
        assert_eq!(
            journal.head().unwrap().to_string(),
            format!("2:{}", Sha256::of(rows[2].as_bytes()).as_str())
        );
        assert_eq!(journal.length(), text.len() as u64);
    }

    #[test]
    fn a_changed_line_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let (path, mut journal) = journal(folder.path());
        journal.append(&mut vec![event("a"), event("b")]).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replacen("\"a\"", "\"x\"", 1)).unwrap();
        let error = read(&path).unwrap_err().to_string();
        assert!(error.contains("status.log:2: does not follow"), "{error}");
    }

    #[test]
    fn a_torn_last_line_is_cut_off_and_the_chain_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let (path, mut journal) = journal(folder.path());
        journal.append(&mut vec![event("a")]).unwrap();
        let mut text = std::fs::read(&path).unwrap();
        text.extend_from_slice(b"{\"v\":1,\"se");
        std::fs::write(&path, text).unwrap();
        drop(journal);
        let contents = read(&path).unwrap();
        assert_eq!((contents.lines.len(), contents.end.torn), (1, 10));
        let mut journal = Journal::go_on(Journal::open(&path).unwrap(), contents.end).unwrap();
        journal.append(&mut vec![event("b")]).unwrap();
        assert_eq!(read(&path).unwrap().lines.len(), 2);
    }

    #[test]
    fn a_journal_has_one_writer() {
        let folder = tempfile::tempdir().unwrap();
        let (path, mut journal) = journal(folder.path());
        journal.append(&mut vec![event("a")]).unwrap();
        assert_eq!(Journal::open(&path).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        drop(journal);
        assert!(Journal::open(&path).is_ok());
    }

    #[test]
    fn what_was_removed_or_replaced_is_put_back_and_still_has_one_writer() {
        let folder = tempfile::tempdir().unwrap();
        let (path, mut journal) = journal(folder.path());
        journal.append(&mut vec![event("a")]).unwrap();
        assert!(!journal.keep_in_place().unwrap(), "nothing happened");
        let other = folder.path().join("other");
        let removals: [&dyn Fn(); 3] =
            [&|| std::fs::remove_file(&path).unwrap(), &|| std::fs::rename(&path, &other).unwrap(), &|| {
                std::fs::write(&other, "somebody else's\n").unwrap();
                std::fs::rename(&other, &path).unwrap();
            }];
        for (nth, remove) in (0..).zip(removals) {
            remove();
            assert!(journal.keep_in_place().unwrap(), "{nth}");
            assert!(!journal.keep_in_place().unwrap(), "{nth}: it is there");
            assert_eq!(Journal::open(&path).unwrap_err().kind(), io::ErrorKind::WouldBlock, "{nth}");
            journal.append(&mut vec![event("b")]).unwrap();
            let contents = read(&path).unwrap();
            assert_eq!((contents.lines.len(), contents.end.torn), (2 + nth, 0), "{nth}");
            assert_eq!(journal.length(), contents.end.length, "{nth}");
        }
    }

    #[test]
    fn what_is_newer_is_said_to_be_and_is_no_tampering() {
        let line = |v: u32, event: &str| {
            format!(
                r#"{{"v":{v},"seq":0,"ts":"2026-10-03T10:15:00.123Z","prev":"{}","event":{event}}}"#,
                "0".repeat(64)
            )
        };
        let told = |text: String| {
            parse(text.as_bytes()).map(drop).map_err(|unread| (unread.kind(), unread.to_string()))
        };
        let newer =
            |what: &str| Err((io::ErrorKind::Unsupported, format!("{what}, newer than this program")));
        let done = r#"{"type":"reset.done","step":"a","attempt":1}"#;
        assert_eq!(told(line(2, done)), Ok(()));
        assert_eq!(told(line(1, done)), Ok(()));
        assert_eq!(told(line(3, done)), newer("version 3"));
        assert_eq!(told(line(3, r#"{"type":"lane.waiting","of":7}"#)), newer("version 3"));
        assert_eq!(told(line(2, r#"{"type":"lane.waiting","of":7}"#)), newer("an event `lane.waiting`"));
        for (v, event) in [
            (0, done),
            (1, r#"{"type":"lane.waiting","of":7}"#),
            (2, r#"{"type":"reset.done","step":"a"}"#),
            (1, r#"{"type":"log.appended","step":"a","attempt":1,"from":0,"to":1}"#),
            (2, r#"{"type":"attempt.started","step":"a","attempt":1,"log":0}"#),
        ] {
            assert_eq!(told(line(v, event)).unwrap_err().0, io::ErrorKind::InvalidData, "{event}");
        }
    }

    #[test]
    fn the_mirror_is_the_same_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let (path, mut journal) = journal(folder.path());
        journal.append(&mut vec![event("a")]).unwrap();
        journal.mirror(&folder.path().join("mirror")).unwrap();
        journal.append(&mut vec![event("b")]).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), std::fs::read(folder.path().join("mirror")).unwrap());
    }
}
