//! The MCP servers that the user's own Claude Code knows: those of the user's configuration, not of a checkout.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::agent::server::{Server, host_and_port, sounds_secret};
use crate::agent::{Environment, Unavailable};

/// Lists the servers of the user's own configuration. Read from its file: `claude mcp list` would start them.
pub(super) fn list(environment: &Environment) -> Result<Vec<Server>, Unavailable> {
    let Some(path) = file(environment) else { return Ok(Vec::new()) };
    let wrong = |what: String| {
        Unavailable::new(
            format!("{}: {what}", path.display()),
            "look at your Claude Code configuration: `claude mcp list`",
        )
    };
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(wrong(error.to_string())),
    };
    let config: Value = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    let servers = config["mcpServers"].as_object();
    Ok(servers.into_iter().flatten().filter_map(|(name, own)| server(name, own)).collect())
}

/// Returns where Claude Code keeps them.
fn file(environment: &Environment) -> Option<PathBuf> {
    let folder = environment.get("CLAUDE_CONFIG_DIR").or_else(|| environment.get("HOME"))?;
    Some(PathBuf::from(folder).join(".claude.json"))
}

fn server(name: &str, own: &Value) -> Option<Server> {
    let keys = |map: &str| own[map].as_object().into_iter().flatten();
    let secret = |(name, value): (&String, &Value)| {
        let is_literal = value.as_str().is_some_and(|value| variables(value).is_empty());
        (is_literal && sounds_secret(name)).then(|| name.clone())
    };
    let literal = keys("env").chain(keys("headers")).filter_map(secret).collect();
    let reaches = own["url"].as_str().and_then(host_and_port);
    let mut named: Vec<String> = texts(own).into_iter().flat_map(variables).collect();
    named.sort();
    named.dedup();
    let is_one = own["command"].is_string() || own["url"].is_string();
    is_one.then(|| Server { name: name.to_owned(), config: json!(own), reaches, variables: named, literal })
}

/// Returns all texts of a configuration.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Object(members) => members.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

/// Returns the variables that a text takes from the environment: `${NAME}`, and not `${NAME:-default}`.
fn variables(text: &str) -> Vec<String> {
    let parts = text.split("${").skip(1).filter_map(|rest| rest.split_once('}'));
    let names = parts.map(|(name, _)| name).filter(|name| !name.is_empty() && !name.contains(":-"));
    names.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_those_of_the_users_own_file_and_name_what_they_take() {
        let home = tempfile::tempdir().unwrap();
        let config = json!({
            "numStartups": 3,
            "mcpServers": {
                "docs": {"type": "stdio", "command": "docs-mcp", "args": ["--for", "${TEAM}"], "env": {"MODE": "fast"}},
                "keyed": {"command": "x", "env": {"API_KEY": "literal-secret-value", "TOKEN": "${OF_MINE}"}},
                "web": {"type": "http", "url": "https://MCP.example.org/x", "headers": {"X-Api-Key": "abc", "Accept": "${A:-b}"}},
                "nothing": {},
            },
            "projects": {"/x": {"mcpServers": {"of-a-folder": {"command": "y"}}}},
        });
        fs::write(home.path().join(".claude.json"), config.to_string()).unwrap();
        let environment = Environment::from([("HOME".to_owned(), home.path().to_str().unwrap().to_owned())]);
        let servers = list(&environment).unwrap();
        let names: Vec<&str> = servers.iter().map(|server| server.name.as_str()).collect();
        assert_eq!(names, ["docs", "keyed", "web"]);
        assert_eq!((&servers[0].variables[..], &servers[0].literal[..]), (&["TEAM".to_owned()][..], &[][..]));
        assert_eq!(servers[1].variables, ["OF_MINE"]);
        assert_eq!(servers[1].literal, ["API_KEY"]);
        assert_eq!(servers[2].reaches, Some(("mcp.example.org".to_owned(), 443)));
        assert_eq!((&servers[2].literal[..], servers[2].variables.len()), (&["X-Api-Key".to_owned()][..], 0));
    }

    #[test]
    fn no_file_is_no_server_and_a_broken_one_is_said() {
        let home = tempfile::tempdir().unwrap();
        let environment = Environment::from([("HOME".to_owned(), home.path().to_str().unwrap().to_owned())]);
        assert!(list(&environment).unwrap().is_empty());
        fs::write(home.path().join(".claude.json"), "{").unwrap();
        assert!(list(&environment).unwrap_err().what.contains(".claude.json"));
        fs::remove_file(home.path().join(".claude.json")).unwrap();
        fs::create_dir(home.path().join(".claude.json")).unwrap();
        assert!(list(&environment).is_err(), "what is there and cannot be read is no absence");
    }
}
