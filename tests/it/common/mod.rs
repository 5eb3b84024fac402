//! The hermetic builder: a scratch repository, a clean environment, the real binary, the real git.

pub(crate) mod github;
pub(crate) mod http;
pub(crate) mod in_time;
pub(crate) mod layers;
mod messages;
pub(crate) mod model;
pub(crate) mod program;
pub(crate) mod request;

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// Makes a host poorer: `python3 -c REFUSE CALL,… COMMAND…`.
pub(crate) const REFUSE: &str = include_str!("refuse.py");

/// Returns the same command where `unshare` is refused to whatever it starts.
pub(crate) fn without_unshare(like: &Command) -> Command {
    let mut command = Command::new("/usr/bin/python3");
    command.args(["-c", REFUSE, "unshare"]).arg(like.get_program()).args(like.get_args()).env_clear();
    command.envs(like.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.current_dir(like.get_current_dir().expect("the command has a folder"));
    command
}

/// Returns a PATH with this folder before all others.
pub(crate) fn path_behind(folder: &Path) -> OsString {
    let own = std::env::var_os("PATH").unwrap_or_default();
    let all = std::iter::once(folder.to_owned()).chain(std::env::split_paths(&own));
    std::env::join_paths(all).unwrap()
}

/// The codes of findings in what an audit prints with `--json`, wherever they stand.
pub(crate) fn codes_in(report: &Value) -> BTreeSet<String> {
    let (mut codes, mut open) = (BTreeSet::new(), vec![report]);
    while let Some(value) = open.pop() {
        codes.extend(value["code"].as_str().map(str::to_owned));
        match value {
            Value::Array(values) => open.extend(values),
            Value::Object(fields) => open.extend(fields.values()),
            _ => {}
        }
    }
    codes
}

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

/// Runs a script in the repository of a remote, as somebody there; returns what it prints.
pub(crate) fn in_bare(bare: &Path, script: &str) -> String {
    let mut shell = Command::new("sh");
    shell.args(["-euc", script]).current_dir(bare).env("GIT_CONFIG_GLOBAL", "/dev/null");
    let output = shell.output().unwrap();
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Where git is, by its whole path. By its name alone, and with a PATH of its own, a child is not spawned but forked: for
/// that the kernel copies the page tables of all tests together.
pub(crate) fn git_program() -> &'static Path {
    static GIT: LazyLock<PathBuf> = LazyLock::new(|| {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let all = std::env::split_paths(&path).map(|folder| folder.join("git"));
        all.into_iter().find(|program| program.is_file()).expect("git is on PATH")
    });
    &GIT
}

impl Repo {
    /// Makes a repository with one commit.
    pub(crate) fn new() -> Self {
        Self::init(&[])
    }

    /// The same with more arguments of `git init`.
    pub(crate) fn init(more: &[&str]) -> Self {
        let repo = Self::empty();
        repo.git([&["init", "-q", "-b", "main"], more].concat());
        repo.introduce();
        repo.file("README.md", "a scratch repository\n");
        repo.file(".gitignore", "target/\n");
        repo.commit("first");
        repo
    }

    /// Makes the folders only: no repository is there yet.
    pub(crate) fn empty() -> Self {
        in_time::watch();
        let repo = Self { dir: tempfile::Builder::new().prefix("autopilot-it-").tempdir().unwrap() };
        for folder in ["repo", "state", "home"] {
            fs::create_dir(repo.dir.path().join(folder)).unwrap();
        }
        repo
    }

    /// Clones a repository; nothing if git will not.
    pub(crate) fn cloned(from: &Path) -> Option<Self> {
        let repo = Self::empty();
        let clone = repo
            .clean(Command::new(git_program()))
            .args(["clone", "-q", "--no-hardlinks"])
            .arg(from)
            .arg(".")
            .status();
        clone.unwrap().success().then(|| {
            repo.introduce();
            repo
        })
    }

    /// Copies everything: checkout, state directory, home.
    pub(crate) fn copy(&self) -> Self {
        in_time::watch();
        let copy = Self { dir: tempfile::Builder::new().prefix("autopilot-it-").tempdir().unwrap() };
        let status = Command::new("cp").arg("-a").arg(self.dir().join(".")).arg(copy.dir()).status();
        assert!(status.unwrap().success(), "cp");
        copy
    }

    fn introduce(&self) {
        self.git(["config", "user.name", "Somebody"]);
        self.git(["config", "user.email", "somebody@example.org"]);
    }

    /// The folder of everything; its name is in every path of a run.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// HOME of whoever starts autopilot.
    pub(crate) fn home(&self) -> PathBuf {
        self.dir.path().join("home")
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

    /// Writes one file and commits everything.
    pub(crate) fn commit_file(&self, path: &str, text: &str) {
        self.file(path, text);
        self.commit(path);
    }

    /// Writes and commits the plan of issue 7: its steps, after a head that is always the same.
    pub(crate) fn plan(&self, steps: &str) {
        self.plan_with("", steps);
    }

    /// The same with more at the top level.
    pub(crate) fn plan_with(&self, more: &str, steps: &str) {
        self.plan_of(7, more, steps);
        self.commit("plan");
    }

    /// Writes the plan of any issue, and does not commit it.
    pub(crate) fn plan_of(&self, issue: u64, more: &str, steps: &str) {
        let text = format!("version: 1\nissue: {issue}\ntitle: Try\n{more}\nsteps:\n{steps}");
        self.file(&format!(".ai/plans/{issue}/Autopilot.yaml"), &text);
    }

    /// Runs git in the checkout.
    pub(crate) fn git<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> String {
        String::from_utf8_lossy(&self.git_bytes(args)).trim_end().to_owned()
    }

    /// The same, and returns the bytes it printed.
    pub(crate) fn git_bytes<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Vec<u8> {
        // Looking must not refresh the index that is looked at.
        let mut git = self.clean(Command::new(git_program()));
        // Nor does each commit need somebody who looks whether there is something to tidy up.
        git.env("GIT_OPTIONAL_LOCKS", "0").args(["-c", "maintenance.auto=false"]);
        let output = git.args(args).output().unwrap();
        assert!(output.status.success(), "git: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    /// Prepares autopilot in the checkout.
    pub(crate) fn command<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        // Elsewhere if the tests were moved to where another user can go.
        let moved = std::env::var_os("AUTOPILOT_TEST_BINARY");
        let binary = moved.unwrap_or_else(|| env!("CARGO_BIN_EXE_autopilot").into());
        let mut command = self.clean(Command::new(binary));
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
        // HOME is a scratch one: the steps' cargo has to find the toolchains of the caller's.
        for (name, folder) in [("RUSTUP_HOME", ".rustup"), ("CARGO_HOME", ".cargo")] {
            let in_home = std::env::home_dir().map(|home| home.join(folder)).filter(|path| path.is_dir());
            if let Some(value) = std::env::var_os(name).or(in_home.map(PathBuf::into_os_string)) {
                command.env(name, value);
            }
        }
        command
    }

    /// Directory of the one run that left one.
    pub(crate) fn run_dir(&self) -> PathBuf {
        fs::read_dir(self.state().join("runs")).unwrap().next().unwrap().unwrap().path()
    }

    /// Kills a runner, and waits until nothing of it is left.
    pub(crate) fn kill(&self, child: &mut Child) {
        signal(child, nix::sys::signal::Signal::SIGKILL);
        child.wait().unwrap();
        wait_until(|| self.processes().is_empty());
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

    /// Names of the runs, oldest first.
    pub(crate) fn run_names(&self) -> Vec<String> {
        let name = |path: &PathBuf| path.file_stem()?.to_str()?.strip_prefix("status-").map(str::to_owned);
        self.evidence("status-").iter().filter_map(name).collect()
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
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        let is_log = |path: &&PathBuf| path.extension().is_some_and(|ending| ending == "log");
        let Some(latest) = paths.iter().rfind(is_log).and_then(|path| path.to_str()) else {
            return String::new();
        };
        // With what attempts that are under way have printed so far. One that ends meanwhile is in the log.
        let own = paths.iter().filter(|path| path.to_str().is_some_and(|path| path.starts_with(latest)));
        let bytes: Vec<u8> = own.flat_map(|path| fs::read(path).unwrap_or_default()).collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Adds a bare repository as `origin`, which has the base; returns where it is.
    pub(crate) fn add_remote(&self) -> PathBuf {
        let bare = self.dir().join("bare.git");
        self.git(["init", "-q", "-b", "main", "--bare", bare.to_str().unwrap()]);
        self.git(["remote", "add", "origin", &format!("file://{}", bare.display())]);
        self.git(["push", "-q", "origin", "main"]);
        bare
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

    /// Everything of the repository that a run must not touch: what git keeps of it and every file of the
    /// checkout, but for result branches and evidence.
    pub(crate) fn fingerprint(&self) -> String {
        let git = self.top().join(".git");
        let mut text = String::new();
        for part in ["HEAD", "ORIG_HEAD", "FETCH_HEAD", "config", "config.worktree", "index", "packed-refs"] {
            text.push_str(&format!("{part}: {:?}\n", fs::read(git.join(part)).ok()));
        }
        let refs = self.git(["for-each-ref", "--format=%(refname) %(objectname) %(symref)"]);
        let own = |line: &&str| !line.starts_with("refs/heads/autopilot/");
        refs.lines().filter(own).for_each(|line| text.push_str(&format!("{line}\n")));
        for args in [&["status", "--porcelain"][..], &["worktree", "list"], &["stash", "list"]] {
            text.push_str(&format!("{}\n", self.git(args)));
        }
        for folder in ["hooks", "info", "logs", "worktrees"].map(|name| git.join(name)) {
            text.push_str(&format!("{}: {}\n", folder.display(), folder.is_dir()));
            text.push_str(&if folder.is_dir() { contents(&folder) } else { String::new() });
        }
        text + &contents(&self.top())
    }

    /// Command lines of whatever still runs for a run of this repository, inside the sandbox or outside.
    pub(crate) fn processes(&self) -> Vec<String> {
        let name = self.dir.path().file_name().unwrap().to_str().unwrap();
        let own = std::process::id().to_string();
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let pid = entry.file_name().to_string_lossy().into_owned();
            if pid == own || !pid.bytes().all(|byte| byte.is_ascii_digit()) {
                continue;
            }
            let text = |file: &str| {
                let bytes = fs::read(entry.path().join(file)).unwrap_or_default();
                String::from_utf8_lossy(&bytes).replace('\0', " ")
            };
            if is_kernels_or_over(&text("stat")) {
                continue;
            }
            let command = text("cmdline");
            let cwd = || fs::read_link(entry.path().join("cwd")).unwrap_or_default();
            // A confined process has the run's folders among its mounts, whatever it calls itself.
            if command.contains(name)
                || cwd().to_string_lossy().contains(name)
                || text("mountinfo").contains(name)
            {
                found.push(format!("{pid} {command}"));
            }
        }
        found
    }

    /// Processes of that name that work for a run of this repository: quicker than looking at all of them.
    pub(crate) fn processes_called(&self, name: &str) -> Vec<nix::unistd::Pid> {
        let own = self.dir.path().file_name().unwrap().as_encoded_bytes();
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|pid| pid.parse().ok()) else { continue };
            let bytes = |file: &str| fs::read(entry.path().join(file)).unwrap_or_default();
            let holds = |bytes: &[u8]| bytes.windows(own.len()).any(|part| part == own);
            let cwd = || fs::read_link(entry.path().join("cwd")).unwrap_or_default();
            if bytes("comm") == format!("{name}\n").as_bytes()
                && (holds(&bytes("cmdline"))
                    || holds(cwd().as_os_str().as_encoded_bytes())
                    || holds(&bytes("mountinfo")))
            {
                found.push(nix::unistd::Pid::from_raw(pid));
            }
        }
        found
    }

    /// Checks the chain of a journal by itself, without the code that wrote it, and returns its events.
    pub(crate) fn chain(journal: &Path) -> Vec<Value> {
        use sha2::{Digest, Sha256};
        let bytes = fs::read(journal).unwrap();
        assert!(bytes.is_empty() || bytes.ends_with(b"\n"), "{}: a torn line", journal.display());
        let mut prev = "0".repeat(64);
        let mut events = Vec::new();
        for (seq, line) in bytes.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()).enumerate() {
            let value: Value = serde_json::from_slice(line).unwrap();
            assert!(value["v"] == 1 || value["v"] == 2, "{}", value["v"]);
            assert_eq!(value["seq"], seq, "{}", journal.display());
            assert_eq!(value["prev"], prev, "{}: line {}", journal.display(), seq + 1);
            prev = hex::encode(Sha256::digest(line));
            events.push(value["event"].clone());
        }
        events
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

    /// Demands that neither standard output nor error says something.
    #[track_caller]
    pub(crate) fn hides(self, text: &str) -> Self {
        let said = self.stdout.contains(text) || self.stderr.contains(text);
        assert!(!said, "`{text}` is in:\n{}\n{}", self.stdout, self.stderr);
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

/// Lists every file below a folder with what is in it: not `.git`, and not the evidence and result branches of runs.
fn contents(top: &Path) -> String {
    use std::os::unix::fs::PermissionsExt;
    let mut lines = Vec::new();
    let mut open = vec![top.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).unwrap().flatten() {
            let path = entry.path();
            let metadata = fs::symlink_metadata(&path).unwrap();
            if [".git", ".ai/logs", "logs/refs/heads/autopilot"].iter().any(|own| path.ends_with(own)) {
                continue;
            }
            let what = if metadata.is_dir() {
                open.push(path.clone());
                "folder".to_owned()
            } else if metadata.is_symlink() {
                format!("-> {:?}", fs::read_link(&path).unwrap())
            } else if metadata.is_file() {
                format!("{:?}", String::from_utf8_lossy(&fs::read(&path).unwrap()))
            } else {
                "special".to_owned()
            };
            lines.push(format!("{path:?} {:o} {what}\n", metadata.permissions().mode()));
        }
    }
    lines.sort();
    lines.concat()
}

/// Says, past what the harness keeps to itself, that the rest of the calling test was NOT TRIED, and why: a test that ends early
/// is green.
pub(crate) fn not_tried(why: &str) {
    let thread = std::thread::current();
    let _ = writeln!(std::io::stderr(), "NOT TRIED: {}: {why}", thread.name().unwrap_or("a test"));
}

/// Tells whether the tests run as root; says that the rest of the calling test was not tried if not, and why only root tries it.
pub(crate) fn only_as_root(why: &str) -> bool {
    let is_root = nix::unistd::geteuid().is_root();
    if !is_root {
        not_tried(why);
    }
    is_root
}

/// Waits until something holds, for at most half a minute.
#[track_caller]
pub(crate) fn wait_until(condition: impl FnMut() -> bool) {
    wait_for(Duration::from_secs(30), condition);
}

/// Tells, by `/proc/PID/stat`, whether that is a thread of the kernel's, or a zombie.
fn is_kernels_or_over(stat: &str) -> bool {
    const PF_KTHREAD: u64 = 0x0020_0000;
    let Some((_, rest)) = stat.rsplit_once(") ") else { return true };
    let flags = rest.split(' ').nth(6).and_then(|flags| flags.parse::<u64>().ok());
    rest.starts_with('Z') || flags.is_some_and(|flags| flags & PF_KTHREAD != 0)
}

/// Waits until something holds; it has to in this time.
#[track_caller]
pub(crate) fn wait_for(most: Duration, mut condition: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < most, "waited for {most:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Sends a signal to a child.
pub(crate) fn signal(child: &Child, signal: nix::sys::signal::Signal) {
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap()), signal).unwrap();
}
