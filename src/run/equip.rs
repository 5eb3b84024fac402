//! What agents need before step 1: the agent itself, its model and what lets one in there, its task, its MCP servers.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::refusal::Refusal;
use crate::agent::codex::{self, Cloud, Codex};
use crate::agent::{Agent, Server};
use crate::evidence::mask::Secrets;
use crate::network::{Auth, Dialect, Upstream};
use crate::plan::{self, Action, Network, Plan, Prompt, Provider, Step};
use crate::policy::HostFacts;

/// Largest prompt file.
const LARGEST_PROMPT: u64 = 1 << 20;

/// What the agents of a run's steps work with.
#[derive(Debug, Clone)]
pub struct Equipment {
    /// The agent.
    pub found: Rc<Found>,
    /// What each step gives it.
    pub assignments: BTreeMap<String, Assignment>,
    /// What `codex_apply` steps need.
    pub cloud: Option<Applier>,
}

/// What applies the work of Codex's cloud.
#[derive(Debug, Clone)]
pub struct Applier {
    /// The program.
    pub codex: Codex,
    /// The cloud.
    pub cloud: Cloud,
    /// The same with what lets one in there: it stays in this process.
    pub upstream: Upstream,
}

/// An agent that is on this host.
#[derive(Debug)]
pub struct Found {
    /// The agent.
    pub agent: Box<dyn Agent>,
    /// What is to be said of its version.
    pub warning: Option<String>,
    /// MCP servers it knows.
    pub servers: Vec<String>,
}

/// What one step gives its agent.
#[derive(Debug, Clone)]
pub struct Assignment {
    /// Who works.
    pub found: Rc<Found>,
    /// Its model, with the key: it stays in this process.
    pub upstream: Upstream,
    /// The MCP servers it may use.
    pub servers: Vec<Server>,
    /// The step's own words.
    pub task: String,
}

/// Finds what the codex steps of a plan need; nothing if there are none.
pub fn equip(plan: &Plan, host: &HostFacts, secrets: &Secrets) -> Result<Option<Equipment>, Refusal> {
    let asks = |step: &&Step| matches!(step.action, Action::Codex(_) | Action::CodexApply(_));
    let Some(first) = plan.steps.iter().find(asks) else { return Ok(None) };
    let agent = codex::find(&host.path).map_err(|error| refuse(first, error.what, error.hint))?;
    let cloud = applier(plan, &agent, host, secrets)?;
    let known = servers(first, &agent, host)?;
    let warning = agent.warning();
    let names = known.iter().map(|server| server.name.clone()).collect();
    let found = Rc::new(Found { agent: Box::new(agent), warning, servers: names });
    let mut assignments = BTreeMap::new();
    for step in &plan.steps {
        let Action::Codex(codex) = &step.action else { continue };
        let assignment = Assignment {
            found: Rc::clone(&found),
            upstream: upstream(step, &codex.provider, host, secrets)?,
            servers: chosen(step, codex, &known)?,
            task: task(plan, step, &codex.prompt)?,
        };
        assignments.insert(step.id.clone(), assignment);
    }
    Ok(Some(Equipment { found, assignments, cloud }))
}

fn applier(
    plan: &Plan,
    codex: &Codex,
    host: &HostFacts,
    secrets: &Secrets,
) -> Result<Option<Applier>, Refusal> {
    let asks = |step: &&Step| matches!(step.action, Action::CodexApply(_));
    let Some(step) = plan.steps.iter().find(asks) else { return Ok(None) };
    let cloud = codex::cloud(&host.environment, chrono::Utc::now().timestamp()).map_err(|error| {
        refuse(step, format!("codex_apply needs a login with ChatGPT: {error}"), error.hint())
    })?;
    if let Err(error) = secrets.register(cloud.login.access_token.as_bytes()) {
        return Err(refuse(step, format!("the access token: {error}"), "log in anew: `codex login`"));
    }
    let login = cloud.login.clone();
    let auth = Auth::ChatGpt { access_token: login.access_token, account_id: login.account_id };
    let upstream = Upstream::new(Dialect::Responses, &cloud.base_url, &auth)
        .map_err(|error| refuse(step, error.to_string(), "`chatgpt_base_url` of your Codex configuration"))?;
    Ok(Some(Applier { codex: codex.clone(), cloud, upstream }))
}

fn refuse(step: &Step, what: impl Into<String>, hint: impl Into<String>) -> Refusal {
    Refusal::Plan { step: step.id.clone(), what: what.into(), hint: hint.into() }
}

fn servers(step: &Step, found: &Codex, host: &HostFacts) -> Result<Vec<Server>, Refusal> {
    let hint = "`codex mcp list --json` has to work by hand first: look at your Codex configuration";
    codex::list(found, &host.environment).map_err(|error| refuse(step, error.to_string(), hint))
}

/// Returns where a provider is.
pub(super) fn base_url(provider: &Provider) -> &str {
    match provider {
        Provider::OpenAi => "https://api.openai.com/v1",
        Provider::Ollama => "http://127.0.0.1:11434/v1",
        Provider::LmStudio => "http://127.0.0.1:1234/v1",
        Provider::Custom { base_url, .. } => base_url.trim_end_matches('/'),
    }
}

/// Where a login with ChatGPT is good for.
const CHATGPT: &str = "https://chatgpt.com/backend-api/codex";

/// Finds a provider's model, and what lets one in there. What is secret of it is masked from here on.
fn upstream(
    step: &Step,
    provider: &Provider,
    host: &HostFacts,
    secrets: &Secrets,
) -> Result<Upstream, Refusal> {
    let (base_url, auth) = match provider {
        Provider::OpenAi => open_ai(step, host)?,
        Provider::Custom { env_key: Some(name), .. } => {
            (base_url(provider), Auth::Bearer(key(step, name, host)?))
        }
        Provider::Custom { env_key: None, .. } | Provider::Ollama | Provider::LmStudio => {
            (base_url(provider), Auth::None)
        }
    };
    let hint = "`autopilot doctor` shows what is there; docs/codex.md has the providers";
    let upstream = Upstream::new(Dialect::Responses, base_url, &auth)
        .map_err(|error| refuse(step, error.to_string(), hint))?;
    if let Some(Err(error)) = upstream.secret().map(|secret| secrets.register(secret.as_bytes())) {
        return Err(refuse(step, format!("the model's key: {error}"), "use a longer key"));
    }
    Ok(upstream)
}

fn key(step: &Step, name: &str, host: &HostFacts) -> Result<String, Refusal> {
    match host.environment.get(name).filter(|key| !key.is_empty()) {
        Some(key) => Ok(key.clone()),
        None => Err(refuse(
            step,
            format!("{name} is not set, and the model needs the key it should hold"),
            format!("export {name} where autopilot is started: it stays with the runner"),
        )),
    }
}

/// A key counts before a login, as with Codex itself.
fn open_ai(step: &Step, host: &HostFacts) -> Result<(&'static str, Auth), Refusal> {
    let named = |name: &&str| host.environment.get(*name).is_some_and(|key| !key.is_empty());
    if let Some(name) = ["CODEX_API_KEY", "OPENAI_API_KEY"].iter().find(|name| named(name)) {
        return Ok(("https://api.openai.com/v1", Auth::Bearer(key(step, name, host)?)));
    }
    match codex::login(&host.environment, chrono::Utc::now().timestamp()) {
        Ok(login) => {
            let auth = Auth::ChatGpt { access_token: login.access_token, account_id: login.account_id };
            Ok((CHATGPT, auth))
        }
        Err(error) => Err(refuse(
            step,
            format!("no OPENAI_API_KEY and no login with ChatGPT ({error})"),
            "export OPENAI_API_KEY, run `codex login`, or take another provider: `codex: {provider: ollama}`",
        )),
    }
}

/// Picks the servers that a step names, and holds them to what the step may do.
fn chosen(step: &Step, codex: &plan::Codex, known: &[Server]) -> Result<Vec<Server>, Refusal> {
    let pick = |name: &String| {
        let Some(server) = known.iter().find(|server| server.name == *name) else {
            let names: Vec<&str> = known.iter().map(|server| server.name.as_str()).collect();
            let what = format!("Codex knows no MCP server `{name}`");
            let hint = if names.is_empty() {
                "it knows none: `codex mcp add`, or take it out of `mcp`".to_owned()
            } else {
                format!("it knows {}", names.join(", "))
            };
            return Err(refuse(step, what, hint));
        };
        fits(step, server)?;
        Ok(server.clone())
    };
    codex.mcp.iter().map(pick).collect()
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
        && !reaches(&step.network, host, *port)
    {
        let what = format!("MCP server `{name}` is at {host}:{port}, which the step does not reach");
        return Err(refuse(step, what, format!("add it: `network: {{allow: [\"{host}:{port}\"]}}`")));
    }
    Ok(())
}

fn reaches(network: &Network, host: &str, port: u16) -> bool {
    match network {
        Network::None => false,
        Network::Full => true,
        Network::Allow(hosts) => hosts.iter().any(|allowed| {
            let fits = match allowed.host.strip_prefix('*') {
                Some(ending) => host.ends_with(ending),
                None => host == allowed.host,
            };
            fits && allowed.port == port
        }),
    }
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
