//! Takes a base, refuses one on which no checkpoint could be made: with a name that no worktree can hold, or with
//! files of git's own at its top that a git which reads strictly refuses. Every checkpoint holds the top anew, so
//! every step that changes something would fail, after all its work. What lies deeper is in nobody's way who
//! changes nothing beside it, and is refused there.

use tempfile::TempDir;

use super::error::{GitEnd, WorktreeError};
use super::git::Git;
use super::init::{Use, init};
use super::layout::shown;
use super::names::{is_git, is_gitmodules};
use super::part::Part;
use super::root::split;
use super::tree::{Entry, LINK, ObjectFormat};

/// Files that git itself obeys, and reads strictly.
const GITS_OWN: [&str; 2] = [".gitmodules", ".gitattributes"];

/// Where the files are committed to be read.
const REFERENCE: &str = "refs/heads/none";

/// Refuses a base that every change would fail on.
pub(super) fn refuse(name: &str, parts: &[Part], format: ObjectFormat) -> Result<(), WorktreeError> {
    for part in parts {
        if let Some(entry) = unholdable(&part.entries) {
            let path = part.in_worktree(&entry.path);
            return Err(WorktreeError::refused(
                format!(
                    "no worktree can hold {} of the base `{}`: git takes such a name for its own",
                    shown(&path),
                    name
                ),
                "rename it, commit that, and run again",
            ));
        }
    }
    let Some(own) = parts.first() else { return Ok(()) };
    for file in GITS_OWN {
        if let Some(why) = refusal(own, file, format)? {
            return Err(WorktreeError::refused(
                format!("no commit can be made on the base `{name}`: git refuses its {file}: {why}"),
                format!("correct {file}, commit that, and run again"),
            ));
        }
    }
    Ok(())
}

/// Finds an entry that no worktree can hold. What lies in a folder comes in one piece, so each is looked at once.
fn unholdable(entries: &[Entry]) -> Option<&Entry> {
    let is_reserved = |name: &[u8]| matches!(name, b"" | b"." | b"..") || is_git(name);
    let mut last: &[u8] = b"";
    entries.iter().find(|entry| {
        let (folder, name) = split(&entry.path);
        let is_new = std::mem::replace(&mut last, folder) != folder;
        is_reserved(name)
            || (entry.held.mode == LINK && is_gitmodules(name))
            || (is_new && !folder.is_empty() && folder.split(|&byte| byte == b'/').any(is_reserved))
    })
}

/// Returns why git refuses a file of its own at the top, if it does: in its own words, from a repository that
/// holds nothing else.
fn refusal(own: &Part, name: &str, format: ObjectFormat) -> Result<Option<String>, WorktreeError> {
    let below = format!("{name}/");
    if own.entries.iter().any(|entry| entry.path.starts_with(below.as_bytes())) {
        return Ok(Some("it is a folder".to_owned()));
    }
    let is_it = |entry: &&Entry| entry.path == name.as_bytes() && entry.held.mode != LINK;
    let Some(entry) = own.entries.iter().find(is_it) else { return Ok(None) };
    let bytes = own.source.blobs(&[entry.held.oid])?.concat();
    let folder = TempDir::new()?;
    let alone = folder.path().join("alone.git");
    init(&alone, format, Use::Checkpoints, &format!("ref: {REFERENCE}"), &[])?;
    let head = format!(
        "commit {REFERENCE}\ncommitter none <none> 0 +0000\ndata 0\nM 100644 inline {name}\ndata {}\n",
        bytes.len()
    );
    let git = |command| Git::new(&alone, command).git_dir(&alone);
    git("fast-import").arg("--quiet").feed([head.as_bytes(), &bytes].concat())?;
    match git("fsck").args(["--strict", "--no-progress"]).run() {
        Ok(_) => Ok(None),
        // A set of what it found; from 126 on it did not come to look.
        Err(WorktreeError::Git { end: GitEnd::Code(1..126), said, .. }) => Ok(Some(reason(&said))),
        Err(error) => Err(error),
    }
}

/// Takes the reason out of `error in blob <id>: <reason>`.
fn reason(stderr: &str) -> String {
    let named = stderr.lines().find_map(|line| line.strip_prefix("error in ")?.split_once(": "));
    named.map_or(stderr, |(_, reason)| reason).to_owned()
}
