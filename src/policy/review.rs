//! Takes a path that a step added, changed or took away, gives why a reviewer should look at it first: it makes other
//! people's tools run code, or behave otherwise. The table is [`names`](super::names).

use std::ffi::OsStr;
use std::path::{Component, Path};

use super::names::{Why, named};

/// What kind of thing lies at a changed path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left<'a> {
    /// A regular file.
    File,
    /// A regular file that could not be executed before and can be now.
    Executable,
    /// A regular file of which no comparison shows what was changed.
    Binary,
    /// A regular file with a line that makes an editor evaluate something.
    Modeline,
    /// A folder.
    Folder,
    /// A symbolic link, and where it leads.
    Link(&'a Path),
    /// Another repository, recorded as one (a gitlink) or simply lying there.
    Repository,
    /// A FIFO, socket or device.
    Special,
    /// Nothing any more.
    Nothing,
}

/// Says why a path that a step changed, relative to the repository's top, deserves a reviewer's first look; `None` if
/// it is like any other.
pub fn reviewable(path: &Path, kind: Left<'_>) -> Option<&'static str> {
    why(path, kind).map(Why::text)
}

fn why(path: &Path, kind: Left<'_>) -> Option<Why> {
    match kind {
        Left::Repository => return Some(Why::Repository),
        Left::Special => return Some(Why::Special),
        Left::Link(target) if leaves(path, target) => return Some(Why::Leaves),
        _ => {}
    }
    named(path).or(match kind {
        Left::Modeline => Some(Why::Modeline),
        Left::Executable => Some(Why::Executable),
        Left::Binary => Some(Why::Binary),
        _ => None,
    })
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
            Component::Normal(name) if is_git(name) => return true,
            Component::Normal(_) => depth += 1,
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    false
}

fn is_git(name: &OsStr) -> bool {
    named(Path::new(name)) == Some(Why::Repository)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str) -> Option<Why> {
        why(Path::new(path), Left::File)
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
            ".agents/skills/x/SKILL.md",
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
        for path in [
            "src/main.rs",
            "docs/build.md",
            "tests/cargo/x.rs",
            "a.git",
            "github/x.md",
            ".editorconfig",
            "lock.rs",
            "src/locks/mod.rs",
            "agents/mod.rs",
            "README.md",
        ] {
            assert_eq!(file(path), None, "{path}");
        }
    }

    #[test]
    fn links_that_leave_are_named_and_others_are_not() {
        let link = |path: &str, target: &str| why(Path::new(path), Left::Link(Path::new(target)));
        assert_eq!(link("a", "/root/.ssh"), Some(Why::Leaves));
        assert_eq!(link("a/b", "../../x"), Some(Why::Leaves));
        assert_eq!(link("a/b", "../.git/config"), Some(Why::Leaves));
        assert_eq!(link("a/b", "../.GIT/config"), Some(Why::Leaves));
        assert_eq!(link("a/b", "../x"), None);
        assert_eq!(link("a", "./b/../c"), None);
        assert_eq!(link("CLAUDE.md", "README.md"), Some(Why::Agents), "a link is no less than a file");
    }

    #[test]
    fn a_name_says_more_than_what_lies_there() {
        for (kind, why_of_any) in [
            (Left::Executable, Some(Why::Executable)),
            (Left::Binary, Some(Why::Binary)),
            (Left::Modeline, Some(Why::Modeline)),
            (Left::Folder, None),
            (Left::Nothing, None),
            (Left::Special, Some(Why::Special)),
            (Left::Repository, Some(Why::Repository)),
        ] {
            assert_eq!(why(Path::new("a/b"), kind), why_of_any);
            let of_named = why(Path::new(".github/workflows/ci.yml"), kind);
            let outranks = matches!(kind, Left::Special | Left::Repository);
            assert_eq!(of_named, if outranks { why_of_any } else { Some(Why::Ci) });
        }
    }
}
