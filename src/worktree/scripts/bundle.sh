# shellcheck shell=sh
# Packs commits for the way out.
#   REFS  what goes, one or more refs; none has a space in it
#   LAST  the commit that REFS, then a single one, is to be at first, or nothing
#   BASE  what is there already
[ -z "$LAST" ] || git update-ref "$REFS" "$LAST"
# shellcheck disable=SC2086 # Each ref is a word.
git bundle create --quiet "$GIT_DIR/out.bundle" $REFS "^$BASE"
