//! What one request of a model costs: owed when it is sent, settled when its answer tells, estimated when none does.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::price::Rates;
use super::told::Cost;
use super::upstream::Upstream;
use super::usage::{Meter, Ongoing, Usage};

/// A request of a model whose cost is not known yet. Dropped before it is, because the step did not wait or went away
/// early, it is estimated: what it asked for is made all the same.
#[derive(Debug)]
pub(super) struct Bill {
    meter: Arc<Meter>,
    upstream: Arc<Upstream>,
    request: Arc<Ongoing>,
    complete: bool,
    /// It was sent, and nothing was told yet.
    owed: bool,
}

impl Bill {
    /// Opens the bill of a request, unless what was used and how many are under way forbid it.
    pub(super) fn open<W>(
        (meter, upstream): (&Arc<Meter>, &Arc<Upstream>),
        request: Ongoing,
        forbids: impl FnOnce(&Usage, usize) -> Option<W>,
    ) -> Result<Self, W> {
        let request = meter.begin(request, forbids)?;
        Ok(Self {
            meter: Arc::clone(meter),
            upstream: Arc::clone(upstream),
            request,
            complete: false,
            owed: false,
        })
    }

    pub(super) fn meter(&self) -> &Meter {
        &self.meter
    }

    /// So many bytes of the answer have come.
    pub(super) fn heard(&self, bytes: u64) {
        self.request.answered.store(bytes, Ordering::Relaxed);
    }

    /// The answer is complete, and did not tell what it cost.
    pub(super) fn is_complete(&mut self) {
        self.complete = true;
    }

    /// The request goes out now; nothing is owed for one that does not.
    pub(super) fn sent(&mut self) {
        self.owed = true;
        self.meter.sent();
    }

    /// There is no answer, or one that refuses: nothing is to be paid.
    pub(super) fn cancel(mut self) {
        self.owed = false;
    }

    /// Takes what the answer told, and which model gave it, if it is the first that does.
    pub(super) fn settle(&mut self, cost: Cost, model: Option<&str>) {
        if std::mem::take(&mut self.owed) {
            let asked = self.request.rates();
            // What costs nothing costs nothing whoever answers.
            let answered = self
                .upstream
                .rates(model)
                .filter(|rates| asked != Some(Rates::FREE) && *rates != Rates::FREE);
            self.meter.add(cost, answered.or(asked));
        }
    }
}

impl Drop for Bill {
    fn drop(&mut self) {
        if self.owed {
            self.meter.estimate(&self.request, self.complete);
        }
        self.meter.end(&self.request);
    }
}
