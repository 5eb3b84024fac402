//! Git trees as data: what a commit holds, parsed from plumbing output, and blob ids computed without git.

use std::io::{self, BufRead, Read};

use sha1::digest::Output;
use sha1::{Digest, Sha1};
use sha2::Sha256;

use super::error::WorktreeError;
use super::halt::Halt;
use crate::git::RawOid;

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
    pub(super) fn object(self, kind: &str, bytes: &[u8]) -> RawOid {
        let head = format!("{kind} {}\0", bytes.len());
        match self {
            Self::Sha1 => RawOid::Sha1(Sha1::new().chain_update(head).chain_update(bytes).finalize().into()),
            Self::Sha256 => {
                RawOid::Sha256(Sha256::new().chain_update(head).chain_update(bytes).finalize().into())
            }
        }
    }

    /// Computes the id of the blob with these bytes, of which there must be `size`.
    pub(super) fn blob(self, size: u64, bytes: &mut impl Read, halt: &Halt) -> io::Result<RawOid> {
        Ok(match self {
            Self::Sha1 => RawOid::Sha1(hash::<Sha1>(size, bytes, halt)?.into()),
            Self::Sha256 => RawOid::Sha256(hash::<Sha256>(size, bytes, halt)?.into()),
        })
    }
}

fn hash<D: Digest>(size: u64, bytes: &mut impl Read, halt: &Halt) -> io::Result<Output<D>> {
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
        Ok(hasher.finalize())
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) mode: u32,
    pub(super) oid: RawOid,
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
pub(super) fn entries(listing: impl BufRead) -> impl Iterator<Item = Result<Entry, WorktreeError>> {
    listing.split(0).map(|record| parse_entry(&record?).ok_or_else(|| WorktreeError::garbled("ls-tree")))
}

/// Reads up to a byte of zero; nothing where there is no more.
pub(super) fn record(printed: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut record = Vec::new();
    printed.read_until(0, &mut record)?;
    if record.last() == Some(&0) {
        record.pop();
    }
    Ok(record)
}

fn parse_entry(record: &[u8]) -> Option<Entry> {
    let tab = record.iter().position(|&byte| byte == b'\t')?;
    let mut words = std::str::from_utf8(&record[..tab]).ok()?.split(' ');
    let mode = u32::from_str_radix(words.next()?, 8).ok()?;
    let oid = RawOid::parse(words.nth(1)?).ok()?;
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

/// What differs at a path between two commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Difference {
    /// What is there on the new side, if something is.
    pub(super) new: Option<Held>,
    /// It can be executed, and could not before.
    pub(super) is_made_executable: bool,
    pub(super) added: Option<u64>,
    pub(super) removed: Option<u64>,
}

/// Parses `git diff-tree -r -z --raw --numstat --no-renames`, all raw records, then all counts, while it is read; gives
/// what differs at each of these paths, which are sorted. Others are passed over.
pub(super) fn read_differences(
    printed: &mut impl BufRead,
    paths: &[&[u8]],
) -> Result<Vec<Option<Difference>>, WorktreeError> {
    let garbled = || WorktreeError::garbled("diff-tree");
    let mut found: Vec<Option<Difference>> = vec![None; paths.len()];
    let mut differing = 0_usize;
    loop {
        let read = record(printed)?;
        if read.is_empty() {
            break;
        }
        if read.first() == Some(&b':') {
            let difference = parse_raw(&read).ok_or_else(garbled)?;
            let path = record(printed)?;
            differing += 1;
            if let Ok(at) = paths.binary_search(&path.as_slice()) {
                found[at] = Some(difference);
            }
        } else {
            let (added, removed, path) = parse_counts(&read).ok_or_else(garbled)?;
            differing = differing.checked_sub(1).ok_or_else(garbled)?;
            let known = paths.binary_search(&path).ok().and_then(|at| found.get_mut(at)?.as_mut());
            if let Some(difference) = known {
                (difference.added, difference.removed) = (added, removed);
            }
        }
    }
    Ok(found)
}

/// Parses `:oldmode newmode oldid newid S`.
fn parse_raw(record: &[u8]) -> Option<Difference> {
    let mut words = std::str::from_utf8(record).ok()?.strip_prefix(':')?.split(' ');
    let old = u32::from_str_radix(words.next()?, 8).ok()?;
    let new = parse_new(record).ok()?;
    let is_made_executable = old != EXECUTABLE && new.is_some_and(|new| new.mode == EXECUTABLE);
    Some(Difference { new, is_made_executable, added: None, removed: None })
}

/// Parses added and removed lines, of which a binary file has none, and the path.
fn parse_counts(record: &[u8]) -> Option<(Option<u64>, Option<u64>, &[u8])> {
    let mut parts = record.splitn(3, |&byte| byte == b'\t');
    let mut number = || Some(std::str::from_utf8(parts.next()?).ok()?.parse().ok());
    Some((number()?, number()?, parts.next().filter(|path| !path.is_empty())?))
}

/// Parses what there is by `:oldmode newmode oldid newid S`; nothing, if it was removed.
pub(super) fn parse_new(record: &[u8]) -> Result<Option<Held>, WorktreeError> {
    let garbled = || WorktreeError::garbled("diff-tree");
    let text = std::str::from_utf8(record).map_err(|_| garbled())?;
    let mut words = text.strip_prefix(':').ok_or_else(garbled)?.split(' ').skip(1);
    let mode = words.next().and_then(|mode| u32::from_str_radix(mode, 8).ok()).ok_or_else(garbled)?;
    let oid = words.nth(1).ok_or_else(garbled)?;
    // Git's way to say that nothing is.
    if mode == 0 { Ok(None) } else { Ok(Some(Held { mode, oid: RawOid::parse(oid)? })) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blob_ids_are_gits() {
        let id = ObjectFormat::Sha1.blob(6, &mut b"hello\n".as_slice(), &Halt::never()).unwrap();
        assert_eq!(id.to_string(), "ce013625030ba8dba906f756967f9e9ca394464a");
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
        let raw = format!(
            ":000000 100644 {none} {blob} A\0new\0:000000 100644 {none} {blob} A\0other\0:100644 000000 {blob} {none} D\0old.bin\0"
        );
        let output = format!("{raw}3\t0\tnew\x001\t0\tother\0-\t-\told.bin\0");
        let paths: [&[u8]; 3] = [b"gone", b"new", b"old.bin"];
        let found = read_differences(&mut output.as_bytes(), &paths).unwrap();
        let held = Held { mode: FILE, oid: RawOid::parse(blob).unwrap() };
        let of = |new, lines| {
            Some(Difference { new, is_made_executable: false, added: lines, removed: lines.map(|_| 0) })
        };
        assert_eq!(found, [None, of(Some(held), Some(3)), of(None, None)]);
        for torn in ["x", "1\t0\tnew\0", ":x\0new\0", &output[..raw.len() + 4]] {
            assert!(read_differences(&mut torn.as_bytes(), &paths).is_err(), "{torn:?}");
        }
    }

    #[test]
    fn batches_hold_blobs_with_newlines() {
        let output = b"ce01 blob 3\na\nb\nce02 blob 0\n\n";
        assert_eq!(parse_batch(output).unwrap(), vec![b"a\nb".to_vec(), Vec::new()]);
    }
}
