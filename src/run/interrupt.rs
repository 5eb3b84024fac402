//! Signals to the runner.

use std::io;

use nix::sys::signal::Signal;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

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

    /// Returns the number of the signal that was heard, if one was.
    pub fn heard(&self) -> Option<i32> {
        *self.heard.borrow()
    }

    /// Waits for a signal; returns its number. Cancel-safe.
    pub async fn wait(&mut self) -> i32 {
        match self.heard.wait_for(Option::is_some).await {
            Ok(number) => (*number).unwrap_or(Signal::SIGTERM as i32),
            Err(_) => std::future::pending().await,
        }
    }
}
