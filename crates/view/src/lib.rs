//! Takes what is known of a run, typed, gives a page of HTML: one file, complete, that loads nothing.
//!
//! All of it is pure: values in, text out. What comes from elsewhere is [`Words`], and there is no way around them: templates
//! escape, and what a reader would not see, or what would turn the writing direction, is spelled. A link is a [`Link`], which leads
//! to the web or to another page of ours. A page has at most [`MOST_NODES`] nodes, however much a run did: what there is no room for
//! in detail is told as text.
//!
//! ```text
//! Run ── facts, files, decisions ─→ tables     ┐
//!  ├─── steps ──→ details, or text             ├─→ frame: policy, style, script ─→ HTML
//!  └─── log ────→ colours as spans, in chunks  ┘
//! ```

mod axis;
mod budget;
mod colours;
mod fact;
mod frame;
mod index;
mod link;
mod log;
mod page;
mod patch;
mod run;
mod steps;
mod words;

pub use budget::MOST_NODES;
pub use fact::{Fact, Mark, Value};
pub use frame::{Life, policy};
pub use index::{Index, Row};
pub use link::Link;
pub use page::{Attempt, Changed, Decision, Piece, Run, Span, Step};
pub use words::Words;

/// Makes the page of a run.
pub fn run(run: &Run) -> String {
    run::page(run)
}

/// Makes the page of all runs.
pub fn index(index: &Index) -> String {
    index::page(index)
}
