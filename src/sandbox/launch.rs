//! The runner's side: starts the confined side from one dedicated thread, and launches a command in it.

use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;

use autopilot_init::granted::Granted;
use autopilot_init::outcome::SandboxError;
use autopilot_init::place::{Place, Seen};
use autopilot_init::spec::{Launch, Setting};

use super::confined::Confined;
use super::{filter, launcher, streams};
use crate::policy::{Grant, Isolation};

/// What to run.
#[derive(Debug)]
pub struct Command {
    /// The command; its first word is looked up in the grant's PATH.
    pub argv: Vec<OsString>,
    /// Relative to the worktree; must be a folder in it, with no link on the way.
    pub dir: PathBuf,
    /// On top of the grant's environment: what the runner sets for its own purposes.
    pub env: Vec<(OsString, OsString)>,
    /// Where on the command's own loopback the runner listens; the listeners come with [`Confined`].
    pub listen: Vec<SocketAddr>,
    /// Without a loopback of its own: the TCP ports it may connect to, of any host.
    pub connect: Vec<u16>,
    /// `/dev/null` unless given.
    pub stdin: Option<OwnedFd>,
    /// Where standard output goes.
    pub stdout: OwnedFd,
    /// Where standard error goes.
    pub stderr: OwnedFd,
}

/// Starts a command confined as the grant says, at the stable paths of [`Place::seen`].
///
/// A command that does not exist or cannot be executed is no error: it says so on its own standard error
/// and ends with 127 or 126, as a shell would have it.
pub async fn spawn(grant: &Grant, place: &Place, command: Command) -> Result<Confined, SandboxError> {
    spawn_seen(grant, place, place.seen(grant.isolation()), Vec::new(), command).await
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
    if grant.isolation() == Isolation::Bare && !command.listen.is_empty() {
        return Err(no_loopback());
    }
    // What follows the first word may hold what a secret was put into.
    tracing::debug!(program = ?command.argv.first(), dir = %command.dir.display(), "a command is to be confined");
    let stdin = command.stdin.map_or_else(dev_null, Ok).map_err(failed)?;
    streams::check([stdin.as_fd(), command.stdout.as_fd(), command.stderr.as_fd()])?;
    // A future that holds it is held by every future above it.
    let granted = Granted::from(grant);
    let launch = Box::new(Launch {
        filter: filter::compile(&granted, &command.connect)?,
        grant: granted,
        place: place.clone(),
        seen,
        read_only,
        argv: command.argv.into_iter().map(Into::into).collect(),
        dir: command.dir,
        env: command.env.into_iter().map(|(name, value)| (name.into(), value.into())).collect(),
        listen: command.listen,
        connect: command.connect,
    });
    let setting = Setting::of(&launch.grant);
    let side = launcher::start(setting.clone()).await?;
    let mut confined = Confined::new(side, grant.isolation(), launch.grant.limits.clone()).map_err(failed)?;
    let streams = [stdin.as_fd(), command.stdout.as_fd(), command.stderr.as_fd()];
    confined.launch(&launch, streams)?;
    drop((stdin, command.stdout, command.stderr));
    confined.begin().await?;
    launcher::prepare(setting);
    Ok(confined)
}

fn dev_null() -> io::Result<OwnedFd> {
    Ok(std::fs::File::open("/dev/null")?.into())
}

fn no_loopback() -> SandboxError {
    SandboxError {
        layer: "network".into(),
        what: "a way out through the runner needs a network namespace, whose loopback is the step's alone"
            .into(),
        hint: "run `autopilot doctor`: it says how namespaces are to be had here".into(),
    }
}
