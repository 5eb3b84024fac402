//! Takes the changed files that attributes give a filter (LFS, encryption), refuses what cannot be committed as it
//! is: the filter would have to run to make the blob, and none ever runs. What LFS itself keeps in a commit can be.

use std::io::Read as _;

use super::changes::Changed;
use super::checkpoint::shown;
use super::error::WorktreeError;
use super::root::Root;
use super::tree::LINK;

/// No pointer of LFS is as large.
const LONGEST_POINTER: u64 = 1024;

/// Reads what `check-attr -z filter` says of these paths, in their order and up to an empty record, refuses if
/// need be, and returns what follows.
pub(super) fn refuse<'p>(
    root: &Root,
    written: &[&Changed],
    printed: &'p [u8],
) -> Result<&'p [u8], WorktreeError> {
    let (filters, rest) = read(printed);
    for (changed, (path, filter)) in written.iter().zip(filters) {
        let plain = matches!(filter, b"unspecified" | b"unset" | b"set") || changed.mode == LINK;
        let fits = plain || (filter == b"lfs" && is_pointer_at(root, path)?);
        if !fits || path != changed.path {
            return Err(WorktreeError::Uncommittable(format!(
                "{} has the filter `{}`, which a run cannot apply: change it outside of runs, or take it from the filter",
                shown(path),
                shown(filter)
            )));
        }
    }
    Ok(rest)
}

/// A path and its filter.
type Filtered<'p> = (&'p [u8], &'p [u8]);

fn read(printed: &[u8]) -> (Vec<Filtered<'_>>, &[u8]) {
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

fn is_pointer_at(root: &Root, path: &[u8]) -> std::io::Result<bool> {
    let (file, size) = root.file(path)?;
    let mut bytes = Vec::new();
    file.take(LONGEST_POINTER).read_to_end(&mut bytes)?;
    // An empty file is its own pointer.
    Ok(size == 0 || (size < LONGEST_POINTER && is_pointer(&bytes)))
}

/// Tells whether bytes are what LFS keeps in a commit in place of a file: a version, extensions, a digest, a size.
fn is_pointer(bytes: &[u8]) -> bool {
    let Some(text) = std::str::from_utf8(bytes).ok().and_then(|text| text.strip_suffix('\n')) else {
        return false;
    };
    let mut lines = text.split('\n');
    let is_digest = |value: &str| {
        value.strip_prefix("sha256:").is_some_and(|hex| {
            hex.len() == 64 && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        })
    };
    let is_extension = |line: &&str| {
        let pair = line.strip_prefix("ext-").and_then(|rest| rest.split_once(' '));
        pair.is_some_and(|(_, digest)| is_digest(digest))
    };
    if lines.next() != Some("version https://git-lfs.github.com/spec/v1") {
        return false;
    }
    let mut lines = lines.skip_while(is_extension);
    let digest = lines.next().and_then(|line| line.strip_prefix("oid "));
    let size = lines.next().and_then(|line| line.strip_prefix("size "));
    let is_size = |size: &str| !size.is_empty() && size.bytes().all(|byte| byte.is_ascii_digit());
    digest.is_some_and(is_digest) && size.is_some_and(is_size) && lines.next().is_none()
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

    #[test]
    fn pointers_are_told_from_what_only_looks_like_them() {
        let digest = "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393";
        let head = "version https://git-lfs.github.com/spec/v1\n";
        let good = format!("{head}oid sha256:{digest}\nsize 12345\n");
        assert!(is_pointer(good.as_bytes()));
        assert!(is_pointer(good.replace("oid", &format!("ext-0-x sha256:{digest}\noid")).as_bytes()));
        for bad in [
            String::new(),
            head.to_owned(),
            good.trim_end().to_owned(),
            format!("{good}more\n"),
            good.replace("v1", "v2"),
            good.replace("4d7a", "4D7A"),
            good.replace("4d7a", "4d7"),
            good.replace("12345", "-1"),
            good.replace("12345", ""),
            good.replace("oid", "oid2"),
        ] {
            assert!(!is_pointer(bad.as_bytes()), "{bad}");
        }
    }
}
