//! Gets the text of a plan file: opened without waiting on a FIFO, bounded, UTF-8, without control characters.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use rustix::fs::{FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use super::fault::{Fault, Faults};
use super::source::Source;

/// No plan that a person reads is larger.
pub(super) const LARGEST: u64 = 1 << 20;

/// Reads the bytes of a plan file; only a regular file of a sane size, and never waiting.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, Faults> {
    let fault = |message: String, hint: &str| Faults::from(Fault::of_file(path, message, hint));
    // O_NONBLOCK: opening a FIFO that nobody writes to would wait for ever.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    let opened = match repository_of(path) {
        // The kernel itself refuses what leads out: a link could have every line of a foreign file quoted as a fault.
        Some((top, rest)) => {
            rustix::fs::open(top, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
                .and_then(|top| rustix::fs::openat2(top, rest, flags, Mode::empty(), ResolveFlags::BENEATH))
        }
        None => rustix::fs::open(path, flags, Mode::empty()),
    };
    let file = opened.map(File::from).map_err(|errno| match errno {
        Errno::XDEV => fault(
            "the file, or a folder above it, is a link that leads out of the repository".into(),
            "put the plan itself there, or a relative link within the repository; `--plan FILE` reads a plan from anywhere",
        ),
        Errno::NOENT => {
            fault("there is no such file".into(), "`autopilot init --title 'What is to be done'` writes a plan to begin with")
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

/// Splits `TOP/.ai/plans/ISSUE/Autopilot.yaml`; `None` for a file that lies elsewhere, which somebody named by hand.
fn repository_of(path: &Path) -> Option<(&Path, &Path)> {
    let plans = path.parent()?.parent()?;
    let top = plans.ends_with(".ai/plans").then(|| plans.parent()?.parent())??;
    let rest = path.strip_prefix(top).ok()?;
    Some((if top.as_os_str().is_empty() { Path::new(".") } else { top }, rest))
}

/// Returns the issue whose plan lies at this path: `.ai/plans/653/Autopilot.yaml`.
pub(super) fn issue_of(path: &Path) -> Option<u64> {
    let folder = path.parent()?;
    let number = folder.file_name()?.to_str()?.parse().ok()?;
    folder.parent()?.ends_with(".ai/plans").then_some(number)
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
    match source.text().char_indices().find(|(_, c)| is_forbidden(*c)) {
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
pub(super) fn is_forbidden(c: char) -> bool {
    let is_control = c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{85}');
    is_control || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
