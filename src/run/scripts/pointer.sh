#!/bin/sh
# A file of LFS on standard input, or already the pointer to one; prints the pointer.
v='version https://git-lfs.github.com/spec/v1'
t=$(mktemp) && cat >"$t" && { IFS= read -r first <"$t" || :; } &&
  if [ "$first" = "$v" ]; then
    cat "$t"
  else
    printf '%s\noid sha256:%s\nsize %s\n' "$v" "$(sha256sum <"$t" | cut -c1-64)" "$(wc -c <"$t")"
  fi && rm -f "$t"
