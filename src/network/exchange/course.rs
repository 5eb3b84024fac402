//! Takes the exchanges of a command as they end, gives the last one and whether there is to be another. Those who wait for
//! the command hear of each.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::{Class, Exchange};

/// Exchanges that fail one after another before no further one is tried: what an agent itself tries in one round.
const PATIENCE: u32 = 6;

/// How the exchanges of one command went.
#[derive(Debug)]
pub(in crate::network) struct Course {
    state: Mutex<State>,
    last: watch::Sender<Option<Exchange>>,
    /// When the command is ended.
    until: Option<Instant>,
}

#[derive(Debug, Default)]
struct State {
    answered: bool,
    /// Failures since the last answer.
    failures: u32,
    over: Option<Exchange>,
    /// Requests that wait for bytes, and when the last one came.
    waiting: usize,
    heard: Option<Instant>,
}

impl Course {
    /// Begins that of a command, which is ended then.
    pub(in crate::network) fn until(end: Option<Instant>) -> Self {
        Self { state: Mutex::default(), last: watch::Sender::new(None), until: end }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes how an exchange went. After the one that ends all, nothing changes.
    pub(in crate::network) fn note(&self, mut exchange: Exchange) {
        let mut state = self.state();
        if state.over.is_some() {
            return;
        }
        match exchange.class {
            Class::Answered => {
                state.answered = true;
                state.failures = 0;
            }
            // Nobody was asked: whatever else runs in a step may have tried it.
            Class::Refused => {}
            class => {
                state.failures = state.failures.saturating_add(1);
                exchange.over = class.is_final(state.answered)
                    || state.failures >= PATIENCE
                    || self.until.is_some_and(|end| exchange.waits_beyond(end));
                state.over = exchange.over.then(|| exchange.clone());
            }
        }
        self.last.send_replace(Some(exchange));
    }

    /// Returns the exchange after which there is to be no other, if there was one.
    pub(in crate::network) fn over(&self) -> Option<Exchange> {
        self.state().over.clone()
    }

    /// Returns how the last exchange went.
    pub(in crate::network) fn last(&self) -> Option<Exchange> {
        self.last.borrow().clone()
    }

    /// Returns what hears of each exchange.
    pub(in crate::network) fn listen(&self) -> watch::Receiver<Option<Exchange>> {
        self.last.subscribe()
    }

    /// A request is sent: its server is waited for.
    pub(in crate::network) fn wait(&self) {
        let mut state = self.state();
        state.waiting += 1;
        state.heard = Some(Instant::now());
    }

    /// A byte came.
    pub(in crate::network) fn hear(&self) {
        self.state().heard = Some(Instant::now());
    }

    /// Nobody waits for it any more.
    pub(in crate::network) fn leave(&self) {
        let mut state = self.state();
        state.waiting = state.waiting.saturating_sub(1);
    }

    /// Returns for how long nothing has come of what is waited for.
    pub(in crate::network) fn silent_for(&self) -> Option<Duration> {
        let state = self.state();
        state.heard.filter(|_| state.waiting > 0).map(|heard| heard.elapsed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tells after which of these no other one is tried.
    fn over_after(classes: &[Class]) -> Option<usize> {
        let course = Course::until(None);
        classes.iter().position(|class| {
            course.note(Exchange::new(*class, ""));
            course.over().is_some()
        })
    }

    #[test]
    fn a_final_answer_is_the_last_one() {
        for class in [
            Class::Quota,
            Class::Key,
            Class::Model,
            Class::Missing,
            Class::Redirect,
            Class::Silence,
            Class::Endless,
            Class::Limit,
        ] {
            assert_eq!(over_after(&[class]), Some(0), "{class:?}");
        }
    }

    #[test]
    fn a_wait_beyond_the_end_of_the_command_ends_all() {
        let end = Instant::now() + Duration::from_secs(60);
        let over = |class, end, wait| {
            let course = Course::until(end);
            course.note(Exchange { wait, ..Exchange::new(class, "") });
            course.over().is_some()
        };
        let (short, long) = (Some(Duration::from_secs(50)), Some(Duration::from_secs(70)));
        for class in [Class::RateLimit, Class::Overloaded] {
            assert!(over(class, Some(end), long) && over(class, Some(end), Some(Duration::MAX)), "{class:?}");
            assert!(!over(class, Some(end), short) && !over(class, Some(end), None), "{class:?}");
            assert!(!over(class, None, long), "{class:?}");
        }
        assert!(!over(Class::Unreachable, Some(end), long), "no wait helps against that");
    }

    #[test]
    fn failures_that_may_pass_are_bounded_in_a_row() {
        for class in [Class::RateLimit, Class::Overloaded, Class::Unreachable, Class::Context, Class::Other] {
            assert_eq!(over_after(&[class; 8]), Some(5), "{class:?}");
            let mut parted = vec![class; 5];
            parted.push(Class::Answered);
            parted.extend([class; 5]);
            assert_eq!(over_after(&parted), None, "{class:?}");
        }
    }

    #[test]
    fn what_was_not_passed_on_ends_nothing() {
        assert_eq!(over_after(&[Class::Refused; 20]), None);
    }

    #[test]
    fn what_one_model_lacks_is_not_the_end_where_another_has_answered() {
        for class in [Class::Key, Class::Model, Class::Missing] {
            assert_eq!(over_after(&[Class::Answered, class, Class::Answered]), None, "{class:?}");
            assert_eq!(over_after(&[&[Class::Answered][..], &[class; 8]].concat()), Some(6), "{class:?}");
        }
    }

    #[test]
    fn nothing_changes_what_ended_all() {
        let course = Course::until(None);
        course.note(Exchange::new(Class::Key, "first"));
        course.note(Exchange::new(Class::Answered, ""));
        course.note(Exchange::new(Class::RateLimit, "second"));
        assert_eq!(course.last().map(|last| (last.class, last.said)), Some((Class::Key, "first".to_owned())));
    }
}
