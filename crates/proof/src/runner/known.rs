//! What is known of runners: takes the words of a command, tells which runner it is and where its arguments go.

use super::words;

/// A runner that can be asked for a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    Pytest,
    NodeTest,
    Mocha,
    Jest,
    Vitest,
    Cargo,
    Nextest,
    Go,
    Maven,
}

/// How a runner is told what to report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// By arguments from this place on.
    Place(usize),
    /// By arguments behind everything.
    End,
    /// By arguments that npm hands on, behind `--`.
    Script {
        /// The script is the runner and what says nothing of which tests it runs.
        is_bare: bool,
    },
    /// By a variable.
    Env,
}

/// Programs that start others, which a variable reaches.
const STARTERS: [&str; 12] =
    ["make", "gmake", "just", "task", "tox", "nox", "uv", "poetry", "pdm", "hatch", "pipenv", "rye"];

/// Tells what a program with its arguments runs its tests by.
pub(super) fn of(argv: &[String], files: &dyn Fn(&str) -> Option<Vec<u8>>) -> Option<(Known, By)> {
    let program = words::name(argv.first()?);
    let word = |at: usize| argv.get(at).map(String::as_str);
    match program {
        "pytest" | "py.test" => Some((Known::Pytest, By::End)),
        _ if is_python(program) => {
            let module = argv.iter().position(|arg| arg == "-m")?;
            (word(module + 1)? == "pytest").then_some((Known::Pytest, By::End))
        }
        "node" | "nodejs" => {
            argv.iter().any(|arg| arg == "--test").then_some((Known::NodeTest, By::Place(1)))
        }
        "mocha" | "jest" | "vitest" => Some((javascript(program)?, By::End)),
        "npx" | "pnpx" | "bunx" => argv.iter().skip(1).find_map(|arg| Some((javascript(arg)?, By::End))),
        "npm" | "yarn" | "pnpm" => script(argv, files),
        "cargo" => cargo(argv),
        "go" => (word(1)? == "test").then_some((Known::Go, By::Place(2))),
        "mvn" | "mvnw" | "mvnd" => argv
            .iter()
            .any(|arg| matches!(arg.as_str(), "test" | "verify" | "package" | "install"))
            .then_some((Known::Maven, By::End)),
        _ if STARTERS.contains(&program) => starter(program, argv, files),
        _ => None,
    }
}

fn is_python(program: &str) -> bool {
    program
        .strip_prefix("python")
        .is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'))
}

fn javascript(word: &str) -> Option<Known> {
    match words::name(word) {
        "mocha" => Some(Known::Mocha),
        "jest" => Some(Known::Jest),
        "vitest" => Some(Known::Vitest),
        _ => None,
    }
}

fn cargo(argv: &[String]) -> Option<(Known, By)> {
    let at = 1 + usize::from(argv.get(1)?.starts_with('+'));
    match argv.get(at)?.as_str() {
        "test" | "t" => Some((Known::Cargo, By::Place(at + 1))),
        "nextest" if argv.get(at + 1)? == "run" => Some((Known::Nextest, By::Place(at + 2))),
        _ => None,
    }
}

/// What a script of `package.json` runs.
fn script(argv: &[String], files: &dyn Fn(&str) -> Option<Vec<u8>>) -> Option<(Known, By)> {
    let name = match argv.get(1..)? {
        [test] if matches!(test.as_str(), "test" | "t" | "tst") => "test",
        [run, name] if matches!(run.as_str(), "run" | "run-script") => name,
        _ => return None,
    };
    let package: serde_json::Value = serde_json::from_slice(&files("package.json")?).ok()?;
    let words = words::plain(package.get("scripts")?.get(name)?.as_str()?)?;
    match of(&words, &|_| None)? {
        // What stands behind the files that are tested is for the tests.
        (Known::NodeTest, _) if words.iter().skip(1).any(|word| !word.starts_with('-')) => {
            Some((Known::NodeTest, By::Env))
        }
        (known @ (Known::NodeTest | Known::Mocha | Known::Jest | Known::Vitest), _) => {
            let is_said = |word: &&String| !matches!(word.as_str(), "--test" | "run");
            Some((known, By::Script { is_bare: words.iter().skip(1).filter(is_said).count() == 0 }))
        }
        _ => None,
    }
}

/// What a program that starts others starts: pytest, where anything speaks of it.
fn starter(program: &str, argv: &[String], files: &dyn Fn(&str) -> Option<Vec<u8>>) -> Option<(Known, By)> {
    let is_run = matches!(program, "uv" | "poetry" | "pdm" | "hatch" | "pipenv" | "rye");
    let spoken = ["Makefile", "makefile", "GNUmakefile", "justfile", "Taskfile.yml", "tox.ini", "noxfile.py"];
    let speaks = |text: &[u8]| String::from_utf8_lossy(text).contains("pytest");
    let is_pytest = if is_run {
        argv.iter().any(|arg| words::name(arg) == "pytest")
    } else {
        spoken.into_iter().filter_map(files).any(|text| speaks(&text))
    };
    is_pytest.then_some((Known::Pytest, By::Env))
}
