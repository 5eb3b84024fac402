# shellcheck shell=sh
# Says what lies in the step's own git, in four parts with a line `--` behind each but the last: what the listed names
# are; the commits behind them that are not excepted; which trees of those the runner has; the step's index. Nothing of
# its settings holds here.
#   INBOX  folder with the lists `names`, `not` (ids behind a ^) and `shallow` (where the history ends)
theirs=$GIT_WORK_TREE/.git
list=$GIT_DIR/left
export GIT_SHALLOW_FILE="$INBOX/shallow"
GIT_ALTERNATE_OBJECT_DIRECTORIES="$theirs/objects" \
    git cat-file --batch-check='%(objectname) %(objecttype)' <"$INBOX/names" | tee "$list"
echo --
sed -n 's/ commit$//p' "$list" >"$list-tips"
: >"$list-commits"
if [ -s "$list-tips" ]; then
    cat "$list-tips" "$INBOX/not" |
        GIT_ALTERNATE_OBJECT_DIRECTORIES="$theirs/objects" git rev-list --stdin --ignore-missing \
            --no-commit-header --max-count=10000 --format='%H|%T|%P|%s' |
        head -c 4000000 | tee "$list-commits"
fi
echo
echo --
sed -n 's/^[0-9a-f]*|\([0-9a-f]*\)|.*/\1/p' "$list-commits" | git cat-file --batch-check='%(objecttype)'
echo --
if [ -f "$theirs/index" ] && [ ! -L "$theirs/index" ]; then
    GIT_INDEX_FILE="$theirs/index" git ls-files -s -t -z | head -c 100000000
fi
