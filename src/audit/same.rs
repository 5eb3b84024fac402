//! Takes something and bytes, tells whether writing it as JSON gives just these; what is written is not kept.

use std::io::{self, Write};

use serde::Serialize;

/// What writing something came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Same {
    /// These bytes.
    Yes,
    /// Others; where they begin, in words.
    No(String),
}

/// Bytes before the first difference that are shown, and from it on.
const AROUND: (usize, usize) = (16, 24);

/// Writes something and compares it with what is there.
pub(super) fn compare(something: &impl Serialize, found: &[u8]) -> serde_json::Result<Same> {
    let mut comparer = Comparer { found, at: 0, differs: None, expected: Vec::new() };
    serde_json::to_writer(&mut comparer, something)?;
    if comparer.differs.is_none() && comparer.at == found.len() {
        return Ok(Same::Yes);
    }
    let at = comparer.differs.unwrap_or(comparer.at);
    let from = at.saturating_sub(AROUND.0);
    let before = found.get(from..at).unwrap_or_default();
    let rest = found.get(at..found.len().min(at + AROUND.1)).unwrap_or_default();
    let part = |rest: &[u8]| String::from_utf8_lossy(&[before, rest].concat()).escape_debug().to_string();
    Ok(Same::No(format!("byte {at}: …{}… where autopilot writes …{}…", part(rest), part(&comparer.expected))))
}

struct Comparer<'a> {
    found: &'a [u8],
    /// As many bytes were written.
    at: usize,
    /// The first that is another.
    differs: Option<usize>,
    /// What is written from there on, as far as it is shown.
    expected: Vec<u8>,
}

impl Write for Comparer<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.differs.is_none() {
            let found = self.found.get(self.at..).unwrap_or_default();
            let same = bytes.iter().zip(found).take_while(|(a, b)| a == b).count();
            self.differs = (same < bytes.len()).then_some(self.at + same);
        }
        if let Some(differs) = self.differs {
            let rest = bytes.get(differs.saturating_sub(self.at)..).unwrap_or_default();
            let room = AROUND.1.saturating_sub(self.expected.len()).min(rest.len());
            self.expected.extend_from_slice(rest.get(..room).unwrap_or_default());
        }
        self.at += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_compared_to_its_end() {
        let value = serde_json::json!({"a": [1, "two"], "b": "x".repeat(40)});
        let text = value.to_string();
        assert_eq!(compare(&value, text.as_bytes()).unwrap(), Same::Yes);
        let differs = |found: &str| match compare(&value, found.as_bytes()).unwrap() {
            Same::Yes => panic!("the same: {found}"),
            Same::No(why) => why,
        };
        assert_eq!(
            differs(&text.replace("two", "too")),
            "byte 10: …{\\\"a\\\":[1,\\\"too\\\"],\\\"b\\\":\\\"xxxxxxxxxxxxxx… where autopilot writes …{\\\"a\\\":[1,\\\"two\\\"],\\\"b\\\":\\\"xxxxxxxxxxxxxx…"
        );
        assert!(differs(&format!("{text} ")).starts_with(&format!("byte {}: ", text.len())));
        assert!(differs(&text[..text.len() - 1]).starts_with(&format!("byte {}: ", text.len() - 1)));
    }
}
