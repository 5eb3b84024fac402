//! The output of one attempt while it is made: a file of its own beside the log, which then takes it in one piece, so
//! that the log of attempts side by side is whole. It outlives a runner that dies.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::disk::named;
use super::frame::Frame;
use super::id::AttemptId;
use super::log;
use super::mask::Secrets;

/// A part of the log that is being written.
#[derive(Debug)]
pub struct Spool {
    path: PathBuf,
    file: File,
    size: u64,
    at_line_start: bool,
    frame: Frame,
}

impl Spool {
    /// Makes an empty one; what a runner left under its name that died before anything was recorded of it goes.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        let options =
            OpenOptions::new().create(true).truncate(true).read(true).write(true).mode(0o644).to_owned();
        let file = options.open(path).map_err(|error| named(error, path))?;
        Ok(Self { path: path.to_owned(), file, size: 0, at_line_start: true, frame: Frame::default() })
    }

    /// Opens one that a runner left.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file =
            OpenOptions::new().read(true).write(true).open(path).map_err(|error| named(error, path))?;
        let size = file.metadata()?.len();
        let mut last = [b'\n'];
        if let Some(at) = size.checked_sub(1) {
            file.read_exact_at(&mut last, at).map_err(|error| named(error, path))?;
        }
        let at_line_start = last == [b'\n'];
        let mut spool = Self { path: path.to_owned(), file, size, at_line_start, frame: Frame::default() };
        spool.file.seek(SeekFrom::End(0))?;
        Ok(spool)
    }

    /// Returns the bytes written so far.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Writes a line of the runner's own, on a line by itself.
    pub(super) fn banner(&mut self, secrets: &Secrets, line: &str) -> io::Result<()> {
        self.end_line()?;
        self.write(log::banner_line(secrets, line).as_bytes())
    }

    /// Appends output, masked, so that none of it looks like a line of the runner's own; returns it as it stands there.
    pub(super) fn output(&mut self, masked: &[u8]) -> io::Result<Vec<u8>> {
        let mut framed = Vec::with_capacity(masked.len() + 8);
        self.frame.push(masked, &mut framed);
        self.write(&framed)?;
        Ok(framed)
    }

    /// Appends what of the output was held back; returns it.
    pub(super) fn end_output(&mut self) -> io::Result<Vec<u8>> {
        let mut framed = Vec::new();
        self.frame.flush(&mut framed);
        self.write(&framed)?;
        Ok(framed)
    }

    /// Appends bytes.
    fn write(&mut self, masked: &[u8]) -> io::Result<()> {
        let Some(last) = masked.last() else { return Ok(()) };
        self.file.write_all(masked).map_err(|error| named(error, &self.path))?;
        self.size += masked.len() as u64;
        self.at_line_start = *last == b'\n';
        Ok(())
    }

    /// Ends the last line, if it is not ended.
    pub(super) fn end_line(&mut self) -> io::Result<()> {
        self.end_output()?;
        self.frame.new_line();
        if self.at_line_start { Ok(()) } else { self.write(b"\n") }
    }

    /// Reads the last lines between two of its bytes: at most `count`; returns them with the number of all its lines.
    pub fn tail(&self, from: u64, to: u64, count: usize) -> io::Result<(Vec<String>, u64)> {
        log::tail_of(At { file: &self.file, at: from }, to.saturating_sub(from), count)
    }

    /// Returns its bytes from the first on.
    pub(super) fn reader(&self) -> impl Read + '_ {
        At { file: &self.file, at: 0 }
    }

    /// Removes the file. Its bytes are in the log.
    pub(super) fn remove(self) -> io::Result<()> {
        super::disk::remove_if_there(&self.path)
    }
}

/// Reads a file from some byte on, and leaves its own position alone.
struct At<'a> {
    file: &'a File,
    at: u64,
}

impl Read for At<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.file.read_at(buffer, self.at)?;
        self.at += n as u64;
        Ok(n)
    }
}

/// How the files of a run's spools are named: behind the log's own name.
pub(super) fn path_of(log: &Path, at: &AttemptId) -> PathBuf {
    let mut name = log.as_os_str().to_owned();
    name.push(format!(".{at}"));
    name.into()
}

/// Finds the spools that lie beside a log.
pub(super) fn beside(log: &Path) -> io::Result<Vec<(AttemptId, PathBuf)>> {
    let (Some(folder), Some(name)) = (log.parent(), log.file_name().and_then(|name| name.to_str())) else {
        return Ok(Vec::new());
    };
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(|error| named(error, folder))?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        let own = entry.file_name();
        let at = own.to_str().and_then(|own| own.strip_prefix(name)?.strip_prefix('.')?.rsplit_once('-'));
        let Some((step, number)) = at else { continue };
        if let Ok(attempt) = number.parse::<u32>()
            && entry.file_type()?.is_file()
        {
            let step = super::id::StepId::new(step);
            found.push((AttemptId { step, attempt }, entry.path()));
        }
    }
    found.sort();
    Ok(found)
}
