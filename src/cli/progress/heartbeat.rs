//! A sign of life each minute, for logs that are read while they grow.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::mode::{Mode, say};
use crate::plan::units;

const EVERY: Duration = Duration::from_secs(60);

/// Says what is being done until it is dropped.
#[derive(Debug)]
pub(super) struct Heartbeat(Arc<Mutex<Option<Work>>>);

/// What is being done.
#[derive(Debug)]
struct Work {
    what: String,
    since: Instant,
}

impl Heartbeat {
    /// Begins to beat; nothing is being done yet.
    pub(super) fn start(mode: Mode, prefix: String) -> Self {
        let work = Arc::new(Mutex::new(None::<Work>));
        let seen = Arc::downgrade(&work);
        std::thread::spawn(move || {
            loop {
                std::thread::sleep(EVERY);
                let Some(work) = seen.upgrade() else { return };
                if let Some(Work { what, since }) = &*work.lock().unwrap_or_else(PoisonError::into_inner) {
                    say(mode, &format!("{prefix}… {what} {}", units::clock(since.elapsed())));
                }
            }
        });
        Self(work)
    }

    /// Notes what is begun.
    pub(super) fn begin(&self, what: &str) {
        *self.work() = Some(Work { what: what.to_owned(), since: Instant::now() });
    }

    /// Notes that what was begun has another name by now.
    pub(super) fn rename(&self, what: &str) {
        if let Some(work) = &mut *self.work() {
            what.clone_into(&mut work.what);
        }
    }

    /// Notes that nothing is being done.
    pub(super) fn rest(&self) {
        *self.work() = None;
    }

    fn work(&self) -> std::sync::MutexGuard<'_, Option<Work>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
