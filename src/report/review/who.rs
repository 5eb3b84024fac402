//! Who set a run off, by which plan, and what did its work: for whoever has to answer for a merge.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::evidence::RunState;
use crate::evidence::event::Origin;

/// Who set a run off, and by which plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Who {
    /// The user that it ran as; unknown of runs of version 1.
    pub user: Option<String>,
    /// Whom a CI system names.
    pub actor: Option<String>,
    /// What the engine that started it calls the job, by the variables of its environment.
    pub job: BTreeMap<String, String>,
    /// The account that published, or is to, if that is known.
    pub publisher: Option<String>,
    /// The machine.
    pub host: String,
    /// Version of autopilot.
    pub autopilot: String,
    /// Who wrote the plan.
    pub origin: Option<Origin>,
    /// The commit that holds the plan just so, if one does.
    pub plan_commit: Option<String>,
    /// SHA-256 of the plan.
    pub plan_sha256: String,
    /// It is what an earlier run recorded.
    #[serde(skip)]
    pub is_of_earlier_run: bool,
}

impl Who {
    pub(super) fn of(state: &RunState) -> Self {
        let start = &state.start;
        let by = start.started_by.as_ref();
        let commit = start.plan_commit.as_ref().and_then(|commit| commit.commit());
        Self {
            user: by.map(|by| by.user.to_string()),
            actor: by.and_then(|by| by.actor.as_ref()).map(ToString::to_string),
            job: start.labels.iter().map(|(name, value)| (name.clone(), value.to_string())).collect(),
            publisher: state.publisher().map(ToString::to_string),
            host: start.host.name.to_string(),
            autopilot: start.autopilot.to_string(),
            origin: start.origin,
            plan_commit: commit.map(ToString::to_string),
            plan_sha256: start.plan_sha256.to_string(),
            is_of_earlier_run: start.revises.is_some(),
        }
    }
}

/// What a run used of models.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Spent {
    /// Tokens; nothing where no agent worked.
    pub tokens: Option<u64>,
    /// Millionths of a US dollar, where that is known of each step.
    pub cost: Option<u64>,
    /// Each agent with its model, once.
    pub agents: Vec<Agent>,
}

/// An agent that worked on a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Agent {
    /// Name and version.
    pub agent: String,
    /// The model, where the plan names one.
    pub model: Option<String>,
    /// Who serves it.
    pub provider: String,
}

impl Spent {
    pub(super) fn of(state: &RunState) -> Self {
        let tokens = state.steps.iter().filter_map(crate::evidence::state::StepState::tokens);
        let mut spent =
            Self { tokens: tokens.reduce(u64::saturating_add), cost: state.cost(), agents: Vec::new() };
        for started in state.attempts().filter_map(|(_, attempt)| attempt.agent.as_ref()) {
            let (agent, provider) = (started.agent.to_string(), started.provider.to_string());
            let one = Agent { agent, model: started.model.as_ref().map(ToString::to_string), provider };
            if !spent.agents.contains(&one) {
                spent.agents.push(one);
            }
        }
        spent
    }
}
