//! Takes a repository of C, C++ or plain Java, gives how it is built and tested: in a copy, so that nothing that a build makes
//! becomes part of the result.

use std::path::Path;

use super::There;
use super::kind::Kind;
use crate::worktree::WorktreeError;

const MAKEFILES: [&str; 3] = ["GNUmakefile", "Makefile", "makefile"];
/// Does what follows in a copy that goes with the attempt.
const IN_A_COPY: &str = "cp -r . \"$TMPDIR/copy\" && cd \"$TMPDIR/copy\" && ";

/// Finds how it is tested; nothing where nothing of this kind is there.
pub(super) fn kind(there: &There) -> Result<Option<Kind>, WorktreeError> {
    let test = match there.read("CMakeLists.txt")? {
        Some(lists) => Some(cmake(&lists)),
        None => make(there)?.or_else(|| javac(there)),
    };
    Ok(test.map(|test| Kind { name: "native", test: Some(test), ..Kind::default() }))
}

fn cmake(lists: &str) -> String {
    let build = "cmake -S . -B \"$TMPDIR/build\" && cmake --build \"$TMPDIR/build\"";
    let lower = lists.to_lowercase();
    let has_tests = lower.contains("enable_testing") || lower.contains("include(ctest)");
    let test = if has_tests { " && ctest --test-dir \"$TMPDIR/build\" --output-on-failure" } else { "" };
    format!("{build}{test}")
}

fn make(there: &There) -> Result<Option<String>, WorktreeError> {
    for name in MAKEFILES {
        if let Some(text) = there.read(name)? {
            return Ok(Some(format!("{IN_A_COPY}{}", goals(&text))));
        }
    }
    // What makes the Makefile: its goals are known by convention.
    let is_made = there.has("configure");
    Ok(is_made.then(|| format!("{IN_A_COPY}./configure && make && make check")))
}

/// Returns what is to be made: everything, and then the tests if there is a goal for them.
fn goals(makefile: &str) -> String {
    let has = |goal: &str| {
        makefile
            .lines()
            .any(|line| line.strip_prefix(goal).is_some_and(|rest| rest.trim_start().starts_with(':')))
    };
    match ["test", "check", "tests"].into_iter().find(|goal| has(goal)) {
        Some(goal) => format!("make && make {goal}"),
        None => "make".to_owned(),
    }
}

fn javac(there: &There) -> Option<String> {
    let has_java =
        there.paths.iter().any(|path| Path::new(path).extension().is_some_and(|ending| ending == "java"));
    has_java.then(|| "javac -d \"$TMPDIR/classes\" $(find . -name '*.java')".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_made_where_there_is_a_goal_for_them() {
        assert_eq!(goals("all: a\ncheck: all\n\t./a\n"), "make && make check");
        assert_eq!(goals("test : a\n"), "make && make test");
        assert_eq!(goals("testing: a\nCHECK = 1\n"), "make");
    }

    #[test]
    fn cmake_runs_tests_where_a_project_has_some() {
        assert!(cmake("project(a)\nEnable_Testing()\n").contains("ctest"));
        assert!(!cmake("project(a)\n").contains("ctest"));
    }
}
