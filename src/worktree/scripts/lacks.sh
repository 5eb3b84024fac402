# shellcheck shell=sh
# Says of the listed ids what they are, or that they are missing.
#   INBOX  folder with the list `names`
git cat-file --batch-check='%(objecttype)' <"$INBOX/names"
