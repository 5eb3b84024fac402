//! Selecting: takes a command and the test files of interest, gives arguments by which only these are run.

use super::known::{By, Known};
use super::words;

/// Arguments of cargo that choose what is run, or print what is not read.
const CHOOSES: [&str; 12] = [
    "--lib",
    "--bin",
    "--bins",
    "--test",
    "--tests",
    "--example",
    "--doc",
    "--all-targets",
    "-p",
    "--package",
    "--bench",
    "--",
];

impl Known {
    /// The command without what does not go with a report.
    pub(super) fn kept(self, argv: &[String]) -> Vec<String> {
        match self {
            Self::Cargo => words::without(
                argv,
                &[
                    "-q",
                    "--quiet",
                    "-v",
                    "-vv",
                    "--verbose",
                    "--nocapture",
                    "--no-capture",
                    "--show-output",
                    "--no-fail-fast",
                ],
            ),
            Self::Nextest => words::without(argv, &["--no-fail-fast", "--fail-fast"]),
            Self::Go => words::without(argv, &["-json", "-v", "-failfast"]),
            Self::Mocha => words::without(argv, &["-b", "--bail"]),
            _ => argv.to_vec(),
        }
    }

    /// Why a command of this runner cannot leave a report, if it cannot.
    pub(super) fn cannot(self, argv: &[String], files: &dyn Fn(&str) -> Option<Vec<u8>>) -> Option<String> {
        let line = argv.join(" ");
        let has = |start: &str| argv.iter().any(|arg| arg.starts_with(start));
        match self {
            Self::Cargo
                if has("--format") || has("--no-run") || has("--message-format") || has("--color") =>
            {
                Some(format!(
                    "`{line}` prints what is not read as a report: leave out `--format`, `--color` and `--no-run`"
                ))
            }
            Self::Maven
                if files("pom.xml")
                    .is_some_and(|pom| String::from_utf8_lossy(&pom).contains("<modules>")) =>
            {
                Some(format!(
                    "`{line}` leaves reports in several modules: name one of them, `report: {{format: junit, path: \
                     core/target/surefire-reports/}}`"
                ))
            }
            _ => None,
        }
    }

    /// Arguments by which only the tests of these files are run; none where the runner cannot, or the files are not all
    /// such as it would find by itself.
    pub(super) fn only(self, argv: &[String], by: By, files: &[String]) -> Option<Vec<String>> {
        if files.is_empty() {
            return None;
        }
        match (self, by) {
            (Self::Pytest, By::End)
                if has_no_choice(argv, "pytest") && files.iter().all(|file| is_pytest(file)) =>
            {
                Some(files.to_vec())
            }
            (Self::NodeTest, By::Place(_))
                if argv.len() == 2 && files.iter().all(|file| is_javascript(file)) =>
            {
                Some(files.to_vec())
            }
            (Self::Cargo, _)
                if !argv.iter().any(|arg| CHOOSES.contains(&arg.as_str()))
                    && argv.iter().skip(2).all(|arg| arg.starts_with('-')) =>
            {
                files
                    .iter()
                    .map(|file| cargo_target(file))
                    .collect::<Option<Vec<_>>>()
                    .map(|all| all.concat())
            }
            _ => None,
        }
    }
}

/// Behind the runner's name, there are only options that need no other word.
fn has_no_choice(argv: &[String], name: &str) -> bool {
    let behind = argv.iter().skip_while(|arg| words::name(arg) != name).skip(1);
    behind.into_iter().all(|arg| matches!(arg.as_str(), "-q" | "-qq" | "-v" | "-vv" | "-x" | "--exitfirst"))
}

fn is_pytest(file: &str) -> bool {
    let name = words::name(file);
    name.strip_suffix(".py").is_some_and(|stem| stem.starts_with("test_") || stem.ends_with("_test"))
}

fn is_javascript(file: &str) -> bool {
    [".test.js", ".test.mjs", ".test.cjs"].iter().any(|end| file.ends_with(end)) && !file.starts_with('-')
}

/// `tests/parse.rs` is the target `parse`.
fn cargo_target(file: &str) -> Option<[String; 2]> {
    let name = file.strip_prefix("tests/")?.strip_suffix(".rs").filter(|name| !name.contains('/'))?;
    Some(["--test".to_owned(), name.to_owned()])
}
