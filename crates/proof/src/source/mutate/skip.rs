//! Takes a node, tells whether nothing of it is a value that a test could notice: comments, types, imports, tests, words for a log.

use tree_sitter::Node;

use crate::source::tree::{attributes, text};
use crate::source::{Language, code, weld};

/// Kinds of nodes that no test notices, whatever the language.
const KINDS: [&str; 31] = [
    "attribute_item",
    "inner_attribute_item",
    "comment",
    "line_comment",
    "block_comment",
    "decorator",
    "annotation",
    "marker_annotation",
    "use_declaration",
    "extern_crate_declaration",
    "import_statement",
    "import_from_statement",
    "future_import_statement",
    "import_declaration",
    "package_clause",
    "package_declaration",
    "type",
    "type_annotation",
    "type_arguments",
    "type_parameters",
    "type_item",
    "type_alias_declaration",
    "interface_declaration",
    "generic_type",
    "array_type",
    "reference_type",
    "visibility_modifier",
    "where_clause",
    "lifetime",
    "label",
    "ERROR",
];

/// Calls whose words nobody tests, by how they begin.
const TOLD: [&str; 20] = [
    "print!",
    "println!",
    "eprint!",
    "eprintln!",
    "debug!",
    "trace!",
    "info!",
    "warn!",
    "error!",
    "log!",
    "print",
    "console.",
    "logging.",
    "logger.",
    "log.",
    "warnings.warn",
    "fmt.Print",
    "slog.",
    "System.out.",
    "System.err.",
];

/// Macros of Rust's that are for tests, or say what cannot happen.
const ASSERTING: [&str; 7] =
    ["assert!", "assert_eq!", "assert_ne!", "debug_assert!", "debug_assert_eq!", "unreachable!", "todo!"];

/// Tells whether nothing of a node is changed.
pub(super) fn is_none_of_it(language: Language, node: Node<'_>, source: &str) -> bool {
    if KINDS.contains(&node.kind()) || code::is_documentation(node) {
        return true;
    }
    match node.kind() {
        "macro_invocation" | "call" | "call_expression" | "method_invocation" => {
            let own = text(node, source).trim_start();
            let name = own
                .split(['(', '[', '{'])
                .next()
                .unwrap_or_default()
                .trim()
                .rsplit("::")
                .next()
                .unwrap_or_default();
            let begins = |word: &&str| {
                if word.ends_with('.') {
                    name.starts_with(*word)
                } else {
                    name == *word || (word.contains('.') && name.starts_with(*word))
                }
            };
            TOLD.iter().any(begins) || ASSERTING.contains(&name)
        }
        "function_item" | "mod_item" | "impl_item" | "const_item" | "static_item" | "struct_item"
            if language == Language::Rust =>
        {
            attributes(node, source).into_iter().any(weld::is_for_tests)
        }
        _ => false,
    }
}
