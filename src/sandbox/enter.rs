//! The confined side's front door: which role this process was started for.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::net::SocketType;

use super::spec::Launch;
use super::supervise::{self, Supervisor};
use super::tree::Tree;
use super::watch::Watch;
use super::wire::{self, Report};
use super::{Ended, Enforced, SandboxError, Status};
use crate::policy::Grant;

/// First argument of a confined side.
pub(super) const MARK: &str = "@confined";

/// Returns the arguments that start the confined side for a grant.
pub(super) fn arguments(_grant: &Grant) -> Vec<String> {
    vec!["solo".into()]
}

/// Runs the confined side if this process was started as one.
pub(super) fn enter_if_confined() -> Option<i32> {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_none_or(|first| first != MARK) {
        return None;
    }
    let Ok(socket) = take_socket() else { return Some(70) };
    let report = match solo(&socket) {
        Ok(ended) => Report::Ended(ended),
        Err(error) => Report::Failed(error),
    };
    // A runner that is gone does not listen: nothing to do about it.
    drop(wire::send(&socket, &report));
    Some(0)
}

/// Takes the runner's socket from standard input and puts /dev/null there.
fn take_socket() -> io::Result<OwnedFd> {
    let stdin = rustix::stdio::stdin();
    if rustix::net::sockopt::socket_type(stdin)? != SocketType::SEQPACKET {
        return Err(io::Error::other("not started by a runner"));
    }
    let socket = rustix::io::fcntl_dupfd_cloexec(stdin, 3)?;
    let null = std::fs::File::open("/dev/null")?;
    rustix::stdio::dup2_stdin(&null)?;
    Ok(socket)
}

/// Supervises from outside: no pid namespace is to be had.
fn solo(socket: &OwnedFd) -> Result<Ended, SandboxError> {
    let failed = |what: &'static str| move |error: io::Error| SandboxError::of("launch", what, &error);
    nix::unistd::setsid().map_err(io::Error::from).map_err(failed("setsid"))?;
    nix::sys::prctl::set_child_subreaper(true).map_err(io::Error::from).map_err(failed("subreaper"))?;
    let (launch, streams) = wire::receive_launch(socket).map_err(failed("receive the launch"))?;
    let signals = supervise::signals().map_err(io::Error::from).map_err(failed("signalfd"))?;
    let started = start(&launch, streams)?;
    wire::send(
        socket,
        &Report::Ready(Enforced { uid: nix::unistd::getuid().as_raw(), ..Enforced::default() }),
    )
    .map_err(failed("report"))?;
    let command = match started {
        Started::Running(pid) => pid,
        Started::Not(code) => return Ok(Ended { status: Status::Exited(code), killed: 0, survivors: 0 }),
    };
    let watch = Watch::new(launch.grant.limits().clone(), &[]);
    Ok(Supervisor::new(socket, signals, Tree::Descendants, watch, command).run())
}

enum Started {
    Running(u32),
    Not(i32),
}

fn start(launch: &Launch, streams: [OwnedFd; 3]) -> Result<Started, SandboxError> {
    let [stdin, stdout, stderr] = streams;
    let mut complaint =
        std::fs::File::from(stderr.try_clone().map_err(|e| SandboxError::of("launch", "dup", &e))?);
    let dir = launch.place.worktree.join(&launch.dir);
    let Some(word) = launch.argv.first() else { return Ok(Started::Not(127)) };
    let program = find(word.as_os_str(), launch);
    let mut command = Command::new(&program);
    command.arg0(word.as_os_str()).args(launch.argv[1..].iter().map(|each| each.as_os_str()));
    command.env_clear().envs(launch.grant.env().iter().map(|(name, value)| (name, value)));
    command.env("HOME", &launch.seen.home).env("TMPDIR", &launch.seen.tmp);
    command.envs(launch.env.iter().map(|(name, value)| (name.as_os_str(), value.as_os_str())));
    command.current_dir(&dir).process_group(0);
    command.stdin(Stdio::from(stdin)).stdout(Stdio::from(stdout)).stderr(Stdio::from(stderr));
    match command.spawn() {
        Ok(child) => Ok(Started::Running(child.id())),
        Err(error) => {
            use std::io::Write as _;
            let code = if error.kind() == io::ErrorKind::NotFound { 127 } else { 126 };
            drop(writeln!(complaint, "autopilot: {}: {error}", word.as_os_str().display()));
            Ok(Started::Not(code))
        }
    }
}

fn find(word: &std::ffi::OsStr, launch: &Launch) -> PathBuf {
    let path = Path::new(word);
    if word.as_encoded_bytes().contains(&b'/') {
        return path.to_owned();
    }
    let search = launch.grant.env().iter().find(|(name, _)| name == "PATH").map_or("", |(_, value)| value);
    std::env::split_paths(search)
        .map(|dir| dir.join(path))
        .find(|candidate| candidate.is_file())
        .unwrap_or_else(|| path.to_owned())
}
