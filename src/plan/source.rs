//! Gets the text of a plan file: opened without waiting on a FIFO, bounded, UTF-8, without control characters.

use std::fs::File;
use std::io::Read as _;
use std::ops::Range;
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use super::fault::{Fault, Faults, Mark};

/// No plan that a person reads is larger.
pub(super) const LARGEST: u64 = 1 << 20;

/// The text of a plan file and where its characters and lines are. Marks count characters: both are indexed once,
/// so that thousands of faults in one long line stay cheap.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) path: PathBuf,
    text: String,
    /// Byte of each character, and of the end.
    bytes: Vec<usize>,
    /// Characters of each line, without its ending.
    lines: Vec<Range<usize>>,
}

impl Source {
    /// Takes the text of a file; a byte order mark is dropped.
    fn new(path: &Path, text: &str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text).to_owned();
        let bytes = text.char_indices().map(|(byte, _)| byte).chain([text.len()]).collect();
        let lines = find_lines(&text);
        Self { path: path.to_owned(), text, bytes, lines }
    }

    /// Returns the text without its byte order mark.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Counts the lines; an empty file has one.
    pub(super) fn lines(&self) -> usize {
        self.lines.len()
    }

    /// Returns the characters of a line, as a range to [`slice`](Self::slice); empty where there is none.
    pub(super) fn line(&self, number: usize) -> Range<usize> {
        number.checked_sub(1).and_then(|index| self.lines.get(index)).cloned().unwrap_or_default()
    }

    /// Returns the text between two characters.
    pub(super) fn slice(&self, chars: Range<usize>) -> &str {
        let byte = |index: usize| self.bytes.get(index).copied().unwrap_or(self.text.len());
        self.text.get(byte(chars.start)..byte(chars.end)).unwrap_or_default()
    }

    /// Returns the place of a byte.
    fn mark(&self, offset: usize) -> Mark {
        let char = self.bytes.partition_point(|byte| *byte < offset);
        let index = self.lines.partition_point(|line| line.start <= char).saturating_sub(1);
        Mark { line: index + 1, column: char - self.line(index + 1).start + 1, width: 1 }
    }
}

/// Reads the bytes of a plan file; only a regular file of a sane size, and never waiting.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, Faults> {
    let fault = |message: String, hint: &str| Faults::from(Fault::of_file(path, message, hint));
    // O_NONBLOCK: opening a FIFO that nobody writes to would wait for ever.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    let file = rustix::fs::open(path, flags, Mode::empty()).map(File::from).map_err(|errno| match errno {
        Errno::NOENT => {
            fault("there is no such file".into(), "`autopilot init ISSUE` writes a plan to begin with")
        }
        Errno::ACCESS => fault("the file may not be read".into(), "check the file's permissions"),
        other => fault(format!("the file cannot be opened: {}", other.kind()), ""),
    })?;
    let unreadable = |error: std::io::Error| fault(format!("the file cannot be read: {error}"), "");
    let meta = file.metadata().map_err(unreadable)?;
    if meta.is_dir() {
        return Err(fault("this is a folder, not a plan file".into(), "name the `Autopilot.yaml` in it"));
    }
    if !meta.is_file() {
        return Err(fault("this is not a regular file".into(), "write the plan to a file"));
    }
    let mut bytes = Vec::new();
    // One byte more than allowed shows a file that grows or whose length is not told.
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > LARGEST {
        return Err(fault(
            "the file is larger than 1MiB".into(),
            "put long prompts into files and name them by `prompt_file`",
        ));
    }
    Ok(bytes)
}

/// Looks for a file beside the plan; the error says what is wrong and what to do.
pub(super) fn look_beside(folder: &Path, path: &Path) -> Result<(), (String, &'static str)> {
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let found = rustix::fs::open(folder, flags | OFlags::DIRECTORY, Mode::empty())
        // The kernel itself refuses what leads out of the folder, over `..` or any link.
        .and_then(|folder| rustix::fs::openat2(folder, path, flags, Mode::empty(), ResolveFlags::BENEATH))
        .and_then(rustix::fs::fstat);
    match found {
        Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile => Ok(()),
        Ok(_) => Err(("is not a file".into(), "name a file beside the plan")),
        Err(Errno::NOENT | Errno::NOTDIR) => {
            Err(("is not there".into(), "the path is relative to the plan's folder"))
        }
        Err(Errno::XDEV) => {
            Err(("leads out of the plan's folder".into(), "copy the file into the plan's folder"))
        }
        Err(other) => Err((format!("cannot be opened: {}", other.kind()), "check the file's permissions")),
    }
}

/// Decodes the bytes of a plan file. The first bad character is the fault: YAML ends there.
pub(super) fn decode(path: &Path, bytes: &[u8]) -> Result<Source, Faults> {
    if bytes.len() as u64 > LARGEST {
        return Err(Fault::of_file(
            path,
            "the file is larger than 1MiB",
            "put long prompts into files and name them by `prompt_file`",
        )
        .into());
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let source = Source::new(path, &String::from_utf8_lossy(bytes));
        // The text before the bad byte is the same in the lossy text, but for a byte order mark that was dropped.
        let dropped = if bytes.starts_with("\u{feff}".as_bytes()) { 3 } else { 0 };
        let mark = source.mark(error.valid_up_to().saturating_sub(dropped));
        let hint = match bytes {
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "this looks like UTF-16: save the file as UTF-8",
            _ => "save the file as UTF-8",
        };
        Faults::from(Fault::at(&source, mark, "the text is not UTF-8", hint))
    })?;
    let source = Source::new(path, text);
    match source.text.char_indices().find(|(_, c)| is_forbidden(*c)) {
        None => Ok(source),
        Some((offset, c)) => {
            let name = match c {
                '\0' => "a NUL character".to_owned(),
                c if c.is_control() => format!("the control character U+{:04X}", u32::from(c)),
                c => format!("U+{:04X}, which makes text look different from what it is", u32::from(c)),
            };
            let hint = "a plan is plain text: take it out";
            Err(Fault::at(&source, source.mark(offset), format!("the text holds {name}"), hint).into())
        }
    }
}

/// YAML allows tabs and line ends, and no other control character. Characters that turn the writing direction
/// would hide from a reviewer what a command does.
fn is_forbidden(c: char) -> bool {
    let is_control = c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{85}');
    is_control || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Finds the lines as YAML counts them, in characters: ended by LF, CRLF or CR.
fn find_lines(text: &str) -> Vec<Range<usize>> {
    let mut lines = Vec::new();
    let (mut start, mut count) = (0, 0);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        count += 1;
        if matches!(c, '\n' | '\r') {
            lines.push(start..count - 1);
            if c == '\r' && chars.next_if_eq(&'\n').is_some() {
                count += 1;
            }
            start = count;
        }
    }
    lines.push(start..count);
    lines
}
