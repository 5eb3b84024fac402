//! Takes commits, gives what they add and change: one by one, while a git finds it out.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Stdio};

use super::error::WorktreeError;
use super::repository::Repository;
use super::tree;
use crate::git::Oid;
use crate::helper;

/// What some commits change.
#[derive(Debug)]
pub(super) struct Differences {
    child: Child,
    told: BufReader<ChildStdout>,
    commit: Option<Oid>,
}

/// A file that a commit adds or changes.
#[derive(Debug)]
pub(super) struct Difference {
    pub(super) commit: Oid,
    pub(super) path: Vec<u8>,
    pub(super) held: tree::Held,
}

impl Differences {
    /// Starts to ask about commits.
    pub(super) fn start(repository: &Repository, commits: &[Oid]) -> Result<Self, WorktreeError> {
        let how = ["--stdin", "-r", "-z", "-m", "--root", "--raw", "--no-renames", "--no-ext-diff"];
        let mut command = repository.git("diff-tree").args(how).into_command();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = helper::start(|| command.spawn())?;
        let (Some(mut stdin), Some(told)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(garbled());
        };
        let asked: String = commits.iter().map(|commit| format!("{commit}\n")).collect();
        // From a thread: git answers while it reads. One that does not read to its end says so by how it ends.
        std::thread::spawn(move || drop(stdin.write_all(asked.as_bytes())));
        Ok(Self { child, told: BufReader::new(told), commit: None })
    }

    fn field(&mut self) -> Result<Vec<u8>, WorktreeError> {
        let mut field = Vec::new();
        self.told.read_until(0, &mut field)?;
        if field.pop().is_some_and(|last| last != 0) { Err(garbled()) } else { Ok(field) }
    }

    /// Returns the next one, if there is one more.
    pub(super) fn next(&mut self) -> Result<Option<Difference>, WorktreeError> {
        loop {
            let field = self.field()?;
            match field.first() {
                None => return Ok(None),
                Some(b':') => {
                    let path = self.field()?;
                    let commit = self.commit.clone().ok_or_else(garbled)?;
                    // What a commit removes goes out with the one that added it.
                    if let Some(held) = tree::parse_new(&field)? {
                        return Ok(Some(Difference { commit, path, held }));
                    }
                }
                Some(_) => self.commit = Some(Oid::parse(&String::from_utf8_lossy(&field))?),
            }
        }
    }

    /// Holds that all was told.
    pub(super) fn end(mut self) -> Result<(), WorktreeError> {
        let status = self.child.wait()?;
        if status.success() { Ok(()) } else { Err(WorktreeError::git("diff-tree", status.into(), b"")) }
    }
}

impl Drop for Differences {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn garbled() -> WorktreeError {
    WorktreeError::garbled("diff-tree")
}
