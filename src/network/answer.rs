//! Takes the lines of a model's answer as they stream by, gives what they tell: how it ended, what it cost, and which
//! reasoning in it has an id.

use serde::Deserialize;
use serde::de::{Deserializer, Visitor};
use serde_json::Value;

/// Longest line of an answer that is looked at: the last event repeats the whole answer.
const LONGEST: usize = 16 << 20;
/// Tokens that no answer costs: who tells of more does not count.
const MOST: u64 = 1 << 40;

/// The types of the events that end an answer: complete, as far as it was allowed to go on, and one that could not be
/// given.
const COMPLETED: &str = "response.completed";
const INCOMPLETE: &str = "response.incomplete";
const FAILED: &str = "response.failed";
/// The type of the event that holds a part of the answer as the next request repeats it.
const ITEM: &str = "response.output_item.done";
/// What an event holds that is a piece of the answer.
const DELTA: &[u8] = b"\"delta\"";

/// Finds the usage in the lines of an answer.
#[derive(Default)]
pub(super) struct Reader {
    line: Vec<u8>,
    /// The line is too long to be kept.
    skipping: bool,
    told: Option<Told>,
    end: Option<End>,
    bytes: u64,
    /// Bytes of the pieces that events hold, if it streams.
    streamed: Option<u64>,
    reasoning: Vec<String>,
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

/// Tokens of an answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Cost {
    pub(super) input: u64,
    pub(super) cached: u64,
    pub(super) output: u64,
}

/// An event of an answer, or the whole of one that does not stream.
#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: Option<String>,
    response: Option<Response>,
    usage: Option<Usage>,
    delta: Option<Value>,
    item: Option<Item>,
}

#[derive(Deserialize)]
struct Response {
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Usage {
    #[serde(default)]
    input_tokens: Count,
    #[serde(default)]
    output_tokens: Count,
    input_tokens_details: Option<Details>,
}

#[derive(Deserialize)]
struct Details {
    #[serde(default)]
    cached_tokens: Count,
}

#[derive(Deserialize)]
struct Item {
    #[serde(rename = "type")]
    kind: Option<String>,
    id: Option<String>,
}

/// A count of tokens, if it is one.
#[derive(Debug, Clone, Copy, Default)]
struct Count(Option<u64>);

impl Usage {
    fn told(&self) -> Told {
        let cached = self.input_tokens_details.as_ref().and_then(|details| details.cached_tokens.0);
        match (self.input_tokens.0, self.output_tokens.0) {
            (Some(input), Some(output)) => {
                // What is read from the cache is read.
                Told::Tokens(Cost { input, cached: cached.unwrap_or(0).min(input), output })
            }
            _ => Told::Absurd,
        }
    }
}

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

impl Reader {
    /// Returns the bytes of the answer itself, without what they come in.
    pub(super) fn answered(&self) -> u64 {
        self.streamed.unwrap_or(self.bytes)
    }

    /// Returns how it ended, if it did.
    pub(super) fn end(&self) -> Option<End> {
        self.end
    }

    /// Returns what it is said to have cost, if anything was said.
    pub(super) fn told(&self) -> Option<Told> {
        self.told
    }

    /// Takes the ids of reasoning out that it has given since.
    pub(super) fn take_reasoning(&mut self) -> Vec<String> {
        std::mem::take(&mut self.reasoning)
    }

    /// Takes a piece of the answer.
    pub(super) fn push(&mut self, mut data: &[u8]) {
        self.bytes = self.bytes.saturating_add(data.len() as u64);
        while let Some(end) = memchr::memchr(b'\n', data) {
            self.extend(&data[..end]);
            self.end_line();
            data = &data[end + 1..];
        }
        self.extend(data);
    }

    fn extend(&mut self, part: &[u8]) {
        self.skipping |= self.line.len() + part.len() > LONGEST;
        if self.skipping {
            self.line.clear();
        } else {
            self.line.extend_from_slice(part);
        }
    }

    /// Takes the end of a line, or of the answer.
    pub(super) fn end_line(&mut self) {
        let event = self.line.strip_prefix(b"data:");
        if event.is_some() {
            self.streamed.get_or_insert(0);
        }
        let data = event.unwrap_or(&self.line);
        let holds = |word: &[u8]| memchr::memmem::find(data, word).is_some();
        let words = [COMPLETED.as_bytes(), INCOMPLETE.as_bytes(), FAILED.as_bytes(), ITEM.as_bytes()];
        let tells = words.into_iter().chain([&b"\"usage\""[..], DELTA]).any(holds);
        if tells && let Ok(event) = serde_json::from_slice::<Event>(data) {
            self.take(event);
        }
        self.line.clear();
        self.skipping = false;
    }

    fn take(&mut self, event: Event) {
        match event.kind.as_deref() {
            Some(COMPLETED | INCOMPLETE) => self.end = Some(End::Complete),
            Some(FAILED) => self.end = Some(End::Failed),
            Some(ITEM) => {
                let reasoning = event.item.filter(|item| item.kind.as_deref() == Some("reasoning"));
                self.reasoning.extend(reasoning.and_then(|item| item.id));
            }
            _ => {}
        }
        if let (Some(streamed), Some(Value::String(piece))) = (&mut self.streamed, event.delta) {
            *streamed = streamed.saturating_add(piece.len() as u64);
        }
        let usage = event.response.and_then(|response| response.usage).or(event.usage);
        self.told = usage.map(|usage| usage.told()).or(self.told);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(parts: &[&str]) -> Reader {
        let mut reader = Reader::default();
        for part in parts {
            reader.push(part.as_bytes());
        }
        reader.end_line();
        reader
    }

    fn tokens(input: u64, output: u64) -> Told {
        Told::Tokens(Cost { input, cached: 0, output })
    }

    const LAST: &str = r#"data: {"type":"response.completed","response":{"id":"r","usage":{"input_tokens":7,"output_tokens":5}}}"#;

    #[test]
    fn the_last_event_tells_wherever_it_is_cut() {
        let stream = format!("event: x\ndata: {{\"delta\":\"the \\\"usage\\\"\"}}\n\n{LAST}\r\n\n");
        for cut in 0..stream.len() {
            let (one, two) = stream.split_at(cut);
            assert_eq!(read(&[one, two]).told(), Some(tokens(7, 5)), "{cut}");
        }
    }

    #[test]
    fn an_answer_that_is_complete_and_tells_nothing_is_told_from_one_that_failed() {
        for (line, end, answered) in [
            (
                r#"data: {"type":"response.completed","response":{"id":"r","usage":null}}"#,
                Some(End::Complete),
                0,
            ),
            (r#"data: {"type":"response.completed","response":{"id":"r"}}"#, Some(End::Complete), 0),
            (r#"data: {"type":"response.incomplete","response":{"id":"r"}}"#, Some(End::Complete), 0),
            (r#"data: {"type":"response.failed","response":{"id":"r","usage":null}}"#, Some(End::Failed), 0),
            (r#"data: {"type":"x","delta":"\"type\":\"response.completed\""}"#, None, 27),
            (
                r#"data: {"type":"response.output_text.delta","delta":"word","obfuscation":"xxxxxxxx"}"#,
                None,
                4,
            ),
            ("no answer of ours", None, 17),
        ] {
            let reader = read(&[line]);
            assert!(reader.told().is_none());
            assert_eq!((reader.end(), reader.answered()), (end, answered), "{line}");
        }
    }

    #[test]
    fn an_answer_in_one_piece_tells_too() {
        assert_eq!(
            read(&[r#"{"id":"r","usage":{"input_tokens":1,"output_tokens":2}}"#]).told(),
            Some(tokens(1, 2))
        );
        assert_eq!(read(&[r#"{"id":"r","usage":null}"#]).told(), None);
        assert_eq!(read(&["data: [DONE]\n"]).told(), None);
    }

    #[test]
    fn what_cannot_be_a_count_is_none_and_hides_no_end() {
        let most = MOST.to_string();
        for (input, output, told) in [
            ("7", "5", tokens(7, 5)),
            ("0", "0", tokens(0, 0)),
            (&*most, "1", tokens(MOST, 1)),
            ("1099511627777", "1", Told::Absurd),
            ("1", "18446744073709551615", Told::Absurd),
            ("18446744073709551616", "1", Told::Absurd),
            ("-1", "5", Told::Absurd),
            ("7", "-9223372036854775808", Told::Absurd),
            ("7.5", "5", Told::Absurd),
            ("1e3", "5", Told::Absurd),
            ("\"7\"", "5", Told::Absurd),
            ("null", "5", Told::Absurd),
            ("true", "5", Told::Absurd),
        ] {
            let usage = format!("{{\"input_tokens\":{input},\"output_tokens\":{output}}}");
            for kind in ["completed", "failed"] {
                let line = format!(
                    "data: {{\"type\":\"response.{kind}\",\"response\":{{\"id\":\"r\",\"usage\":{usage}}}}}"
                );
                let reader = read(&[&line]);
                assert_eq!(reader.told(), Some(told), "{line}");
                assert!(reader.end().is_some(), "{line}");
            }
        }
        for usage in ["{}", r#"{"input_tokens":7}"#, r#"{"prompt_tokens":7,"completion_tokens":5}"#] {
            let line = format!("{{\"id\":\"r\",\"usage\":{usage}}}");
            assert_eq!(read(&[&line]).told(), Some(Told::Absurd), "{line}");
        }
    }

    #[test]
    fn of_what_is_read_no_more_is_from_the_cache() {
        let usage = r#"{"input_tokens":7,"input_tokens_details":{"cached_tokens":9},"output_tokens":1}"#;
        let told = read(&[&format!("{{\"usage\":{usage}}}")]).told();
        assert_eq!(told, Some(Told::Tokens(Cost { input: 7, cached: 7, output: 1 })));
    }

    #[test]
    fn reasoning_that_the_server_gave_is_known_by_its_id() {
        let mut reader = read(&[
            "data: {\"type\":\"response.output_item.done\",\"item\":{\"type\":\"reasoning\",\"id\":\"rs_1\"}}\n",
            "data: {\"type\":\"response.output_item.done\",\"item\":{\"type\":\"message\",\"id\":\"msg_1\"}}\n",
            "data: {\"type\":\"x\",\"delta\":\"response.output_item.done\",\"item\":{\"type\":\"reasoning\",\"id\":\"no\"}}\n",
        ]);
        assert_eq!(reader.take_reasoning(), ["rs_1"]);
        assert_eq!(reader.take_reasoning(), [""; 0]);
    }
}
