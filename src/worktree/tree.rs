//! Git trees as data: what a commit holds, parsed from plumbing output, and blob ids computed without git.

use std::io::{self, BufRead, Read};

use sha1::{Digest, Sha1};
use sha2::Sha256;

use super::error::WorktreeError;
use super::halt::Halt;
use crate::git::Oid;

/// Mode of a submodule's entry.
pub(super) const GITLINK: u32 = 0o160_000;
/// Mode of a symbolic link.
pub(super) const LINK: u32 = 0o120_000;
/// Mode of an executable file.
pub(super) const EXECUTABLE: u32 = 0o100_755;
/// Mode of an ordinary file.
pub(super) const FILE: u32 = 0o100_644;

/// Bytes of a file that are read at once.
const PIECE: usize = 64 * 1024;

/// How a repository names its objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ObjectFormat {
    Sha1,
    Sha256,
}

impl ObjectFormat {
    /// Knows a format by git's name for it.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "sha1" => Some(Self::Sha1),
            "sha256" => Some(Self::Sha256),
            _ => None,
        }
    }

    /// Returns git's name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
        }
    }

    /// Computes the id of an object with these bytes.
    pub(super) fn object(self, kind: &str, bytes: &[u8]) -> Oid {
        let head = format!("{kind} {}\0", bytes.len());
        match self {
            Self::Sha1 => Oid::of(&Sha1::new().chain_update(head).chain_update(bytes).finalize()),
            Self::Sha256 => Oid::of(&Sha256::new().chain_update(head).chain_update(bytes).finalize()),
        }
    }

    /// Computes the id of the blob with these bytes, of which there must be `size`.
    pub(super) fn blob(self, size: u64, bytes: &mut impl Read, halt: &Halt) -> io::Result<Oid> {
        match self {
            Self::Sha1 => hash::<Sha1>(size, bytes, halt),
            Self::Sha256 => hash::<Sha256>(size, bytes, halt),
        }
    }
}

fn hash<D: Digest>(size: u64, bytes: &mut impl Read, halt: &Halt) -> io::Result<Oid> {
    let mut hasher = D::new();
    hasher.update(format!("blob {size}\0"));
    // Of the size that a small file needs: most are.
    let mut buffer = vec![0; usize::try_from(size).map_or(PIECE, |size| size.clamp(1, PIECE))];
    let mut seen = 0;
    loop {
        let n = bytes.read(&mut buffer)?;
        seen += n as u64;
        // What goes on growing is not read for ever.
        if n == 0 || seen > size {
            break;
        }
        hasher.update(&buffer[..n]);
        halt.check()?;
    }
    if seen == size {
        Ok(Oid::of(&hasher.finalize()))
    } else {
        Err(io::Error::other("the file changed while it was read"))
    }
}

/// One path of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) held: Held,
    pub(super) path: Vec<u8>,
}

/// What a commit holds at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) mode: u32,
    pub(super) oid: Oid,
}

impl Entry {
    pub(super) fn file_name(&self) -> &[u8] {
        self.path.rsplit(|&byte| byte == b'/').next().unwrap_or(&self.path)
    }
}

/// Parses `git ls-tree -r -z`.
pub(super) fn parse(listing: &[u8]) -> Result<Vec<Entry>, WorktreeError> {
    entries(listing).collect()
}

/// Parses it entry by entry: of a large one, all at once are a lot of memory.
pub(super) fn entries(listing: &[u8]) -> impl Iterator<Item = Result<Entry, WorktreeError>> {
    let records = listing.split(|&byte| byte == 0).filter(|record| !record.is_empty());
    records.map(|record| parse_entry(record).ok_or_else(|| WorktreeError::garbled("ls-tree")))
}

fn parse_entry(record: &[u8]) -> Option<Entry> {
    let tab = record.iter().position(|&byte| byte == b'\t')?;
    let mut words = std::str::from_utf8(&record[..tab]).ok()?.split(' ');
    let mode = u32::from_str_radix(words.next()?, 8).ok()?;
    let oid = Oid::parse(words.nth(1)?).ok()?;
    Some(Entry { held: Held { mode, oid }, path: record[tab + 1..].to_vec() })
}

/// Parses `git cat-file --batch`.
pub(super) fn parse_batch(mut output: &[u8]) -> Result<Vec<Vec<u8>>, WorktreeError> {
    let mut blobs = Vec::new();
    while !output.is_empty() {
        let (blob, rest) = parse_batch_item(output).ok_or_else(|| WorktreeError::garbled("cat-file"))?;
        blobs.push(blob.to_vec());
        output = rest;
    }
    Ok(blobs)
}

fn parse_batch_item(output: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = output.iter().position(|&byte| byte == b'\n')?;
    let size: usize = std::str::from_utf8(&output[..end]).ok()?.rsplit(' ').next()?.parse().ok()?;
    let body = output.get(end + 1..)?;
    Some((body.get(..size)?, body.get(size + 1..)?))
}

/// Takes so many answers of `git cat-file --batch` as it prints them; passes over what has more bytes than `most`.
pub(super) fn take_batch(
    printed: &mut dyn BufRead,
    count: usize,
    most: u64,
) -> Result<Vec<Option<Vec<u8>>>, WorktreeError> {
    let garbled = || WorktreeError::garbled("cat-file");
    let mut one = || {
        let mut head = String::new();
        printed.read_line(&mut head)?;
        let size = head.trim_end().rsplit(' ').next().and_then(|size| size.parse::<u64>().ok());
        let mut body = printed.take(size.ok_or_else(garbled)?.saturating_add(1));
        if body.limit() > most.saturating_add(1) {
            io::copy(&mut body, &mut io::sink())?;
            return Ok(None);
        }
        let mut bytes = Vec::new();
        body.read_to_end(&mut bytes)?;
        // Behind it is a newline.
        bytes.pop().ok_or_else(garbled)?;
        Ok(Some(bytes))
    };
    (0..count).map(|_| one()).collect()
}

/// One path that differs between two commits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Difference {
    pub(super) path: Vec<u8>,
    /// What is there on the new side, if something is.
    pub(super) new: Option<Held>,
    /// It can be executed, and could not before.
    pub(super) is_made_executable: bool,
    pub(super) added: Option<u64>,
    pub(super) removed: Option<u64>,
}

/// Parses `git diff-tree -r -z --raw --numstat --no-renames`: all raw records, then all counts.
pub(super) fn parse_differences(output: &[u8]) -> Result<Vec<Difference>, WorktreeError> {
    let mut records = output.split(|&byte| byte == 0).filter(|record| !record.is_empty());
    let mut found: Vec<Difference> = Vec::new();
    let mut counted = 0;
    while let Some(record) = records.next() {
        if record.first() == Some(&b':') {
            let difference = records.next().and_then(|path| parse_raw(record, path));
            found.push(difference.ok_or_else(|| WorktreeError::garbled("diff-tree"))?);
        } else {
            let mut parts = record.splitn(3, |&byte| byte == b'\t');
            let mut number = || std::str::from_utf8(parts.next()?).ok()?.parse().ok();
            let difference = found.get_mut(counted).ok_or_else(|| WorktreeError::garbled("diff-tree"))?;
            (difference.added, difference.removed) = (number(), number());
            counted += 1;
        }
    }
    // As git lists them, they are: it takes one look.
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

/// Finds a path among differences that are sorted by path.
pub(super) fn find<'d>(differences: &'d [Difference], path: &[u8]) -> Option<&'d Difference> {
    let at = differences.binary_search_by(|difference| difference.path.as_slice().cmp(path)).ok()?;
    differences.get(at)
}

/// Parses `:oldmode newmode oldid newid S`.
fn parse_raw(record: &[u8], path: &[u8]) -> Option<Difference> {
    let mut words = std::str::from_utf8(record).ok()?.strip_prefix(':')?.split(' ');
    let old = u32::from_str_radix(words.next()?, 8).ok()?;
    let new = parse_new(record).ok()?;
    let is_made_executable = old != EXECUTABLE && new.as_ref().is_some_and(|new| new.mode == EXECUTABLE);
    Some(Difference { path: path.to_vec(), new, is_made_executable, added: None, removed: None })
}

/// Parses what there is by `:oldmode newmode oldid newid S`; nothing, if it was removed.
pub(super) fn parse_new(record: &[u8]) -> Result<Option<Held>, WorktreeError> {
    let garbled = || WorktreeError::garbled("diff-tree");
    let text = std::str::from_utf8(record).map_err(|_| garbled())?;
    let mut words = text.strip_prefix(':').ok_or_else(garbled)?.split(' ').skip(1);
    let mode = words.next().and_then(|mode| u32::from_str_radix(mode, 8).ok()).ok_or_else(garbled)?;
    let oid = words.nth(1).ok_or_else(garbled)?;
    // Git's way to say that nothing is.
    if mode == 0 { Ok(None) } else { Ok(Some(Held { mode, oid: Oid::parse(oid)? })) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blob_ids_are_gits() {
        let id = ObjectFormat::Sha1.blob(6, &mut b"hello\n".as_slice(), &Halt::never()).unwrap();
        assert_eq!(id.as_str(), "ce013625030ba8dba906f756967f9e9ca394464a");
        assert!(ObjectFormat::Sha1.blob(7, &mut b"hello\n".as_slice(), &Halt::never()).is_err());
    }

    #[test]
    fn listings_keep_any_name() {
        let listing = b"100644 blob ce013625030ba8dba906f756967f9e9ca394464a\ta\xff\nb\t c\0";
        let entries = parse(listing).unwrap();
        assert_eq!(entries[0].path, b"a\xff\nb\t c");
        assert_eq!(entries[0].held.mode, FILE);
    }

    #[test]
    fn differences_pair_raw_records_with_counts() {
        let (none, blob) = ("0".repeat(40), "ce013625030ba8dba906f756967f9e9ca394464a");
        let output = format!(
            ":000000 100644 {none} {blob} A\0new\0:100644 000000 {blob} {none} D\0old.bin\x003\t0\tnew\0-\t-\told.bin\0"
        );
        let found = parse_differences(output.as_bytes()).unwrap();
        assert_eq!((found[0].added, found[0].removed), (Some(3), Some(0)));
        let held = Held { mode: FILE, oid: Oid::parse(blob).unwrap() };
        assert_eq!(found[0].new, Some(held));
        assert_eq!((found[1].path.as_slice(), &found[1].new), (b"old.bin".as_slice(), &None));
        assert_eq!((found[1].added, found[1].removed), (None, None));
    }

    #[test]
    fn batches_hold_blobs_with_newlines() {
        let output = b"ce01 blob 3\na\nb\nce02 blob 0\n\n";
        assert_eq!(parse_batch(output).unwrap(), vec![b"a\nb".to_vec(), Vec::new()]);
    }
}
