# shellcheck shell=sh
# Goes back to the last checkpoint that the journal knows, and prints the one that there was. An index with half of a
# commit in it, which git was at when the runner died, is undone.
#   RESULT  the ref of the last checkpoint
#   LAST    the commit of it
git rev-parse --verify --quiet "$RESULT" || echo none
git read-tree --reset "$LAST"
git update-ref "$RESULT" "$LAST"
