# shellcheck shell=sh
# Commits what is staged on top of the last checkpoint; prints the filters of the listed paths up to an empty record,
# the commit with its tree, and what it changed. The lists are the runner's own: no ignore rule, no index flag, no
# embedded repository of a step has a say. What attributes turn into the tree that was there (line ends, say) is no
# commit. Its trees and git's own files in it are read as strictly as the user's repository will when it fetches them:
# what that would refuse fails this attempt, and not the end of the run.
#   INBOX    folder with the lists `written` (paths) and `pointers` (records of an index), and the file `message`
#   PARENT   the last checkpoint
#   REF      the ref that is to be at the commit
#   TREE     the tree that it must have, or nothing
#   NAME, EMAIL  whose work it counts as: the user's
#   COMMITTER_NAME, COMMITTER_EMAIL  who commits it
#   FILTERS  not empty: some attributes may name a filter
export GIT_AUTHOR_NAME="$NAME" GIT_AUTHOR_EMAIL="$EMAIL"
export GIT_COMMITTER_NAME="$COMMITTER_NAME" GIT_COMMITTER_EMAIL="$COMMITTER_EMAIL"
[ ! -s "$INBOX/pointers" ] || git update-index -z --add --replace --index-info <"$INBOX/pointers"
[ -z "$FILTERS" ] || git check-attr --cached -z --stdin filter <"$INBOX/written"
printf '\0'
made=$(git write-tree)
test -z "$TREE" || test "$TREE" = "$made"
[ "$made" != "$(git rev-parse "$PARENT^{tree}")" ] || exit 0
commit=$(git commit-tree "$made" -p "$PARENT" -F "$INBOX/message")
printf '%s\n^%s\n' "$commit" "$PARENT" >"$GIT_DIR/range"
# What comes by a pipe is whole or refused: a pack is.
git pack-objects --revs --stdout --filter=blob:none -q <"$GIT_DIR/range" | git unpack-objects --strict -q
git update-ref "$REF" "$commit"
echo "$commit $made"
git diff-tree -r -z --raw --numstat --no-renames --abbrev=64 "$PARENT" "$commit"
