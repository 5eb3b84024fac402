//! What is passed on, what is not, and that nothing is hidden by how it is written.

use serde_json::{Value, json};

use super::Objection;
use crate::network::dialect::Dialect;

fn judge(body: &[u8], given: &dyn Fn(&str) -> bool) -> Result<(), Objection> {
    super::judge(body, Dialect::Responses.request(), given)
}

/// Judges where the server gave nothing.
fn judged(request: &Value) -> Result<(), Objection> {
    judge(request.to_string().as_bytes(), &|_| false)
}

/// What Codex sends, in short: every member and every type that its versions were seen to send.
fn of_codex() -> Value {
    let function = json!({"type": "function", "name": "f", "description": "d", "strict": false,
        "parameters": {"type": "object", "properties": {"image_url": {"type": "string"}, "file_id": {"$ref": "#/$defs/x"},
            "$ref": {"type": "string"}}, "$defs": {"x": true}, "required": ["file_id"], "minimum": 0.5}});
    let search = json!({"type": "tool_search", "execution": "client", "description": "d", "parameters": {}});
    let custom = json!({"type": "custom", "name": "apply_patch", "description": "d",
        "format": {"type": "grammar", "syntax": "lark", "definition": "start: x"}});
    let picture = json!({"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "high"});
    json!({
        "model": "m",
        "instructions": "read https://example.org, file_id: x",
        "input": [
            {"type": "additional_tools", "id": "at_1", "role": "developer",
                "tools": [{"type": "namespace", "name": "n", "description": "d", "tools": [function]}]},
            {"type": "message", "id": "msg_1", "role": "user", "content": [{"type": "input_text", "text": "background: true"}]},
            {"role": "assistant", "phase": "commentary", "status": "completed", "id": "msg_2",
                "content": [{"text": "t", "annotations": [], "logprobs": [], "type": "output_text"}], "type": "message"},
            {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "t"}],
                "content": [{"type": "reasoning_text", "text": "t"}], "encrypted_content": "AAAA"},
            {"type": "reasoning", "summary": [], "content": null, "encrypted_content": null},
            {"type": "function_call", "status": "completed", "id": "fc_1", "call_id": "c", "name": "f", "namespace": "n",
                "arguments": "{\"image_url\": \"https://x\", \"file_id\": \"x\"}"},
            {"type": "function_call_output", "id": "fco_1", "call_id": "c", "output": [picture, {"type": "input_text", "text": ""}]},
            {"type": "function_call_output", "call_id": "c", "output": ""},
            {"type": "custom_tool_call", "id": "ctc_1", "status": "completed", "call_id": "c", "name": "apply_patch", "input": "p"},
            {"type": "custom_tool_call_output", "id": "ctco_1", "call_id": "c", "output": "seen"},
            {"type": "tool_search_call", "id": "tsc_1", "call_id": "c", "status": "completed", "execution": "client",
                "arguments": {"query": "x", "file_id": "not for the server"}},
            {"type": "tool_search_output", "id": "tso_1", "call_id": "c", "status": "completed", "execution": "client",
                "tools": [function]},
            {"type": "local_shell_call", "call_id": "c", "status": "completed",
                "action": {"type": "exec", "command": ["ls"], "timeout_ms": 5, "env": {"file_id": "x"}, "user": null}},
            {"type": "agent_message", "author": "/root", "recipient": "/root/a", "content": [{"type": "input_text", "text": "t"}]},
            {"type": "compaction", "id": "cmp_1", "encrypted_content": "AAAA"},
            {"type": "compaction_trigger"},
        ],
        "tools": [function, custom, search],
        "tool_choice": "auto",
        "parallel_tool_calls": true,
        "reasoning": {"effort": "medium", "summary": "auto", "context": "all_turns"},
        "store": false,
        "stream": true,
        "include": ["reasoning.encrypted_content"],
        "prompt_cache_key": "k",
        "text": {"verbosity": "low", "format": {"type": "json_schema", "name": "n", "strict": true, "schema": {}}},
        "client_metadata": {"x-codex-window-id": "w:0", "turn_id": "t"},
    })
}

#[test]
fn what_an_agent_asks_is_passed_on() {
    assert_eq!(judged(&of_codex()), Ok(()));
    let small = json!({"store": false, "stream": true, "tools": null, "input": "hello", "reasoning": null});
    assert_eq!(judged(&small), Ok(()));
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table")]
fn whatever_an_agent_does_not_send_is_named_with_its_place_and_not_passed_on() {
    let item = |item: Value| json!([item]);
    let part = |part: Value| json!([{"type": "message", "role": "user", "content": [part]}]);
    let image = |url: Value| part(json!({"type": "input_image", "image_url": url}));
    let schema = |schema: Value| json!([{"type": "function", "name": "f", "parameters": schema}]);
    let long = "x".repeat(10_000);
    for (field, value, named) in [
        // What the server carries out.
        ("tools", json!([{"type": "mcp", "server_url": "https://example.org"}]), "`tools[0].type` is `mcp`"),
        ("tools", json!([{"server_url": "https://x", "type": "mcp"}]), "`tools[0].server_url`: it has"),
        (
            "tools",
            json!([{"type": "web_search", "external_web_access": false}]),
            "`tools[0].type` is `web_search`",
        ),
        ("tools", json!([{"type": "file_search", "vector_store_ids": ["vs"]}]), "`file_search`"),
        ("tools", json!([{"type": "code_interpreter", "container": "cntr"}]), "`code_interpreter`"),
        ("tools", json!([{"type": "image_generation"}]), "`image_generation`"),
        ("tools", json!([{"type": "namespace", "tools": [{"type": "mcp"}]}]), "`tools[0].tools[0].type`"),
        ("tools", json!([{"name": "f"}]), "`tools[0]` lacks `type`"),
        ("tools", json!([{"type": null}]), "tools[0].type"),
        ("tools", json!([{"type": "tool_search", "description": "d"}]), "lacks `execution`"),
        (
            "tools",
            json!([{"type": "tool_search", "execution": "server"}]),
            "`tools[0].execution` is `server`",
        ),
        ("tools", json!([{"type": "tool_search", "execution": null}]), "`tools[0].execution` is `null`"),
        ("tools", json!([{"type": "local_shell", "name": "f"}]), "`tools[0]` has `name`"),
        ("tools", json!({"type": "mcp"}), "`tools` is an object: it has to be a list"),
        ("tools", schema(json!({"$ref": "https://example.org/?stolen"})), "`tools[0].parameters.$ref`"),
        ("tools", schema(json!({"a": [{"$dynamicRef": "file:///etc"}]})), "parameters.a[0].$dynamicRef"),
        (
            "input",
            item(json!({"type": "tool_search_output", "execution": "client", "tools": [{"type": "shell"}]})),
            "`shell`",
        ),
        ("input", item(json!({"type": "tool_search_call", "execution": "server"})), "input[0].execution"),
        ("tool_choice", json!({"type": "mcp", "server_label": "s"}), "`tool_choice` is an object"),
        ("tool_choice", json!("file_search"), "`tool_choice` is `file_search`"),
        // What it fetches.
        (
            "input",
            image(json!("https://example.org/?stolen")),
            "`input[0].content[0].image_url` is an address",
        ),
        ("input", image(json!("HTTP://example.org")), "an address"),
        ("input", image(json!(" https://example.org")), "an address"),
        ("input", image(json!("data:image/svg+xml;base64,AAAA")), "an address"),
        ("input", image(json!("data:text/html;base64,AAAA")), "an address"),
        ("input", image(json!("data:image/png,x;base64,")), "an address"),
        (
            "input",
            image(json!({"url": "https://example.org"})),
            "`input[0].content[0].image_url` is an object",
        ),
        ("input", part(json!({"type": "input_file", "file_url": "https://x"})), "`input_file`"),
        ("input", part(json!({"file_url": "https://x", "type": "input_file"})), "file_url`"),
        // What is stored at the account.
        (
            "input",
            part(json!({"type": "input_image", "file_id": "file-1"})),
            "`input[0].content[0].file_id`: it names",
        ),
        (
            "input",
            part(json!({"type": "input_image", "image_url": "data:image/png;base64,", "file_id": "f"})),
            "file_id`",
        ),
        (
            "input",
            part(json!({"type": "input_image", "detail": "high"})),
            "`input[0].content[0]` lacks `image_url`",
        ),
        (
            "input",
            part(json!({"type": "input_file", "file_id": "file-1"})),
            "`input[0].content[0].type` is `input_file`",
        ),
        (
            "input",
            part(
                json!({"type": "output_text", "text": "t", "annotations": [{"type": "file_citation", "file_id": "f"}]}),
            ),
            "annotations` is a list with something in it",
        ),
        (
            "input",
            item(
                json!({"type": "function_call_output", "call_id": "c", "output": [{"type": "input_image", "file_id": "f"}]}),
            ),
            "`input[0].output[0].file_id`",
        ),
        (
            "input",
            item(json!({"type": "item_reference", "id": "msg_1"})),
            "`input[0].type` is `item_reference`: it names what is stored",
        ),
        ("input", item(json!({"id": "msg_1"})), "`input[0]` lacks `type`"),
        ("input", item(json!({"id": "msg_1", "type": null})), "input[0].type"),
        ("input", item(json!({"id": "msg_1", "type": "message"})), "`input[0]` lacks `content`"),
        (
            "input",
            item(json!({"id": "msg_1", "type": "message", "content": null})),
            "`input[0]` lacks `content`",
        ),
        (
            "input",
            item(json!({"type": "mcp_approval_response", "approval_request_id": "a", "approve": true})),
            "`mcp_approval_response`",
        ),
        (
            "input",
            item(json!({"approval_request_id": "a", "approve": true})),
            "approval_request_id`: it names",
        ),
        ("input", item(json!({"type": "image_generation_call", "id": "ig_1"})), "`image_generation_call`"),
        (
            "input",
            item(json!({"type": "computer_call_output", "output": {"file_id": "f"}})),
            "`computer_call_output`",
        ),
        (
            "input",
            item(json!({"type": "reasoning", "id": "rs_1", "summary": []})),
            "has `id` without `encrypted_content`",
        ),
        (
            "input",
            item(json!({"encrypted_content": null, "id": "rs_1", "type": "reasoning"})),
            "has `id` without",
        ),
        ("input", item(json!({"type": "compaction", "id": "cmp_1"})), "lacks `encrypted_content`"),
        (
            "input",
            item(json!({"type": "message", "content": "", "IMAGE_URL": "https://x"})),
            "input[0].IMAGE_URL`",
        ),
        ("input", json!([[{"type": "item_reference", "id": "x"}]]), "`input[0]` is a list"),
        ("input", json!({"type": "item_reference"}), "`input` is an object"),
        ("previous_response_id", json!("resp_1"), "`previous_response_id`: it names what is stored"),
        ("previous_response_id", json!(null), "`previous_response_id`"),
        ("conversation", json!("c"), "`conversation`: it names"),
        ("prompt", json!({"id": "p"}), "`prompt`: it names"),
        ("background", json!(true), "`background`: it has the model's server do more"),
        ("metadata", json!({}), "`metadata`"),
        ("safety_identifier", json!("s"), "`safety_identifier`"),
        ("user", json!("u"), "`user`"),
        ("prompt_cache_retention", json!("24h"), "`prompt_cache_retention`: no agent sends such a thing"),
        ("include", json!(["file_search_call.results"]), "`include[0]` is `file_search_call.results`"),
        ("service_tier", json!("priority"), "`service_tier` is `priority`"),
        ("service_tier", json!(null), "`service_tier` is `null`"),
        ("client_metadata", json!({"a": {"file_id": "f"}}), "`client_metadata.a` is an object"),
        ("reasoning", json!({"previous": "r"}), "`reasoning.previous`"),
        (
            "text",
            json!({"format": {"type": "json_schema", "schema": {"$ref": "x.json"}}}),
            "`text.format.schema.$ref`",
        ),
        ("store", json!(true), "`store` is `true`: it has to be `false`"),
        ("store", json!(null), "`store` is `null`"),
        ("store", json!(0), "`store` is a number"),
        ("stream", json!(false), "`stream` is `false`: it has to be `true`"),
        ("model", json!({"id": "m"}), "`model` is an object"),
        ("in\nput", json!("x"), "`in\\nput`"),
        (&long, json!("x"), "xxx…`: no agent sends such a thing"),
    ] {
        let mut request = of_codex();
        request[field] = value;
        let judged = judged(&request);
        let Err(Objection::Forbidden(why)) = &judged else { panic!("{named}: {request}: {judged:?}") };
        assert!(why.contains(named) && why.len() < 1000, "{named}: {why}");
    }
}

#[test]
fn what_has_to_be_there_is() {
    for (needed, value) in [("store", json!(false)), ("stream", json!(true))] {
        let mut request = json!({"store": false, "stream": true});
        assert_eq!(judged(&request), Ok(()));
        request.as_object_mut().unwrap().remove(needed);
        let why = judged(&request).unwrap_err().to_string();
        assert!(why.contains(&format!("`the request` lacks `{needed}`")), "{value}: {why}");
    }
}

#[test]
fn reasoning_that_the_server_gave_in_this_command_may_be_named() {
    let reasoning = |id: &str| {
        let input = json!([{"type": "reasoning", "id": id, "summary": [], "content": null, "encrypted_content": null}]);
        json!({"store": false, "stream": true, "input": input}).to_string()
    };
    let given = |id: &str| id == "rs_given";
    assert_eq!(judge(reasoning("rs_given").as_bytes(), &given), Ok(()));
    let other = judge(reasoning("rs_other").as_bytes(), &given);
    assert!(matches!(other, Err(Objection::Forbidden(_))), "{other:?}");
}

#[test]
fn nothing_is_hidden_by_how_it_is_written() {
    let with = |rest: &str| format!(r#"{{"store":false,"stream":true,{rest}}}"#);
    for body in [
        with(r#""tools":[{"type":"mcp"}],"tools":[]"#),
        with(r#""tools":[],"tools":[]"#),
        with(r#""tools":[{"type":"mcp","type":"function"}]"#),
        with(r#""tools":[{"type":"function","type":"mcp"}]"#),
        with(r#""tools":[{"type":"function","type":"function"}]"#),
        with(r#""store":true"#),
        with(r#""store":false"#),
        with(r#""t\u006fols":[{"type":"mcp"}]"#),
        with(r#""tools":[{"t\u0079pe":"mcp"}]"#),
        with(r#""Tools":[{"Type":"mcp"}]"#),
        with(r#""tool\u017f":[{"type":"mcp"}]"#),
        with(
            r#""input":[{"type":"message","content":[{"type":"input_image","file\u005fid":"x","image_url":"data:image/png;base64,"}]}]"#,
        ),
        with(
            r#""input":[{"type":"message","content":[{"type":"input_image","File_Id":"x","image_url":"data:image/png;base64,"}]}]"#,
        ),
        with(r#""input":[{"type":"message","content":[],"content":[{"type":"input_file","file_id":"x"}]}]"#),
        with(r#""input":[{"type":"message","content":[],"conten\u0074":[]}]"#),
        with(
            r#""input":[{"type":"reasoning","id":"rs_1","encrypted_content":"x","encrypted_content":null}]"#,
        ),
        with(r#""input":[{"type":"\u0069tem_reference","id":"msg_1"}]"#),
        with(r#""input":[{"type":"message\u0000","content":[],"id":"x"}]"#),
        with(r#""tools":[{"type":"function","parameters":{"\u0024ref":"https://example.org"}}]"#),
        with(r#""previous_response_id":"x""#),
        r#"{"input":"it would be kept"}"#.to_owned(),
        with(r#""input":[null]"#),
        with(r#""tools":[null]"#),
        "[]".to_owned(),
        "null".to_owned(),
        "\"text\"".to_owned(),
    ] {
        let judged = judge(body.as_bytes(), &|_| false);
        assert!(matches!(judged, Err(Objection::Forbidden(_))), "{body}: {judged:?}");
    }
}

#[test]
fn what_readers_may_take_for_something_else_is_unreadable() {
    let deep = format!(r#"{{"tools":{}"#, r#"[{"type":"namespace","tools":"#.repeat(100_000));
    let deep_schema = format!(
        r#"{{"tools":[{{"type":"function","parameters":{}1{}}}]}}"#,
        "[".repeat(1000),
        "]".repeat(1000)
    );
    let utf16: Vec<u8> =
        r#"{"store":false,"stream":true}"#.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for body in [
        &b""[..],
        b"model=m",
        br#"{"store":false,"stream":true} {"store":true}"#,
        b"\xef\xbb\xbf{\"store\":false,\"stream\":true}",
        b"{\"store\":false,\"stream\":true,\"client_metadata\":{\"a\":\"\xff\"}}",
        b"{\"store\":false,\"stream\":true,\"tools\":[{\"type\":\"function\",\"parameters\":{\"a\":\"\xc0\xa2\"}}]}",
        b"{\"store\":false,\"stream\":true,\"input\":\"\x00\"}",
        b"{\"store\":false,\"stream\":true,}",
        b"{\"store\":false,\"stream\":true,/**/\"input\":\"\"}",
        b"{\"store\":false,\"stream\":true,\"input\":\"\\ud800\"}",
        b"{'store':false,\"stream\":true}",
        b"{\"store\":False,\"stream\":true}",
        &utf16,
        deep.as_bytes(),
        deep_schema.as_bytes(),
    ] {
        let judged = judge(body, &|_| false);
        let shown = String::from_utf8_lossy(&body[..body.len().min(100)]).into_owned();
        assert!(matches!(judged, Err(Objection::Unreadable(_))), "{shown}: {judged:?}");
    }
}
