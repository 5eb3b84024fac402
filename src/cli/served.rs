//! Options of `run` and `check`: who does the steps of agents, whatever the plan says.

use clap::Args;

use crate::plan::{AgentId, Plan, Provider};

/// Who does the steps of agents, who serves their models, and which.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct Served {
    /// Who does the steps of agents, whatever the plan says, with the plan's defaults for it; by its key in a plan.
    #[arg(long, value_name = "AGENT")]
    pub(super) agent: Option<AgentId>,
    /// Who serves the models of agents' steps, whatever the plan says: openai, anthropic, ollama, lmstudio, or URL[#KEY_VARIABLE].
    #[arg(long, value_name = "PROVIDER")]
    pub(super) provider: Option<Provider>,
    /// The model of agents' steps, whatever the plan says.
    #[arg(long, value_name = "NAME")]
    pub(super) model: Option<String>,
}

impl Served {
    /// Has a plan's steps done by these.
    pub(super) fn apply(&self, plan: &mut Plan) {
        plan.serve_by(self.agent, self.provider.as_ref(), self.model.as_deref());
    }
}
