//! What was found out about a client.

use std::path::PathBuf;

use super::url::Registry;

/// What was found out about a client.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// What it asks as the user has it; the first is its registry.
    pub(super) own: Vec<Registry>,
    /// What it would ask in a step.
    pub(super) in_step: Vec<Registry>,
    /// Where the answer is from.
    pub(super) from: String,
    /// The file that says so, where it has to be named to the client.
    pub(super) file: Option<PathBuf>,
}
