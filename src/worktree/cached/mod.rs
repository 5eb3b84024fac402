//! Takes the folders that a plan's `cache` names, gives a later run what an earlier one had in them: as they stood before
//! the first agent, patch or secret step of a run that passed.
//!
//! A cache is of one repository and of one identity of the steps, is never written to, and lies where no step can look. A
//! run gets a clone of its own.

mod choose;
mod hold;
mod lock_files;
mod record;
mod refuse;
mod stale;
mod store;
mod take;
mod times;

pub use choose::{Choice, preview};
pub use hold::{Added, Keeping};
pub use stale::{KeptCache, Outdated};
pub use take::Taking;
