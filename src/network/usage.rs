//! Takes a model's answer as it streams by, gives what it cost: the usage that its last event tells.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use serde::Deserialize;
use serde_json::Value;

/// Longest line of an answer that is looked at: the last event repeats the whole answer.
const LONGEST: usize = 16 << 20;
/// What one token is taken for where an answer did not tell, in bytes.
const BYTES_PER_TOKEN: u64 = 4;

/// The type of the event that completes an answer.
const COMPLETED: &str = "response.completed";
/// The type of the one that ends an answer that could not be given.
const FAILED: &str = "response.failed";
/// What an event holds that is a piece of the answer.
const DELTA: &[u8] = b"\"delta\"";

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
    /// Tokens that requests are taken for whose answers have not told yet.
    pub under_way: u64,
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
    under_way: Mutex<Vec<Arc<Exchange>>>,
}

/// A request, in bytes, and its answer so far.
#[derive(Debug)]
struct Exchange {
    asked: u64,
    answered: AtomicU64,
}

impl Exchange {
    fn tokens(&self) -> (u64, u64) {
        (self.asked / BYTES_PER_TOKEN, self.answered.load(Ordering::Relaxed) / BYTES_PER_TOKEN)
    }
}

impl Meter {
    pub(super) fn usage(&self) -> Usage {
        self.used(&self.exchanges())
    }

    /// Adds up; one that ends meanwhile is counted twice rather than not at all.
    fn used(&self, exchanges: &[Arc<Exchange>]) -> Usage {
        let under_way =
            exchanges.iter().map(|each| each.tokens()).map(|(asked, answered)| asked + answered).sum();
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Usage {
            requests: of(&self.requests),
            refused: of(&self.refused),
            input: of(&self.input),
            cached: of(&self.cached),
            output: of(&self.output),
            estimated: of(&self.estimated),
            uncounted: of(&self.uncounted),
            under_way,
        }
    }

    fn exchanges(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Exchange>>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens the bill of a request of so many bytes, unless what was used and how many are under way forbid it.
    /// Nobody opens one in between: of a burst, each request finds those before it.
    pub(super) fn open<W>(
        self: &Arc<Self>,
        asked: u64,
        forbids: impl FnOnce(&Usage, usize) -> Option<W>,
    ) -> Result<Bill, W> {
        let mut exchanges = self.exchanges();
        if let Some(why) = forbids(&self.used(&exchanges), exchanges.len()) {
            return Err(why);
        }
        let exchange = Arc::new(Exchange { asked, answered: AtomicU64::new(0) });
        exchanges.push(Arc::clone(&exchange));
        Ok(Bill { meter: Arc::clone(self), exchange, complete: false, owed: false })
    }

    fn end(&self, exchange: &Arc<Exchange>) {
        self.exchanges().retain(|each| !Arc::ptr_eq(each, exchange));
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

    fn estimate(&self, exchange: &Exchange, complete: bool) {
        let (asked, answered) = exchange.tokens();
        self.estimated.fetch_add(1, Ordering::Relaxed);
        self.uncounted.fetch_add(complete.into(), Ordering::Relaxed);
        self.input.fetch_add(asked, Ordering::Relaxed);
        self.output.fetch_add(answered, Ordering::Relaxed);
    }
}

/// An event of an answer, or the whole of one that does not stream.
#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: Option<String>,
    response: Option<Response>,
    usage: Option<Told>,
    delta: Option<Value>,
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

/// A request of a model whose cost is not known yet. Dropped before it is, because the step did not wait or went away
/// early, it is estimated: what it asked for is made all the same.
#[derive(Debug)]
pub(super) struct Bill {
    meter: Arc<Meter>,
    exchange: Arc<Exchange>,
    complete: bool,
    /// It was sent, and nothing was told yet.
    owed: bool,
}

impl Bill {
    /// The request goes out now; nothing is owed for one that does not.
    pub(super) fn sent(&mut self) {
        self.owed = true;
        self.meter.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// There is no answer, or one that refuses: nothing is to be paid.
    pub(super) fn cancel(mut self) {
        self.owed = false;
    }

    /// Takes what the answer told, if it is the first that does.
    fn settle(&mut self, told: &Told) {
        if std::mem::take(&mut self.owed) {
            self.meter.add(told);
        }
    }
}

impl Drop for Bill {
    fn drop(&mut self) {
        if self.owed {
            self.meter.estimate(&self.exchange, self.complete);
        }
        self.meter.end(&self.exchange);
    }
}

/// An answer on its way to the step, unchanged and unbuffered.
pub(super) struct Metered {
    body: Incoming,
    reader: Reader,
    /// None of an answer that costs nothing.
    bill: Option<Bill>,
}

impl Metered {
    /// Meters the answer to a request.
    pub(super) fn new(body: Incoming, bill: Option<Bill>) -> Self {
        Self { body, reader: Reader::default(), bill }
    }

    /// Takes a piece of the answer. One that is over is settled before the step gets to know.
    fn read(&mut self, data: &[u8]) {
        self.reader.push(data);
        if let Some(bill) = &mut self.bill {
            bill.exchange.answered.store(self.reader.answered(), Ordering::Relaxed);
            if self.reader.end.is_some() && self.reader.told.is_some() {
                self.settle();
            }
        }
    }

    fn settle(&mut self) {
        let Some(mut bill) = self.bill.take() else { return };
        bill.complete = self.reader.end == Some(End::Complete);
        match (&self.reader.told, self.reader.end) {
            (Some(told), _) => bill.settle(told),
            (None, Some(End::Failed)) => bill.cancel(),
            (None, _) => {}
        }
    }
}

impl Drop for Metered {
    fn drop(&mut self) {
        self.reader.end_line();
        self.settle();
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
            self.read(data);
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
    end: Option<End>,
    bytes: u64,
    /// Bytes of the pieces that events hold, if it streams.
    streamed: Option<u64>,
}

/// How an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Complete,
    Failed,
}

impl Reader {
    /// Returns the bytes of the answer itself, without what they come in.
    fn answered(&self) -> u64 {
        self.streamed.unwrap_or(self.bytes)
    }

    fn push(&mut self, mut data: &[u8]) {
        self.bytes += data.len() as u64;
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

    fn end_line(&mut self) {
        let event = self.line.strip_prefix(b"data:");
        if event.is_some() {
            self.streamed.get_or_insert(0);
        }
        let data = event.unwrap_or(&self.line);
        let holds = |word: &[u8]| memchr::memmem::find(data, word).is_some();
        let tells = [b"\"usage\"", COMPLETED.as_bytes(), FAILED.as_bytes(), DELTA].into_iter().any(holds);
        if tells && let Ok(event) = serde_json::from_slice::<Event>(data) {
            match event.kind.as_deref() {
                Some(COMPLETED) => self.end = Some(End::Complete),
                Some(FAILED) => self.end = Some(End::Failed),
                _ => {}
            }
            if let (Some(streamed), Some(Value::String(piece))) = (&mut self.streamed, event.delta) {
                *streamed += piece.len() as u64;
            }
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
        reader.end_line();
        reader.told.map(|told| (told.input_tokens, told.output_tokens))
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
        for (line, end, answered) in [
            (
                r#"data: {"type":"response.completed","response":{"id":"r","usage":null}}"#,
                Some(End::Complete),
                0,
            ),
            (r#"data: {"type":"response.completed","response":{"id":"r"}}"#, Some(End::Complete), 0),
            (r#"data: {"type":"response.failed","response":{"id":"r","usage":null}}"#, Some(End::Failed), 0),
            (r#"data: {"type":"x","delta":"\"type\":\"response.completed\""}"#, None, 27),
            (
                r#"data: {"type":"response.output_text.delta","delta":"word","obfuscation":"xxxxxxxx"}"#,
                None,
                4,
            ),
            ("no answer of ours", None, 17),
        ] {
            let mut reader = Reader::default();
            reader.push(line.as_bytes());
            reader.end_line();
            assert!(reader.told.is_none());
            assert_eq!((reader.end, reader.answered()), (end, answered), "{line}");
        }
    }

    #[test]
    fn an_answer_in_one_piece_tells_too() {
        assert_eq!(told(&[r#"{"id":"r","usage":{"input_tokens":1,"output_tokens":2}}"#]), Some((1, 2)));
        assert_eq!(told(&[r#"{"id":"r","usage":null}"#]), None);
        assert_eq!(told(&["data: [DONE]\n"]), None);
    }
}
