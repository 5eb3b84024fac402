//! The files that `docs/scale-out.md` hands out: read as what they are, and run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::common::program::write_program;
use crate::common::{Ran, Repo, path_behind, signal, wait_until};

fn example(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/examples/scale-out");
    fs::read_to_string(folder.join(name)).unwrap()
}

/// Runs a script in the repository with autopilot on PATH.
fn script(repo: &Repo, text: &str, variables: &[(&str, &str)]) -> Ran {
    Ran::of(&shell(repo, text, variables).output().unwrap())
}

fn shell(repo: &Repo, text: &str, variables: &[(&str, &str)]) -> Command {
    let binary = PathBuf::from(env!("CARGO_BIN_EXE_autopilot"));
    let own = repo.command([""; 0]);
    let mut command = Command::new("bash");
    command.args(["-c", text]).current_dir(repo.top()).env_clear();
    command.envs(own.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.env("PATH", path_behind(binary.parent().unwrap())).envs(variables.iter().copied());
    command
}

fn repo() -> Repo {
    let repo = Repo::new();
    repo.plan_of(646, "", "  - {id: a, command: 'echo x > x'}\n");
    repo.plan_of(653, "", "  - {id: a, command: 'exit 3'}\n");
    repo.commit("plans");
    repo
}

#[test]
fn the_matrix_runs_an_issue_a_job_with_the_least_permissions() {
    let text = example("matrix.yml");
    let workflow: Value = serde_yaml::from_str(&text).unwrap();
    assert_eq!(workflow["permissions"], serde_json::json!({}));
    let job = &workflow["jobs"]["autopilot"];
    assert_eq!(job["strategy"]["fail-fast"], false);
    let allowed: Vec<&String> = job["permissions"].as_object().unwrap().keys().collect();
    assert_eq!(allowed, ["contents", "issues", "pull-requests"]);
    let steps = job["steps"].as_array().unwrap();
    let run = steps.iter().find(|step| step["name"] == "run").unwrap()["run"].as_str().unwrap();
    assert!(!run.contains("${{"), "nothing of an event is pasted into a script");

    let repo = repo();
    let temp = repo.home().display().to_string();
    let with = |issue: &'static str| {
        script(&repo, run, &[("ISSUE", issue), ("RUNNER_TEMP", &temp), ("GITHUB_RUN_ID", "4711")])
    };
    with("646").exits(0);
    with("653").exits(1);
    // A job that is started again finds its issue done, and does nothing twice.
    with("646").exits(0).says("nothing to resume");
    assert_eq!(repo.branches().len(), 1);
    let result = fs::read_to_string(repo.home().join("result-646.json")).unwrap();
    let result: Value = serde_json::from_str(&result).unwrap();
    assert_eq!((result["result"].as_str(), result["issue"].as_u64()), (Some("done"), Some(646)));
    assert_eq!(result["labels"]["GITHUB_RUN_ID"], "4711");
}

#[test]
fn the_array_runs_an_issue_a_task() {
    let text = example("array.sbatch");
    assert!(text.starts_with("#!/bin/bash\n#SBATCH "));
    let repo = repo();
    let issues = repo.dir().join("issues");
    fs::write(&issues, "646\n653\n").unwrap();
    let (issues, checkout) = (issues.display().to_string(), repo.top().display().to_string());
    let task = |id: &'static str| {
        let variables = [
            ("SLURM_ARRAY_TASK_ID", id),
            ("SLURM_JOB_ID", "815"),
            ("ISSUES", issues.as_str()),
            ("CHECKOUT", checkout.as_str()),
        ];
        script(&repo, &text, &variables)
    };
    task("1").exits(0);
    task("2").exits(1);
    let result = |issue: u64| -> Value {
        let text = fs::read_to_string(repo.dir().join(format!("result-{issue}.json"))).unwrap();
        serde_json::from_str(&text).unwrap()
    };
    assert_eq!(result(646)["result"], "done");
    assert_eq!(result(653)["result"], "failed");
    assert_eq!(result(646)["labels"]["SLURM_JOB_ID"], "815");
    assert_eq!(repo.left_in_state(), Vec::<String>::new());
}

#[test]
fn a_task_whose_time_is_up_goes_on_when_it_is_requeued() {
    let text = example("array.sbatch");
    let repo = Repo::new();
    repo.plan("  - {id: a, command: 'echo one > one'}\n  - {id: b, command: 'echo ready; while test ! -e ~/go; do sleep 0.05; done; cat one > two'}\n");
    let issues = repo.dir().join("issues");
    fs::write(&issues, "7\n").unwrap();
    let (issues, checkout) = (issues.display().to_string(), repo.top().display().to_string());
    let variables = [
        ("SLURM_ARRAY_TASK_ID", "1"),
        ("SLURM_JOB_ID", "815"),
        ("ISSUES", issues.as_str()),
        ("CHECKOUT", checkout.as_str()),
    ];
    // Stands in for Slurm's own, and writes down what it is asked for.
    let asked = repo.dir().join("scontrol.asked");
    let own = repo.dir().join("bin/scontrol");
    fs::create_dir(own.parent().unwrap()).unwrap();
    write_program(&own, &format!("#!/bin/sh\necho \"$*\" >> {}\n", asked.display()));
    let asked = || fs::read_to_string(&asked).unwrap_or_default();
    let task = || {
        let mut shell = shell(&repo, &text, &variables);
        let path = shell.get_envs().find(|(name, _)| *name == "PATH").unwrap().1.unwrap();
        let path = format!("{}:{}", own.parent().unwrap().display(), path.to_str().unwrap());
        shell.env("PATH", path).spawn().unwrap()
    };
    let ready = |times| wait_until(|| repo.log().matches("ready").count() == times);
    let mut child = task();
    ready(1);
    // `--signal=B:USR1@120` sends it to the batch shell.
    signal(&child, Signal::SIGUSR1);
    assert_eq!((child.wait().unwrap().code(), asked().as_str()), (Some(143), "requeue 815\n"));
    // Somebody cancels it: nothing is asked for.
    let mut child = task();
    ready(2);
    signal(&child, Signal::SIGTERM);
    assert_eq!((child.wait().unwrap().code(), asked().as_str()), (Some(143), "requeue 815\n"));
    repo.commit_file("mine", "the user goes on working\n");
    let mut child = task();
    ready(3);
    for run in fs::read_dir(repo.state().join("runs")).unwrap() {
        fs::write(run.unwrap().path().join("home/go"), "").unwrap();
    }
    assert!(child.wait().unwrap().success());
    assert_eq!(repo.on_branch("two"), "one");
    assert_eq!((repo.evidence("status-").len(), repo.events_of("resumed").len()), (1, 2));
    assert_eq!(asked(), "requeue 815\n");
    assert_eq!(repo.events_of("resumed")[0]["labels"]["SLURM_JOB_ID"], "815");
}
