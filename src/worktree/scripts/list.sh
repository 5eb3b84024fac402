# shellcheck shell=sh
# Lists what is in the index, within bounds: a few bytes of an index can name many.
git ls-files --stage -z | head -c 100000000
