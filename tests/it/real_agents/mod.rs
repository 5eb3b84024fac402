//! Agents' steps with the real agents, in every version that `AUTOPILOT_TEST_CODEX` and `AUTOPILOT_TEST_CLAUDE` name,
//! against a stub model: one table of tests for all of them, and what is one agent's own beside it.
//!
//! Ignored unless asked for, since they need what cargo cannot bring; `.ci/agents` installs it:
//! `eval "$(bash .ci/agents)"; cargo test --test it -- --ignored real_agents`.

mod claude;
pub(crate) mod codex;
mod endings;
mod hostile;
mod local;
mod replays;
mod work;

use std::path::PathBuf;
use std::process::Command;

use crate::common::model::Model;
use crate::common::{Ran, Repo, path_behind};

/// The model's key; of no shape that a masker knows.
pub(crate) const KEY: &str = "not-a-real-key-4711-0815";

/// An agent in one version.
#[derive(Debug)]
pub(crate) struct Real {
    /// Its key in a plan.
    pub(crate) key: &'static str,
    /// The folder that holds its program.
    folder: PathBuf,
}

/// Every agent in every version.
pub(crate) fn all() -> Vec<Real> {
    [versions("codex"), versions("claude")].into_iter().flatten().collect()
}

/// One agent in every version.
pub(crate) fn versions(key: &'static str) -> Vec<Real> {
    let variable = format!("AUTOPILOT_TEST_{}", key.to_uppercase());
    let Some(named) = std::env::var_os(&variable) else {
        panic!("no {key}: `eval \"$(bash .ci/agents)\"` installs and names what is needed in {variable}")
    };
    let folders: Vec<PathBuf> = std::env::split_paths(&named).collect();
    for folder in &folders {
        assert!(
            folder.join(key).is_file(),
            "no {key} in {}: `bash .ci/agents` installs it",
            folder.display()
        );
    }
    folders.into_iter().map(|folder| Real { key, folder }).collect()
}

impl Real {
    /// Runs issue 7 with this agent first in PATH; whatever comes of it, the audit finds nothing in it.
    pub(crate) fn run(&self, repo: &Repo) -> Ran {
        let ran = Ran::of(&self.command(repo).output().unwrap());
        assert!(ran.code <= 1, "{self:?}: {}\n{}", ran.stdout, ran.stderr);
        repo.autopilot(["audit", "7"]).exits(0).says("AUDIT PASS");
        ran
    }

    /// The folder that is on PATH.
    pub(crate) fn folder(&self) -> &std::path::Path {
        &self.folder
    }

    /// All that npm installed with it.
    pub(crate) fn package(&self) -> &std::path::Path {
        self.folder.ancestors().nth(2).unwrap()
    }

    pub(crate) fn command(&self, repo: &Repo) -> Command {
        self.command_of(repo, &["7"])
    }

    /// The same for whatever else is asked of autopilot.
    pub(crate) fn command_of(&self, repo: &Repo, args: &[&str]) -> Command {
        let mut command = repo.command(args);
        command.env("PATH", path_behind(&self.folder)).env("MODEL_KEY", KEY);
        command
    }

    /// Writes a plan for this agent and model; `AGENT` stands for the agent's key.
    pub(crate) fn plan(&self, repo: &Repo, model: &Model, steps: &str) {
        self.plan_with(repo, model, "", steps);
    }

    pub(crate) fn plan_with(&self, repo: &Repo, model: &Model, more: &str, steps: &str) {
        let defaults =
            format!("{}: {{model: {}, provider: {}}}\n{more}", self.key, self.model(), self.provider(model));
        repo.plan_with(&defaults, &steps.replace("AGENT:", &format!("{}:", self.key)));
    }

    pub(crate) fn provider(&self, model: &Model) -> String {
        format!("{{base_url: \"{}\", env_key: MODEL_KEY}}", self.address(model))
    }

    /// The base URL, as its makers write it.
    pub(crate) fn address(&self, model: &Model) -> String {
        if self.key == "codex" { model.base_url() } else { model.address() }
    }

    pub(crate) fn model(&self) -> &'static str {
        if self.key == "codex" { "gpt-5.5" } else { "claude-sonnet-5" }
    }

    /// The header that its key goes out with.
    pub(crate) fn auth(&self, key: &str) -> String {
        if self.key == "codex" { format!("authorization: bearer {key}") } else { format!("x-api-key: {key}") }
    }

    /// Configures a program as an MCP server of the user's own.
    pub(crate) fn servers(&self, repo: &Repo, servers: &[(&str, &str)]) {
        if self.key == "codex" {
            let one = |(name, script): &(&str, &str)| {
                format!("[mcp_servers.{name}]\ncommand = \"sh\"\nargs = [\"-c\", '{script}']\n")
            };
            std::fs::create_dir_all(repo.home().join(".codex")).unwrap();
            let text: String = servers.iter().map(one).collect();
            std::fs::write(repo.home().join(".codex/config.toml"), text).unwrap();
        } else {
            let one = |(name, script): &(&str, &str)| {
                ((*name).to_owned(), serde_json::json!({"command": "sh", "args": ["-c", script]}))
            };
            let all: serde_json::Map<_, _> = servers.iter().map(one).collect();
            let text = serde_json::json!({ "mcpServers": all }).to_string();
            std::fs::write(repo.home().join(".claude.json"), text).unwrap();
        }
    }
}
