//! The one thing that comes out of a run: a bundle, opened and fetched as the hostile file it could be.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use rustix::fs::{Mode, OFlags};

use super::error::{WorktreeError, at};
use super::layout::DURABLE;
use super::repository::Repository;
use super::root::Root;
use super::unfit::Unproved;
use crate::git::RefName;

/// How a bundle begins.
const SIGNATURES: [&[u8]; 2] = [b"# v2 git bundle\n", b"# v3 git bundle\n"];

/// Where its refs end and its pack begins.
const PACK: &[u8] = b"\n\nPACK";

/// Room for the refs of ten thousand salvages.
const LONGEST_HEADER: usize = 1 << 20;

impl Repository {
    /// Fetches from a bundle that is open already: what is at its path by now does not matter.
    pub(super) fn fetch(&self, bundle: File, from: &str, reference: &RefName) -> Result<(), WorktreeError> {
        self.unlock(reference)?;
        self.fetch_as(bundle, &format!("{from}:{reference}"), reference)
    }

    /// Takes the objects of a bundle, and makes no ref.
    pub(super) fn fetch_objects(&self, bundle: File, from: &RefName) -> Result<(), WorktreeError> {
        self.fetch_as(bundle, from.as_str(), from)
    }

    fn fetch_as(&self, bundle: File, refspec: &str, reference: &RefName) -> Result<(), WorktreeError> {
        self.hand_over_file(&bundle)?;
        // Only a fetch that checks what it takes refuses a tree with a `.git` or `..` in it.
        // And what arrived is on the disk before the worktree goes.
        let durable = format!("core.fsync={DURABLE}");
        let settings = ["fetch.fsckObjects=true", &durable, "core.fsyncMethod=batch"];
        let fetch = self.git_with(&settings, "fetch").files_only().stdin(bundle).args([
            "--quiet",
            "--no-write-fetch-head",
            "--no-tags",
            "--no-recurse-submodules",
            "--no-auto-maintenance",
        ]);
        let fetched = fetch.arg("/proc/self/fd/0").arg(refspec).run();
        fetched.map(drop).map_err(|error| match error {
            // What else git advises is about a remote, and there is none.
            WorktreeError::Git { said, .. } => {
                let why = said.lines().find(|line| !line.starts_with("warning: ")).unwrap_or_default();
                Unproved::NotTaken { reference: reference.clone(), why: why.to_owned() }.into()
            }
            error => error,
        })
    }

    /// Removes the lock that a git left on a result branch when it was killed: nobody else has business with that
    /// branch before its run is over, and whoever comes here holds the lock of the issue.
    fn unlock(&self, reference: &RefName) -> Result<(), WorktreeError> {
        let repository = Root::open(&self.common_dir).map_err(at(&self.common_dir))?;
        let lock = format!("{reference}.lock");
        if repository.stat(lock.as_bytes())?.is_some() {
            repository.unlink(lock.as_bytes())?;
        }
        Ok(())
    }
}

/// Opens a bundle as the hostile file it is: no link, nothing but a regular file.
pub(super) fn open(path: &Path) -> Result<File, WorktreeError> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file: File =
        rustix::fs::open(path, flags, Mode::empty()).map_err(|error| at(path)(error.into()))?.into();
    let refuse = |what| Err(Unproved::NoBundle { path: path.to_owned(), what }.into());
    if !file.metadata()?.is_file() {
        return refuse("regular file");
    }
    if !has_header(&file)? {
        return refuse("git bundle");
    }
    Ok(file)
}

/// Tells whether a file begins as a bundle does, up to its pack: git would look for the end of a line for as long
/// as there are bytes, and keep them all. What it reads next is where it was.
fn has_header(file: &File) -> std::io::Result<bool> {
    let mut header = Vec::new();
    let mut piece = [0; 4096];
    while header.len() < LONGEST_HEADER {
        let read = file.read_at(&mut piece, header.len() as u64)?;
        let seen = header.len().saturating_sub(PACK.len());
        header.extend_from_slice(&piece[..read]);
        let signed = SIGNATURES.iter().any(|signature| header.starts_with(signature));
        if read == 0 || !signed {
            return Ok(false);
        }
        if header[seen..].windows(PACK.len()).any(|window| window == PACK) {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;
    use std::process::Command;

    use super::*;

    /// Two folders, `theirs` and `ours`, the one with the other's history; `git` runs in one of them.
    struct Two(tempfile::TempDir);

    impl Two {
        fn new() -> Self {
            let two = Self(tempfile::tempdir().unwrap());
            two.git(
                ".",
                "git init -q theirs; cd theirs; git commit -q --allow-empty -m base; git clone -q . ../ours",
            );
            two
        }

        fn git(&self, folder: &str, script: &str) -> String {
            let mut command = Command::new("sh");
            command.args(["-euc", script]).current_dir(self.0.path().join(folder));
            for who in ["AUTHOR", "COMMITTER"] {
                command.env(format!("GIT_{who}_NAME"), "x").env(format!("GIT_{who}_EMAIL"), "x@example.org");
            }
            let output = command.env("GIT_CONFIG_GLOBAL", "/dev/null").output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        }

        /// Bundles a commit of this tree, made in `theirs`.
        fn bundle(&self, tree: &str) -> PathBuf {
            let script = format!(
                "tree=$({tree}); commit=$(git commit-tree $tree -p HEAD -m x); git update-ref refs/x $commit
                 git bundle create -q ../x.bundle refs/x ^HEAD"
            );
            self.git("theirs", &script);
            self.0.path().join("x.bundle")
        }

        fn fetch(&self, bundle: &Path) -> Result<(), WorktreeError> {
            let ours = Repository::discover(&self.0.path().join("ours")).unwrap();
            open(bundle).and_then(|file| ours.fetch(file, "refs/x", &RefName::branch("autopilot/x").unwrap()))
        }

        fn refs(&self) -> String {
            self.git("ours", "git for-each-ref --format='%(refname)' refs/heads/autopilot/")
        }
    }

    const GOOD: &str =
        "printf '100644 blob %s\\tfile\\n' $(echo x | git hash-object -w --stdin) | git mktree";

    #[test]
    fn a_good_bundle_makes_the_branch() {
        let two = Two::new();
        two.fetch(&two.bundle(GOOD)).unwrap();
        assert_eq!(two.refs(), "refs/heads/autopilot/x");
    }

    #[test]
    fn malicious_trees_make_nothing_although_a_plain_fetch_takes_them() {
        for name in [".git", "..", ".", ".GIT", "git~1"] {
            let two = Two::new();
            let bundle = two.bundle(&GOOD.replace("file", name));
            let error = two.fetch(&bundle).unwrap_err().to_string();
            assert!(error.contains("refs/heads/autopilot/x could not be made"), "{name}: {error}");
            assert_eq!(two.refs(), "", "{name}");
            two.git("ours", "git -c fetch.fsckObjects=false fetch -q ../x.bundle refs/x:refs/heads/control");
        }
    }

    #[test]
    fn truncated_and_foreign_bundles_make_nothing() {
        let two = Two::new();
        let bundle = two.bundle(GOOD);
        let whole = fs::read(&bundle).unwrap();
        let header = whole.windows(2).position(|pair| pair == b"\n\n").unwrap();
        for bytes in [
            &whole[..0],
            &whole[..header],
            &whole[..header + 6],
            &whole[..whole.len() - 1],
            b"# v2 git bundle\n",
        ] {
            fs::write(&bundle, bytes).unwrap();
            assert!(two.fetch(&bundle).is_err(), "{} bytes", bytes.len());
            assert_eq!(two.refs(), "");
        }
        let mut other = whole.clone();
        let middle = header + (whole.len() - header) / 2;
        other[middle] ^= 0xff;
        fs::write(&bundle, other).unwrap();
        assert!(two.fetch(&bundle).is_err());
        assert_eq!(two.refs(), "");
    }

    #[test]
    fn huge_bundles_are_not_read_to_their_end() {
        let two = Two::new();
        let bundle = two.bundle(GOOD);
        let whole = fs::read(&bundle).unwrap();
        let header = whole.windows(2).position(|pair| pair == b"\n\n").unwrap() + 2;
        // A tebibyte of nothing: read to its end, it would take hours, and as much memory.
        for length in [whole.len(), header, 20, 8, 0] {
            fs::write(&bundle, &whole[..length]).unwrap();
            File::options().write(true).open(&bundle).unwrap().set_len(1 << 40).unwrap();
            assert!(two.fetch(&bundle).is_err(), "{length} bytes");
            assert_eq!(two.refs(), "");
        }
    }

    #[test]
    fn what_is_no_regular_file_is_not_opened() {
        let two = Two::new();
        let bundle = two.bundle(GOOD);
        let place = |name: &str| two.0.path().join(name);
        std::os::unix::fs::symlink(&bundle, place("link")).unwrap();
        nix::unistd::mkfifo(&place("fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        fs::create_dir(place("folder")).unwrap();
        for name in ["link", "fifo", "folder", "nothing"] {
            assert!(two.fetch(&place(name)).is_err(), "{name}");
            assert_eq!(two.refs(), "");
        }
    }
}
