//! Signals to the runner.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// How often a run looks whether it is asked to stop.
const LOOK: Duration = Duration::from_millis(500);

/// Tells when the run is to end early. Clones hear the same signals.
#[derive(Debug, Clone)]
pub struct Interrupt {
    heard: watch::Receiver<Option<i32>>,
}

impl Interrupt {
    /// Listens for SIGINT, SIGTERM and SIGHUP. Needs a runtime.
    pub fn listen() -> io::Result<Self> {
        let (tell, heard) = watch::channel(None);
        for (kind, number) in [
            (SignalKind::interrupt(), Signal::SIGINT),
            (SignalKind::terminate(), Signal::SIGTERM),
            (SignalKind::hangup(), Signal::SIGHUP),
        ] {
            let mut stream = signal(kind)?;
            let tell = tell.clone();
            tokio::spawn(async move {
                while stream.recv().await.is_some() {
                    // The first one counts; that the run ends in order does not change by asking again.
                    tell.send_if_modified(|heard| heard.is_none() && heard.replace(number as i32).is_none());
                }
            });
        }
        Ok(Self { heard })
    }

    /// Hears the same, and that one run alone is asked to stop by its name in a file: a signal would end every
    /// run of this process. The file is looked at twice a second, whoever waits for what meanwhile. Needs a runtime.
    #[must_use]
    pub fn or_asked(&self, file: PathBuf, run: String) -> Self {
        let mut signals = self.heard.clone();
        let asked = move || {
            let is_asked = std::fs::read_to_string(&file).is_ok_and(|asked| asked == run);
            is_asked.then_some(Signal::SIGTERM as i32)
        };
        let first = *signals.borrow_and_update();
        let (tell, heard) = watch::channel(first.or_else(&asked));
        tokio::spawn(async move {
            let mut may_come = true;
            while tell.borrow().is_none() {
                tokio::select! {
                    // Nobody listens any more.
                    () = tell.closed() => return,
                    changed = signals.changed(), if may_come => may_come = changed.is_ok(),
                    () = tokio::time::sleep(LOOK) => {}
                }
                let number = signals.borrow_and_update().or_else(&asked);
                tell.send_if_modified(|heard| {
                    *heard = number;
                    number.is_some()
                });
            }
        });
        Self { heard }
    }

    /// Returns the number of the signal that was heard, if one was; being asked to stop counts as SIGTERM.
    pub fn heard(&self) -> Option<i32> {
        *self.heard.borrow()
    }

    /// Waits for a signal; returns its number. Cancel-safe.
    pub async fn wait(&mut self) -> i32 {
        loop {
            if let Some(number) = *self.heard.borrow_and_update() {
                return number;
            }
            if self.heard.changed().await.is_err() {
                // Nobody can send one any more.
                std::future::pending::<()>().await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_run_is_asked_by_its_name_alone_and_whoever_waits_does_not_look() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("stop");
        let (tell, heard) = watch::channel(None);
        let all = Interrupt { heard };
        let mut one = all.or_asked(file.clone(), "one".to_owned());
        let mut other = all.or_asked(file.clone(), "other".to_owned());
        std::fs::write(&file, "one").unwrap();
        assert_eq!(one.heard(), None, "only the timer looks");
        assert_eq!(one.wait().await, Signal::SIGTERM as i32);
        assert_eq!(other.heard(), None);
        tell.send_replace(Some(Signal::SIGINT as i32));
        assert_eq!(other.wait().await, Signal::SIGINT as i32);
        assert_eq!(
            all.or_asked(file, "one".to_owned()).heard(),
            Some(Signal::SIGINT as i32),
            "the first one counts"
        );
    }
}
