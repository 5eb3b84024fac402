//! A sign of life each minute, for logs that are read while they grow.

use std::sync::{Arc, Weak};
use std::time::Duration;

use super::doing::Doing;
use super::mode::{Mode, say};

const EVERY: Duration = Duration::from_secs(60);

/// Says what is being done until it is dropped.
#[derive(Debug)]
pub(super) struct Heartbeat {
    _alive: Arc<()>,
}

impl Heartbeat {
    /// Begins to beat.
    pub(super) fn start(mode: Mode, prefix: String, doing: Doing) -> Self {
        let alive = Arc::new(());
        let seen: Weak<()> = Arc::downgrade(&alive);
        std::thread::spawn(move || {
            loop {
                std::thread::sleep(EVERY);
                if seen.upgrade().is_none() {
                    return;
                }
                if let Some(told) = doing.told() {
                    say(mode, &format!("{prefix}… {told}"));
                }
            }
        });
        Self { _alive: alive }
    }
}
