//! Takes what somebody has and a result, gives what of the result they lack: read object by object, each once.

use std::collections::HashSet;
use std::io::BufRead;
use std::ops::ControlFlow;

use super::differences::{Difference, Differences};
use super::error::WorktreeError;
use super::objects::{Object, Objects};
use super::repository::Repository;
use super::tree;
use crate::git::{Oid, RawOid};

/// What one file may have to be read: GitHub itself takes none over 100 MiB.
const MOST: u64 = 100 << 20;

/// From where to where commits go out.
#[derive(Debug, Clone)]
pub struct Leaving {
    result: Oid,
    /// What is there already, with all that leads to it.
    there: Vec<Oid>,
    /// The commit whose files are there, by a name of it.
    before: String,
}

/// Something that goes out.
#[derive(Debug)]
pub enum Outgoing<'a> {
    /// A commit, as git keeps it: message, author, trailers.
    Commit {
        /// Its id.
        commit: &'a Oid,
        /// Its text.
        text: Vec<u8>,
    },
    /// The name of a file that a commit adds or changes.
    Name {
        /// The commit.
        commit: &'a Oid,
        /// Where the file is.
        path: &'a [u8],
    },
    /// A file that a commit adds or changes.
    File {
        /// The commit.
        commit: &'a Oid,
        /// Where the file is.
        path: &'a [u8],
        /// What is in it.
        content: Vec<u8>,
        /// What was in the file of that name before.
        before: Before<'a>,
    },
    /// One that is too large to be read.
    TooLarge {
        /// The commit.
        commit: &'a Oid,
        /// Where the file is.
        path: &'a [u8],
        /// Its bytes.
        size: u64,
    },
}

/// What was in a file before, read if somebody wants it.
#[derive(Debug)]
pub struct Before<'a> {
    objects: &'a mut Objects,
    name: Vec<u8>,
}

impl Before<'_> {
    /// Reads it; nothing if there was none, or a large one.
    pub fn read(self) -> Result<Vec<u8>, WorktreeError> {
        match self.objects.read(&self.name, MOST)? {
            Object::Whole(content) => Ok(content),
            Object::TooLarge(_) | Object::Missing => Ok(Vec::new()),
        }
    }
}

/// What whoever looks at it says to something that goes out: whether it is looked at again under another name, and whether
/// there is to be more.
pub type Looked = ControlFlow<(), Again>;

/// Whether the same content is worth another look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// There is nothing in it.
    No,
    /// Under another name it may be something else.
    Yes,
}

impl Repository {
    /// Names what a run made: what its result has and its base has not.
    pub fn made_since(&self, base: &Oid, result: &Oid) -> Leaving {
        Leaving { result: result.clone(), there: vec![base.clone()], before: base.to_string() }
    }

    /// Names what a result has and others have not, who have these objects: also what stands before the run's own
    /// commits. What of them is not known here cannot lead to anything that is.
    pub fn lacking(&self, base: &Oid, result: &Oid, theirs: &[Oid]) -> Result<Leaving, WorktreeError> {
        let there = self.known_commits(theirs)?;
        let lacked = self.listed(&["--first-parent"], base, &there)?;
        let before = match lacked.last() {
            None => base.to_string(),
            // The last one that they have, if they have one.
            Some(first) => format!("{first}^1"),
        };
        Ok(Leaving { result: result.clone(), there, before })
    }

    /// Lists what leads to a commit and to nothing of what others have: newest first.
    pub fn lacked(&self, commit: &Oid, theirs: &[Oid]) -> Result<Vec<Oid>, WorktreeError> {
        self.listed(&[], commit, &self.known_commits(theirs)?)
    }

    /// Hands everything that leaves to somebody who looks at it, until that one has seen enough.
    pub fn outgoing(
        &self,
        leaving: &Leaving,
        look: &mut dyn FnMut(Outgoing<'_>) -> Result<Looked, WorktreeError>,
    ) -> Result<(), WorktreeError> {
        let commits = self.listed(&["--reverse", "--topo-order"], &leaving.result, &leaving.there)?;
        let mut new = self.new_objects(leaving)?;
        let mut objects = Objects::of(self);
        for commit in &commits {
            let outgoing = match objects.read(commit.as_str().as_bytes(), MOST)? {
                Object::Whole(text) => Outgoing::Commit { commit, text },
                Object::TooLarge(size) => Outgoing::TooLarge { commit, path: b"the message", size },
                Object::Missing => return Err(WorktreeError::garbled("cat-file")),
            };
            if look(outgoing)?.is_break() {
                return Ok(());
            }
        }
        let mut differences = Differences::start(self, &commits)?;
        while let Some(Difference { commit, path, held }) = differences.next()? {
            let (commit, path) = (&commit, &*path);
            if look(Outgoing::Name { commit, path })?.is_break() {
                return Ok(());
            }
            if held.mode == tree::GITLINK || !new.contains(&held.oid) {
                continue;
            }
            let looked = match objects.read(held.oid.to_string().as_bytes(), MOST)? {
                Object::Whole(content) => {
                    let name = [leaving.before.as_bytes(), b":", path].concat();
                    let before = Before { objects: &mut objects, name };
                    look(Outgoing::File { commit, path, content, before })?
                }
                Object::TooLarge(size) => look(Outgoing::TooLarge { commit, path, size })?,
                Object::Missing => return Err(WorktreeError::garbled("cat-file")),
            };
            match looked {
                ControlFlow::Break(()) => return Ok(()),
                ControlFlow::Continue(Again::No) => drop(new.remove(&held.oid)),
                ControlFlow::Continue(Again::Yes) => {}
            }
        }
        differences.end()
    }

    /// Lists commits that lead to one, without what leads to others.
    fn listed(&self, how: &[&str], to: &Oid, without: &[Oid]) -> Result<Vec<Oid>, WorktreeError> {
        let listing = self.git("rev-list").args(how).arg("--stdin").feed(asked(to, without))?;
        String::from_utf8_lossy(&listing).lines().map(|id| Ok(Oid::parse(id)?)).collect()
    }

    /// Lists the objects that leave.
    fn new_objects(&self, leaving: &Leaving) -> Result<HashSet<RawOid>, WorktreeError> {
        let asked = asked(&leaving.result, &leaving.there);
        // `<id> <path>`, where a line break ends the path.
        let read = |listing: &mut dyn BufRead| {
            let lines = listing.split(b'\n').filter(|line| !line.as_ref().is_ok_and(Vec::is_empty));
            let id = |line: Vec<u8>| line.split(|&byte| byte == b' ').next().map(<[u8]>::to_vec);
            let ids = lines
                .map(|line| Ok(RawOid::parse(&String::from_utf8_lossy(&id(line?).unwrap_or_default()))?));
            ids.collect()
        };
        self.git("rev-list").args(["--objects", "--stdin"]).feed_and_read(asked, read)?
    }

    /// Returns those of some objects from which commits can be reached, as far as they are here.
    fn known_commits(&self, ids: &[Oid]) -> Result<Vec<Oid>, WorktreeError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let asked = ids.iter().flat_map(|id| [id.as_str().as_bytes(), b"\n"].concat()).collect();
        let check = "--batch-check=%(objectname) %(objecttype)";
        let answer = self.git("cat-file").arg(check).feed(asked)?;
        let answer = String::from_utf8_lossy(&answer);
        let known = answer.lines().filter_map(|line| line.split_once(' '));
        let known = known.filter(|(_, kind)| matches!(*kind, "commit" | "tag"));
        known.map(|(id, _)| Ok(Oid::parse(id)?)).collect()
    }
}

/// Asks for what leads to one commit and not to others.
fn asked(to: &Oid, without: &[Oid]) -> Vec<u8> {
    let without = without.iter().map(|id| format!("^{id}\n"));
    std::iter::once(format!("{to}\n")).chain(without).collect::<String>().into_bytes()
}
