//! Takes an event of an answer, or the whole of one that does not stream; reads what it tells.

use serde::Deserialize;
use serde_json::Value;

use crate::network::exchange::Said;
use crate::network::told::{Cost, Count, End, Facts, Told};

/// What there is in an event that tells something: what it cost, a piece of the answer, its end.
const WORDS: [&[u8]; 4] = [b"\"usage\"", b"\"delta\"", b"message_stop", b"\"error\""];

/// An event of an answer, or the whole of one that does not stream.
#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: Option<String>,
    message: Option<Message>,
    usage: Option<Usage>,
    delta: Option<Delta>,
    error: Option<Value>,
    model: Option<String>,
}

#[derive(Deserialize)]
struct Message {
    model: Option<String>,
    usage: Option<Usage>,
}

/// Counts are of all that came until then, never of what came since. What was read from the cache, or written to it, is
/// not in `input_tokens`.
#[derive(Deserialize)]
struct Usage {
    input_tokens: Option<Count>,
    cache_creation_input_tokens: Option<Count>,
    cache_read_input_tokens: Option<Count>,
    output_tokens: Option<Count>,
    cache_creation: Option<Creation>,
}

/// What was written to the cache, by how long it stays there.
#[derive(Deserialize)]
struct Creation {
    ephemeral_1h_input_tokens: Option<Count>,
}

/// A piece of the answer: words, thoughts, what a tool is called with.
#[derive(Deserialize)]
struct Delta {
    text: Option<String>,
    thinking: Option<String>,
    partial_json: Option<String>,
}

/// What was told of the counts so far; the last word counts.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::network) struct Counts {
    input: Option<Count>,
    written: Option<Count>,
    cached: Option<Count>,
    output: Option<Count>,
    /// Of what was written, for an hour.
    long: Option<Count>,
}

impl Counts {
    fn take(&mut self, usage: &Usage) {
        self.input = usage.input_tokens.or(self.input);
        self.written = usage.cache_creation_input_tokens.or(self.written);
        self.cached = usage.cache_read_input_tokens.or(self.cached);
        self.output = usage.output_tokens.or(self.output);
        let long = usage.cache_creation.as_ref().and_then(|written| written.ephemeral_1h_input_tokens);
        self.long = long.or(self.long);
    }

    fn told(&self) -> Told {
        // Nothing was in a cache that is not told of.
        let cache = |count: Option<Count>| count.unwrap_or(Count(Some(0))).0;
        let count = |count: Option<Count>| count.and_then(|count| count.0);
        match (count(self.input), cache(self.written), cache(self.cached), count(self.output)) {
            (Some(input), Some(written), Some(cached), Some(output)) => {
                // One that is told wrongly is taken for the dearer.
                let written_long = cache(self.long).map_or(written, |long| long.min(written));
                Told::Tokens(Cost { input: input + written + cached, cached, written, written_long, output })
            }
            _ => Told::Absurd,
        }
    }
}

/// Takes what stands in a line of the answer.
pub(in crate::network) fn take(data: &[u8], counts: &mut Counts, facts: &mut Facts) {
    if !WORDS.iter().any(|word| memchr::memmem::find(data, word).is_some()) {
        return;
    }
    let Ok(event) = serde_json::from_slice::<Event>(data) else { return };
    if let Some(Delta { text, thinking, partial_json }) = event.delta {
        let pieces = [text, thinking, partial_json];
        facts.piece(pieces.iter().flatten().map(String::len).sum());
    }
    let (model, usage) = event.message.map_or((None, None), |message| (message.model, message.usage));
    facts.model = model.or(event.model).or(facts.model.take());
    let usage = usage.or(event.usage);
    if let Some(usage) = &usage {
        counts.take(usage);
    }
    match event.kind.as_deref() {
        // What it will cost in the end is not told yet.
        Some("message_delta") => facts.told = usage.map(|_| counts.told()).or(facts.told),
        Some("message_stop") => facts.end = Some(End::Complete),
        Some("error") => {
            facts.end = Some(End::Failed);
            facts.failure = event.error.as_ref().map(Said::of);
        }
        // All of it in one piece.
        Some("message") => {
            facts.end = Some(End::Complete);
            facts.told = usage.map(|_| counts.told());
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&str]) -> Facts {
        let (mut counts, mut facts) = (Counts::default(), Facts { streamed: Some(0), ..Facts::default() });
        for line in lines {
            take(line.as_bytes(), &mut counts, &mut facts);
        }
        facts
    }

    fn tokens(input: u64, cached: u64, written: u64, output: u64) -> Told {
        Told::Tokens(Cost { input, cached, written, output, ..Cost::default() })
    }

    const START: &str = r#"{"type":"message_start","message":{"id":"m","usage":{"input_tokens":100,"cache_creation_input_tokens":20,"cache_read_input_tokens":30,"output_tokens":1}}}"#;
    const STOP: &str = r#"{"type":"message_stop"}"#;

    #[test]
    fn what_the_cache_gave_is_counted_once_and_the_last_count_of_output_is_all_of_it() {
        let delta =
            r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":10}}"#;
        let facts = read(&[START, delta, STOP]);
        assert_eq!((facts.told, facts.end), (Some(tokens(150, 30, 20, 10)), Some(End::Complete)));
        let all = r#"{"type":"message_delta","usage":{"input_tokens":100,"cache_creation_input_tokens":null,"cache_read_input_tokens":31,"output_tokens":12}}"#;
        assert_eq!(read(&[START, delta, all, STOP]).told, Some(tokens(151, 31, 20, 12)));
    }

    #[test]
    fn an_answer_in_one_piece_tells_too() {
        let facts = read(&[
            r#"{"id":"m","type":"message","content":[{"type":"text","text":"message_stop"}],"usage":{"input_tokens":3,"cache_read_input_tokens":4,"output_tokens":2}}"#,
        ]);
        assert_eq!((facts.told, facts.end), (Some(tokens(7, 4, 0, 2)), Some(End::Complete)));
        let silent = read(&[r#"{"type":"message","content":[],"usage":null}"#]);
        assert_eq!((silent.told, silent.end), (None, Some(End::Complete)));
    }

    #[test]
    fn an_answer_that_was_cut_or_failed_is_told_from_one_that_is_complete() {
        assert_eq!((read(&[START]).told, read(&[START]).end), (None, None));
        let error = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
        assert_eq!((read(&[START, error]).told, read(&[START, error]).end), (None, Some(End::Failed)));
        assert_eq!((read(&[START, STOP]).told, read(&[START, STOP]).end), (None, Some(End::Complete)));
        let said = r#"{"type":"content_block_delta","delta":{"type":"text_delta","text":"{\"type\":\"message_stop\"}"}}"#;
        assert_eq!((read(&[said]).end, read(&[said]).streamed), (None, Some(23)));
    }

    #[test]
    fn what_cannot_be_a_count_is_none() {
        for (member, count) in [
            ("input_tokens", "-1"),
            ("input_tokens", "null"),
            ("cache_read_input_tokens", "-1"),
            ("cache_creation_input_tokens", "1099511627777"),
            ("output_tokens", "\"7\""),
            ("output_tokens", "1.5"),
        ] {
            let mut usage = serde_json::json!({"input_tokens": 1, "output_tokens": 1});
            usage[member] = serde_json::from_str(count).unwrap();
            let whole = serde_json::json!({"type": "message", "usage": usage}).to_string();
            assert_eq!(read(&[&whole]).told, Some(Told::Absurd), "{member}: {count}");
        }
    }
}
