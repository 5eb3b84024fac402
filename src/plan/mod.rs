//! Takes the text of an `Autopilot.yaml`, gives a [`Plan`] or every fault in it, each with its place and a hint.
//!
//! Touches no system but for reading the file. Raw and resolved input are two sets of types: `file` mirrors
//! the YAML (and is where the JSON Schema comes from), this module holds what the rest of the crate works with.

mod agent;
mod agents;
mod alias;
mod asked;
mod based;
mod cached;
mod ceiling;
mod command;
pub mod draft;
mod fault;
mod file;
mod glob;
mod hint;
mod host;
mod instead;
mod load;
mod misread;
mod odd;
mod order;
mod person;
mod place;
mod prices;
mod proof_places;
mod proves;
mod provider;
mod proving;
mod quote;
mod read;
mod resolve;
mod rules;
mod schema;
mod shape;
mod show;
mod source;
mod step;
mod text;
mod tier;
mod tree;
mod union;
pub mod units;
mod warn;
mod way;
mod weight;
mod words;
mod wrong;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use agent::{AgentStep, Context, Prompt, TokenLimit, Whose};
pub use agents::{AgentId, CLOUD_AGENT, CLOUD_KEY};
pub use asked::Asked;
pub use cached::Cached;
pub use ceiling::{Ceiling, Keeper, Rules, ceiling_schema, load_ceiling, parse_ceiling};
pub use command::{Invocation, Shell, quote as shell_word};
pub use fault::{Fault, Faults};
pub use glob::Glob;
pub use load::{Loaded, load, load_as, parse};
pub use person::Person;
pub use prices::{Price, Prices};
pub use proof_places::ProofPlaces;
pub use proves::{HUNKS, MUTANTS, Proves, Report};
pub use provider::Provider;
pub use schema::schema;
pub use step::{
    Action, Changes, Destination, EnvEntry, Expectation, FileContains, Filesystem, Home, Network, OnFailure,
    Resources, RetryFrom, Step,
};
pub use tier::Tier;
pub use wrong::Wrong;

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
    /// Has no effect any more: runs borrow what they may read from an object cache of their own.
    pub share_objects: bool,
    /// Whether every submodule of the base has to be there.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub submodules: bool,
    /// What a step of each agent is asked that says nothing of its own: the plan's defaults.
    #[serde(skip)]
    pub agents: BTreeMap<AgentId, AgentStep>,
    /// What models cost here beside the table of this program: no plan says that, the files of the host do.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub prices: Prices,
    /// Folders that are kept from run to run; none without a word.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cache: Vec<Cached>,
    /// What is never part of the result.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<Glob>,
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
    /// Money that the models of the run may cost, in millionths of a US dollar.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "show::money_if_any")]
    pub budget: Option<u64>,
    /// How long a model's server may send nothing while it is waited for.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "show::duration_if_any")]
    pub silence: Option<Duration>,
    /// Bytes a run may salvage; above it the run directory stays.
    pub salvage: u64,
    /// Bytes a run may add to what is kept from run to run, if the plan says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache: Option<u64>,
}

impl Limits {
    /// Returns how long a model may be silent; one on this host thinks longer.
    pub fn silence_of(&self, local: bool) -> Duration {
        self.silence.unwrap_or(Duration::from_secs(if local { 900 } else { 300 }))
    }
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
    /// What happens where the base has moved.
    pub rebase: Rebase,
    /// Push the evidence, after every step that passed and at the end.
    pub evidence: bool,
}

/// What happens before a push where the base has moved since the run began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rebase {
    /// The run is replayed on the base of now, and pushed if everything holds there.
    #[default]
    Verify,
    /// It is pushed as it was made.
    Never,
}

/// A pull request to open.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PullRequest {
    /// As a draft.
    pub draft: bool,
    /// Its merge closes the issue.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub closes: bool,
    /// Its title, else the plan's.
    pub title: Option<String>,
    /// Labels to set.
    pub labels: Vec<String>,
    /// Whose review to ask for.
    pub reviewers: Vec<String>,
}

impl Plan {
    /// Returns the resolved plan: what holds, whatever the file left out. Nothing is masked here.
    pub fn resolved(&self) -> Value {
        // Only maps with text as keys and finite numbers are in a plan: this cannot fail.
        serde_json::to_value(self).unwrap_or_default()
    }

    /// Replaces who does the steps of agents, who serves their models, and which, as the command line asks for. Another
    /// agent takes its own defaults: what one calls its models and efforts is nothing to another.
    pub fn serve_by(&mut self, agent: Option<AgentId>, provider: Option<&Provider>, model: Option<&str>) {
        for step in &mut self.steps {
            let Action::Agent(asked) = &mut step.action else { continue };
            if let Some((agent, own)) = agent.and_then(|agent| Some((agent, self.agents.get(&agent)?)))
                && agent != asked.agent
            {
                let AgentStep { model, effort, provider, .. } = own.clone();
                (asked.agent, asked.model, asked.effort, asked.provider) = (agent, model, effort, provider);
            }
            asked.provider = provider.unwrap_or(&asked.provider).clone();
            asked.model = model.map(str::to_owned).or(asked.model.take());
        }
    }

    /// Returns the steps that attach the issue's text, and whose comments.
    pub fn attaching_issue(&self) -> impl Iterator<Item = (&Step, Whose)> {
        self.steps.iter().filter_map(|step| {
            let asked = step.action.asks()?;
            Some((step, asked.context.iter().find_map(Context::issue_of)?))
        })
    }
}
