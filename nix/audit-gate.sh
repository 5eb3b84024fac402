# audit-gate.sh SOURCE: runs the sample plan in a scratch repository, audits it to PASS, then tampers with the
# evidence in several ways and demands FAIL of each. `autopilot` is the packaged one.
set -euo pipefail
HOME=$(mktemp -d)
AUTOPILOT_STATE_DIR=$HOME/state
export HOME AUTOPILOT_STATE_DIR
git config --global user.name Gate
git config --global user.email gate@example.org
git config --global init.defaultBranch main

mkdir "$HOME/repository"
cd "$HOME/repository"
# With what git ignores: the sample builds, and may change nothing else.
cp -r "$1/.ai" "$1/.gitignore" "$1/docs" .
chmod -R u+w .
git init -q
git add -A
git commit -qm 'the sample'

# Through a pipe: plain lines, whatever a builder's log is.
autopilot run 646 2>&1 | cat
autopilot audit 646

evidence=.ai/logs
run=$(basename "$evidence"/autopilot/status-*.log .log)
run=${run#status-}
cp -r "$evidence" ../good

# tamper NAME COMMAND...: what is done to good evidence must be found, and be exit 4 rather than a crash.
tamper() {
  name=$1
  shift
  rm -rf "$evidence"
  cp -r ../good "$evidence"
  "$@"
  code=0
  autopilot audit 646 >../found 2>&1 || code=$?
  if [ "$code" != 4 ]; then
    cat ../found
    echo "audit-gate: $name: exit $code, not 4"
    exit 1
  fi
  echo "found: $name: $(grep -m 1 -E '^(FAIL|error)' ../found)"
}

journal=$evidence/autopilot/status-$run.log
tamper 'a changed result' sed -i 's/"result":"passed"/"result":"failed"/' "$journal"
tamper 'a line taken out' sed -i 5d "$journal"
tamper 'the end cut off' sed -i '$d' "$journal"
tamper 'a byte added to the log' sh -c 'echo >>"$1"' - "$evidence/codex/autopilot-$run.log"
tamper 'a forged summary' sed -i 's/done/perfect/' "$evidence/autopilot/summary-$run.md"
tamper 'no provenance' rm "$evidence/autopilot/provenance-$run.json"
tamper 'a secret in the log' sh -c 'printf "ghp_%s\n" 0123456789abcdefghijklmnopqrstuvwxyz >>"$1"' - "$evidence/codex/autopilot-$run.log"
tamper 'no evidence at all' rm -r "$evidence"

rm -rf "$evidence"
cp -r ../good "$evidence"
autopilot audit 646
