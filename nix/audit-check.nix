# The audit as a check of somebody's own flake:
#
#   checks.<system>.autopilot = autopilot.lib.<system>.auditCheck { src = ./.; };
#
# A flake's source holds tracked files only: no `.git`, and no evidence unless a team commits it. So plans are
# checked without asking the build host, and evidence is audited by itself; what could not be checked is printed.
# What takes the repository belongs into a CI step in a full clone: `autopilot audit --all`.
{
  lib,
  runCommand,
  unwrapped, # no Codex in the closure of a gate
}:
{
  # The repository, as a path such as `./.`.
  src,
  # Where its plans and its evidence lie.
  plans ? ".ai/plans",
  evidence ? ".ai/logs",
  # "plans": evidence is audited where there is some. "evidence": there has to be some.
  require ? "plans",
  # A file of `<run> <seq>:<hash>` lines, kept where whoever could rewrite evidence does not reach.
  heads ? null,
}:
if !builtins.isPath src then
  throw "auditCheck: src takes a path such as ./., not a string or a flake"
else if
  !builtins.elem require [
    "plans"
    "evidence"
  ]
then
  throw "auditCheck: require is \"plans\" or \"evidence\""
else
  let
    # Unrelated edits do not rebuild the check.
    watched = lib.fileset.toSource {
      root = src;
      fileset = lib.fileset.unions [
        (lib.fileset.maybeMissing (src + "/${plans}"))
        (lib.fileset.maybeMissing (src + "/${evidence}"))
      ];
    };
  in
  runCommand "autopilot-audit" { nativeBuildInputs = [ unwrapped ]; } ''
    mkdir -p repository/.ai
    cd repository
    if [ -d ${watched}/${plans} ]; then cp -r --no-preserve=mode ${watched}/${plans} .ai/plans; fi
    if [ -d ${watched}/${evidence} ]; then cp -r --no-preserve=mode ${watched}/${evidence} .ai/logs; fi
    autopilot check --plan-only
    if find .ai/logs -name 'status-*.log' 2>/dev/null | grep -q .; then
      autopilot audit --all --evidence-only ${lib.optionalString (heads != null) "--heads ${heads}"}
    elif [ ${require} = evidence ]; then
      echo "no evidence in ${evidence}, and require = \"evidence\""
      echo "    hint: .ai/logs ignores itself; a team that commits its evidence removes .ai/logs/.gitignore"
      exit 1
    else
      echo "no evidence audited: there is none in ${evidence}"
    fi
    touch $out
  ''
