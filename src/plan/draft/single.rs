//! Takes what is to be done as one piece of work (an issue, a title, a command, a patch), gives the text of a plan for it.

use std::time::Duration;

use serde::Serialize;

use super::Wrong;
use super::write::{Worker, all_attempts, broken, head, step, tail};
use super::yaml::{self, Changes, Step};

/// What an agent may take.
const WORK: Duration = Duration::from_secs(1800);
/// What a command or a patch may take.
const EDIT: Duration = Duration::from_secs(600);
const EDIT_WRITTEN: &str = "10m";

/// Who or what does the work.
#[derive(Debug, Clone, Copy)]
pub enum Work<'a> {
    /// An agent, asked for what the attached issue asks for.
    Issue,
    /// An agent, asked for what the title says.
    Title,
    /// A command.
    Command(&'a str),
    /// A patch in the plan's folder.
    Patch(&'a str),
}

/// A step that no agent does.
#[derive(Serialize)]
struct Edit<'a> {
    id: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    needs: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    apply: Option<&'a str>,
    timeout: &'static str,
    expectation: Expected,
}

#[derive(Serialize)]
struct Expected {
    changes: Changes,
}

/// Writes a plan of one step of work, with what its repository needs around it.
pub fn of_work(issue: u64, title: &str, work: Work<'_>, worker: Worker<'_>) -> Result<String, Wrong> {
    write(issue, title, work, worker).map_err(|error| broken(&error))
}

fn write(issue: u64, title: &str, work: Work<'_>, worker: Worker<'_>) -> Result<String, serde_yaml::Error> {
    let (id, timeout) = match work {
        Work::Issue | Work::Title => ("implement", all_attempts(WORK)),
        Work::Command(_) | Work::Patch(_) => ("edit", EDIT),
    };
    let around = worker.around(&[id]);
    let is_agents = matches!(work, Work::Issue | Work::Title);
    let mut text = head(issue, title, worker, &around, timeout, is_agents)?;
    text.push_str("steps:\n");
    text.push_str(&around.before()?);
    let edit = |command, apply| {
        let expectation = Expected { changes: Changes { min: 1 } };
        yaml::entry(&Edit {
            id: "edit",
            needs: around.needs(),
            command,
            apply,
            timeout: EDIT_WRITTEN,
            expectation,
        })
    };
    text.push_str(&match work {
        Work::Issue => agents(
            worker,
            &format!("Implement what issue #{issue} asks for; it is attached."),
            &around.needs(),
            true,
        )?,
        Work::Title => agents(worker, title, &around.needs(), false)?,
        Work::Command(command) => edit(Some(command), None)?,
        Work::Patch(file) => edit(None, Some(file))?,
    });
    text.push_str(&around.after(&[id])?);
    text.push_str(&tail());
    Ok(text)
}

/// Writes the step of an agent.
fn agents(
    worker: Worker<'_>,
    prompt: &str,
    needs: &[&str],
    attach: bool,
) -> Result<String, serde_yaml::Error> {
    let context = if attach { vec!["issue"] } else { Vec::new() };
    let step = Step {
        needs: needs.to_vec(),
        context,
        expectation: worker.expectation(true, 1),
        ..step("implement", (worker.agent, prompt), WORK)
    };
    Ok(yaml::entry(&step)? + &worker.said(true))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{Around, Fetch, Test};
    use super::*;
    use crate::plan::{self, Action, AgentId};

    fn around() -> Around {
        Around {
            fetches: vec![Fetch {
                id: "fetch".into(),
                command: "npm ci".into(),
                hosts: vec!["registry.example.org".into()],
            }],
            tests: vec![Test { id: "test".into(), command: "npm test".into() }],
            exclude: vec!["node_modules/**".into()],
            remarks: Vec::new(),
        }
    }

    #[test]
    fn a_plan_without_an_agent_reads_as_people_write_it() {
        let around = around();
        let worker = Worker {
            agent: AgentId::ALL[0],
            model: None,
            is_priced: false,
            proving: None,
            around: Some(&around),
        };
        let text = of_work(7, "Say hello", Work::Command("echo hello > hello.txt"), worker).unwrap();
        assert_eq!(
            text,
            "# yaml-language-server: $schema=../autopilot.schema.json\n\
             version: 1\nissue: 7\ntitle: Say hello\nlimits:\n  timeout: 50m\nexclude:\n- node_modules/**\nsteps:\n  \
             - id: fetch\n    command: npm ci\n    network:\n      allow:\n      - registry.example.org\n    outside: false\n    timeout: 10m\n    retries: 1\n  \
             - id: edit\n    needs:\n    - fetch\n    command: echo hello > hello.txt\n    timeout: 10m\n    expectation:\n      \
             changes:\n        min: 1\n  \
             - id: test\n    needs:\n    - edit\n    command: npm test\n    timeout: 20m\n    expectation:\n      changes:\n        max: 0\n\
             publish:\n  comment: false   # true: the issue is told what came of it, where `gh` is logged in\n"
        );
        plan::parse(text.as_bytes(), Path::new("x"), Path::new("."), Some(7)).unwrap();
    }

    #[test]
    fn each_kind_of_work_is_a_plan_that_comments_nowhere() {
        let around = around();
        for agent in AgentId::ALL {
            for work in [Work::Issue, Work::Title, Work::Command("true"), Work::Patch("a.patch")] {
                let worker =
                    Worker { agent, model: None, is_priced: false, proving: None, around: Some(&around) };
                let text = of_work(7, "Try\nit: \"now\"", work, worker).unwrap();
                let folder = tempfile::tempdir().unwrap();
                std::fs::write(folder.path().join("a.patch"), "").unwrap();
                let loaded = plan::parse(text.as_bytes(), Path::new("x"), folder.path(), Some(7));
                let plan = loaded.unwrap_or_else(|faults| panic!("{faults}\n{text}")).plan;
                assert_eq!((plan.title.as_str(), plan.publish.comment), ("Try it: \"now\"", Some(false)));
                assert_eq!(plan.steps.len(), 3);
                let is_agents = matches!(plan.steps[1].action, Action::Agent(_));
                assert_eq!(is_agents, matches!(work, Work::Issue | Work::Title), "{text}");
                assert_eq!(plan.steps[2].needs, [plan.steps[1].id.clone()]);
            }
        }
    }
}
