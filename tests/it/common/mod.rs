//! The hermetic builder: a scratch repository, a clean environment, the real binary, the real git.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A scratch repository with a state directory and a home of its own.
pub(crate) struct Repo {
    dir: TempDir,
}

/// What an invocation printed, and how it ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Repo {
    /// Makes a repository with one commit.
    pub(crate) fn new() -> Self {
        let repo = Self { dir: tempfile::Builder::new().prefix("autopilot-it-").tempdir().unwrap() };
        for folder in ["repo", "state", "home"] {
            fs::create_dir(repo.dir.path().join(folder)).unwrap();
        }
        repo.git(["init", "-q", "-b", "main"]);
        repo.git(["config", "user.name", "Somebody"]);
        repo.git(["config", "user.email", "somebody@example.org"]);
        repo.file("README.md", "a scratch repository\n");
        repo.file(".gitignore", "target/\n");
        repo.commit("first");
        repo
    }

    /// Top of the checkout.
    pub(crate) fn top(&self) -> PathBuf {
        self.dir.path().join("repo")
    }

    /// The state directory.
    pub(crate) fn state(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    /// Writes a file of the checkout.
    pub(crate) fn file(&self, path: &str, text: &str) {
        let path = self.top().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Reads a file of the checkout.
    pub(crate) fn read(&self, path: impl AsRef<Path>) -> String {
        fs::read_to_string(self.top().join(path)).unwrap()
    }

    /// Commits everything there is.
    pub(crate) fn commit(&self, message: &str) {
        self.git(["add", "-A"]);
        self.git(["commit", "-q", "-m", message]);
    }

    /// Writes and commits the plan of issue 7: its steps, after a head that is always the same.
    pub(crate) fn plan(&self, steps: &str) {
        self.plan_with("", steps);
    }

    /// The same with more at the top level.
    pub(crate) fn plan_with(&self, more: &str, steps: &str) {
        let text = format!("version: 1\nissue: 7\ntitle: Try\n{more}\nsteps:\n{steps}");
        self.file(".ai/plans/7/Autopilot.yaml", &text);
        self.commit("plan");
    }

    /// Runs git in the checkout.
    pub(crate) fn git<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> String {
        let output = self.clean(Command::new("git")).args(args).output().unwrap();
        assert!(output.status.success(), "git: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    /// Prepares autopilot in the checkout.
    pub(crate) fn command<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let mut command = self.clean(Command::new(env!("CARGO_BIN_EXE_autopilot")));
        command.args(args);
        command
    }

    /// Runs autopilot in the checkout.
    pub(crate) fn autopilot<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Ran {
        Ran::of(&self.command(args).output().unwrap())
    }

    /// Runs the plan of issue 7.
    pub(crate) fn run(&self) -> Ran {
        self.autopilot(["7"])
    }

    /// Starts autopilot without waiting for it.
    pub(crate) fn start<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Child {
        self.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    fn clean(&self, mut command: Command) -> Command {
        command
            .current_dir(self.top())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.dir.path().join("home"))
            .env("AUTOPILOT_STATE_DIR", self.state())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("LANG", "C.UTF-8");
        // Where rustup keeps toolchains outside HOME or in the caller's, the steps' cargo has to find them.
        for name in ["RUSTUP_HOME", "CARGO_HOME"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command
    }

    /// Names of the evidence files in `.ai/logs/autopilot` that begin so, oldest first.
    pub(crate) fn evidence(&self, prefix: &str) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(self.top().join(".ai/logs/autopilot")) else { return Vec::new() };
        let mut paths: Vec<PathBuf> = entries
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with(prefix))
            .collect();
        paths.sort();
        paths
    }

    /// Events of the latest run.
    pub(crate) fn events(&self) -> Vec<Value> {
        let journal = self.evidence("status-").pop().expect("no run");
        let text = fs::read_to_string(journal).unwrap();
        text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["event"].clone()).collect()
    }

    /// Events of one type.
    pub(crate) fn events_of(&self, kind: &str) -> Vec<Value> {
        self.events().into_iter().filter(|event| event["type"] == kind).collect()
    }

    /// `step:result` of every step that ended.
    pub(crate) fn steps(&self) -> Vec<String> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let ended = self.events_of("step.ended");
        ended.iter().map(|event| format!("{}:{}", text(&event["step"]), text(&event["result"]))).collect()
    }

    /// The summary of the latest run.
    pub(crate) fn summary(&self) -> String {
        fs::read_to_string(self.evidence("summary-").pop().expect("no summary")).unwrap()
    }

    /// The failure report of the latest run.
    pub(crate) fn failed(&self) -> String {
        fs::read_to_string(self.evidence("FAILED-").pop().expect("no failure report")).unwrap()
    }

    /// The log of the latest run; empty while there is none.
    pub(crate) fn log(&self) -> String {
        let entries = fs::read_dir(self.top().join(".ai/logs/codex")).into_iter().flatten();
        let latest = entries.map(|entry| entry.unwrap().path()).max();
        let bytes = latest.map(|path| fs::read(path).unwrap()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The one result branch there is.
    pub(crate) fn branch(&self) -> String {
        let branches = self.branches();
        assert_eq!(branches.len(), 1, "{branches:?}");
        branches[0].clone()
    }

    /// All result branches.
    pub(crate) fn branches(&self) -> Vec<String> {
        let listed = self.git(["for-each-ref", "--format=%(refname:short)", "refs/heads/autopilot/"]);
        listed.lines().map(str::to_owned).collect()
    }

    /// A file of the result branch.
    pub(crate) fn on_branch(&self, path: &str) -> String {
        self.git(["show", &format!("{}:{path}", self.branch())])
    }

    /// Everything of the repository that a run must not touch, and what the state directory holds.
    pub(crate) fn fingerprint(&self) -> String {
        let git = self.top().join(".git");
        let mut text = String::new();
        for part in ["HEAD", "config", "index", "packed-refs"] {
            let bytes = fs::read(git.join(part)).unwrap_or_default();
            text.push_str(&format!("{part}: {bytes:?}\n"));
        }
        text.push_str(&self.git(["for-each-ref", "--exclude=refs/heads/autopilot/"]));
        text.push_str(&self.git(["status", "--porcelain"]));
        text.push_str(&self.git(["worktree", "list"]));
        text.push_str(&self.git(["stash", "list"]));
        text.push_str(&listing(&git.join("hooks")));
        text.push_str(&listing(&git.join("info")));
        text.push_str(&listing(&git.join("logs")));
        text
    }

    /// What is left in the state directory: nothing, after a run that removed its worktree.
    pub(crate) fn left_in_state(&self) -> Vec<String> {
        ["runs", "locks"]
            .iter()
            .filter_map(|folder| fs::read_dir(self.state().join(folder)).ok())
            .flatten()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect()
    }
}

impl Ran {
    pub(crate) fn of(output: &Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Demands an exit code; shows everything if it was another.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}\n{}", self.stdout, self.stderr);
        self
    }

    /// Demands that standard output or error says something.
    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        let said = self.stdout.contains(text) || self.stderr.contains(text);
        assert!(said, "`{text}` is not in:\n{}\n{}", self.stdout, self.stderr);
        self
    }
}

fn listing(folder: &Path) -> String {
    let Ok(entries) = fs::read_dir(folder) else { return format!("{}: none\n", folder.display()) };
    let mut names: Vec<String> = entries
        .map(|entry| {
            let entry = entry.unwrap();
            format!("{:?} {}\n", entry.file_name(), entry.metadata().unwrap().len())
        })
        .collect();
    names.sort();
    names.concat()
}
