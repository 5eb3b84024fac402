//! Where the demo is played: a repository, a state directory and a key in a folder of their own, and this very program.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::files::FILES;
use crate::cli::exit::Failure;
use crate::cli::output;
use crate::evidence::{Files, RunName};

/// The issue whose run is killed, goes on, and is audited.
pub(super) const FIXED: u64 = 5;

/// How long the moment is waited for at which the runner is killed.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is done in a scene, and with which exit code it has to end.
pub(super) struct Act {
    what: What,
    pub(super) code: i32,
}

enum What {
    /// A plan is written.
    Plan(u64, String),
    /// This program is called.
    Autopilot(Vec<&'static str>),
    /// The same, and it is killed in its second step.
    Killed(Vec<&'static str>),
    /// A byte of the evidence is changed.
    ChangedByte,
}

impl Act {
    pub(super) fn plan(issue: u64, steps: &str) -> Self {
        Self { what: What::Plan(issue, steps.to_owned()), code: 0 }
    }

    pub(super) fn autopilot(args: &[&'static str], code: i32) -> Self {
        Self { what: What::Autopilot(args.to_vec()), code }
    }

    pub(super) fn killed(args: &[&'static str]) -> Self {
        Self { what: What::Killed(args.to_vec()), code: 0 }
    }

    pub(super) fn changed_byte() -> Self {
        Self { what: What::ChangedByte, code: 0 }
    }

    /// Returns it as somebody would type it.
    pub(super) fn shown(&self) -> String {
        match &self.what {
            What::Plan(issue, _) => format!("cat .ai/plans/{issue}/Autopilot.yaml"),
            What::Autopilot(args) => format!("autopilot {}", args.join(" ")),
            What::Killed(args) => format!("autopilot {} & sleep 1; kill -9 $!", args.join(" ")),
            What::ChangedByte => format!("sed -i s/right/wrong/ .ai/logs/*/autopilot-*-{FIXED}.log"),
        }
    }
}

/// The folder of the demo.
pub(super) struct Stage {
    folder: PathBuf,
}

impl Stage {
    /// Makes folder and repository.
    pub(super) fn set(folder: Option<PathBuf>) -> io::Result<Self> {
        let folder = match folder {
            Some(folder) => {
                fs::create_dir(&folder)?;
                fs::canonicalize(folder)?
            }
            None => tempfile::Builder::new().prefix("autopilot-demo-").tempdir()?.keep(),
        };
        // Where root runs it, the steps run as somebody else: it is the sandbox that hides the key, not its folder.
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755))?;
        let stage = Self { folder };
        fs::create_dir(stage.top())?;
        fs::write(stage.key(), "the key to everything\n")?;
        fs::create_dir(stage.top().join("tests"))?;
        for (name, text) in FILES {
            fs::write(stage.top().join(name), text)?;
        }
        for args in [
            &["init", "-q", "-b", "main"][..],
            &["config", "user.name", "Demo"],
            &["config", "user.email", "demo@localhost"],
            &["add", "-A"],
            &["commit", "-q", "-m", "A greeting with a fault"],
        ] {
            stage.git(args)?;
        }
        Ok(stage)
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    fn top(&self) -> PathBuf {
        self.folder.join("repository")
    }

    /// Returns where a key lies that no step is to see.
    pub(super) fn key(&self) -> String {
        self.folder.join("id_demo").display().to_string()
    }

    fn git(&self, args: &[&str]) -> io::Result<()> {
        let done = Command::new("git").args(args).current_dir(self.top()).stdin(Stdio::null()).output()?;
        let said = String::from_utf8_lossy(&done.stderr).trim().to_owned();
        if done.status.success() {
            Ok(())
        } else {
            Err(io::Error::other(format!("git {}: {said}", args.join(" "))))
        }
    }

    /// Does what is to be done, shows it, and returns with which code it ended.
    pub(super) fn play(&self, act: &Act) -> Result<i32, Failure> {
        output::line(&format!("$ {}", act.shown()))?;
        match &act.what {
            What::Plan(issue, steps) => {
                let text = format!("version: 1\nissue: {issue}\n{steps}");
                self.plan(*issue, &text).map_err(|error| Failure::system(&error))?;
                indented(&text)?;
                Ok(0)
            }
            What::Autopilot(args) => {
                let done = self.autopilot(args).output().map_err(|error| Failure::system(&error))?;
                indented(&String::from_utf8_lossy(&done.stdout))?;
                indented(&String::from_utf8_lossy(&done.stderr))?;
                Ok(done.status.code().unwrap_or(-1))
            }
            What::Killed(args) => self.kill(args).map_err(|error| Failure::system(&error)),
            What::ChangedByte => self.change_byte().map_err(|error| Failure::system(&error)),
        }
    }

    fn plan(&self, issue: u64, text: &str) -> io::Result<()> {
        let folder = self.top().join(format!(".ai/plans/{issue}"));
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("Autopilot.yaml"), text)
    }

    fn autopilot(&self, args: &[&str]) -> Command {
        let mut command = Command::new("/proc/self/exe");
        command.args(args).current_dir(self.top()).stdin(Stdio::null());
        command.env("AUTOPILOT_STATE_DIR", self.folder.join("state"));
        // What is shown is the program's own word, whatever surrounds it.
        command.env_remove("GITHUB_ACTIONS").env_remove("AUTOPILOT_LOG").env("CI", "1");
        command
    }

    /// Kills the runner once its second step has begun.
    fn kill(&self, args: &[&str]) -> io::Result<i32> {
        let mut runner = self.autopilot(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE && runner.try_wait()?.is_none() && !self.is_at_the_second()? {
            std::thread::sleep(Duration::from_millis(50));
        }
        runner.kill()?;
        let killed = runner.wait()?;
        // Whoever had ended by itself was not killed: the scene is not what it says.
        Ok(killed.code().map_or(0, |_| 1))
    }

    fn last(&self) -> io::Result<Option<RunName>> {
        Ok(Files::runs(&self.top())?.into_iter().rfind(|run| run.issue() == FIXED))
    }

    fn is_at_the_second(&self) -> io::Result<bool> {
        let Some(run) = self.last()? else { return Ok(false) };
        // A journal that has no whole first line yet tells nothing.
        let state = Files::of(&self.top(), run).read().ok().flatten();
        Ok(state.is_some_and(|state| state.passed() > 0 && !state.under_way().is_empty()))
    }

    fn change_byte(&self) -> io::Result<i32> {
        let Some(run) = self.last()? else { return Ok(1) };
        let log = Files::of(&self.top(), run).log();
        let text = fs::read_to_string(&log)?;
        fs::write(&log, text.replacen("right", "wrong", 1))?;
        Ok(i32::from(!text.contains("right")))
    }
}

fn indented(text: &str) -> Result<(), Failure> {
    text.lines().try_for_each(|line| output::line(&format!("  {line}")))
}
