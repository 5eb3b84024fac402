//! The plan file as it is written: these types parse it, and the JSON Schema is made from them. Optional
//! here means "not written"; what then holds is decided in `resolve`.
//!
//! The comments on fields are what editors show, so they speak to the plan's author.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::agents::{self, AgentId};
use super::proving::ProvesFile;
use super::text::{
    CachedFolder, Env, EnvName, Expression, Id, InnerPath, Line, Mention, Money, OuterPath, Pattern, Prose,
    Revision, Size, Time, Token,
};
use super::union::{
    AgentFile, CommandFile, ContextFile, NetworkFile, ProviderFile, PullRequestFile, RebaseName, TokensFile,
    one_of,
};
use super::{Home, OnFailure, RetryFrom, Shell};

/// A plan of Autopilot: what is done for one GitHub issue, step by step, with nobody watching.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Plan")]
pub(super) struct PlanFile {
    /// Version of this format: 1.
    #[schemars(extend("enum" = [1]))]
    #[serde(rename = "version")]
    pub(super) _version: u64,
    /// Number of the GitHub issue this plan is for.
    #[schemars(range(min = 1))]
    pub(super) issue: u64,
    /// What the issue is about, in one line.
    pub(super) title: Line,
    /// Branch, tag or commit to start from. Default: the repository's HEAD.
    pub(super) base: Option<Revision>,
    /// Bounds of the whole run.
    pub(super) limits: Option<LimitsFile>,
    /// Has no effect any more. Large histories need nothing here.
    pub(super) share_objects: Option<bool>,
    /// Demand that every submodule of the base is there, from what the checkout has fetched of them. Default: false, those
    /// that are not there are empty folders.
    pub(super) submodules: Option<bool>,
    /// Folders that are kept from run to run, as they stood before the first agent, patch or secret step: ignored ones of the
    /// checkout, such as `target`, and ones of the steps' HOME, such as `~/.m2`. Default: none.
    #[serde(default)]
    pub(super) cache: Vec<CachedFolder>,
    /// Paths that are never part of the result, such as `.venv/**`; what git tracks is, whatever matches. Default: none.
    #[serde(default)]
    pub(super) exclude: Vec<Pattern>,
    /// Defaults of every `codex` step.
    pub(super) codex: Option<AgentDefaults>,
    /// Defaults of every `claude` step.
    pub(super) claude: Option<AgentDefaults>,
    /// Defaults of every step. A step's `env` and `filesystem` add to them; its `network` replaces them.
    pub(super) defaults: Option<Defaults>,
    /// The steps, run one after the other in file order; `needs` reorders and skips.
    #[schemars(length(min = 1))]
    pub(super) steps: Vec<StepFile>,
    /// What the runner does with the result; never a step's work.
    pub(super) publish: Option<PublishFile>,
}

/// Bounds of the whole run.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Limits")]
pub(super) struct LimitsFile {
    /// Active time of the run, such as `1h`. Default: 1h.
    pub(super) timeout: Option<Time>,
    /// This many failed attempts in a row end the run. Default: 3.
    #[schemars(range(min = 1, max = 1000))]
    pub(super) consecutive_failures: Option<u32>,
    /// Model tokens of the run: a number or `unlimited`. Default: not bounded.
    pub(super) tokens: Option<TokensFile>,
    /// Money that the models of the run may cost, such as `5 USD`. Default: not bounded.
    pub(super) budget: Option<Money>,
    /// How long a model's server may send nothing while it is waited for. Default: 5m, on this host 15m.
    pub(super) silence: Option<Time>,
    /// Bytes a run may salvage, such as `1GiB`; above it the run's folder stays. Default: 1GiB.
    pub(super) salvage: Option<Size>,
    /// Bytes a run may add to what `cache` keeps, such as `4GiB`; above it nothing is kept. Default: 4GiB.
    pub(super) cache: Option<Size>,
}

/// Defaults of every step of an agent.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AgentDefaults {
    /// Name of the model. Default: the agent decides.
    pub(super) model: Option<Token>,
    /// Reasoning effort, passed on as it is.
    pub(super) effort: Option<Token>,
    /// Who serves the model. Default: openai for Codex, anthropic for Claude Code.
    pub(super) provider: Option<ProviderFile>,
    /// MCP servers it may use, by their names in your own configuration of the agent. Default: none.
    pub(super) mcp: Option<Vec<Token>>,
}

/// Defaults of every step.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Defaults {
    /// Bound of one attempt, such as `10m`. Default: 10m.
    pub(super) timeout: Option<Time>,
    /// Attempts after the first. Default: 0.
    #[schemars(range(max = 1000))]
    pub(super) retries: Option<u32>,
    /// What steps reach. Default: none.
    pub(super) network: Option<NetworkFile>,
    /// Variables that steps get: `NAME` lets yours through, `NAME=value` sets one. Default: none.
    #[serde(default)]
    pub(super) env: Vec<Env>,
    /// Paths beyond the worktree and the system.
    pub(super) filesystem: Option<FilesystemFile>,
    /// Bounds of a step's whole process tree.
    pub(super) resources: Option<ResourcesFile>,
    /// Paths that are never part of the result, beside those that the plan's `exclude` names. Default: none.
    #[serde(default)]
    pub(super) exclude: Vec<Pattern>,
}

/// One step: one action, and what must hold after it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Step", extend("oneOf" = one_of(&actions())))]
pub(super) struct StepFile {
    /// Name of the step, unique in the plan: `a-z`, `0-9`, `.`, `_`, `-`.
    pub(super) id: Id,
    /// Steps that must have passed; if one did not, this one is skipped. Default: none.
    #[serde(default)]
    pub(super) needs: Vec<Id>,
    /// Action: a command. Text is run by a shell, a list without one.
    pub(super) command: Option<CommandFile>,
    /// Action: Codex implements a prompt.
    pub(super) codex: Option<AgentFile>,
    /// Action: Claude Code implements a prompt.
    pub(super) claude: Option<AgentFile>,
    /// Action: `codex apply` of this task of Codex's cloud.
    #[serde(rename = "codex_apply")]
    pub(super) cloud_task: Option<Token>,
    /// Action: `git apply` of this file beside the plan.
    pub(super) apply: Option<InnerPath>,
    /// Shell of commands that are text: `sh` (`sh -ec`) or `bash` (`bash -eo pipefail -c`). Default: sh.
    pub(super) shell: Option<Shell>,
    /// Attached to an agent's prompt as untrusted data. Default: nothing.
    #[serde(default)]
    pub(super) context: Vec<ContextFile>,
    /// Folder where the step works, relative to the repository. Default: the repository's top.
    pub(super) dir: Option<InnerPath>,
    /// Bound of one attempt, `post` included, such as `30m`. Default: that of `defaults`.
    pub(super) timeout: Option<Time>,
    /// Attempts after the first. Default: that of `defaults`.
    #[schemars(range(max = 1000))]
    pub(super) retries: Option<u32>,
    /// Where a further attempt starts. Default: attempt for agents, checkpoint for the rest.
    pub(super) retry_from: Option<RetryFrom>,
    /// What must hold after the action. Default: it exits with 0.
    pub(super) expectation: Option<ExpectationFile>,
    /// Commands that must pass too, each an entry of its own; never with a network. Default: none.
    #[serde(default)]
    pub(super) post: Vec<CommandFile>,
    /// The step's own undoing, run before a failed attempt is reset. Default: none.
    #[serde(default)]
    pub(super) rollback: Vec<CommandFile>,
    /// Message of the checkpoint. Default: made from the step's id.
    pub(super) commit: Option<Prose>,
    /// What it means for the run if the step fails for good. Default: abort.
    pub(super) on_failure: Option<OnFailure>,
    /// A reset drops ignored files (`target/`, `node_modules/`) too. Default: false.
    pub(super) clean_ignored: Option<bool>,
    /// What it finds in HOME and in ignored files: `tier` (what steps left that may do at least as much) or `keep` (what all
    /// steps before it left, those of lower tiers too). Default: tier.
    pub(super) home: Option<Home>,
    /// Whether it has effects outside of its worktree: then `replay` never does it again. Default: true if it reaches a network or
    /// holds a secret. `false` with an allow list: it only fetches.
    pub(super) outside: Option<bool>,
    /// Patterns of what differs by nature between two runs, such as "dist/**"; `replay` does not compare it. Default: nothing.
    #[serde(default)]
    pub(super) varies: Vec<Pattern>,
    /// Variables on top of those of `defaults`: `NAME` lets yours through, `NAME=value` sets one.
    #[serde(default)]
    pub(super) env: Vec<Env>,
    /// Variables that must be set; they get through and are masked everywhere. Not for agents.
    #[serde(default)]
    pub(super) secrets: Vec<EnvName>,
    /// What the step reaches, in place of `defaults`' network.
    pub(super) network: Option<NetworkFile>,
    /// Paths on top of those of `defaults`.
    pub(super) filesystem: Option<FilesystemFile>,
    /// Bounds of the step's process tree; what is not named is that of `defaults`.
    pub(super) resources: Option<ResourcesFile>,
}

/// What must hold after the action; the runner looks, nobody is asked.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Expectation")]
pub(super) struct ExpectationFile {
    /// The action's exit code. Default: 0.
    #[schemars(range(min = 0, max = 255))]
    pub(super) exit_code: Option<i32>,
    /// Files or folders that are there, relative to the repository.
    #[serde(default)]
    pub(super) files_exist: Vec<InnerPath>,
    /// Files or folders that are not there, relative to the repository.
    #[serde(default)]
    pub(super) files_absent: Vec<InnerPath>,
    /// Files that contain a match.
    #[serde(default)]
    pub(super) file_contains: Vec<FileContainsFile>,
    /// Regular expressions that match in the output; an agent's is its final message.
    #[serde(default)]
    pub(super) output_matches: Vec<Expression>,
    /// Regular expressions that do not match in the output.
    #[serde(default)]
    pub(super) output_excludes: Vec<Expression>,
    /// Bounds of what the attempt changed.
    pub(super) changes: Option<ChangesFile>,
    /// That the step's tests can fail: without its change they do, with it they pass.
    pub(super) proves: Option<ProvesFile>,
}

/// A file and what it contains.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "FileContains")]
pub(super) struct FileContainsFile {
    /// The file, relative to the repository.
    pub(super) path: InnerPath,
    /// A regular expression; `^` and `$` match at lines.
    pub(super) pattern: Expression,
}

/// Bounds of what an attempt changed since the last checkpoint.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Changes")]
pub(super) struct ChangesFile {
    /// At least this many paths.
    pub(super) min: Option<u64>,
    /// At most this many paths.
    pub(super) max: Option<u64>,
    /// Patterns; every changed path matches one of them.
    #[serde(default)]
    pub(super) within: Vec<Pattern>,
    /// Patterns; no changed path matches one of them.
    #[serde(default)]
    pub(super) not_within: Vec<Pattern>,
    /// Patterns; nothing that matches one of them is deleted.
    #[serde(default)]
    pub(super) keep: Vec<Pattern>,
}

/// Paths beyond the worktree and the system: absolute, or `~/…`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Filesystem")]
pub(super) struct FilesystemFile {
    /// To read and execute.
    #[serde(default)]
    pub(super) read: Vec<OuterPath>,
    /// To read and write.
    #[serde(default)]
    pub(super) write: Vec<OuterPath>,
}

/// Bounds of a step's whole process tree.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Resources")]
pub(super) struct ResourcesFile {
    /// Resident memory. Default: 4GiB.
    pub(super) memory: Option<Size>,
    /// Processes and threads. Default: 512.
    #[schemars(range(min = 1))]
    pub(super) processes: Option<u64>,
    /// Largest file. Default: 4GiB.
    pub(super) file_size: Option<Size>,
    /// Open files of one process. Default: 1024.
    #[schemars(range(min = 16))]
    pub(super) open_files: Option<u64>,
    /// Output of one attempt. Default: 64MiB.
    pub(super) output: Option<Size>,
    /// CPU time. Default: only the timeout bounds it.
    pub(super) cpu: Option<Time>,
}

/// What the runner does with the result.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Publish")]
pub(super) struct PublishFile {
    /// Comment on the issue. Default: if `gh` is there and logged in.
    pub(super) comment: Option<bool>,
    /// Who is mentioned when a run failed, such as "@team". Default: nobody.
    #[serde(default)]
    pub(super) escalate: Vec<Mention>,
    /// Push the result's branch. Default: false.
    pub(super) push: Option<bool>,
    /// Open a pull request; this pushes. Default: false.
    pub(super) pull_request: Option<PullRequestFile>,
    /// Where the base has moved: `verify` replays the run on it before a push, `never` pushes as it is. Default: verify.
    pub(super) rebase: Option<RebaseName>,
    /// Push the evidence to refs/autopilot/evidence/RUN of the remote, after every step that passed and at the end. Default: false.
    pub(super) evidence: Option<bool>,
}

/// Returns the keys of which a step has one.
pub(super) fn actions() -> Vec<&'static str> {
    [&["command"][..], &agents::keys().collect::<Vec<_>>(), &[agents::CLOUD_KEY, "apply"]].concat()
}

impl PlanFile {
    /// Takes the defaults of each agent that has some.
    pub(super) fn take_agents(&mut self) -> BTreeMap<AgentId, AgentDefaults> {
        let all = [(AgentId::Codex, self.codex.take()), (AgentId::Claude, self.claude.take())];
        all.into_iter().filter_map(|(agent, file)| Some((agent, file?))).collect()
    }
}

impl StepFile {
    /// Takes what an agent is asked, if one is.
    pub(super) fn take_agent(&mut self) -> Option<(AgentId, AgentFile)> {
        let all = [(AgentId::Codex, self.codex.take()), (AgentId::Claude, self.claude.take())];
        all.into_iter().find_map(|(agent, file)| Some((agent, file?)))
    }
}
