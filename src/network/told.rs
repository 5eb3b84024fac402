//! What an answer of a model tells, in whatever wire format: how it ended, what it cost, which reasoning in it has an id.

use serde::Deserialize;
use serde::de::{Deserializer, Visitor};

use super::exchange::Said;

/// Tokens that no answer costs: who tells of more does not count.
pub(super) const MOST: u64 = 1 << 40;

/// What an answer has told so far.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) told: Option<Told>,
    pub(super) end: Option<End>,
    /// The model that answered.
    pub(super) model: Option<String>,
    /// What the server said of an answer that it could not give.
    pub(super) failure: Option<Said>,
    /// Bytes of the pieces that events hold, if it streams.
    pub(super) streamed: Option<u64>,
    /// Ids of reasoning that it gave, and nobody took yet.
    pub(super) reasoning: Vec<String>,
}

/// How an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Complete,
    Failed,
}

/// What an answer is said to have cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// So many tokens.
    Tokens(Cost),
    /// What cannot be: a part of a token, fewer than none, more than there are, or only some of it.
    Absurd,
}

/// Tokens of an answer; what was read from a cache, or written to it, is input.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Cost {
    pub(super) input: u64,
    pub(super) cached: u64,
    pub(super) written: u64,
    /// Of those, for longer than the usual.
    pub(super) written_long: u64,
    pub(super) output: u64,
}

impl Facts {
    /// Takes a piece of the answer itself, if it streams.
    pub(super) fn piece(&mut self, bytes: usize) {
        if let Some(streamed) = &mut self.streamed {
            *streamed = streamed.saturating_add(bytes as u64);
        }
    }
}

/// A count of tokens, if it is one.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Count(pub(super) Option<u64>);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        reader.deserialize_any(Counting)
    }
}

struct Counting;

impl Visitor<'_> for Counting {
    type Value = Count;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a count")
    }

    fn visit_u64<E>(self, count: u64) -> Result<Count, E> {
        Ok(Count(Some(count).filter(|count| *count <= MOST)))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Count, E> {
        Ok(Count(None))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Count, E> {
        Ok(Count(None))
    }

    fn visit_str<E>(self, _: &str) -> Result<Count, E> {
        Ok(Count(None))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Count, E> {
        Ok(Count(None))
    }

    fn visit_unit<E>(self) -> Result<Count, E> {
        Ok(Count(None))
    }
}
