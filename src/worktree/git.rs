//! Git of the runner's own, on repositories that no step can reach. (On a worktree it runs confined: `confined.rs`.)

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::fs::Access;

use super::error::WorktreeError;
use super::halt::Halt;
use super::meter::Meter;
use super::running::Running;

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
const QUIET: [&str; 10] = [
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    // A program of the shell that prints nothing: no value means that there is none.
    "core.alternateRefsCommand=:",
    "submodule.recurse=false",
    "fetch.recurseSubmodules=false",
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

/// No git that tells something takes longer; one that reads a setting which names a pipe takes for ever.
const PATIENCE: Duration = Duration::from_secs(120);

/// A large history moves, or is looked through, within this time.
pub(super) const LONG: Duration = Duration::from_secs(6 * 3600);

/// What moves a history, or looks through it.
const MOVING: [&str; 7] =
    ["cat-file", "checkout", "diff-tree", "fetch", "index-pack", "pack-objects", "rev-list"];

/// A git command in a repository.
#[derive(Debug)]
pub(super) struct Git {
    command: Command,
    name: String,
    patience: Duration,
    halt: Halt,
    meter: Meter,
    /// Bytes that one file may have which it or its children write.
    most: Option<u64>,
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
        let patience = if MOVING.contains(&name) { LONG } else { PATIENCE };
        Self {
            command,
            name: name.to_owned(),
            patience,
            halt: Halt::never(),
            meter: Meter::none(),
            most: None,
        }
    }

    /// Is ended once this says so.
    pub(super) fn heed(mut self, halt: &Halt) -> Self {
        self.halt = halt.clone();
        self
    }

    /// Tells somebody how far it is, and asks it for that.
    pub(super) fn tell(mut self, meter: &Meter) -> Self {
        self.meter = meter.clone();
        self.arg(meter.option())
    }

    /// Writes objects to this folder, and reads those of the other as well.
    pub(super) fn stored_in(mut self, objects: &Path, others: &Path) -> Self {
        self.command.env("GIT_OBJECT_DIRECTORY", objects);
        self.command.env("GIT_ALTERNATE_OBJECT_DIRECTORIES", quoted(others.as_os_str()));
        self
    }

    /// Reads the objects of this folder as well.
    pub(super) fn reading(mut self, objects: &Path) -> Self {
        self.command.env("GIT_ALTERNATE_OBJECT_DIRECTORIES", quoted(objects.as_os_str()));
        self
    }

    /// Sets a variable.
    pub(super) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Writes no file, and none of its children does, that is larger than this.
    pub(super) fn writing_at_most(mut self, bytes: u64) -> Self {
        self.most = Some(bytes);
        self
    }

    /// Is not waited for any longer than this.
    pub(super) fn within(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Starts no filter of these names, which may be any: by variables, since a name may hold what ends one in an
    /// argument. They come behind those that the caller has.
    pub(super) fn without_filters(mut self, names: &[String]) -> Self {
        let known = std::env::var("GIT_CONFIG_COUNT").ok().and_then(|count| count.parse().ok());
        let mut count: usize = known.unwrap_or(0);
        for key in
            names.iter().flat_map(|name| ["process", "required"].map(|key| format!("filter.{name}.{key}")))
        {
            self.command.env(format!("GIT_CONFIG_KEY_{count}"), key);
            self.command.env(format!("GIT_CONFIG_VALUE_{count}"), "");
            count += 1;
        }
        self.command.env("GIT_CONFIG_COUNT", count.to_string());
        self
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

    /// Takes from files alone, whatever the settings make of a place.
    pub(super) fn files_only(mut self) -> Self {
        self.command.env("GIT_ALLOW_PROTOCOL", "file");
        self
    }

    /// Runs it; the bytes it printed, or what it complained of.
    pub(super) fn run(mut self) -> Result<Vec<u8>, WorktreeError> {
        let running = self.start()?;
        judge(&self.name, running.end()?)
    }

    /// Runs it with bytes on its standard input.
    pub(super) fn feed(self, input: Vec<u8>) -> Result<Vec<u8>, WorktreeError> {
        self.feed_and_read(input, |printed| {
            let mut bytes = Vec::new();
            printed.read_to_end(&mut bytes).map(|_| bytes)
        })?
        .map_err(WorktreeError::from)
    }

    /// Runs it, and has somebody read what it prints while it does.
    pub(super) fn read<T>(mut self, read: impl FnOnce(&mut dyn BufRead) -> T) -> Result<T, WorktreeError> {
        let mut running = self.start()?;
        let taken = read_from(&mut running, read);
        judge(&self.name, running.end()?).map(|_| taken)
    }

    /// Runs it with bytes on its standard input, and has somebody read what it prints while it does.
    pub(super) fn feed_and_read<T>(
        mut self,
        input: Vec<u8>,
        read: impl FnOnce(&mut dyn BufRead) -> T,
    ) -> Result<T, WorktreeError> {
        let (mut running, writer) = self.start_fed(input)?;
        let taken = read_from(&mut running, read);
        let output = running.end();
        let _ = writer.join();
        judge(&self.name, output?).map(|_| taken)
    }

    /// Runs it with bytes on its standard input, and what it prints on that of another git.
    pub(super) fn feed_through(mut self, input: Vec<u8>, mut into: Self) -> Result<(), WorktreeError> {
        let (mut from, writer) = self.start_fed(input)?;
        into.command.stdin(from.stdout().map_or_else(Stdio::null, Stdio::from));
        let received = into.start().and_then(Running::end);
        // It holds the reading end: while it is there, the writer would wait for ever.
        drop(into.command);
        let sent = from.end()?;
        let _ = writer.join();
        // What the first complains of is the cause of what the second does.
        judge(&self.name, sent)?;
        judge(&into.name, received?).map(drop)
    }

    /// Runs it and tells whether a line it prints begins so; it is not waited for longer than that.
    pub(super) fn prints_line_with(mut self, start: u8) -> Result<bool, WorktreeError> {
        let mut running = self.start()?;
        let mut lines = running.stdout().into_iter().flat_map(|out| BufReader::new(out).split(b'\n'));
        let found = lines.any(|line| line.is_ok_and(|line| line.first() == Some(&start)));
        drop(lines);
        let output = running.end()?;
        if found { Ok(true) } else { judge(&self.name, output).map(|_| false) }
    }

    /// Runs it; the line it printed, without its newline.
    pub(super) fn line(self) -> Result<String, WorktreeError> {
        let bytes = self.run()?;
        let text = String::from_utf8_lossy(&bytes);
        Ok(text.strip_suffix('\n').unwrap_or(&text).to_owned())
    }

    /// Runs it; the bytes it printed, also where it exited with this code.
    pub(super) fn printed_with(mut self, code: i32) -> Result<Vec<u8>, WorktreeError> {
        let output = self.start()?.end()?;
        if output.status.code() == Some(code) { Ok(output.stdout) } else { judge(&self.name, output) }
    }

    /// Heeds the settings of its git directory alone.
    pub(super) fn without_settings(mut self) -> Self {
        self.command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
        self.command.env_remove("GIT_CONFIG_COUNT").env_remove("GIT_CONFIG_PARAMETERS");
        self
    }

    /// Runs it; whether it exited with 0.
    pub(super) fn succeeds(mut self) -> Result<bool, WorktreeError> {
        Ok(self.start()?.end()?.status.success())
    }

    fn start(&mut self) -> Result<Running, WorktreeError> {
        let running =
            Running::start(&mut self.command, &self.name, self.patience, self.halt.clone(), &self.meter)?;
        // Its children come later: each takes this over.
        self.most.map_or(Ok(()), |most| running.write_at_most(most))?;
        Ok(running)
    }

    /// Starts it, and somebody who writes to it: git answers while it reads, and both pipes are finite.
    fn start_fed(&mut self, input: Vec<u8>) -> Result<(Running, JoinHandle<()>), WorktreeError> {
        self.command.stdin(Stdio::piped());
        let mut running = self.start()?;
        let stdin = running.stdin();
        let writer = std::thread::spawn(move || drop(stdin.map(|mut stdin| stdin.write_all(&input))));
        Ok((running, writer))
    }
}

/// Quotes a path as one of a list: colons part them.
fn quoted(path: &OsStr) -> OsString {
    let mut quoted = vec![b'"'];
    for &byte in path.as_bytes() {
        match byte {
            b'"' | b'\\' => quoted.extend([b'\\', byte]),
            b'\n' => quoted.extend(b"\\n"),
            byte => quoted.push(byte),
        }
    }
    quoted.push(b'"');
    OsString::from_vec(quoted)
}

fn read_from<T>(running: &mut Running, read: impl FnOnce(&mut dyn BufRead) -> T) -> T {
    match running.stdout() {
        Some(stdout) => read(&mut BufReader::new(stdout)),
        None => read(&mut std::io::empty()),
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
