"""A copy of the last commit that holds many faults, of which a file names the one that is there: what scripts/faults and
scripts/mutants have in common. It is built once, so that another fault costs no build."""

import os
import pathlib
import re
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent
# Each script has its own, so that both can run at once: cargo takes programs of the same name for the same.
NAME = pathlib.Path(sys.argv[0]).name
WORK = TOP / "target" / "planted" / NAME
# Where every user can read it, since tests run the program as others, too.
PLANTED = pathlib.Path(f"/var/tmp/autopilot-planted-by-{NAME}")
# Programs of tests, by how they are asked for. What is asked for without such a word is of `it`.
PROGRAMS = {"--lib": "autopilot", "--mask": "autopilot_mask", "--proof": "autopilot_proof"}
ASKED = """
#[doc(hidden)]
#[allow(missing_docs)]
pub mod planted {
    use std::sync::LazyLock;
    static NAME: LazyLock<String> =
        LazyLock::new(|| std::fs::read_to_string(env!("AUTOPILOT_PLANTED")).unwrap_or_default());
    static NUMBER: LazyLock<u32> = LazyLock::new(|| NAME.parse().unwrap_or_default());
    /// Tells whether this fault is planted; asked first when the process begins, before it is confined.
    pub fn is(name: &str) -> bool {
        *NAME == name
    }
    /// Returns which one is, where they are numbered; 0 for none.
    pub fn number() -> u32 {
        *NUMBER
    }
}
"""


def command(*words, **more):
    return subprocess.run(words, check=True, text=True, **more)


def copied():
    """Makes a copy of the last commit, and returns its folder."""
    tree = WORK / "tree"
    if tree.exists():
        command("git", "-C", TOP, "worktree", "remove", "--force", tree, stderr=subprocess.DEVNULL)
    WORK.mkdir(parents=True, exist_ok=True)
    command("git", "-C", TOP, "worktree", "prune")
    command("git", "-C", TOP, "worktree", "add", "-q", "--detach", tree, "HEAD")
    for crate in [tree, *tree.glob("crates/*")]:
        (crate / "src/lib.rs").open("a").write(ASKED)
    # The small program asks by itself; the main one for both, since it may have to be the confined side.
    asked = {name: f'    {name}::planted::is("");\n' for name in ("autopilot", "autopilot_init")}
    for main, begins, asks in [
        (tree / "src/main.rs", "    autopilot::cli", "".join(asked.values())),
        (tree / "crates/init/src/main.rs", "    match autopilot_init::enter", asked["autopilot_init"]),
    ]:
        main.write_text(main.read_text().replace(begins, asks + begins))
    return tree


def environment(limit_of_child):
    # What a fault keeps from ending is ended by the tests themselves.
    own = {"AUTOPILOT_TEST_LIMIT": str(limit_of_child), "AUTOPILOT_PLANTED": str(PLANTED), "RUSTFLAGS": ""}
    # As cargo has it of .cargo/config.toml: these are started without. Seeds are the gate's.
    own |= {"RUST_TEST_THREADS": "6", "PROPTEST_RNG_SEED": "646", "CARGO_TARGET_DIR": str(WORK / "target")}
    return os.environ | own


def build(tree, *targets):
    """Builds the tests; returns the programs, by what they are."""
    words = ["cargo", "test", "--workspace", *targets, "--no-run", "--message-format", "short"]
    built = command(*words, cwd=tree, env=environment(0), stderr=subprocess.PIPE).stderr
    found = [tree / path for path in re.findall(r"Executable .* \((\S+)\)", built)]
    named = {what: re.compile(rf"{what}-[0-9a-f]+") for what in [*PROGRAMS.values(), "it"]}
    return {what: path for path in found for what, name in named.items() if name.fullmatch(path.name)}


def runs(tests):
    """Cuts what is asked for into the words of each program."""
    words, cut = tests.split(), {}
    while words:
        program = PROGRAMS.get(words[0])
        if program:
            words.pop(0)
        cut.setdefault(program or "it", []).append(words.pop(0))
    return cut


class Hangs(Exception):
    """The tests did not end in time."""


FAILED = re.compile(r"^test (\S+) (?:- .*)?\.\.\. FAILED")


def run(program, filters, tree, limit):
    """Runs a program of tests; returns its exit code, what it printed and the first test that failed, if one did. Unit tests are
    ended at that; others end by themselves, since they have started programs."""
    tried = ["timeout", "-k", "10", str(limit), program, *filters]
    environ = environment(limit * 2 // 3)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True, "errors": "replace"}
    printed, failed = [], None
    with subprocess.Popen(tried, cwd=tree, env=environ, **pipes) as child:
        for line in child.stdout:
            printed.append(line)
            if found := FAILED.match(line):
                failed = failed or found[1]
                if not program.name.startswith("it-"):
                    child.terminate()
                    break
    return child.returncode, "".join(printed), failed


def failing(programs, tree, tests, limit):
    """Runs tests; returns the first that fails, as it is asked for alone, or nothing."""
    for program, filters in runs(tests).items():
        code, printed, failed = run(programs[program], filters, tree, limit)
        if code in (124, 137) and not failed:
            raise Hangs(f"{tests} did not end within {limit} seconds")
        if code and "\nrunning " not in printed:
            raise SystemExit(f"{programs[program]} ran no tests: exit {code}")
        if code:
            option = [own for own, name in PROGRAMS.items() if name == program]
            ignored = [word for word in filters if word == "--ignored"]
            return " ".join([*option, *ignored, failed or f"exit {code}"])
        if " 0 passed" in printed:
            raise SystemExit(f"no test is named {filters}")
    return None
