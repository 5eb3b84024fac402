# shellcheck shell=sh
# Says what there is: the number of commits, the refs of what was salvaged, an empty line, the files.
#   BASE  where the run began
#   LAST  the last checkpoint
git rev-list --count "$BASE..$LAST"
git for-each-ref --format='%(refname)' refs/salvage/
echo
git ls-tree -r -z --full-tree "$LAST"
