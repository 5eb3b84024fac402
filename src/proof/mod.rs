//! Takes a change and what its plan wants proved, gives what is laid for each run of its tests, and what is recorded of them.
//! Pure: the runs are made elsewhere. What decides is the crate `autopilot-proof`.

mod apart;
mod asking;
mod change;
mod lay;
mod named;
mod record;
mod told;
mod undo;

pub use apart::{Whole, has_to_be_read, holds_both, taken_whole};
pub use asking::{runner_of, stack_of};
pub use change::{Change, File};
pub use lay::Mutated;
pub use named::{Candidate, run_by_command};
pub use record::{Opening, Recorded, Report, runs};
pub use told::{Told, terms, told};
pub use undo::Undo;
