//! The runner's side: starts the confined side from one dedicated thread, and talks to it.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::process::Child;
use std::sync::{OnceLock, mpsc};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use rustix::process::{PidfdFlags, pidfd_open};
use tokio::io::Interest;
use tokio::net::UnixDatagram;
use tokio::sync::oneshot;

use super::spec::{Launch, Seen};
use super::wire::{self, Order, Report};
use super::{Command, Ended, Enforced, Place, SandboxError, enter};
use crate::policy::Grant;

/// How long a tree that was told to die may take before the runner goes on without having seen it.
const PATIENCE: Duration = Duration::from_secs(5);

/// A confined command that runs. Dropping it kills its tree.
#[derive(Debug)]
pub struct Confined {
    enforced: Enforced,
    /// In truth a SOCK_SEQPACKET socket, which keeps messages apart as well and knows an end of file.
    socket: UnixDatagram,
    supervisor: Child,
    ended: Option<Result<Ended, SandboxError>>,
}

impl Confined {
    /// Returns what is enforced for this command.
    pub fn enforced(&self) -> &Enforced {
        &self.enforced
    }

    /// Waits for the end of the command and of its tree. Cancel-safe; answers the same when asked again.
    pub async fn wait(&mut self) -> Result<Ended, SandboxError> {
        if let Some(ended) = &self.ended {
            return ended.clone();
        }
        let ended = match next(&self.socket).await {
            Ok(Some(Report::Ended(ended))) => Ok(ended),
            Ok(Some(Report::Failed(error))) => Err(error),
            Ok(Some(Report::Ready(_))) => Err(lost("it reported twice that it was ready")),
            Ok(None) => Err(lost("it ended without a report; somebody else killed it")),
            Err(error) => Err(lost(&error.to_string())),
        };
        self.ended = Some(ended.clone());
        self.reap();
        ended
    }

    /// Ends the tree in order: SIGTERM to all of it, SIGKILL after the grace. `wait` tells how it went.
    pub fn terminate(&self, grace: Duration) {
        let millis = u64::try_from(grace.as_millis()).unwrap_or(u64::MAX);
        self.order(&Order::Terminate(millis));
    }

    /// Kills the whole tree at once. `wait` tells how it went.
    pub fn kill(&self) {
        self.order(&Order::Kill);
    }

    /// Gives an order; that nobody is there to take it means that the tree is gone, which `wait` reports.
    fn order(&self, order: &Order) {
        if let Err(error) = wire::send(&self.socket, order) {
            tracing::debug!(%error, ?order, "the confined side takes no orders any more");
        }
    }

    /// Reaps the supervisor, which ends right after its last report.
    fn reap(&mut self) {
        let pid = i32::try_from(self.supervisor.id()).ok().and_then(rustix::process::Pid::from_raw);
        if let Some(Ok(pidfd)) = pid.map(|pid| pidfd_open(pid, PidfdFlags::empty())) {
            let patience = PollTimeout::try_from(PATIENCE).unwrap_or(PollTimeout::MAX);
            // Whatever it answers: the next line looks.
            let _ = poll(&mut [PollFd::new(pidfd.as_fd(), PollFlags::POLLIN)], patience);
        }
        if let Err(error) = self.supervisor.try_wait() {
            tracing::debug!(%error, "the supervisor was reaped by somebody else");
        }
    }
}

impl Drop for Confined {
    fn drop(&mut self) {
        if self.ended.is_none() {
            self.kill();
            // The other end sees the end of file as well, in case it could not read the order.
            let _ = rustix::net::shutdown(&self.socket, rustix::net::Shutdown::Write);
            self.reap();
        }
    }
}

/// Starts a command confined as the grant says, at the stable paths of [`Place::seen`].
///
/// A command that does not exist or cannot be executed is no error: it says so on its own standard error
/// and ends with 127 or 126, as a shell would have it.
pub async fn spawn(grant: &Grant, place: &Place, command: Command) -> Result<Confined, SandboxError> {
    spawn_seen(grant, place, place.seen(grant), Vec::new(), command).await
}

/// Starts a command confined as the grant says, with its directories seen where the caller says.
pub(crate) async fn spawn_seen(
    grant: &Grant,
    place: &Place,
    seen: Seen,
    read_only: Vec<PathBuf>,
    command: Command,
) -> Result<Confined, SandboxError> {
    let failed = |error: io::Error| SandboxError::of("launch", "start the confined side", &error);
    let (ours, theirs) = wire::pair().map_err(failed)?;
    let stdin = command.stdin.map_or_else(dev_null, Ok).map_err(failed)?;
    let launch = Launch {
        grant: grant.clone(),
        place: place.clone(),
        seen,
        read_only,
        argv: command.argv.into_iter().map(Into::into).collect(),
        dir: command.dir,
        env: command.env.into_iter().map(|(name, value)| (name.into(), value.into())).collect(),
    };
    wire::send_launch(&ours, &launch, [stdin.as_fd(), command.stdout.as_fd(), command.stderr.as_fd()])
        .map_err(failed)?;
    let supervisor = start(theirs, enter::arguments(grant)).await.map_err(failed)?;
    drop((stdin, command.stdout, command.stderr));
    let socket = UnixDatagram::from_std(ours.into()).map_err(failed)?;
    let mut confined = Confined { enforced: Enforced::default(), socket, supervisor, ended: None };
    match next(&confined.socket).await {
        Ok(Some(Report::Ready(enforced))) => {
            confined.enforced = enforced;
            Ok(confined)
        }
        Ok(Some(Report::Failed(error))) => Err(error),
        Ok(Some(Report::Ended(_)) | None) => Err(lost("it ended before it was ready")),
        Err(error) => Err(lost(&error.to_string())),
    }
}

fn dev_null() -> io::Result<OwnedFd> {
    Ok(std::fs::File::open("/dev/null")?.into())
}

fn lost(why: &str) -> SandboxError {
    SandboxError {
        layer: "launch".into(),
        what: format!("the confined side was lost: {why}"),
        hint: "run `autopilot doctor`; if it happens again, look at the kernel's log for the OOM killer"
            .into(),
    }
}

async fn next(socket: &UnixDatagram) -> io::Result<Option<Report>> {
    loop {
        socket.readable().await?;
        match socket.try_io(Interest::READABLE, || wire::receive(socket)) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            result => return result,
        }
    }
}

/// What the launcher thread is asked for.
struct Job {
    socket: OwnedFd,
    arguments: Vec<String>,
    reply: oneshot::Sender<io::Result<Child>>,
}

/// Starts the confined side from the launcher thread.
///
/// One thread that lives as long as the process does it all: the parent-death signal follows the *thread*
/// that started a child, and a thread of a pool that ends while idle would take a running step with it.
async fn start(socket: OwnedFd, arguments: Vec<String>) -> io::Result<Child> {
    static LAUNCHER: OnceLock<io::Result<mpsc::Sender<Job>>> = OnceLock::new();
    let gone = || io::Error::other("the launcher thread is gone");
    let launcher = LAUNCHER.get_or_init(|| {
        let (sender, jobs) = mpsc::channel::<Job>();
        std::thread::Builder::new().name("launcher".into()).spawn(move || {
            for job in jobs {
                // A caller that went away drops the child's socket with its own end: the child ends itself.
                if let Err(Ok(mut orphan)) = job.reply.send(execute(job.socket, &job.arguments)) {
                    drop(orphan.wait());
                }
            }
        })?;
        Ok(sender)
    });
    let launcher = launcher.as_ref().map_err(|error| io::Error::new(error.kind(), error.to_string()))?;
    let (reply, answer) = oneshot::channel();
    launcher.send(Job { socket, arguments, reply }).map_err(|_| gone())?;
    answer.await.map_err(|_| gone())?
}

/// Executes this very file, even if it was replaced on disk since, with the socket as its standard input.
fn execute(socket: OwnedFd, arguments: &[String]) -> io::Result<Child> {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    enter::execute_self(socket, &arguments)
}
