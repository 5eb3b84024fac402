//! The MCP servers that the user's own Codex knows.

use std::process::Command;

use serde_json::{Map, Value, json};

use super::program::Codex;
use crate::agent::Environment;
use crate::agent::program::{Unavailable, output};
use crate::agent::server::{Server, host_and_port, sounds_secret};

/// Lists the servers of the user's own configuration that are switched on.
pub(super) fn list(codex: &Codex, environment: &Environment) -> Result<Vec<Server>, Unavailable> {
    let wrong = |what: String| {
        let hint = "`codex mcp list --json` has to work by hand first: look at your Codex configuration";
        Unavailable::new(format!("codex mcp list: {what}"), hint)
    };
    let mut command = Command::new(&codex.program);
    command.env_clear();
    let own = ["HOME", "PATH", "CODEX_HOME"].into_iter();
    command.envs(own.filter_map(|name| Some((name, environment.get(name)?))));
    let told = output(command.args(["mcp", "list", "--json"])).map_err(|error| wrong(error.to_string()))?;
    let listed: Vec<Value> = serde_json::from_str(&told)
        .map_err(|error| wrong(format!("its answer is not understood: {error}")))?;
    Ok(listed.iter().filter(|entry| entry["enabled"] != false).filter_map(server).collect())
}

/// Reads an entry of the list back into what its configuration was.
fn server(entry: &Value) -> Option<Server> {
    let transport = entry["transport"].as_object()?;
    let mut config: Map<String, Value> =
        transport.iter().filter(|(name, value)| *name != "type" && !is_empty(value)).map(owned).collect();
    for name in ["startup_timeout_sec", "tool_timeout_sec"] {
        if !entry[name].is_null() {
            config.insert(name.to_owned(), entry[name].clone());
        }
    }
    let text = |name: &str| config.get(name).and_then(Value::as_str).map(str::to_owned);
    let keys = |name: &str| -> Vec<String> {
        config.get(name).and_then(Value::as_object).map_or_else(Vec::new, |map| map.keys().cloned().collect())
    };
    let values = |name: &str| -> Vec<String> {
        let value = config.get(name).unwrap_or(&Value::Null);
        let all = value.as_array().cloned().or_else(|| Some(value.as_object()?.values().cloned().collect()));
        all.iter().flatten().filter_map(|one| Some(one.as_str()?.to_owned())).collect()
    };
    let mut variables = values("env_vars");
    variables.extend(values("env_http_headers"));
    variables.extend(text("bearer_token_env_var"));
    let mut literal: Vec<String> = keys("env").into_iter().filter(|name| sounds_secret(name)).collect();
    literal.extend(keys("http_headers").into_iter().filter(|name| sounds_secret(name)));
    let reaches = text("url").and_then(|url| host_and_port(&url));
    let name = entry["name"].as_str()?.to_owned();
    Some(Server { name, config: json!(config), reaches, variables, literal })
}

fn owned((name, value): (&String, &Value)) -> (String, Value) {
    (name.clone(), value.clone())
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_keeps_its_configuration_and_names_what_it_takes() {
        let entry = json!({
            "name": "local", "enabled": true, "disabled_reason": null,
            "transport": {
                "type": "stdio", "command": "npx", "args": ["-y", "thing"],
                "env": {"MODE": "fast", "API_KEY": "literal-secret-value"}, "env_vars": ["FOO_TOKEN"], "cwd": null,
            },
            "startup_timeout_sec": 5.0, "tool_timeout_sec": null, "auth_status": "unsupported",
        });
        let server = server(&entry).unwrap();
        assert_eq!(server.literal, ["API_KEY"]);
        assert_eq!(server.variables, ["FOO_TOKEN"]);
        assert_eq!(server.reaches, None);
        assert_eq!(server.config["command"], "npx");
        assert_eq!(server.config["startup_timeout_sec"], 5.0);
        assert!(server.config.get("type").is_none() && server.config.get("cwd").is_none());
    }

    #[test]
    fn a_server_on_the_network_names_where_it_is() {
        let entry = json!({
            "name": "web", "enabled": true,
            "transport": {
                "type": "streamable_http", "url": "https://MCP.example.org/mcp", "bearer_token_env_var": "WEB_TOKEN",
                "http_headers": {"X-Api-Key": "abc", "Accept": "x"}, "env_http_headers": {"X-Other": "OTHER_VAR"},
                "http_headers_helper": null,
            },
        });
        let server = server(&entry).unwrap();
        assert_eq!(server.reaches, Some(("mcp.example.org".to_owned(), 443)));
        assert_eq!(server.variables, ["OTHER_VAR", "WEB_TOKEN"]);
        assert_eq!(server.literal, ["X-Api-Key"]);
    }
}
