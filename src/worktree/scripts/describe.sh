# shellcheck shell=sh
# Says what a commit is: its parent, its tree, its message.
#   FOUND  the commit
git rev-parse --verify "$FOUND^"
git rev-parse --verify "$FOUND^{tree}"
git log -1 --format=%B "$FOUND"
