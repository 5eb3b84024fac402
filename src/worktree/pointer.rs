//! Takes a file, gives the pointer that Git LFS would keep in a commit in its place, or the one that it is.

use std::fs::File;
use std::io::{self, Read};

use sha2::{Digest, Sha256};

use super::halt::Halt;
use super::root::Root;
use super::tree::ObjectFormat;
use crate::git::RawOid;

/// No pointer of LFS is as large.
const LONGEST_POINTER: u64 = 1024;

/// The first line of a pointer.
const VERSION: &str = "version https://git-lfs.github.com/spec/v1";

/// What a pointer names: bytes by their SHA-256 and their number.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Pointer {
    digest: String,
    pub(super) size: u64,
}

impl Pointer {
    /// Reads a pointer that is written as LFS writes it, without extensions: what those did cannot be done here.
    pub(super) fn read(file: File, length: u64) -> io::Result<Option<Self>> {
        let bytes = small(file, length)?.unwrap_or_default();
        Ok(parse(&bytes).filter(|pointer| pointer.text().as_bytes() == bytes))
    }

    /// Makes the pointer of a file, of which there must be `size` bytes; and the id that these have as a blob.
    pub(super) fn of(file: &mut File, size: u64, format: ObjectFormat) -> io::Result<(Self, RawOid)> {
        let mut hashed = Hashed(file, Sha256::new());
        let raw = format.blob(size, &mut hashed, &Halt::never())?;
        Ok((Self { digest: hex::encode(hashed.1.finalize()), size }, raw))
    }

    /// Returns the id that the pointer itself has as a blob.
    pub(super) fn blob(&self, format: ObjectFormat) -> RawOid {
        format.object("blob", self.text().as_bytes())
    }

    fn text(&self) -> String {
        format!("{VERSION}\noid sha256:{}\nsize {}\n", self.digest, self.size)
    }

    /// Where its object lies, below the git directory.
    pub(super) fn object(&self) -> String {
        let digest = &self.digest;
        format!("lfs/objects/{}/{}/{digest}", &digest[..2], &digest[2..4])
    }
}

/// How many files of LFS a worktree has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LfsFiles {
    /// With their content.
    pub contents: u64,
    /// As their pointers.
    pub pointers: u64,
}

impl LfsFiles {
    /// Says how many lack their content, if some do.
    pub fn missing(self) -> Option<String> {
        let (pointers, all) = (self.pointers, self.contents + self.pointers);
        (pointers > 0).then(|| {
            format!("{pointers} of {all} files of Git LFS are there as their pointers: their content is not in this repository (git lfs pull)")
        })
    }
}

/// A file that is hashed while it is read.
struct Hashed<'f>(&'f mut File, Sha256);

impl Read for Hashed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.0.read(buffer)?;
        self.1.update(&buffer[..length]);
        Ok(length)
    }
}

/// Tells whether what LFS would commit of a file is the file itself: a pointer, or nothing at all.
pub(super) fn is_pointer_at(root: &Root, path: &[u8]) -> io::Result<bool> {
    let (file, size) = root.file(path)?;
    Ok(size == 0 || small(file, size)?.is_some_and(|bytes| parse(&bytes).is_some()))
}

/// Reads a file, if a pointer can be as large.
fn small(file: File, size: u64) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    file.take(LONGEST_POINTER).read_to_end(&mut bytes)?;
    Ok((size < LONGEST_POINTER).then_some(bytes))
}

/// Parses what LFS keeps in a commit in place of a file: a version, extensions, a digest, a size.
fn parse(bytes: &[u8]) -> Option<Pointer> {
    let mut lines = std::str::from_utf8(bytes).ok()?.strip_suffix('\n')?.split('\n');
    if lines.next() != Some(VERSION) {
        return None;
    }
    let is_extension = |line: &&str| {
        let pair = line.strip_prefix("ext-").and_then(|rest| rest.split_once(' '));
        pair.is_some_and(|(_, digest)| digest_of(digest).is_some())
    };
    let mut lines = lines.skip_while(is_extension);
    let digest = digest_of(lines.next()?.strip_prefix("oid ")?)?;
    let size = lines.next()?.strip_prefix("size ")?;
    let size = size.parse().ok().filter(|_| size.bytes().all(|byte| byte.is_ascii_digit()))?;
    lines.next().is_none().then(|| Pointer { digest: digest.to_owned(), size })
}

fn digest_of(value: &str) -> Option<&str> {
    let hex = value.strip_prefix("sha256:")?;
    let is_hex = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    (hex.len() == 64 && hex.bytes().all(is_hex)).then_some(hex)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_are_told_from_what_only_looks_like_them() {
        let digest = "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393";
        let good = format!("{VERSION}\noid sha256:{digest}\nsize 12345\n");
        let pointer = parse(good.as_bytes()).unwrap();
        assert_eq!(pointer, Pointer { digest: digest.to_owned(), size: 12345 });
        assert_eq!(pointer.text(), good);
        assert_eq!(pointer.object(), format!("lfs/objects/4d/7a/{digest}"));
        let extended = good.replace("oid", &format!("ext-0-x sha256:{digest}\noid"));
        assert_ne!(parse(extended.as_bytes()).unwrap().text(), extended);
        for bad in [
            String::new(),
            format!("{VERSION}\n"),
            good.trim_end().to_owned(),
            format!("{good}more\n"),
            good.replace("v1", "v2"),
            good.replace("4d7a", "4D7A"),
            good.replace("4d7a", "4d7"),
            good.replace("12345", "-1"),
            good.replace("12345", "+1"),
            good.replace("12345", ""),
            good.replace("oid", "oid2"),
        ] {
            assert_eq!(parse(bad.as_bytes()), None, "{bad}");
        }
    }
}
