//! The command itself: found in the grant's PATH, in its folder, with its environment and streams.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::sys::signal::{SigSet, SigmaskHow};
use rustix::fs::{Mode, OFlags, ResolveFlags};

use crate::outcome::SandboxError;
use crate::spec::{Bytes, Launch};

/// What became of starting a command.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Started {
    /// It runs, with this pid.
    Running(u32),
    /// It does not exist or cannot be executed: what a shell would end with. Its standard error says so.
    Not(i32),
}

/// A command that is ready to go.
#[derive(Debug)]
pub(crate) struct Prepared {
    command: Command,
    complaint: File,
    word: OsString,
    path: OsString,
}

/// Goes to the command's folder. Before seccomp: afterwards `openat2`, which refuses links on the way, is gone.
pub(crate) fn enter_folder(launch: &Launch) -> Result<(), SandboxError> {
    let failed = |error: io::Error| SandboxError {
        layer: "place".into(),
        what: format!("enter {}: {error}", launch.seen.worktree.join(&launch.dir).display()),
        hint: "`dir` must be a folder of the repository, with no link on the way".into(),
    };
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let top = rustix::fs::open(&launch.seen.worktree, flags, Mode::empty())
        .map_err(|error| failed(error.into()))?;
    let dir = if launch.dir.as_os_str().is_empty() { Path::new(".") } else { &launch.dir };
    let within = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
    let folder =
        rustix::fs::openat2(&top, dir, flags, Mode::empty(), within).map_err(|error| failed(error.into()))?;
    rustix::process::fchdir(folder).map_err(|error| failed(error.into()))
}

/// Prepares the command of a launch.
pub(crate) fn prepare(launch: &Launch, streams: [OwnedFd; 3]) -> io::Result<Prepared> {
    let [stdin, stdout, stderr] = streams;
    let complaint = File::from(stderr.try_clone()?);
    let word = launch.argv.first().map(|word| word.as_os_str().to_owned()).unwrap_or_default();
    let env = environment(launch);
    let path =
        env.iter().find(|(name, _)| name == "PATH").map(|(_, value)| value.clone()).unwrap_or_default();
    let mut command = Command::new(find(&word, &path));
    command.arg0(&word).args(launch.argv.iter().skip(1).map(Bytes::as_os_str));
    command.env_clear().envs(env);
    command.stdin(Stdio::from(stdin)).stdout(Stdio::from(stdout)).stderr(Stdio::from(stderr));
    Ok(Prepared { command, complaint, word, path })
}

impl Prepared {
    /// Starts it as a child, in a process group of its own.
    pub(crate) fn spawn(mut self) -> Started {
        self.command.process_group(0);
        // What is blocked is inherited: a program that waits for its children's end would wait for ever. A signal that
        // comes meanwhile is lost; the supervisor looks once before it sleeps.
        let blocked = SigSet::empty().thread_swap_mask(SigmaskHow::SIG_SETMASK);
        let spawned = self.command.spawn();
        let restored = blocked.and_then(|blocked| blocked.thread_set_mask());
        match spawned.and_then(|child| restored.map(|()| child).map_err(io::Error::from)) {
            Ok(child) => Started::Running(child.id()),
            Err(error) => Started::Not(self.complain(&error)),
        }
    }

    /// Becomes it; returns only if that failed, with what to exit with.
    pub(crate) fn exec(mut self) -> i32 {
        let unblocked = SigSet::empty().thread_set_mask().map_err(io::Error::from);
        let error = unblocked.err().unwrap_or_else(|| self.command.exec());
        self.complain(&error)
    }

    fn complain(&mut self, error: &io::Error) -> i32 {
        let word = self.word.display();
        // The command's own standard error may be closed on the other side: nobody to tell then.
        if error.kind() == io::ErrorKind::NotFound {
            drop(writeln!(self.complaint, "autopilot: {word}: not found (PATH={})", self.path.display()));
            return 127;
        }
        drop(writeln!(self.complaint, "autopilot: {word}: cannot be executed: {error}"));
        126
    }
}

fn environment(launch: &Launch) -> Vec<(OsString, OsString)> {
    let mut env: Vec<(OsString, OsString)> =
        launch.grant.env.iter().map(|(name, value)| (name.into(), value.into())).collect();
    env.push(("HOME".into(), launch.seen.home.clone().into()));
    env.push(("TMPDIR".into(), launch.seen.tmp.clone().into()));
    env.extend(launch.env.iter().map(|(name, value)| (name.as_os_str().into(), value.as_os_str().into())));
    env
}

/// Looks a word up in PATH, as `execvp` would: the first file that may be executed.
fn find(word: &OsStr, path: &OsStr) -> PathBuf {
    let name = Path::new(word);
    if word.as_encoded_bytes().contains(&b'/') || word.is_empty() {
        return name.to_owned();
    }
    std::env::split_paths(path)
        .map(|folder| folder.join(name))
        .find(|file| {
            file.metadata().is_ok_and(|seen| seen.is_file() && seen.permissions().mode() & 0o111 != 0)
        })
        .unwrap_or_else(|| Path::new("/nonexistent").join(name))
}
