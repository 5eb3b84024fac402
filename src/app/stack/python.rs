//! Takes a repository of Python, gives what fetches what it needs, and how its tests are run.

use std::path::Path;
use std::process::{Command, Stdio};

use super::kind::{Fetching, Kind, Made};
use super::{LARGEST, There};
use crate::app::clients::Client;
use crate::worktree::WorktreeError;

/// Files of tests that are looked into.
const LOOKED_INTO: usize = 100;
/// Where what is fetched goes: beside the worktree, in the run's own home.
const PYTHON: &str = "\"$HOME/venv/bin/python\"";

/// How tests are run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Runner {
    Pytest,
    /// From this folder, if not from the top.
    Unittest(Option<&'static str>),
}

/// Finds what it needs; nothing where there is no Python.
pub(super) fn kind(there: &There) -> Result<Option<Kind>, WorktreeError> {
    let has_code = there.paths.iter().any(|path| has_ending(path));
    let is_project =
        ["pyproject.toml", "setup.py", "setup.cfg", "requirements.txt"].iter().any(|name| there.has(name));
    let tests: Vec<&String> = there.paths.iter().filter(|path| is_test(path)).collect();
    if !has_code || (!is_project && tests.is_empty()) {
        return Ok(None);
    }
    let needs = needs(there)?;
    let runner = runner(there, &tests)?;
    let lacks_pytest = runner == Some(Runner::Pytest) && !has_pytest();
    let is_fetched = needs.is_some() || lacks_pytest;
    let fetch = is_fetched.then(|| {
        let pytest = if runner == Some(Runner::Pytest) { " pytest" } else { "" };
        let what = needs.unwrap_or_default();
        let install = format!("{PYTHON} -m pip install --quiet{what}{pytest}");
        Fetching::by(Client::Pip, format!("python3 -m venv \"$HOME/venv\" && {install}"))
    });
    let python = if is_fetched { PYTHON } else { "python3" };
    let test = runner.map(|runner| match runner {
        Runner::Pytest => format!("{python} -m pytest"),
        Runner::Unittest(None) => format!("{python} -m unittest discover"),
        Runner::Unittest(Some(folder)) => format!("{python} -m unittest discover -s {folder}"),
    });
    let makes: Vec<Made> = vec![
        ("**/__pycache__/**", &["__pycache__", "*.pyc", "*.py[cod]", "*.py[co]"]),
        ("**/*.egg-info/**", &["*.egg-info", "*.egg-info/"]),
    ];
    Ok(Some(Kind { name: "python", fetch, test, makes }))
}

fn has_ending(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|ending| ending == "py")
}

fn is_test(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    has_ending(path) && (name.starts_with("test") || name.ends_with("_test.py"))
}

/// Returns what pip is to install, if anything.
fn needs(there: &There) -> Result<Option<String>, WorktreeError> {
    let has_lines =
        |text: String| text.lines().any(|line| !matches!(line.trim().chars().next(), None | Some('#')));
    if there.read("requirements.txt")?.is_some_and(has_lines) {
        return Ok(Some(" -r requirements.txt".to_owned()));
    }
    let project = there.read("pyproject.toml")?.is_some_and(|text| depends(&text));
    let setup = ["setup.py", "setup.cfg"]
        .iter()
        .map(|name| there.read(name))
        .collect::<Result<Vec<_>, _>>()?
        .into_iter()
        .flatten()
        .any(|text| text.contains("install_requires"));
    Ok((project || setup).then(|| " -e .".to_owned()))
}

/// Returns what a line says that the project depends on.
fn list_of(line: &str) -> Option<&str> {
    line.trim().strip_prefix("dependencies")?.trim_start().strip_prefix('=')
}

/// Tells whether a pyproject.toml lists dependencies of the project.
fn depends(project: &str) -> bool {
    let mut lines = project.lines();
    let Some(first) = lines.find_map(list_of) else { return false };
    let rest = std::iter::once(first).chain(lines).collect::<Vec<_>>().join("\n");
    let inside = rest.trim_start().trim_start_matches('[');
    inside.trim_start().starts_with(['"', '\''])
}

fn runner(there: &There, tests: &[&String]) -> Result<Option<Runner>, WorktreeError> {
    if there.python()?.is_some() {
        return Ok(Some(Runner::Pytest));
    }
    let looked_into: Vec<&Path> =
        tests.iter().take(LOOKED_INTO).map(|path| Path::new(path.as_str())).collect();
    let read = there.base.read(|path| looked_into.contains(&path), LARGEST)?;
    let texts: Vec<String> =
        read.into_iter().filter_map(|(_, bytes)| String::from_utf8(bytes?).ok()).collect();
    let say = |word: &str| texts.iter().any(|text| text.contains(word));
    let in_folder = ["tests", "test"].into_iter().find(|folder| {
        tests.iter().any(|path| path.starts_with(&format!("{folder}/")))
            && !there.has(&format!("{folder}/__init__.py"))
    });
    Ok(match tests {
        [] => None,
        _ if say("import pytest") || !say("unittest") => Some(Runner::Pytest),
        _ => Some(Runner::Unittest(in_folder)),
    })
}

/// Tells whether this host's Python has pytest: of its own, whatever lies in the current folder.
fn has_pytest() -> bool {
    let mut python = Command::new("python3");
    python.args(["-I", "-c", "import pytest"]).current_dir("/");
    python.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    python.status().is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_depends_on_what_its_list_holds() {
        assert!(depends("[project]\ndependencies = [\"a\"]\n") && depends("dependencies = [\n  'a',\n]\n"));
        assert!(!depends("[project]\ndependencies = []\nname = \"a\"\n") && !depends("[project]\n"));
    }

    #[test]
    fn tests_are_told_by_their_names() {
        assert!(
            is_test("tests/test_a.py")
                && is_test("a_test.py")
                && !is_test("latest.py")
                && !is_test("test.txt")
        );
    }
}
