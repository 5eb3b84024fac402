//! What in a plan a fault is about.

use std::fmt;

use super::quote::quote;

/// What in a plan a fault is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place<'a> {
    /// The plan itself.
    Plan,
    /// What no plan may exceed.
    Ceiling,
    /// One of its steps.
    Step,
    /// The value of a key.
    Key(&'a str),
    /// An entry of a list.
    Entry(&'a Place<'a>),
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plan => f.write_str("the plan"),
            Self::Ceiling => f.write_str("a ceiling"),
            Self::Step => f.write_str("a step"),
            Self::Key(key) => f.write_str(&quote(key)),
            Self::Entry(list) => write!(f, "an entry of {list}"),
        }
    }
}
