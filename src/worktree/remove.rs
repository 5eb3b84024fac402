//! Removes a tree that a step wrote: no link followed, no mount crossed, read-only folders opened up, whatever
//! its depth. What cannot be removed is named, and everything else goes all the same.

use std::ffi::{CStr, CString, OsStr};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, RenameFlags, ResolveFlags};
use rustix::io::Errno;

use super::error::{WorktreeError, at};
use super::halt::Halt;

/// Folders that are open at once; what lies deeper is moved up to the top first.
const DEPTH: usize = 64;

/// How often a folder is looked at that somebody goes on filling.
const ROUNDS: usize = 16;

/// How many of the paths that stayed are named.
const NAMED: usize = 5;

/// Removes whatever is at a path; nothing being there is fine.
pub(crate) fn remove_tree(path: &Path) -> Result<(), WorktreeError> {
    remove_tree_heeding(path, &Halt::never())
}

/// The same, broken off once it is time to.
pub(super) fn remove_tree_heeding(path: &Path, halt: &Halt) -> Result<(), WorktreeError> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(at(path)(io::ErrorKind::InvalidInput.into()));
    };
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let top = match rustix::fs::open(parent, flags, Mode::empty()) {
        Err(Errno::NOENT) => return Ok(()),
        opened => opened.map_err(|error| at(parent)(error.into()))?,
    };
    remove_in(top, name.as_bytes(), halt).map_err(|left| {
        io::Error::other(format!("{} cannot be removed whole: {left}", path.display())).into()
    })
}

/// Removes what has this name in a folder; the error names what stays.
pub(super) fn remove_in(top: OwnedFd, name: &[u8], halt: &Halt) -> Result<(), String> {
    let name = CString::new(name).map_err(|error| error.to_string())?;
    let mut removal = Removal { top, moved: 0, waiting: vec![name], left: Vec::new(), halt };
    while let Some(name) = removal.waiting.pop() {
        let top = removal.top.try_clone().map_err(|error| error.to_string())?;
        removal.entry(top.as_fd(), &name, 0, OsStr::from_bytes(name.to_bytes()).as_ref());
    }
    removal.left.sort();
    removal.left.dedup();
    let more = removal.left.len().saturating_sub(NAMED);
    match removal.left.get(..removal.left.len().min(NAMED)) {
        None | Some([]) => Ok(()),
        Some(named) => {
            let more = if more == 0 { String::new() } else { format!(", and {more} more") };
            Err(format!("{}{more}", named.join(", ")))
        }
    }
}

/// A removal under way.
struct Removal<'h> {
    /// The folder that the removed tree lies in.
    top: OwnedFd,
    /// Deep folders moved up so far.
    moved: usize,
    /// Names in `top` that are to go.
    waiting: Vec<CString>,
    /// What stays, and why.
    left: Vec<String>,
    halt: &'h Halt,
}

impl Removal<'_> {
    /// Removes one entry of a folder, with all that is below it.
    fn entry(&mut self, parent: BorrowedFd<'_>, name: &CStr, depth: usize, shown: &Path) {
        match rustix::fs::unlinkat(parent, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => return,
            Err(Errno::ISDIR) => {}
            // What some systems say of a folder, and all of a file that may not go.
            Err(error) if is_folder(parent, name) == Ok(false) => return self.stays(shown, error),
            Err(_) => {}
        }
        if depth == DEPTH {
            return self.move_up(parent, name, shown);
        }
        let mut result = Err(Errno::NOTEMPTY);
        for _ in 0..ROUNDS {
            let folder = match open_folder(parent, name) {
                Ok(folder) => folder,
                Err(Errno::NOENT) => return,
                Err(error) => return self.stays(shown, error),
            };
            let before = self.left.len();
            self.contents(&folder, depth, shown);
            if self.left.len() > before {
                return;
            }
            result = rustix::fs::unlinkat(parent, name, AtFlags::REMOVEDIR);
            if result != Err(Errno::NOTEMPTY) {
                break;
            }
        }
        if let Err(error) = result.or_else(|error| if error == Errno::NOENT { Ok(()) } else { Err(error) }) {
            self.stays(shown, error);
        }
    }

    fn contents(&mut self, folder: &OwnedFd, depth: usize, shown: &Path) {
        let entries = match Dir::read_from(folder) {
            Ok(entries) => entries,
            Err(error) => return self.stays(shown, error),
        };
        for entry in entries {
            if self.halt.is_time() {
                return self.stays(shown, Errno::INTR);
            }
            match entry {
                Ok(entry) if matches!(entry.file_name().to_bytes(), b"." | b"..") => {}
                Ok(entry) => {
                    let name = entry.file_name();
                    // Whole paths would be long before they are of use.
                    let shown = if depth < DEPTH / 2 {
                        shown.join(OsStr::from_bytes(name.to_bytes()))
                    } else {
                        shown.to_owned()
                    };
                    self.entry(folder.as_fd(), name, depth + 1, &shown);
                }
                Err(error) => return self.stays(shown, error),
            }
        }
    }

    /// Moves a deep folder to the top, where it waits for its turn.
    fn move_up(&mut self, parent: BorrowedFd<'_>, name: &CStr, shown: &Path) {
        loop {
            self.moved += 1;
            let Ok(new) = CString::new(format!(".removing-{}-{}", std::process::id(), self.moved)) else {
                return;
            };
            // Moving a folder writes to it, too.
            let _ = permit(parent, name);
            match rustix::fs::renameat_with(parent, name, &self.top, &new, RenameFlags::NOREPLACE) {
                Ok(()) => return self.waiting.push(new),
                Err(Errno::EXIST) => {}
                Err(Errno::NOENT) => return,
                Err(error) => return self.stays(shown, error),
            }
        }
    }

    fn stays(&mut self, shown: &Path, error: Errno) {
        let why = match error {
            Errno::XDEV | Errno::BUSY => "something is mounted there".to_owned(),
            error => io::Error::from(error).to_string(),
        };
        self.left.push(format!("{} ({why})", shown.display()));
    }
}

/// Opens a folder to empty it: neither a link nor a mount, and opened up if need be.
fn open_folder(parent: BorrowedFd<'_>, name: &CStr) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY;
    let folder = match open(parent, name, flags) {
        Err(Errno::ACCESS) => {
            permit(parent, name)?;
            open(parent, name, flags)?
        }
        opened => opened?,
    };
    let mode = Mode::from_raw_mode(rustix::fs::fstat(&folder)?.st_mode);
    if !mode.contains(Mode::RWXU) {
        rustix::fs::fchmod(&folder, Mode::RWXU)?;
    }
    Ok(folder)
}

/// Opens up a folder that cannot be opened.
fn permit(parent: BorrowedFd<'_>, name: &CStr) -> rustix::io::Result<()> {
    let folder = open(parent, name, OFlags::PATH | OFlags::DIRECTORY)?;
    rustix::fs::chmod(format!("/proc/self/fd/{}", folder.as_raw_fd()), Mode::RWXU)
}

fn open(parent: BorrowedFd<'_>, name: &CStr, flags: OFlags) -> rustix::io::Result<OwnedFd> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_XDEV;
    let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat2(parent, name, flags, Mode::empty(), resolve)
}

fn is_folder(parent: BorrowedFd<'_>, name: &CStr) -> rustix::io::Result<bool> {
    let stat = rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(FileType::from_raw_mode(stat.st_mode) == FileType::Directory)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn read_only_folders_are_removed_and_links_are_not_followed() {
        let top = tempfile::tempdir().unwrap();
        let outside = top.path().join("outside");
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("kept"), "x").unwrap();
        let tree = top.path().join("tree");
        fs::create_dir_all(tree.join("a/b")).unwrap();
        fs::write(tree.join("a/b/c"), "x").unwrap();
        std::os::unix::fs::symlink(&outside, tree.join("a/link")).unwrap();
        for (folder, mode) in [("a/b", 0o000), ("a", 0o500)] {
            fs::set_permissions(tree.join(folder), fs::Permissions::from_mode(mode)).unwrap();
        }
        remove_tree(&tree).unwrap();
        assert!(!tree.exists());
        assert!(outside.join("kept").exists());
        remove_tree(&tree).unwrap();
        let link = top.path().join("link");
        std::os::unix::fs::symlink(&outside, &link).unwrap();
        remove_tree(&link).unwrap();
        assert!(outside.join("kept").exists() && !link.exists());
    }

    #[test]
    fn folders_deeper_than_descriptors_and_paths_reach_are_removed() {
        let top = tempfile::tempdir().unwrap();
        let tree = top.path().join("tree");
        fs::create_dir(&tree).unwrap();
        let flags = OFlags::PATH | OFlags::DIRECTORY;
        let mut folder = rustix::fs::open(&tree, flags, Mode::empty()).unwrap();
        for _ in 0..3000 {
            rustix::fs::mkdirat(&folder, "deep", Mode::RWXU).unwrap();
            folder = rustix::fs::openat(&folder, "deep", flags, Mode::empty()).unwrap();
        }
        remove_tree(&tree).unwrap();
        assert_eq!(fs::read_dir(top.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_folder_that_is_filled_while_it_is_removed_is_removed_or_named() {
        let top = tempfile::tempdir().unwrap();
        let tree = top.path().join("tree");
        fs::create_dir(&tree).unwrap();
        let stop = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut n = 0;
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    n += 1;
                    let _ = fs::write(tree.join(format!("f{}", n % 100)), "x");
                }
            });
            let removed = remove_tree(&tree);
            stop.store(true, std::sync::atomic::Ordering::Relaxed);
            if let Err(error) = removed {
                assert!(error.to_string().contains("tree (Directory not empty"), "{error}");
            }
        });
        remove_tree(&tree).unwrap();
        assert_eq!(fs::read_dir(top.path()).unwrap().count(), 0);
    }
}
