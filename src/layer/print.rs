//! Takes a tree, gives a print of it: the same as long as nobody wrote to it. The kernel sets the change time that is in
//! it, and no step can set that.

use std::ffi::{CStr, CString, OsStr};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;

use rustix::fs::{AtFlags, Dir, FileType, Mode, Stat};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{DEPTH, FOLDER};

/// Entries that are looked at; of a tree with more nothing is known.
const MOST: u64 = 2_000_000;

/// How a tree looked, contents unread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Print {
    digest: [u8; 32],
    /// Whatever is no folder.
    pub files: u64,
}

/// Takes the print of what has this name in a folder; nothing where nothing is, and nothing of what is too large, too deep
/// or shut: that counts as written to.
pub fn print_of(folder: impl AsFd, name: &OsStr) -> io::Result<Option<Print>> {
    let name = CString::new(name.as_bytes())?;
    let mut look = Look::default();
    let digest = look.entry(folder.as_fd(), &name, 0)?;
    Ok(digest.map(|digest| Print { digest, files: look.entries - look.folders }))
}

/// What was looked at so far.
#[derive(Default)]
struct Look {
    entries: u64,
    folders: u64,
}

impl Look {
    fn entry(&mut self, folder: BorrowedFd<'_>, name: &CStr, depth: usize) -> io::Result<Option<[u8; 32]>> {
        let stat = match rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => return Ok(None),
            stat => stat?,
        };
        self.entries += 1;
        let mut digest = Sha256::new();
        digest.update(name.to_bytes_with_nul());
        take(&mut digest, &stat);
        if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
            self.folders += 1;
            if depth == DEPTH || self.entries > MOST {
                return Ok(None);
            }
            let own = match rustix::fs::openat(folder, name, FOLDER, Mode::empty()) {
                Err(Errno::ACCESS) => return Ok(None),
                own => own?,
            };
            let mut below = Vec::new();
            for inner in Dir::read_from(&own)? {
                let inner = inner?;
                let name = inner.file_name();
                if matches!(name.to_bytes(), b"." | b"..") {
                    continue;
                }
                let Some(print) = self.entry(own.as_fd(), name, depth + 1)? else { return Ok(None) };
                below.push(print);
            }
            // In whatever order the file system lists them.
            below.sort_unstable();
            for print in &below {
                digest.update(print);
            }
        }
        Ok(Some(digest.finalize().into()))
    }
}

fn take(digest: &mut Sha256, stat: &Stat) {
    let is_folder = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
    for number in [stat.st_dev, stat.st_ino, u64::from(stat.st_mode)] {
        digest.update(number.to_le_bytes());
    }
    // Of a folder the times say no more than its entries.
    if !is_folder {
        for number in [stat.st_size, stat.st_ctime, stat.st_mtime] {
            digest.update(number.to_le_bytes());
        }
        for number in [stat.st_ctime_nsec, stat.st_mtime_nsec] {
            digest.update(number.to_le_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_print_changes_with_whatever_is_written_and_with_nothing_else() {
        let top = tempfile::tempdir().unwrap();
        let tree = top.path().join("tree");
        fs::create_dir_all(tree.join("a/b")).unwrap();
        fs::write(tree.join("a/b/file"), "one").unwrap();
        fs::write(tree.join("other"), "two").unwrap();
        let folder = fs::File::open(top.path()).unwrap();
        let now = || print_of(&folder, "tree".as_ref()).unwrap().unwrap();
        let mut last = now();
        assert_eq!(last.files, 2);
        assert_eq!(last, now());
        fs::read(tree.join("a/b/file")).unwrap();
        assert_eq!(last, now(), "reading is no writing");
        let old = fs::metadata(tree.join("a/b/file")).unwrap().modified().unwrap();
        let changes: [&dyn Fn(); 6] = [
            &|| {
                fs::write(tree.join("a/b/file"), "eno").unwrap();
                // The time that a step can set, as it was.
                fs::File::options()
                    .write(true)
                    .open(tree.join("a/b/file"))
                    .unwrap()
                    .set_modified(old)
                    .unwrap();
            },
            &|| fs::write(tree.join("a/new"), "").unwrap(),
            &|| fs::remove_file(tree.join("a/new")).unwrap(),
            &|| fs::rename(tree.join("other"), tree.join("another")).unwrap(),
            &|| rustix::fs::chmod(tree.join("a"), Mode::RWXU | Mode::XOTH).unwrap(),
            &|| std::os::unix::fs::symlink("x", tree.join("link")).unwrap(),
        ];
        for (number, change) in changes.iter().enumerate() {
            change();
            let then = now();
            assert_ne!(last, then, "change {number}");
            last = then;
        }
    }

    #[test]
    fn of_what_cannot_be_looked_at_whole_nothing_is_known() {
        let top = tempfile::tempdir().unwrap();
        let folder = fs::File::open(top.path()).unwrap();
        assert_eq!(print_of(&folder, "nothing".as_ref()).unwrap(), None);
        let mut deep = top.path().join("deep");
        for _ in 0..=DEPTH {
            deep.push("d");
        }
        fs::create_dir_all(deep).unwrap();
        assert_eq!(print_of(&folder, "deep".as_ref()).unwrap(), None);
    }
}
