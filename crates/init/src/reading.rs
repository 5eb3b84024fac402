//! Takes a file of the kernel's or a link, gives what it says by few calls: a file that tells no size would be asked for a few
//! bytes at first, and room for the longest link costs two calls and a page where memory is mapped for each.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, readlinkat_raw};

/// Most of them are shorter, in bytes.
const ROOM: usize = 4 << 10;

/// The kernel's links are no longer, in bytes.
const LONGEST: usize = 4 << 10;

/// Reads a file of /proc or of a control group.
pub fn whole(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    rest(File::open(path)?)
}

/// Reads the same as text.
pub fn text(path: impl AsRef<Path>) -> io::Result<String> {
    String::from_utf8(whole(path)?).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// Reads what is left of an open one.
pub(crate) fn rest(file: File) -> io::Result<Vec<u8>> {
    let mut all = Vec::with_capacity(ROOM);
    file.take(u64::MAX).read_to_end(&mut all)?;
    Ok(all)
}

/// Reads where a link leads.
pub fn link(path: &Path) -> io::Result<PathBuf> {
    let mut room = [0; LONGEST];
    let length = readlinkat_raw(CWD, path, &mut room[..])?;
    Ok(OsStr::from_bytes(&room[..length]).into())
}
