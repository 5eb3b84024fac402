//! Takes commits of a run and what a replay of it on another base came to, gives the run's commits on that base: messages and authors
//! as they were, files as they were judged there. Brings their objects into the user's repository, where no ref names them.

use std::fs::File;
use std::time::{SystemTime, UNIX_EPOCH};

use super::bundle;
use super::error::WorktreeError;
use super::recorded::Aside;
use super::repository::Repository;
use super::shared::shared;
use crate::git::{Oid, RefName};

/// The branch of an [`Aside`] that holds them.
const REBASED: &str = "rebased";

/// A commit to make.
#[derive(Debug, Clone, Copy)]
pub struct Like<'a> {
    /// The commit whose author and message it has.
    pub commit: &'a Oid,
    /// Another message, where that one's is not to be had.
    pub message: Option<&'a str>,
}

impl Aside {
    /// Makes a commit with these files on top of another one.
    pub fn make_like(&self, like: Like<'_>, tree: &Oid, parent: &Oid) -> Result<Oid, WorktreeError> {
        let raw = self.repository().git("cat-file").args(["commit", like.commit.as_str()]).run()?;
        let blank = raw.windows(2).position(|pair| pair == b"\n\n");
        let blank = blank.ok_or_else(|| WorktreeError::garbled("cat-file"))?;
        let (head, message) =
            (raw.get(..blank).unwrap_or_default(), raw.get(blank + 2..).unwrap_or_default());
        let line = |name: &[u8]| head.split(|&byte| byte == b'\n').find(|line| line.starts_with(name));
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let committer = &self.repository().committer;
        let mut text = format!("tree {tree}\nparent {parent}\n").into_bytes();
        text.extend_from_slice(line(b"author ").ok_or_else(|| WorktreeError::garbled("cat-file"))?);
        text.extend_from_slice(format!("\ncommitter {committer} {now} +0000\n").as_bytes());
        // The message is in it.
        if let Some(encoding) = line(b"encoding ").filter(|_| like.message.is_none()) {
            text.extend_from_slice(&[encoding, b"\n"].concat());
        }
        text.extend_from_slice(b"\n");
        text.extend_from_slice(like.message.map_or(message, str::as_bytes));
        let made = self.repository().git("hash-object").args(["-t", "commit", "-w", "--stdin"]).feed(text)?;
        Ok(Oid::parse(String::from_utf8_lossy(&made).trim())?)
    }
}

impl Repository {
    /// Takes a commit of an [`Aside`], with all that leads to it from another one that is here.
    pub fn take_rebased(&self, aside: &Aside, commit: &Oid, onto: &Oid) -> Result<(), WorktreeError> {
        let (packed, branch) = bundled(aside, commit, onto)?;
        self.fetch_objects(packed, &branch)
    }

    /// Makes a branch of a commit of an [`Aside`], with all that leads to it from another one that is here.
    pub fn take_branch(
        &self,
        aside: &Aside,
        commit: &Oid,
        base: &Oid,
        reference: &RefName,
    ) -> Result<(), WorktreeError> {
        if aside.commit(commit)?.is_none() {
            return Err(WorktreeError::refused(
                format!("the commit {commit} did not come along"),
                "`publish.evidence` of the journal says what was left out; take it from the machine that the run was on",
            ));
        }
        let (packed, branch) = bundled(aside, commit, base)?;
        self.fetch(packed, branch.as_str(), reference)
    }

    /// Keeps a checkpoint of a run that goes on here, as if another node had shared it.
    pub fn keep_shared(
        &self,
        aside: &Aside,
        run: &str,
        (base, checkpoint): (&Oid, &Oid),
    ) -> Result<(), WorktreeError> {
        self.take_branch(aside, checkpoint, base, &shared(run)?)
    }
}

/// Packs what leads from one commit of an [`Aside`] to another.
fn bundled(aside: &Aside, commit: &Oid, base: &Oid) -> Result<(File, RefName), WorktreeError> {
    let theirs = aside.repository();
    let branch = RefName::branch(REBASED)?;
    theirs.git("update-ref").args([branch.as_str(), commit.as_str()]).run()?;
    let packed = theirs.toplevel.join("rebased.bundle");
    let without = format!("^{base}");
    let create = theirs.git("bundle").args(["create", "--quiet"]).arg(&packed);
    create.args([branch.as_str(), &without]).run()?;
    Ok((bundle::open(&packed)?, branch))
}
