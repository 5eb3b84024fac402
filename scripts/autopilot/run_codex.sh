#!/bin/sh
# For habits: `scripts/autopilot/run_codex.sh 653` is `autopilot run 653`. No logic lives here.
set -eu
if command -v autopilot >/dev/null 2>&1; then exec autopilot run "$@"; fi
exec cargo run --release --quiet --manifest-path "$(dirname "$0")/../../Cargo.toml" -- run "$@"
