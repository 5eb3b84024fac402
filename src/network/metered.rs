//! An answer on its way to the step: unchanged and unbuffered, counted, and watched for its end. One that falls silent, or
//! one of whose events has no end, ends here.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep};

use super::answer::Reader;
use super::bill::Bill;
use super::dialect::Dialect;
use super::exchange::{Class, Course, Exchange, retry_after};
use super::told::{End, Told};
use crate::plan::units;

/// Somebody waits for bytes of a server.
pub(super) struct Waiting(Arc<Course>);

impl Waiting {
    pub(super) fn begin(course: &Arc<Course>) -> Self {
        course.wait();
        Self(Arc::clone(course))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.leave();
    }
}

/// How long a server may be silent.
pub(super) struct Silence {
    limit: Duration,
    end: Pin<Box<Sleep>>,
}

impl Silence {
    pub(super) fn of(limit: Duration) -> Self {
        Self { limit, end: Box::pin(tokio::time::sleep(limit)) }
    }

    /// Says that it was silent for so long.
    pub(super) fn exchange(limit: Duration) -> Exchange {
        Exchange::new(Class::Silence, units::duration(limit))
    }

    /// Returns for how long it was silent, if that is too long.
    fn over(&mut self, context: &mut Context<'_>) -> Option<Duration> {
        self.end.as_mut().poll(context).is_ready().then_some(self.limit)
    }

    fn is_heard(&mut self) {
        // A limit that no clock can hold never ends.
        if let Some(end) = Instant::now().checked_add(self.limit) {
            self.end.as_mut().reset(end);
        }
    }
}

/// An answer on its way.
pub(super) struct Metered {
    body: Incoming,
    status: u16,
    reader: Reader,
    /// None once it is settled.
    bill: Option<Bill>,
    silence: Option<Silence>,
    waiting: Waiting,
    /// What it came to was noted.
    noted: bool,
    /// Nothing more of it is passed on.
    cut: bool,
}

impl Metered {
    /// Meters the answer to a request.
    pub(super) fn new(
        body: Incoming,
        status: u16,
        dialect: Dialect,
        bill: Bill,
        (waiting, silence): (Waiting, Option<Silence>),
    ) -> Self {
        let (reader, bill) = (Reader::new(dialect), Some(bill));
        Self { body, status, reader, bill, silence, waiting, noted: false, cut: false }
    }

    /// Takes a piece of the answer. One that is over is settled before the step gets to know.
    fn read(&mut self, data: &[u8]) {
        self.waiting.0.hear();
        self.silence.iter_mut().for_each(Silence::is_heard);
        self.reader.push(data);
        if let Some(bill) = &mut self.bill {
            bill.heard(self.reader.answered());
            // Before the step can ask with it.
            bill.meter().remember(self.reader.take_reasoning());
        }
        let facts = self.reader.facts();
        if facts.end.is_some() {
            if facts.told.is_some() {
                self.settle();
            }
            self.note_end();
        }
    }

    fn settle(&mut self) {
        let Some(mut bill) = self.bill.take() else { return };
        match (self.reader.facts().told, self.reader.facts().end) {
            (Some(Told::Tokens(cost)), _) => bill.settle(cost, self.reader.facts().model.as_deref()),
            (None, Some(End::Failed)) => bill.cancel(),
            // A server that tells what cannot be does not count.
            (Some(Told::Absurd), _) | (None, Some(End::Complete)) => bill.is_complete(),
            (None, None) => {}
        }
    }

    fn note(&mut self, exchange: Exchange) {
        if !std::mem::replace(&mut self.noted, true) {
            self.waiting.0.note(Exchange { status: exchange.status.or(Some(self.status)), ..exchange });
        }
    }

    /// Notes what the answer came to by its end.
    fn note_end(&mut self) {
        let facts = self.reader.facts();
        let exchange = match (facts.end, &facts.failure) {
            (Some(End::Complete), _) => Exchange::new(Class::Answered, ""),
            (Some(End::Failed), Some(said)) => {
                let wait = retry_after(&hyper::HeaderMap::new(), &said.message);
                Exchange { wait, ..Exchange::new(said.class(None), &*said.message) }
            }
            (Some(End::Failed), None) => Exchange::new(Class::Other, "it failed"),
            (None, _) => Exchange::new(Class::Unreachable, "its answer broke off, or is none"),
        };
        self.note(exchange);
    }

    /// Ends an answer in the middle.
    fn cut(&mut self, exchange: Exchange) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        self.note(exchange);
        self.cut = true;
        Poll::Ready(None)
    }
}

impl Drop for Metered {
    fn drop(&mut self) {
        self.reader.end_line();
        self.settle();
        // Where its length was known, nobody asks whether more follows. A step that goes away early says nothing of it.
        if self.reader.facts().end.is_some() || self.body.is_end_stream() {
            self.note_end();
        }
    }
}

impl Body for Metered {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        if self.cut {
            return Poll::Ready(None);
        }
        let polled = Pin::new(&mut self.body).poll_frame(context);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(data) = frame.data_ref() {
                    self.read(data);
                }
                if self.reader.is_endless() {
                    return self.cut(Exchange::new(Class::Endless, Reader::bound()));
                }
            }
            Poll::Ready(Some(Err(_)) | None) => {
                self.reader.end_line();
                self.note_end();
            }
            Poll::Pending => {
                let over = self.silence.as_mut().and_then(|silence| silence.over(context));
                return over.map_or(Poll::Pending, |limit| self.cut(Silence::exchange(limit)));
            }
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.cut || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
