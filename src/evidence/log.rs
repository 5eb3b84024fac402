//! The log: the masked output of every attempt, each in one piece, with lines of the runner's own between.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::disk::{keep_in_place, named};
use super::mask::{Masker, Secrets};

/// Longest line that is looked at as one when the log is searched; longer ones are taken in pieces.
const LONGEST_LINE: u64 = 1 << 20;

/// What a line of the runner's own begins with.
const BANNER: &str = "── ";

/// Writes a line of the runner's own: one line, whatever it quotes.
pub(super) fn banner_line(secrets: &Secrets, line: &str) -> String {
    let text = super::mask::text(secrets, line).replace(char::is_control, " ");
    format!("{BANNER}{text}\n")
}

/// A log that is being written.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
    file: File,
    position: u64,
    at_line_start: bool,
}

impl Log {
    /// Opens the log of a run; one that is there (of a run that is taken up again) is appended to.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).read(true).mode(0o644).open(path);
        let file = file.map_err(|e| named(e, path))?;
        let position = file.metadata()?.len();
        let mut last = [b'\n'];
        if let Some(at) = position.checked_sub(1) {
            file.read_exact_at(&mut last, at).map_err(|e| named(e, path))?;
        }
        Ok(Self { path: path.to_owned(), file, position, at_line_start: last == [b'\n'] })
    }

    /// Returns the bytes written so far.
    #[cfg(test)]
    fn position(&self) -> u64 {
        self.position
    }

    /// Writes a line of the runner's own, on a line by itself.
    pub(super) fn banner(&mut self, secrets: &Secrets, line: &str) -> io::Result<()> {
        let newline = if self.at_line_start { "" } else { "\n" };
        let text = newline.to_owned() + &banner_line(secrets, line);
        self.file.write_all(text.as_bytes()).map_err(|e| named(e, &self.path))?;
        self.position += text.len() as u64;
        self.at_line_start = true;
        Ok(())
    }

    /// Ends the last line, if a version that is gone left it open; returns the bytes written so far.
    pub(super) fn end_line(&mut self) -> io::Result<u64> {
        if !self.at_line_start {
            self.file.write_all(b"\n").map_err(|e| named(e, &self.path))?;
            (self.position, self.at_line_start) = (self.position + 1, true);
        }
        Ok(self.position)
    }

    /// Lays a part at a byte, where it may lie already: its whole, or its beginning. Whether it could be: not behind
    /// the end of a log that was begun anew.
    pub(super) fn lay(&mut self, from: u64, part: &mut impl Read) -> io::Result<bool> {
        if from > self.position {
            return Ok(false);
        }
        // What is opened to be appended to cannot be written to elsewhere.
        let file = OpenOptions::new().write(true).open(&self.path).map_err(|e| named(e, &self.path))?;
        let (mut at, mut last, mut buffer) = (from, None, vec![0; 256 * 1024]);
        loop {
            let n = part.read(&mut buffer)?;
            if n == 0 {
                break;
            }
            file.write_all_at(&buffer[..n], at).map_err(|e| named(e, &self.path))?;
            at += n as u64;
            last = buffer.get(n - 1).copied();
        }
        if at > self.position {
            (self.position, self.at_line_start) = (at, last == Some(b'\n'));
        }
        Ok(true)
    }

    /// Puts the file back under its name if something took it away; whether that was so.
    pub(super) fn keep_in_place(&mut self) -> io::Result<bool> {
        keep_in_place(&self.path, &mut self.file)
    }

    /// Makes everything durable.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_all().map_err(|e| named(e, &self.path))
    }
}

/// Reads so many bytes line by line, in flat memory.
fn lines(part: impl Read, most: u64, mut each: impl FnMut(&[u8])) -> io::Result<()> {
    let mut reader = BufReader::with_capacity(256 * 1024, part.take(most));
    let mut line = Vec::new();
    loop {
        line.clear();
        if reader.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let text = line.strip_suffix(b"\n").unwrap_or(&line);
        each(text.strip_suffix(b"\r").unwrap_or(text));
    }
}

/// Returns what a line shows last: a progress bar draws itself over and over, each time behind a carriage return, and what
/// counts is what stands there in the end. The line itself if nothing in it is drawn over.
pub fn last_drawn(line: &[u8]) -> &[u8] {
    let shows = |drawn: &&[u8]| {
        let text = String::from_utf8_lossy(drawn);
        !console::strip_ansi_codes(&text).trim().is_empty()
    };
    line.rsplit(|&byte| byte == b'\r').find(shows).unwrap_or(line)
}

/// Reads the last lines of a part of a log, each as it was drawn last: at most `count`, of at most 64 KiB; returns them
/// with the number of all its lines.
pub fn tail(path: &Path, from: u64, to: u64, count: usize) -> io::Result<(Vec<String>, u64)> {
    let mut file = File::open(path).map_err(|e| named(e, path))?;
    file.seek(SeekFrom::Start(from))?;
    tail_of(file, to.saturating_sub(from), count)
}

/// The same of so many bytes that can be read.
pub(super) fn tail_of(part: impl Read, most: u64, count: usize) -> io::Result<(Vec<String>, u64)> {
    let mut kept = std::collections::VecDeque::with_capacity(count);
    let mut total = 0;
    lines(part, most, |line| {
        total += 1;
        if kept.len() == count {
            kept.pop_front();
        }
        let line = last_drawn(line);
        let end = line.len().min(4096);
        kept.push_back(String::from_utf8_lossy(&line[..end]).into_owned());
    })?;
    Ok((kept.into(), total))
}

/// The way of one command's output into the log.
#[derive(Debug)]
pub struct Stream {
    masker: Masker,
    masked: Vec<u8>,
}

impl Stream {
    /// Starts a stream.
    pub fn new(secrets: &Secrets) -> Self {
        Self { masker: Masker::new(secrets), masked: Vec::new() }
    }

    /// Takes output and returns what of it can be written now.
    pub fn push(&mut self, chunk: &[u8]) -> &[u8] {
        self.masked.clear();
        self.masker.push(chunk, &mut self.masked);
        &self.masked
    }

    /// Returns what a prompt without newline holds back, after a second of silence.
    pub fn idle(&mut self) -> &[u8] {
        self.masked.clear();
        self.masker.idle(&mut self.masked);
        &self.masked
    }

    /// Returns the rest.
    pub fn finish(&mut self) -> &[u8] {
        self.masked.clear();
        self.masker.finish(&mut self.masked);
        &self.masked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_line_that_is_drawn_over_the_last_words_count() {
        let drawn = |line: &'static str| last_drawn(line.as_bytes());
        assert_eq!(drawn("10%\r90%\rerror: disk full"), b"error: disk full");
        assert_eq!(drawn("10%\r90%\r"), b"90%");
        assert_eq!(drawn("error: gone\r\x1b[2K\r   \r"), b"error: gone");
        assert_eq!(drawn("plain"), b"plain");
        assert_eq!(drawn("\r \r"), b"\r \r", "nothing is shown at all");
        assert_eq!(drawn(""), b"");
    }

    #[test]
    fn a_banner_has_a_line_of_its_own_and_parts_can_be_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let secrets = Secrets::default();
        let mut log = Log::open(&path).unwrap();
        log.banner(&secrets, "step a").unwrap();
        let from = log.position();
        let part = b"one\r\ntwo\nlast\n";
        assert!(log.lay(from, &mut &part[..4]).unwrap(), "of which a runner that died laid the beginning");
        assert!(log.lay(from, &mut &part[..]).unwrap());
        let to = log.position();
        log.banner(&secrets, "step b").unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, "── step a\none\r\ntwo\nlast\n── step b\n");
        assert_eq!(tail(&path, from, to, 2).unwrap(), (vec!["two".into(), "last".into()], 3));
        assert!(!log.lay(log.position() + 1, &mut &part[..]).unwrap(), "behind the end");
    }
}
