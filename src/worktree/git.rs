//! Git of the runner's own, on repositories that no step can reach. (On a worktree it runs confined: `confined.rs`.)

use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use rustix::fs::Access;

use super::error::WorktreeError;

/// Variables that would point git at another repository than the one named.
const LOCATING: [&str; 9] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
    "GIT_ATTR_SOURCE",
];

/// Nothing of the repository's runs, and nothing is tidied behind its owner's back.
const QUIET: [&str; 7] = [
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "maintenance.auto=false",
    "gc.auto=0",
    "protocol.ext.allow=never",
    "protocol.file.allow=always",
    "safe.bareRepository=all",
];

/// Whose repository it is, when root works on somebody else's: git on it runs as its owner, or whatever its
/// owner put into it would run as root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) uid: u32,
    pub(super) gid: u32,
}

/// A git command in a repository.
#[derive(Debug)]
pub(super) struct Git {
    command: Command,
    name: String,
}

impl Git {
    /// Prepares `git <name>` in a folder.
    pub(super) fn new(folder: &Path, name: &str) -> Self {
        Self::with(folder, &[], name)
    }

    /// Prepares `git <name>` in a folder, with settings for this call.
    pub(super) fn with(folder: &Path, settings: &[&str], name: &str) -> Self {
        let mut command = Command::new(program());
        for variable in LOCATING {
            command.env_remove(variable);
        }
        command.env("GIT_TERMINAL_PROMPT", "0").env("GIT_OPTIONAL_LOCKS", "0").env("LC_ALL", "C");
        // A fetch takes the objects themselves: what is compared with them must not be their replacements.
        command.env("GIT_NO_REPLACE_OBJECTS", "1");
        // What a partial clone lacks is refused, not fetched behind its owner's back.
        command.env("GIT_NO_LAZY_FETCH", "1");
        // For what a run makes: its own refs are looked for as files.
        command.env("GIT_DEFAULT_REF_FORMAT", "files");
        command.arg("-C").arg(folder);
        for setting in QUIET.iter().chain(settings) {
            command.args(["-c", setting]);
        }
        command.arg(name).stdin(Stdio::null());
        Self { command, name: name.to_owned() }
    }

    /// Names the git directory, for one whose work tree is elsewhere or gone.
    pub(super) fn git_dir(mut self, git_dir: &Path) -> Self {
        self.command.env("GIT_DIR", git_dir).env("GIT_WORK_TREE", git_dir);
        self
    }

    /// Runs as the owner of the repository, with the owner's own settings.
    pub(super) fn owned_by(mut self, owner: Option<Owner>) -> Self {
        let Some(owner) = owner else { return self };
        self.command = searched_anew(&self.command);
        let user = nix::unistd::User::from_uid(owner.uid.into()).ok().flatten();
        let home = user.map_or_else(|| "/nonexistent".into(), |user| user.dir);
        self.command.uid(owner.uid).gid(owner.gid).env("HOME", home).env_remove("XDG_CONFIG_HOME");
        self
    }

    /// Gives it a file as its standard input.
    pub(super) fn stdin(mut self, file: File) -> Self {
        self.command.stdin(file);
        self
    }

    /// Adds an argument.
    pub(super) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    /// Adds arguments.
    pub(super) fn args(mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.command.args(args);
        self
    }

    /// Hands it to somebody who runs it.
    pub(super) fn into_command(self) -> Command {
        self.command
    }

    /// Runs it; the bytes it printed, or what it complained of.
    pub(super) fn run(mut self) -> Result<Vec<u8>, WorktreeError> {
        let output = self.command.output().map_err(|error| Self::unstartable(&error))?;
        judge(&self.name, output)
    }

    /// Runs it with bytes on its standard input.
    pub(super) fn feed(mut self, input: Vec<u8>) -> Result<Vec<u8>, WorktreeError> {
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().map_err(|error| Self::unstartable(&error))?;
        let stdin = child.stdin.take();
        // From a thread: git answers while it reads, and both pipes are finite.
        let writer = std::thread::spawn(move || stdin.map(|mut stdin| stdin.write_all(&input)));
        let output = child.wait_with_output()?;
        let _ = writer.join();
        judge(&self.name, output)
    }

    /// Runs it with bytes on its standard input, and has somebody read what it prints while it does.
    pub(super) fn feed_and_read<T>(
        mut self,
        input: Vec<u8>,
        read: impl FnOnce(&mut dyn BufRead) -> T,
    ) -> Result<T, WorktreeError> {
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().map_err(|error| Self::unstartable(&error))?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let writer = std::thread::spawn(move || stdin.map(|mut stdin| stdin.write_all(&input)));
        let taken = match stdout {
            Some(stdout) => read(&mut BufReader::new(stdout)),
            None => read(&mut std::io::empty()),
        };
        let output = child.wait_with_output()?;
        let _ = writer.join();
        judge(&self.name, output).map(|_| taken)
    }

    /// Runs it with bytes on its standard input, and what it prints on that of another git.
    pub(super) fn feed_through(mut self, input: Vec<u8>, mut into: Self) -> Result<(), WorktreeError> {
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut from = self.command.spawn().map_err(|error| Self::unstartable(&error))?;
        let (stdin, stdout) = (from.stdin.take(), from.stdout.take());
        let writer = std::thread::spawn(move || stdin.map(|mut stdin| stdin.write_all(&input)));
        into.command.stdin(stdout.map_or_else(Stdio::null, Stdio::from));
        let received = into.command.output().map_err(|error| Self::unstartable(&error));
        // It holds the reading end: while it is there, the writer would wait for ever.
        drop(into.command);
        let sent = from.wait_with_output()?;
        let _ = writer.join();
        // What the first complains of is the cause of what the second does.
        judge(&self.name, sent)?;
        judge(&into.name, received?).map(drop)
    }

    /// Runs it and tells whether a line it prints begins so; it is not waited for longer than that.
    pub(super) fn prints_line_with(mut self, start: u8) -> Result<bool, WorktreeError> {
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().map_err(|error| Self::unstartable(&error))?;
        let mut lines = child.stdout.take().into_iter().flat_map(|out| BufReader::new(out).split(b'\n'));
        let found = lines.any(|line| line.is_ok_and(|line| line.first() == Some(&start)));
        drop(lines);
        let output = child.wait_with_output()?;
        if found { Ok(true) } else { judge(&self.name, output).map(|_| false) }
    }

    /// Runs it; the line it printed, without its newline.
    pub(super) fn line(self) -> Result<String, WorktreeError> {
        let bytes = self.run()?;
        let text = String::from_utf8_lossy(&bytes);
        Ok(text.strip_suffix('\n').unwrap_or(&text).to_owned())
    }

    /// Runs it; whether it exited with 0.
    pub(super) fn succeeds(mut self) -> Result<bool, WorktreeError> {
        self.command.stdout(Stdio::null()).stderr(Stdio::null());
        Ok(self.command.status().map_err(|error| Self::unstartable(&error))?.success())
    }

    fn unstartable(error: &std::io::Error) -> WorktreeError {
        WorktreeError::refused(
            format!("git cannot be started: {error}"),
            "install git and have it on PATH (`autopilot doctor` shows what is found)",
        )
    }
}

/// Returns what a git printed, or what it complained of.
fn judge(name: &str, output: Output) -> Result<Vec<u8>, WorktreeError> {
    if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(WorktreeError::git(name, output.status.into(), &output.stderr))
    }
}

/// Returns where git is, looked for once: each call would look through PATH anew. A folder that is named relative to
/// where autopilot was started is passed over: it may be one of the repository's.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::env::split_paths(&path).filter(|folder| folder.is_absolute());
        let mut programs = folders.map(|folder| folder.join("git"));
        let found = programs.find(|git| git.is_file() && rustix::fs::access(git, Access::EXEC_OK).is_ok());
        found.unwrap_or_else(|| PathBuf::from("git"))
    })
}

/// Returns the same command, whose program is looked for when it runs: for somebody who may not reach what we do.
fn searched_anew(command: &Command) -> Command {
    let mut again = Command::new("git");
    again.args(command.get_args()).stdin(Stdio::null());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => again.env(name, value),
            None => again.env_remove(name),
        };
    }
    again
}
