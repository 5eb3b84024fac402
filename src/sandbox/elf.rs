//! Takes a program or a library in the ELF format, gives what the kernel and the loader want for it: its interpreter, the libraries it names and the
//! folders that it has them looked for in. The file is anybody's: whatever is not as it should be is no ELF file.

use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

/// Longer tables no linker makes.
const LONGEST: u64 = 1 << 20;
const MOST_SEGMENTS: u64 = 256;

const LOAD: u64 = 1;
const DYNAMIC: u64 = 2;
const INTERPRETER: u64 = 3;

const NEEDED: u64 = 1;
const STRINGS: u64 = 5;
const STRINGS_SIZE: u64 = 10;
const RPATH: u64 = 15;
const RUNPATH: u64 = 29;

/// What a file needs.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Needs {
    /// The loader, if it is a program that has one.
    pub(super) interpreter: Option<PathBuf>,
    /// Names of libraries.
    pub(super) libraries: Vec<PathBuf>,
    /// Where they are looked for first, as it is written: `$ORIGIN` is the folder of the file.
    pub(super) search: Vec<PathBuf>,
}

/// Reads a file; nothing if it is no ELF file.
pub(super) fn needs(path: &Path) -> Option<Needs> {
    let file = File::open(path).ok()?;
    let head = read(&file, 0, 64)?;
    let magic = head.starts_with(b"\x7fELF");
    let elf = Elf { file: &file, wide: *head.get(4)? == 2, big: *head.get(5)? == 2 };
    magic.then_some(())?;
    let (at, size, count) = if elf.wide { (32, 54, 56) } else { (28, 42, 44) };
    let (at, size, count) = (elf.word(&head, at)?, elf.number(&head, size, 2)?, elf.number(&head, count, 2)?);
    let table = read(&file, at, size.checked_mul(count.min(MOST_SEGMENTS))?)?;
    let segments: Vec<Segment> = table
        .chunks_exact(usize::try_from(size).ok().filter(|size| *size > 0)?)
        .filter_map(|raw| elf.segment(raw))
        .collect();
    let of = |kind: u64| segments.iter().find(|segment| segment.kind == kind);
    let interpreter =
        of(INTERPRETER).and_then(|own| read(&file, own.offset, own.size)).and_then(|raw| text(&raw, 0));
    let mut needs = Needs { interpreter, ..Needs::default() };
    if let Some(dynamic) = of(DYNAMIC) {
        elf.dynamic(dynamic, &segments, &mut needs);
    }
    Some(needs)
}

/// A part of a file that is loaded, or tells of such.
struct Segment {
    kind: u64,
    offset: u64,
    address: u64,
    size: u64,
}

struct Elf<'f> {
    file: &'f File,
    wide: bool,
    big: bool,
}

impl Elf<'_> {
    fn number(&self, bytes: &[u8], at: usize, len: usize) -> Option<u64> {
        let bytes = bytes.get(at..at.checked_add(len)?)?;
        let fold = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
        Some(if self.big { bytes.iter().fold(0, fold) } else { bytes.iter().rev().fold(0, fold) })
    }

    /// A number as wide as an address.
    fn word(&self, bytes: &[u8], at: usize) -> Option<u64> {
        self.number(bytes, at, if self.wide { 8 } else { 4 })
    }

    fn segment(&self, raw: &[u8]) -> Option<Segment> {
        let (offset, address, size) = if self.wide { (8, 16, 32) } else { (4, 8, 16) };
        Some(Segment {
            kind: self.number(raw, 0, 4)?,
            offset: self.word(raw, offset)?,
            address: self.word(raw, address)?,
            size: self.word(raw, size)?,
        })
    }

    fn dynamic(&self, dynamic: &Segment, segments: &[Segment], needs: &mut Needs) {
        let width = if self.wide { 8 } else { 4 };
        let Some(table) = read(self.file, dynamic.offset, dynamic.size) else { return };
        let entries: Vec<(u64, u64)> = table
            .chunks_exact(2 * width)
            .filter_map(|raw| Some((self.word(raw, 0)?, self.word(raw, width)?)))
            .take_while(|(tag, _)| *tag != 0)
            .collect();
        let value = |wanted: u64| entries.iter().find(|(tag, _)| *tag == wanted).map(|(_, value)| *value);
        let strings = value(STRINGS).zip(value(STRINGS_SIZE)).and_then(|(address, size)| {
            let within = |own: &&Segment| {
                own.kind == LOAD && (own.address..own.address.saturating_add(own.size)).contains(&address)
            };
            let own = segments.iter().find(within)?;
            read(self.file, own.offset.checked_add(address - own.address)?, size)
        });
        let Some(strings) = strings else { return };
        let named = |tag: u64| {
            entries.iter().filter(move |(own, _)| *own == tag).filter_map(|(_, at)| text(&strings, *at))
        };
        needs.libraries = named(NEEDED).collect();
        let folders = named(RPATH).chain(named(RUNPATH));
        needs.search = folders.flat_map(|list| split(&list)).collect();
    }
}

fn split(list: &Path) -> Vec<PathBuf> {
    let parts = list.as_os_str().as_bytes().split(|byte| *byte == b':');
    parts.filter(|part| !part.is_empty()).map(|part| PathBuf::from(OsStr::from_bytes(part))).collect()
}

/// Reads a string that ends with a NUL.
fn text(bytes: &[u8], at: u64) -> Option<PathBuf> {
    let rest = bytes.get(usize::try_from(at).ok()?..)?;
    let end = memchr::memchr(0, rest)?;
    Some(PathBuf::from(OsStr::from_bytes(&rest[..end])))
}

fn read(file: &File, at: u64, size: u64) -> Option<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(size.min(LONGEST)).ok()?];
    file.read_exact_at(&mut bytes, at).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_names_its_loader_and_its_libraries_and_garbage_names_nothing() {
        let own = needs(&std::env::current_exe().unwrap()).unwrap();
        assert!(own.interpreter.as_ref().is_some_and(|loader| loader.exists()), "{own:?}");
        assert!(own.libraries.iter().any(|name| name.to_string_lossy().starts_with("libc.")), "{own:?}");
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x");
        let mut bytes = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        bytes.truncate(4096);
        std::fs::write(&file, "no program").unwrap();
        assert_eq!(needs(&file), None);
        // Whatever a byte of the head says, it ends, and in order.
        for at in 0..64 {
            for value in [0, 1, 0x7f, 0xff] {
                let mut bent = bytes.clone();
                bent[at] = value;
                std::fs::write(&file, bent).unwrap();
                let _ = needs(&file);
            }
        }
    }
}
