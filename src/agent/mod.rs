//! Takes what a step asks an agent, gives argv, environment and private home; takes the agent's output, gives what
//! it did. The runner knows [`Agent`] and the registry alone. Knows nothing of worktrees.

mod access;
pub mod claude;
pub mod codex;
mod lines;
mod program;
pub mod prompt;
mod registry;
mod server;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::network::{Auth, Dialect};
use crate::plan::{AgentId, Provider};

pub use program::Unavailable;
pub use registry::{is_instructions, kind, kinds};
pub use server::Server;

/// The variables that autopilot was started with.
pub type Environment = BTreeMap<String, String>;

/// Finds an agent in the folders of a PATH.
pub type Find = fn(&[PathBuf]) -> Result<Rc<dyn Agent>, Unavailable>;

/// Reads a login of the user's.
pub type ReadLogin = fn(&Environment) -> Result<Login, Unavailable>;

/// What there is to know of an agent before one is looked for: its line in the registry.
#[derive(Debug)]
pub struct Kind {
    /// Which agent.
    pub id: AgentId,
    /// The words with which its turns are shown to people; what an agent is really called with is its own business.
    pub shown: &'static [&'static str],
    /// The versions that autopilot was tested with, oldest first; its page in `docs` has the same.
    pub tested: &'static [&'static str],
    /// The names of the files that tell it about a repository: of each folder those of the first entry that is there.
    pub instructions: &'static [&'static str],
    /// Names of files that it would read as instructions as well, if it were let.
    pub more_instructions: &'static [&'static str],
    /// What its model speaks.
    pub dialect: Dialect,
    /// Finds it in the folders of a PATH, and asks it what it is.
    pub find: Find,
    /// Finds where a provider serves its model, and what lets one in there.
    pub access: fn(&Provider, &Environment) -> Result<Access, Unavailable>,
    /// Tells what lets one in where its models usually are: a name for it, whether it is there, in words.
    pub entry: fn(&Environment) -> (&'static str, bool, String),
    /// Reads the login to its cloud, whose finished work a step may apply.
    pub cloud: Option<ReadLogin>,
}

impl Kind {
    /// Says what is to be said of a version that was not tested.
    pub fn warning(&self, version: &str) -> Option<String> {
        program::untested(self.id.key(), version, self.tested)
    }
}

/// Where a model is, and what lets one in there: that stays with the runner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// As the agent has it, such as `https://api.openai.com/v1`.
    pub base_url: String,
    /// What lets one in.
    pub auth: Auth,
    /// It is a login, not a key.
    pub by_login: bool,
}

/// A login to an agent's cloud.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// Where the cloud is, and what lets one in there.
    pub access: Access,
    /// The same place as host and port.
    pub reaches: (String, u16),
}

/// An agent that is there, in one version.
pub trait Agent: fmt::Debug {
    /// Returns which agent it is.
    fn id(&self) -> AgentId;
    /// Returns its version, such as `0.169.0`.
    fn version(&self) -> &str;
    /// Returns the program.
    fn program(&self) -> &Path;
    /// Returns what it has to read and execute, beyond the system.
    fn files(&self) -> &[PathBuf];
    /// Lists the MCP servers of the user's own configuration.
    fn servers(&self, environment: &Environment) -> Result<Vec<Server>, Unavailable>;
    /// Composes how it is started on a task; `home` is where it will see its private home.
    fn start(&self, task: &Task<'_>, home: &Path) -> Start;
    /// Begins to listen to what it prints.
    fn listen(&self) -> Box<dyn Listen>;
    /// Composes how it applies a task of its cloud, and says which page of the cloud that is; nothing if it has none.
    fn apply(&self, _task: &str, _endpoint: &Endpoint, _home: &Path) -> Option<Start> {
        None
    }
    /// Returns what its cloud calls a task, below its base URL.
    fn task_path(&self, task: &str) -> String {
        task.to_owned()
    }
    /// Returns its name and version, for people.
    fn name(&self) -> String {
        format!("{} {}", self.id(), self.version())
    }
}

/// Understands what an agent prints while it works.
pub trait Listen: fmt::Debug {
    /// Takes a piece of its standard output, and returns what it did meanwhile.
    fn push(&mut self, bytes: &[u8]) -> Vec<Act>;
    /// Takes the end of its output, and returns what was left and how its turn went.
    fn finish(&mut self) -> (Vec<Act>, Report);
}

/// What an agent is to do, and with what.
#[derive(Debug, Clone, Copy)]
pub struct Task<'a> {
    /// All it is told.
    pub prompt: &'a str,
    /// The model, unless it decides itself.
    pub model: Option<&'a str>,
    /// Reasoning effort, passed on as it is.
    pub effort: Option<&'a str>,
    /// Where the model is.
    pub endpoint: &'a Endpoint,
    /// The MCP servers it may use.
    pub servers: &'a [Server],
    /// The repository's own instructions (`AGENTS.md`), unless they are not to be trusted.
    pub instructions: Option<&'a str>,
    /// Where it works, from the top of the checkout down, as it sees it.
    pub folders: &'a [PathBuf],
}

/// Where an agent reaches its model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// As the agent has it, such as `http://127.0.0.1:8080/v1`.
    pub base_url: String,
    /// It is a login that lets one in there, and the agent has to behave as if it had one.
    pub by_login: bool,
}

/// How an agent is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// The command.
    pub argv: Vec<String>,
    /// On top of the step's own environment.
    pub env: Vec<(String, String)>,
    /// Files of its private home.
    pub files: Vec<(PathBuf, String)>,
    /// What it reads on standard input.
    pub stdin: String,
}

/// Something that an agent said it did. Claims, all of them: what counts is what the runner finds afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// It ran a command.
    Command {
        /// The command.
        command: String,
        /// What it printed.
        output: String,
        /// Its exit code, if it exited.
        exit_code: Option<i32>,
    },
    /// It changed files.
    Files {
        /// Kind of change and path.
        paths: Vec<(String, String)>,
        /// The change was made.
        done: bool,
    },
    /// It used a tool of an MCP server.
    Tool {
        /// Server and tool.
        name: String,
        /// It worked.
        done: bool,
    },
    /// It said something.
    Message(String),
    /// Something went wrong, but not for good.
    Warning(String),
    /// It printed what is not of its protocol.
    Noise(String),
}

impl fmt::Display for Act {
    /// Writes it as it stands in the log: for people, a line or more, each with its newline.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Command { command, output, exit_code } => {
                writeln!(f, "$ {command}")?;
                if !output.is_empty() {
                    writeln!(f, "{}", output.strip_suffix('\n').unwrap_or(output))?;
                }
                match exit_code {
                    Some(0) => Ok(()),
                    Some(code) => writeln!(f, "(exit {code})"),
                    None => writeln!(f, "(did not exit)"),
                }
            }
            Self::Files { paths, done } => {
                let not = if *done { "" } else { "could not " };
                paths.iter().try_for_each(|(kind, path)| writeln!(f, "({not}{kind} {path})"))
            }
            Self::Tool { name, done } => writeln!(f, "({name}{})", if *done { "" } else { ": failed" }),
            Self::Message(text) | Self::Noise(text) => writeln!(f, "{text}"),
            Self::Warning(text) => writeln!(f, "(warning: {text})"),
        }
    }
}

/// How an agent's turn went, as far as it told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Its last message.
    pub message: Option<String>,
    /// What it did.
    pub acts: u64,
    /// Whether the turn was completed.
    pub turn: Turn,
}

/// How a turn ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn {
    /// It was completed. That says nothing about the work.
    Completed,
    /// It never began.
    NotBegun,
    /// It was cut off: the agent ended in the middle.
    CutOff,
    /// It failed.
    Failed(Failure),
}

/// Why a turn failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The class.
    pub kind: FailureKind,
    /// The agent's own words.
    pub text: String,
}

/// Classes of failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// Too many requests or tokens for now.
    RateLimit,
    /// What is paid for is used up.
    Quota,
    /// Nobody answers where the model should be, or not with sense.
    Unreachable,
    /// The key is missing or wrong.
    Key,
    /// There is no such model.
    Model,
    /// The task became larger than what the model can hold.
    Context,
    /// Anything else.
    Other,
}

impl Failure {
    /// Says what happened in the user's terms, and the agent's own words.
    pub fn in_words(&self) -> String {
        let what = match self.kind {
            FailureKind::RateLimit => "the model's rate limit",
            FailureKind::Quota => "the model's quota is used up",
            FailureKind::Unreachable => "the model could not be reached",
            FailureKind::Key => "the model's server refused the key",
            FailureKind::Model => "there is no such model",
            FailureKind::Context => "the task outgrew the model's context window",
            FailureKind::Other => "the turn failed",
        };
        format!("{what}: {}", self.text)
    }
}
