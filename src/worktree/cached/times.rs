//! Takes the files of a checkout, gives when each was written, and puts it back on those that are the same: build tools
//! take what is newer than what they made for changed.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::Timespec;
use sha2::{Digest as _, Sha256};

use crate::git::RawOid;
use crate::worktree::changes::Snapshot;
use crate::worktree::root::{Root, split};

/// When a path was written, and what it was then.
type Written = (String, i64, i64);

/// Writes down when each file and folder of the last checkpoint was written: the worktree is as there.
pub(super) fn write(root: &Root, snapshot: &Snapshot) -> io::Result<Vec<u8>> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let mut text = Vec::new();
    for (path, what) in described(snapshot) {
        root.halt().check()?;
        let Some(stat) = root.stat(&path)? else { continue };
        // A step can set any time; of what is to come nobody could be newer.
        if u64::try_from(stat.st_mtime).is_ok_and(|time| time <= now) {
            text.extend(format!("{what} {} {} ", stat.st_mtime, stat.st_mtime_nsec).as_bytes());
            text.extend(&path);
            text.push(0);
        }
    }
    Ok(text)
}

/// Puts the times back on whatever is as it was then. All else keeps the time of its checkout, which is now.
pub(super) fn put_back(root: &Root, snapshot: &Snapshot, text: &[u8]) -> io::Result<()> {
    let known: HashMap<&[u8], Written> = text.split(|&byte| byte == 0).filter_map(read).collect();
    // Folders come behind all files: none is written to after that.
    for (path, what) in described(snapshot) {
        root.halt().check()?;
        let Some((_, seconds, nanoseconds)) = known.get(&*path).filter(|(then, ..)| *then == what) else {
            continue;
        };
        root.set_modified(&path, Timespec { tv_sec: *seconds, tv_nsec: *nanoseconds })?;
    }
    Ok(())
}

/// Lists the files by mode and bytes, and then the folders by what the checkpoint has in them, the inner ones first.
fn described(snapshot: &Snapshot) -> Vec<(Vec<u8>, String)> {
    let mut folders: BTreeMap<Vec<u8>, BTreeSet<Vec<u8>>> = BTreeMap::new();
    let mut all = Vec::new();
    for (path, mode, bytes) in snapshot.on_disk() {
        all.push((path.to_vec(), file(mode, bytes)));
        let mut inner = path;
        while let (folder, name) = split(inner)
            && !folder.is_empty()
        {
            folders.entry(folder.to_vec()).or_default().insert(name.to_vec());
            inner = folder;
        }
    }
    let of = |names: &BTreeSet<Vec<u8>>| {
        let mut digest = Sha256::new();
        for name in names {
            digest.update([name.as_slice(), b"\0"].concat());
        }
        format!("d:{}", hex::encode(digest.finalize()))
    };
    all.extend(folders.iter().rev().map(|(path, names)| (path.clone(), of(names))));
    all
}

fn file(mode: u32, bytes: RawOid) -> String {
    format!("{mode:o}:{bytes}")
}

fn read(line: &[u8]) -> Option<(&[u8], Written)> {
    let mut parts = line.splitn(4, |&byte| byte == b' ');
    let mut word = || std::str::from_utf8(parts.next()?).ok();
    let (what, seconds, nanoseconds) = (word()?.to_owned(), word()?.parse().ok()?, word()?.parse().ok()?);
    let path = OsStr::from_bytes(parts.next()?);
    Some((path.as_bytes(), (what, seconds, nanoseconds)))
}
