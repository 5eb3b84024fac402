//! Claude Code: how it is started on a task.
//!
//! A checkout takes it over unless it is told otherwise: settings with hooks, a helper for keys and variables, servers of
//! `.mcp.json`, `CLAUDE.md`, rules, skills, agents. So it reads no source of settings, no instructions and no skills, and
//! its HOME is a private one: what earlier steps left in the run's HOME is for the commands it runs, not for itself.

mod ending;
mod entry;
mod find;
mod mcp;
mod program;
mod stream;

use std::path::{Path, PathBuf};
use std::rc::Rc;

use serde_json::{Map, Value, json};

use super::{Agent, Environment, Kind, Listen, Server, Start, Task, Unavailable};
use crate::network::Dialect;
use crate::plan::AgentId;
use program::{Claude, TESTED};
use stream::Stream;

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

/// Claude Code, as the registry has it.
pub(super) static KIND: Kind = Kind {
    id: AgentId::Claude,
    shown: &["claude", "-p"],
    tested: &TESTED,
    instructions: &["CLAUDE.md", "AGENTS.md"],
    more_instructions: &["CLAUDE.local.md"],
    dialect: Dialect::Messages,
    find: |path| Ok(Rc::new(find::find(path)?)),
    access: entry::access,
    entry: entry::entry,
    cloud: None,
};

/// Its tools. Those that are not here would ask the model's server to search or to fetch, or start agents and timers.
const TOOLS: &str = "Bash,Read,Edit,Write";

/// What keeps the checkout, an earlier step and the world out, each with its reason.
const OPTIONS: [&str; 9] = [
    "-p",
    // No settings of anybody: hooks, helpers, variables; and with them no CLAUDE.md, rules, agents, output styles.
    "--setting-sources=",
    "--strict-mcp-config",
    "--disable-slash-commands",
    "--no-session-persistence",
    "--output-format=stream-json",
    "--verbose",
    // Everything it may do is bounded by the sandbox; what it asks for permission nobody could answer.
    "--dangerously-skip-permissions",
    "--tools",
];

/// Variables that switch off what is not wanted: other addresses than the model's, instructions and memory of files, the
/// attachment of files that a prompt mentions by `@`, what git tells (commit messages are a step's to write), work that
/// goes on in the background, features that nobody has looked at, and the same question in another form after a broken
/// answer.
const OFF: [&str; 9] = [
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC",
    "CLAUDE_CODE_DISABLE_CLAUDE_MDS",
    "CLAUDE_CODE_DISABLE_AUTO_MEMORY",
    "CLAUDE_CODE_DISABLE_FILE_MENTIONS",
    "CLAUDE_CODE_DISABLE_GIT_INSTRUCTIONS",
    "CLAUDE_CODE_DISABLE_BUNDLED_SKILLS",
    "CLAUDE_CODE_DISABLE_BACKGROUND_TASKS",
    "CLAUDE_CODE_DISABLE_EXPERIMENTAL_BETAS",
    "CLAUDE_CODE_DISABLE_NONSTREAMING_FALLBACK",
];

/// How often it asks again by itself; by default it goes on for minutes, even where the key is wrong.
const RETRIES: &str = "2";

/// A key, or the token of a login, that lets nobody in: whoever answers it has the real one.
const STAND_IN: &str = "autopilot-has-the-real-one";

/// Files of the private home.
const INSTRUCTIONS: &str = "instructions.md";
const SERVERS: &str = "servers.json";
/// Read before each command.
const COMMANDS: &str = "commands.sh";

impl Claude {
    fn argv(&self, task: &Task<'_>, home: &Path) -> Vec<String> {
        let file = |name: &str| home.join(name).to_string_lossy().into_owned();
        let mut argv = vec![self.program.to_string_lossy().into_owned()];
        argv.extend(OPTIONS.map(str::to_owned));
        argv.push(TOOLS.to_owned());
        let mut option = |name: &str, value: String| argv.push(format!("{name}={value}"));
        if let Some(model) = task.model {
            option("--model", model.to_owned());
        }
        if let Some(effort) = task.effort {
            option("--effort", effort.to_owned());
        }
        if task.instructions.is_some() {
            option("--append-system-prompt-file", file(INSTRUCTIONS));
        }
        if !task.servers.is_empty() {
            option("--mcp-config", file(SERVERS));
        }
        argv
    }

    /// Lays what it reads. Its commands have the run's HOME: toolchains and downloads are there.
    fn files(task: &Task<'_>, own: &Path) -> Vec<(PathBuf, String)> {
        let own = own.to_string_lossy();
        let commands = format!("export HOME='{}'\nunset CLAUDE_ENV_FILE\n", own.replace('\'', "'\\''"));
        let mut files = vec![(COMMANDS.into(), commands)];
        files.extend(task.instructions.map(|text| (INSTRUCTIONS.into(), text.to_owned())));
        if !task.servers.is_empty() {
            let server = |server: &Server| {
                let mut config = server.config.clone();
                if config["command"].is_string() && config["env"]["HOME"].is_null() {
                    config["env"]["HOME"] = json!(own);
                }
                (server.name.clone(), config)
            };
            let servers: Map<String, Value> = task.servers.iter().map(server).collect();
            files.push((SERVERS.into(), json!({ "mcpServers": servers }).to_string()));
        }
        files
    }
}

fn environment(task: &Task<'_>, home: &Path) -> Vec<(String, String)> {
    let private = home.to_string_lossy().into_owned();
    let commands = home.join(COMMANDS).to_string_lossy().into_owned();
    // The program of a step is never root's; where it looks like that, as in a user namespace, it would refuse to work.
    let sandbox = ("IS_SANDBOX", "1".to_owned());
    let stand_in = if task.endpoint.by_login { "CLAUDE_CODE_OAUTH_TOKEN" } else { "ANTHROPIC_API_KEY" };
    let own = [
        ("HOME", private.clone()),
        ("CLAUDE_CONFIG_DIR", private),
        ("CLAUDE_ENV_FILE", commands),
        ("ANTHROPIC_BASE_URL", task.endpoint.base_url.clone()),
        (stand_in, STAND_IN.to_owned()),
        ("CLAUDE_CODE_MAX_RETRIES", RETRIES.to_owned()),
        sandbox,
    ];
    let off = OFF.map(|name| (name, "1".to_owned()));
    own.into_iter().chain(off).map(|(name, value)| (name.to_owned(), value)).collect()
}

impl Agent for Claude {
    fn id(&self) -> AgentId {
        AgentId::Claude
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
        mcp::list(environment)
    }

    fn start(&self, task: &Task<'_>, home: &Path) -> Start {
        // The private home lies in the run's.
        let own = home.parent().unwrap_or(home);
        Start {
            argv: self.argv(task, home),
            env: environment(task, home),
            files: Self::files(task, own),
            stdin: task.prompt.to_owned(),
        }
    }

    fn listen(&self) -> Box<dyn Listen> {
        Box::new(Stream::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::Endpoint;

    fn claude() -> Claude {
        Claude { program: "/opt/claude".into(), version: "2.1.332".into(), files: vec!["/opt/claude".into()] }
    }

    #[test]
    fn the_prompt_goes_to_standard_input_and_nothing_of_the_step_gets_in() {
        let endpoint = Endpoint { base_url: "http://127.0.0.1:9".into(), by_login: false };
        let server = Server {
            name: "docs".into(),
            config: json!({"command": "docs-mcp", "args": ["-x"]}),
            reaches: None,
            variables: Vec::new(),
            literal: Vec::new(),
        };
        let task = Task {
            prompt: "do it\n",
            model: Some("claude-x"),
            effort: Some("low"),
            endpoint: &endpoint,
            servers: &[server],
            instructions: Some("be kind"),
            folders: &["/work/tree".into()],
        };
        let start = claude().start(&task, Path::new("/home/step/.agent-1"));
        assert_eq!(start.stdin, "do it\n");
        assert!(!start.argv.iter().any(|word| word.contains("do it") || word.contains("be kind")));
        for option in ["--setting-sources=", "--strict-mcp-config", "--model=claude-x", "--effort=low"] {
            assert!(start.argv.iter().any(|word| word == option), "{option}: {:?}", start.argv);
        }
        let variable =
            |name: &str| start.env.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str());
        assert_eq!(variable("HOME"), Some("/home/step/.agent-1"));
        assert_eq!(variable("ANTHROPIC_API_KEY"), Some(STAND_IN));
        assert_eq!(variable("CLAUDE_CODE_OAUTH_TOKEN"), None);
        let file = |name: &str| &start.files.iter().find(|(own, _)| own == Path::new(name)).unwrap().1;
        assert!(file(COMMANDS).starts_with("export HOME='/home/step'\n"));
        assert_eq!(file(INSTRUCTIONS), "be kind");
        let servers: Value = serde_json::from_str(file(SERVERS)).unwrap();
        assert_eq!(servers["mcpServers"]["docs"]["env"]["HOME"], "/home/step");
        let by_login = Endpoint { by_login: true, ..endpoint.clone() };
        let start = claude().start(&Task { endpoint: &by_login, servers: &[], ..task }, Path::new("/h/.a"));
        assert!(start.env.iter().any(|(name, value)| name == "CLAUDE_CODE_OAUTH_TOKEN" && value == STAND_IN));
        assert!(!start.argv.iter().any(|word| word.contains("--mcp-config")));
    }
}
