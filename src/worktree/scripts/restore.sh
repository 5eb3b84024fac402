# shellcheck shell=sh
# Writes the listed paths of the last checkpoint again. A git of the step that was killed has left its lock, which
# every later one would stumble over; nothing of the step is running now.
#   INBOX  folder with the list `restored`
mkdir -p -- "$GIT_WORK_TREE"
find "$GIT_WORK_TREE/.git" -name '*.lock' -type f -exec rm -f {} + 2>/dev/null || true
git checkout-index -f -u -q -z --stdin <"$INBOX/restored"
