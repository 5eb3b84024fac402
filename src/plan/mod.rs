//! Takes the text of an `Autopilot.yaml`, gives a [`Plan`] or every fault in it, each with its place and a hint.
//!
//! Touches no system but for reading the file. Raw and resolved input are two sets of types: `file` mirrors
//! the YAML (and is where the JSON Schema comes from), this module holds what the rest of the crate works with.

mod command;
pub mod draft;
mod fault;
mod file;
mod hint;
mod host;
mod load;
mod order;
mod resolve;
mod rules;
mod schema;
mod shape;
mod show;
mod source;
mod text;
mod tree;
mod union;
pub mod units;
mod warn;

use std::path::PathBuf;
use std::time::Duration;

use regex::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use fault::{Fault, Faults};
pub use load::{Loaded, load, load_as, parse};
pub use schema::schema;
pub use text::Wrong;

/// A plan, resolved: defaults applied, every value checked, steps in the order they run.
#[derive(Debug, Clone, Serialize)]
pub struct Plan {
    /// The number of the GitHub issue.
    pub issue: u64,
    /// What the issue is about, in a line.
    pub title: String,
    /// The revision to start from; `None` is the repository's `HEAD`.
    pub base: Option<String>,
    /// Bounds of the whole run.
    pub limits: Limits,
    /// Borrow the user's objects instead of copying them (very large histories).
    pub share_objects: bool,
    /// Steps, in the order they run: file order, moved back only as far as `needs` demands.
    pub steps: Vec<Step>,
    /// What the runner does with the result.
    pub publish: Publish,
    /// The file this came from, as the user named it.
    pub path: PathBuf,
    /// The folder that `apply` and `prompt_file` files may not leave.
    pub folder: PathBuf,
    /// SHA-256 of the file's bytes, lower-case hex.
    pub digest: String,
}

/// Bounds of a whole run.
#[derive(Debug, Clone, Serialize)]
pub struct Limits {
    /// Active time of the run.
    #[serde(serialize_with = "show::duration")]
    pub timeout: Duration,
    /// This many failed attempts in a row end the run.
    pub consecutive_failures: u32,
    /// Model tokens of the run.
    pub tokens: TokenLimit,
    /// Bytes a run may salvage; above it the run directory stays.
    pub salvage: u64,
}

/// How many model tokens a run may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenLimit {
    /// The plan does not say.
    Unset,
    /// The plan says that it does not matter.
    Unlimited,
    /// At most this many.
    AtMost(u64),
}

impl TokenLimit {
    /// Returns the most tokens that there may be, if they are limited.
    pub fn most(self) -> Option<u64> {
        match self {
            Self::AtMost(most) => Some(most),
            Self::Unset | Self::Unlimited => None,
        }
    }
}

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
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// A command of the plan's author.
    Command(Invocation),
    /// A file beside the plan, given to `git apply`; relative to the plan's folder.
    Apply(PathBuf),
    /// An agent implements the prompt.
    Codex(Codex),
    /// `codex apply <TASK_ID>`.
    CodexApply(String),
}

/// A command, as written: with or without a shell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Invocation {
    /// Run as it is.
    Argv(Vec<String>),
    /// Run by a shell.
    Script {
        /// The text for `-c`.
        text: String,
        /// Which one.
        shell: Shell,
    },
}

/// The shell of a command that is a string.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Shell {
    /// `sh -ec`
    Sh,
    /// `bash -eo pipefail -c`
    Bash,
}

/// What an agent is asked.
#[derive(Debug, Clone, Serialize)]
pub struct Codex {
    /// The prompt or where it is.
    pub prompt: Prompt,
    /// Model name, of the step or the plan's `codex.model`.
    pub model: Option<String>,
    /// Reasoning effort, passed on as it is.
    pub effort: Option<String>,
    /// Model tokens of the step.
    pub tokens: TokenLimit,
    /// Who serves the model.
    pub provider: Provider,
    /// MCP servers it may use, by their names in the user's Codex configuration.
    pub mcp: Vec<String>,
    /// What is attached as untrusted data.
    pub context: Vec<Context>,
}

/// The prompt of a codex step.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Prompt {
    /// As written in the plan.
    Text(String),
    /// In a file, relative to the plan's folder.
    File(PathBuf),
}

/// Who serves the model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    /// OpenAI, by key or login.
    OpenAi,
    /// Ollama on its loopback port.
    Ollama,
    /// LM Studio on its loopback port.
    LmStudio,
    /// Anything that speaks the Responses API.
    Custom {
        /// Up to and with the version, such as `http://127.0.0.1:8080/v1`.
        base_url: String,
        /// The variable that holds the key, if one is needed.
        env_key: Option<String>,
    },
}

/// Something attached to a prompt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Context {
    /// The issue's text and comments.
    Issue,
    /// Another step's final message or output.
    Step(String),
    /// A file of the repository.
    File(PathBuf),
}

/// Where a further attempt starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum RetryFrom {
    /// From where the failed one stopped (default of codex steps).
    Attempt,
    /// From the last checkpoint (default of the rest).
    Checkpoint,
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
    /// Each matches in the output (a codex step's: its final message).
    #[serde(serialize_with = "show::regexes")]
    pub output_matches: Vec<Regex>,
    /// None matches in the output.
    #[serde(serialize_with = "show::regexes")]
    pub output_excludes: Vec<Regex>,
    /// What the attempt changed since the last checkpoint.
    pub changes: Option<Changes>,
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

/// A path pattern: `*` stays within a folder, `**` crosses them.
#[derive(Debug, Clone)]
pub struct Glob {
    text: String,
    matcher: globset::GlobMatcher,
}

impl Glob {
    /// Compiles a pattern; the error says what is wrong with it.
    pub fn new(text: &str) -> Result<Self, globset::Error> {
        let matcher =
            globset::GlobBuilder::new(text).literal_separator(true).backslash_escape(true).build()?;
        Ok(Self { text: text.to_owned(), matcher: matcher.compile_matcher() })
    }

    /// Returns the pattern as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Tells whether a path, relative to the repository's top, matches.
    pub fn matches(&self, path: &std::path::Path) -> bool {
        self.matcher.is_match(path)
    }
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

/// What the runner does with the result.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Publish {
    /// Comment on the issue; `None`: when `gh` is there and authenticated.
    pub comment: Option<bool>,
    /// Who is mentioned when a run failed.
    pub escalate: Vec<String>,
    /// Push the result branch.
    pub push: bool,
    /// Open a pull request.
    pub pull_request: Option<PullRequest>,
}

/// A pull request to open.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PullRequest {
    /// As a draft.
    pub draft: bool,
    /// Its title, else the plan's.
    pub title: Option<String>,
    /// Labels to set.
    pub labels: Vec<String>,
    /// Whose review to ask for.
    pub reviewers: Vec<String>,
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

impl Plan {
    /// Replaces who serves the models of all codex steps, and which, as the command line asks for.
    pub fn serve_by(&mut self, provider: Option<&Provider>, model: Option<&str>) {
        for step in &mut self.steps {
            let Action::Codex(codex) = &mut step.action else { continue };
            codex.provider = provider.unwrap_or(&codex.provider).clone();
            codex.model = model.map(str::to_owned).or(codex.model.take());
        }
    }

    /// Tells whether a step attaches the issue's text.
    pub fn attaches_issue(&self) -> bool {
        let attaches = |step: &Step| matches!(&step.action, Action::Codex(codex) if codex.context.contains(&Context::Issue));
        self.steps.iter().any(attaches)
    }
}

impl std::str::FromStr for Provider {
    type Err = Wrong;

    /// Reads `openai`, `ollama`, `lmstudio`, or a base URL, with the variable of its key behind `#` if it needs one.
    fn from_str(text: &str) -> Result<Self, Wrong> {
        let (url, key) = text.split_once('#').map_or((text, None), |(url, key)| (url, Some(key)));
        match text {
            "openai" => Ok(Self::OpenAi),
            "ollama" => Ok(Self::Ollama),
            "lmstudio" => Ok(Self::LmStudio),
            _ if url.starts_with("http://") || url.starts_with("https://") => {
                Ok(Self::Custom { base_url: url.to_owned(), env_key: key.map(str::to_owned) })
            }
            _ => Err(Wrong::new("is no provider", "openai, ollama, lmstudio, or URL[#VARIABLE_OF_THE_KEY]")),
        }
    }
}
