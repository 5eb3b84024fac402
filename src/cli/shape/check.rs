//! What `check --json` prints.

use std::collections::BTreeSet;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::plan::{Fault, Faults};

/// What `check` says of plans.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct Check {
    pub(in crate::cli) v: u32,
    pub(in crate::cli) plans: Vec<Checked>,
}

/// What it says of one.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub(in crate::cli) enum Checked {
    Valid(Box<ValidPlan>),
    Invalid(InvalidPlan),
}

/// A plan that cannot be run anywhere.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct InvalidPlan {
    pub(in crate::cli) path: PathBuf,
    /// It is false.
    pub(in crate::cli) valid: bool,
    pub(in crate::cli) faults: Faults,
}

/// A plan, and what this host makes of it; null is what the host was not asked.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct ValidPlan {
    pub(in crate::cli) path: PathBuf,
    /// It is true.
    pub(in crate::cli) valid: bool,
    pub(in crate::cli) steps: Vec<Step>,
    /// The longest that it may take.
    pub(in crate::cli) longest: String,
    pub(in crate::cli) warnings: Vec<Fault>,
    /// What would be enforced, by step.
    pub(in crate::cli) granted: Option<Map<String, Value>>,
    /// What would keep it from running.
    pub(in crate::cli) denied: Option<Vec<Denied>>,
    /// What it would take of what is kept from run to run.
    pub(in crate::cli) cache: Option<String>,
    /// What a ceiling lowers.
    pub(in crate::cli) lowered: Option<Vec<String>>,
    /// What would leave the machine.
    pub(in crate::cli) publishes: Option<String>,
    /// What a step would be granted and could not use.
    pub(in crate::cli) void: Option<Vec<String>>,
    /// Programs that could not be started.
    pub(in crate::cli) programs: Option<Vec<String>>,
    /// Whom the clients of registries ask, where a step would refuse them.
    pub(in crate::cli) clients: Option<Vec<Asked>>,
    /// The plan as it is resolved, with every default.
    #[schemars(with = "Map<String, Value>")]
    pub(in crate::cli) plan: Value,
}

/// A step.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct Step {
    pub(in crate::cli) id: String,
    pub(in crate::cli) argv: Vec<String>,
    pub(in crate::cli) attempts: u32,
    /// How often a proof runs its tests, at least and at most.
    pub(in crate::cli) proof_runs: Option<[u32; 2]>,
}

/// What would be refused.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct Denied {
    /// The step, if it is one's.
    pub(in crate::cli) step: Option<String>,
    /// A word of the table in docs/exit-codes.md.
    pub(in crate::cli) cause: &'static str,
    pub(in crate::cli) what: String,
    pub(in crate::cli) why: String,
    pub(in crate::cli) hint: String,
}

/// What a client of registries asks.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct Asked {
    pub(in crate::cli) step: String,
    pub(in crate::cli) client: &'static str,
    /// On this host.
    pub(in crate::cli) hosts: BTreeSet<String>,
    /// In a step.
    pub(in crate::cli) in_step: BTreeSet<String>,
    /// Which setting says so.
    pub(in crate::cli) from: String,
    /// The line of the plan that lets it.
    pub(in crate::cli) network: Option<String>,
    /// What else the step has to be told.
    pub(in crate::cli) follow: Option<String>,
    /// What finds out the rest.
    pub(in crate::cli) learn: String,
}
