//! Takes a client's program and arguments, gives what it prints; for a bounded time, out of every repository, as the user has it and as a
//! step would.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::github::{Ended, output};
use crate::policy::HostFacts;

/// Variables by name.
type Variables = BTreeMap<String, String>;

/// So long a client may take; on a busy machine the slow ones take two seconds.
const PATIENCE: Duration = Duration::from_secs(20);

/// So much of an answer is read.
const MOST: usize = 1 << 20;

/// What keeps clients from more than telling: from asking their makers for a newer version, from downloading another one of themselves or a
/// toolchain, from colours and from cut lines.
const QUIET: [(&str, &str); 10] = [
    ("npm_config_update_notifier", "false"),
    ("COREPACK_ENABLE_NETWORK", "0"),
    ("COREPACK_ENABLE_STRICT", "0"),
    ("YARN_ENABLE_TELEMETRY", "0"),
    ("PIP_DISABLE_PIP_VERSION_CHECK", "1"),
    ("RUSTUP_AUTO_INSTALL", "0"),
    ("GOTOOLCHAIN", "local"),
    ("NO_COLOR", "1"),
    ("TERM", "dumb"),
    ("COLUMNS", "500"),
];

/// Whose settings are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum As {
    /// The user's own.
    User,
    /// Those that a step finds.
    Step,
}

/// How clients are asked.
#[derive(Debug)]
pub(super) struct Asking {
    path: Vec<PathBuf>,
    own: Variables,
    in_step: Variables,
    /// HOME of a step, as it begins: there is nothing in it.
    home: tempfile::TempDir,
}

impl Asking {
    pub(super) fn new(host: &HostFacts, in_step: &[(String, String)]) -> std::io::Result<Self> {
        let home = tempfile::tempdir()?;
        let named = |path: &Path| path.to_string_lossy().into_owned();
        let search: Vec<String> = host.path.iter().map(|dir| named(dir)).collect();
        let mut own = host.environment.clone();
        // Without what lies in the checkout.
        own.insert("PATH".into(), search.join(":"));
        let mut in_step: Variables = in_step.iter().cloned().collect();
        in_step.insert("HOME".into(), named(home.path()));
        Ok(Self { path: host.path.clone(), own, in_step, home })
    }

    /// Returns where a program of PATH is.
    pub(super) fn program(&self, name: &str) -> Option<PathBuf> {
        self.path.iter().map(|dir| dir.join(name)).find(|file| file.is_file())
    }

    /// Returns the variables of one of both.
    pub(super) fn variables(&self, who: As) -> &Variables {
        match who {
            As::User => &self.own,
            As::Step => &self.in_step,
        }
    }

    /// Returns the folder in which a client looks for its own.
    pub(super) fn home(&self, who: As, host: &HostFacts) -> Option<PathBuf> {
        match who {
            As::User => host.home.clone(),
            As::Step => Some(self.home.path().to_owned()),
        }
    }

    /// Returns what a client prints; nothing where it is not there, fails or takes too long.
    pub(super) fn ask(&self, who: As, words: &[&str]) -> Option<String> {
        let (name, args) = words.split_first()?;
        let mut command = Command::new(self.program(name)?);
        // In the root of all, where no repository's and no other user's settings lie above.
        command.args(args).current_dir("/").env_clear().envs(self.variables(who)).envs(QUIET);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
        let ended = runtime.block_on(output(command, Vec::new(), PATIENCE)).ok()?;
        let Ended::InTime(output) = ended else {
            tracing::debug!(?words, "a client took too long to tell what it asks");
            return None;
        };
        let said = output.status.success() && output.stdout.len() <= MOST;
        said.then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Asks for both, side by side.
    pub(super) fn both(&self, words: &[&str]) -> [Option<String>; 2] {
        std::thread::scope(|scope| {
            let of_user = scope.spawn(|| self.ask(As::User, words));
            let of_step = self.ask(As::Step, words);
            [of_user.join().ok().flatten(), of_step]
        })
    }
}
