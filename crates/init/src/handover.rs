//! Takes a directory that root has made, gives it with all that is in it to whom the steps run as.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use nix::unistd::geteuid;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use crate::granted::Identity;

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Makes a directory and everything below it over to an identity, without following links and without entering
/// what is mounted there. Does nothing when the caller is not root: then it is the owner already.
///
/// A step can have made folders deeper than a stack or descriptors reach: one is open at a time.
pub fn make_over(path: &Path, identity: &Identity) -> io::Result<()> {
    if !geteuid().is_root() {
        return Ok(());
    }
    let mut here = rustix::fs::open(path, FOLDER, Mode::empty())?;
    let mut above = vec![Level::take(&here, identity)?];
    while let Some(level) = above.last_mut() {
        if let Some(name) = level.folders.pop() {
            let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_XDEV;
            match rustix::fs::openat2(&here, name, FOLDER, Mode::empty(), resolve) {
                Err(Errno::XDEV) => {}
                below => {
                    here = below?;
                    above.push(Level::take(&here, identity)?);
                }
            }
        } else {
            above.pop();
            if let Some(level) = above.last() {
                here = rustix::fs::openat(&here, "..", FOLDER, Mode::empty())?;
                if which(&here)? != level.folder {
                    return Err(io::Error::other("a folder was moved while it was made over"));
                }
            }
        }
    }
    Ok(())
}

/// A folder on the way down.
struct Level {
    folder: (u64, u64),
    /// Folders in it that are still to be entered.
    folders: Vec<CString>,
}

impl Level {
    /// Makes a folder and the files in it over.
    fn take(folder: &OwnedFd, identity: &Identity) -> io::Result<Self> {
        let (uid, gid) = (rustix::fs::Uid::from_raw(identity.uid), rustix::fs::Gid::from_raw(identity.gid));
        let mut folders = Vec::new();
        for entry in Dir::read_from(folder)? {
            let entry = entry?;
            let name = entry.file_name();
            if name == c"." || name == c".." {
                continue;
            }
            if is_folder(folder, name, entry.file_type())? {
                folders.push(name.to_owned());
            } else {
                rustix::fs::chownat(folder, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)?;
            }
        }
        rustix::fs::fchown(folder, Some(uid), Some(gid))?;
        Ok(Self { folder: which(folder)?, folders })
    }
}

/// Not every file system tells with the name what it is a name of.
fn is_folder(folder: &OwnedFd, name: &CStr, told: FileType) -> io::Result<bool> {
    let kind = match told {
        FileType::Unknown => {
            let stat = rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
            FileType::from_raw_mode(stat.st_mode)
        }
        told => told,
    };
    Ok(kind == FileType::Directory)
}

fn which(folder: impl AsFd) -> io::Result<(u64, u64)> {
    let stat = rustix::fs::fstat(folder)?;
    Ok((stat.st_dev, stat.st_ino))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::MetadataExt;

    use super::*;

    /// As root the whole tree changes hands; anybody else has it already.
    fn owner(before: u32) -> u32 {
        if geteuid().is_root() { 4242 } else { before }
    }

    fn somebody() -> Identity {
        Identity { uid: 4242, gid: 4242, name: "somebody".to_owned(), own: false }
    }

    #[test]
    fn everything_changes_hands_and_no_link_is_followed() {
        let top = tempfile::tempdir().unwrap();
        let (tree, outside) = (top.path().join("tree"), top.path().join("outside"));
        fs::create_dir_all(tree.join("a/b")).unwrap();
        fs::create_dir_all(tree.join("c")).unwrap();
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("file"), "x").unwrap();
        fs::write(tree.join("a/b/file"), "x").unwrap();
        std::os::unix::fs::symlink(&outside, tree.join("a/link")).unwrap();
        std::os::unix::fs::symlink(outside.join("file"), tree.join("link")).unwrap();
        let uid = |path: &Path| fs::symlink_metadata(path).unwrap().uid();
        let before = uid(&tree);
        make_over(&tree, &somebody()).unwrap();
        for path in ["", "a", "a/b", "a/b/file", "a/link", "c", "link"] {
            assert_eq!(uid(&tree.join(path)), owner(before), "{path}");
        }
        for path in ["", "file"] {
            assert_eq!(uid(&outside.join(path)), before, "{path}");
        }
    }

    #[test]
    fn folders_deeper_than_stack_and_descriptors_reach_change_hands() {
        let top = tempfile::tempdir().unwrap();
        let mut folder = rustix::fs::open(top.path(), FOLDER, Mode::empty()).unwrap();
        let before = rustix::fs::fstat(&folder).unwrap().st_uid;
        for _ in 0..20_000 {
            rustix::fs::mkdirat(&folder, "d", Mode::RWXU).unwrap();
            folder = rustix::fs::openat(&folder, "d", FOLDER, Mode::empty()).unwrap();
        }
        make_over(top.path(), &somebody()).unwrap();
        assert_eq!(rustix::fs::fstat(&folder).unwrap().st_uid, owner(before));
        drop(folder);
        // The standard library would recurse, too.
        let removed = std::process::Command::new("rm").arg("-rf").arg(top.path()).status().unwrap();
        assert!(removed.success());
    }
}
