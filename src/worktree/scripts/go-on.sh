# shellcheck shell=sh
# Fills a fresh worktree, which is at the base, with the last checkpoint. What it changes is no commit to the step's
# own git, as it was when the steps before had done it. Prints as `take-up.sh` does.
#   RESULT  the ref of the last checkpoint
#   LAST    the commit of it
echo none
git read-tree -u --reset "$LAST"
git update-ref "$RESULT" "$LAST"
