//! Takes the path of a file in a git directory, gives its bytes: of a plain file of a sane size, and never waiting for
//! whoever might write to a pipe.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

use super::error::{WorktreeError, at};

/// No file that people write for git is larger.
const LARGEST: u64 = 100 << 20;

/// Reads a file; nothing if there is none.
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>, WorktreeError> {
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
    let file = match File::options().read(true).custom_flags(flags).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(at(path))?,
    };
    let wrong = |what: &str| {
        WorktreeError::refused(
            format!("{} is {what}", path.display()),
            "put a file in its place, or take it away",
        )
    };
    if !file.metadata().map_err(at(path))?.is_file() {
        return Err(wrong("no plain file"));
    }
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(at(path))?;
    if bytes.len() as u64 > LARGEST { Err(wrong("larger than 100 MiB")) } else { Ok(Some(bytes)) }
}
