//! Resolves what is written into what holds: defaults applied, steps in order. Nothing can be wrong any more.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::file::{
    AgentDefaults, ChangesFile, Defaults, ExpectationFile, FilesystemFile, LimitsFile, PlanFile, PublishFile,
    ResourcesFile, StepFile,
};
use super::text::{Env, Id, InnerPath, Money, Pattern, Token};
use super::union::{
    AgentFile, CommandFile, ContextFile, NetworkFile, NetworkName, ProviderFile, ProviderName,
    PullRequestFile, PullRequestName, RebaseName, TokensFile,
};
use super::{
    Action, AgentId, AgentStep, Changes, Context, EnvEntry, Expectation, FileContains, Filesystem, Glob,
    Invocation, Limits, Network, OnFailure, Plan, Prompt, Provider, Publish, PullRequest, Rebase, Resources,
    RetryFrom, Shell, Step, TokenLimit, Whose,
};
use super::{proving, units};

/// Where a plan came from, which its own text does not tell.
pub(super) struct Origin<'a> {
    pub(super) path: &'a Path,
    pub(super) folder: &'a Path,
    pub(super) digest: String,
    /// Line of each step, in file order.
    pub(super) lines: Vec<usize>,
    /// Indices of the steps in the order they run.
    pub(super) order: Vec<usize>,
}

/// Resolves a plan file.
pub(super) fn resolve(mut file: PlanFile, origin: Origin<'_>) -> Plan {
    let mut named = file.take_agents();
    let agents = AgentId::ALL
        .map(|agent| (agent, agent_defaults(agent, &named.remove(&agent).unwrap_or_default())))
        .into();
    let defaults = file.defaults.unwrap_or_default();
    let mut steps: Vec<Option<Step>> = file
        .steps
        .into_iter()
        .zip(origin.lines.iter())
        .map(|(step, line)| Some(resolve_step(step, *line, &defaults, &agents)))
        .collect();
    Plan {
        issue: file.issue,
        title: file.title.0,
        base: file.base.map(|base| base.0),
        limits: limits(file.limits.unwrap_or_default()),
        share_objects: file.share_objects.unwrap_or(false),
        submodules: file.submodules.unwrap_or(false),
        agents,
        prices: BTreeMap::new(),
        cache: file.cache.into_iter().map(|folder| folder.0).collect(),
        exclude: file.exclude.into_iter().chain(defaults.exclude).map(|pattern| pattern.0).collect(),
        steps: origin.order.iter().filter_map(|index| steps.get_mut(*index)?.take()).collect(),
        publish: publish(file.publish.unwrap_or_default()),
        path: origin.path.to_owned(),
        folder: origin.folder.to_owned(),
        digest: origin.digest,
    }
}

fn limits(file: LimitsFile) -> Limits {
    Limits {
        timeout: file.timeout.map_or(Duration::from_secs(3600), |time| time.0),
        consecutive_failures: file.consecutive_failures.unwrap_or(3),
        tokens: tokens(file.tokens.as_ref()),
        budget: file.budget.as_ref().and_then(micros),
        silence: file.silence.map(|time| time.0),
        salvage: file.salvage.map_or(1 << 30, |size| size.0),
        cache: file.cache.map(|size| size.0),
    }
}

fn micros(money: &Money) -> Option<u64> {
    units::micros(&money.0)
}

fn tokens(file: Option<&TokensFile>) -> TokenLimit {
    match file {
        None => TokenLimit::Unset,
        Some(TokensFile::Word(_)) => TokenLimit::Unlimited,
        Some(TokensFile::AtMost(count)) => TokenLimit::AtMost(count.0),
    }
}

fn resolve_step(
    mut file: StepFile,
    line: usize,
    defaults: &Defaults,
    agents: &BTreeMap<AgentId, AgentStep>,
) -> Step {
    let shell = file.shell.unwrap_or(Shell::Sh);
    let run = |command| invocation(command, shell);
    let asked = file.take_agent().and_then(|(agent, asked)| Some((asked, agents.get(&agent)?)));
    let context = file.context.into_iter().filter_map(context_entry).collect();
    let action = match (file.command, asked, file.cloud_task, file.apply) {
        (_, Some((asked, defaults)), _, _) => Action::Agent(agent_action(asked, context, defaults)),
        (_, _, Some(task), _) => Action::CloudTask(task.0),
        (_, _, _, Some(path)) => Action::Apply(path.0),
        (command, None, None, None) => Action::Command(command.map_or(Invocation::Argv(Vec::new()), run)),
    };
    let retry_from = file.retry_from.unwrap_or(match action {
        Action::Agent(_) => RetryFrom::Attempt,
        _ => RetryFrom::Checkpoint,
    });
    let secrets: Vec<String> = file.secrets.into_iter().map(|name| name.0).collect();
    Step {
        id: file.id.0,
        needs: file.needs.into_iter().map(|Id(id)| id).collect(),
        action,
        dir: file.dir.map(|dir| dir.0).unwrap_or_default(),
        timeout: file
            .timeout
            .as_ref()
            .or(defaults.timeout.as_ref())
            .map_or(Duration::from_secs(600), |time| time.0),
        retries: file.retries.or(defaults.retries).unwrap_or(0),
        retry_from,
        expectation: expectation(file.expectation.unwrap_or_default(), shell),
        post: file.post.into_iter().map(run).collect(),
        rollback: file.rollback.into_iter().map(run).collect(),
        commit: file.commit.map(|message| message.0.trim_end().to_owned()),
        on_failure: file.on_failure.unwrap_or(OnFailure::Abort),
        home: file.home.unwrap_or_default(),
        outside: file.outside,
        varies: file.varies.into_iter().map(|pattern| pattern.0).collect(),
        clean_ignored: file.clean_ignored.unwrap_or(false),
        env: environment(&defaults.env, &file.env, &secrets),
        secrets,
        network: network(file.network.as_ref().or(defaults.network.as_ref())),
        filesystem: filesystem(defaults.filesystem.as_ref(), file.filesystem.as_ref()),
        resources: resources(defaults.resources.as_ref(), file.resources.as_ref()),
        line,
    }
}

fn invocation(file: CommandFile, shell: Shell) -> Invocation {
    match file {
        CommandFile::Script(text) => Invocation::Script { text: text.0, shell },
        CommandFile::Words(words) => Invocation::Argv(words.0),
    }
}

/// Resolves what an agent is asked that is told nothing more than the plan's defaults.
fn agent_defaults(agent: AgentId, file: &AgentDefaults) -> AgentStep {
    AgentStep {
        agent,
        prompt: Prompt::Text(String::new()),
        model: file.model.as_ref().map(name),
        effort: file.effort.as_ref().map(name),
        tokens: TokenLimit::Unset,
        budget: None,
        silence: None,
        provider: file.provider.as_ref().map_or_else(|| agent.default_provider(), provider),
        mcp: file.mcp.iter().flatten().map(name).collect(),
        context: Vec::new(),
    }
}

fn agent_action(file: AgentFile, context: Vec<Context>, defaults: &AgentStep) -> AgentStep {
    let mut asked = AgentStep { context, ..defaults.clone() };
    match file {
        AgentFile::Prompt(text) => asked.prompt = Prompt::Text(text.0),
        AgentFile::Map(map) => {
            asked.prompt = match (map.prompt, map.prompt_file) {
                (_, Some(path)) => Prompt::File(path.0),
                (text, None) => Prompt::Text(text.map(|text| text.0).unwrap_or_default()),
            };
            asked.model = map.model.as_ref().map(name).or(asked.model);
            asked.effort = map.effort.as_ref().map(name).or(asked.effort);
            asked.tokens = tokens(map.tokens.as_ref());
            asked.budget = map.budget.as_ref().and_then(micros);
            asked.silence = map.silence.map(|time| time.0);
            if let Some(own) = &map.provider {
                asked.provider = provider(own);
            }
            if let Some(mcp) = map.mcp {
                asked.mcp = mcp.iter().map(name).collect();
            }
        }
    }
    asked
}

fn name(token: &Token) -> String {
    token.0.clone()
}

fn provider(file: &ProviderFile) -> Provider {
    match file {
        ProviderFile::Named(ProviderName::OpenAi) => Provider::OpenAi,
        ProviderFile::Named(ProviderName::Anthropic) => Provider::Anthropic,
        ProviderFile::Named(ProviderName::Ollama) => Provider::Ollama,
        ProviderFile::Named(ProviderName::LmStudio) => Provider::LmStudio,
        ProviderFile::Custom(custom) => Provider::Custom {
            base_url: custom.base_url.0.clone(),
            env_key: custom.env_key.as_ref().map(|name| name.0.clone()),
        },
    }
}

fn context_entry(file: ContextFile) -> Option<Context> {
    match file {
        ContextFile::Named(_) => Some(Context::Issue),
        ContextFile::Map(map) => {
            let step = map.step.map(|id| Context::Step(id.0));
            let issue = map.issue.map(|_| Context::IssueOf(Whose::Everybody));
            step.or_else(|| map.file.map(|path| Context::File(path.0))).or(issue)
        }
    }
}

fn expectation(file: ExpectationFile, shell: Shell) -> Expectation {
    Expectation {
        exit_code: file.exit_code.unwrap_or(0),
        files_exist: paths(file.files_exist),
        files_absent: paths(file.files_absent),
        file_contains: file
            .file_contains
            .into_iter()
            .map(|entry| FileContains { path: entry.path.0, pattern: entry.pattern.0 })
            .collect(),
        output_matches: file.output_matches.into_iter().map(|regex| regex.0).collect(),
        output_excludes: file.output_excludes.into_iter().map(|regex| regex.0).collect(),
        changes: file.changes.map(changes),
        proves: file.proves.map(|file| proving::resolve(file, |command| invocation(command, shell))),
    }
}

fn paths(paths: Vec<InnerPath>) -> Vec<PathBuf> {
    paths.into_iter().map(|path| path.0).collect()
}

fn changes(file: ChangesFile) -> Changes {
    let globs =
        |patterns: Vec<Pattern>| -> Vec<Glob> { patterns.into_iter().map(|pattern| pattern.0).collect() };
    Changes {
        min: file.min,
        max: file.max,
        within: globs(file.within),
        not_within: globs(file.not_within),
        keep: globs(file.keep),
    }
}

/// Adds a step's entries to the defaults; of the same name, the step's counts, and a secret before both.
fn environment(defaults: &[Env], own: &[Env], secrets: &[String]) -> Vec<EnvEntry> {
    let is_own = |name: &str| own.iter().any(|Env(entry)| entry.name() == name);
    let inherited = defaults.iter().filter(|Env(entry)| !is_own(entry.name()));
    let all = inherited.chain(own).map(|Env(entry)| entry);
    all.filter(|entry| !secrets.iter().any(|secret| secret == entry.name())).cloned().collect()
}

pub(super) fn network(file: Option<&NetworkFile>) -> Network {
    match file {
        None | Some(NetworkFile::Named(NetworkName::None)) => Network::None,
        Some(NetworkFile::Named(NetworkName::Full)) => Network::Full,
        Some(NetworkFile::Allow(list)) => {
            Network::Allow(list.allow.iter().map(|host| host.0.clone()).collect())
        }
    }
}

fn filesystem(defaults: Option<&FilesystemFile>, own: Option<&FilesystemFile>) -> Filesystem {
    let mut all = Filesystem::default();
    for file in [defaults, own].into_iter().flatten() {
        all.read.extend(file.read.iter().map(|path| path.0.clone()));
        all.write.extend(file.write.iter().map(|path| path.0.clone()));
    }
    all
}

fn resources(defaults: Option<&ResourcesFile>, own: Option<&ResourcesFile>) -> Resources {
    let mut all = Resources::of_runner();
    for file in [defaults, own].into_iter().flatten() {
        all.memory = file.memory.as_ref().map_or(all.memory, |size| size.0);
        all.processes = file.processes.unwrap_or(all.processes);
        all.file_size = file.file_size.as_ref().map_or(all.file_size, |size| size.0);
        all.open_files = file.open_files.unwrap_or(all.open_files);
        all.output = file.output.as_ref().map_or(all.output, |size| size.0);
        all.cpu = file.cpu.as_ref().map(|time| time.0).or(all.cpu);
    }
    all
}

fn publish(file: PublishFile) -> Publish {
    let with =
        |draft| PullRequest { draft, closes: false, title: None, labels: Vec::new(), reviewers: Vec::new() };
    let pull_request = match file.pull_request {
        None | Some(PullRequestFile::Switch(false)) => None,
        Some(PullRequestFile::Named(PullRequestName::Draft)) => Some(with(true)),
        Some(PullRequestFile::Switch(true) | PullRequestFile::Named(PullRequestName::Ready)) => {
            Some(with(false))
        }
        Some(PullRequestFile::Map(map)) => Some(PullRequest {
            draft: map.draft.unwrap_or(false),
            closes: map.closes.unwrap_or(false),
            title: map.title.map(|title| title.0),
            labels: map.labels.into_iter().map(|label| label.0).collect(),
            reviewers: map.reviewers.into_iter().map(|reviewer| reviewer.0).collect(),
        }),
    };
    Publish {
        comment: file.comment,
        escalate: file.escalate.into_iter().map(|mention| mention.0).collect(),
        // A pull request is of a branch that is there.
        push: file.push.unwrap_or(false) || pull_request.is_some(),
        pull_request,
        rebase: match file.rebase {
            None | Some(RebaseName::Verify) => Rebase::Verify,
            Some(RebaseName::Never) => Rebase::Never,
        },
        evidence: file.evidence.unwrap_or(false),
    }
}
