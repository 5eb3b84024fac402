//! Reads a journal from its raw bytes: every line by itself, as strictly as it was written, in flat memory.
//!
//! Nothing of the code that writes journals is used but the vocabulary of events. A line counts only if writing
//! what was understood of it gives the same bytes again: then no key twice, no unknown field and no other
//! spelling of a number says one thing to this reader and another to the next.

use std::io::{self, BufRead, BufReader, Read};

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::code::Code;
use super::finding::Finding;
use super::same::{Same, compare};
use crate::evidence::line::{self, LONGEST, Line};
use crate::evidence::{Event, Head, Sha256 as Digest256};
use crate::time::stamp;

/// A line that follows the ones before it, with what the rest of the audit needs of it.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) event: Event,
    /// The version of its line.
    pub(super) version: u32,
    /// Its `type`.
    pub(super) kind: String,
    /// Its place and hash.
    pub(super) at: Head,
    pub(super) time: DateTime<Utc>,
    /// Of a line `sealed`: digest and length of the journal up to and with it.
    pub(super) so_far: Option<(String, u64)>,
}

/// What a journal as a whole came to.
#[derive(Debug, Default)]
pub(super) struct Whole {
    pub(super) lines: u64,
    /// What is wrong with the line after those.
    pub(super) broken: Option<Finding>,
}

/// Reads a journal line by line, as far as it holds; hands over what each is, and its bytes.
pub(super) fn read(name: &str, file: impl Read, mut each: impl FnMut(Entry, &[u8])) -> io::Result<Whole> {
    let mut reader = BufReader::with_capacity(256 << 10, file);
    let (prev, hasher) = (Digest256::none(), Sha256::new());
    let mut chain = Chain { prev, hasher, bytes: 0, version: line::OLDEST };
    let mut whole = Whole::default();
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        reader.by_ref().take(LONGEST).read_until(b'\n', &mut buffer)?;
        if buffer.is_empty() {
            return Ok(whole);
        }
        match chain.follow(whole.lines, &buffer) {
            Ok(entry) => each(entry, &buffer),
            Err(Wrong { code, expected, found }) => {
                let found = format!("{name}:{}: {found}", whole.lines + 1);
                whole.broken = Some(Finding::new(code, expected, found));
                return Ok(whole);
            }
        }
        whole.lines += 1;
    }
}

/// What is wrong with a line.
struct Wrong {
    code: Code,
    expected: String,
    found: String,
}

fn wrong(code: Code, expected: impl Into<String>, found: impl Into<String>) -> Wrong {
    Wrong { code, expected: expected.into(), found: found.into() }
}

fn malformed(found: impl Into<String>) -> Wrong {
    wrong(Code::LineMalformed, "a line as autopilot writes it", found)
}

/// The chain, up to some line.
struct Chain {
    prev: Digest256,
    hasher: Sha256,
    bytes: u64,
    /// Of its last line: it only grows.
    version: u32,
}

impl Chain {
    /// Takes the next line, its newline included.
    fn follow(&mut self, seq: u64, bytes: &[u8]) -> Result<Entry, Wrong> {
        let Some(text) = bytes.strip_suffix(b"\n") else {
            let length = bytes.len();
            return Err(if length as u64 == LONGEST {
                malformed(format!("more than {LONGEST} bytes without an end"))
            } else {
                wrong(Code::JournalTorn, "a whole last line", format!("{length} bytes without a newline"))
            });
        };
        let place: Place<'_> = serde_json::from_slice(text).map_err(|error| malformed(error.to_string()))?;
        let kind = self.check_place(seq, &place)?;
        if let Some(what) = line::too_much(text) {
            return Err(malformed(what));
        }
        let line: Line = serde_json::from_slice(text).map_err(|error| malformed(error.to_string()))?;
        if let Some(misfit) = line.event.misfit(line.v) {
            return Err(malformed(format!("`{}` {misfit}", line.event.kind())));
        }
        match compare(&line, text).map_err(|error| malformed(error.to_string()))? {
            Same::Yes => {}
            Same::No(difference) => return Err(malformed(difference)),
        }
        let time = line.time().filter(|time| stamp(*time) == line.ts);
        let time = time.ok_or_else(|| malformed(format!("`{}` is no time", line.ts)))?;

        self.version = line.v;
        self.prev = Digest256::of(text);
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
        let so_far = matches!(line.event, Event::Sealed { .. })
            .then(|| (hex::encode(self.hasher.clone().finalize()), self.bytes));
        let at = Head { seq, hash: self.prev.clone() };
        Ok(Entry { event: line.event, version: line.v, kind, at, time, so_far })
    }

    /// Checks version and place before the rest, since they say more than what else may be wrong then; returns the
    /// event's type.
    fn check_place(&self, seq: u64, place: &Place<'_>) -> Result<String, Wrong> {
        let version: Option<u32> = read_as(place.v);
        let known = line::OLDEST..=line::VERSION;
        if version.is_none_or(|version| !known.contains(&version)) {
            let expected = format!("version {} or {}", line::OLDEST, line::VERSION);
            return Err(wrong(Code::VersionUnknown, expected, newer(&shown(place.v))));
        }
        let kind = place.event.and_then(kind_of).unwrap_or_default();
        if version == Some(line::VERSION) && !Event::KINDS.contains(&kind.as_str()) {
            let expected = "an event that this program knows";
            return Err(wrong(
                Code::VersionUnknown,
                expected,
                format!(
                    "`{}`, newer than this program",
                    kind.chars().take(SHOWN).collect::<String>().escape_debug()
                ),
            ));
        }
        if version < Some(self.version) {
            let expected = format!("version {} to go on", self.version);
            return Err(wrong(Code::ChainBroken, expected, format!("version {}", shown(place.v))));
        }
        if place.seq.map(RawValue::get) != Some(seq.to_string().as_str()) {
            let found = format!("number {}", shown(place.seq));
            return Err(wrong(Code::ChainBroken, format!("number {seq}"), found));
        }
        if read_as::<String>(place.prev).as_deref() != Some(self.prev.as_str()) {
            let expected = format!("prev {}", self.prev.as_str());
            return Err(wrong(Code::ChainBroken, expected, format!("prev {}", shown(place.prev))));
        }
        Ok(kind)
    }
}

/// Where a line stands, as it is written: nothing of it is kept elsewhere.
#[derive(Deserialize)]
struct Place<'a> {
    #[serde(borrow)]
    v: Option<&'a RawValue>,
    #[serde(borrow)]
    seq: Option<&'a RawValue>,
    #[serde(borrow)]
    prev: Option<&'a RawValue>,
    #[serde(borrow)]
    event: Option<&'a RawValue>,
}

/// Characters of what is wrong that are shown.
const SHOWN: usize = 80;

fn read_as<'a, T: Deserialize<'a>>(raw: Option<&'a RawValue>) -> Option<T> {
    serde_json::from_str(raw?.get()).ok()
}

fn kind_of(event: &RawValue) -> Option<String> {
    #[derive(Deserialize)]
    struct Tagged {
        #[serde(rename = "type")]
        kind: String,
    }
    serde_json::from_str::<Tagged>(event.get()).ok().map(|event| event.kind)
}

/// Returns a value as it is written, or the beginning of it.
fn shown(raw: Option<&RawValue>) -> String {
    raw.map(RawValue::get).unwrap_or_default().chars().take(SHOWN).collect()
}

fn newer(version: &str) -> String {
    let is_newer = version.parse::<u64>().is_ok_and(|own| own > line::VERSION.into());
    format!("version {version}{}", if is_newer { ", newer than this program" } else { "" })
}
