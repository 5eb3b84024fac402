# shellcheck shell=sh
# Has the step's git take the listed entries of its index for what is there now, if that is what the checkpoint holds:
# to this one look, a file of LFS is its pointer. Git looks only where it knows no size, as of an entry that is put in
# anew. Attributes are the checkpoint's: where a step left a pipe for them, git would wait.
#   INBOX   folder with the list `entries`, records of an index
#   RESULT  the ref of the last checkpoint
git update-index -z --index-info <"$INBOX/entries"
export GIT_ATTR_SOURCE="$RESULT"
# shellcheck disable=SC2016 # The filter's own shell knows it.
git -c filter.lfs.clean='exec git cat-file blob "$RESULT:"%f' update-index -q --refresh
