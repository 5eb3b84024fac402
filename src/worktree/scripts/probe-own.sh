# shellcheck shell=sh
# Says what the step's own git is told, and fails where git could not read that, or does not find what it needs. None of
# its settings holds here: they are read as a file, and its objects are looked for by the runner's git.
#   COMMITS  what has to be there, one or more ids, with all that it holds
theirs=$GIT_WORK_TREE/.git
git config --file "$theirs/config" --null --list
[ ! -f "$theirs/config.worktree" ] || git config --file "$theirs/config.worktree" --list >/dev/null
export GIT_OBJECT_DIRECTORY="$theirs/objects"
# shellcheck disable=SC2086 # Each id is a word.
git rev-list --objects --quiet --no-walk $COMMITS
