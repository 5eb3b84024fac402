//! Takes the text of a source file, gives what a proof needs of it: code and tests apart, canaries, mutants.

mod asks;
mod canary;
mod code;
mod holds;
mod hunks;
mod language;
mod lines;
mod mutate;
mod remark;
mod spoil;
mod tree;
mod weld;

pub use asks::asks;
pub use canary::{Planted, canary};
pub use code::is_same_code;
pub use holds::{Tests, holds_tests};
pub use hunks::{Hunk, hunks};
pub use language::Language;
pub use mutate::{Mutation, mutations, spread};
pub use remark::remarked;
pub use spoil::{Spoiled, spoiled};
pub use weld::{Inseparable, weld};
