//! Signals to the runner.

use std::future::poll_fn;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::sandbox;
use crate::worktree::Halt;

/// The signals that end a run in order, unless whoever started it had them ignored.
const HEEDED: [Signal; 3] = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP];

/// How long what is under way may go on after that.
const GRACE: Duration = Duration::from_secs(10);

/// How often a run looks whether it is asked to stop.
const LOOK: Duration = Duration::from_millis(500);

/// Tells when the run is to end early. Clones hear the same signals.
#[derive(Debug, Clone)]
pub struct Interrupt {
    heard: watch::Receiver<Option<i32>>,
    /// Somebody pressed Ctrl-C again: what is under way is to end at once.
    insisted: watch::Receiver<bool>,
    /// Where one run alone is asked to stop.
    asked: Option<Arc<Asked>>,
}

/// A file in which a run is asked to stop, by its name.
#[derive(Debug)]
struct Asked {
    file: PathBuf,
    run: String,
    /// Tells the same of what has become another's.
    lost: Halt,
    /// When it was looked at last, by somebody who does not wait.
    looked: Mutex<Option<Instant>>,
}

impl Asked {
    fn is_asked(&self) -> bool {
        self.lost.is_time() || std::fs::read_to_string(&self.file).is_ok_and(|asked| asked == self.run)
    }

    /// The same, looked at now and then.
    fn is_asked_by_now(&self) -> bool {
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        if looked.is_some_and(|looked| looked.elapsed() < LOOK) {
            return false;
        }
        *looked = Some(Instant::now());
        self.is_asked()
    }
}

impl Interrupt {
    /// Listens for those of SIGINT, SIGTERM and SIGHUP that this process was not started to ignore, in a thread of its
    /// own: what takes long and waits for nothing hears them, too.
    pub fn listen() -> io::Result<Self> {
        let (tell, heard) = watch::channel(None);
        let (insist, insisted) = watch::channel(false);
        let runtime = Builder::new_current_thread().enable_io().build()?;
        let within = runtime.enter();
        let ignored = sandbox::ignored();
        let mut heeded = Vec::new();
        for number in HEEDED.into_iter().filter(|number| !ignored.contains(number)) {
            heeded.push((signal(SignalKind::from_raw(number as i32))?, number));
        }
        drop(within);
        let listen = async move {
            loop {
                let any = poll_fn(|context| {
                    let mut heard = heeded.iter_mut().filter_map(|(signal, number)| {
                        (signal.poll_recv(context) == Poll::Ready(Some(()))).then_some(*number)
                    });
                    heard.next().map_or(Poll::Pending, Poll::Ready)
                });
                let number = any.await;
                // A service manager may send several signals at once: only a person sends this one twice.
                let again = number == Signal::SIGINT && *tell.borrow() == Some(Signal::SIGINT as i32);
                insist.send_if_modified(|insisted| again && !std::mem::replace(insisted, true));
                // The first one counts.
                tell.send_if_modified(|heard| heard.is_none() && heard.replace(number as i32).is_none());
            }
        };
        std::thread::Builder::new().name("signals".to_owned()).spawn(move || runtime.block_on(listen))?;
        Ok(Self { heard, insisted, asked: None })
    }

    /// Hears the same, and that one run alone is asked to stop by its name in a file: a signal would end every
    /// run of this process; or that it is lost to another. The file is looked at twice a second, whoever waits for what meanwhile. Needs a runtime.
    #[must_use]
    pub fn or_asked(&self, file: PathBuf, run: String, lost: Halt) -> Self {
        let mut signals = self.heard.clone();
        let own = Arc::new(Asked { file, run, lost, looked: Mutex::new(None) });
        let looks = Arc::clone(&own);
        let asked = move || looks.is_asked().then_some(Signal::SIGTERM as i32);
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
        Self { heard, insisted: self.insisted.clone(), asked: Some(own) }
    }

    /// Returns when what follows the steps breaks off: some time after it was asked to stop, in which most of it is done.
    pub fn halt(&self) -> Halt {
        self.halt_after(GRACE)
    }

    /// Returns when whoever waits before anything is begun breaks off: as soon as it was asked to stop.
    pub fn at_once(&self) -> Halt {
        self.halt_after(Duration::ZERO)
    }

    /// Returns when what comes before the steps breaks off: as soon as it was asked to stop, and at this moment.
    pub fn halt_by(&self, end: Instant) -> Halt {
        let asked = self.halt_after(Duration::ZERO);
        Halt::when(move || asked.is_time() || Instant::now() >= end)
    }

    fn halt_after(&self, grace: Duration) -> Halt {
        let (signals, own) = (self.heard.clone(), self.asked.clone());
        let since = OnceLock::new();
        Halt::when(move || {
            let is_asked = || own.as_ref().is_some_and(|own| own.is_asked_by_now());
            if since.get().is_none() && (signals.borrow().is_some() || is_asked()) {
                let _ = since.set(Instant::now());
            }
            since.get().is_some_and(|since: &Instant| since.elapsed() >= grace)
        })
    }

    /// Returns the number of the signal that was heard, if one was; being asked to stop counts as SIGTERM.
    pub fn heard(&self) -> Option<i32> {
        *self.heard.borrow()
    }

    /// Waits for a signal, but no longer than this; returns its number.
    pub(super) async fn within(&mut self, time: Duration) -> Option<i32> {
        tokio::time::timeout(time, self.wait()).await.ok()
    }

    /// Waits until somebody insists that what is under way ends at once. Cancel-safe.
    pub(super) async fn insisted(&mut self) {
        if self.insisted.wait_for(|insisted| *insisted).await.is_err() {
            std::future::pending::<()>().await;
        }
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
        let all = Interrupt { heard, insisted: watch::channel(false).1, asked: None };
        let mut one = all.or_asked(file.clone(), "one".to_owned(), Halt::never());
        let mut other = all.or_asked(file.clone(), "other".to_owned(), Halt::never());
        std::fs::write(&file, "one").unwrap();
        assert_eq!(one.heard(), None, "only the timer looks");
        assert_eq!(one.wait().await, Signal::SIGTERM as i32);
        assert_eq!(other.heard(), None);
        tell.send_replace(Some(Signal::SIGINT as i32));
        assert_eq!(other.wait().await, Signal::SIGINT as i32);
        assert_eq!(
            all.or_asked(file, "one".to_owned(), Halt::never()).heard(),
            Some(Signal::SIGINT as i32),
            "the first one counts"
        );
    }
}
