//! Selecting: takes a command and the test files of interest, gives arguments by which only these are run.

use super::known::{By, Known};
use super::words;
use crate::source::Language;

/// Arguments of cargo that choose what is run, or print what is not read.
const CHOOSES: [&str; 15] = [
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
    "-E",
    "--filterset",
    "--filter-expr",
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

    /// The command for which only the tests of some files are asked for: what it is without its own choice, and arguments that
    /// choose. None where the runner cannot, or the files are not all such as it would find by itself.
    pub(super) fn only(self, argv: &[String], by: By, files: &[String]) -> Option<Only> {
        // A name that begins like an option would be one; one with a colon may be of a part of a file.
        let is_odd = |file: &String| file.starts_with('-') || file.contains(':');
        if files.is_empty() || files.iter().any(is_odd) {
            return None;
        }
        let args = match (self, by) {
            (Self::Cargo, _) if chooses_nothing(argv.get(2..)?) => cargo_targets(files)?,
            (Self::Nextest, _) if chooses_nothing(argv.get(3..)?) => cargo_targets(files)?,
            (Self::Go, By::Place(_)) => return go(argv, files),
            (Self::Maven, By::End) if runs_all_of_maven(argv.get(1..)?) => maven(files)?,
            _ if self.takes_files(argv, by) && files.iter().all(|file| self.finds(file)) => {
                self.chosen(files)
            }
            _ => return None,
        };
        Some(Only { argv: argv.to_vec(), args })
    }

    /// It can be told files, and the command chooses nothing by itself.
    fn takes_files(self, argv: &[String], by: By) -> bool {
        match (self, by) {
            (Self::Pytest, By::End) => has_no_choice(argv, "pytest", &[]),
            (Self::Mocha, By::End) => has_no_choice(argv, "mocha", &[]),
            (Self::Jest, By::End) => has_no_choice(argv, "jest", &[]),
            (Self::Vitest, By::End) => has_no_choice(argv, "vitest", &["run"]),
            (Self::NodeTest, By::Place(_)) => argv.len() == 2,
            (Self::NodeTest | Self::Mocha | Self::Jest | Self::Vitest, By::Script { is_bare }) => is_bare,
            _ => false,
        }
    }

    /// It finds such a file by itself, with its own patterns.
    fn finds(self, file: &str) -> bool {
        match self {
            Self::Pytest => is_pytest(file),
            Self::NodeTest => is_node(file),
            Self::Mocha => is_mocha(file),
            Self::Jest | Self::Vitest => is_named_test(file),
            Self::Cargo | Self::Nextest | Self::Go | Self::Maven => false,
        }
    }

    fn chosen(self, files: &[String]) -> Vec<String> {
        // Otherwise a name is a pattern.
        let exact = (self == Self::Jest).then(|| "--runTestsByPath".to_owned());
        exact.into_iter().chain(files.iter().cloned()).collect()
    }
}

/// A command without its own choice of tests, and arguments that choose.
pub(super) struct Only {
    pub(super) argv: Vec<String>,
    pub(super) args: Vec<String>,
}

/// Behind the runner's name, there are only these words, and options that need no other word and choose nothing.
fn has_no_choice(argv: &[String], name: &str, words: &[&str]) -> bool {
    let Some(at) = argv.iter().position(|arg| words::name(arg) == name) else { return false };
    argv.iter().skip(at + 1).all(|arg| {
        let is_plain = matches!(
            arg.as_str(),
            "-q" | "-qq"
                | "-v"
                | "-x"
                | "--exitfirst"
                | "-vv"
                | "--ci"
                | "--no-color"
                | "--silent"
                | "--bail"
        );
        is_plain || words.contains(&arg.as_str()) || arg.starts_with("--tb=") || arg.starts_with("--color=")
    })
}

/// The arguments of cargo choose nothing, and need no other word.
fn chooses_nothing(args: &[String]) -> bool {
    args.iter().all(|arg| arg.starts_with('-') && !CHOOSES.contains(&arg.as_str()))
}

fn is_pytest(file: &str) -> bool {
    let name = words::name(file);
    name.strip_suffix(".py").is_some_and(|stem| stem.starts_with("test_") || stem.ends_with("_test"))
}

fn is_node(file: &str) -> bool {
    [".test.js", ".test.mjs", ".test.cjs"].iter().any(|end| file.ends_with(end))
}

/// mocha looks into `test` alone, not into what is below.
fn is_mocha(file: &str) -> bool {
    let name = file.strip_prefix("test/").unwrap_or_default();
    !name.contains('/') && [".js", ".cjs", ".mjs"].iter().any(|end| name.ends_with(end))
}

/// What jest and vitest find by its name.
fn is_named_test(file: &str) -> bool {
    let is_script = Language::of(file).is_some_and(Language::is_script);
    let stem = words::name(file).rsplit_once('.').map_or("", |(stem, _)| stem);
    is_script && matches!(stem.rsplit_once('.'), Some((_, "test" | "spec")))
}

/// `tests/parse.rs` is the target `parse`.
fn cargo_targets(files: &[String]) -> Option<Vec<String>> {
    let target = |file: &String| {
        let name = file.strip_prefix("tests/")?.strip_suffix(".rs").filter(|name| !name.contains('/'))?;
        Some(["--test".to_owned(), name.to_owned()])
    };
    files.iter().map(target).collect::<Option<Vec<_>>>().map(|all| all.concat())
}

/// The arguments of Maven choose neither tests nor a part of the project.
fn runs_all_of_maven(args: &[String]) -> bool {
    args.iter().all(|arg| {
        matches!(
            arg.as_str(),
            "clean"
                | "test"
                | "package"
                | "verify"
                | "install"
                | "-q"
                | "-B"
                | "-o"
                | "-e"
                | "-ntp"
                | "-U"
                | "--quiet"
                | "--batch-mode"
                | "--offline"
                | "--errors"
                | "--no-transfer-progress"
        ) || arg.starts_with("-Dmaven.repo.local=")
    })
}

/// The classes of the files, by their paths, as each of Surefire's versions takes them; none where a file is not all tests that
/// Surefire would find by itself: classes that are built on one have their tests elsewhere.
fn maven(files: &[String]) -> Option<Vec<String>> {
    let class = |file: &String| {
        let class = file.strip_prefix("src/test/java/")?.strip_suffix(".java")?;
        let name = words::name(class);
        let is_found =
            name.starts_with("Test") || ["Test", "Tests", "TestCase"].iter().any(|end| name.ends_with(end));
        let is_built_on = ["Abstract", "Base"].iter().any(|word| name.contains(word));
        let is_plain = class.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | '_'));
        (is_found && !is_built_on && is_plain).then(|| class.to_owned())
    };
    let classes: Option<Vec<String>> = files.iter().map(class).collect();
    let none_is_no_failure = ["-DfailIfNoTests=false", "-Dsurefire.failIfNoSpecifiedTests=false"];
    let chosen = format!("-Dtest={}", classes?.join(","));
    Some([chosen].into_iter().chain(none_is_no_failure.map(str::to_owned)).collect())
}

/// Of all packages below, those that the files are of.
fn go(argv: &[String], files: &[String]) -> Option<Only> {
    const ALL: &str = "./...";
    let plain = |arg: &String| matches!(arg.as_str(), "-race" | "-short" | "-count=1") || arg == ALL;
    let args = argv.get(2..)?;
    if args.iter().filter(|arg| *arg == ALL).count() != 1 || !args.iter().all(plain) {
        return None;
    }
    let package = |file: &String| {
        let folder = file
            .strip_suffix("_test.go")
            .map(|stem| stem.rsplit_once('/').map_or("", |(folder, _)| folder))?;
        // What `...` leaves out.
        let is_left_out = |part: &str| part == "vendor" || part == "testdata" || part.starts_with(['.', '_']);
        (!folder.split('/').any(is_left_out))
            .then(|| if folder.is_empty() { ".".to_owned() } else { format!("./{folder}") })
    };
    let packages: Option<std::collections::BTreeSet<String>> = files.iter().map(package).collect();
    Some(Only { argv: words::without(argv, &[ALL]), args: packages?.into_iter().collect() })
}
