//! Takes the changed files that attributes give a filter (LFS, encryption), refuses what cannot be committed as it
//! is: the filter would have to run to make the blob, and none ever runs. What LFS itself keeps in a commit can be.

use std::io::BufRead;

use super::changes::Changed;
use super::error::WorktreeError;
use super::layout::shown;
use super::pointer::is_pointer_at;
use super::root::Root;
use super::tree::{LINK, record};
use super::unfit::Unfit;

/// Reads what `check-attr -z filter` says of these paths, in their order and up to an empty record, and refuses if
/// need be. There can be many: they are read one by one.
pub(super) fn refuse(
    root: &Root,
    written: &[&Changed],
    printed: &mut impl BufRead,
) -> Result<(), WorktreeError> {
    let mut written = written.iter();
    loop {
        let path = record(printed)?;
        if path.is_empty() {
            return Ok(());
        }
        let (_, filter) = (record(printed)?, record(printed)?);
        let Some(changed) = written.next() else { continue };
        let plain = matches!(&*filter, b"unspecified" | b"unset" | b"set")
            || changed.written().is_some_and(|written| written.held.mode == LINK);
        let fits = plain || (filter == b"lfs" && is_pointer_at(root, &path)?);
        if !fits || path != changed.path {
            let (path, filter) = (shown(&path).into_owned(), shown(&filter).into_owned());
            return Err(Unfit::Filtered { path, filter }.into());
        }
    }
}

/// A path and its filter.
pub(super) type Filtered<'p> = (&'p [u8], &'p [u8]);

/// Reads what `check-attr -z filter` says, up to an empty record, and returns what follows, too.
pub(super) fn read(printed: &[u8]) -> (Vec<Filtered<'_>>, &[u8]) {
    let mut rest = printed;
    let mut next = || {
        let end = rest.iter().position(|&byte| byte == 0)?;
        let record = &rest[..end];
        rest = &rest[end + 1..];
        Some(record)
    };
    let mut filters = Vec::new();
    while let Some(path) = next().filter(|path| !path.is_empty()) {
        filters.push((path, next().and_then(|_| next()).unwrap_or_default()));
    }
    (filters, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_check_attr_says_is_read_up_to_its_end() {
        let (filters, rest) = read(b"a\0filter\0unset\0b.bin\0filter\0lfs\0\0abc\n:rest\0x\0");
        assert_eq!(filters, [(b"a".as_slice(), b"unset".as_slice()), (b"b.bin", b"lfs")]);
        assert_eq!(rest, b"abc\n:rest\0x\0");
        assert_eq!(read(b"\0"), (Vec::new(), b"".as_slice()));
    }
}
