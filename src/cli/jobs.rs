//! Several issues in one call, one after the other or side by side: what befalls one does not touch another.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::{Mutex, PoisonError};

use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;

use super::exit::{Exit, Failure};
use super::output;
use super::progress::Board;
use crate::run::Interrupt;

/// One issue's part in a call.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) issue: u64,
    /// Where its progress is shown.
    pub(super) board: Board,
    /// Tells when to end early.
    pub(super) interrupt: Interrupt,
}

/// Handles each issue once, so many at a time; the worst exit is the result. A signal ends those that run, in
/// order, and no other is begun.
pub(super) fn each<F: Future<Output = Result<Exit, Failure>>>(
    issues: &[u64],
    jobs: usize,
    handle: impl Fn(Call) -> F + Sync,
) -> Result<Exit, Failure> {
    let mut queue: VecDeque<u64> = VecDeque::new();
    for issue in issues {
        if !queue.contains(issue) {
            queue.push_back(*issue);
        }
    }
    let runtime = runtime()?;
    let interrupt = runtime.block_on(async { Interrupt::listen() }).map_err(|e| Failure::system(&e))?;
    if let [issue] = *queue.make_contiguous() {
        return runtime.block_on(handle(Call { issue, board: Board::new(1), interrupt }));
    }
    let board = Board::new(jobs.min(queue.len()));
    let expected = queue.len();
    let queue = Mutex::new(queue);
    let (tell, mut told) = mpsc::unbounded_channel();
    std::thread::scope(|scope| {
        // A runtime each: git and the disk keep a thread busy, and nobody's timeouts wait for another's.
        for _ in 0..jobs.min(expected) {
            let (tell, queue, handle, board, interrupt) = (tell.clone(), &queue, &handle, &board, &interrupt);
            scope.spawn(move || work(queue, board, interrupt, handle, &tell));
        }
        drop(tell);
        // Signals are heard here.
        let (mut worst, mut ended) = (Exit::Done, 0);
        while let Some(exit) = runtime.block_on(told.recv()) {
            worst = worst.max(exit);
            ended += 1;
        }
        match interrupt.heard() {
            Some(number) if ended < expected => Ok(worst.max(Exit::Signal(number))),
            None if ended < expected => Ok(worst.max(Exit::Internal)),
            _ => Ok(worst),
        }
    })
}

fn work<F: Future<Output = Result<Exit, Failure>>>(
    queue: &Mutex<VecDeque<u64>>,
    board: &Board,
    interrupt: &Interrupt,
    handle: &impl Fn(Call) -> F,
    tell: &mpsc::UnboundedSender<Exit>,
) {
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    while let Some(issue) = if interrupt.heard().is_none() { next() } else { None } {
        let call = Call { issue, board: board.clone(), interrupt: interrupt.clone() };
        let handled = runtime().and_then(|runtime| runtime.block_on(handle(call)));
        let exit = handled.unwrap_or_else(|mut failure| {
            failure.message = format!("issue {issue}: {}", failure.message);
            output::error(&failure);
            failure.exit
        });
        // The receiver lives as long as the workers do.
        let _ = tell.send(exit);
    }
}

fn runtime() -> Result<Runtime, Failure> {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Failure::new(Exit::Internal, format!("runtime: {error}")))
}
