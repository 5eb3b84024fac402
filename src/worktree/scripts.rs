//! The shell scripts of the runner's git in the sandbox. Each says at its top which variables it reads; all of them
//! run with `sh -eu`, with `GIT_DIR` and `GIT_WORK_TREE`, and only the values of variables come from outside.

/// Takes listed paths into the index.
pub(super) const STAGE: &str = include_str!("scripts/stage.sh");
/// Commits what is staged.
pub(super) const COMMIT: &str = include_str!("scripts/commit.sh");
/// Takes a commit back.
pub(super) const UNDO: &str = include_str!("scripts/undo.sh");
/// Removes the locks of a git that was killed.
pub(super) const UNLOCK: &str = include_str!("scripts/unlock.sh");
/// Fills a part of a fresh worktree.
pub(super) const CHECK_OUT: &str = include_str!("scripts/check-out.sh");
/// Packs commits for the way out.
pub(super) const BUNDLE: &str = include_str!("scripts/bundle.sh");
/// Commits a stream.
pub(super) const SALVAGE: &str = include_str!("scripts/salvage.sh");
/// Goes back to the last checkpoint.
pub(super) const TAKE_UP: &str = include_str!("scripts/take-up.sh");
/// Fills a fresh worktree with the last checkpoint.
pub(super) const GO_ON: &str = include_str!("scripts/go-on.sh");
/// Says what there is, after either.
pub(super) const TELL: &str = include_str!("scripts/tell.sh");
/// Says what a commit is.
pub(super) const DESCRIBE: &str = include_str!("scripts/describe.sh");
/// Says which filters listed paths have.
pub(super) const ATTRIBUTES: &str = include_str!("scripts/attributes.sh");
/// Turns to the step's own index.
pub(super) const OWN_INDEX: &str = include_str!("scripts/own-index.sh");
/// Lists an index.
pub(super) const LIST: &str = include_str!("scripts/list.sh");
/// Has the step's index take contents for their pointers.
pub(super) const REFRESH: &str = include_str!("scripts/refresh.sh");
/// Writes listed paths again.
pub(super) const RESTORE: &str = include_str!("scripts/restore.sh");
/// Says whether the step's own git can be worked with.
pub(super) const PROBE_OWN: &str = include_str!("scripts/probe-own.sh");
/// Makes the index of the step's own git anew.
pub(super) const OWN_TREE: &str = include_str!("scripts/own-tree.sh");
/// Says what lies in the step's own git.
pub(super) const LEFT: &str = include_str!("scripts/left.sh");
/// Says which objects are missing.
pub(super) const LACKS: &str = include_str!("scripts/lacks.sh");
/// Takes commits of the step's own git over.
pub(super) const TAKE_LEFT: &str = include_str!("scripts/take-left.sh");
