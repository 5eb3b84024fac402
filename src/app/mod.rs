//! Takes an order, gives what became of it: the use cases, callable without a command line. Begin a run, go on with
//! one, pick up what a dead runner left, clean, stop, publish, several issues at a time.
//!
//! Prints nothing and ends no process. What is noticed on the way goes to the caller as a [`Note`], what cannot be
//! done is an [`Error`] with its source as a value, a question to a person is asked through [`Front`].
//!
//! ```no_run
//! use autopilot::app::{self, Note, Order, ceiling};
//! use autopilot::evidence::{Unwatched, Watch};
//! # use autopilot::{plan::Plan, run::Interrupt, worktree::Repository};
//! struct Quiet;
//!
//! impl app::Front for Quiet {
//!     fn note(&self, note: Note) {
//!         drop(note);
//!     }
//!     fn ask(&self, _: &app::Crashed) -> Option<impl Future<Output = bool>> {
//!         None::<std::future::Ready<bool>>
//!     }
//!     fn watch(&self, _: &Plan) -> Box<dyn Watch> {
//!         Box::new(Unwatched)
//!     }
//! }
//!
//! # async fn example() -> Result<(), app::Error> {
//! let repository = ceiling::committed(Repository::discover("/home/somebody/project".as_ref())?);
//! let interrupt = Interrupt::listen()?;
//! let outcome = app::run(&Order::of(653), &repository, &interrupt, &Quiet).await?;
//! # Ok(())
//! # }
//! ```

pub mod adopt;
pub mod audited;
mod begin;
pub mod beside;
pub mod cached;
pub mod ceiling;
pub mod checkout;
pub mod clean;
pub mod clients;
mod courier;
mod earlier;
mod error;
pub mod fetched;
pub mod issue;
pub mod jobs;
mod next;
mod note;
mod order;
mod outcome;
pub mod plans;
pub mod provable;
pub mod prune;
pub mod publish;
mod rebase;
mod recover;
pub mod replay;
pub mod replayed;
mod resume;
pub mod revise;
mod run;
pub mod runs;
pub mod secrets;
pub mod stack;
pub mod stop;

pub use error::Error;
pub use next::can_go_on;
pub use note::{Aside, Crashed, Discarded, Front, Note, PickedUp, Unpublished};
pub use order::{Order, Site};
pub use outcome::{Ended, Outcome, Verdict};
pub use recover::Kept;
pub use run::run;
