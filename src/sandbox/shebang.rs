//! Takes a program, gives the words of its `#!` line.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// So much of a program is looked at for its interpreter, as the kernel does.
const FIRST_LINE: usize = 256;

/// Reads the line: the interpreter and what comes after it. Nothing where there is none.
pub(super) fn words(program: &Path) -> Option<Vec<PathBuf>> {
    let (mut file, mut start, mut length) = (File::open(program).ok()?, [0; FIRST_LINE], 0);
    // A file gives it at once.
    while length < FIRST_LINE {
        match file.read(&mut start[length..]) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
    }
    let line = start[..length].strip_prefix(b"#!")?.split(|&byte| byte == b'\n').next()?;
    let words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    Some(words.map(|word| PathBuf::from(OsStr::from_bytes(word))).collect())
}
