//! The one thread that starts and reaps confined sides.
//!
//! One that lives as long as the process does: the parent-death signal follows the *thread* that started a child,
//! and a thread of a pool that ends while idle would take a running step with it.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::process::Child;
use std::sync::{Mutex, OnceLock, mpsc};
use std::time::{Duration, Instant};

use autopilot_init::enter::answer;
use autopilot_init::outcome::SandboxError;
use autopilot_init::refused;
use autopilot_init::spec::Setting;
use autopilot_init::wire::Report;
use nix::sys::signal::Signal;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{PidfdFlags, pidfd_open};
use tokio::sync::oneshot;

use super::cgroup::{self, Group};
use super::{start as starting, told};

/// How long the end of the program waits for the end of what it started.
const FAREWELL: Duration = Duration::from_millis(200);

/// So long it waits at most before it asks once more whether a group is empty.
const LONGEST_PAUSE: Duration = Duration::from_millis(4);

/// A confined side that waits for its launch.
pub(super) struct Started {
    /// The runner's end of its socket.
    pub(super) socket: OwnedFd,
    /// The process.
    pub(super) child: Child,
    /// Its control group.
    pub(super) group: Option<Group>,
}

/// A confined side that is about to end, and the group that is to be removed after it.
type Ending = (Child, Option<Group>);

/// What the launcher thread is asked for.
enum Job {
    Start { setting: Setting, reply: oneshot::Sender<Result<Started, SandboxError>> },
    Try { setting: Setting, reply: mpsc::Sender<Result<(), SandboxError>> },
    Prepare(Setting),
    Reap(Ending),
    Tidy(mpsc::Sender<()>),
}

/// Starts the confined side.
pub(super) async fn start(setting: Setting) -> Result<Started, SandboxError> {
    let failed = |error: io::Error| SandboxError::of("launch", "start the confined side", &error);
    let (reply, answer) = oneshot::channel();
    send(Job::Start { setting, reply }).map_err(failed)?;
    answer.await.map_err(|_| failed(gone()))?
}

/// Tries whether a setting is to be had here: makes a confined side ready, which then waits for the first launch.
pub(super) fn try_out(setting: Setting) -> Result<(), SandboxError> {
    let failed = |error: io::Error| SandboxError::of("launch", "try namespaces", &error);
    let (reply, answer) = mpsc::channel();
    send(Job::Try { setting, reply }).map_err(failed)?;
    answer.recv().map_err(|_| failed(gone()))?
}

/// Makes the next confined side ready. Asked for once a command runs: its own launch is not to wait for that.
pub(super) fn prepare(setting: Setting) {
    if let Err(error) = send(Job::Prepare(setting)) {
        tracing::debug!(%error, "no confined side is made ready");
    }
}

/// Reaps a confined side that is about to end, without waiting here.
pub(super) fn reap(child: Child, group: Option<Group>) {
    if let Err(error) = send(Job::Reap((child, group))) {
        tracing::debug!(%error, "nobody reaps the supervisor");
    }
}

/// Ends what waits for a launch, and removes the groups of what has ended, as far as that is a matter of a moment.
pub(super) fn tidy() {
    let (reply, done) = mpsc::channel();
    if LAUNCHER.get().is_some() && send(Job::Tidy(reply)).is_ok() {
        // It answers in time, or is gone.
        let _ = done.recv();
    }
}

static LAUNCHER: OnceLock<io::Result<Mutex<mpsc::Sender<Job>>>> = OnceLock::new();

fn send(job: Job) -> io::Result<()> {
    let launcher = LAUNCHER.get_or_init(|| {
        let (sender, jobs) = mpsc::channel();
        std::thread::Builder::new().name("launcher".into()).spawn(move || work(&jobs))?;
        Ok(Mutex::new(sender))
    });
    let launcher = launcher.as_ref().map_err(|error| io::Error::new(error.kind(), error.to_string()))?;
    launcher.lock().map_err(|_| gone())?.send(job).map_err(|_| gone())
}

fn work(jobs: &mpsc::Receiver<Job>) {
    let mut ending: Vec<Ending> = Vec::new();
    let mut spare = Spare::default();
    for job in jobs {
        match job {
            Job::Start { setting, reply } => {
                let started = spare.take(&setting).map_or_else(|| execute(&setting), Ok);
                // A caller that went away drops the runner's end of the socket: the child ends by itself.
                if let Err(Ok(orphan)) = reply.send(started) {
                    ending.push((orphan.child, orphan.group));
                }
            }
            Job::Prepare(setting) => spare.prepare(setting),
            // A caller that went away has no use of the answer.
            Job::Try { setting, reply } => drop(reply.send(spare.try_out(setting))),
            Job::Reap(gone) => ending.push(gone),
            Job::Tidy(reply) => {
                ending.extend(std::mem::take(&mut spare).ready.map(|(_, side)| (side.child, side.group)));
                see_off(&mut ending);
                let _ = reply.send(());
            }
        }
        // What is not gone yet is looked at again with the next job; what is left then, when the runner ends.
        ending.retain_mut(is_left);
    }
}

/// Waits for what is about to end, for a moment.
fn see_off(ending: &mut Vec<Ending>) {
    let deadline = Instant::now() + FAREWELL;
    let mut pause = Duration::from_micros(500);
    ending.retain_mut(is_left);
    while let Some((child, _)) = ending.iter_mut().find(|(_, group)| group.is_some()) {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        // Its end is told at once; a group that is not empty after it is asked for again.
        if !ends_within(child, left) {
            std::thread::sleep(pause.min(left));
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        ending.retain_mut(is_left);
    }
}

/// Waits for the end of a child for so long; tells whether it was there to be waited for.
fn ends_within(child: &mut Child, most: Duration) -> bool {
    // The number of one that was reaped may be another's.
    if !matches!(child.try_wait(), Ok(None)) {
        return false;
    }
    let pid = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw);
    let Some(Ok(pidfd)) = pid.map(|pid| pidfd_open(pid, PidfdFlags::empty())) else { return false };
    let most = Timespec::try_from(most).ok();
    poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], most.as_ref()).is_ok()
}

/// Reaps a confined side and removes its group; tells whether either is left.
fn is_left((child, group): &mut Ending) -> bool {
    let runs = matches!(child.try_wait(), Ok(None));
    runs || !group.as_ref().is_none_or(Group::remove)
}

/// A confined side that is started before it is asked for: in its namespaces and in a root with the system already,
/// with nothing of a command in its hands yet, it waits for the next launch while this one runs. A run's commands
/// mostly share a setting.
#[derive(Default)]
struct Spare {
    launches: u32,
    ready: Option<(Setting, Started)>,
}

impl Spare {
    fn take(&mut self, setting: &Setting) -> Option<Started> {
        let (_, mut started) = self.ready.take_if(|(kind, _)| kind == setting)?;
        tracing::trace!("a confined side was ready");
        // Somebody may have killed it while it waited.
        matches!(started.child.try_wait(), Ok(None)).then_some(started)
    }

    /// Starts one and hears whether it gets ready.
    fn try_out(&mut self, setting: Setting) -> Result<(), SandboxError> {
        if let Some(started) = self.take(&setting) {
            self.ready = Some((setting, started));
            return Ok(());
        }
        let failed = |error: io::Error| SandboxError::of("launch", "try namespaces", &error);
        let mut started = execute(&setting)?;
        let why = match answer(&started.socket, told::log) {
            Ok(Some(Report::Staged)) => {
                self.ready = Some((setting, started));
                return Ok(());
            }
            Ok(Some(Report::Failed(error))) => error,
            Ok(_) => failed(io::Error::other("it ended before it was ready")),
            Err(error) => failed(error),
        };
        drop(started.socket);
        let ended = started.child.wait().map_err(failed)?;
        forget(started.group.as_ref());
        Err(if ended.signal() == Some(Signal::SIGSYS as i32) { refused::killed() } else { why })
    }

    /// Starts the next one, unless one waits. A runner that launches once has no use of a second.
    fn prepare(&mut self, setting: Setting) {
        self.launches = self.launches.saturating_add(1);
        if self.launches >= 2 && self.ready.is_none() {
            // That it cannot be started is for the launch to say that needs it.
            self.ready = execute(&setting).ok().map(|started| (setting, started));
        }
    }
}

fn execute(setting: &Setting) -> Result<Started, SandboxError> {
    let failed = |error: io::Error| SandboxError::of("launch", "start the confined side", &error);
    let group = setting.cgroup.as_ref().map(Group::make).transpose();
    let group = group.map_err(|error| cgroup::failed("make a control group", &error))?;
    match starting::start(setting, group.as_ref()) {
        Ok((socket, child)) => Ok(Started { socket, child, group }),
        Err(error) => {
            forget(group.as_ref());
            Err(failed(error))
        }
    }
}

/// Removes a group that nothing runs in. What is left of it, a sweep takes.
fn forget(group: Option<&Group>) {
    let _ = group.map(Group::remove);
}

fn gone() -> io::Error {
    io::Error::other("the launcher thread is gone")
}
