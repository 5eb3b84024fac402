//! Takes a program, gives the words of its `#!` line.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// So much of a program is looked at for its interpreter, as the kernel does.
const FIRST_LINE: usize = 256;

/// Reads the line: the interpreter and what comes after it. Nothing where there is none.
pub(super) fn words(program: &Path) -> Option<Vec<PathBuf>> {
    // Room for more, or the end is looked for by a small read of its own.
    let mut line = Vec::with_capacity(2 * FIRST_LINE);
    File::open(program).ok()?.take(FIRST_LINE as u64).read_to_end(&mut line).ok()?;
    let line = line.strip_prefix(b"#!")?.split(|&byte| byte == b'\n').next()?;
    let words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    Some(words.map(|word| PathBuf::from(OsStr::from_bytes(word))).collect())
}
