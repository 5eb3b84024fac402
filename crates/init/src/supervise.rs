//! The supervisor's loop: reaps, watches, takes orders, and ends with the runner.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};

use crate::helper;
use crate::outcome::{Ended, Status};
use crate::tree::Tree;
use crate::watch::Watch;
use crate::wire::{self, Order};

/// What the supervisor keeps an eye on.
pub(crate) struct Supervisor<'a> {
    socket: &'a OwnedFd,
    signals: SignalFd,
    tree: Tree,
    watch: Watch,
    command: i32,
    status: Option<Status>,
    limit: Option<String>,
    kill_at: Option<Instant>,
    /// Processes beside the command that it told to end, the most at a time.
    told: u32,
}

/// Takes the signals that wake the supervisor. Called before the command starts, so that none is missed.
pub(crate) fn signals() -> nix::Result<SignalFd> {
    // The polite ones too: the runner decides about the tree's end, not a terminal.
    let set: SigSet = helper::POLITE.into_iter().chain([Signal::SIGCHLD]).collect();
    set.thread_block()?;
    SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
}

impl<'a> Supervisor<'a> {
    /// Makes a supervisor of a command that was just started.
    pub(crate) fn new(
        socket: &'a OwnedFd,
        signals: SignalFd,
        tree: Tree,
        watch: Watch,
        command: u32,
    ) -> Self {
        let command = i32::try_from(command).unwrap_or(i32::MAX);
        Self { socket, signals, tree, watch, command, status: None, limit: None, kill_at: None, told: 0 }
    }

    /// Runs until the command and its tree are gone.
    pub(crate) fn run(mut self) -> Ended {
        // It may have ended before anybody listened.
        self.reap();
        while !self.is_over() {
            if let Err(error) = self.turn() {
                // Blind and deaf, it cannot keep its promises: nothing may go on.
                self.limit = Some(format!("the supervisor failed: {error}"));
                break;
            }
        }
        let (killed, survivors) = self.tree.end();
        // What the tree's last children used counts as well.
        let limit = self.limit.take().or_else(|| self.watch.at_the_end(self.status.as_ref()));
        let status = match limit {
            Some(limit) => Status::Limit(limit),
            None => self.status.unwrap_or(Status::Signaled(Signal::SIGKILL as i32)),
        };
        Ended { status, killed: killed.max(self.told), survivors }
    }

    /// The command's end is the tree's, but for the grace that an orderly end gives to all of it.
    fn is_over(&self) -> bool {
        self.status.is_some() && self.kill_at.is_none_or(|at| Instant::now() >= at || !has_children())
    }

    fn turn(&mut self) -> io::Result<()> {
        let [signalled, ordered] = self.sleep()?;
        if signalled {
            while let Ok(Some(_)) = self.signals.read_signal() {}
            self.reap();
        }
        if ordered {
            self.obey();
        }
        let now = Instant::now();
        if self.kill_at.is_some_and(|at| now >= at) {
            self.tree.signal(Signal::SIGKILL);
            self.kill_at = Some(now + Duration::from_millis(50));
        }
        if self.limit.is_none() && self.watch.is_due(now) {
            self.limit = self.watch.look(self.tree)?;
            if self.limit.is_some() {
                self.kill_now();
            }
        }
        Ok(())
    }

    /// Sleeps until something happens or is due; tells whether there are signals and orders.
    fn sleep(&self) -> io::Result<[bool; 2]> {
        let due = self.kill_at.into_iter().chain([self.watch.due()]).min().unwrap_or_else(Instant::now);
        let wait = due.saturating_duration_since(Instant::now()) + Duration::from_millis(1);
        let timeout = PollTimeout::try_from(wait).unwrap_or(PollTimeout::MAX);
        let mut fds = [self.signals.as_fd(), self.socket.as_fd()]
            .map(|fd: BorrowedFd<'_>| PollFd::new(fd, PollFlags::POLLIN));
        match poll(&mut fds, timeout) {
            Ok(_) => Ok(fds.map(|fd| fd.any().unwrap_or(true))),
            Err(nix::errno::Errno::EINTR) => Ok([true, false]),
            Err(error) => Err(error.into()),
        }
    }

    fn reap(&mut self) {
        loop {
            let (pid, status) = match waitpid(None, Some(WaitPidFlag::WNOHANG | WaitPidFlag::__WALL)) {
                Ok(WaitStatus::Exited(pid, code)) => (pid, Status::Exited(code)),
                Ok(WaitStatus::Signaled(pid, signal, _)) => (pid, Status::Signaled(signal as i32)),
                Ok(WaitStatus::StillAlive) | Err(_) => return,
                Ok(_) => continue,
            };
            if pid.as_raw() == self.command {
                self.status = Some(status);
            }
        }
    }

    /// Takes an order of the runner; no runner any more means the end of everything.
    fn obey(&mut self) {
        match wire::receive::<Order>(self.socket) {
            Ok(Some(Order::Terminate(millis))) => {
                self.count();
                self.tree.signal(Signal::SIGTERM);
                // A stopped process takes the signal only when it runs.
                self.tree.signal(Signal::SIGCONT);
                self.kill_at = Some(Instant::now() + Duration::from_millis(millis));
            }
            Ok(Some(Order::Kill) | None) | Err(_) => self.kill_now(),
        }
    }

    /// Counts what is about to be ended, since it may be gone before the tree's end.
    fn count(&mut self) {
        self.told = self.told.max(self.tree.others(self.command));
    }

    fn kill_now(&mut self) {
        self.count();
        self.tree.signal(Signal::SIGKILL);
        self.kill_at = Some(Instant::now());
    }
}

/// A subreaper's descendants are gone when it has no child left.
fn has_children() -> bool {
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT | WaitPidFlag::WNOHANG;
    waitid(Id::All, flags) != Err(nix::errno::Errno::ECHILD)
}
