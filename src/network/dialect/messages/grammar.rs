//! What a request in this wire format may consist of: what Claude Code sends (the versions in `docs/network.md`) as far as
//! it names nothing that is stored at an account and has the model's server do nothing but answer.

use crate::network::grammar::{Object, Shape, kind};

/// What is asked.
pub(in crate::network) static REQUEST: Shape = Shape::Object(&Object {
    members: &[
        ("context_management", Shape::Object(&MANAGEMENT)),
        ("max_tokens", Shape::Plain),
        ("messages", Shape::List(&Shape::Object(&MESSAGE))),
        ("metadata", Shape::Object(&METADATA)),
        ("model", Shape::Text),
        ("output_config", Shape::Object(&OUTPUT)),
        ("stop_sequences", Shape::List(&Shape::Text)),
        ("stream", Shape::Plain),
        ("system", Shape::TextOr(&Shape::Object(&SYSTEM))),
        ("temperature", Shape::Plain),
        ("thinking", Shape::Object(&THINKING)),
        ("tool_choice", Shape::Object(&CHOICE)),
        ("tools", Shape::List(&Shape::Object(&TOOL))),
    ],
    needs: &["messages"],
    kinds: &[],
});

/// What of the conversation the server is to pass over.
static MANAGEMENT: Object =
    Object { members: &[("edits", Shape::List(&Shape::Object(&EDIT)))], needs: &[], kinds: &[] };

static EDIT: Object = Object {
    members: &[
        ("clear_at_least", Shape::Map(&Shape::Plain)),
        ("clear_tool_inputs", Shape::Anything),
        ("exclude_tools", Shape::List(&Shape::Text)),
        ("keep", Shape::Anything),
        ("trigger", Shape::Map(&Shape::Plain)),
    ],
    needs: &[],
    kinds: &[
        kind("clear_thinking_20251015", &["keep"], &[]),
        kind(
            "clear_tool_uses_20250919",
            &["clear_at_least", "clear_tool_inputs", "exclude_tools", "keep", "trigger"],
            &[],
        ),
    ],
};

static METADATA: Object = Object { members: &[("user_id", Shape::Text)], needs: &[], kinds: &[] };

/// How the answer is to look.
static OUTPUT: Object = Object {
    members: &[("effort", Shape::Text), ("format", Shape::Object(&FORMAT))],
    needs: &[],
    kinds: &[],
};

static FORMAT: Object = Object {
    members: &[("schema", Shape::Schema)],
    needs: &[],
    kinds: &[kind("json_schema", &["schema"], &["schema"])],
};

static THINKING: Object = Object {
    members: &[("budget_tokens", Shape::Plain), ("display", Shape::Text)],
    needs: &[],
    kinds: &[
        kind("adaptive", &["display"], &[]),
        kind("disabled", &[], &[]),
        kind("enabled", &["budget_tokens", "display"], &[]),
    ],
};

static CHOICE: Object = Object {
    members: &[("disable_parallel_tool_use", Shape::Plain), ("name", Shape::Text)],
    needs: &[],
    kinds: &[
        kind("any", &["disable_parallel_tool_use"], &[]),
        kind("auto", &["disable_parallel_tool_use"], &[]),
        kind("none", &[], &[]),
        kind("tool", &["disable_parallel_tool_use", "name"], &["name"]),
    ],
};

const OF_TOOL: &[&str] = &[
    "cache_control",
    "defer_loading",
    "description",
    "eager_input_streaming",
    "input_schema",
    "name",
    "strict",
];

/// A tool that the agent itself carries out: one of no type, or of its own making. All others are the server's.
static TOOL: Object = Object {
    members: &[
        ("cache_control", Shape::Object(&CACHE)),
        ("defer_loading", Shape::Plain),
        ("description", Shape::Text),
        ("eager_input_streaming", Shape::Plain),
        ("input_schema", Shape::Schema),
        ("name", Shape::Text),
        ("strict", Shape::Plain),
    ],
    needs: &[],
    kinds: &[
        kind("", OF_TOOL, &["name", "input_schema"]),
        kind("custom", OF_TOOL, &["name", "input_schema"]),
    ],
};

static CACHE: Object = Object {
    members: &[("ttl", Shape::Word(&["5m", "1h"]))],
    needs: &[],
    kinds: &[kind("ephemeral", &["ttl"], &[])],
};

static SYSTEM: Object = Object {
    members: &[("cache_control", Shape::Object(&CACHE)), ("text", Shape::Text)],
    needs: &[],
    kinds: &[kind("text", &["cache_control", "text"], &["text"])],
};

/// A part of the conversation.
static MESSAGE: Object = Object {
    members: &[
        ("content", Shape::TextOr(&Shape::Object(&BLOCK))),
        ("output_config", Shape::Object(&OUTPUT)),
        ("role", Shape::Word(&["assistant", "system", "user"])),
    ],
    needs: &["content", "role"],
    kinds: &[],
};

/// A part of what was said.
static BLOCK: Object = Object {
    members: &[
        ("cache_control", Shape::Object(&CACHE)),
        ("caller", Shape::Object(&CALLER)),
        // What a server's own tools found; none of them is there.
        ("citations", Shape::Empty),
        ("content", Shape::TextOr(&Shape::Object(&BLOCK))),
        ("context", Shape::Text),
        ("data", Shape::Text),
        ("id", Shape::Text),
        ("input", Shape::Anything),
        ("is_error", Shape::Plain),
        ("name", Shape::Text),
        ("signature", Shape::Text),
        ("source", Shape::Object(&SOURCE)),
        ("text", Shape::Text),
        ("thinking", Shape::Text),
        ("title", Shape::Text),
        ("tool", Shape::Object(&CHANGED)),
        ("tool_name", Shape::Text),
        ("tool_use_id", Shape::Text),
    ],
    needs: &[],
    kinds: &[
        kind("document", &["cache_control", "context", "source", "title"], &["source"]),
        kind("image", &["cache_control", "source"], &["source"]),
        kind("redacted_thinking", &["data"], &["data"]),
        kind("text", &["cache_control", "citations", "text"], &["text"]),
        kind("thinking", &["signature", "thinking"], &["thinking"]),
        kind("tool_addition", &["cache_control", "tool"], &["tool"]),
        kind("tool_reference", &["cache_control", "tool_name"], &["tool_name"]),
        kind("tool_removal", &["cache_control", "tool"], &["tool"]),
        kind("tool_result", &["cache_control", "content", "is_error", "tool_use_id"], &["tool_use_id"]),
        kind("tool_use", &["cache_control", "caller", "id", "input", "name"], &["input", "name"]),
    ],
};

/// Who called a tool: the model, and no program that the server carries out.
static CALLER: Object = Object { members: &[], needs: &[], kinds: &[kind("direct", &[], &[])] };

/// A tool that comes or goes in the middle of a conversation: one of the list, or told in full.
static CHANGED: Object = Object {
    members: &[("definition", Shape::Object(&TOOL)), ("name", Shape::Text)],
    needs: &[],
    kinds: &[
        kind("tool_definition", &["definition"], &["definition"]),
        kind("tool_reference", &["name"], &["name"]),
    ],
};

/// A picture or a document, all of it.
static SOURCE: Object = Object {
    members: &[
        ("data", Shape::Text),
        (
            "media_type",
            Shape::Word(&[
                "application/pdf",
                "image/gif",
                "image/jpeg",
                "image/png",
                "image/webp",
                "text/plain",
            ]),
        ),
    ],
    needs: &[],
    kinds: &[
        kind("base64", &["data", "media_type"], &["data", "media_type"]),
        kind("text", &["data", "media_type"], &["data", "media_type"]),
    ],
};
