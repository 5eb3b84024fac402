//! Takes the requests of a command and the answers to them as they stream by, gives what they cost together. No sum
//! wraps around: what is too much is the most that there is, and reaches every limit.

use std::collections::HashSet;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};

use super::answer::Reader;
use super::dialect::Dialect;
use super::told::{Cost, End, Told};

/// What one token is taken for where an answer did not tell, in bytes.
const BYTES_PER_TOKEN: u64 = 4;
/// Ids of reasoning that are remembered, and the longest of them.
const REMEMBERED: usize = 10_000;
const LONGEST_ID: usize = 128;

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
    /// Of those, written to its cache, where the server tells.
    pub written: u64,
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
    written: AtomicU64,
    output: AtomicU64,
    estimated: AtomicU64,
    uncounted: AtomicU64,
    under_way: Mutex<Vec<Arc<Exchange>>>,
    reasoning: Mutex<HashSet<String>>,
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
        let tokens = exchanges.iter().map(|each| each.tokens()).flat_map(<[u64; 2]>::from);
        let under_way = tokens.fold(0, u64::saturating_add);
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Usage {
            requests: of(&self.requests),
            refused: of(&self.refused),
            input: of(&self.input),
            cached: of(&self.cached),
            written: of(&self.written),
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
        add(&self.refused, 1);
    }

    fn add(&self, cost: Cost) {
        add(&self.input, cost.input);
        add(&self.cached, cost.cached);
        add(&self.written, cost.written);
        add(&self.output, cost.output);
    }

    /// Tells whether an answer of this command held reasoning of this id.
    pub(super) fn gave(&self, id: &str) -> bool {
        self.reasoning.lock().unwrap_or_else(PoisonError::into_inner).contains(id)
    }

    fn remember(&self, ids: Vec<String>) {
        let mut known = self.reasoning.lock().unwrap_or_else(PoisonError::into_inner);
        let room = REMEMBERED.saturating_sub(known.len());
        known.extend(ids.into_iter().filter(|id| id.len() <= LONGEST_ID).take(room));
    }

    fn estimate(&self, exchange: &Exchange, complete: bool) {
        let (asked, answered) = exchange.tokens();
        add(&self.estimated, 1);
        add(&self.uncounted, complete.into());
        add(&self.input, asked);
        add(&self.output, answered);
    }
}

/// Adds to a count.
fn add(count: &AtomicU64, more: u64) {
    let added = |so_far: u64| Some(so_far.saturating_add(more));
    // It always is.
    let _ = count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, added);
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
        add(&self.meter.requests, 1);
    }

    /// There is no answer, or one that refuses: nothing is to be paid.
    pub(super) fn cancel(mut self) {
        self.owed = false;
    }

    /// Takes what the answer told, if it is the first that does.
    fn settle(&mut self, cost: Cost) {
        if std::mem::take(&mut self.owed) {
            self.meter.add(cost);
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
    pub(super) fn new(body: Incoming, dialect: Dialect, bill: Option<Bill>) -> Self {
        Self { body, reader: Reader::new(dialect), bill }
    }

    /// Takes a piece of the answer. One that is over is settled before the step gets to know.
    fn read(&mut self, data: &[u8]) {
        self.reader.push(data);
        if let Some(bill) = &mut self.bill {
            bill.exchange.answered.store(self.reader.answered(), Ordering::Relaxed);
            // Before the step can ask with it.
            bill.meter.remember(self.reader.take_reasoning());
            if self.reader.facts().end.is_some() && self.reader.facts().told.is_some() {
                self.settle();
            }
        }
    }

    fn settle(&mut self) {
        let Some(mut bill) = self.bill.take() else { return };
        match (self.reader.facts().told, self.reader.facts().end) {
            (Some(Told::Tokens(cost)), _) => bill.settle(cost),
            (None, Some(End::Failed)) => bill.cancel(),
            // A server that tells what cannot be does not count.
            (Some(Told::Absurd), _) | (None, Some(End::Complete)) => bill.complete = true,
            (None, None) => {}
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
