//! The log: the masked output of every step, as it comes, with banners between.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::files::{keep_in_place, named};
use super::mask::{Masker, Secrets};

/// Longest line that is looked at as one when the log is searched; longer ones are taken in pieces.
const LONGEST_LINE: u64 = 1 << 20;

/// A log that is being written. Bytes reach the file as they come; nothing is held but what the masker holds.
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
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Writes a line of the runner's own, on a line by itself.
    pub fn banner(&mut self, secrets: &Secrets, line: &str) -> io::Result<()> {
        let newline = if self.at_line_start { "" } else { "\n" };
        let text = super::mask::text(secrets, line);
        self.write(format!("{newline}── {text}\n").as_bytes())
    }

    /// Appends masked bytes.
    pub(super) fn write(&mut self, masked: &[u8]) -> io::Result<()> {
        let Some(last) = masked.last() else { return Ok(()) };
        self.file.write_all(masked).map_err(|e| named(e, &self.path))?;
        self.position += masked.len() as u64;
        self.at_line_start = *last == b'\n';
        Ok(())
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

/// Reads a part of a log line by line, in flat memory.
pub fn lines(path: &Path, from: u64, to: u64, mut each: impl FnMut(&[u8])) -> io::Result<()> {
    let mut file = File::open(path).map_err(|e| named(e, path))?;
    file.seek(SeekFrom::Start(from))?;
    let mut reader = BufReader::with_capacity(256 * 1024, file.take(to.saturating_sub(from)));
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

/// Reads the last lines of a part of a log: at most `count`, of at most 64 KiB; returns them with the number
/// of all its lines.
pub fn tail(path: &Path, from: u64, to: u64, count: usize) -> io::Result<(Vec<String>, u64)> {
    let mut kept = std::collections::VecDeque::with_capacity(count);
    let mut total = 0;
    lines(path, from, to, |line| {
        total += 1;
        if kept.len() == count {
            kept.pop_front();
        }
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
    fn a_banner_has_a_line_of_its_own_and_parts_can_be_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let secrets = Secrets::default();
        let mut log = Log::open(&path).unwrap();
        log.banner(&secrets, "step a").unwrap();
        let from = log.position();
        log.write(b"one\r\ntwo\nno newline").unwrap();
        let to = log.position();
        log.banner(&secrets, "step b").unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, "── step a\none\r\ntwo\nno newline\n── step b\n");
        assert_eq!(tail(&path, from, to, 2).unwrap(), (vec!["two".into(), "no newline".into()], 3));
    }
}
