//! Takes a program, gives the words of its `#!` line.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// So much of a program is looked at for its interpreter, as the kernel does.
const FIRST_LINE: u64 = 256;

/// Reads the line: the interpreter and what comes after it. Nothing where there is none.
pub(super) fn words(program: &Path) -> Option<Vec<PathBuf>> {
    let mut line = Vec::new();
    File::open(program).ok()?.take(FIRST_LINE).read_to_end(&mut line).ok()?;
    let line = line.strip_prefix(b"#!")?.split(|&byte| byte == b'\n').next()?;
    let words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    Some(words.map(|word| PathBuf::from(OsStr::from_bytes(word))).collect())
}
