//! The confined side's front door, and its roles.
//!
//! ```text
//! runner ─ outer ─ init ─ command        with namespaces: init is pid 1 of its own, confined like the command
//! runner ─ solo ─ step → command         without: the supervisor stays outside, `step` becomes the command
//! ```
//!
//! `outer` is there because a pid namespace takes hold only with the next child, and because the runner, with
//! its threads, could not make a user namespace. Each is this very file, executed again.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use nix::sys::prctl;
use nix::sys::signal::Signal;
use rustix::net::SocketType;
use rustix::process::{PidfdFlags, pidfd_open};

use crate::command::{self, Started};
use crate::granted::Isolation;
use crate::outcome::{Ended, SandboxError, Status};
use crate::spec::Setting;
use crate::supervise::{self, Supervisor};
use crate::told::{self, Level, step};
use crate::tree::Tree;
use crate::victim::Score;
use crate::watch::Watch;
use crate::wire::{self, Launched, Report};
use crate::{caches, confine, filter, group, held, helper, lock, namespaces, refused, root, shares, signals};

/// The program that a process is an execution of.
pub const ITSELF: &str = "/proc/self/exe";

/// First argument of a confined side.
pub const MARK: &str = "@confined";

/// Runs the confined side if this process was started as one; returns what to exit with. Called first in `main`, before
/// any thread is started.
pub fn enter_if_confined() -> Option<i32> {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().is_none_or(|first| first != MARK) {
        return None;
    }
    let arguments: Vec<String> = arguments.collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let Ok(socket) = take_socket() else { return Some(70) };
    let Some((log, arguments)) = arguments.split_first() else { return Some(70) };
    if told::begin(log, &socket).is_err() {
        return Some(70);
    }
    let done = match *arguments {
        ["solo", ref groups @ ..] => solo(&socket, groups).map(Some),
        ["step"] => return Some(become_step(&socket)),
        ["outer", user, net, ref groups @ ..] => {
            outer(&socket, user == "user=true", net == "net=true", groups)
        }
        ["try", what] => return Some(i32::from(!tried(what))),
        ["init", before] => init(&socket, before).map(Some),
        _ => return Some(70),
    };
    let report = match done {
        Ok(Some(ended)) => Report::Ended(ended),
        Ok(None) => return Some(0),
        Err(error) => Report::Failed(error),
    };
    // A runner that is gone does not listen: nothing to do about it.
    drop(wire::send(&socket, &report));
    Some(0)
}

/// Takes the runner's socket from standard input, puts /dev/null there, and lets nothing else through.
fn take_socket() -> io::Result<OwnedFd> {
    let stdin = rustix::stdio::stdin();
    if rustix::net::sockopt::socket_type(stdin)? != SocketType::SEQPACKET {
        return Err(io::Error::other("not started by a runner"));
    }
    let socket = rustix::io::fcntl_dupfd_cloexec(stdin, 3)?;
    let null = std::fs::File::open("/dev/null")?;
    rustix::stdio::dup2_stdin(&null)?;
    // Whoever started the runner may have left descriptors open that were not meant for a step.
    close_fds::CloseFdsBuilder::new().cloexecfrom(3);
    Ok(socket)
}

/// Executes this very file, even if it was replaced on disk since, in another role.
fn execute_self(socket: OwnedFd, arguments: &[&str]) -> io::Result<Child> {
    execute(Path::new(ITSELF), told::level(), socket, arguments)
}

/// Executes a program that can be the confined side, in a role.
pub fn execute(program: &Path, level: Level, socket: OwnedFd, arguments: &[&str]) -> io::Result<Child> {
    let mut command = Command::new(program);
    command
        .arg0("autopilot")
        .arg(MARK)
        .arg(level.argument())
        .args(arguments)
        .env_clear()
        .stdin(Stdio::from(socket))
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    helper::start(|| command.spawn())
}

/// What a host is asked for in a process that may be killed for asking.
pub const TRIED: [&str; 2] = ["landlock", "seccomp"];

fn tried(what: &str) -> bool {
    let [landlock, _] = TRIED;
    if what == landlock { lock::probe() > 0 } else { filter::probe() }
}

/// Leaves the host's namespaces, starts init in the new ones, and waits for it.
fn outer(socket: &OwnedFd, user: bool, net: bool, groups: &[&str]) -> Result<Option<Ended>, SandboxError> {
    new_session()?;
    prctl::set_pdeathsig(Signal::SIGKILL).map_err(|error| failed("the parent-death signal", error.into()))?;
    step("cgroup", || group::enter(groups))?;
    let before = namespaces::current().map_err(|error| failed("read the namespaces", error))?;
    step("namespaces", || namespaces::leave(user, net))?;
    let theirs = socket.try_clone().map_err(|error| failed("dup", error))?;
    let mut init = execute_self(theirs, &["init", &before]).map_err(|error| failed("start init", error))?;
    let ended = init.wait().map_err(|error| failed("wait for init", error))?;
    if ended.signal() == Some(Signal::SIGSYS as i32) {
        return Err(refused::killed());
    }
    Ok(None)
}

/// Confines itself, starts the command, and looks after the tree as pid 1.
fn init(socket: &OwnedFd, before: &str) -> Result<Ended, SandboxError> {
    new_session()?;
    let end = own_end()?;
    let signals = supervise::signals().map_err(|error| failed("signalfd", error.into()))?;
    let namespaces = namespaces::differing(before).map_err(|error| failed("read the namespaces", error))?;
    let setting = wire::receive_setting(socket).map_err(|error| failed("receive the setting", error))?;
    if !setting.shares_network {
        step("loopback", namespaces::loopback_up)?;
    }
    let staged = step("root", || root::stage(&setting))?;
    // Without a /proc of its own there is nothing to write to, and no inotify (`filter`).
    if setting.isolation == (Isolation::Namespaces { user: true, own_proc: true }) {
        step("shares", shares::bound)?;
    }
    let ruleset = step("rules", || lock::begin(&setting))?;
    step("signals", || signals::ignore_alone().map_err(|error| failed("catch signals", error)))?;
    wire::send(socket, &Report::Staged).map_err(|error| failed("report", error))?;
    // Up to here nothing depends on what is to run: this may have happened while another command ran.
    let Launched { launch, streams, meter } =
        wire::receive_launch(socket).map_err(|error| failed("receive the launch", error))?;
    if Setting::of(&launch.grant) != setting {
        return Err(failed("launch", io::Error::other("this was made ready for another setting")));
    }
    let listeners = step("listeners", || namespaces::listen(&launch.listen))?;
    step("grants", || root::build(staged, &launch))?;
    let score = Score::open();
    let enforced = confine::confine(&launch, namespaces, ruleset)?;
    let prepared =
        command::prepare(&launch, streams).map_err(|error| failed("prepare the command", error))?;
    score.iter().for_each(Score::raise);
    let started = prepared.spawn();
    score.iter().for_each(Score::restore);
    let beside: Vec<BorrowedFd<'_>> =
        [end.as_fd()].into_iter().chain(listeners.iter().map(AsFd::as_fd)).collect();
    wire::send_with(socket, &Report::Ready(enforced), &beside).map_err(|error| failed("report", error))?;
    // From here on they are the runner's alone.
    drop((end, listeners));
    match started {
        Started::Not(code) => Ok(Ended { status: Status::Exited(code), killed: 0, survivors: 0 }),
        Started::Running(pid) => {
            // A network that is shared has tables of others' sockets.
            let held = if setting.shares_network { held::held } else { held::held_with_sockets };
            let watch = Watch::new(launch.grant.limits.clone(), held, meter);
            Ok(Supervisor::new(socket, signals, Tree::Namespace, watch, pid).run())
        }
    }
}

/// Supervises from outside: no namespaces are to be had.
fn solo(socket: &OwnedFd, groups: &[&str]) -> Result<Ended, SandboxError> {
    new_session()?;
    step("cgroup", || group::enter(groups))?;
    prctl::set_child_subreaper(true).map_err(|error| failed("subreaper", error.into()))?;
    let signals = supervise::signals().map_err(|error| failed("signalfd", error.into()))?;
    // Nothing can be made ready here: it is the step that confines itself.
    wire::receive_setting(socket).map_err(|error| failed("receive the setting", error))?;
    let Launched { launch, streams, meter } =
        wire::receive_launch(socket).map_err(|error| failed("receive the launch", error))?;
    step("caches", || caches::copy_in(&launch))?;
    let (ours, theirs) = wire::pair().map_err(|error| failed("socketpair", error))?;
    let child = execute_self(theirs, &["step"]).map_err(|error| failed("start the step", error))?;
    let [stdin, stdout, stderr] = &streams;
    wire::send_launch(&ours, &launch, [stdin.as_fd(), stdout.as_fd(), stderr.as_fd()], None)
        .map_err(|error| failed("hand on the launch", error))?;
    drop(streams);
    let report = answer(&ours, told::pass_on).map_err(|error| failed("hear from the step", error))?;
    match report {
        Some(Report::Ready(_)) => {}
        Some(Report::Failed(error)) => return Err(error),
        _ => return Err(failed("start the step", io::Error::other("it ended before it was ready"))),
    }
    if let Some(ready) = &report {
        wire::send_with(socket, ready, &[own_end()?.as_fd()]).map_err(|error| failed("report", error))?;
    }
    // What a namespace would hold is refused there.
    let watch = Watch::new(launch.grant.limits.clone(), || 0, meter);
    Ok(Supervisor::new(socket, signals, Tree::Descendants, watch, child.id()).run())
}

/// Waits for a message on a socket that does not block; lines for the log go to `log`.
pub fn answer(socket: &OwnedFd, log: impl Fn(&str)) -> io::Result<Option<Report>> {
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    loop {
        poll(&mut [PollFd::new(socket.as_fd(), PollFlags::POLLIN)], PollTimeout::NONE)?;
        match wire::receive(socket) {
            Ok(Some(Report::Told(lines))) => log(&lines),
            other => return other,
        }
    }
}

/// Confines itself and becomes the command. Returns what to exit with when that failed.
fn become_step(socket: &OwnedFd) -> i32 {
    let become_it = || {
        new_session()?;
        step("signals", || signals::ignore_alone().map_err(|error| failed("catch signals", error)))?;
        let Launched { launch, streams, .. } =
            wire::receive_launch(socket).map_err(|error| failed("receive the launch", error))?;
        Score::open().iter().for_each(Score::raise);
        let setting = Setting { connect: launch.connect.clone(), ..Setting::of(&launch.grant) };
        let ruleset = step("rules", || lock::begin(&setting))?;
        let enforced = confine::confine(&launch, Vec::new(), ruleset)?;
        let prepared =
            command::prepare(&launch, streams).map_err(|error| failed("prepare the command", error))?;
        wire::send(socket, &Report::Ready(enforced)).map_err(|error| failed("report", error))?;
        Ok(prepared.exec())
    };
    match become_it() {
        Ok(code) => code,
        Err(error) => {
            drop(wire::send(socket, &Report::Failed(error)));
            70
        }
    }
}

/// Returns what tells the runner that this process is gone, and with pid 1 of a namespace all that was in it.
fn own_end() -> Result<OwnedFd, SandboxError> {
    let end = pidfd_open(rustix::process::getpid(), PidfdFlags::empty());
    end.map_err(|error| failed("pidfd_open", error.into()))
}

/// No terminal, and the same rights on new files whatever the caller's.
fn new_session() -> Result<(), SandboxError> {
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o022));
    nix::unistd::setsid().map(drop).map_err(|error| failed("setsid", error.into()))
}

fn failed(tried: &str, error: io::Error) -> SandboxError {
    SandboxError::of("launch", tried, &error)
}
