//! Takes a git that is to run, gives what it printed or what it complained of: in time, or it is ended. A setting that
//! names a pipe keeps any git waiting for ever.

use std::io::{self, Read};
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, Signal, WaitId, WaitIdOptions, kill_process, prlimit, waitid};

use super::error::WorktreeError;
use super::halt::Halt;
use super::meter::Meter;
use crate::helper;
use crate::time::exact;

/// How often it is looked whether to break off.
const LOOK: Duration = Duration::from_millis(200);

/// A git that runs.
#[derive(Debug)]
pub(super) struct Running {
    child: Child,
    name: String,
    patience: Duration,
    halt: Halt,
    complaints: JoinHandle<io::Result<Vec<u8>>>,
    /// Tells whoever counts the time that it has ended.
    ended: Sender<()>,
    /// Whether it had to be ended.
    is_late: JoinHandle<bool>,
}

impl Running {
    /// Starts it. It has so long, and until it is time to break off; somebody is told how far it is.
    pub(super) fn start(
        command: &mut Command,
        name: &str,
        patience: Duration,
        halt: Halt,
        meter: &Meter,
    ) -> Result<Self, WorktreeError> {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = helper::start(|| command.spawn()).map_err(|error| unstartable(&error))?;
        let stderr = child.stderr.take();
        let meter = meter.clone();
        let complaints = thread::spawn(move || stderr.map_or(Ok(Vec::new()), |stderr| meter.read(stderr)));
        let (ended, wait) = mpsc::channel();
        let pid = Pid::from_child(&child);
        let heeded = halt.clone();
        let is_late = thread::spawn(move || {
            let since = Instant::now();
            let is_late = loop {
                let left = patience.saturating_sub(since.elapsed());
                let waited = wait.recv_timeout(left.min(LOOK));
                if waited != Err(RecvTimeoutError::Timeout) {
                    break false;
                }
                if left <= LOOK || heeded.is_time() {
                    break true;
                }
            };
            // It is there, perhaps as a zombie: it is waited for only after this.
            is_late && kill_process(pid, Signal::KILL).is_ok()
        });
        Ok(Self { child, name: name.to_owned(), patience, halt, complaints, ended, is_late })
    }

    /// Lets it, and what it starts from here on, write no file that is larger than this.
    pub(super) fn write_at_most(&self, bytes: u64) -> io::Result<()> {
        let most = Rlimit { current: Some(bytes), maximum: Some(bytes) };
        prlimit(Some(Pid::from_child(&self.child)), Resource::Fsize, most)?;
        Ok(())
    }

    /// Takes its standard input, if that is a pipe.
    pub(super) fn stdin(&mut self) -> Option<ChildStdin> {
        self.child.stdin.take()
    }

    /// Takes its standard output.
    pub(super) fn stdout(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    /// Waits for its end. What of its standard output nobody has read is in there.
    pub(super) fn end(mut self) -> Result<Output, WorktreeError> {
        let stdout = self.child.stdout.take().map_or(Ok(Vec::new()), read_all)?;
        let there = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        waitid(WaitId::Pid(Pid::from_child(&self.child)), there).map_err(io::Error::from)?;
        drop(self.ended);
        let is_late = self.is_late.join().unwrap_or(false);
        let status = self.child.wait()?;
        if is_late {
            self.halt.check()?;
            return Err(late(&self.name, self.patience));
        }
        let stderr = self.complaints.join().unwrap_or_else(|_| Ok(Vec::new()))?;
        Ok(Output { status, stdout, stderr })
    }
}

fn read_all(mut from: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn unstartable(error: &io::Error) -> WorktreeError {
    if error.kind() == io::ErrorKind::PermissionDenied && nix::unistd::geteuid().is_root() {
        return WorktreeError::refused(
            format!("git cannot be started as the repository's owner: {error}"),
            "root needs CAP_SETUID and CAP_SETGID for that: have the container or the unit (`CapabilityBoundingSet=`) leave it them, or \
             start autopilot as the owner",
        );
    }
    WorktreeError::refused(
        format!("git cannot be started: {error}"),
        "install git and have it on PATH (`autopilot doctor` shows what is found)",
    )
}

fn late(name: &str, patience: Duration) -> WorktreeError {
    WorktreeError::refused(
        format!("git {name} did not end within {}", exact(patience)),
        "a setting may name a pipe, or a file on a disk that does not answer: look at include.path, core.excludesFile and \
         core.attributesFile in .git/config and ~/.gitconfig",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(script: &str, patience: Duration) -> Result<Output, WorktreeError> {
        let mut command = Command::new("sh");
        command.args(["-c", script]).stdin(Stdio::null());
        Running::start(&mut command, "status", patience, Halt::never(), &Meter::none()).unwrap().end()
    }

    #[test]
    fn what_it_prints_is_there_and_what_it_complains_of() {
        let output = ended("echo a; echo b >&2; exit 3", Duration::from_secs(600)).unwrap();
        assert_eq!(
            (output.status.code(), &*output.stdout, &*output.stderr),
            (Some(3), &b"a\n"[..], &b"b\n"[..])
        );
    }

    #[test]
    fn what_never_ends_is_ended_and_said_to_be_late() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let error = ended(&format!("exec 3< {}", pipe.display()), Duration::from_millis(10)).unwrap_err();
        assert_eq!(error.to_string(), "git status did not end within 10ms");
    }
}
