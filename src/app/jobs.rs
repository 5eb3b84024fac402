//! Several issues in one order, one after the other or side by side: what befalls one does not touch another.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;

use super::Error;
use crate::run::Interrupt;

/// One issue's part in an order.
#[derive(Debug)]
pub struct Job {
    /// The issue.
    pub issue: u64,
    /// Tells when to end early.
    pub interrupt: Interrupt,
}

/// What became of the issues of an order.
#[derive(Debug)]
pub struct Handled<T> {
    /// What each came to that was begun, in the order in which they ended.
    pub each: Vec<T>,
    /// Why others were not begun.
    pub broken_off: Option<BrokenOff>,
}

/// Why issues were not begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BrokenOff {
    /// This signal came.
    Signal(i32),
    /// Whoever was to do it is gone.
    Fault,
}

/// Returns what is asked for once each, in its order.
pub fn distinct<T: PartialEq>(all: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut distinct = Vec::new();
    for one in all {
        if !distinct.contains(&one) {
            distinct.push(one);
        }
    }
    distinct
}

/// Handles each issue, so many at a time. A signal ends those that run, in order, and no other is begun. What fails of
/// several is a failure of that issue alone, and becomes a result; of a single one it is the failure of the whole.
pub fn each<T: Send, E: From<Error>, F: Future<Output = Result<T, E>>>(
    issues: &[u64],
    jobs: usize,
    handle: impl Fn(Job) -> F + Sync,
    failed: impl Fn(u64, E) -> T + Sync,
) -> Result<Handled<T>, E> {
    let runtime = runtime()?;
    let interrupt = runtime.block_on(async { Interrupt::listen() }).map_err(Error::System)?;
    if let [issue] = *issues {
        let each = vec![runtime.block_on(handle(Job { issue, interrupt }))?];
        return Ok(Handled { each, broken_off: None });
    }
    let queue = Mutex::new(issues.iter().copied().collect());
    let (tell, mut told) = mpsc::unbounded_channel();
    std::thread::scope(|scope| {
        // A runtime each: git and the disk keep a thread busy, and nobody's timeouts wait for another's.
        for _ in 0..jobs.min(issues.len()) {
            let (tell, queue, handle, failed, interrupt) =
                (tell.clone(), &queue, &handle, &failed, &interrupt);
            scope.spawn(move || work(queue, interrupt, handle, failed, &tell));
        }
        drop(tell);
        // Signals are heard here.
        let mut each = Vec::new();
        while let Some(result) = runtime.block_on(told.recv()) {
            each.push(result);
        }
        let why = || interrupt.heard().map_or(BrokenOff::Fault, BrokenOff::Signal);
        let broken_off = (each.len() < issues.len()).then(why);
        Ok(Handled { each, broken_off })
    })
}

fn work<T, E: From<Error>, F: Future<Output = Result<T, E>>>(
    queue: &Mutex<VecDeque<u64>>,
    interrupt: &Interrupt,
    handle: &impl Fn(Job) -> F,
    failed: &impl Fn(u64, E) -> T,
    tell: &mpsc::UnboundedSender<T>,
) {
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    while let Some(issue) = if interrupt.heard().is_none() { next() } else { None } {
        let job = Job { issue, interrupt: interrupt.clone() };
        let handled = runtime().map_err(E::from).and_then(|runtime| runtime.block_on(handle(job)));
        // The receiver lives as long as the workers do.
        let _ = tell.send(handled.unwrap_or_else(|error| failed(issue, error)));
    }
}

/// Makes a runtime of the kind that runs need: one that stays on its thread.
pub fn runtime() -> Result<Runtime, Error> {
    Builder::new_current_thread().enable_all().build().map_err(Error::Runtime)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_issue_is_handled_once_and_what_fails_of_several_is_its_own_result() {
        let issues = distinct([3, 1, 3, 2, 1]);
        assert_eq!(issues, [3, 1, 2]);
        let handle = async |job: Job| if job.issue == 1 { Err(Error::NotRoot) } else { Ok(job.issue) };
        let mut handled = each(&issues, 2, handle, |issue, _| issue * 100).unwrap();
        handled.each.sort_unstable();
        assert_eq!((handled.each, handled.broken_off), (vec![2, 3, 100], None));
        assert!(matches!(each(&[1], 2, handle, |issue, _| issue), Err(Error::NotRoot)));
    }
}
