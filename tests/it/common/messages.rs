//! The stub model's answers in the form of the Messages API: what was written for the other form is told anew.

use std::net::TcpStream;

use serde_json::{Value, json};

use super::model::{Reply, respond, respond_with};

pub(super) fn answer(stream: TcpStream, reply: &Reply) {
    let events = match reply {
        Reply::Silence | Reply::Begins => return,
        Reply::Status(status, body) => {
            return respond(stream, *status, "application/json", &body.to_string());
        }
        Reply::Head(status, header, body) => {
            return respond_with(stream, *status, "application/json", header, &body.to_string());
        }
        Reply::Fails(code, message) => {
            // What one calls `rate_limit_exceeded` the other calls `rate_limit_error`.
            let kind = code.replace("_exceeded", "_error");
            vec![json!({"type": "error", "error": {"type": kind, "message": message}})]
        }
        Reply::Items(items, tokens) => turn(items, *tokens),
    };
    let text: String = events
        .iter()
        .map(|event| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap()))
        .collect();
    respond(stream, 200, "text/event-stream", &text);
}

/// Tells a whole answer, with what it used if it counts.
fn turn(items: &[Value], tokens: Option<(u64, u64)>) -> Vec<Value> {
    let mut message = json!({"id": "m", "type": "message", "role": "assistant", "model": "m", "content": [],
        "stop_reason": null, "stop_sequence": null});
    if let Some((input, _)) = tokens {
        message["usage"] = json!({"input_tokens": input, "output_tokens": 1});
    }
    let mut events = vec![json!({"type": "message_start", "message": message})];
    let mut calls = false;
    for (index, item) in items.iter().enumerate() {
        let (block, delta) = block(index, item);
        calls |= block["type"] == "tool_use";
        events.push(json!({"type": "content_block_start", "index": index, "content_block": block}));
        events.push(json!({"type": "content_block_delta", "index": index, "delta": delta}));
        events.push(json!({"type": "content_block_stop", "index": index}));
    }
    let stop = if calls { "tool_use" } else { "end_turn" };
    let mut end = json!({"type": "message_delta", "delta": {"stop_reason": stop, "stop_sequence": null}});
    if let Some((_, output)) = tokens {
        end["usage"] = json!({ "output_tokens": output });
    }
    events.extend([end, json!({"type": "message_stop"})]);
    events
}

/// Tells an item as the beginning of a block and all that follows in it.
fn block(index: usize, item: &Value) -> (Value, Value) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let call = |name: &str, input: Value| {
        let block = json!({"type": "tool_use", "id": format!("toolu_{index}"), "name": name, "input": {}});
        (block, json!({"type": "input_json_delta", "partial_json": input.to_string()}))
    };
    match (text(&item["type"]).as_str(), &item["namespace"]) {
        ("message", _) => {
            let said = text(&item["content"][0]["text"]);
            (json!({"type": "text", "text": ""}), json!({"type": "text_delta", "text": said}))
        }
        ("function_call", Value::String(server)) => {
            call(&format!("mcp__{server}__{}", text(&item["name"])), json!({}))
        }
        ("function_call", _) if item["reads"].is_string() => {
            call("Read", json!({"file_path": format!("/work/tree/{}", text(&item["reads"]))}))
        }
        ("function_call", _) => {
            let arguments: Value = serde_json::from_str(&text(&item["arguments"])).unwrap();
            call("Bash", json!({"command": arguments["cmd"]}))
        }
        _ => {
            // A patch that adds one file of one line.
            let patch = text(&item["input"]);
            let path = patch.lines().find_map(|line| line.strip_prefix("*** Add File: ")).unwrap();
            let line = patch.lines().find_map(|line| line.strip_prefix('+')).unwrap();
            call("Write", json!({"file_path": format!("/work/tree/{path}"), "content": format!("{line}\n")}))
        }
    }
}
