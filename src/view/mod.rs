//! Takes a run's journal, log and repository, gives its page: fills what `autopilot-view` makes HTML of. Reads, and changes
//! nothing; what a page holds is masked, whether it comes from the evidence, where it is already, or from the repository.
//!
//! ```text
//! RunState ─┬─ review, security, steps, network ─┐
//! log ──────┼─ its first and last MiB ───────────┼─→ autopilot_view ─→ a file, or an answer of the server
//! git ──────┴─ patches ──────────────────────────┘
//! ```

mod audit;
mod axis;
mod index;
mod log;
mod network;
mod page;
mod patches;
mod plan;
mod review;
mod security;
mod serve;
mod site;
mod steps;
mod words;
mod write;

pub use autopilot_view::Life;
pub use page::{Source, page};
pub use serve::{Address, serve};
pub use site::{Site, is_running};
pub use write::write;
