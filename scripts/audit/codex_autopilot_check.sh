#!/bin/sh
# For habits: `scripts/audit/codex_autopilot_check.sh 653` is `autopilot audit 653`. No logic lives here.
set -eu
if command -v autopilot >/dev/null 2>&1; then exec autopilot audit "$@"; fi
exec cargo run --release --quiet --manifest-path "$(dirname "$0")/../../Cargo.toml" -- audit "$@"
