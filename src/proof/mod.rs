//! Takes a change and what its plan wants proved, gives what is laid for each run of its tests, and what is recorded of them.
//! Pure: the runs are made elsewhere. What decides is the crate `autopilot-proof`.

mod change;
mod lay;
mod record;
mod told;

pub use change::{Change, File};
pub use record::{Opening, Report, runs};
pub use told::{Told, terms, told};
