# shellcheck shell=sh
# Takes commits of the step's own git over, each under a ref. They are a step's: read as strictly as the user's
# repository would, and whole, or not taken.
#   INBOX  folder with the lists `names` (ids and refs), `not` and `shallow`
#   BASE   what they stand on, if on anything
#   MOST   bytes that they may take
theirs=$GIT_WORK_TREE/.git
pack=$GIT_DIR/left.pack
sed 's/ .*//' "$INBOX/names" | cat - "$INBOX/not" |
    GIT_SHALLOW_FILE="$INBOX/shallow" GIT_ALTERNATE_OBJECT_DIRECTORIES="$theirs/objects" \
        git pack-objects --revs --stdout -q --delta-base-offset | head -c "$((MOST + 1))" >"$pack"
size=$(wc -c <"$pack")
[ "$size" -le "$MOST" ]
git index-pack --strict --stdin --fix-thin <"$pack" >/dev/null
rm -f "$pack"
# shellcheck disable=SC2046 # Each id is a word.
git rev-list --objects --quiet $(sed 's/ .*//' "$INBOX/names") "^$BASE"
sed 's/\(.*\) \(.*\)/create \2 \1/' "$INBOX/names" | git update-ref --stdin
echo "$size"
