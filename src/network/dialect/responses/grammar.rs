//! What a request in this wire format may consist of: what Codex sends (the versions in `docs/codex.md`, and the one after
//! them) as far as it names nothing that is stored at an account and has the model's server do nothing but answer.

use crate::network::grammar::{Kind, Object, Shape, kind};

/// What is asked.
pub(in crate::network) static REQUEST: Shape = Shape::Object(&Object {
    members: &[
        ("client_metadata", Shape::Map(&Shape::Text)),
        ("include", Shape::List(&Shape::Word(&["reasoning.encrypted_content"]))),
        ("input", Shape::TextOr(&Shape::Object(&ITEM))),
        ("instructions", Shape::Text),
        ("model", Shape::Text),
        ("parallel_tool_calls", Shape::Plain),
        ("prompt_cache_key", Shape::Text),
        ("reasoning", Shape::Object(&REASONING)),
        // What costs more than the usual is not for a step to choose.
        ("service_tier", Shape::Word(&["auto", "default", "flex"])),
        // The server keeps the answer unless it is told not to.
        ("store", Shape::Is(false)),
        // What an answer cost is read from its last event.
        ("stream", Shape::Is(true)),
        ("stream_options", Shape::Map(&Shape::Plain)),
        ("text", Shape::Object(&ANSWER)),
        ("tool_choice", Shape::Word(&["auto", "none", "required"])),
        ("tools", Shape::List(&Shape::Object(&TOOL))),
    ],
    needs: &["store", "stream"],
    kinds: &[],
});

static REASONING: Object = Object {
    members: &[("context", Shape::Text), ("effort", Shape::Text), ("summary", Shape::Text)],
    needs: &[],
    kinds: &[],
};

/// How the answer is to look.
static ANSWER: Object = Object {
    members: &[("format", Shape::Object(&FORMAT)), ("verbosity", Shape::Text)],
    needs: &[],
    kinds: &[],
};

static FORMAT: Object = Object {
    members: &[
        ("definition", Shape::Text),
        ("description", Shape::Text),
        ("name", Shape::Text),
        ("schema", Shape::Schema),
        ("strict", Shape::Plain),
        ("syntax", Shape::Text),
    ],
    needs: &[],
    kinds: &[
        kind("grammar", &["definition", "syntax"], &[]),
        kind("json_object", &[], &[]),
        kind("json_schema", &["description", "name", "schema", "strict"], &[]),
        kind("text", &[], &[]),
    ],
};

/// A tool that the agent itself carries out. All others are the server's.
static TOOL: Object = Object {
    members: &[
        ("defer_loading", Shape::Plain),
        ("description", Shape::Text),
        ("execution", CLIENT),
        ("format", Shape::Object(&FORMAT)),
        ("name", Shape::Text),
        ("output_schema", Shape::Schema),
        ("parameters", Shape::Schema),
        ("strict", Shape::Plain),
        ("tools", Shape::List(&Shape::Object(&TOOL))),
    ],
    needs: &[],
    kinds: &[
        kind("custom", &["defer_loading", "description", "format", "name"], &[]),
        kind(
            "function",
            &["defer_loading", "description", "name", "output_schema", "parameters", "strict"],
            &[],
        ),
        kind("local_shell", &[], &[]),
        kind("namespace", &["description", "name", "tools"], &[]),
        kind("tool_search", &["description", "execution", "parameters"], &["execution"]),
    ],
};

/// Who carries something out: the server does where nothing is said.
const CLIENT: Shape = Shape::Word(&["client"]);

/// A part of the conversation.
static ITEM: Object = Object {
    members: &[
        ("action", Shape::Object(&ACTION)),
        ("arguments", Shape::Anything),
        ("author", Shape::Text),
        ("call_id", Shape::Text),
        ("content", Shape::TextOr(&Shape::Object(&PART))),
        ("encrypted_content", Shape::Text),
        ("encrypted_function_args", Shape::Text),
        ("execution", CLIENT),
        ("id", Shape::Text),
        ("input", Shape::Text),
        ("name", Shape::Text),
        ("namespace", Shape::Text),
        ("output", Shape::TextOr(&Shape::Object(&PART))),
        ("phase", Shape::Text),
        ("recipient", Shape::Text),
        ("role", Shape::Text),
        ("status", Shape::Text),
        ("summary", Shape::List(&Shape::Object(&PART))),
        ("tools", Shape::List(&Shape::Object(&TOOL))),
    ],
    needs: &[],
    kinds: &[
        kind("additional_tools", &["id", "role", "tools"], &["tools"]),
        kind("agent_message", &["author", "content", "id", "recipient"], &["content"]),
        kind("compaction", &["encrypted_content", "id"], &["encrypted_content"]),
        kind("compaction_summary", &["encrypted_content", "id"], &["encrypted_content"]),
        kind("compaction_trigger", &[], &[]),
        kind("context_compaction", &["encrypted_content", "id"], &["encrypted_content"]),
        kind(
            "custom_tool_call",
            &["call_id", "id", "input", "name", "namespace", "status"],
            &["call_id", "input"],
        ),
        kind(
            "custom_tool_call_output",
            &["call_id", "id", "name", "output", "status"],
            &["call_id", "output"],
        ),
        kind(
            "function_call",
            &["arguments", "call_id", "encrypted_function_args", "id", "name", "namespace", "status"],
            &["call_id", "arguments"],
        ),
        kind("function_call_output", &["call_id", "id", "name", "output", "status"], &["call_id", "output"]),
        kind("local_shell_call", &["action", "call_id", "id", "status"], &["action"]),
        kind("message", &["content", "id", "phase", "role", "status"], &["content"]),
        Kind {
            name: "reasoning",
            members: &["content", "encrypted_content", "id", "status", "summary"],
            needs: &[],
            own: Some("encrypted_content"),
        },
        kind("tool_search_call", &["arguments", "call_id", "execution", "id", "status"], &["execution"]),
        kind(
            "tool_search_output",
            &["call_id", "execution", "id", "status", "tools"],
            &["execution", "tools"],
        ),
    ],
};

/// A command that an older model asks for.
static ACTION: Object = Object {
    members: &[
        ("command", Shape::List(&Shape::Text)),
        ("env", Shape::Map(&Shape::Text)),
        ("timeout_ms", Shape::Plain),
        ("user", Shape::Text),
        ("working_directory", Shape::Text),
    ],
    needs: &[],
    kinds: &[kind("exec", &["command", "env", "timeout_ms", "user", "working_directory"], &[])],
};

/// A part of what was said.
static PART: Object = Object {
    members: &[
        // What a server's own tools found, by its name at the account; none of them is there.
        ("annotations", Shape::Empty),
        ("detail", Shape::Text),
        ("encrypted_content", Shape::Text),
        ("image_url", Shape::Picture),
        ("logprobs", Shape::Empty),
        ("text", Shape::Text),
    ],
    needs: &[],
    kinds: &[
        kind("encrypted_content", &["encrypted_content"], &["encrypted_content"]),
        kind("input_image", &["detail", "image_url"], &["image_url"]),
        kind("input_text", &["text"], &["text"]),
        kind("output_text", &["annotations", "logprobs", "text"], &["text"]),
        kind("reasoning_text", &["text"], &["text"]),
        kind("summary_text", &["text"], &["text"]),
        kind("text", &["text"], &["text"]),
    ],
};
