//! Takes a worktree before a step, gives what stood there: its files without git, ignored ones too, and HOME. Proofs run on
//! layers above it, which leave it as it is.

mod bed;
mod held;
mod hold;
mod listing;

pub use bed::{Bed, Laid, Left as BedLeft};
pub use held::Stood;
pub use listing::Differing;
