//! Decides whether green means anything: would a change's tests have caught the absence of the change?
//!
//! All of it is pure: bytes and values in, values out; no file, no process, no clock. Whoever runs the tests hands in
//! what was reported, and whoever audits a run hands in what was recorded: both get the same verdict.
//!
//! ```text
//! a plan's command ─ runner ─→ how to ask it for a report ─→ (run elsewhere) ─ results ─→ tests by id
//! a changed file ─── source ─→ code and tests apart, canaries, mutants ─→ (run elsewhere)      │
//! a changed path ─── guarded → what it configures                        verdict ←─────────────┘
//! ```

pub mod guarded;
pub mod results;
pub mod runner;
pub mod source;
pub mod verdict;
