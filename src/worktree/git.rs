//! Git of the runner's own, on repositories that no step can reach. (On a worktree it runs confined: `confined.rs`.)

use std::ffi::OsStr;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

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
        let mut command = Command::new("git");
        for variable in LOCATING {
            command.env_remove(variable);
        }
        command.env("GIT_TERMINAL_PROMPT", "0").env("GIT_OPTIONAL_LOCKS", "0").env("LC_ALL", "C");
        // A fetch takes the objects themselves: what is compared with them must not be their replacements.
        command.env("GIT_NO_REPLACE_OBJECTS", "1");
        command.arg("-C").arg(folder);
        for setting in QUIET.iter().chain(settings) {
            command.args(["-c", setting]);
        }
        command.arg(name).stdin(Stdio::null());
        Self { command, name: name.to_owned() }
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
        self.judge(output)
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
        self.judge(output)
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

    fn judge(&self, output: Output) -> Result<Vec<u8>, WorktreeError> {
        if output.status.success() {
            return Ok(output.stdout);
        }
        let stderr = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        let stderr = if stderr.is_empty() { output.status.to_string() } else { stderr };
        Err(WorktreeError::Git { command: self.name.clone(), stderr })
    }

    fn unstartable(error: &std::io::Error) -> WorktreeError {
        WorktreeError::refused(
            format!("git cannot be started: {error}"),
            "install git and have it on PATH (`autopilot doctor` shows what is found)",
        )
    }
}
