//! Takes a folder as `cache` names it, gives where it lies: in the checkout, or in the steps' HOME.

use std::fmt;
use std::path::{Component, Path, PathBuf};

use serde::{Serialize, Serializer};

use super::Wrong;

/// Folders of the checkout that are nobody's to keep: git's own, and the plans and evidence.
const NEVER: [&str; 2] = [".git", ".ai"];

/// A folder that is kept from run to run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cached {
    /// By its path in the checkout.
    Checkout(PathBuf),
    /// By its path in HOME of the steps.
    Home(PathBuf),
}

impl Cached {
    /// Tells whether one of them lies in the other, or is the same.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Checkout(own), Self::Checkout(other)) | (Self::Home(own), Self::Home(other)) => {
                own.starts_with(other) || other.starts_with(own)
            }
            _ => false,
        }
    }
}

impl fmt::Display for Cached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Checkout(path) => write!(f, "{}", path.display()),
            Self::Home(path) => write!(f, "~/{}", path.display()),
        }
    }
}

impl Serialize for Cached {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Reads `target`, or `~/.m2`.
pub(super) fn read(text: &str) -> Result<Cached, Wrong> {
    let rule = "write a folder of the checkout, such as `target`, or of HOME, such as `~/.m2`";
    if text.trim().is_empty() || text.contains(char::is_control) {
        return Err(Wrong::new("is no folder", rule));
    }
    let (below, make): (&str, fn(PathBuf) -> Cached) = match text.strip_prefix('~') {
        None => (text, Cached::Checkout),
        Some(rest) => match rest.strip_prefix('/') {
            Some(below) => (below, Cached::Home),
            None if rest.is_empty() => {
                return Err(Wrong::new("is all of HOME", "write a folder in it, such as `~/.m2`"));
            }
            None => return Err(Wrong::new("names another user's home", rule)),
        },
    };
    let mut path = PathBuf::new();
    for component in Path::new(below).components() {
        match component {
            Component::Normal(part) => path.push(part),
            Component::CurDir => {}
            Component::ParentDir => return Err(Wrong::new("leaves its folder", "write a path without `..`")),
            Component::RootDir | Component::Prefix(_) => return Err(Wrong::new("is absolute", rule)),
        }
    }
    let made = make(path.clone());
    if path.as_os_str().is_empty() {
        let what = if matches!(made, Cached::Home(_)) { "is all of HOME" } else { "is all of the checkout" };
        return Err(Wrong::new(what, rule));
    }
    if matches!(made, Cached::Checkout(_)) && is_never(&path) {
        return Err(Wrong::new("is never kept", "take it out: it is git's, or holds plans and evidence"));
    }
    Ok(made)
}

/// Tells whether a path of the checkout is of git's, in any folder, or of ours. Some file systems know no case.
fn is_never(path: &Path) -> bool {
    let mut names = path.components().map(|part| part.as_os_str().to_string_lossy().to_ascii_lowercase());
    let first = path.components().next().map(|part| part.as_os_str().to_string_lossy().to_ascii_lowercase());
    first.is_some_and(|first| NEVER.contains(&first.as_str())) || names.any(|name| name == NEVER[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_read_and_written_as_people_write_them() {
        for (text, shown) in [
            ("target", "target"),
            ("./packages//a/node_modules/", "packages/a/node_modules"),
            ("~/.m2", "~/.m2"),
            ("~/.cache/pip/", "~/.cache/pip"),
        ] {
            assert_eq!(read(text).unwrap().to_string(), shown);
        }
    }

    #[test]
    fn what_leaves_its_folder_or_is_nobodys_is_refused() {
        for (text, why) in [
            ("", "is no folder"),
            ("a\nb", "is no folder"),
            (".", "is all of the checkout"),
            ("~", "is all of HOME"),
            ("~/", "is all of HOME"),
            ("~root/x", "names another"),
            ("../x", "leaves"),
            ("a/../../x", "leaves"),
            ("~/../x", "leaves"),
            ("/etc", "is absolute"),
            ("~//etc", "is absolute"),
            (".git", "is never kept"),
            (".GIT/hooks", "is never kept"),
            ("sub/.git", "is never kept"),
            (".ai/logs", "is never kept"),
        ] {
            let wrong = read(text).unwrap_err();
            assert!(wrong.message.contains(why), "{text:?}: {}", wrong.message);
        }
        assert!(read("~/.git").is_ok(), "HOME has no git of ours");
    }

    #[test]
    fn folders_in_each_other_overlap() {
        let of = |text: &str| read(text).unwrap();
        assert!(
            of("a/b").overlaps(&of("a")) && of("a").overlaps(&of("a/b")) && of("~/a").overlaps(&of("~/a"))
        );
        assert!(!of("a").overlaps(&of("~/a")) && !of("a").overlaps(&of("ab")));
    }
}
