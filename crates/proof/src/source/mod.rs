//! Takes the text of a source file, gives what a proof needs of it: code and tests apart, canaries, mutants.

mod canary;
mod code;
mod holds;
mod hunks;
mod language;
mod lines;
mod mutate;
mod tree;
mod weld;

pub use canary::{Planted, canary};
pub use code::is_same_code;
pub use holds::{Tests, holds_tests};
pub use hunks::{Hunk, hunks};
pub use language::Language;
pub use mutate::{Mutation, choose, mutations};
pub use weld::{Inseparable, weld};
