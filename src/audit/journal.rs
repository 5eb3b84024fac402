//! Reads a journal from its raw bytes: every line by itself, as strictly as it was written, in flat memory.
//!
//! Nothing of the code that writes journals is used but the vocabulary of events. A line counts only if writing
//! what was understood of it gives the same bytes again: then no key twice, no unknown field and no other
//! spelling of a number says one thing to this reader and another to the next.

use std::io::{self, BufRead, BufReader, Read};

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::code::Code;
use super::finding::Finding;
use crate::evidence::{Event, Head, Line, Sha256 as Digest256, journal};

/// A longer line is not read to its end. A checkpoint of 100,000 files takes some 10 MiB.
const LONGEST: u64 = 64 << 20;

/// A line that follows the ones before it, with what the rest of the audit needs of it.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) event: Event,
    /// The version of its line.
    pub(super) version: u32,
    /// Its `type`.
    pub(super) kind: String,
    /// Every string of the line, keys included.
    pub(super) value: Value,
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

/// Reads a journal line by line, as far as it holds.
pub(super) fn read(name: &str, file: impl Read, mut each: impl FnMut(Entry)) -> io::Result<Whole> {
    let mut reader = BufReader::with_capacity(256 << 10, file);
    let (prev, hasher) = (Digest256::none(), Sha256::new());
    let mut chain = Chain { prev, hasher, bytes: 0, version: journal::OLDEST };
    let mut whole = Whole::default();
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        reader.by_ref().take(LONGEST).read_until(b'\n', &mut buffer)?;
        if buffer.is_empty() {
            return Ok(whole);
        }
        match chain.follow(whole.lines, &buffer) {
            Ok(entry) => each(entry),
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
        let value: Value = serde_json::from_slice(text).map_err(|error| malformed(error.to_string()))?;
        self.check_place(seq, &value)?;
        let line = Line::deserialize(&value).map_err(|error| malformed(error.to_string()))?;
        if let Some(misfit) = line.event.misfit(line.v) {
            return Err(malformed(format!("`{}` {misfit}", line.event.kind())));
        }
        let again = serde_json::to_vec(&line).map_err(|error| malformed(error.to_string()))?;
        if again != text {
            return Err(malformed(first_difference(&again, text)));
        }
        let time = line.time().filter(|time| time.to_rfc3339_opts(SecondsFormat::Millis, true) == line.ts);
        let time = time.ok_or_else(|| malformed(format!("`{}` is no time", line.ts)))?;
        let kind = value.pointer("/event/type").and_then(Value::as_str).unwrap_or_default().to_owned();

        self.version = line.v;
        self.prev = Digest256::of(text);
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
        let so_far = matches!(line.event, Event::Sealed { .. })
            .then(|| (hex::encode(self.hasher.clone().finalize()), self.bytes));
        let at = Head { seq, hash: self.prev.clone() };
        Ok(Entry { event: line.event, version: line.v, kind, value, at, time, so_far })
    }

    /// Checks version and place before the rest, since they say more than what else may be wrong then.
    fn check_place(&self, seq: u64, value: &Value) -> Result<(), Wrong> {
        let own = |key: &str| value.get(key).map(Value::to_string).unwrap_or_default();
        let version = value.get("v").and_then(Value::as_u64).and_then(|v| u32::try_from(v).ok());
        let known = journal::OLDEST..=journal::VERSION;
        if version.is_none_or(|version| !known.contains(&version)) {
            let expected = format!("version {} or {}", journal::OLDEST, journal::VERSION);
            return Err(wrong(Code::VersionUnknown, expected, newer(own("v"))));
        }
        let kind = value.pointer("/event/type").and_then(Value::as_str).unwrap_or_default();
        if version == Some(journal::VERSION) && !Event::KINDS.contains(&kind) {
            let expected = "an event that this program knows";
            return Err(wrong(
                Code::VersionUnknown,
                expected,
                format!("`{}`, newer than this program", kind.escape_debug()),
            ));
        }
        if version < Some(self.version) {
            let expected = format!("version {} to go on", self.version);
            return Err(wrong(Code::ChainBroken, expected, format!("version {}", own("v"))));
        }
        if own("seq") != seq.to_string() {
            return Err(wrong(Code::ChainBroken, format!("number {seq}"), format!("number {}", own("seq"))));
        }
        if value.get("prev").and_then(Value::as_str) != Some(self.prev.as_str()) {
            let expected = format!("prev {}", self.prev.as_str());
            return Err(wrong(Code::ChainBroken, expected, format!("prev {}", own("prev"))));
        }
        Ok(())
    }
}

fn newer(version: String) -> String {
    let is_newer = version.parse::<u64>().is_ok_and(|own| own > journal::VERSION.into());
    format!("version {version}{}", if is_newer { ", newer than this program" } else { "" })
}

/// Says where a line stops being what it would be if autopilot had written it.
fn first_difference(expected: &[u8], found: &[u8]) -> String {
    let at = expected.iter().zip(found).take_while(|(a, b)| a == b).count();
    let from = at.saturating_sub(16);
    let part = |bytes: &[u8]| {
        let end = bytes.len().min(at + 24);
        String::from_utf8_lossy(bytes.get(from..end).unwrap_or_default()).escape_debug().to_string()
    };
    format!("byte {at}: …{}… where autopilot writes …{}…", part(found), part(expected))
}
