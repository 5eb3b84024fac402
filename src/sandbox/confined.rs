//! A confined command as the runner has it: waited for, ended, and seen to be gone.

use std::io;
use std::net::TcpListener;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::Child;
use std::time::Duration;

use autopilot_init::meter::Meter;
use autopilot_init::out_of_memory;
use autopilot_init::outcome::{Ended, Enforced, SandboxError, Status};
use autopilot_init::spec::Launch;
use autopilot_init::wire::{self, Order, Report};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use rustix::process::{PidfdFlags, pidfd_open, pidfd_send_signal};
use tokio::io::Interest;
use tokio::net::UnixDatagram;
use tokio::time::Instant;

use super::cgroup::{self, Group};
use super::launcher::{self, Started};
use super::told;
use crate::policy::{Isolation, Limits};

/// How long a tree that was told to die may take before the runner goes on without having seen it.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long after the grace the supervisor may take to report the end: its own patience with the tree, and as much
/// again for a machine under load.
const OVERDUE: Duration = Duration::from_secs(10);

/// A confined command that runs. Dropping it kills its tree.
#[derive(Debug)]
pub struct Confined {
    enforced: Enforced,
    /// In truth a SOCK_SEQPACKET socket, which keeps messages apart as well and knows an end of file.
    socket: UnixDatagram,
    listeners: Vec<TcpListener>,
    /// Becomes readable when the supervisor is gone with its tree. A supervisor that was killed by somebody else has
    /// closed its socket before that.
    end: Option<OwnedFd>,
    supervisor: Option<Child>,
    /// Goes with the supervisor.
    group: Option<Group>,
    limits: Limits,
    isolation: Isolation,
    /// When the runner no longer relies on the supervisor, which it told to end the tree.
    overdue: Option<Instant>,
    ended: Option<Result<Ended, SandboxError>>,
}

impl Confined {
    /// Takes a confined side that waits for its launch.
    pub(super) fn new(side: Started, isolation: Isolation, limits: Limits) -> io::Result<Self> {
        Ok(Self {
            enforced: Enforced::default(),
            socket: UnixDatagram::from_std(side.socket.into())?,
            listeners: Vec::new(),
            end: None,
            supervisor: Some(side.child),
            group: side.group,
            limits,
            isolation,
            overdue: None,
            ended: None,
        })
    }

    /// Sends it the launch, bounded from here on.
    pub(super) fn launch(&self, launch: &Launch, streams: [BorrowedFd<'_>; 3]) -> Result<(), SandboxError> {
        let meter = self.limit().map_err(|error| cgroup::failed("limit the control group", &error))?;
        wire::send_launch(&self.socket, launch, streams, meter.as_ref())
            .map_err(|error| SandboxError::of("launch", "send the launch", &error))
    }

    /// Waits until the command runs, and hears what is enforced.
    pub(super) async fn begin(&mut self) -> Result<(), SandboxError> {
        let first = loop {
            match next(&self.socket, || wire::receive_with(&self.socket)).await {
                Ok(Some((Report::Staged, _))) => {}
                Ok(Some((Report::Told(lines), _))) => told::log(&lines),
                other => break other,
            }
        };
        match first {
            Ok(Some((Report::Ready(enforced), beside))) => {
                let mut beside = beside.into_iter();
                tracing::debug!(?enforced, "a command runs confined");
                self.enforced = enforced;
                self.end = beside.next();
                self.listeners = beside.map(TcpListener::from).collect();
                Ok(())
            }
            Ok(Some((Report::Failed(error), _))) => {
                tracing::debug!(%error, "a command was not confined, and did not run");
                Err(error)
            }
            Ok(Some((Report::Staged | Report::Told(_) | Report::Ended(_), _)) | None) => {
                Err(lost("it ended before it was ready"))
            }
            Err(error) => Err(lost(&error.to_string())),
        }
    }

    /// Returns what is enforced for this command.
    pub fn enforced(&self) -> &Enforced {
        &self.enforced
    }

    /// Hands over the listeners on the command's own loopback, in the order that was asked for.
    pub fn take_listeners(&mut self) -> Vec<TcpListener> {
        std::mem::take(&mut self.listeners)
    }

    /// Waits for the end of the command and of its tree. Cancel-safe; answers the same when asked again.
    pub async fn wait(&mut self) -> Result<Ended, SandboxError> {
        if let Some(ended) = &self.ended {
            return ended.clone();
        }
        let report = self.report();
        let report = match self.overdue {
            None => report.await,
            Some(overdue) => match tokio::time::timeout_at(overdue, report).await {
                Ok(report) => report,
                Err(_) => Ok(Some(Report::Ended(self.end_without_supervisor()))),
            },
        };
        let ended = match report {
            Ok(Some(Report::Ended(ended))) => Ok(ended),
            Ok(Some(Report::Failed(error))) => Err(error),
            Ok(Some(Report::Staged | Report::Told(_) | Report::Ready(_))) => {
                Err(lost("it reported twice that it was ready"))
            }
            Ok(None) if self.is_out_of_memory() => Ok(self.killed_for_memory()),
            Ok(None) => Err(lost("it ended without a report; somebody else killed it")),
            Err(error) => Err(lost(&error.to_string())),
        };
        tracing::debug!(?ended, "a confined command is over");
        match &ended {
            Ok(_) => self.reap(),
            Err(_) => self.see_it_go(),
        }
        self.ended = Some(ended.clone());
        ended
    }

    /// Waits for a report that is not for the log alone.
    async fn report(&self) -> io::Result<Option<Report>> {
        loop {
            match next(&self.socket, || wire::receive(&self.socket)).await {
                Ok(Some(Report::Told(lines))) => told::log(&lines),
                other => return other,
            }
        }
    }

    /// Ends the tree in order: SIGTERM to all of it, SIGKILL after the grace. `wait` tells how it went.
    pub fn terminate(&mut self, grace: Duration) {
        let millis = u64::try_from(grace.as_millis()).unwrap_or(u64::MAX);
        self.order(&Order::Terminate(millis), grace);
    }

    /// Kills the whole tree at once. `wait` tells how it went.
    pub fn kill(&mut self) {
        self.order(&Order::Kill, Duration::ZERO);
    }

    /// Gives an order; that nobody is there to take it means that the tree is gone, which `wait` reports.
    fn order(&mut self, order: &Order, grace: Duration) {
        // Where the supervisor stands outside, the tree would outlive it, and the order waits for it.
        if self.isolation != Isolation::Bare {
            self.overdue = Instant::now().checked_add(grace.saturating_add(OVERDUE));
        }
        if let Err(error) = wire::send(&self.socket, order) {
            tracing::debug!(%error, ?order, "the confined side takes no orders any more");
        }
    }

    /// Ends a tree whose supervisor did not, though told to.
    fn end_without_supervisor(&mut self) -> Ended {
        tracing::warn!("the supervisor of a command did not end its tree in time: the runner killed it");
        let gone = self.end.take().is_some_and(|init| kill_init(&init));
        // How many there were, only the supervisor could have told: itself at least.
        Ended { status: Status::Signaled(Signal::SIGKILL as i32), killed: 1, survivors: u32::from(!gone) }
    }

    /// Sets what the control group may hold; returns what tells whether it did.
    fn limit(&self) -> io::Result<Option<Meter>> {
        let Some(group) = &self.group else { return Ok(None) };
        group.limit(&self.limits)?;
        group.meter().map(Some)
    }

    /// Tells whether the kernel killed something since the control group was full.
    fn is_out_of_memory(&self) -> bool {
        self.group.as_ref().and_then(|group| group.meter().ok()).is_some_and(|meter| meter.has_killed())
    }

    /// The supervisor itself, at last, since all that was left was what no process holds; its end was the tree's.
    fn killed_for_memory(&mut self) -> Ended {
        let gone = self.end.take().is_none_or(|end| await_end(&end));
        let status = Status::Limit(out_of_memory(&self.limits));
        Ended { status, killed: 1, survivors: u32::from(!gone) }
    }

    /// Reaps the supervisor, whose tree is gone. It takes a moment to take its namespaces down: the launcher waits
    /// for that, not the run.
    fn reap(&mut self) {
        if let Some(supervisor) = self.supervisor.take() {
            launcher::reap(supervisor, self.group.take());
        }
    }

    /// Waits until the tree is gone, and whoever was around it.
    fn see_it_go(&mut self) {
        if let Some(end) = self.end.take()
            && !await_end(&end)
            && self.isolation != Isolation::Bare
        {
            kill_init(&end);
        }
        let pid = self.supervisor.as_ref().and_then(|child| i32::try_from(child.id()).ok());
        if let Some(Ok(pidfd)) =
            pid.and_then(rustix::process::Pid::from_raw).map(|pid| pidfd_open(pid, PidfdFlags::empty()))
        {
            await_end(&pidfd);
        }
        self.reap();
    }
}

/// Kills the init of a pid namespace, and with it all that is in there; tells whether it is gone.
fn kill_init(init: &OwnedFd) -> bool {
    // Gone meanwhile is as good as killed.
    let _ = pidfd_send_signal(init, rustix::process::Signal::KILL);
    await_end(init)
}

/// Waits for a process that was told to end; tells whether it did.
fn await_end(pidfd: &OwnedFd) -> bool {
    let patience = PollTimeout::try_from(PATIENCE).unwrap_or(PollTimeout::MAX);
    poll(&mut [PollFd::new(pidfd.as_fd(), PollFlags::POLLIN)], patience).is_ok_and(|ready| ready > 0)
}

impl Drop for Confined {
    fn drop(&mut self) {
        if self.ended.is_none() {
            self.kill();
            // The other end sees the end of file as well, in case it could not read the order.
            let _ = rustix::net::shutdown(&self.socket, rustix::net::Shutdown::Write);
            self.see_it_go();
        }
    }
}

fn lost(why: &str) -> SandboxError {
    SandboxError {
        layer: "launch".into(),
        what: format!("the confined side was lost: {why}"),
        hint: "run `autopilot doctor`; if it happens again, look at the kernel's log for the OOM killer"
            .into(),
    }
}

async fn next<T>(
    socket: &UnixDatagram,
    receive: impl Fn() -> io::Result<Option<T>>,
) -> io::Result<Option<T>> {
    loop {
        socket.readable().await?;
        match socket.try_io(Interest::READABLE, &receive) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            result => return result,
        }
    }
}
