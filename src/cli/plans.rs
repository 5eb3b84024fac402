//! Which plans are meant, from where the caller stands.

use std::path::PathBuf;

use super::exit::{Cause, Failure};
use super::number;
use crate::app::plans::{Found, Shelf};
use crate::app::runs;

/// The plans around the current directory.
pub(super) fn here() -> Shelf {
    Shelf::around(&std::env::current_dir().unwrap_or_default())
}

/// Finds what was named: an issue's plan, or a file.
pub(super) fn find(target: &str) -> Result<Found, Failure> {
    match runs::issue(target) {
        Some(issue) => Ok(here().issue(issue)?),
        None => file(target),
    }
}

/// A file, if there is one, or nothing that says which issue is meant.
fn file(target: &str) -> Result<Found, Failure> {
    let path = PathBuf::from(target);
    match number::inside(target).filter(|_| !path.exists()) {
        Some(number) => {
            let what = format!("`{target}` is neither a plan's file nor the number of an issue");
            Err(Failure::new(Cause::Usage, what).hint(format!("write the number of the issue: `{number}`")))
        }
        None => Ok(Found::by_path(path)),
    }
}
