//! Committing what the walk found, saving what failed, and going back.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::io;

use super::Worktree;
use super::changes::{Changes, Kind};
use super::create::RESULT;
use super::error::{WorktreeError, at};
use super::tree::{self, Difference};
use super::walk::{Unheld, is_absence, split};

/// Commits the listed paths on top of `$PARENT` as `$REF`; prints the commit and what it changed. The lists
/// are the runner's own: no ignore rule, no index flag, no embedded repository of a step has a say.
const COMMIT: &str = r#"
export GIT_AUTHOR_NAME="$NAME" GIT_AUTHOR_EMAIL="$EMAIL" GIT_COMMITTER_NAME="$NAME" GIT_COMMITTER_EMAIL="$EMAIL"
git update-index -z --force-remove --stdin <"$INBOX/deleted"
git update-index -z --add --remove --replace --stdin <"$INBOX/written"
tree=$(git write-tree)
test -z "$TREE" || test "$TREE" = "$tree"
commit=$(printf '%s' "$MESSAGE" | git commit-tree "$tree" -p "$PARENT")
git update-ref "$REF" "$commit"
echo "$commit"
git diff-tree -r -z --raw --numstat --no-renames --abbrev=64 "$PARENT" "$commit"
"#;

/// The same with an index of its own, and raw: attributes convert nothing.
const SALVAGE: &str = r#"
cp "$GIT_DIR/index" "$GIT_DIR/salvage-index"
export GIT_INDEX_FILE="$GIT_DIR/salvage-index"
mkdir -p "$GIT_DIR/info"
echo '* -text -eol -ident -filter -working-tree-encoding' >"$GIT_DIR/info/attributes"
trap 'rm -f "$GIT_DIR/info/attributes" "$GIT_INDEX_FILE"' EXIT
"#;

/// Takes back what a commit that failed half-way has left in the index.
const UNDO: &str = r#"
git read-tree "$PARENT"
git update-ref "$REF" "$PARENT"
"#;

/// Writes the listed paths of the last checkpoint again. A git of the step that was killed has left its lock,
/// which every later one would stumble over; nothing of the step is running now.
const RESTORE: &str = r#"
find .git -name '*.lock' -type f -exec rm -f {} + 2>/dev/null || true
git checkout-index -f -u -q -z --stdin <"$INBOX/restored"
"#;

/// A commit of the worktree's state.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    /// The commit.
    pub commit: String,
    /// What it changed, by path.
    pub changes: Vec<Counted>,
}

/// A changed path with its line counts.
#[derive(Debug, Clone)]
pub struct Counted {
    /// Relative to the repository's top; not UTF-8 is replaced.
    pub path: String,
    /// What happened to it.
    pub kind: Kind,
    /// Lines added; nothing for a binary file.
    pub added: Option<u64>,
    /// Lines removed; nothing for a binary file.
    pub removed: Option<u64>,
}

/// What was saved before a reset.
#[derive(Debug, Clone)]
pub struct Salvage {
    /// Ref in the salvage bundle.
    pub reference: String,
    /// The commit.
    pub commit: String,
    /// Paths that differ from the last checkpoint.
    pub paths: u64,
    /// What a commit cannot hold, in words.
    pub not_held: Vec<String>,
}

impl Worktree {
    /// Commits what the worktree holds; nothing if it is as at the last checkpoint.
    pub async fn checkpoint(
        &mut self,
        subject: &str,
        trailers: &[(&str, &str)],
    ) -> Result<Option<Checkpoint>, WorktreeError> {
        self.checkpoint_of(None, subject, trailers).await
    }

    /// The same; fails if a tree is given and the worktree is another.
    pub(super) async fn checkpoint_of(
        &mut self,
        tree: Option<&str>,
        subject: &str,
        trailers: &[(&str, &str)],
    ) -> Result<Option<Checkpoint>, WorktreeError> {
        let changes = self.changes()?;
        if let Some((path, kind)) = changes.unheld.iter().find(|(_, kind)| kind.holds_bytes()) {
            let advice = match kind {
                Unheld::Repository => "its history cannot be kept; remove it, or have it ignored",
                _ => "no commit can hold it; remove it, or have it ignored",
            };
            let path = String::from_utf8_lossy(path);
            return Err(WorktreeError::Uncommittable(format!("{path} is {kind}: {advice}")));
        }
        if changes.is_empty() {
            return Ok(None);
        }
        let message = message(subject, trailers);
        let made = self.commit(COMMIT, &changes, RESULT, &message, tree).await;
        let (commit, differences) = match made.and_then(|made| complete(&changes, made)) {
            Ok(made) => made,
            Err(error) => {
                let variables = [("PARENT", self.last.clone().into()), ("REF", RESULT.into())];
                self.git.script("undo", UNDO, &variables).await?;
                return Err(error);
            }
        };
        self.last.clone_from(&commit);
        self.commits += 1;
        let new =
            differences.iter().filter(|d| d.mode != 0).map(|d| (d.path.clone(), (d.mode, d.oid.clone())));
        self.snapshot.advance(&changes, &new.collect());
        Ok(Some(Checkpoint { commit, changes: counted(&changes, &differences) }))
    }

    /// Saves what differs from the last checkpoint under a name of its own; nothing if nothing does.
    ///
    /// The bytes are compared before this returns: what it reports as saved is saved.
    pub async fn salvage(&mut self, step: &str, attempt: u32) -> Result<Option<Salvage>, WorktreeError> {
        let changes = self.changes()?;
        if changes.is_empty() && !changes.unheld.iter().any(|(_, kind)| kind.holds_bytes()) {
            return Ok(None);
        }
        let reference = self.free_salvage_name(step, attempt);
        let script = format!("{SALVAGE}{COMMIT}");
        let run = self.run.clone();
        let message = message(&format!("Salvage of {step}, attempt {attempt}"), &[("Autopilot-Run", &run)]);
        let (commit, differences) = self.commit(&script, &changes, &reference, &message, None).await?;
        prove_saved(&changes, &differences)?;
        self.salvaged.push(reference.clone());
        let lost = changes.unheld.iter().filter(|(_, kind)| kind.holds_bytes());
        let not_held =
            lost.map(|(path, kind)| format!("{}: {kind}", String::from_utf8_lossy(path))).collect();
        Ok(Some(Salvage { reference, commit, paths: changes.paths.len() as u64, not_held }))
    }

    /// Goes back to the last checkpoint. What is ignored stays, unless `clean_ignored`.
    ///
    /// Call it only after [`Worktree::salvage`].
    pub async fn reset(&mut self, clean_ignored: bool) -> Result<(), WorktreeError> {
        let changes = self.changes()?;
        self.clear_the_way(&changes, clean_ignored)?;
        let paths = changes.paths.iter().map(|changed| changed.path.as_slice());
        let restored: Vec<&[u8]> = paths.filter(|path| self.snapshot.holds(path)).collect();
        self.lay("restored", &restored)?;
        self.git.script("restore", RESTORE, &[]).await?;
        self.snapshot.believe_paths(&self.root, &restored)?;
        let left = self.changes()?;
        match left.paths.first() {
            None => Ok(()),
            Some(changed) => Err(WorktreeError::Uncommittable(format!(
                "{} could not be reset to the last checkpoint",
                changed.path().display()
            ))),
        }
    }

    async fn commit(
        &self,
        script: &str,
        changes: &Changes,
        reference: &str,
        message: &str,
        tree: Option<&str>,
    ) -> Result<(String, Vec<Difference>), WorktreeError> {
        let (deleted, written): (Vec<_>, Vec<_>) =
            changes.paths.iter().partition(|c| c.kind == Kind::Deleted);
        self.lay("deleted", &deleted.iter().map(|c| c.path.as_slice()).collect::<Vec<_>>())?;
        self.lay("written", &written.iter().map(|c| c.path.as_slice()).collect::<Vec<_>>())?;
        let variables: [(&str, OsString); 6] = [
            ("PARENT", self.last.clone().into()),
            ("REF", reference.into()),
            ("MESSAGE", message.into()),
            ("TREE", tree.unwrap_or_default().into()),
            ("NAME", self.person.name.clone().into()),
            ("EMAIL", self.person.email.clone().into()),
        ];
        let printed = self.git.script("commit", script, &variables).await?;
        let end = printed.iter().position(|&byte| byte == b'\n').unwrap_or(printed.len());
        let commit = String::from_utf8_lossy(&printed[..end]).into_owned();
        Ok((commit, tree::parse_differences(printed.get(end + 1..).unwrap_or_default())?))
    }

    /// Lays a list of paths where the confined git finds it.
    fn lay(&self, name: &str, paths: &[&[u8]]) -> Result<(), WorktreeError> {
        let file = self.dir.inbox().join(name);
        let bytes: Vec<u8> = paths.iter().flat_map(|path| [path, b"\0".as_slice()].concat()).collect();
        fs::write(&file, bytes).map_err(at(&file))
    }

    fn free_salvage_name(&self, step: &str, attempt: u32) -> String {
        let name = format!("refs/salvage/{step}-{attempt}");
        let again = (2..).map(|n| format!("{name}.{n}"));
        std::iter::once(name.clone()).chain(again).find(|n| !self.salvaged.contains(n)).unwrap_or(name)
    }

    /// Removes what is not in the last checkpoint, and whatever stands where it is to be written again.
    fn clear_the_way(&self, changes: &Changes, clean_ignored: bool) -> Result<(), WorktreeError> {
        for changed in changes.paths.iter().filter(|changed| changed.kind != Kind::Deleted) {
            self.remove_entry(&changed.path)?;
        }
        for (path, _) in &changes.unheld {
            self.remove_entry(path)?;
        }
        if clean_ignored {
            for path in &changes.ignored {
                self.remove_entry(path)?;
            }
        }
        for folder in changes.folders.iter().rev().filter(|folder| !self.snapshot.holds_below(folder)) {
            if self.snapshot.holds(folder) {
                // A folder where the checkpoint has a file: with what is ignored in it, or git cannot write.
                self.remove_entry(folder)?;
            } else if let Err(error) = self.root.remove_folder(folder) {
                let not_empty = error.kind() == io::ErrorKind::DirectoryNotEmpty;
                if !not_empty && !is_absence(&error) {
                    return Err(error.into());
                }
            }
        }
        Ok(())
    }

    /// Removes whatever is at a path, a whole tree if need be; no link is followed.
    fn remove_entry(&self, path: &[u8]) -> Result<(), WorktreeError> {
        use std::os::unix::ffi::OsStrExt;
        match self.root.unlink(path) {
            Ok(()) => return Ok(()),
            Err(error) if is_absence(&error) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                self.root.open_up(split(path).0)?;
                if self.root.unlink(path).is_ok() {
                    return Ok(());
                }
            }
            Err(_) => {}
        }
        // The folder above was reached through no link just now, and nothing of the step is running.
        super::rundir::remove_tree(&self.dir.worktree().join(std::ffi::OsStr::from_bytes(path)))
    }
}

pub(super) fn message(subject: &str, trailers: &[(&str, &str)]) -> String {
    let mut text = format!("{}\n\n", subject.trim());
    for (name, value) in trailers {
        let _ = writeln!(text, "{name}: {value}");
    }
    text
}

fn counted(changes: &Changes, differences: &[Difference]) -> Vec<Counted> {
    let counts: HashMap<&[u8], &Difference> = differences.iter().map(|d| (d.path.as_slice(), d)).collect();
    let count = |changed: &super::Changed| {
        let difference = counts.get(changed.path.as_slice())?;
        Some(Counted {
            path: changed.path().to_string_lossy().into_owned(),
            kind: changed.kind,
            added: difference.added,
            removed: difference.removed,
        })
    };
    changes.paths.iter().filter_map(count).collect()
}

/// Demands that a commit has every new path: git passes over some names without an error.
fn complete(
    changes: &Changes,
    made: (String, Vec<Difference>),
) -> Result<(String, Vec<Difference>), WorktreeError> {
    let there: std::collections::HashSet<&[u8]> = made.1.iter().map(|d| d.path.as_slice()).collect();
    match changes.paths.iter().find(|c| c.kind == Kind::Added && !there.contains(c.path.as_slice())) {
        None => Ok(made),
        Some(missing) => Err(WorktreeError::Uncommittable(format!(
            "git does not take {} into a commit; rename it, or have it ignored",
            missing.path().display()
        ))),
    }
}

/// Compares the ids the walk computed with what the salvage commit holds.
fn prove_saved(changes: &Changes, differences: &[Difference]) -> Result<(), WorktreeError> {
    let saved: HashMap<&[u8], &str> =
        differences.iter().map(|d| (d.path.as_slice(), d.oid.as_str())).collect();
    let lost =
        changes.paths.iter().find(|c| c.kind != Kind::Deleted && saved.get(&*c.path) != Some(&&*c.oid));
    match lost {
        None => Ok(()),
        Some(changed) => Err(WorktreeError::Uncommittable(format!(
            "{} was not saved as it is in the worktree",
            changed.path().display()
        ))),
    }
}
