# shellcheck shell=sh
# Takes the listed paths into the index.
#   INBOX  folder with the lists `deleted` and `written`: paths, each ended by NUL
git update-index -z --force-remove --stdin <"$INBOX/deleted"
git update-index -z --add --remove --replace --stdin <"$INBOX/written"
