//! What the host has already downloaded, seen below the command's HOME: the host's as the lower layer of an
//! overlay, what a run adds in a layer of the run's own; where no overlay is to be had, a copy. Never credentials: only
//! folders of content are named.

use std::fs;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::mount::{MsFlags, mount as mount_call};
use rustix::fs::{Mode, OFlags, RenameFlags};

use crate::granted::{Cache, Identity, Isolation};
use crate::handover;
use crate::mounts::{below, failed};
use crate::outcome::SandboxError;
use crate::spec::Launch;
use crate::stack::{Owner, Stack, beside};

/// Of a cache that belongs to somebody else than the command: which of its folders are made anew, for the command to write in,
/// and what is copied, since a tool writes over it in place.
#[derive(Debug, Clone, Copy)]
struct Anew {
    /// So deep.
    depth: usize,
    /// Below a folder that holds more folders than this is content: single crates, which are read.
    many: usize,
    /// What ends the name of a folder of content.
    content: Option<char>,
    /// Paths that are copied whole.
    copied: &'static [&'static str],
}

impl Anew {
    fn of(name: &str) -> Self {
        match name {
            // Two levels of buckets by hash, into which whatever is new goes, and an index whose files are added to.
            "npm" => Self { depth: 8, many: usize::MAX, content: None, copied: &["index-v5"] },
            // Modules lie as deep as their paths are; each version is a folder with its name behind an `@`.
            "go" => Self { depth: 32, many: usize::MAX, content: Some('@'), copied: &["cache/lock"] },
            _ => Self { depth: 3, many: 48, content: None, copied: &[] },
        }
    }

    /// Tells whether a folder is content.
    fn is_content(self, name: &str) -> bool {
        // `@v` is where the versions of a module are listed.
        self.content.is_some_and(|mark| name.find(mark).is_some_and(|at| at > 0))
    }
}

/// So many folders are made anew at most, and so many files are copied.
const MOST: usize = 50_000;

/// Mounts the caches of a launch. Called while the host's root lies at `host`.
pub(crate) fn mount(launch: &Launch, host: &Path) -> Result<(), SandboxError> {
    for cache in &launch.grant.caches {
        one(launch, host, cache)
            .map_err(|error| failed(&format!("cache {}", cache.host.display()), error))?;
    }
    Ok(())
}

/// Mounts HOME and the worktree as layers above others, where there are any.
pub(crate) fn mount_own(launch: &Launch, host: &Path) -> Result<(), SandboxError> {
    let (place, seen) = (&launch.place, &launch.seen);
    let all = [
        ("HOME", &place.home, &place.below_home, &seen.home),
        ("the worktree", &place.worktree, &place.below_worktree, &seen.worktree),
    ];
    for (what, own, lowers, target) in all.into_iter().filter(|(_, _, lowers, _)| !lowers.is_empty()) {
        let stack = Stack {
            upper: below(host, own),
            work: beside(&below(host, own)).join(".work"),
            lowers: lowers.iter().map(|lower| below(host, lower)).collect(),
        };
        let mounted = stack.mount(target, owner(launch.grant.isolation));
        mounted.map_err(|error| failed(&format!("layer {what}"), error))?;
    }
    Ok(())
}

fn one(launch: &Launch, host: &Path, cache: &Cache) -> io::Result<()> {
    let lower = below(host, &cache.host);
    if !readable(&lower, &launch.grant.identity) {
        return Ok(());
    }
    let identity = &launch.grant.identity;
    // HOME is the step's: whatever an earlier command put there, no link is followed.
    let Ok(target) = plain_folder(&launch.seen.home, &cache.seen, identity) else { return Ok(()) };
    let target = format!("/proc/self/fd/{}", target.as_raw_fd());
    let layers = layers(&below(host, &launch.place.home), &lower, cache, identity)?;
    // What steps above added to theirs is seen through this one's.
    let homes = launch.place.below_home.iter().map(|home| beside(&below(host, home)));
    let added = homes.map(|layers| layers.join(&cache.name).join("upper")).filter(|path| path.is_dir());
    let lowers = added.chain([lower.clone()]).collect();
    let stack = Stack { upper: layers.join("upper"), work: layers.join("work"), lowers };
    if stack.mount(Path::new(&target), owner(launch.grant.isolation)).is_ok() {
        return Ok(());
    }
    if !launch.place.below_home.is_empty() {
        // HOME is an overlay, and what was added elsewhere is not seen through a copy.
        return Err(io::Error::other("no overlay over this folder, and there is one over HOME"));
    }
    // No overlay over this file system: a copy of the run's own, made once.
    let copy = copy(&lower, &layers, identity)?;
    mount_call(Some(&copy), target.as_str(), None::<&str>, MsFlags::MS_BIND, None::<&str>)?;
    // The descriptor is of the folder below the mount: reach the mount by its name.
    let name = launch.seen.home.join(&cache.seen);
    let sealed = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount_call(None::<&str>, &name, None::<&str>, sealed, None::<&str>)?;
    Ok(())
}

fn owner(isolation: Isolation) -> Owner {
    if matches!(isolation, Isolation::Namespaces { user: true, .. }) { Owner::User } else { Owner::Root }
}

/// Copies the caches of a launch into its HOME, where nothing can be mounted: before the run's first command, for
/// later there is no telling what lies there.
pub(crate) fn copy_in(launch: &Launch) -> Result<(), SandboxError> {
    for cache in &launch.grant.caches {
        copy_one(launch, cache).map_err(|error| failed(&format!("cache {}", cache.host.display()), error))?;
    }
    Ok(())
}

fn copy_one(launch: &Launch, cache: &Cache) -> io::Result<()> {
    let identity = &launch.grant.identity;
    let (Some(above), Some(name)) = (cache.seen.parent(), cache.seen.file_name()) else { return Ok(()) };
    let layers = beside(&launch.place.home).join(&cache.name);
    if layers.is_dir() || !readable(&cache.host, identity) {
        return Ok(());
    }
    fs::create_dir_all(&layers)?;
    let copy = copy(&cache.host, &layers, identity)?;
    let Ok(above) = plain_folder(&launch.place.home, above, identity) else { return Ok(()) };
    // What is there already stays: somebody put it there for this run.
    match rustix::fs::renameat_with(rustix::fs::CWD, &copy, &above, name, RenameFlags::NOREPLACE) {
        Err(rustix::io::Errno::EXIST) | Ok(()) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Copies a cache beside the other layers, unless that is done. Folders and regular files; nothing else is content.
fn copy(lower: &Path, layers: &Path, identity: &Identity) -> io::Result<PathBuf> {
    let done = layers.join("copy");
    if done.is_dir() {
        return Ok(done);
    }
    let fresh = layers.join("copy.new");
    if fresh.is_dir() {
        fs::remove_dir_all(&fresh)?;
    }
    copy_folder(lower, &fresh)?;
    handover::make_over(&fresh, identity)?;
    fs::rename(&fresh, &done)?;
    Ok(done)
}

fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (kind, to) = (entry.file_type()?, to.join(entry.file_name()));
        if kind.is_dir() {
            copy_folder(&entry.path(), &to)?;
        } else if kind.is_file() {
            fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}

/// Tells whether the command's identity could read the host's own.
fn readable(lower: &Path, identity: &Identity) -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(lower)
        .is_ok_and(|seen| seen.is_dir() && (seen.uid() == identity.uid || seen.mode() & 0o005 == 0o005))
}

/// Makes the run's own layers beside its HOME, where no step sees them.
fn layers(home: &Path, lower: &Path, cache: &Cache, identity: &Identity) -> io::Result<PathBuf> {
    let all = beside(home);
    let done = all.join(&cache.name);
    if done.is_dir() {
        return Ok(done);
    }
    let fresh = all.join(format!("{}.new", cache.name));
    fs::create_dir_all(fresh.join("upper"))?;
    if nix::unistd::geteuid().is_root() {
        let (anew, upper) = (Anew::of(&cache.name), fresh.join("upper"));
        let mut left = MOST;
        skeleton(lower, &upper, identity, (anew, anew.depth), &mut left)?;
        for path in anew.copied {
            copy_over(&lower.join(path), &upper.join(path), identity, &mut left)?;
        }
    }
    fs::rename(&fresh, &done)?;
    Ok(done)
}

/// Makes the upper folders of the host's, owned by the command's identity: an overlay takes owner and mode of a
/// folder from the upper layer, and the host's belong to somebody else.
fn skeleton(
    lower: &Path,
    upper: &Path,
    identity: &Identity,
    (anew, depth): (Anew, usize),
    left: &mut usize,
) -> io::Result<()> {
    give(upper, identity)?;
    if depth == 0 {
        return Ok(());
    }
    let mut folders = Vec::new();
    for entry in fs::read_dir(lower)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() && !anew.is_content(&entry.file_name().to_string_lossy()) {
            folders.push(entry.file_name());
        }
    }
    if folders.len() > anew.many || folders.len() > *left {
        return Ok(());
    }
    *left -= folders.len();
    for name in folders {
        let folder = upper.join(&name);
        fs::create_dir_all(&folder)?;
        skeleton(&lower.join(&name), &folder, identity, (anew, depth - 1), left)?;
    }
    Ok(())
}

/// Copies a file, or the files of a folder and of those below it that were made anew, for the command's identity to write over.
fn copy_over(lower: &Path, upper: &Path, identity: &Identity, left: &mut usize) -> io::Result<()> {
    let Ok(kind) = fs::symlink_metadata(lower).map(|seen| seen.file_type()) else { return Ok(()) };
    if kind.is_file() && *left > 0 {
        *left -= 1;
        fs::copy(lower, upper)?;
        return give(upper, identity);
    }
    if !kind.is_dir() || !upper.is_dir() {
        return Ok(());
    }
    for entry in fs::read_dir(lower)? {
        let name = entry?.file_name();
        copy_over(&lower.join(&name), &upper.join(&name), identity, left)?;
    }
    Ok(())
}

fn give(path: &Path, identity: &Identity) -> io::Result<()> {
    std::os::unix::fs::lchown(path, Some(identity.uid), Some(identity.gid))
}

/// Opens a folder below another, making what is missing, refusing links on the way.
fn plain_folder(base: &Path, relative: &Path, identity: &Identity) -> io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut folder = rustix::fs::open(base, flags, Mode::empty())?;
    for part in relative {
        let made = rustix::fs::mkdirat(&folder, part, Mode::from_raw_mode(0o755)).is_ok();
        if made && nix::unistd::geteuid().is_root() {
            let (uid, gid) =
                (rustix::fs::Uid::from_raw(identity.uid), rustix::fs::Gid::from_raw(identity.gid));
            let nofollow = rustix::fs::AtFlags::SYMLINK_NOFOLLOW;
            rustix::fs::chownat(&folder, part, Some(uid), Some(gid), nofollow)?;
        }
        folder = rustix::fs::openat(&folder, part, flags, Mode::empty())?;
    }
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    #[ignore = "needs root, to give files away"]
    fn what_a_tool_adds_to_and_writes_over_belongs_to_the_command() {
        let folder = tempfile::tempdir().unwrap();
        let (home, host) = (folder.path().join("home"), folder.path().join("host"));
        let identity = Identity { uid: 54321, gid: 54321, name: "step".into(), own: true };
        let made = |name: &str, files: &[&str]| {
            let host = host.join(name);
            for file in files {
                fs::create_dir_all(host.join(file).parent().unwrap()).unwrap();
                fs::write(host.join(file), file).unwrap();
            }
            // More buckets than would be looked into elsewhere.
            for bucket in 0..100 {
                fs::create_dir_all(host.join(format!("content-v2/sha512/{bucket:02x}/00"))).unwrap();
            }
            let cache = Cache { name: name.into(), host: host.clone(), seen: name.into() };
            layers(&home, &host, &cache, &identity).unwrap().join("upper")
        };
        let owner = |path: &Path| fs::symlink_metadata(path).ok().map(|seen| seen.uid());
        let npm = made("npm", &["index-v5/7f/c3/entry", "content-v2/sha512/ff/00/package"]);
        for path in
            ["index-v5/7f/c3/entry", "index-v5/7f/c3", "content-v2/sha512/3f/00", "content-v2/sha512/ff/00"]
        {
            assert_eq!(owner(&npm.join(path)), Some(54321), "{path}");
        }
        assert_eq!(fs::read_to_string(npm.join("index-v5/7f/c3/entry")).unwrap(), "index-v5/7f/c3/entry");
        assert_eq!(
            owner(&npm.join("content-v2/sha512/ff/00/package")),
            None,
            "what is read stays the host's"
        );
        let go = made(
            "go",
            &["cache/lock", "cache/download/example.org/a/b/@v/list", "example.org/a/b@v1.0.0/c/d.go"],
        );
        for path in ["cache/lock", "cache/download/example.org/a/b/@v", "example.org/a"] {
            assert_eq!(owner(&go.join(path)), Some(54321), "{path}");
        }
        assert_eq!(owner(&go.join("example.org/a/b@v1.0.0")), None);
    }

    #[test]
    fn layers_are_made_whatever_one_who_was_killed_has_left_of_them() {
        let folder = tempfile::tempdir().unwrap();
        let (home, lower) = (folder.path().join("home"), folder.path().join("lower"));
        fs::create_dir_all(lower.join("below")).unwrap();
        let (uid, gid) = (nix::unistd::geteuid().as_raw(), nix::unistd::getegid().as_raw());
        let identity = Identity { uid, gid, name: "step".into(), own: false };
        let cache = Cache { name: "cache".into(), host: lower.clone(), seen: "cache".into() };
        let made = || layers(&home, &lower, &cache, &identity).unwrap();
        fs::create_dir_all(beside(&home).join("cache.new/upper")).unwrap();
        let layers = made();
        assert!(layers.join("upper").is_dir() && made() == layers);
    }
}
