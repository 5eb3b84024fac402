//! Takes a repository, gives how its tests are run and where they lie, where that is known beyond doubt: for a plan that begins
//! with a proof.

mod around;
mod kind;
mod native;
mod python;

use std::path::Path;

use autopilot_proof::runner::Runner;

pub use around::around;

use crate::plan::draft::Proving;
use crate::proof;
use crate::worktree::{Base, BaseFile, Repository, WorktreeError};

/// Bytes of a file that are looked into.
const LARGEST: u64 = 1 << 20;
/// Rust's source files that are looked into for tests.
const LOOKED_INTO: usize = 100;

/// Files that name what Python's tests are run by.
const NAME_PYTEST: [&str; 9] = [
    "pytest.ini",
    ".pytest.ini",
    "pyproject.toml",
    "setup.cfg",
    "tox.ini",
    "noxfile.py",
    "Pipfile",
    "requirements-dev.txt",
    "requirements.txt",
];

/// Where tests lie, as patterns of a plan; of several, all that match something.
const OF_RUST: [&str; 2] = ["tests/**", "**/tests/**"];
const OF_PYTHON: [&str; 4] = ["tests/**", "test/**", "**/test_*.py", "**/*_test.py"];
const OF_JAVASCRIPT: [&str; 5] = ["test/**", "tests/**", "**/__tests__/**", "**/*.test.*", "**/*.spec.*"];

/// Finds how the tests of the branch that is checked out are run; nothing where there are none, or where there are several ways.
pub fn look(repository: &Repository) -> Result<Option<Proving>, WorktreeError> {
    let there = There::of(repository)?;
    let all = [there.rust()?, there.go(), there.maven()?, there.javascript()?, there.python()?];
    let mut found: Vec<Proving> = all.into_iter().flatten().collect();
    Ok(found.pop().filter(|_| found.is_empty()))
}

/// The files of a commit.
struct There {
    base: Base,
    paths: Vec<String>,
}

impl There {
    /// Looks at the branch that is checked out.
    fn of(repository: &Repository) -> Result<Self, WorktreeError> {
        let base = repository.base(None)?;
        let mut paths: Vec<String> =
            base.paths().into_iter().filter_map(|path| String::from_utf8(path).ok()).collect();
        paths.sort();
        Ok(Self { base, paths })
    }

    fn has(&self, path: &str) -> bool {
        self.paths.iter().any(|own| own == path)
    }

    fn read(&self, path: &str) -> Result<Option<String>, WorktreeError> {
        let found = self.base.read(|own| own == Path::new(path), LARGEST)?;
        Ok(found.into_iter().find_map(|(_, bytes)| String::from_utf8(bytes?).ok()))
    }

    /// Those patterns that match something which no pattern before them does.
    fn matching(&self, patterns: &[&str]) -> Vec<String> {
        let mut left: Vec<&String> = self.paths.iter().collect();
        let mut kept = Vec::new();
        for pattern in patterns {
            let Ok(glob) = crate::plan::Glob::new(pattern) else { continue };
            let before = left.len();
            left.retain(|path| !glob.matches(Path::new(path)));
            if left.len() < before {
                kept.push((*pattern).to_owned());
            }
        }
        kept
    }

    fn rust(&self) -> Result<Option<Proving>, WorktreeError> {
        if !self.has("Cargo.toml") {
            return Ok(None);
        }
        let mut tests = self.matching(&OF_RUST);
        let is_source = |path: &&String| {
            proof::has_to_be_read(path) && (path.starts_with("src/") || path.contains("/src/"))
        };
        let sources: Vec<&Path> =
            self.paths.iter().filter(is_source).take(LOOKED_INTO).map(Path::new).collect();
        let read = self.base.read(|path| sources.contains(&path), LARGEST)?;
        let with_tests = |(path, bytes): &BaseFile| {
            let text = String::from_utf8(bytes.clone()?).ok()?;
            let path = String::from_utf8(path.clone()).ok()?;
            proof::holds_both(&path, &text).then_some(path)
        };
        let inside: Vec<String> = read.iter().filter_map(with_tests).collect();
        if inside.iter().any(|path| path.starts_with("src/")) {
            tests.push("src/**".to_owned());
        }
        if inside.iter().any(|path| !path.starts_with("src/")) {
            tests.push("**/src/**".to_owned());
        }
        if tests.is_empty() {
            tests = vec!["tests/**".to_owned(), "src/**".to_owned()];
        }
        Ok(Some(proving("cargo test --offline", tests)))
    }

    fn go(&self) -> Option<Proving> {
        self.has("go.mod").then(|| proving("go test ./...", vec!["**/*_test.go".to_owned()]))
    }

    fn maven(&self) -> Result<Option<Proving>, WorktreeError> {
        // Of several modules nobody knows which one leaves the report.
        let of_one = self.read("pom.xml")?.filter(|pom| !pom.contains("<modules>"));
        Ok(of_one.map(|_| proving("mvn -o test", vec!["src/test/**".to_owned()])))
    }

    fn javascript(&self) -> Result<Option<Proving>, WorktreeError> {
        let Some(package) = self.read("package.json")? else { return Ok(None) };
        let argv = ["npm", "test"].map(str::to_owned);
        let files = |path: &str| (path == "package.json").then(|| package.clone().into_bytes());
        let is_known = Runner::of(&argv, false, &files).is_ok();
        let mut tests = self.matching(&OF_JAVASCRIPT);
        if tests.is_empty() {
            tests = vec!["test/**".to_owned(), "**/*.test.*".to_owned()];
        }
        Ok(is_known.then(|| proving("npm test", tests)))
    }

    fn python(&self) -> Result<Option<Proving>, WorktreeError> {
        let tests = self.matching(&OF_PYTHON);
        let names_it = |(_, bytes): &BaseFile| {
            bytes.as_ref().is_some_and(|bytes| String::from_utf8_lossy(bytes).contains("pytest"))
        };
        let is_named = |path: &Path| NAME_PYTEST.iter().any(|name| path == Path::new(name));
        let is_used = self.base.read(is_named, LARGEST)?.iter().any(names_it);
        let has_code =
            self.paths.iter().any(|path| Path::new(path).extension().is_some_and(|ending| ending == "py"));
        let tests = if tests.is_empty() { vec!["tests/**".to_owned()] } else { tests };
        Ok((is_used && has_code).then(|| proving("python3 -m pytest", tests)))
    }
}

fn proving(command: &str, tests: Vec<String>) -> Proving {
    Proving { tests, command: command.to_owned() }
}
