# shellcheck shell=sh
# Fills a part of the worktree. The step's index is a copy of the runner's: same files, same times.
#   COMMIT  what is checked out
git read-tree -u --reset "$COMMIT"
cp "$GIT_DIR/index" "$GIT_WORK_TREE/.git/index"
