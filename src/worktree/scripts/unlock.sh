# shellcheck shell=sh
# Begins a script that may follow a git that was killed: it has left its lock, and no other git is running.
find "$GIT_DIR" -name '*.lock' -exec rm -f {} +
