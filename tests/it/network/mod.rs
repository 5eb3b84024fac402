//! The way out of a step: what an allow list lets through, what it does not, and what is written down about it.

mod host;
mod plans;
