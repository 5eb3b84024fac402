//! What of Anthropic's Messages is passed on, and what is not.

use serde_json::{Value, json};

use super::Objection;
use crate::network::dialect::Dialect;

fn judged(request: &Value) -> Result<(), Objection> {
    super::judge(request.to_string().as_bytes(), Dialect::Messages.request(), &|_| false)
}

/// What Claude Code sends, in short: every member and every type that its versions were seen to send, or can.
fn of_claude() -> Value {
    let cached = json!({"type": "ephemeral", "ttl": "1h"});
    let tool = json!({"name": "Bash", "description": "d", "cache_control": cached, "input_schema": {
        "$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object",
        "properties": {"url": {"type": "string"}, "file_id": {"$ref": "#/$defs/x"}}, "additionalProperties": false}});
    let picture =
        json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}});
    json!({
        "model": "claude-sonnet-5",
        "max_tokens": 64000,
        "messages": [
            {"role": "user", "content": "read https://example.org, container: x"},
            {"role": "system", "content": [{"type": "text", "text": "t", "cache_control": cached}], "output_config": {"effort": "max"}},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "t", "signature": "AAAA"},
                {"type": "redacted_thinking", "data": "AAAA"},
                {"type": "text", "text": "t", "citations": null},
                {"type": "tool_use", "id": "toolu_1", "name": "Bash", "caller": {"type": "direct"},
                    "input": {"command": "ls", "url": "https://x", "file_id": "x"}}]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "toolu_1", "content": "hi", "is_error": false},
                {"type": "tool_result", "tool_use_id": "toolu_2", "content": [picture, {"type": "text", "text": "t"}]},
                {"type": "document", "title": "t", "source": {"type": "base64", "media_type": "application/pdf", "data": "AAAA"}},
                {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "t"}}]},
            {"role": "system", "content": [
                {"type": "tool_removal", "tool": {"type": "tool_reference", "name": "mcp__docs__find"}},
                {"type": "tool_addition", "tool": {"type": "tool_definition", "definition": tool}}]},
        ],
        "system": [{"type": "text", "text": "You are", "cache_control": {"type": "ephemeral"}}],
        "tools": [tool, {"name": "DeferredToolPlaceholder", "input_schema": {}, "defer_loading": true},
            {"type": "custom", "name": "f", "input_schema": {"type": "object"}}],
        "tool_choice": {"type": "auto", "disable_parallel_tool_use": true},
        "metadata": {"user_id": "{\"device_id\":\"d\"}"},
        "thinking": {"type": "adaptive", "display": "updates"},
        "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
        "output_config": {"effort": "high"},
        "stream": true,
    })
}

#[test]
fn what_an_agent_asks_is_passed_on() {
    assert_eq!(judged(&of_claude()), Ok(()));
    for small in [
        json!({"model": "m", "messages": [], "stream": false}),
        json!({"messages": [{"role": "user", "content": "t"}], "system": "t", "thinking": {"type": "disabled"}}),
        json!({"messages": [], "thinking": {"type": "enabled", "budget_tokens": 1024}, "tool_choice": null}),
    ] {
        assert_eq!(judged(&small), Ok(()), "{small}");
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table")]
fn whatever_an_agent_does_not_send_is_named_with_its_place_and_not_passed_on() {
    let block = |block: Value| json!([{"role": "user", "content": [block]}]);
    let source = |source: Value| block(json!({"type": "image", "source": source}));
    let in_result =
        |inner: Value| block(json!({"type": "tool_result", "tool_use_id": "t", "content": [inner]}));
    let definition = |tool: Value| {
        block(json!({"type": "tool_addition", "tool": {"type": "tool_definition", "definition": tool}}))
    };
    for (field, value, named) in [
        // What the server carries out.
        (
            "tools",
            json!([{"type": "web_search_20250305", "name": "web_search"}]),
            "`tools[0].type` is `web_search_20250305`: it has the model's server do more",
        ),
        ("tools", json!([{"type": "web_fetch_20250910", "name": "web_fetch"}]), "do more than answer"),
        ("tools", json!([{"type": "code_execution_20250825", "name": "c"}]), "do more than answer"),
        ("tools", json!([{"type": "bash_20250124", "name": "bash"}]), "`bash_20250124`: no agent"),
        ("tools", json!([{"type": "mcp_toolset", "mcp_server_name": "s"}]), "do more than answer"),
        ("tools", json!([{"mcp_server_name": "s"}]), "`tools[0].mcp_server_name`: it has"),
        ("tools", json!([{"type": "", "name": "f", "input_schema": {}}]), "`tools[0].type` is ``"),
        ("tools", json!([{"type": null, "name": "f", "input_schema": {}}]), "tools[0].type"),
        ("tools", json!([{"name": "web_search"}]), "`tools[0]` lacks `input_schema`"),
        ("tools", json!([{"name": "f", "input_schema": null}]), "`tools[0]` lacks `input_schema`"),
        ("tools", json!([{"input_schema": {}}]), "`tools[0]` lacks `name`"),
        (
            "tools",
            json!([{"name": "f", "input_schema": {}, "allowed_callers": ["code_execution_20250825"]}]),
            "allowed_callers",
        ),
        ("tools", json!([{"name": "f", "input_schema": {"$ref": "https://x"}}]), "input_schema.$ref"),
        ("messages", definition(json!({"type": "web_search_20250305"})), "tool.definition.type"),
        ("tool_choice", json!("auto"), "`tool_choice` is `auto`"),
        ("mcp_servers", json!([{"type": "url", "url": "https://x"}]), "`mcp_servers`: it has"),
        ("mcp_servers", json!([]), "`mcp_servers`: it has"),
        ("messages", block(json!({"type": "mcp_tool_use", "id": "i"})), "`mcp_tool_use`: it has"),
        ("messages", block(json!({"type": "server_tool_use", "id": "i"})), "`server_tool_use`"),
        ("messages", block(json!({"type": "web_search_tool_result", "content": []})), "do more than answer"),
        (
            "messages",
            block(
                json!({"type": "tool_use", "name": "f", "input": {}, "caller": {"type": "code_execution_20250825"}}),
            ),
            "caller.type",
        ),
        ("context_management", json!({"edits": [{"type": "compact_20260112"}]}), "edits[0].type"),
        // What it fetches.
        (
            "messages",
            source(json!({"type": "url", "url": "https://example.org/?stolen"})),
            "`messages[0].content[0].source.type` is `url`: it has the model's server do more",
        ),
        ("messages", source(json!({"url": "https://x", "type": "base64"})), "source.url`: it has"),
        (
            "messages",
            in_result(json!({"type": "image", "source": {"type": "url"}})),
            "content[0].source.type",
        ),
        (
            "messages",
            block(json!({"type": "document", "source": {"type": "url", "url": "https://x"}})),
            "source.type` is `url`",
        ),
        (
            "messages",
            source(json!({"type": "base64", "media_type": "image/svg+xml", "data": "A"})),
            "source.media_type` is `image/svg+xml`",
        ),
        (
            "messages",
            block(json!({"type": "document", "source": {"type": "content", "content": []}})),
            "source.type` is `content`",
        ),
        // What is stored at the account.
        ("messages", source(json!({"type": "file", "file_id": "f"})), "`file`: it names what is stored"),
        ("messages", source(json!({"file_id": "f", "type": "base64"})), "source.file_id`: it names"),
        (
            "messages",
            block(json!({"type": "container_upload", "file_id": "f"})),
            "`container_upload`: it names",
        ),
        (
            "messages",
            block(json!({"type": "text", "text": "t", "citations": [{"file_id": "f"}]})),
            "citations",
        ),
        ("messages", block(json!({"type": "compaction", "content": "t"})), "`compaction`"),
        ("messages", block(json!({"type": "image"})), "lacks `source`"),
        ("messages", block(json!({"id": "msg_1"})), "`messages[0].content[0]` lacks `type`"),
        ("messages", json!([{"role": "user"}]), "`messages[0]` lacks `content`"),
        ("messages", json!([{"role": "tool", "content": "t"}]), "`messages[0].role` is `tool`"),
        ("messages", json!([null]), "`messages[0]` is `null`"),
        ("messages", json!(null), "`the request` lacks `messages`"),
        ("container", json!("c"), "`container`: it names"),
        ("thread", json!("t"), "`thread`"),
        ("previous_message_id", json!("m"), "`previous_message_id`"),
        // What costs more, and what nobody sends.
        ("service_tier", json!("auto"), "`service_tier`: no agent sends such a thing"),
        ("speed", json!("fast"), "`speed`: it has"),
        ("fallbacks", json!([{"model": "m"}]), "`fallbacks`: it has"),
        ("betas", json!(["files-api-2025-04-14"]), "`betas`"),
        ("metadata", json!({"user_id": "u", "own": "x"}), "`metadata.own`"),
        ("system", json!([{"type": "image", "source": {}}]), "system[0]"),
        ("output_config", json!({"task_budget": {}}), "`output_config.task_budget`"),
        ("thinking", json!({"budget_tokens": 1}), "`thinking` lacks `type`"),
    ] {
        let mut request = of_claude();
        request[field] = value;
        let judged = judged(&request);
        let Err(Objection::Forbidden(why)) = &judged else { panic!("{named}: {request}: {judged:?}") };
        assert!(why.contains(named) && why.len() < 1000, "{named}: {why}");
    }
}

#[test]
fn nothing_is_hidden_by_how_it_is_written() {
    let with = |rest: &str| format!(r#"{{"messages":[],{rest}}}"#);
    for body in [
        with(r#""messages":[]"#),
        with(r#""tools":[{"type":"web_search_20250305"}],"tools":[]"#),
        with(r#""tools":[{"name":"f","input_schema":{},"type":"custom","type":"web_search_20250305"}]"#),
        with(r#""tools":[{"name":"f","input_schema":{},"t\u0079pe":"web_search_20250305"}]"#),
        with(r#""mcp\u005fservers":[]"#),
        with(r#""MCP_servers":[]"#),
        with(r#""tools":[null]"#),
        "[]".to_owned(),
        "null".to_owned(),
    ] {
        let judged = super::judge(body.as_bytes(), Dialect::Messages.request(), &|_| false);
        assert!(matches!(judged, Err(Objection::Forbidden(_))), "{body}: {judged:?}");
    }
}
