//! Takes a plan, gives events in the order they happen: the step state machine, timeouts, retries. Prints
//! nothing; the rules are those of `docs/plan.md`, each with a test of its name in `tests/it/rules.rs`.

mod action;
mod answered;
mod attach;
mod attempt;
mod cached;
mod checkpoint;
mod command;
mod courier;
mod deadline;
mod egress;
mod equip;
mod expect;
mod finish;
mod guard;
mod hearing;
mod home;
mod hope;
mod interrupt;
mod judge;
mod memory;
mod money;
mod outcome;
mod output;
mod preflight;
mod proof;
mod reconcile;
mod recover;
mod refusal;
mod resume;
mod runner;
mod shown;
mod shut;
mod start;
mod steps;
mod undo;
mod void;
mod whole;
mod work;

/// What fuzz targets need of the inside.
#[cfg(fuzzing)]
pub mod fuzzing {
    /// Returns what a reader sees of a line.
    pub fn views(line: &[u8]) -> Vec<String> {
        super::shown::views(line).into_iter().map(std::borrow::Cow::into_owned).collect()
    }
}

pub use command::SHORT_GRACE;
pub use courier::{Courier, Sending};
pub use equip::{Applier, Assignment, Equipment, Found, equip};
pub use expect::signal_name as name_of_signal;
pub use finish::Ending;
pub use guard::guard;
pub use interrupt::Interrupt;
pub use preflight::{Grants, Review, There, preflight};
pub use recover::{Known, Means, Recovered, recover, restore_journal};
pub use refusal::Refusal;
pub use resume::{Changed, Refused, branch_unchanged, can_go_on, hold_to_record, resumed, unchanged};
pub use runner::{RunError, Runner};
pub use shut::shut_hosts;
pub use start::{Revising, Under, begin};
pub use void::void_writes;
pub use whole::{Checkout, act_out, carry_out};
