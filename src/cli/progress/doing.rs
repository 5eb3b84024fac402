//! What a run is doing at this moment: shared by the line that moves, the sign of life, and whoever tells that it is being
//! stopped.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::time::spoken;

/// Silence that is told of.
const SILENCE: Duration = Duration::from_secs(30);

/// What a run is doing. Clones know the same.
#[derive(Debug, Clone, Default)]
pub(in crate::cli) struct Doing(Arc<Mutex<Option<Work>>>);

/// What is being done.
#[derive(Debug)]
struct Work {
    what: String,
    /// What is told beside it.
    beside: String,
    limit: Option<Duration>,
    since: Instant,
    printed: Instant,
    last: String,
}

impl Doing {
    /// Notes what is begun, and how long it may take.
    pub(super) fn begin(&self, what: &str, limit: Option<Duration>) {
        let now = Instant::now();
        let (what, beside, last) = (what.to_owned(), String::new(), String::new());
        *self.work() = Some(Work { what, beside, limit, since: now, printed: now, last });
    }

    /// Notes what is to be told beside what was begun, and returns both; nothing if nothing is being done.
    pub(super) fn beside(&self, beside: &str) -> Option<String> {
        let mut work = self.work();
        let work = work.as_mut()?;
        work.beside = format!(", {beside},");
        Some(format!("{}{}", work.what, work.beside))
    }

    /// Notes that something was printed; of it the last line, if that shows anything.
    pub(super) fn printed(&self, last: Option<&str>) {
        if let Some(work) = &mut *self.work() {
            work.printed = Instant::now();
            if let Some(last) = last {
                last.clone_into(&mut work.last);
            }
        }
    }

    /// Notes that nothing is being done.
    pub(super) fn rest(&self) {
        *self.work() = None;
    }

    /// Tells what is being done, since when, and what was heard of it last; nothing if nothing is.
    pub(super) fn told(&self) -> Option<String> {
        let work = self.work();
        let Work { what, beside, limit, since, printed, last } = work.as_ref()?;
        let limit = limit.map(|limit| format!(" of {}", spoken(limit))).unwrap_or_default();
        let last = if last.is_empty() { String::new() } else { format!(": {last}") };
        let (time, silence) = (spoken(since.elapsed()), silence(printed.elapsed()));
        Some(format!("{what}{beside} {time}{limit}{silence}{last}"))
    }

    /// Tells for how long nothing was printed, if it is long; with what a sentence needs in front.
    pub(super) fn silence(&self) -> String {
        self.work().as_ref().map(|work| silence(work.printed.elapsed())).unwrap_or_default()
    }

    /// Names what is being done.
    pub(in crate::cli) fn what(&self) -> Option<String> {
        Some(self.work().as_ref()?.what.clone())
    }

    fn work(&self) -> MutexGuard<'_, Option<Work>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn silence(since: Duration) -> String {
    if since < SILENCE { String::new() } else { format!(", no output for {}", spoken(since)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_being_done_is_told_with_its_limit_its_silence_and_its_last_line() {
        let doing = Doing::default();
        assert_eq!(doing.told(), None);
        doing.begin("3/7 test", Some(Duration::from_secs(600)));
        doing.printed(Some("compiling"));
        doing.printed(None);
        assert_eq!(doing.beside("run 2 of 3").as_deref(), Some("3/7 test, run 2 of 3,"));
        assert_eq!(doing.told().as_deref(), Some("3/7 test, run 2 of 3, 0.0s of 10m: compiling"));
        assert_eq!(doing.what().as_deref(), Some("3/7 test"));
        assert_eq!(silence(Duration::from_secs(29)), "");
        assert_eq!(silence(Duration::from_secs(100)), ", no output for 1m40s");
        doing.rest();
        assert_eq!((doing.told(), doing.what(), doing.beside("more")), (None, None, None));
    }
}
