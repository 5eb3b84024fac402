//! One step of a plan, resolved: what it does, what must hold after it, what it may reach and use.

use std::path::PathBuf;
use std::time::Duration;

use regex::Regex;
use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::agent::AgentStep;
use super::agents::{AgentId, CLOUD_AGENT, CLOUD_KEY};
use super::command::Invocation;
use super::glob::Glob;
use super::proves::Proves;
use super::show;
use super::wrong::Wrong;

/// One step of a plan.
#[derive(Debug, Clone, Serialize)]
pub struct Step {
    /// Unique in the plan, safe as a file and ref name: `[a-z0-9][a-z0-9._-]*`.
    pub id: String,
    /// Ids of the steps that must have passed.
    pub needs: Vec<String>,
    /// What it does.
    pub action: Action,
    /// Where it works, relative to the repository's top; empty for the top itself.
    pub dir: PathBuf,
    /// Bound of one attempt, action and `post` together.
    #[serde(serialize_with = "show::duration")]
    pub timeout: Duration,
    /// Attempts after the first.
    pub retries: u32,
    /// Where a further attempt starts.
    pub retry_from: RetryFrom,
    /// What must hold after it.
    pub expectation: Expectation,
    /// Commands that must pass too, after the expectation; never with a network.
    pub post: Vec<Invocation>,
    /// The step's own undoing, before a reset.
    pub rollback: Vec<Invocation>,
    /// First line of the checkpoint's message.
    pub commit: Option<String>,
    /// What a step that failed for good means for the run.
    pub on_failure: OnFailure,
    /// What it finds in HOME and in ignored files.
    pub home: Home,
    /// It has effects outside of its worktree, if the plan says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outside: Option<bool>,
    /// What differs by nature between two runs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub varies: Vec<Glob>,
    /// A reset drops what the base commit's ignore rules ignore, too.
    pub clean_ignored: bool,
    /// What it gets of the environment, beyond the fixed few.
    pub env: Vec<EnvEntry>,
    /// Names that must be set; their values are masked everywhere.
    pub secrets: Vec<String>,
    /// What it reaches.
    pub network: Network,
    /// What it reads and writes beyond the worktree and the system.
    pub filesystem: Filesystem,
    /// Bounds of its whole process tree.
    pub resources: Resources,
    /// Line of the step in the plan file, 1-based.
    pub line: usize,
}

/// What a step does.
#[derive(Debug, Clone)]
pub enum Action {
    /// A command of the plan's author.
    Command(Invocation),
    /// A file beside the plan, given to `git apply`; relative to the plan's folder.
    Apply(PathBuf),
    /// An agent implements the prompt.
    Agent(AgentStep),
    /// The work of a task of an agent's cloud is applied; the task's id.
    CloudTask(String),
}

impl Action {
    /// Returns what an agent is asked, if that is what it does.
    pub fn asks(&self) -> Option<&AgentStep> {
        if let Self::Agent(asked) = self { Some(asked) } else { None }
    }

    /// Returns whose program acts: the agent that works, or the one whose cloud's work is applied.
    pub fn agent(&self) -> Option<AgentId> {
        match self {
            Self::Agent(asked) => Some(asked.agent),
            Self::CloudTask(_) => Some(CLOUD_AGENT),
            Self::Command(_) | Self::Apply(_) => None,
        }
    }

    /// Returns its key in a plan, which is its name in a recorded one as well.
    pub fn key(&self) -> &'static str {
        match self {
            Self::Command(_) => "command",
            Self::Apply(_) => "apply",
            Self::Agent(asked) => asked.agent.key(),
            Self::CloudTask(_) => CLOUD_KEY,
        }
    }
}

impl Serialize for Action {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let key = self.key();
        match self {
            Self::Command(invocation) => serializer.serialize_newtype_variant("Action", 0, key, invocation),
            Self::Apply(file) => serializer.serialize_newtype_variant("Action", 1, key, file),
            Self::Agent(asked) => serializer.serialize_newtype_variant("Action", 2, key, asked),
            Self::CloudTask(task) => serializer.serialize_newtype_variant("Action", 3, key, task),
        }
    }
}

/// Where a further attempt starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum RetryFrom {
    /// From where the failed one stopped (default of agents' steps).
    Attempt,
    /// From the last checkpoint (default of the rest).
    Checkpoint,
}

/// What a step finds in HOME and in ignored files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Home {
    /// What steps of its own tier and of higher ones left there (the default).
    #[default]
    Tier,
    /// What all steps before it left there.
    Keep,
}

/// What a step that failed for good means for the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum OnFailure {
    /// The run ends.
    Abort,
    /// The rest runs; the run is failed.
    Continue,
    /// The rest runs; the run is not failed by this.
    Ignore,
}

/// What must hold after a step; evaluated by the runner.
#[derive(Debug, Clone, Serialize)]
pub struct Expectation {
    /// The action's exit code.
    pub exit_code: i32,
    /// Paths that are there; files or folders, relative to the repository's top.
    pub files_exist: Vec<PathBuf>,
    /// Paths that are not there.
    pub files_absent: Vec<PathBuf>,
    /// Files with a match.
    pub file_contains: Vec<FileContains>,
    /// Each matches in the output (an agent's: its final message).
    #[serde(serialize_with = "show::regexes")]
    pub output_matches: Vec<Regex>,
    /// None matches in the output.
    #[serde(serialize_with = "show::regexes")]
    pub output_excludes: Vec<Regex>,
    /// What the attempt changed since the last checkpoint.
    pub changes: Option<Changes>,
    /// That its tests can fail: without its change they do, with it they pass.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proves: Option<Proves>,
}

/// A file and what it must contain.
#[derive(Debug, Clone, Serialize)]
pub struct FileContains {
    /// Relative to the repository's top.
    pub path: PathBuf,
    /// Multi-line mode: `^` and `$` match at lines.
    #[serde(serialize_with = "show::regex")]
    pub pattern: Regex,
}

/// Bounds of what an attempt changes.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Changes {
    /// At least this many paths.
    pub min: Option<u64>,
    /// At most this many paths.
    pub max: Option<u64>,
    /// Every changed path matches one of these; empty: no bound.
    pub within: Vec<Glob>,
    /// No changed path matches one of these.
    pub not_within: Vec<Glob>,
    /// Nothing that matches one of these is deleted.
    pub keep: Vec<Glob>,
}

/// One entry of `env`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnvEntry {
    /// Lets the runner's own value through.
    Inherit(String),
    /// Sets a value.
    Set(String, String),
}

impl EnvEntry {
    /// Returns the name of the variable.
    pub fn name(&self) -> &str {
        match self {
            Self::Inherit(name) | Self::Set(name, _) => name,
        }
    }
}

/// What a step reaches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Network {
    /// Nothing but its own loopback.
    None,
    /// Everything.
    Full,
    /// These, and nothing else.
    Allow(Vec<Destination>),
}

/// One entry of an allow list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// A name, `*.name`, or an address; lower case.
    pub host: String,
    /// TCP port, 443 unless written.
    pub port: u16,
}

/// Paths beyond the worktree and the system. Absolute; `~/` stands for the caller's home.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Filesystem {
    /// Read and execute.
    pub read: Vec<PathBuf>,
    /// Read and write.
    pub write: Vec<PathBuf>,
}

/// Bounds of a step's process tree; sizes in bytes.
#[derive(Debug, Clone, Serialize)]
pub struct Resources {
    /// Resident memory of the tree.
    pub memory: u64,
    /// Processes and threads of the tree.
    pub processes: u64,
    /// Largest file it can write.
    pub file_size: u64,
    /// Open files of one process.
    pub open_files: u64,
    /// Output it may print in one attempt.
    pub output: u64,
    /// CPU time of the tree; `None`: only the timeout bounds it.
    #[serde(serialize_with = "show::duration_if_any")]
    pub cpu: Option<Duration>,
}

impl Resources {
    /// Returns the bounds that hold where a plan names none.
    pub fn of_runner() -> Self {
        Self {
            memory: 4 << 30,
            processes: 512,
            file_size: 4 << 30,
            open_files: 1024,
            output: 64 << 20,
            cpu: None,
        }
    }
}

/// As written in the plan: `NAME` or `NAME=value`.
impl Serialize for EnvEntry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Inherit(name) => serializer.serialize_str(name),
            Self::Set(name, value) => serializer.collect_str(&format_args!("{name}={value}")),
        }
    }
}

impl Serialize for Destination {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Destination {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|wrong: Wrong| D::Error::custom(format!("{text} {}", wrong.message)))
    }
}
