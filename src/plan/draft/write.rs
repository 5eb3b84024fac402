//! Writes the plan of a graph: each task a step of an agent. What the document cannot know is left as a comment.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use super::visible::visible;
use super::yaml::{self, Changes, Defaults, Expectation, Head, Limits, Proves, Step};
use super::{Around, Graph, Task, Wrong, names};
use crate::plan::{AgentId, Provider as Named, read, units};

/// A task may take twice its estimate, and at least this long.
const SHORTEST: Duration = Duration::from_secs(600);
const RETRIES: u32 = 1;

/// What is around the plan's own text.
const SCHEMA: &str = "# yaml-language-server: $schema=../autopilot.schema.json\n";
/// Model tokens that a plan begins with: no run costs without a bound that nobody chose.
const LIMIT: u64 = 500_000;
const TOKENS: &str =
    "  # tokens: of all steps together; where `model` is named, budget: 5 USD bounds money instead\n";
/// Money that a plan begins with whose model is named and has a price.
const MONEY: &str = "5 USD";
const BUDGET: &str =
    "  # budget: of all steps together, at the prices of docs/network.md; tokens: 500000 bounds them, too\n";
/// The end of a plan: nobody is told of a run who was not to be.
const NOBODY: &str =
    "publish:\n  comment: false   # true: the issue is told what came of it, where `gh` is logged in\n";
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
    /// What the repository's own tools need around the work, where that is known.
    pub around: Option<&'a Around>,
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
    pub(super) fn said(&self, is_proved: bool) -> String {
        let tests = self.around.and_then(|around| around.tests.first()).map(|test| test.command.as_str());
        let command = self.proving.map(|proving| proving.command.as_str()).or(tests).unwrap_or("./test.sh");
        let proves = if is_proved && self.proving.is_some() { PROVES } else { "" };
        format!("{proves}    # post: [{command}]   # what must pass before the runner commits\n")
    }

    pub(super) fn expectation(&self, is_proved: bool, min: u64) -> Expectation<'_> {
        let proving = self.proving.filter(|_| is_proved);
        let proves = proving.map(|own| Proves { tests: &own.tests, command: &own.command });
        Expectation { changes: Changes { min }, proves }
    }

    /// Returns what stands around steps of these names.
    pub(super) fn around(&self, ids: &[&str]) -> Around {
        self.around.map(|around| around.beside(ids)).unwrap_or_default()
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
        let taken: Vec<&str> = ids.values().map(String::as_str).collect();
        let around = worker.around(&taken);
        let mut text = head(issue, title, worker, &around, all, true).map_err(|error| broken(&error))?;
        text.push_str(&format!("# {}\nsteps:\n", visible(&self.describe())));
        text.push_str(&around.before().map_err(|error| broken(&error))?);
        for (at, task) in self.tasks.iter().enumerate() {
            let estimate = task.estimate.map_or("no estimate".to_owned(), units::duration);
            text.push_str(&format!("  # level {}, {estimate}\n", self.levels[at]));
            let mut needs: Vec<&str> = task.needs.iter().map(|need| ids[need.as_str()].as_str()).collect();
            if needs.is_empty() {
                needs = around.needs();
            }
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
        let is_needed = |id: &str| self.tasks.iter().any(|task| task.needs.iter().any(|need| need == id));
        let last =
            self.tasks.iter().filter(|task| !is_needed(&task.id)).map(|task| ids[task.id.as_str()].as_str());
        text.push_str(&around.after(&last.collect::<Vec<_>>()).map_err(|error| broken(&error))?);
        text.push_str(&tail());
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

/// Returns the end of a plan.
pub(super) fn tail() -> String {
    NOBODY.to_owned()
}

/// Writes what stands before the steps; what an agent may use up only where one works.
pub(super) fn head(
    issue: u64,
    title: &str,
    worker: Worker<'_>,
    around: &Around,
    timeout: Duration,
    is_agents: bool,
) -> Result<String, serde_yaml::Error> {
    let title = one_line(issue, title);
    let all = timeout.saturating_add(Duration::from_secs(60 * around.minutes()));
    let timeout = units::duration(all.min(units::LONGEST));
    let exclude = around.left_out()?;
    if !is_agents {
        let limits = Limits { timeout, tokens: None, budget: None };
        let head = yaml::piece(&Head { version: 1, issue, title: &title, limits })?;
        return Ok(format!("{SCHEMA}{head}{exclude}"));
    }
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
    Ok(format!("{SCHEMA}{}{said}{}{others}{exclude}", yaml::piece(&head)?, yaml::piece(&defaults)?))
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

/// Returns a step of an agent.
pub(super) fn step<'a>(id: &'a str, (agent, prompt): (AgentId, &str), timeout: Duration) -> Step<'a> {
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

/// Returns what all attempts may take together.
pub(super) fn all_attempts(timeout: Duration) -> Duration {
    timeout.saturating_mul(RETRIES + 1)
}

fn unique<'s>(names: &[&'s str]) -> Vec<&'s str> {
    let mut seen = HashSet::new();
    names.iter().copied().filter(|name| seen.insert(*name)).collect()
}

/// Says that something cannot be written as YAML.
pub(super) fn broken(error: &serde_yaml::Error) -> Wrong {
    Wrong(vec![format!("line 1: this cannot be written as YAML: {error}")])
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{Document, Work, of_work};
    use super::*;
    use crate::plan::{self, Action, Prompt, TokenLimit};

    fn worker(agent: AgentId) -> Worker<'static> {
        Worker { agent, model: None, is_priced: false, proving: None, around: None }
    }

    #[test]
    fn no_plan_is_written_without_a_bound_and_money_is_one_where_it_can_be_counted() {
        for agent in AgentId::ALL {
            for (model, is_priced) in [(None, false), (Some("own"), false), (Some("own"), true), (None, true)]
            {
                let text = of_work(
                    7,
                    "Try",
                    Work::Issue,
                    Worker { agent, model, is_priced, proving: None, around: None },
                )
                .unwrap();
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
            "# yaml-language-server: $schema=../autopilot.schema.json\n\
             version: 1\nissue: 7\ntitle: Übersicht\nlimits:\n  timeout: 40m\n  tokens: 500000\n  \
             # tokens: of all steps together; where `model` is named, budget: 5 USD bounds money instead\ncodex:\n  provider: openai\n  \
             # or ollama, lmstudio, {base_url: …, env_key: …}\n\
             # 2 tasks on 2 levels; critical path 5m: 1\nsteps:\n  \
             # level 0, 5m\n  - id: '1'\n    codex: |\n      One\n\n      🚀 Do\n\n        - it\n    \
             timeout: 10m\n    retries: 1\n    expectation:\n      changes:\n        min: 1\n    \
             # post: [./test.sh]   # what must pass before the runner commits\n  \
             # level 1, no estimate\n  - id: b\n    needs:\n    - '1'\n    codex: |\n      Two\n    \
             timeout: 10m\n    retries: 1\n    expectation:\n      changes:\n        min: 1\n    \
             # post: [./test.sh]   # what must pass before the runner commits\n\
             publish:\n  comment: false   # true: the issue is told what came of it, where `gh` is logged in\n"
        );
    }

    #[test]
    fn an_issue_alone_makes_a_plan() {
        for agent in AgentId::ALL {
            let text = of_work(7, "Try\nit", Work::Issue, worker(agent)).unwrap();
            let loaded = plan::parse(text.as_bytes(), Path::new("x"), Path::new("."), Some(7)).unwrap();
            assert_eq!(loaded.plan.title, "Try it");
            assert_eq!(loaded.plan.steps[0].action.agent(), Some(agent));
        }
    }
}
