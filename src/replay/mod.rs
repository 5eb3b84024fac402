//! Takes what a run recorded, gives what doing it again comes to: which steps are laid on as they were recorded and which are done
//! again, what stands in the way, the plan of it, and the first difference. Pure: it reads the state of runs and nothing else.

mod compare;
mod hindered;
mod plan;
mod revision;
mod way;

pub use compare::{Difference, Differing, Trees, What, first, made};
pub use hindered::{Hindered, hindered};
pub use plan::{laid_step, plan};
pub use revision::{Markers, Revision, Unrevisable, revision};
pub use way::{Again, Way, steps};
