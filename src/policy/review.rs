//! What a step leaves behind that makes other people's tools run code or behave otherwise.

use std::ffi::OsStr;
use std::path::{Component, Path};

/// What kind of thing lies at a changed path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left<'a> {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link, and where it leads.
    Link(&'a Path),
    /// Another repository, recorded as one (a gitlink) or simply lying there.
    Repository,
    /// A FIFO, socket or device.
    Special,
}

/// Names that mean the same wherever they lie.
const NAMES: [(&str, &str); 31] = [
    (".git", "a repository of its own: its configuration runs code when git looks at it"),
    (".gitmodules", "decides what a submodule update fetches and where from"),
    (".gitattributes", "chooses filters and drivers that git runs"),
    ("build.rs", "cargo runs it at every build"),
    ("rust-toolchain", "chooses the toolchain that cargo runs"),
    ("rust-toolchain.toml", "chooses the toolchain that cargo runs"),
    (".envrc", "direnv runs it when somebody enters the folder"),
    (".mcp.json", "names programs that agents start"),
    ("AGENTS.md", "instructs agents that work here later"),
    ("CLAUDE.md", "instructs agents that work here later"),
    ("GEMINI.md", "instructs agents that work here later"),
    (".cursorrules", "instructs agents that work here later"),
    ("package.json", "its scripts run at install, build and test"),
    (".npmrc", "chooses where npm fetches from, and what it runs"),
    (".yarnrc.yml", "chooses plugins that yarn runs"),
    (".pnpmfile.cjs", "pnpm runs it at install"),
    ("conftest.py", "pytest runs it before the tests"),
    ("sitecustomize.py", "python runs it at every start"),
    ("setup.py", "pip runs it at install"),
    ("pyproject.toml", "chooses what pip runs to build"),
    (".pre-commit-config.yaml", "chooses what runs at every commit"),
    ("Makefile", "make runs it"),
    ("justfile", "just runs it"),
    ("Jenkinsfile", "continuous integration runs it"),
    (".gitlab-ci.yml", "continuous integration runs it"),
    (".travis.yml", "continuous integration runs it"),
    ("Dockerfile", "an image build runs it"),
    ("flake.nix", "nix evaluates and builds it"),
    (".bazelrc", "changes how bazel runs"),
    (".lldbinit", "the debugger runs it"),
    (".gdbinit", "the debugger runs it"),
];

/// Folders whose content means something: where they lie, and which names in them.
const FOLDERS: [(&str, &str); 15] = [
    (".cargo", "changes what cargo runs: runners, linkers, registries"),
    (".github/workflows", "continuous integration runs it, with its tokens"),
    (".github/actions", "continuous integration runs it, with its tokens"),
    (".circleci", "continuous integration runs it"),
    (".buildkite", "continuous integration runs it"),
    (".vscode", "tasks and settings that the editor runs"),
    (".idea", "tasks and settings that the editor runs"),
    (".devcontainer", "the editor builds and runs it"),
    (".codex", "configures and instructs agents that work here later"),
    (".claude", "configures and instructs agents that work here later"),
    (".cursor", "configures and instructs agents that work here later"),
    (".ai/plans", "a plan: autopilot runs it"),
    (".husky", "git hooks: run at commit and push"),
    (".githooks", "git hooks: run at commit and push"),
    (".git", "inside a repository of its own: its configuration runs code when git looks at it"),
];

/// Says why a path that a step added or changed, relative to the repository's top, deserves a reviewer's first
/// look; `None` if it is like any other.
pub fn reviewable(path: &Path, kind: Left<'_>) -> Option<&'static str> {
    match kind {
        Left::Repository => {
            return Some("a repository of its own: its configuration runs code when git looks at it");
        }
        Left::Special => return Some("not a regular file: reading it may hang or do something else"),
        Left::Link(target) if leaves(path, target) => return Some("a link that leads out of the repository"),
        Left::Link(_) | Left::File | Left::Folder => {}
    }
    // Without regard to case: some of the machines that check this out have none.
    let lower = path.to_string_lossy().to_ascii_lowercase();
    let name = lower.rsplit('/').next().unwrap_or_default();
    if let Some((_, why)) = NAMES.iter().find(|(each, _)| each.eq_ignore_ascii_case(name)) {
        return Some(why);
    }
    let inside = format!("/{lower}/");
    FOLDERS.iter().find(|(folder, _)| inside.contains(&format!("/{folder}/"))).map(|(_, why)| *why)
}

/// Tells whether a link's target, seen from where the link lies, is outside the top. By the names alone: what
/// the names lead to may change later.
fn leaves(link: &Path, target: &Path) -> bool {
    if target.is_absolute() {
        return true;
    }
    let mut depth = link.parent().map_or(0, |folder| folder.components().count());
    for part in target.components() {
        match part {
            Component::ParentDir if depth == 0 => return true,
            Component::ParentDir => depth -= 1,
            Component::Normal(name) if name == OsStr::new(".git") => return true,
            Component::Normal(_) => depth += 1,
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str) -> Option<&'static str> {
        reviewable(Path::new(path), Left::File)
    }

    #[test]
    fn what_other_tools_run_is_named_wherever_it_lies() {
        for path in [
            ".git",
            "sub/.git/config",
            ".cargo/config.toml",
            "crates/a/.cargo/config",
            "crates/a/build.rs",
            ".envrc",
            ".vscode/tasks.json",
            ".mcp.json",
            ".codex/config.toml",
            "docs/AGENTS.md",
            "agents.md",
            ".github/workflows/ci.yml",
            "web/package.json",
            ".ai/plans/7/Autopilot.yaml",
        ] {
            assert!(file(path).is_some(), "{path}");
        }
    }

    #[test]
    fn ordinary_work_is_not() {
        for path in ["src/main.rs", "docs/build.md", "tests/cargo/x.rs", "a.git", ".github/ISSUE_TEMPLATE.md"]
        {
            assert_eq!(file(path), None, "{path}");
        }
    }

    #[test]
    fn links_that_leave_are_named_and_others_are_not() {
        let link = |path: &str, target: &str| reviewable(Path::new(path), Left::Link(Path::new(target)));
        assert!(link("a", "/root/.ssh").is_some());
        assert!(link("a/b", "../../x").is_some());
        assert!(link("a/b", "../.git/config").is_some());
        assert_eq!(link("a/b", "../x"), None);
        assert_eq!(link("a", "./b/../c"), None);
        assert!(reviewable(Path::new("fifo"), Left::Special).is_some());
    }
}
