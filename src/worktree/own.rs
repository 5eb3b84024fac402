//! Takes the step's own git directory, the hostile data it is, gives what it says and what is wrong with it. Its files
//! are read as bytes, through no link and within bounds; no git is asked.

use std::io::{self, Read};

use rustix::fs::{FileType, Stat};
use sha2::{Digest as _, Sha256};

use super::root::{Root, join};
use super::walk::Identity;
use crate::git::{Oid, RefName};

/// Longest file of settings, and longest list of refs, that is read.
const SETTINGS: u64 = 1 << 20;
const PACKED: u64 = 64 << 20;
/// Longest ref: a name, or an id.
const REF: u64 = 4096;
/// Files that are looked at in a folder of a git directory and below.
const MOST: usize = 200_000;
/// How many refs lead from HEAD to a commit at most, as in git.
const HOPS: usize = 5;

/// A step's own git directory.
pub(super) struct OwnGit<'r> {
    root: &'r Root,
    /// Where it lies in the worktree.
    path: Vec<u8>,
}

/// What there is at the place of a git directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum There {
    Nothing,
    Folder,
    /// A file, a link or something special.
    Other,
}

/// How a git directory looks: all that its refs do not say.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Look {
    /// Of its settings, of what it borrows, and of where its history ends.
    files: [u8; 32],
    /// Packs and what lies beside them.
    packs: Vec<(Vec<u8>, Identity)>,
}

/// How the step's own git of a part looked when it was whole.
#[derive(Debug, Clone)]
pub(super) struct Whole {
    look: Look,
    head: Head,
    /// Its index, as the runner made it.
    pub(super) index: Option<Identity>,
}

impl Whole {
    /// Tells whether it looks the same but for the index, which says by itself whether it is whole.
    pub(super) fn is_like(&self, now: &Self) -> bool {
        (&self.look, &self.head) == (&now.look, &now.head)
    }
}

/// What is wrong with a git directory, as far as files tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// It has no objects or no refs, or they are no folders.
    Hollow,
    /// Something that is no file lies where git reads one: it could wait for ever.
    Special,
    Config,
    Head,
    Index,
}

/// Where HEAD leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Head {
    /// At this commit.
    At(Oid),
    /// To a branch without a commit.
    Unborn,
    Broken,
}

impl<'r> OwnGit<'r> {
    /// Looks at the git directory of the part of a worktree that lies there.
    pub(super) fn of(root: &'r Root, part: &[u8]) -> Self {
        Self { root, path: join(part, b".git") }
    }

    /// Returns where it lies in the worktree.
    pub(super) fn path(&self) -> &[u8] {
        &self.path
    }

    /// Returns what is at its place.
    pub(super) fn there(&self) -> io::Result<There> {
        Ok(match self.root.stat(&self.path)? {
            None => There::Nothing,
            Some(stat) if is(&stat, FileType::Directory) => There::Folder,
            Some(_) => There::Other,
        })
    }

    /// Returns where a file of it lies.
    pub(super) fn at(&self, name: &str) -> Vec<u8> {
        join(&self.path, name.as_bytes())
    }

    /// Reads a file of it; nothing if there is none, or it is too long, or cannot be read.
    pub(super) fn read(&self, name: &str, most: u64) -> Option<Vec<u8>> {
        read(self.root, &self.at(name), most)
    }

    /// Lists what is wrong with it, as far as its files tell.
    pub(super) fn faults(&self) -> io::Result<Vec<Fault>> {
        let is_folder = |name: &str| {
            let stat = self.root.stat(&self.at(name));
            stat.map(|stat| stat.is_some_and(|stat| is(&stat, FileType::Directory)))
        };
        if !is_folder("objects")? || !is_folder("refs")? {
            return Ok(vec![Fault::Hollow]);
        }
        let mut faults = Vec::new();
        for name in
            ["commondir", "gitdir", "config.worktree", "packed-refs", "shallow", "objects/info/alternates"]
        {
            let stat = self.root.stat(&self.at(name))?;
            let is_other = |stat: Stat| !is(&stat, FileType::RegularFile);
            if stat.is_some_and(is_other) || (stat.is_some() && matches!(name, "commondir" | "gitdir")) {
                faults.push(Fault::Special);
            }
        }
        if self.read("config", SETTINGS).is_none() {
            faults.push(Fault::Config);
        }
        if self.head() == Head::Broken {
            faults.push(Fault::Head);
        }
        if !self.has_index()? {
            faults.push(Fault::Index);
        }
        Ok(faults)
    }

    /// Follows HEAD.
    pub(super) fn head(&self) -> Head {
        let mut name = "HEAD".to_owned();
        for _ in 0..HOPS {
            let Some(text) = self.read(&name, REF) else {
                return match name.as_str() {
                    "HEAD" => Head::Broken,
                    // What is there and cannot be read is no ref that git would find elsewhere.
                    _ if matches!(self.root.stat(&self.at(&name)), Ok(Some(stat)) if !is(&stat, FileType::Directory)) => {
                        Head::Broken
                    }
                    _ => self
                        .packed()
                        .find(|(own, _)| *own == name.as_bytes())
                        .map_or(Head::Unborn, |(_, id)| Head::At(id)),
                };
            };
            if let Some(id) = id_of(&text) {
                return Head::At(id);
            }
            let text = String::from_utf8_lossy(&text).into_owned();
            let Some(next) = text.strip_prefix("ref:").and_then(|next| RefName::parse(next.trim()).ok())
            else {
                return Head::Broken;
            };
            name = String::from(next);
        }
        Head::Broken
    }

    /// Tells whether it has an index, and that sums up as git's do.
    fn has_index(&self) -> io::Result<bool> {
        let at = self.at("index");
        match self.root.stat(&at)? {
            Some(stat) if is(&stat, FileType::RegularFile) => {}
            _ => return Ok(false),
        }
        let Some(bytes) = read(self.root, &at, PACKED) else { return Ok(false) };
        let known = matches!(bytes.get(4..8), Some([0, 0, 0, 2..=4]));
        let sums_up = |length: usize, sum: &dyn Fn(&[u8]) -> Vec<u8>| {
            let Some(end) = bytes.len().checked_sub(length) else { return false };
            let (body, last) = bytes.split_at(end);
            // Git may be told to leave the sum out.
            sum(body) == last || last.iter().all(|&byte| byte == 0)
        };
        let sha1 = |body: &[u8]| sha1::Sha1::digest(body).to_vec();
        let sha256 = |body: &[u8]| Sha256::digest(body).to_vec();
        Ok(bytes.starts_with(b"DIRC") && known && (sums_up(20, &sha1) || sums_up(32, &sha256)))
    }

    /// Returns how its index looks; nothing if it has none.
    pub(super) fn index(&self) -> io::Result<Option<Identity>> {
        Ok(self.root.stat(&self.at("index"))?.map(|stat| Identity::of(&stat)))
    }

    /// Tells how it looks.
    fn look(&self) -> io::Result<Look> {
        let mut files = Sha256::new();
        for name in ["config", "config.worktree", "objects/info/alternates", "shallow"] {
            let bytes = self.read(name, SETTINGS).unwrap_or_default();
            files.update((bytes.len() as u64).to_le_bytes());
            files.update(&bytes);
        }
        let mut packs = Vec::new();
        if self.root.stat(&self.at("objects/pack"))?.is_some_and(|stat| is(&stat, FileType::Directory)) {
            for entry in self.root.list(&self.at("objects/pack"))? {
                let (name, stat) = entry?;
                packs.push((name, Identity::of(&stat)));
            }
        }
        packs.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(Look { files: files.finalize().into(), packs })
    }

    /// Returns what is remembered of it while it is whole.
    pub(super) fn whole(&self) -> io::Result<Whole> {
        Ok(Whole { look: self.look()?, head: self.head(), index: self.index()? })
    }

    /// Tells whether there is no object in it, and so no work.
    pub(super) fn is_empty(&self) -> io::Result<bool> {
        let stat = self.root.stat(&self.at("objects"))?;
        if !stat.is_some_and(|stat| is(&stat, FileType::Directory)) {
            return Ok(true);
        }
        let walk = self.root.below_within(&self.at("objects"), MOST)?;
        Ok(walk.is_some_and(|walk| walk.found.is_empty() && walk.unheld.is_empty()))
    }

    /// Tells whether nothing but folders and files lies where git looks for objects.
    pub(super) fn has_plain_objects(&self) -> io::Result<bool> {
        let walk = self.root.below_within(&self.at("objects"), MOST)?;
        Ok(walk.is_some_and(|walk| {
            walk.unheld.is_empty() && walk.found.iter().all(|found| found.mode != super::tree::LINK)
        }))
    }

    /// Removes the locks that a git of the step left when it was killed: each later one would stumble over them.
    pub(super) fn unlock(&self) -> io::Result<()> {
        let mut locks = Vec::new();
        for entry in self.root.list(&self.path)? {
            let (name, stat) = entry?;
            if name.ends_with(b".lock") && is(&stat, FileType::RegularFile) {
                locks.push(join(&self.path, &name));
            }
        }
        for path in self.files_below("refs")? {
            if path.ends_with(b".lock") {
                locks.push(path);
            }
        }
        locks.iter().try_for_each(|lock| self.root.unlink(lock))
    }

    /// Lists the files below a folder of it, by their paths in the worktree.
    pub(super) fn files_below(&self, folder: &str) -> io::Result<Vec<Vec<u8>>> {
        let walk = self.root.below_within(&self.at(folder), MOST)?.unwrap_or_default();
        Ok(walk.found.into_iter().map(|found| found.path).collect())
    }

    /// Reads its refs that lie in one file.
    pub(super) fn packed(&self) -> impl Iterator<Item = (Vec<u8>, Oid)> + use<> {
        let text = self.read("packed-refs", PACKED).unwrap_or_default();
        let pairs: Vec<_> = text.split(|&byte| byte == b'\n').filter_map(packed_ref).collect();
        pairs.into_iter()
    }

    /// Reads its refs, those of its worktrees included: names below the git directory, and what they are at.
    pub(super) fn refs(&self) -> io::Result<Vec<(Vec<u8>, Oid)>> {
        let mut all: Vec<(Vec<u8>, Oid)> = self.packed().collect();
        let mut paths = self.files_below("refs")?;
        paths.extend(self.files_below("worktrees")?.into_iter().filter(|path| path.ends_with(b"/HEAD")));
        for path in paths {
            let name = path[self.path.len() + 1..].to_vec();
            all.extend(read(self.root, &path, REF).and_then(|text| id_of(&text)).map(|id| (name, id)));
        }
        all.truncate(MOST);
        Ok(all)
    }

    /// Reads what its refs were at: the name of the log, the id, and why. What a rebase or an amended commit replaced is
    /// passed over.
    pub(super) fn logged(&self) -> io::Result<Vec<(Vec<u8>, Oid)>> {
        let mut all = Vec::new();
        let mut paths = self.files_below("logs")?;
        paths.extend(self.files_below("worktrees")?.into_iter().filter(|path| path.ends_with(b"/logs/HEAD")));
        for path in paths {
            let name = path[self.path.len() + 1..].to_vec();
            let Some(text) = read(self.root, &path, PACKED) else { continue };
            let entries: Vec<(Oid, Oid, &[u8])> =
                text.split(|&byte| byte == b'\n').filter_map(logged).collect();
            let replaces = |why: &[u8]| why.starts_with(b"commit (amend)") || why.starts_with(b"rebase");
            let replaced: std::collections::HashSet<&Oid> =
                entries.iter().filter(|(_, _, why)| replaces(why)).map(|(old, ..)| old).collect();
            let kept = entries.iter().filter(|(_, new, _)| !replaced.contains(new));
            all.extend(kept.map(|(_, new, _)| (name.clone(), new.clone())));
        }
        all.truncate(MOST);
        Ok(all)
    }
}

fn is(stat: &Stat, kind: FileType) -> bool {
    FileType::from_raw_mode(stat.st_mode) == kind
}

fn read(root: &Root, path: &[u8], most: u64) -> Option<Vec<u8>> {
    let (file, size) = root.file(path).ok()?;
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes).ok().filter(|_| size <= most)?;
    Some(bytes)
}

fn id_of(text: &[u8]) -> Option<Oid> {
    Oid::parse(std::str::from_utf8(text).ok()?.trim_end()).ok()
}

fn packed_ref(line: &[u8]) -> Option<(Vec<u8>, Oid)> {
    let space = line.iter().position(|&byte| byte == b' ')?;
    Some((line[space + 1..].to_vec(), id_of(&line[..space])?))
}

/// Reads a line of a reflog: old, new, why.
fn logged(line: &[u8]) -> Option<(Oid, Oid, &[u8])> {
    let tab = line.iter().position(|&byte| byte == b'\t').unwrap_or(line.len());
    let mut words = line[..tab].split(|&byte| byte == b' ');
    let (old, new) = (id_of(words.next()?)?, id_of(words.next()?)?);
    Some((old, new, line.get(tab + 1..).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::process::Command;

    use super::*;

    fn repository() -> (tempfile::TempDir, Root) {
        let folder = tempfile::tempdir().unwrap();
        git(folder.path(), "git init -q -b main; echo a > a; git add a; git commit -qm a");
        let root = Root::open(folder.path()).unwrap();
        (folder, root)
    }

    fn git(folder: &Path, script: &str) -> String {
        let mut shell = Command::new("sh");
        shell.args(["-ec", script]).current_dir(folder).env("GIT_CONFIG_NOSYSTEM", "1");
        for who in ["AUTHOR", "COMMITTER"] {
            shell.env(format!("GIT_{who}_NAME"), "A").env(format!("GIT_{who}_EMAIL"), "a@b");
        }
        let output = shell.env("GIT_CONFIG_GLOBAL", "/dev/null").output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    #[test]
    fn a_git_directory_of_gits_own_has_no_faults_whatever_is_done_with_it() {
        let (folder, root) = repository();
        let own = OwnGit::of(&root, b"");
        for script in [
            "true",
            "echo b > a; git stash -q; git stash apply -q; git reset -q --hard",
            "git checkout -q --detach; git commit -q --allow-empty -m b; git tag -am t t",
            "git checkout -q -b x/y; git pack-refs --all; git gc -q",
            "git checkout -q --orphan fresh; git config index.skipHash true; git add -A",
            "git update-index --index-version 4; git sparse-checkout set x 2>/dev/null || true",
        ] {
            git(folder.path(), script);
            assert_eq!(own.faults().unwrap(), [], "{script}");
        }
    }

    #[test]
    fn what_is_broken_is_told_by_its_kind() {
        let breaks: [(&str, Fault); 16] = [
            ("rm -r .git/objects", Fault::Hollow),
            ("rm -r .git/refs; echo > .git/refs", Fault::Hollow),
            ("mv .git/objects o; ln -s ../o .git/objects", Fault::Hollow),
            ("rm .git/config", Fault::Config),
            ("rm .git/config; mkfifo .git/config", Fault::Config),
            ("truncate -s 1T .git/config", Fault::Config),
            ("rm .git/HEAD", Fault::Head),
            ("echo nothing > .git/HEAD", Fault::Head),
            ("echo 'ref: refs/heads/a..b' > .git/HEAD", Fault::Head),
            ("echo x > .git/refs/heads/main", Fault::Head),
            ("rm .git/index", Fault::Index),
            ("printf x >> .git/index", Fault::Index),
            ("rm .git/index; mkfifo .git/index", Fault::Index),
            (": > .git/index", Fault::Index),
            ("mkfifo .git/packed-refs", Fault::Special),
            ("echo ../other > .git/commondir", Fault::Special),
        ];
        for (script, fault) in breaks {
            let (folder, root) = repository();
            git(folder.path(), script);
            assert_eq!(OwnGit::of(&root, b"").faults().unwrap(), [fault], "{script}");
        }
    }

    #[test]
    fn refs_and_what_they_were_at_are_read() {
        let (folder, root) = repository();
        let own = OwnGit::of(&root, b"");
        let first = git(folder.path(), "git rev-parse HEAD");
        git(folder.path(), "git branch b; git pack-refs --all; git tag t; echo b > a; git stash -q");
        let (refs, logged) = (own.refs().unwrap(), own.logged().unwrap());
        let at = |all: &[(Vec<u8>, Oid)], name: &str| {
            let found: Vec<String> =
                all.iter().filter(|(own, _)| own == name.as_bytes()).map(|(_, id)| id.to_string()).collect();
            found
        };
        for name in ["refs/heads/b", "refs/heads/main", "refs/tags/t"] {
            assert_eq!(at(&refs, name), std::slice::from_ref(&first), "{name}");
        }
        assert_eq!(at(&refs, "refs/stash"), at(&logged, "logs/refs/stash"));
        assert_eq!(own.head(), Head::At(Oid::parse(&first).unwrap()));
        let replaced = git(folder.path(), "git commit -q --allow-empty -m b; git rev-parse HEAD");
        git(folder.path(), "git commit -q --amend --allow-empty -m c");
        let logged = own.logged().unwrap();
        assert!(!logged.iter().any(|(_, id)| *id == *replaced.as_str()), "{logged:?}");
    }

    #[test]
    fn locks_go_and_what_is_no_file_of_git_is_found() {
        let (folder, root) = repository();
        let own = OwnGit::of(&root, b"");
        git(folder.path(), ": > .git/index.lock; : > .git/refs/heads/main.lock; : > kept.lock");
        own.unlock().unwrap();
        git(folder.path(), "git commit -q --allow-empty -m b; test -e kept.lock");
        assert!(own.has_plain_objects().unwrap());
        git(folder.path(), "mkfifo .git/objects/pack/pack-x.pack");
        assert!(!own.has_plain_objects().unwrap());
    }
}
