//! Writes the plan of a graph: each task a step of an agent. What the document cannot know is left as a comment.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use super::visible::visible;
use super::yaml::{self, Changes, Defaults, Expectation, Head, Limits, Proves, Step};
use super::{Graph, Task, Wrong, names};
use crate::plan::{AgentId, Provider as Named, read, units};

/// A task may take twice its estimate, and at least this long.
const SHORTEST: Duration = Duration::from_secs(600);
const RETRIES: u32 = 1;

/// What is around the plan's own text.
const SCHEMA: &str = "# yaml-language-server: $schema=../../../docs/autopilot.schema.json\n";
/// Model tokens that a plan begins with: no run costs without a bound that nobody chose.
const LIMIT: u64 = 500_000;
const TOKENS: &str =
    "  # tokens: of all steps together; where `model` is named, budget: 5 USD bounds money instead\n";
/// Money that a plan begins with whose model is named and has a price.
const MONEY: &str = "5 USD";
const BUDGET: &str =
    "  # budget: of all steps together, at the prices of docs/network.md; tokens: 500000 bounds them, too\n";
/// What is said below a step that is to be proved.
const PROVES: &str = "    # proves: its tests fail without it, and pass with it (docs/proofs.md); take it out where nothing is to be tested\n";

/// Who does the steps of a plan.
#[derive(Debug, Clone, Copy)]
pub struct Worker<'a> {
    /// The agent.
    pub agent: AgentId,
    /// Its model, if one is named.
    pub model: Option<&'a str>,
    /// It is known what that costs.
    pub is_priced: bool,
    /// How it is proved that the tests of the work can fail, where that is known.
    pub proving: Option<&'a Proving>,
}

/// How the tests of a repository are run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proving {
    /// Patterns of the files that hold them.
    pub tests: Vec<String>,
    /// The command.
    pub command: String,
}

impl Worker<'_> {
    /// What is said below a step.
    fn said(&self, is_proved: bool) -> String {
        let command = self.proving.map_or("cargo test --offline", |proving| &proving.command);
        let proves = if is_proved && self.proving.is_some() { PROVES } else { "" };
        format!("{proves}    # post: [{command}]   # what must pass before the runner commits\n")
    }

    fn expectation(&self, is_proved: bool, min: u64) -> Expectation<'_> {
        let proving = self.proving.filter(|_| is_proved);
        let proves = proving.map(|own| Proves { tests: &own.tests, command: &own.command });
        Expectation { changes: Changes { min }, proves }
    }
}

impl Graph<'_> {
    /// Says in a line what the graph comes down to.
    pub fn describe(&self) -> String {
        let levels = self.levels.iter().max().map_or(0, |most| most + 1);
        let chain: Vec<&str> = self.critical_path.iter().map(|at| self.tasks[*at].id.as_str()).collect();
        format!(
            "{} tasks on {levels} levels; critical path {}: {}",
            self.tasks.len(),
            units::duration(self.longest),
            chain.join(" → ")
        )
    }

    /// Writes the plan, for an agent to do.
    pub fn write(&self, issue: u64, title: &str, worker: Worker<'_>) -> Result<String, Wrong> {
        let ids = names::ids(&self.tasks);
        let timeouts: Vec<Duration> = self.tasks.iter().map(|task| timeout(task)).collect();
        let all = timeouts.iter().fold(Duration::ZERO, |all, one| all.saturating_add(all_attempts(*one)));
        let mut text = head(issue, title, worker, all).map_err(|error| broken(&error))?;
        text.push_str(&format!("# {}\nsteps:\n", visible(&self.describe())));
        for (at, task) in self.tasks.iter().enumerate() {
            let estimate = task.estimate.map_or("no estimate".to_owned(), units::duration);
            text.push_str(&format!("  # level {}, {estimate}\n", self.levels[at]));
            let needs: Vec<&str> = task.needs.iter().map(|need| ids[need.as_str()].as_str()).collect();
            let prompt = format!("{}\n\n{}", task.title, task.description);
            let step = step(&ids[task.id.as_str()], (worker.agent, &prompt), timeouts[at]);
            let is_proved = Some(at) == self.last();
            let expectation = worker.expectation(is_proved, u64::from(!task.only_looks()));
            let step = Step { needs: unique(&needs), expectation, ..step };
            if let Some(remark) = &task.remark {
                text.push_str(&format!("  # {}\n", visible(remark)));
            }
            text.push_str(&yaml::entry(&step).map_err(|error| broken(&error))?);
            text.push_str(&worker.said(is_proved));
        }
        self.bounded(text)
    }

    /// The last task that changes something and that no other such task waits for: what its proof is about, all steps up to it
    /// have done.
    fn last(&self) -> Option<usize> {
        let waits = |other: &Task, task: &Task| !other.only_looks() && other.needs.contains(&task.id);
        let is_needed = |task: &Task| self.tasks.iter().any(|other| waits(other, task));
        self.tasks.iter().rposition(|task| !task.only_looks() && !is_needed(task))
    }

    /// A plan that no `autopilot` would read is not written.
    fn bounded(&self, text: String) -> Result<String, Wrong> {
        if text.len() as u64 <= read::LARGEST {
            return Ok(text);
        }
        let longest = self.tasks.iter().max_by_key(|task| task.description.len());
        let (line, id) = longest.map_or((1, ""), |task| (task.line, task.id.as_str()));
        Err(Wrong(vec![format!(
            "line {line}: the plan would be {}, and no plan is larger than 1MiB; the longest description is that \
             of {id}: move it to a file of the repository and name the file",
            units::size(text.len() as u64)
        )]))
    }
}

/// Writes a plan of one step for an issue that there is no task graph of; the issue itself is attached.
pub fn of_issue(issue: u64, title: &str, worker: Worker<'_>) -> Result<String, Wrong> {
    let timeout = Duration::from_secs(1800);
    let prompt = format!("Implement what issue #{issue} asks for; it is attached.");
    let expectation = worker.expectation(true, 1);
    let step =
        Step { context: vec!["issue"], expectation, ..step("implement", (worker.agent, &prompt), timeout) };
    let write = || {
        let head = head(issue, title, worker, all_attempts(timeout))?;
        Ok(head + "steps:\n" + &yaml::entry(&step)? + &worker.said(true))
    };
    write().map_err(|error| broken(&error))
}

fn head(issue: u64, title: &str, worker: Worker<'_>, timeout: Duration) -> Result<String, serde_yaml::Error> {
    let title = one_line(issue, title);
    let timeout = units::duration(timeout.min(units::LONGEST));
    let Worker { agent, model, .. } = worker;
    let (tokens, budget, said) = match model.filter(|_| worker.is_priced) {
        Some(_) => (None, Some(MONEY), BUDGET),
        None => (Some(LIMIT), None, TOKENS),
    };
    let head = Head { version: 1, issue, title: &title, limits: Limits { timeout, tokens, budget } };
    let provider = agent.default_provider();
    let defaults = BTreeMap::from([(agent.key(), Defaults { model, provider: provider.word() })]);
    let others: String = Named::ALL
        .iter()
        .filter(|other| other.word() != provider.word() && agent.cannot_use(other).is_none())
        .map(|other| format!("{}, ", other.word()))
        .collect();
    let others = format!("  # or {others}{{base_url: …, env_key: …}}\n");
    Ok(format!("{SCHEMA}{}{said}{}{others}", yaml::piece(&head)?, yaml::piece(&defaults)?))
}

/// Returns the title as a plan takes it: one line that says something and is no number.
fn one_line(issue: u64, title: &str) -> String {
    let line = visible(title).split_whitespace().collect::<Vec<_>>().join(" ");
    match line.as_str() {
        "" => format!("Issue {issue}"),
        line if names::is_misread(line) => format!("Issue {issue}: {line}"),
        _ => line,
    }
}

fn step<'a>(id: &'a str, (agent, prompt): (AgentId, &str), timeout: Duration) -> Step<'a> {
    Step {
        id,
        needs: Vec::new(),
        // With its end of line it is a block that reads as it stands, and no number.
        agent: BTreeMap::from([(agent.key(), format!("{}\n", prompt.trim()))]),
        context: Vec::new(),
        timeout: units::duration(timeout),
        retries: RETRIES,
        expectation: Expectation { changes: Changes { min: 1 }, proves: None },
    }
}

/// Returns the bound of an attempt; none is longer than a plan may say.
fn timeout(task: &Task) -> Duration {
    let doubled = task.estimate.unwrap_or_default().saturating_mul(2).clamp(SHORTEST, units::LONGEST);
    // Whole minutes read better; the longest is whole.
    Duration::from_secs(doubled.as_secs().div_ceil(60) * 60)
}

fn all_attempts(timeout: Duration) -> Duration {
    timeout.saturating_mul(RETRIES + 1)
}

fn unique<'s>(names: &[&'s str]) -> Vec<&'s str> {
    let mut seen = HashSet::new();
    names.iter().copied().filter(|name| seen.insert(*name)).collect()
}

fn broken(error: &serde_yaml::Error) -> Wrong {
    Wrong(vec![format!("line 1: this cannot be written as YAML: {error}")])
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::Document;
    use super::*;
    use crate::plan::{self, Action, Prompt, TokenLimit};

    fn worker(agent: AgentId) -> Worker<'static> {
        Worker { agent, model: None, is_priced: false, proving: None }
    }

    #[test]
    fn no_plan_is_written_without_a_bound_and_money_is_one_where_it_can_be_counted() {
        for agent in AgentId::ALL {
            for (model, is_priced) in [(None, false), (Some("own"), false), (Some("own"), true), (None, true)]
            {
                let text = of_issue(7, "Try", Worker { agent, model, is_priced, proving: None }).unwrap();
                let plan =
                    plan::parse(text.as_bytes(), Path::new("x"), Path::new("."), Some(7)).unwrap().plan;
                let bounds = match model.filter(|_| is_priced) {
                    Some(_) => (TokenLimit::Unset, Some(5_000_000)),
                    None => (TokenLimit::AtMost(500_000), None),
                };
                assert_eq!((plan.limits.tokens, plan.limits.budget), bounds, "{text}");
                let asked = plan.steps[0].action.asks().unwrap();
                assert_eq!((asked.agent, asked.model.as_deref()), (agent, model));
            }
        }
    }

    #[test]
    fn what_is_written_is_a_plan_with_the_same_words() {
        let tasks = "### 1. Erste: \"Aufgabe\" #1\n- **ID**: `T-1 ü`\n- **Estimated Duration**: 30 min\n\
                     **Description**: ## Summary\n- one\n\n      indented: yes\n```yaml\na: |\n  b\n```\n\
                     ### 2. タスク\n- **ID**: 二\n- **Dependencies**: T-1 ü\n**Description**: \ttabs\tand \u{7} bells\n";
        let document = Document::read(tasks);
        let graph = document.graph().unwrap();
        let text = graph.write(653, "A: \"title\" — 題", worker(AgentId::ALL[0])).unwrap();
        let loaded = plan::parse(text.as_bytes(), Path::new("x"), Path::new("."), Some(653));
        let loaded = loaded.unwrap_or_else(|faults| panic!("{faults}\n{text}"));
        assert_eq!(loaded.plan.title, "A: \"title\" — 題");
        let steps = &loaded.plan.steps;
        assert_eq!(steps[0].id, "t-1");
        assert_eq!((steps[1].id.as_str(), &steps[1].needs), ("task-2", &vec!["t-1".to_owned()]));
        let words = |at: usize| match &steps[at].action {
            Action::Agent(asked) => match &asked.prompt {
                Prompt::Text(text) => text.trim().to_owned(),
                Prompt::File(_) => panic!("a file"),
            },
            _ => panic!("no agent's step"),
        };
        assert_eq!(words(0), format!("{}\n\n{}", document.tasks[0].title, document.tasks[0].description));
        assert_eq!(words(1), format!("{}\n\n{}", document.tasks[1].title, document.tasks[1].description));
        assert!(!loaded.warnings.iter().any(|warning| warning.message.contains("may take")));
    }

    #[test]
    fn a_plan_reads_as_people_write_it() {
        let tasks = "### 1. One\n- **ID**: 1\n- **Estimated Duration**: 5 min\n**Description**: 🚀 Do\n\n  - it\n\
                     ### 2. Two\n- **ID**: b\n- **Dependencies**: 1\n";
        let document = Document::read(tasks);
        let text = document.graph().unwrap().write(7, "Übersicht", worker(AgentId::ALL[0])).unwrap();
        assert_eq!(
            text,
            "# yaml-language-server: $schema=../../../docs/autopilot.schema.json\n\
             version: 1\nissue: 7\ntitle: Übersicht\nlimits:\n  timeout: 40m\n  tokens: 500000\n  \
             # tokens: of all steps together; where `model` is named, budget: 5 USD bounds money instead\ncodex:\n  provider: openai\n  \
             # or ollama, lmstudio, {base_url: …, env_key: …}\n\
             # 2 tasks on 2 levels; critical path 5m: 1\nsteps:\n  \
             # level 0, 5m\n  - id: '1'\n    codex: |\n      One\n\n      🚀 Do\n\n        - it\n    \
             timeout: 10m\n    retries: 1\n    expectation:\n      changes:\n        min: 1\n    \
             # post: [cargo test --offline]   # what must pass before the runner commits\n  \
             # level 1, no estimate\n  - id: b\n    needs:\n    - '1'\n    codex: |\n      Two\n    \
             timeout: 10m\n    retries: 1\n    expectation:\n      changes:\n        min: 1\n    \
             # post: [cargo test --offline]   # what must pass before the runner commits\n"
        );
    }

    #[test]
    fn an_issue_alone_makes_a_plan() {
        for agent in AgentId::ALL {
            let text = of_issue(7, "Try\nit", worker(agent)).unwrap();
            let loaded = plan::parse(text.as_bytes(), Path::new("x"), Path::new("."), Some(7)).unwrap();
            assert_eq!(loaded.plan.title, "Try it");
            assert_eq!(loaded.plan.steps[0].action.agent(), Some(agent));
        }
    }
}
