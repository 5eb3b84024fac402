//! Takes commits, and values that nobody is to see; gives where those stand in contents, names and messages: kinds and
//! places, never the values. It costs what the commits hold, in flat memory, and ends when it is told to.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::evidence::mask::{Detector, Hit, Secrets};
use crate::git::Oid;
use crate::worktree::{Again, Before, Leaving, Looked, Outgoing, Repository, WorktreeError};

/// Findings that are named; the rest is counted.
const NAMED: usize = 20;
/// With so many nobody looks for more.
const ENOUGH: u64 = 1000;
/// So much is looked at before it is asked whether to go on.
const PIECE: usize = 64 << 10;

/// What a search came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Findings {
    /// Kind and place of what looks like a secret; the first of them.
    pub(super) found: Vec<String>,
    /// How many more.
    pub(super) more: u64,
    /// What was not searched, and why.
    pub(super) unsearched: Vec<String>,
}

/// What to search, and for what.
#[derive(Debug, Clone)]
pub(super) struct Task {
    pub(super) repository: Repository,
    pub(super) leaving: Leaving,
    /// The name that it goes by.
    pub(super) reference: String,
    pub(super) secrets: Secrets,
    /// Bytes of files that are searched at most.
    pub(super) most: u64,
}

/// Tells a thread to end, at the latest when nobody waits for it any more.
struct Stop(Arc<AtomicBool>);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Searches on a thread of its own, until there is nothing more or it is to end. What it found by then counts.
pub(super) async fn search(task: Task, until: impl Future<Output = ()>) -> Result<Findings, WorktreeError> {
    let stop = Stop(Arc::default());
    let told = Arc::clone(&stop.0);
    let mut searching = tokio::task::spawn_blocking(move || task.carry_out(&told));
    let ended = tokio::select! {
        ended = &mut searching => ended,
        () = until => {
            drop(stop);
            searching.await
        }
    };
    ended.unwrap_or_else(|error| Err(std::io::Error::other(error).into()))
}

impl Task {
    fn carry_out(&self, stop: &AtomicBool) -> Result<Findings, WorktreeError> {
        let mut search = Search { task: self, stop, left: self.most, findings: Findings::default() };
        let name = self.reference.as_bytes();
        search
            .each_hit(name, |search, hit| search.note(|| format!("{} in the name of the branch", hit.kind)));
        self.repository.outgoing(&self.leaving, &mut |outgoing| search.look(outgoing))?;
        Ok(search.findings)
    }
}

struct Search<'a> {
    task: &'a Task,
    stop: &'a AtomicBool,
    /// Bytes that may still be searched.
    left: u64,
    findings: Findings,
}

impl Search<'_> {
    fn look(&mut self, outgoing: Outgoing<'_>) -> Result<Looked, WorktreeError> {
        let again = match outgoing {
            Outgoing::Commit { commit, text } => {
                let said = |hit: &Hit| format!("{} in the message of {}", hit.kind, commit.abbreviated());
                self.each_hit(&text, |search, hit| search.note(|| said(hit)))
            }
            Outgoing::Name { commit, path } => {
                let said =
                    |hit: &Hit| format!("{} in the name of a file of {}", hit.kind, commit.abbreviated());
                self.each_hit(path, |search, hit| search.note(|| said(hit)))
            }
            Outgoing::File { commit, path, content, before } => {
                self.file(&File { commit, path, content: &content }, before)?
            }
            Outgoing::TooLarge { commit, path, size } => {
                self.pass_over(&format!("{}: {} MiB", place(path, commit), size >> 20));
                Again::No
            }
        };
        let is_over = if self.stop.load(Ordering::Relaxed) {
            self.pass_over("the rest: it was to end");
            true
        } else {
            self.findings.found.len() as u64 + self.findings.more >= ENOUGH
        };
        Ok(if is_over { ControlFlow::Break(()) } else { ControlFlow::Continue(again) })
    }

    /// Looks at a file. What stood in it before does not go out now.
    fn file(&mut self, file: &File<'_>, before: Before<'_>) -> Result<Again, WorktreeError> {
        let content = file.content;
        let Some(left) = self.left.checked_sub(content.len() as u64) else {
            let place = place(file.path, file.commit);
            self.pass_over(&format!("{place}: behind {} MiB of others", self.task.most >> 20));
            return Ok(Again::No);
        };
        self.left = left;
        if self.each_hit(content, |_, _| {}) == Again::No {
            return Ok(Again::No);
        }
        let before = before.read()?;
        let mut known: HashSet<&[u8]> = HashSet::new();
        self.each_hit(&before, |_, hit| known.extend(before.get(hit.range.clone())));
        self.each_hit(content, |search, hit| {
            if content.get(hit.range.clone()).is_some_and(|text| !known.contains(text)) {
                search.note(|| file.say(hit));
            }
        });
        Ok(Again::Yes)
    }

    /// Goes through what looks like a secret, until it is to end; tells whether there is any.
    fn each_hit(&mut self, bytes: &[u8], mut each: impl FnMut(&mut Self, &Hit)) -> Again {
        let mut detector = Detector::new(&self.task.secrets);
        let mut again = Again::No;
        let mut take = |search: &mut Self, hits: Vec<Hit>| {
            for hit in &hits {
                again = Again::Yes;
                each(search, hit);
            }
        };
        for piece in bytes.chunks(PIECE) {
            if self.stop.load(Ordering::Relaxed) {
                break;
            }
            let hits = detector.push(piece);
            take(self, hits);
        }
        let hits = detector.finish();
        take(self, hits);
        again
    }

    fn note(&mut self, said: impl FnOnce() -> String) {
        let found = &mut self.findings.found;
        if found.len() >= NAMED {
            self.findings.more += 1;
            return;
        }
        let said = said();
        if !found.contains(&said) {
            found.push(said);
        }
    }

    fn pass_over(&mut self, what: &str) {
        let unsearched = &mut self.findings.unsearched;
        match unsearched.len() {
            ..NAMED => unsearched.push(what.to_owned()),
            NAMED => unsearched.push("and more".to_owned()),
            _ => {}
        }
    }
}

/// A file that is looked at.
struct File<'a> {
    commit: &'a Oid,
    path: &'a [u8],
    content: &'a [u8],
}

impl File<'_> {
    fn say(&self, hit: &Hit) -> String {
        let above = self.content.get(..hit.range.start).unwrap_or_default();
        let line = 1 + memchr::memchr_iter(b'\n', above).count();
        format!(
            "{} in {}:{line} of {}",
            hit.kind,
            String::from_utf8_lossy(self.path),
            self.commit.abbreviated()
        )
    }
}

/// Names a file of a commit.
fn place(path: &[u8], commit: &Oid) -> String {
    format!("{} of {}", String::from_utf8_lossy(path), commit.abbreviated())
}
