//! Which plans are meant, from where the caller stands.

use std::path::PathBuf;

use super::exit::Failure;
use crate::app::plans::{Found, Shelf};

/// The plans around the current directory.
pub(super) fn here() -> Shelf {
    Shelf::around(&std::env::current_dir().unwrap_or_default())
}

/// Finds what was named: an issue's plan, or a file.
pub(super) fn find(target: &str) -> Result<Found, Failure> {
    match target.strip_prefix('#').unwrap_or(target).parse::<u64>() {
        Ok(issue) => Ok(here().issue(issue)?),
        Err(_) => Ok(Found::by_path(PathBuf::from(target))),
    }
}
