# shellcheck shell=sh
# Says which filter the listed paths have, up to an empty record.
#   INBOX  folder with the list `asked`
git check-attr --cached -z --stdin filter <"$INBOX/asked"
printf '\0'
