//! What agents need before step 1: the agent itself, its model and what lets one in there, its task, its MCP servers.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::refusal::Refusal;
use crate::agent::{self, Access, Agent, Login, Server, Unavailable};
use crate::evidence::mask::Secrets;
use crate::network::{PRICES_OF, Upstream};
use crate::plan::{self, Action, AgentId, AgentStep, Destination, Network, Plan, Prompt, Step};
use crate::policy::HostFacts;

/// Largest prompt file.
const LARGEST_PROMPT: u64 = 1 << 20;

/// What the agents of a run's steps work with.
#[derive(Debug, Clone, Default)]
pub struct Equipment {
    /// The agents.
    pub found: BTreeMap<AgentId, Rc<Found>>,
    /// What each step gives its agent.
    pub assignments: BTreeMap<String, Assignment>,
    /// What steps need that apply the work of a cloud.
    pub cloud: Option<Applier>,
}

/// What applies the work of an agent's cloud.
#[derive(Debug, Clone)]
pub struct Applier {
    /// Whose cloud it is.
    pub agent: Rc<dyn Agent>,
    /// The cloud as host and port.
    pub reaches: (String, u16),
    /// The same with what lets one in there: it stays in this process.
    pub upstream: Upstream,
}

/// An agent that is on this host.
#[derive(Debug)]
pub struct Found {
    /// The agent.
    pub agent: Rc<dyn Agent>,
    /// What is to be said of its version.
    pub warning: Option<String>,
    /// MCP servers it knows.
    pub servers: Vec<Server>,
}

/// What one step gives its agent.
#[derive(Debug, Clone)]
pub struct Assignment {
    /// Who works.
    pub found: Rc<Found>,
    /// Its model, with the key: it stays in this process.
    pub upstream: Upstream,
    /// It is a login that lets one in at the model.
    pub by_login: bool,
    /// The MCP servers it may use.
    pub servers: Vec<Server>,
    /// The step's own words.
    pub task: String,
}

/// Finds what the agents of a plan's steps need.
pub fn equip(plan: &Plan, host: &HostFacts, secrets: &Secrets) -> Result<Equipment, Refusal> {
    let mut all = Equipment::default();
    for step in &plan.steps {
        let Some(id) = step.action.agent() else { continue };
        let found = match all.found.get(&id) {
            Some(found) => Rc::clone(found),
            None => find(step, id, host)?,
        };
        all.found.insert(id, Rc::clone(&found));
        match &step.action {
            Action::Agent(asked) => {
                if let Some(wrong) = id.cannot_use(&asked.provider) {
                    let what = format!("provider {} {}", asked.provider.word(), wrong.message);
                    return Err(refuse(step, what, wrong.hint));
                }
                let wrong = asked
                    .model
                    .as_ref()
                    .and_then(|model| Some((model, id.cannot_have(&asked.provider, model)?)));
                if let Some((model, wrong)) = wrong {
                    return Err(refuse(step, format!("model {model} {}", wrong.message), wrong.hint));
                }
                let access = (agent::kind(id).access)(&asked.provider, &host.environment);
                let access = access.map_err(|error| unavailable(step, error))?;
                let upstream = upstream(step, &access, id, secrets)?.prices(&plan.prices);
                is_priced(plan, step, asked, &upstream)?;
                let assignment = Assignment {
                    upstream,
                    by_login: access.by_login,
                    servers: chosen(step, asked, &found.servers)?,
                    task: task(plan, step, &asked.prompt)?,
                    found,
                };
                all.assignments.insert(step.id.clone(), assignment);
            }
            _ if all.cloud.is_none() => all.cloud = applier(step, &found, host, secrets)?,
            _ => {}
        }
    }
    Ok(all)
}

fn find(step: &Step, id: AgentId, host: &HostFacts) -> Result<Rc<Found>, Refusal> {
    let kind = agent::kind(id);
    let agent = (kind.find)(&host.path).map_err(|error| unavailable(step, error))?;
    let servers = agent.servers(&host.environment).map_err(|error| unavailable(step, error))?;
    let warning = kind.warning(agent.version());
    Ok(Rc::new(Found { agent, warning, servers }))
}

fn applier(
    step: &Step,
    found: &Found,
    host: &HostFacts,
    secrets: &Secrets,
) -> Result<Option<Applier>, Refusal> {
    let Some(cloud) = agent::kind(found.agent.id()).cloud else { return Ok(None) };
    let Login { access, reaches } = cloud(&host.environment).map_err(|error| unavailable(step, error))?;
    let upstream = upstream(step, &access, found.agent.id(), secrets)?;
    Ok(Some(Applier { agent: Rc::clone(&found.agent), reaches, upstream }))
}

fn refuse(step: &Step, what: impl Into<String>, hint: impl Into<String>) -> Refusal {
    Refusal::Plan { step: step.id.clone(), what: what.into(), hint: hint.into() }
}

fn missing(step: &Step, what: impl Into<String>, hint: impl Into<String>) -> Refusal {
    Refusal::Missing { step: step.id.clone(), what: what.into(), hint: hint.into() }
}

fn unavailable(step: &Step, error: Unavailable) -> Refusal {
    missing(step, error.what, error.hint)
}

/// Makes what leads to a model, with what lets one in there. What is secret of it is masked from here on.
fn upstream(step: &Step, access: &Access, agent: AgentId, secrets: &Secrets) -> Result<Upstream, Refusal> {
    let hint = format!(
        "`autopilot doctor` shows what is there; docs/{agent}.md has the providers and their addresses"
    );
    let upstream = Upstream::new(agent::kind(agent).dialect, &access.base_url, &access.auth)
        .map_err(|error| refuse(step, error.to_string(), hint))?;
    if upstream.secret().is_some() && upstream.is_plain() && !upstream.is_local() {
        let what = format!(
            "the key would go to {} by plain http, where everybody on the way can read it",
            access.base_url
        );
        let hint = "write `https://…`, or lead it through a tunnel that ends on 127.0.0.1";
        return Err(refuse(step, what, hint));
    }
    if let Some(Err(error)) = upstream.secret().map(|secret| secrets.register(secret.as_bytes())) {
        return Err(missing(step, format!("the model's key: {error}"), "use a longer key, or log in anew"));
    }
    Ok(upstream)
}

/// Demands that it is known what a step's model costs, if its money is bounded.
fn is_priced(plan: &Plan, step: &Step, asked: &AgentStep, upstream: &Upstream) -> Result<(), Refusal> {
    if (asked.budget.is_none() && plan.limits.budget.is_none()) || upstream.is_free() {
        return Ok(());
    }
    let hint = "bound its tokens instead (`tokens: 500000`), name a model whose price is known, or have a file of the host \
                say it (`prices`): docs/ceilings.md";
    match asked.model.as_deref() {
        None => Err(refuse(step, "its money is bounded, and no model is named", "name one: `model: NAME`")),
        Some(model) if upstream.knows_price(model) => Ok(()),
        Some(model) => {
            let what = format!(
                "its money is bounded, and what model `{model}` costs is not known (prices of {PRICES_OF})"
            );
            Err(refuse(step, what, hint))
        }
    }
}

/// Picks the servers that a step names, and holds them to what the step may do.
fn chosen(step: &Step, asked: &AgentStep, known: &[Server]) -> Result<Vec<Server>, Refusal> {
    let pick = |name: &String| {
        let Some(server) = known.iter().find(|server| server.name == *name) else {
            let names: Vec<&str> = known.iter().map(|server| server.name.as_str()).collect();
            let what = format!("{} knows no MCP server `{name}`", asked.agent.title());
            let hint = if names.is_empty() {
                format!("it knows none: `{} mcp add`, or take it out of `mcp`", asked.agent)
            } else {
                format!("it knows {}", names.join(", "))
            };
            return Err(missing(step, what, hint));
        };
        fits(step, server)?;
        Ok(server.clone())
    };
    asked.mcp.iter().map(pick).collect()
}

fn fits(step: &Step, server: &Server) -> Result<(), Refusal> {
    let named = |name: &String| step.env.iter().any(|entry| entry.name() == name);
    let name = &server.name;
    if let Some(literal) = server.literal.iter().find(|literal| !named(literal)) {
        let what = format!("the configuration of MCP server `{name}` holds a credential, {literal}");
        let hint = format!(
            "an agent would read it: say so with `env: [{literal}]`, or let the server take it from there"
        );
        return Err(refuse(step, what, hint));
    }
    if let Some(variable) = server.variables.iter().find(|variable| !named(variable)) {
        let what =
            format!("MCP server `{name}` takes {variable} from the environment, which the step does not get");
        return Err(refuse(step, what, format!("add `env: [{variable}]`: the agent can then read it")));
    }
    if let Some((host, port)) = &server.reaches
        && !step.network.lets(&Destination { host: host.clone(), port: *port })
    {
        let what = format!("MCP server `{name}` is at {host}:{port}, which the step does not reach");
        let line = Network::allowing([format!("{host}:{port}")]);
        return Err(refuse(step, what, format!("add it: `{line}`")));
    }
    Ok(())
}

/// Reads the step's own words, from the plan or from the file beside it.
fn task(plan: &Plan, step: &Step, prompt: &Prompt) -> Result<String, Refusal> {
    let file = match prompt {
        Prompt::Text(text) => return Ok(text.clone()),
        Prompt::File(file) => plan.folder.join(file),
    };
    let hint = "`prompt_file` names a text file in the plan's folder";
    let wrong = |what: String| refuse(step, format!("{}: {what}", file.display()), hint);
    let metadata = std::fs::symlink_metadata(&file).map_err(|error| wrong(error.to_string()))?;
    if !metadata.is_file() {
        return Err(wrong("not a regular file".into()));
    }
    if metadata.len() > LARGEST_PROMPT {
        return Err(wrong(format!("larger than {}", plan::units::size(LARGEST_PROMPT))));
    }
    let text = std::fs::read_to_string(&file).map_err(|error| wrong(error.to_string()))?;
    if text.trim().is_empty() { Err(wrong("empty".into())) } else { Ok(text) }
}
