//! Takes the bytes of a line of a journal, gives the line, or why it is none. Whoever wrote it may have wanted to fill
//! our memory: what a line takes is known before it is read.

use std::io;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::Token;
use super::event::{self, Event};
use super::id::Sha256;
use chrono::{DateTime, Utc};

/// Version of the journal's lines that this program writes.
pub const VERSION: u32 = 2;

/// The oldest version that it reads.
pub const OLDEST: u32 = 1;

/// A longer line is not read to its end. A checkpoint of 100,000 files takes some 10 MiB.
pub const LONGEST: u64 = 64 << 20;

/// Values in a line whose event serde keeps before it reads it; each takes up to some 200 bytes then.
const MOST_VALUES: usize = 1_000_000;

/// One line of a journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// Its version, from [`OLDEST`] to [`VERSION`].
    pub v: u32,
    /// 0 for the first line.
    pub seq: u64,
    /// When it was written, UTC.
    pub ts: String,
    /// SHA-256 of the previous line's bytes, its newline not included.
    pub prev: Sha256,
    /// What happened.
    pub event: Event,
}

impl Line {
    /// Returns when it was written.
    pub fn time(&self) -> Option<DateTime<Utc>> {
        DateTime::parse_from_rfc3339(&self.ts).ok().map(|time| time.to_utc())
    }
}

/// Why a line cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Unread {
    /// It is of a version, or holds an event, that came after this program.
    #[error("{0}, newer than this program")]
    Newer(String),
    /// No autopilot writes such a line.
    #[error("{0}")]
    Malformed(String),
}

impl Unread {
    pub(super) fn kind(&self) -> io::ErrorKind {
        match self {
            Self::Newer(_) => io::ErrorKind::Unsupported,
            Self::Malformed(_) => io::ErrorKind::InvalidData,
        }
    }
}

/// Says why a line would take more memory than any run's does, if it would; looks at its bytes alone.
pub fn too_much(text: &[u8]) -> Option<String> {
    let is_straight = || {
        #[derive(Deserialize)]
        struct Outline<'a> {
            #[serde(borrow)]
            event: &'a RawValue,
        }
        serde_json::from_slice::<Outline<'_>>(text).is_ok_and(|line| event::is_straight(line.event.get()))
    };
    (text.len() > MOST_VALUES && values(text) > MOST_VALUES && !is_straight())
        .then(|| format!("more than {MOST_VALUES} values in one line"))
}

/// Counts the values of a JSON text by what stands before each: no fewer than there are.
fn values(text: &[u8]) -> usize {
    let (mut count, mut in_string, mut escaped) = (1, false, false);
    for byte in text {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = in_string,
            b'"' => in_string = !in_string,
            b',' | b':' | b'[' | b'{' if !in_string => count += 1,
            _ => {}
        }
    }
    count
}

/// Reads a line, its newline not included.
pub fn parse(text: &[u8]) -> Result<Line, Unread> {
    if let Some(what) = too_much(text) {
        return Err(Unread::Malformed(what));
    }
    let line = serde_json::from_slice::<Line>(text);
    // Of a newer version anything may be different: that is looked at before what is wrong with it.
    let newer = match &line {
        Ok(line) => (line.v > VERSION).then(|| format!("version {}", line.v)),
        Err(_) => newer(text),
    };
    if let Some(what) = newer {
        return Err(Unread::Newer(what));
    }
    let line = line.map_err(|error| Unread::Malformed(error.to_string()))?;
    if line.v < OLDEST {
        return Err(Unread::Malformed(format!("version {}", line.v)));
    }
    match line.event.misfit(line.v) {
        Some(misfit) => Err(Unread::Malformed(format!("`{}` {misfit}", line.event.kind()))),
        None => Ok(line),
    }
}

/// Says what of a line that is not understood is newer than this program, if anything is.
fn newer(text: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Outline {
        v: u64,
        event: Kind,
    }
    #[derive(Deserialize)]
    struct Kind {
        #[serde(rename = "type")]
        kind: Token,
    }
    let Outline { v, event: Kind { kind } } = serde_json::from_slice(text).ok()?;
    if v > u64::from(VERSION) {
        return Some(format!("version {v}"));
    }
    (v == u64::from(VERSION) && !Event::KINDS.contains(&kind.as_str())).then(|| format!("an event `{kind}`"))
}
