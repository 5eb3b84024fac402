//! Where in a request something stands, and what is said of what may not stand there.

use std::fmt;

/// Characters of a name or word that are repeated in an answer.
const SHOWN: usize = 60;

/// A place in a document.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place<'a> {
    /// The document.
    Top,
    /// A member of what is at a place.
    Member(&'a Place<'a>, &'a str),
    /// One of a list at a place.
    Item(&'a Place<'a>, usize),
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Top => f.write_str("the request"),
            Self::Member(Self::Top, name) => write!(f, "{}", shown(name)),
            Self::Member(of, name) => write!(f, "{of}.{}", shown(name)),
            Self::Item(of, at) => write!(f, "{of}[{at}]"),
        }
    }
}

/// Shortens what somebody sent, for one line.
pub(super) fn shown(text: &str) -> String {
    let short: String = text.chars().take(SHOWN).collect();
    let cut = if short.len() < text.len() { "…" } else { "" };
    format!("{}{cut}", short.escape_debug())
}

/// Members and types that name what is stored at an account.
const STORED: [&str; 21] = [
    "approval_request_id",
    "code_interpreter_call",
    "computer_call_output",
    "connector_id",
    "container",
    "container_id",
    "container_upload",
    "conversation",
    "file",
    "file_id",
    "file_ids",
    "file_search_call",
    "image_generation_call",
    "input_file",
    "item_reference",
    "mcp_approval_request",
    "mcp_approval_response",
    "previous_response_id",
    "prompt",
    "vector_store_ids",
    "web_search_call",
];

/// Members by which a model's server would do something else than answer.
const ACTS: [&str; 16] = [
    "authorization",
    "background",
    "context_management",
    "file_url",
    "fallbacks",
    "headers",
    "max_tool_calls",
    "mcp_servers",
    "metadata",
    "require_approval",
    "safety_identifier",
    "server_label",
    "server_url",
    "speed",
    "url",
    "user",
];

/// What the names of tools begin with that the server carries out; some end with a day.
const SERVED: [&str; 6] =
    ["advisor", "code_execution", "mcp_", "tool_search_tool", "web_fetch", "web_search"];

/// Says what is wrong with a member or a type that is not known, and what to do.
pub(super) fn unknown(name: &str) -> &'static str {
    let name = name.to_ascii_lowercase();
    if STORED.contains(&&*name) {
        "it names what is stored at the account: send the content itself"
    } else if ACTS.contains(&&*name) || SERVED.iter().any(|tool| name.starts_with(tool)) {
        "it has the model's server do more than answer: leave it out"
    } else {
        "no agent sends such a thing: leave it out"
    }
}
