# shellcheck shell=sh
# Reads a commit from the stream on standard input, and says what it changed.
#   REF     the ref that the stream makes
#   PARENT  the last checkpoint
git fast-import --quiet --done --date-format=now
git rev-parse --verify "$REF"
git diff-tree -r -z --raw --no-renames --abbrev=64 "$PARENT" "$REF"
