//! Warnings: what is legal and foolish.

use super::Plan;
use super::fault::Fault;
use super::source::Source;
use super::tree::Node;

/// Looks for what is legal and foolish.
pub(super) fn look(_source: &Source, _root: &Node, _plan: &Plan) -> Vec<Fault> {
    Vec::new()
}

/// Returns what to say of each variable that is let through, if it is not set.
pub(super) fn inherited(_source: &Source, _root: &Node) -> Vec<Fault> {
    Vec::new()
}
