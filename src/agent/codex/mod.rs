//! Codex: how it is started on a task.
//!
//! Its configuration is a file of its private home: nothing of the user's own gets in that the plan does not name,
//! and `--strict-config` makes a version that lacks a setting say so instead of going on without it.

mod ending;
mod entry;
mod find;
mod login;
mod mcp;
mod program;
mod stream;

use std::path::{Path, PathBuf};
use std::rc::Rc;

use serde_json::{Map, Value, json};

/// What fuzz targets need of the inside.
#[cfg(fuzzing)]
pub mod fuzzing {
    use crate::agent::Listen;

    /// Returns what an output tells, and how it ended.
    pub fn heard<'a>(chunks: impl Iterator<Item = &'a [u8]>) -> String {
        let mut stream = super::stream::Stream::default();
        let mut acts: Vec<_> = chunks.flat_map(|chunk| stream.push(chunk)).collect();
        let (last, report) = stream.finish();
        acts.extend(last);
        format!("{acts:?} {report:?}")
    }
}

use super::{Agent, Endpoint, Environment, Kind, Listen, Server, Start, Task, Unavailable};
use crate::network::Dialect;
use crate::plan::AgentId;
use program::{Codex, TESTED};
use stream::Stream;

/// Codex, as the registry has it.
pub(super) static KIND: Kind = Kind {
    id: AgentId::Codex,
    shown: &["codex", "exec"],
    tested: &TESTED,
    instructions: &["AGENTS.md"],
    more_instructions: &["AGENTS.override.md"],
    dialect: Dialect::Responses,
    find: |path| Ok(Rc::new(find::find(path)?)),
    access: entry::access,
    entry: entry::entry,
    cloud: Some(entry::cloud),
};

/// The provider's name in the private configuration.
const PROVIDER: &str = "autopilot";

/// Features of Codex that are switched off where a version has them, and why that is wanted: it would try for ever
/// to reach a model; fetch what nobody asked for; source the shell's start-up files of a home that has none; run
/// hooks of the worktree.
const OFF: [&str; 5] = ["unbounded_connection_retries", "plugins", "apps", "shell_snapshot", "hooks"];

impl Codex {
    /// Switches off what is not wanted, as far as this version has it.
    fn off(&self) -> Value {
        let known = |name: &&&str| self.features.iter().any(|feature| feature == *name);
        let off = OFF.iter().filter(known).map(|name| ((*name).to_owned(), Value::Bool(false)));
        Value::Object(off.collect())
    }

    fn config(&self, task: &Task<'_>) -> Value {
        let mut config = json!({
            "model_provider": PROVIDER,
            "approval_policy": "never",
            // Its own sandbox cannot be had inside ours, which is the stricter one.
            "sandbox_mode": "danger-full-access",
            // A login shell would reset PATH to the system's.
            "allow_login_shell": false,
            "check_for_update_on_startup": false,
            // The model's server would search: a way out that the step's `network` does not give.
            "web_search": "disabled",
            // The runner gives it the repository's instructions, if they are those of the base.
            "project_doc_max_bytes": 0,
            // The checkout's and HOME's skills would stand in the developer's message: they are a step's to write.
            "skills": {"include_instructions": false},
            "model_providers": {PROVIDER: {
                "name": PROVIDER,
                "base_url": task.endpoint.base_url,
                "wire_api": "responses",
            }},
            "analytics": {"enabled": false},
            "otel": {"metrics_exporter": "none"},
            // The step's environment is what the plan says; there is no more in it to hold back.
            "shell_environment_policy": {"inherit": "all", "ignore_default_excludes": true},
            "features": self.off(),
        });
        // Some versions trust a checkout by themselves and do what its `.codex/config.toml` says, such as starting
        // programs. That file is a step's to write.
        for folder in task.folders {
            config["projects"][&*folder.to_string_lossy()] = json!({"trust_level": "untrusted"});
        }
        let mut set = |name: &str, value: Value| config[name] = value;
        if let Some(model) = task.model {
            set("model", model.into());
        }
        if let Some(effort) = task.effort {
            set("model_reasoning_effort", effort.into());
        }
        if !task.servers.is_empty() {
            let servers: Map<String, Value> =
                task.servers.iter().map(|server| (server.name.clone(), server.config.clone())).collect();
            set("mcp_servers", Value::Object(servers));
        }
        config
    }
}

impl Agent for Codex {
    fn id(&self) -> AgentId {
        AgentId::Codex
    }

    fn version(&self) -> &str {
        &self.version
    }

    fn program(&self) -> &Path {
        &self.program
    }

    fn files(&self) -> &[PathBuf] {
        &self.files
    }

    fn servers(&self, environment: &Environment) -> Result<Vec<Server>, Unavailable> {
        mcp::list(self, environment)
    }

    fn start(&self, task: &Task<'_>, home: &Path) -> Start {
        let program = self.program.to_string_lossy().into_owned();
        let config = ("config.toml".into(), toml_of(&self.config(task)));
        let instructions = task.instructions.map(|text| ("AGENTS.md".into(), text.to_owned()));
        let options = ["exec", "--json", "--ephemeral", "--strict-config", "--color", "never", "-"];
        Start {
            argv: std::iter::once(program).chain(options.map(str::to_owned)).collect(),
            env: environment(home),
            files: std::iter::once(config).chain(instructions).collect(),
            stdin: task.prompt.to_owned(),
        }
    }

    fn listen(&self) -> Box<dyn Listen> {
        Box::new(Stream::default())
    }

    /// Composes how `codex apply` is started for a task of Codex's cloud, which it finds at the endpoint. It runs git
    /// in a checkout where steps have been, whose hooks run beside it: the login is not there.
    fn apply(&self, task: &str, endpoint: &Endpoint, home: &Path) -> Option<Start> {
        let config = json!({
            "chatgpt_base_url": endpoint.base_url,
            "analytics": {"enabled": false},
            "features": self.off(),
        });
        let program = self.program.to_string_lossy().into_owned();
        Some(Start {
            argv: vec![program, "apply".to_owned(), task.to_owned()],
            env: environment(home),
            files: vec![
                ("config.toml".into(), toml_of(&config)),
                ("auth.json".into(), login::stand_in().to_string()),
            ],
            stdin: String::new(),
        })
    }

    fn task_path(&self, task: &str) -> String {
        login::task_path(task)
    }
}

fn environment(home: &Path) -> Vec<(String, String)> {
    vec![("CODEX_HOME".into(), home.to_string_lossy().into_owned())]
}

/// Writes a configuration; what TOML cannot hold (`null`) was not set.
fn toml_of(value: &Value) -> String {
    match toml_value(value) {
        Some(toml::Value::Table(table)) => table.to_string(),
        _ => String::new(),
    }
}

fn toml_value(value: &Value) -> Option<toml::Value> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(yes) => toml::Value::Boolean(*yes),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => toml::Value::Integer(whole),
            None => toml::Value::Float(number.as_f64()?),
        },
        Value::String(text) => toml::Value::String(text.clone()),
        Value::Array(items) => toml::Value::Array(items.iter().filter_map(toml_value).collect()),
        Value::Object(members) => toml::Value::Table(
            members.iter().filter_map(|(name, value)| Some((name.clone(), toml_value(value)?))).collect(),
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::Server;

    fn codex() -> Codex {
        Codex {
            program: "/opt/codex/bin/codex".into(),
            version: "0.169.0".into(),
            files: vec!["/opt/codex".into()],
            features: vec!["plugins".into()],
        }
    }

    #[test]
    fn the_prompt_goes_to_standard_input_and_settings_to_the_private_home() {
        let endpoint = Endpoint { base_url: "http://127.0.0.1:9/v1".into(), by_login: false };
        let server = Server {
            name: "docs".into(),
            config: json!({"command": "docs-mcp", "args": ["-x"], "cwd": null, "startup_timeout_sec": 5.5}),
            reaches: None,
            variables: Vec::new(),
            literal: Vec::new(),
        };
        let task = Task {
            prompt: "do it\n",
            model: Some("m\"x"),
            effort: None,
            endpoint: &endpoint,
            servers: &[server],
            instructions: Some("be kind"),
            folders: &["/work/tree".into()],
        };
        let start = codex().start(&task, Path::new("/home/step/.codex"));
        assert_eq!(start.argv.last().unwrap(), "-");
        assert!(!start.argv.iter().any(|word| word.contains("do it")));
        assert_eq!(start.stdin, "do it\n");
        assert_eq!(start.env, [("CODEX_HOME".to_owned(), "/home/step/.codex".to_owned())]);
        let config: toml::Table = start.files[0].1.parse().unwrap();
        assert_eq!(config["model"].as_str(), Some("m\"x"));
        assert_eq!(start.files[1], ("AGENTS.md".into(), "be kind".to_owned()));
        assert_eq!(config["projects"]["/work/tree"]["trust_level"].as_str(), Some("untrusted"));
        assert_eq!(config["project_doc_max_bytes"].as_integer(), Some(0));
        assert_eq!(config["web_search"].as_str(), Some("disabled"));
        assert_eq!(config["features"].as_table().unwrap().len(), 1, "only what this version knows");
        assert_eq!(config["mcp_servers"]["docs"]["startup_timeout_sec"].as_float(), Some(5.5));
        assert!(config["mcp_servers"]["docs"].get("cwd").is_none());
    }

    #[test]
    fn a_newer_version_is_a_warning() {
        assert_eq!(KIND.warning("0.169.0"), None);
        assert!(KIND.warning("1.0.0").unwrap().contains("newer"));
    }
}
