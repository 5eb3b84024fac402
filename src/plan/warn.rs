//! Warnings: what is legal and foolish.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use super::agents::{CLOUD_AGENT, CLOUD_KEY, OF_THE_RUNNER};
use super::fault::{Fault, Faults, Findings};
use super::misread;
use super::quote::quote;
use super::source::{Mark, Source};
use super::tree::{Kind, Node, Value};
use super::{Action, EnvEntry, Expectation, Network, Plan, Step, TokenLimit, units};

impl Plan {
    /// Returns how long the steps may take at most: every attempt of each up to its timeout.
    pub fn longest(&self) -> Duration {
        self.steps.iter().map(Step::longest).fold(Duration::ZERO, Duration::saturating_add)
    }
}

impl Step {
    /// Returns how long the step may take at most: every attempt up to its timeout.
    pub fn longest(&self) -> Duration {
        self.timeout.saturating_mul(self.attempts())
    }

    /// Returns how often the step is tried at most.
    pub fn attempts(&self) -> u32 {
        self.retries.saturating_add(1)
    }
}

/// Looks for what is legal and foolish.
pub(super) fn look(source: &Source, root: &Node, plan: &Plan) -> Faults {
    let nodes = root.get("steps").map(Node::items).unwrap_or_default();
    let steps = nodes.iter().filter_map(|node| Some((node.get("id")?.text()?, node))).collect();
    let mut look = Look { root, steps, warnings: Findings::new(source) };
    look.without_effect();
    look.limits(plan);
    look.networks();
    look.environments();
    look.agents(plan);
    look.publish();
    misread::look(root, &mut look.warnings);
    for step in &plan.steps {
        look.retries(plan, step);
        look.useless(step);
        look.applied_twice(plan, step);
        look.taken_at_its_word(step);
        look.kept(plan, step);
        look.proves_no_work(plan, step);
    }
    look.warnings.into_faults()
}

/// Returns what to say of each variable that is let through, if it is not set.
pub(super) fn inherited(source: &Source, root: &Node) -> Vec<(String, Fault)> {
    let hint = "set it before the run, write `NAME=value`, or take it out";
    let say = |mark, name: &str| {
        let message = format!("{} is let through, and not set here", quote(name));
        (name.to_owned(), Fault::at(source, mark, message, hint))
    };
    let names = entries(root, "env").into_iter().filter(|(_, text)| !text.contains('='));
    names.map(|(mark, name)| say(mark, name)).collect()
}

/// Returns the entries of a list of texts in the defaults and in every step.
fn entries<'n>(root: &'n Node, key: &str) -> Vec<(Mark, &'n str)> {
    let steps = root.get("steps").map(Node::items).unwrap_or_default();
    let maps = root.get("defaults").into_iter().chain(steps);
    let nodes = maps.filter_map(|map| map.get(key)).flat_map(Node::items);
    nodes.filter_map(|node| Some((node.mark, node.text()?))).collect()
}

struct Look<'a> {
    root: &'a Node,
    steps: HashMap<&'a str, &'a Node>,
    warnings: Findings<'a>,
}

impl Look<'_> {
    fn warn(&mut self, mark: Mark, message: impl Into<String>, hint: impl Into<String>) {
        self.warnings.add(mark, message, hint);
    }

    /// Returns where a key of the plan is, or of a map in it.
    fn mark(&self, map: &str, key: &str) -> Mark {
        let map = self.root.entry(map);
        let inner = map.and_then(|entry| entry.node.entry(key));
        inner.or(map).map_or(Mark::START, |entry| entry.mark)
    }

    /// Returns where a key of a step is, or the step itself.
    fn step_mark(&self, step: &Step, key: &str) -> Mark {
        let node = self.steps.get(step.id.as_str());
        let entry = node.and_then(|node| node.entry(key).or_else(|| node.entry("id")));
        entry.map_or(Mark::START, |entry| entry.mark)
    }

    fn without_effect(&mut self) {
        if let Some(entry) = self.root.entry("share_objects") {
            let hint = "take it out: no run copies the history any more";
            self.warn(entry.mark, "`share_objects` has no effect any more", hint);
        }
    }

    fn limits(&mut self, plan: &Plan) {
        let (longest, limit) = (plan.longest(), plan.limits.timeout);
        if longest > limit {
            let message = format!(
                "steps may take {}, limits.timeout is {}",
                units::duration(longest),
                units::duration(limit)
            );
            self.warn(
                self.mark("limits", "timeout"),
                message,
                "the run ends at its limit, wherever it is then",
            );
        }
        for step in plan.steps.iter().filter(|step| step.timeout > limit) {
            let message = format!("step `{}` may take longer than the whole run", step.id);
            self.warn(self.step_mark(step, "timeout"), message, "the run's limit ends it");
        }
        let asks = |step: &&Step| {
            step.action
                .asks()
                .is_some_and(|asked| asked.tokens == TokenLimit::Unset && asked.budget.is_none())
        };
        if plan.limits.tokens == TokenLimit::Unset
            && plan.limits.budget.is_none()
            && let Some(step) = plan.steps.iter().find(asks)
        {
            let message = format!("nothing bounds the tokens of step `{}`", step.id);
            self.warn(
                self.step_mark(step, step.action.key()),
                message,
                "write `limits: {tokens: 500000}`, or `unlimited`",
            );
        }
    }

    fn retries(&mut self, plan: &Plan, step: &Step) {
        let limit = plan.limits.consecutive_failures;
        if step.retries >= limit && step.retries > 0 {
            let message = format!(
                "step `{}` may be tried {} times, but {limit} failures in a row end the run",
                step.id,
                step.attempts()
            );
            let hint = "raise `limits.consecutive_failures`, or lower `retries`";
            self.warn(self.step_mark(step, "retries"), message, hint);
        }
    }

    fn networks(&mut self) {
        let root = self.root;
        let steps = root.get("steps").map(Node::items).unwrap_or_default();
        for node in root.get("defaults").into_iter().chain(steps).filter_map(|map| map.get("network")) {
            if node.text() == Some("full") {
                let hint = "name the hosts: `network: {allow: [HOST, …]}`";
                self.warn(node.mark, "`network: full` reaches everything, your own network too", hint);
            }
            for host in node.get("allow").map(Node::items).unwrap_or_default() {
                let wide =
                    host.text().and_then(|text| text.strip_prefix("*.")).filter(|rest| !rest.contains('.'));
                if let Some(rest) = wide {
                    let message = format!("`*.{rest}` allows every host of a whole domain");
                    self.warn(host.mark, message, "name the hosts");
                }
            }
        }
    }

    fn environments(&mut self) {
        for (mark, text) in entries(self.root, "env") {
            let (name, value) =
                text.split_once('=').map_or((text, None), |(name, value)| (name, Some(value)));
            if changes_programs(name) {
                let hint = "what it loads or runs is inside the step's sandbox, but not what the plan shows";
                self.warn(mark, format!("{} changes what programs load or run", quote(name)), hint);
            } else if sounds_secret(name) && value.is_none_or(|value| value.len() >= 6) {
                let message = format!("{} sounds like a secret", quote(name));
                let hint = match value {
                    Some(_) => "a plan is read by many: set it outside, and name it under `secrets`",
                    None => "name it under `secrets`: there it must be set, and is masked everywhere",
                };
                self.warn(mark, message, hint);
            }
        }
        for key in ["env", "secrets"] {
            for (mark, text) in entries(self.root, key) {
                let name = text.split('=').next().unwrap_or_default();
                if OF_THE_RUNNER.contains(&name) {
                    let message = format!("{} is for the runner, not for steps", quote(name));
                    self.warn(
                        mark,
                        message,
                        "the runner itself talks to GitHub and to the model; take it out",
                    );
                }
            }
        }
    }

    /// What an agent wrote, run with more than the agent had, is the agent with more than it had.
    fn agents(&mut self, plan: &Plan) {
        let mut agent: Option<&Step> = None;
        for step in &plan.steps {
            match step.action {
                Action::Agent(_) | Action::CloudTask(_) => agent = Some(step),
                Action::Apply(_) => {}
                Action::Command(_) => {
                    if let Some((agent, key, what)) =
                        agent.and_then(|a| wider(a, step).map(|(k, w)| (a, k, w)))
                    {
                        let message =
                            format!("step `{}` runs what `{}` wrote, with {what}", step.id, agent.id);
                        let hint = "put what needs it before the agent's step, or look at the agent's work in between";
                        self.warn(self.step_mark(step, key), message, hint);
                    }
                }
            }
        }
    }

    fn publish(&mut self) {
        let Some(publish) = self.root.get("publish") else { return };
        let is_off = |node: &Node| matches!(&node.value, Value::Scalar { text, kind: Kind::Bool } if text.eq_ignore_ascii_case("false"));
        let (push, pull) = (publish.entry("push"), publish.get("pull_request"));
        if let (Some(push), Some(pull)) = (push, pull)
            && is_off(&push.node)
            && !is_off(pull)
        {
            self.warn(
                push.mark,
                "`push: false` has no effect: a pull request pushes",
                "take one of them out",
            );
        }
    }

    fn useless(&mut self, step: &Step) {
        let is_apply = matches!(step.action, Action::Apply(_));
        if is_apply && step.network != Network::None {
            let message = format!("step `{}` applies a file and needs no network", step.id);
            self.warn(self.step_mark(step, "network"), message, "write `network: none`");
        }
        for regex in step.expectation.output_excludes.iter().filter(|regex| regex.is_match("")) {
            let message = format!("{} matches every output: the step can only fail", quote(regex.as_str()));
            self.warn(self.step_mark(step, "expectation"), message, "write what must not be there");
        }
    }

    /// What an agent says of its work is no sign of it.
    fn taken_at_its_word(&mut self, step: &Step) {
        let Expectation {
            files_exist,
            files_absent,
            file_contains,
            output_matches,
            output_excludes,
            changes,
            proves,
            ..
        } = &step.expectation;
        let nothing = [
            files_exist.is_empty(),
            files_absent.is_empty(),
            file_contains.is_empty(),
            output_matches.is_empty(),
            output_excludes.is_empty(),
            changes.is_none(),
            proves.is_none(),
            step.post.is_empty(),
        ];
        if let (Some(asked), true) = (step.action.asks(), nothing.into_iter().all(|is| is)) {
            let message =
                format!("step `{}` passes when {} says that it is done", step.id, asked.agent.title());
            let hint =
                "say what must hold: `expectation: {changes: {min: 1}}`, `post: [cargo test --offline]`";
            self.warn(self.step_mark(step, asked.agent.key()), message, hint);
        }
    }

    /// The base of a proof is what stood before the work; without any, the step itself would have to do it.
    fn proves_no_work(&mut self, plan: &Plan, step: &Step) {
        let is_own = plan.proof_base(step).is_some_and(|base| base.id == step.id);
        let names_its_base = step.expectation.proves.as_ref().is_some_and(|proves| proves.since.is_some());
        if !is_own || names_its_base || !matches!(step.action, Action::Command(_)) {
            return;
        }
        let message = format!(
            "step `{}` proves what it changes itself: no step up to it is an agent's or applies a patch",
            step.id
        );
        let hint = "name the step that makes the change: `since: STEP`; or put `proves` on that step";
        self.warn(self.step_mark(step, "expectation"), message, hint);
    }

    /// What steps of lower tiers left in HOME and in ignored files runs with what this one may do.
    fn kept(&mut self, plan: &Plan, step: &Step) {
        if !step.keeps_home() {
            return;
        }
        let mark = self.step_mark(step, "home");
        let lower: Vec<String> = plan.lower_before(step).map(|other| format!("`{}`", other.id)).collect();
        if lower.is_empty() {
            let message = format!(
                "`home: keep` of step `{}` has no effect: no step before it may do less than it",
                step.id
            );
            self.warn(mark, message, "take it out");
            return;
        }
        let message = format!(
            "step `{}` (tier `{}`) runs what {} left in HOME, in `.git` and in ignored files such as `target/`",
            step.id,
            step.tier(),
            lower.join(", ")
        );
        let hint = "take `home: keep` out: then it finds none of it and builds anew";
        self.warn(mark, message, hint);
    }

    /// The work of a task in the cloud is fetched; what an agent's step did is in the worktree already.
    fn applied_twice(&mut self, plan: &Plan, step: &Step) {
        let is_agent =
            |id: &String| plan.steps.iter().any(|other| other.id == *id && other.action.asks().is_some());
        if matches!(step.action, Action::CloudTask(_))
            && let Some(need) = step.needs.iter().find(|need| is_agent(need))
        {
            let message = format!(
                "step `{}` applies a task of {}'s cloud, not what `{need}` did",
                step.id,
                CLOUD_AGENT.title()
            );
            let hint = "an agent edits in place: nothing is left to apply";
            self.warn(self.step_mark(step, CLOUD_KEY), message, hint);
        }
    }
}

/// Tells by which key, and in what, a step's policy is wider than an agent's.
fn wider(agent: &Step, step: &Step) -> Option<(&'static str, String)> {
    if !step.secrets.is_empty() {
        return Some(("secrets", format!("the secrets {}", step.secrets.join(", "))));
    }
    match (&agent.network, &step.network) {
        (_, Network::None) | (Network::Full, _) => {}
        (_, Network::Full) => return Some(("network", "the whole network".to_owned())),
        (agent, Network::Allow(hosts)) => {
            let known = if let Network::Allow(known) = agent { known.as_slice() } else { &[] };
            if let Some(host) = hosts.iter().find(|host| !known.contains(host)) {
                return Some(("network", format!("a way to {host}")));
            }
        }
    }
    let more = |ours: &[PathBuf], theirs: &[PathBuf]| {
        theirs.iter().find(|path| !ours.contains(path)).map(|path| path.display().to_string())
    };
    if let Some(path) = more(&agent.filesystem.write, &step.filesystem.write) {
        return Some(("filesystem", format!("{path} to write")));
    }
    let readable = [agent.filesystem.read.as_slice(), agent.filesystem.write.as_slice()].concat();
    if let Some(path) = more(&readable, &step.filesystem.read) {
        return Some(("filesystem", format!("{path} to read")));
    }
    let inherits = |entry: &&EnvEntry| matches!(entry, EnvEntry::Inherit(_)) && !agent.env.contains(entry);
    step.env.iter().find(inherits).map(|entry| ("env", format!("your {}", entry.name())))
}

/// Variables that make programs load or run something.
fn changes_programs(name: &str) -> bool {
    const PREFIXES: [&str; 3] = ["LD_", "DYLD_", "GIT_"];
    const NAMES: [&str; 14] = [
        "BASH_ENV",
        "ENV",
        "SHELLOPTS",
        "BASHOPTS",
        "PROMPT_COMMAND",
        "IFS",
        "PYTHONSTARTUP",
        "PYTHONHOME",
        "NODE_OPTIONS",
        "PERL5OPT",
        "RUBYOPT",
        "JAVA_TOOL_OPTIONS",
        "RUSTC_WRAPPER",
        "GCONV_PATH",
    ];
    // The names of a commit are what GIT_ variables are commonly set for, and harmless.
    let is_harmless = name.starts_with("GIT_AUTHOR_") || name.starts_with("GIT_COMMITTER_");
    (PREFIXES.iter().any(|prefix| name.starts_with(prefix)) && !is_harmless) || NAMES.contains(&name)
}

fn sounds_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let words = ["TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIALS", "APIKEY"];
    words.iter().any(|word| name.split('_').any(|part| part == *word))
        || name.ends_with("API_KEY")
        || name.ends_with("PRIVATE_KEY")
        || name.ends_with("ACCESS_KEY")
}
