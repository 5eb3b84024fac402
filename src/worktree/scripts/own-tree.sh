# shellcheck shell=sh
# Makes the index of the step's own git anew.
#   COMMIT  what it holds
GIT_INDEX_FILE="$GIT_WORK_TREE/.git/index" git read-tree "$COMMIT"
