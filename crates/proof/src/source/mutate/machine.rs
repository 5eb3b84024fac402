//! Takes a node, tells whether it depends on the machine alone, or only it notices: on which system and version the code runs, how
//! long something waits, how much room is made. No test on one machine tells.

use tree_sitter::Node;

use crate::source::tree::text;

/// What asks for the system, or for the version of what runs the code.
const ASKS: [&str; 16] = [
    "sys.version_info",
    "sys.platform",
    "sys.implementation",
    "os.name",
    "platform.system(",
    "platform.python_",
    "six.PY2",
    "six.PY3",
    "process.platform",
    "process.version",
    "runtime.GOOS",
    "runtime.GOARCH",
    "runtime.Version(",
    "cfg!(",
    "env::consts::",
    "os.platform()",
];

/// Calls whose numbers are a time to wait, or room.
const CALLS: [&str; 9] = [
    "with_capacity",
    "reserve",
    "sleep",
    "sleep_ms",
    "Sleep",
    "setTimeout",
    "setInterval",
    "lru_cache",
    "warn",
];
/// The same by an argument's name.
const NAMES: [&str; 8] =
    ["timeout", "maxsize", "buffering", "bufsize", "chunk_size", "stacklevel", "max_workers", "capacity"];

/// Longer than a question for the machine alone is.
const LONGEST: usize = 100;

/// Tells whether a condition asks for nothing but the machine.
pub(super) fn is_asked_for(node: Node<'_>, source: &str) -> bool {
    let kind = node.kind();
    let is_condition = ["binary", "comparison", "parenthesized", "call", "macro", "not_operator", "unary"]
        .iter()
        .any(|word| kind.contains(word));
    let own = text(node, source);
    if !is_condition
        || own.len() > LONGEST
        || [" and ", " or ", "&&", "||", "=>", "lambda"].iter().any(|word| own.contains(word))
    {
        return false;
    }
    let bare = own.trim_start_matches(['(', '!', ' ']);
    let bare = bare.strip_prefix("not ").unwrap_or(bare);
    let is_call = kind.contains("call") || kind.contains("macro");
    ASKS.iter().any(|word| if is_call { bare.starts_with(word) } else { bare.contains(word) })
}

/// Tells whether a number is handed to what only waits, or makes room. `above`: the nodes above it.
pub(super) fn is_given_to(above: &[Node<'_>], source: &str) -> bool {
    let mut above = above.iter().rev().filter(|own| !own.kind().contains("unary"));
    let Some(mut parent) = above.next() else { return false };
    if parent.kind() == "keyword_argument" {
        let name = parent.child_by_field_name("name").map(|name| text(name, source));
        if name.is_some_and(|name| NAMES.contains(&name)) {
            return true;
        }
        let Some(next) = above.next() else { return false };
        parent = next;
    }
    if !matches!(parent.kind(), "arguments" | "argument_list") {
        return false;
    }
    let call = above.next().map_or("", |call| text(*call, source));
    let name = call.split('(').next().unwrap_or_default().trim();
    let last = name.rsplit(['.', ':']).next().unwrap_or_default();
    CALLS.contains(&last)
}
