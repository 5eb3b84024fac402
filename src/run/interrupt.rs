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
    /// A file, and what it holds when this run is asked to stop.
    request: Option<(PathBuf, String)>,
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
        Ok(Self { heard, request: None })
    }

    /// Hears the same, and that one run alone is asked to stop by its name in a file: a signal would end every
    /// run of this process.
    #[must_use]
    pub fn or_asked(&self, file: PathBuf, run: String) -> Self {
        Self { heard: self.heard.clone(), request: Some((file, run)) }
    }

    /// Returns the number of the signal that was heard, if one was; being asked to stop counts as SIGTERM.
    pub fn heard(&self) -> Option<i32> {
        let signal = *self.heard.borrow();
        signal.or_else(|| self.is_asked().then_some(Signal::SIGTERM as i32))
    }

    fn is_asked(&self) -> bool {
        let request = self.request.as_ref();
        request.is_some_and(|(file, run)| std::fs::read_to_string(file).is_ok_and(|asked| asked == *run))
    }

    /// Waits for a signal; returns its number. Cancel-safe.
    pub async fn wait(&mut self) -> i32 {
        loop {
            if let Some(number) = self.heard() {
                return number;
            }
            tokio::select! {
                changed = self.heard.changed() => if changed.is_err() {
                    // Nobody can send one any more; what is asked for is looked for still.
                    tokio::time::sleep(LOOK).await;
                },
                () = tokio::time::sleep(LOOK), if self.request.is_some() => {}
            }
        }
    }
}
