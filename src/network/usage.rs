//! Takes the requests of a command and what the answers to them cost, gives what they cost together. No sum
//! wraps around: what is too much is the most that there is, and reaches every limit.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::price::Rates;
use super::told::Cost;

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
    /// What it cost, in billionths of a US dollar, as far as the models' prices are known.
    pub spent: u64,
    /// Answers of models whose prices are not known.
    pub unpriced: u64,
    /// The most that requests can cost whose answers have not told yet.
    pub reserved: u64,
}

impl Usage {
    /// Returns what counts against a limit.
    pub fn tokens(&self) -> u64 {
        self.input.saturating_add(self.output)
    }

    /// Returns what it cost in millionths of a US dollar, a part of one for a whole one; nothing where a price is missing.
    pub fn cost(&self) -> Option<u64> {
        (self.unpriced == 0 && self.tokens() > 0).then(|| self.spent.div_ceil(1000))
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
    spent: AtomicU64,
    unpriced: AtomicU64,
    under_way: Mutex<Vec<Arc<Ongoing>>>,
    reasoning: Mutex<HashSet<String>>,
}

/// A request, in bytes, and its answer so far.
#[derive(Debug)]
pub(super) struct Ongoing {
    asked: u64,
    /// What its model costs, if that is known.
    rates: Option<Rates>,
    /// The most that it can cost.
    most: u64,
    pub(super) answered: AtomicU64,
}

impl Ongoing {
    /// Takes a request of so many bytes, whose answer has at most so many tokens.
    pub(super) fn new(asked: u64, longest: u64, rates: Option<Rates>) -> Self {
        let most = rates.map_or(0, |rates| rates.most(asked, longest));
        Self { asked, rates, most, answered: AtomicU64::new(0) }
    }

    pub(super) fn rates(&self) -> Option<Rates> {
        self.rates
    }

    fn tokens(&self) -> (u64, u64) {
        (self.asked / BYTES_PER_TOKEN, self.answered.load(Ordering::Relaxed) / BYTES_PER_TOKEN)
    }
}

impl Meter {
    pub(super) fn usage(&self) -> Usage {
        self.used(&self.exchanges())
    }

    /// Adds up; one that ends meanwhile is counted twice rather than not at all.
    fn used(&self, exchanges: &[Arc<Ongoing>]) -> Usage {
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
            spent: of(&self.spent),
            unpriced: of(&self.unpriced),
            reserved: exchanges.iter().fold(0, |sum, each| sum.saturating_add(each.most)),
        }
    }

    fn exchanges(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Ongoing>>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a request, unless what was used and how many are under way forbid it.
    /// Nobody begins one in between: of a burst, each request finds those before it.
    pub(super) fn begin<W>(
        &self,
        request: Ongoing,
        forbids: impl FnOnce(&Usage, usize) -> Option<W>,
    ) -> Result<Arc<Ongoing>, W> {
        let mut exchanges = self.exchanges();
        if let Some(why) = forbids(&self.used(&exchanges), exchanges.len()) {
            return Err(why);
        }
        let exchange = Arc::new(request);
        exchanges.push(Arc::clone(&exchange));
        Ok(exchange)
    }

    pub(super) fn end(&self, exchange: &Arc<Ongoing>) {
        self.exchanges().retain(|each| !Arc::ptr_eq(each, exchange));
    }

    /// A request goes out.
    pub(super) fn sent(&self) {
        add(&self.requests, 1);
    }

    pub(super) fn refuse(&self) {
        add(&self.refused, 1);
    }

    pub(super) fn add(&self, cost: Cost, rates: Option<Rates>) {
        match rates {
            Some(rates) => add(&self.spent, rates.cost(&cost)),
            None => add(&self.unpriced, 1),
        }
        add(&self.input, cost.input);
        add(&self.cached, cost.cached);
        add(&self.written, cost.written);
        add(&self.output, cost.output);
    }

    /// Tells whether an answer of this command held reasoning of this id.
    pub(super) fn gave(&self, id: &str) -> bool {
        self.reasoning.lock().unwrap_or_else(PoisonError::into_inner).contains(id)
    }

    pub(super) fn remember(&self, ids: Vec<String>) {
        let mut known = self.reasoning.lock().unwrap_or_else(PoisonError::into_inner);
        let room = REMEMBERED.saturating_sub(known.len());
        known.extend(ids.into_iter().filter(|id| id.len() <= LONGEST_ID).take(room));
    }

    pub(super) fn estimate(&self, exchange: &Ongoing, complete: bool) {
        let (asked, answered) = exchange.tokens();
        add(&self.estimated, 1);
        add(&self.uncounted, complete.into());
        self.add(Cost { input: asked, output: answered, ..Cost::default() }, exchange.rates);
    }
}

/// Adds to a count.
fn add(count: &AtomicU64, more: u64) {
    let added = |so_far: u64| Some(so_far.saturating_add(more));
    // It always is.
    let _ = count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, added);
}
