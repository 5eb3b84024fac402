//! Takes the lines of a model's answer as they stream by, gives what they tell, as its dialect reads them.

use super::dialect::{Dialect, Telling};
use super::told::Facts;
use crate::plan::units;

/// Longest event of an answer: the last one may repeat the whole answer.
const LONGEST: usize = 16 << 20;

/// Finds what is told in the lines of an answer.
pub(super) struct Reader {
    telling: Telling,
    line: Vec<u8>,
    /// Bytes of the event that has not ended.
    event: usize,
    facts: Facts,
    bytes: u64,
}

impl Reader {
    pub(super) fn new(dialect: Dialect) -> Self {
        Self { telling: dialect.telling(), line: Vec::new(), event: 0, facts: Facts::default(), bytes: 0 }
    }

    /// Returns what was told so far.
    pub(super) fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Returns the bytes of the answer itself, without what they come in.
    pub(super) fn answered(&self) -> u64 {
        self.facts.streamed.unwrap_or(self.bytes)
    }

    /// Takes the ids of reasoning out that it has given since.
    pub(super) fn take_reasoning(&mut self) -> Vec<String> {
        std::mem::take(&mut self.facts.reasoning)
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
        self.event = self.event.saturating_add(part.len());
        // Whoever reads on keeps nothing of it.
        if self.is_endless() {
            self.line = Vec::new();
        } else {
            self.line.extend_from_slice(part);
        }
    }

    /// Takes the end of a line, or of the answer.
    pub(super) fn end_line(&mut self) {
        let event = self.line.strip_prefix(b"data:");
        if event.is_some() {
            self.facts.streamed.get_or_insert(0);
        }
        self.telling.take(event.unwrap_or(&self.line), &mut self.facts);
        // An empty line ends an event.
        if matches!(&*self.line, b"" | b"\r") && !self.is_endless() {
            self.event = 0;
        }
        self.line.clear();
    }

    /// Tells whether an event is longer than any.
    pub(super) fn is_endless(&self) -> bool {
        self.event > LONGEST
    }

    /// Says how long one may be.
    pub(super) fn bound() -> String {
        format!("one event of it is larger than {}", units::size(LONGEST as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::told::{Cost, End, MOST, Told};

    fn read(parts: &[&str]) -> Reader {
        let mut reader = Reader::new(Dialect::Responses);
        for part in parts {
            reader.push(part.as_bytes());
        }
        reader.end_line();
        reader
    }

    fn tokens(input: u64, output: u64) -> Told {
        Told::Tokens(Cost { input, cached: 0, output, ..Cost::default() })
    }

    const LAST: &str = r#"data: {"type":"response.completed","response":{"id":"r","usage":{"input_tokens":7,"output_tokens":5}}}"#;

    #[test]
    fn the_last_event_tells_wherever_it_is_cut() {
        let stream = format!("event: x\ndata: {{\"delta\":\"the \\\"usage\\\"\"}}\n\n{LAST}\r\n\n");
        for cut in 0..stream.len() {
            let (one, two) = stream.split_at(cut);
            assert_eq!(read(&[one, two]).facts().told, Some(tokens(7, 5)), "{cut}");
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
            assert!(reader.facts().told.is_none());
            assert_eq!((reader.facts().end, reader.answered()), (end, answered), "{line}");
        }
    }

    #[test]
    fn an_answer_in_one_piece_tells_too() {
        assert_eq!(
            read(&[r#"{"id":"r","usage":{"input_tokens":1,"output_tokens":2}}"#]).facts().told,
            Some(tokens(1, 2))
        );
        assert_eq!(read(&[r#"{"id":"r","usage":null}"#]).facts().told, None);
        assert_eq!(read(&["data: [DONE]\n"]).facts().told, None);
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
                assert_eq!(reader.facts().told, Some(told), "{line}");
                assert!(reader.facts().end.is_some(), "{line}");
            }
        }
        for usage in ["{}", r#"{"input_tokens":7}"#, r#"{"prompt_tokens":7,"completion_tokens":5}"#] {
            let line = format!("{{\"id\":\"r\",\"usage\":{usage}}}");
            assert_eq!(read(&[&line]).facts().told, Some(Told::Absurd), "{line}");
        }
    }

    #[test]
    fn of_what_is_read_no_more_is_from_the_cache() {
        let usage = r#"{"input_tokens":7,"input_tokens_details":{"cached_tokens":9},"output_tokens":1}"#;
        let told = read(&[&format!("{{\"usage\":{usage}}}")]).facts().told;
        assert_eq!(told, Some(Told::Tokens(Cost { input: 7, cached: 7, output: 1, ..Cost::default() })));
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
