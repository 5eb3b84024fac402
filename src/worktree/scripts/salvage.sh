# shellcheck shell=sh
# Reads blobs from the stream on standard input, commits them at the listed paths, and says what that changed. The tree
# is made by way of an index: as a part of the stream it would take time by the square of a folder's files.
#   INBOX   folder with the list `records` (entries of an index) and the file `message`
#   REF     the ref that is to be at the commit
#   PARENT  the last checkpoint
#   NAME, EMAIL  whose work it counts as: the user's
#   COMMITTER_NAME, COMMITTER_EMAIL  who commits it
git fast-import --quiet --done
export GIT_AUTHOR_NAME="$NAME" GIT_AUTHOR_EMAIL="$EMAIL"
export GIT_COMMITTER_NAME="$COMMITTER_NAME" GIT_COMMITTER_EMAIL="$COMMITTER_EMAIL"
export GIT_INDEX_FILE="$GIT_DIR/salvage-index"
rm -f "$GIT_INDEX_FILE"
git read-tree "$PARENT"
git update-index -z --add --replace --index-info <"$INBOX/records"
commit=$(git commit-tree "$(git write-tree)" -p "$PARENT" -F "$INBOX/message")
rm -f "$GIT_INDEX_FILE"
git update-ref "$REF" "$commit"
echo "$commit"
git diff-tree -r -z --raw --no-renames --abbrev=64 "$PARENT" "$commit"
