//! Paths: takes one as a runner reports it, gives it as it is below the folder that the tests ran in.

use std::borrow::Cow;

/// The path below `root`, if it lies there; else as it is.
pub(super) fn below<'a>(root: &str, path: &'a str) -> Cow<'a, str> {
    let root = root.trim_end_matches('/');
    let below = path.strip_prefix(root).and_then(|rest| rest.strip_prefix('/')).filter(|_| !root.is_empty());
    Cow::Borrowed(below.unwrap_or(path))
}
