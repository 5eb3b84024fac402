//! Takes a model's answer as it streams by, gives what it cost: the usage that its last event tells.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use serde::Deserialize;

/// Longest line of an answer that is looked at: the last event repeats the whole answer.
const LONGEST: usize = 16 << 20;
/// What one token is taken for where an answer did not tell, in bytes.
const BYTES_PER_TOKEN: u64 = 4;

/// The type of the event that completes an answer.
const COMPLETED: &[u8] = b"response.completed";

/// What was asked of the model, and what it cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Requests that were passed on.
    pub requests: u64,
    /// Requests that were refused, because the token limit was reached.
    pub refused: u64,
    /// Tokens read by the model.
    pub input: u64,
    /// Of those, read from its cache.
    pub cached: u64,
    /// Tokens written by the model.
    pub output: u64,
    /// Answers that did not tell: their tokens are estimated from their bytes.
    pub estimated: u64,
    /// Of those, answers that were complete: the model's server does not count.
    pub uncounted: u64,
}

impl Usage {
    /// Returns what counts against a limit.
    pub fn tokens(&self) -> u64 {
        self.input.saturating_add(self.output)
    }
}

/// Adds up over the requests of a command.
#[derive(Debug, Default)]
pub(super) struct Meter {
    requests: AtomicU64,
    refused: AtomicU64,
    input: AtomicU64,
    cached: AtomicU64,
    output: AtomicU64,
    estimated: AtomicU64,
    uncounted: AtomicU64,
}

impl Meter {
    pub(super) fn usage(&self) -> Usage {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Usage {
            requests: of(&self.requests),
            refused: of(&self.refused),
            input: of(&self.input),
            cached: of(&self.cached),
            output: of(&self.output),
            estimated: of(&self.estimated),
            uncounted: of(&self.uncounted),
        }
    }

    pub(super) fn request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn refuse(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    fn add(&self, told: &Told) {
        self.input.fetch_add(told.input_tokens, Ordering::Relaxed);
        self.output.fetch_add(told.output_tokens, Ordering::Relaxed);
        let cached = told.input_tokens_details.as_ref().map_or(0, |details| details.cached_tokens);
        self.cached.fetch_add(cached, Ordering::Relaxed);
    }

    fn estimate(&self, asked: u64, answered: u64, complete: bool) {
        self.estimated.fetch_add(1, Ordering::Relaxed);
        self.uncounted.fetch_add(complete.into(), Ordering::Relaxed);
        self.input.fetch_add(asked / BYTES_PER_TOKEN, Ordering::Relaxed);
        self.output.fetch_add(answered / BYTES_PER_TOKEN, Ordering::Relaxed);
    }
}

/// An event of an answer, or the whole of one that does not stream.
#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: Option<String>,
    response: Option<Response>,
    usage: Option<Told>,
}

#[derive(Deserialize)]
struct Response {
    usage: Option<Told>,
}

#[derive(Deserialize)]
struct Told {
    #[serde(default)]
    input_tokens: u64,
    #[serde(default)]
    output_tokens: u64,
    input_tokens_details: Option<Details>,
}

#[derive(Deserialize)]
struct Details {
    #[serde(default)]
    cached_tokens: u64,
}

/// A request that may be answered. Dropped before it is, because the step did not wait, it is estimated: what it asked
/// for is made all the same.
pub(super) struct Awaited {
    meter: Arc<Meter>,
    /// Bytes of the request.
    asked: Arc<AtomicU64>,
    counts: bool,
}

impl Awaited {
    /// Awaits the answer to a request, of which `asked` counts the bytes. One that asks no model `counts` nothing.
    pub(super) fn new(meter: Arc<Meter>, asked: Arc<AtomicU64>, counts: bool) -> Self {
        Self { meter, asked, counts }
    }

    /// Meters the answer; one that refuses counts nothing.
    pub(super) fn answered(mut self, body: Incoming, refused: bool) -> Metered {
        let counts = std::mem::take(&mut self.counts) && !refused;
        let (meter, asked) = (Arc::clone(&self.meter), Arc::clone(&self.asked));
        Metered { body, reader: Reader::default(), meter, asked, counts }
    }

    /// There is no answer, and nothing to be paid.
    pub(super) fn failed(mut self) {
        self.counts = false;
    }
}

impl Drop for Awaited {
    fn drop(&mut self) {
        if self.counts {
            self.meter.estimate(self.asked.load(Ordering::Relaxed), 0, false);
        }
    }
}

/// An answer on its way to the step, unchanged and unbuffered. Dropped before it told what it cost, it is estimated:
/// going away early must not make it free.
pub(super) struct Metered {
    body: Incoming,
    reader: Reader,
    meter: Arc<Meter>,
    asked: Arc<AtomicU64>,
    counts: bool,
}

impl Drop for Metered {
    fn drop(&mut self) {
        if !self.counts {
            return;
        }
        if let Some(told) = self.reader.finish() {
            return self.meter.add(&told);
        }
        let asked = self.asked.load(Ordering::Relaxed);
        self.meter.estimate(asked, self.reader.bytes, self.reader.complete);
    }
}

impl Body for Metered {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(data) = frame.data_ref()
        {
            self.reader.push(data);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Finds the usage in the lines of an answer.
#[derive(Default)]
struct Reader {
    line: Vec<u8>,
    /// The line is too long to be kept.
    skipping: bool,
    told: Option<Told>,
    /// The event that completes an answer was there.
    complete: bool,
    bytes: u64,
}

impl Reader {
    fn push(&mut self, mut data: &[u8]) {
        self.bytes += data.len() as u64;
        while let Some(end) = memchr::memchr(b'\n', data) {
            self.extend(&data[..end]);
            self.end_line();
            data = &data[end + 1..];
        }
        self.extend(data);
    }

    fn finish(&mut self) -> Option<Told> {
        self.end_line();
        self.told.take()
    }

    fn extend(&mut self, part: &[u8]) {
        self.skipping |= self.line.len() + part.len() > LONGEST;
        if self.skipping {
            self.line.clear();
        } else {
            self.line.extend_from_slice(part);
        }
    }

    fn end_line(&mut self) {
        let data = self.line.strip_prefix(b"data:").unwrap_or(&self.line);
        // Most lines are words of the answer: only one that can tell is parsed.
        let tells =
            [&b"\"usage\""[..], COMPLETED].iter().any(|word| memchr::memmem::find(data, word).is_some());
        if tells && let Ok(event) = serde_json::from_slice::<Event>(data) {
            self.complete |= event.kind.is_some_and(|kind| kind.as_bytes() == COMPLETED);
            self.told =
                event.response.and_then(|response| response.usage).or(event.usage).or(self.told.take());
        }
        self.line.clear();
        self.skipping = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(parts: &[&str]) -> Option<(u64, u64)> {
        let mut reader = Reader::default();
        for part in parts {
            reader.push(part.as_bytes());
        }
        reader.finish().map(|told| (told.input_tokens, told.output_tokens))
    }

    const LAST: &str = r#"data: {"type":"response.completed","response":{"id":"r","usage":{"input_tokens":7,"output_tokens":5}}}"#;

    #[test]
    fn the_last_event_tells_wherever_it_is_cut() {
        let stream = format!("event: x\ndata: {{\"delta\":\"the \\\"usage\\\"\"}}\n\n{LAST}\r\n\n");
        for cut in 0..stream.len() {
            let (one, two) = stream.split_at(cut);
            assert_eq!(told(&[one, two]), Some((7, 5)), "{cut}");
        }
    }

    #[test]
    fn an_answer_that_is_complete_and_tells_nothing_is_told_from_one_that_failed() {
        for (line, complete) in [
            (r#"data: {"type":"response.completed","response":{"id":"r","usage":null}}"#, true),
            (r#"data: {"type":"response.completed","response":{"id":"r"}}"#, true),
            (r#"data: {"type":"response.failed","response":{"id":"r","usage":null}}"#, false),
            (r#"data: {"type":"x","delta":"\"type\":\"response.completed\""}"#, false),
        ] {
            let mut reader = Reader::default();
            reader.push(line.as_bytes());
            assert!(reader.finish().is_none());
            assert_eq!(reader.complete, complete, "{line}");
        }
    }

    #[test]
    fn an_answer_in_one_piece_tells_too() {
        assert_eq!(told(&[r#"{"id":"r","usage":{"input_tokens":1,"output_tokens":2}}"#]), Some((1, 2)));
        assert_eq!(told(&[r#"{"id":"r","usage":null}"#]), None);
        assert_eq!(told(&["data: [DONE]\n"]), None);
    }
}
