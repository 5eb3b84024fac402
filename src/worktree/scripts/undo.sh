# shellcheck shell=sh
# Takes back what a commit that failed half-way has left in the index.
#   PARENT  the last checkpoint
#   REF     the ref that is at it again
git read-tree "$PARENT"
git update-ref "$REF" "$PARENT"
