//! What is asked for, and where it happens.

use std::path::PathBuf;

use super::Error;
use crate::evidence::RunName;
use crate::plan::{AgentId, Provider};
use crate::policy::{Confinement, Demand, HostFacts, Waivers};
use crate::run::Ending;
use crate::sandbox;
use crate::worktree::{Repository, State};

/// What is asked for: the run of one issue.
#[derive(Debug, Clone)]
pub struct Order {
    /// The issue.
    pub issue: u64,
    /// Another plan than the issue's own.
    pub plan: Option<PathBuf>,
    /// Another state directory than the one that the environment names.
    pub state: Option<PathBuf>,
    /// Go on with the last run where it crashed or was interrupted.
    pub resume: bool,
    /// Go on with this run of the issue, and not with the last.
    pub run: Option<RunName>,
    /// And where it cannot go on, save what it left and begin a new one.
    pub or_new: bool,
    /// What becomes of the worktree at the end.
    pub ending: Ending,
    /// Publish at the end what the plan says.
    pub publish: bool,
    /// Who does the steps of agents, whatever the plan says.
    pub agent: Option<AgentId>,
    /// Who serves the models of agents' steps, whatever the plan says.
    pub provider: Option<Provider>,
    /// Their model, whatever the plan says.
    pub model: Option<String>,
    /// As root: the user whom the steps run as.
    pub run_as: Option<String>,
    /// Protections to go without where this host cannot give them.
    pub waivers: Waivers,
    /// A confinement without which nothing runs.
    pub require: Option<Confinement>,
}

impl Order {
    /// The run of an issue as its plan has it, begun anew.
    pub fn of(issue: u64) -> Self {
        Self {
            issue,
            plan: None,
            state: None,
            resume: false,
            run: None,
            or_new: false,
            ending: Ending::Remove,
            publish: true,
            agent: None,
            provider: None,
            model: None,
            run_as: None,
            waivers: Waivers::default(),
            require: None,
        }
    }

    /// Finds the state directory.
    pub(super) fn state(&self) -> Result<State, Error> {
        Ok(self.state.clone().map_or_else(State::find, |root| Ok(State::at(root)))?)
    }

    /// Finds out what this host can enforce, and whom the steps run as.
    pub(super) fn host(&self) -> Result<HostFacts, Error> {
        let mut host = sandbox::probe();
        host.own.extend(sandbox::with_real([self.state()?.root().to_owned()]));
        let demand = |confinement| Demand { confinement, by: format!("--require {confinement}") };
        host.demands.extend(self.require.map(demand));
        if let Some(name) = &self.run_as {
            if host.uid != 0 {
                return Err(Error::NotRoot);
            }
            host.identity = sandbox::user(name);
            host.own.extend(sandbox::own_of_user(name));
        }
        Ok(host)
    }
}

/// Where runs happen, and under which rules.
#[derive(Debug, Clone, Copy)]
pub struct Site<'a> {
    /// Where runs live while they run.
    pub state: &'a State,
    /// The user's repository.
    pub repository: &'a Repository,
    /// What the host can enforce.
    pub host: &'a HostFacts,
    /// What it need not.
    pub waivers: &'a Waivers,
}
