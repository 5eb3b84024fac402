//! Plain files in a commit that goes to a remote, and comes from there as the hostile thing it could be: made, fetched and read in a
//! repository of its own. Nothing of it is checked out, and nothing of it comes into the user's.

use std::fs::File;
use std::io::{self, Read as _};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::error::WorktreeError;
use super::recorded::Aside;
use super::repository::Repository;
use crate::git::{Oid, RefName};

/// How long a remote may take to say what it has, and to send it.
const ANSWER: Duration = Duration::from_secs(30);
const TRANSFER: Duration = Duration::from_secs(300);
/// Bytes of what is fetched, packed: the files, and commits that they stand on.
const FETCHED: u64 = 512 << 20;
/// Bytes of the list of files: no run has so many.
const LISTED: u64 = 16 << 10;
/// The mode of a plain file.
const PLAIN: &str = "100644";

/// How much a parcel may hold.
#[derive(Debug, Clone, Copy)]
pub struct ParcelBounds {
    /// Bytes of one file.
    pub file: u64,
    /// Bytes of all.
    pub all: u64,
}

/// A commit of a remote that holds plain files, fetched into a repository of its own.
#[derive(Debug)]
pub struct Parcel {
    aside: Aside,
    repository: Repository,
    reference: RefName,
    parent: Option<Oid>,
    files: Vec<Packed>,
}

/// A file of a parcel.
#[derive(Debug)]
struct Packed {
    name: String,
    blob: Oid,
    size: u64,
}

impl Aside {
    /// Makes a commit of plain files, on top of another one or of nothing.
    pub fn pack(
        &self,
        files: &[(String, Vec<u8>)],
        parent: Option<&Oid>,
        message: &str,
    ) -> Result<Oid, WorktreeError> {
        let git = |name: &str| self.repository().git(name);
        let mut listing = Vec::new();
        for (name, bytes) in files {
            let blob = id_of(&git("hash-object").args(["-w", "--stdin"]).feed(bytes.clone())?)?;
            listing.extend_from_slice(format!("{PLAIN} blob {blob}\t{name}\0").as_bytes());
        }
        let tree = id_of(&git("mktree").arg("-z").feed(listing)?)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let parent = parent.map(|parent| format!("parent {parent}\n")).unwrap_or_default();
        let who = format!("{} {now} +0000", self.repository().committer);
        let text = format!("tree {tree}\n{parent}author {who}\ncommitter {who}\n\n{message}\n");
        id_of(&git("hash-object").args(["-t", "commit", "-w", "--stdin"]).feed(text.into_bytes())?)
    }
}

fn id_of(printed: &[u8]) -> Result<Oid, WorktreeError> {
    Ok(Oid::parse(String::from_utf8_lossy(printed).trim())?)
}

impl Repository {
    /// Returns the same repository, which reads what lies aside as well.
    #[must_use]
    pub fn beside_aside(&self, aside: &Aside) -> Self {
        self.reading(aside.repository().common_dir.join("objects"))
    }

    /// Returns the bytes that the objects of commits take on the disk, without those of others.
    pub fn bytes_of(&self, commit: &Oid, without: &Oid) -> Result<u64, WorktreeError> {
        let listed = ["--objects", "--disk-usage", commit.as_str(), &format!("^{without}")];
        let told = self.git("rev-list").args(listed).line()?;
        told.trim().parse().map_err(|_| WorktreeError::garbled("rev-list"))
    }

    /// Lists the refs of a remote that a pattern names, with what they are at.
    pub fn listed_on(&self, remote: &str, pattern: &str) -> Result<Vec<(RefName, Oid)>, WorktreeError> {
        let git = self.asking(self.git("ls-remote").within(ANSWER)).args(["--refs", "--", remote, pattern]);
        let listed = git.run()?;
        let listed = String::from_utf8_lossy(&listed);
        let lines = listed.lines().filter_map(|line| line.split_once('\t'));
        Ok(lines.filter_map(|(id, name)| Some((RefName::parse(name).ok()?, Oid::parse(id).ok()?))).collect())
    }

    /// Fetches a parcel that a remote has under a name, at this commit.
    pub fn fetch_parcel(
        &self,
        remote: &str,
        reference: &RefName,
        commit: &Oid,
    ) -> Result<Parcel, WorktreeError> {
        let aside = self.aside(&[])?;
        let place = aside.repository();
        let (objects, own) = (place.common_dir.join("objects"), self.common_dir.join("objects"));
        // Kept in one file, whose size is bounded; and nothing is taken that no worktree could hold.
        let settings = ["fetch.fsckObjects=true", "fetch.unpackLimit=1", "fetch.writeCommitGraph=false"];
        let fetch = self.git_with(&settings, "fetch").stored_in(&objects, &own).within(TRANSFER).args([
            "--quiet",
            "--no-write-fetch-head",
            "--refmap=",
            // Also of a clone that has only part of the objects.
            "--no-filter",
            "--no-tags",
            "--no-recurse-submodules",
            "--no-auto-maintenance",
            "--",
            remote,
            reference.as_str(),
        ]);
        self.asking(fetch).writing_at_most(FETCHED).run().map_err(|error| unfetched(reference, &error))?;
        let mut repository = self.beside_aside(&aside);
        let (parent, files) = opened(&repository, reference, commit)?;
        repository.held = parent.clone().map(|parent| (format!("{reference} of {remote}"), parent));
        Ok(Parcel { aside, repository, reference: reference.clone(), parent, files })
    }
}

impl Parcel {
    /// Returns the commit that it stands on.
    pub fn parent(&self) -> Option<&Oid> {
        self.parent.as_ref()
    }

    /// Returns the user's repository, which reads what was fetched as well.
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// Returns where the objects lie that were fetched.
    pub fn aside(&self) -> &Aside {
        &self.aside
    }

    /// Demands that it holds nothing but files of these names, and no more than it may.
    pub fn demand(&self, names: &[String], bounds: ParcelBounds) -> Result<(), WorktreeError> {
        let refuse = |what: String| Err(not_evidence(&self.reference, &what));
        let mut all = 0_u64;
        for file in &self.files {
            if !names.contains(&file.name) {
                return refuse(format!("holds `{}`, which is no file of that run", file.name.escape_debug()));
            }
            all = all.saturating_add(file.size);
            if file.size > bounds.file || all > bounds.all {
                return refuse(format!(
                    "holds more than is ever sent: {} with {} bytes",
                    file.name, file.size
                ));
            }
        }
        Ok(())
    }

    /// Returns the names of its files.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|file| file.name.as_str())
    }

    /// Writes a file of it out.
    pub fn take_out(&self, name: &str, to: &mut File) -> Result<(), WorktreeError> {
        let Some(file) = self.files.iter().find(|file| file.name == name) else { return Ok(()) };
        let git = self.repository.git("cat-file").args(["blob", file.blob.as_str()]);
        let size = git.read(|printed| io::copy(&mut printed.take(file.size), to))??;
        if size == file.size { Ok(()) } else { Err(WorktreeError::garbled("cat-file")) }
    }
}

/// Refuses what a ref holds that autopilot did not write.
pub fn not_evidence(reference: &RefName, what: &str) -> WorktreeError {
    let hint = "nobody but autopilot writes there: look at who did, and remove the ref";
    WorktreeError::refused(format!("{reference} {what}"), hint)
}

/// Looks at what a commit holds: what it stands on, and its files.
fn opened(
    repository: &Repository,
    reference: &RefName,
    commit: &Oid,
) -> Result<(Option<Oid>, Vec<Packed>), WorktreeError> {
    let refuse = |what: &str| not_evidence(reference, what);
    let kind = repository.git("cat-file").args(["-t", commit.as_str()]).line();
    // Moved, between the question where it is and the answer.
    let kind = kind.map_err(|_| {
        WorktreeError::refused(format!("{reference} was written anew just now"), "try again in a moment")
    })?;
    if kind != "commit" {
        return Err(refuse(&format!("is a {kind}, not a commit")));
    }
    let parents = repository.git("rev-list").args(["-1", "--parents", commit.as_str()]).line()?;
    let mut parents = parents.split(' ').skip(1);
    let parent = parents.next().map(Oid::parse).transpose()?;
    if parents.next().is_some() {
        return Err(refuse("stands on several commits"));
    }
    let listing = repository.git("ls-tree").args(["-z", "-l", "--full-tree", commit.as_str()]);
    let mut text = Vec::new();
    let read = listing.read(|printed| printed.take(LISTED).read_to_end(&mut text));
    if text.len() as u64 == LISTED {
        return Err(refuse("holds more files than any run has"));
    }
    read??;
    let entries = text.split(|&byte| byte == 0).filter(|entry| !entry.is_empty());
    let files = entries.map(|entry| packed(entry).ok_or_else(|| refuse(&unplain(entry))));
    Ok((parent, files.collect::<Result<_, _>>()?))
}

/// Reads `<mode> blob <id> <size>\t<name>` of a plain file; nothing of anything else.
fn packed(entry: &[u8]) -> Option<Packed> {
    let text = std::str::from_utf8(entry).ok()?;
    let (head, name) = text.split_once('\t')?;
    let mut words = head.split_ascii_whitespace();
    let is_plain = words.next()? == PLAIN && words.next()? == "blob";
    let (blob, size) = (Oid::parse(words.next()?).ok()?, words.next()?.parse().ok()?);
    is_plain.then(|| Packed { name: name.to_owned(), blob, size })
}

fn unplain(entry: &[u8]) -> String {
    let text = String::from_utf8_lossy(entry);
    let (head, name) = text.split_once('\t').unwrap_or((&text, ""));
    let what = match head.split(' ').next().unwrap_or_default() {
        "120000" => "a link",
        "160000" => "a submodule",
        "040000" => "a folder",
        "100755" => "a program",
        _ => "no plain file",
    };
    format!("holds `{}`, {what}", name.escape_debug())
}

fn unfetched(reference: &RefName, error: &WorktreeError) -> WorktreeError {
    WorktreeError::refused(
        format!("{reference} was not taken: {error}"),
        "it has to be what git takes from a stranger, with its base here (git fetch), and smaller than 512 MiB",
    )
}
