# shellcheck shell=sh
# Begins a script on the step's own index, and ends it where there is none.
git=$PWD/$GIT_WORK_TREE/.git
[ ! -L "$git" ] && [ ! -L "$git/index" ] && [ -f "$git/index" ] || exit 0
export GIT_INDEX_FILE="$git/index"
