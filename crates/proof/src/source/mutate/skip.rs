//! Takes a node, tells whether nothing of it is a value that a test could notice: comments, types, imports, tests, words for a log.

use tree_sitter::Node;

use super::machine;
use crate::source::tree::{attributes, named, text};
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
const TOLD: [&str; 24] = [
    "TypeVar",
    "ParamSpec",
    "TypeVarTuple",
    "NewType",
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
    let is_of_none = KINDS.contains(&node.kind())
        || code::is_documentation(node)
        || machine::is_asked_for(node, source)
        || is_about_the_file(node, source);
    if is_of_none || (language == Language::Python && is_never_run(node, source)) {
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

/// What a file says of itself: `__all__`, `__author__`, its version.
fn is_about_the_file(node: Node<'_>, source: &str) -> bool {
    let fields = match node.kind() {
        "assignment" => ("left", "right"),
        "const_item" | "static_item" | "variable_declarator" => ("name", "value"),
        _ => return false,
    };
    let field = |name| node.child_by_field_name(name).map_or("", |own| text(own, source));
    let (name, value) = (field(fields.0), field(fields.1));
    let is_own = name.len() > 4 && name.starts_with("__") && name.ends_with("__");
    let bare = value.trim_matches(['"', '\'']);
    let is_version =
        bare.len() < value.len() && bare.starts_with(|c: char| c.is_ascii_digit()) && bare.contains('.');
    is_own || name == "TYPE_CHECKING" || is_version && name.to_ascii_lowercase().contains("version")
}

/// What Python never runs, or not in tests: stubs for checkers of types, `__main__`, what stands in for a missing module.
fn is_never_run(node: Node<'_>, source: &str) -> bool {
    match node.kind() {
        "if_statement" if node.child_by_field_name("alternative").is_none() => {
            let condition = node.child_by_field_name("condition").map_or("", |own| text(own, source));
            matches!(condition, "TYPE_CHECKING" | "typing.TYPE_CHECKING")
                || condition.starts_with("__name__ ==")
        }
        "identifier" | "attribute" => {
            matches!(text(node, source), "TYPE_CHECKING" | "typing.TYPE_CHECKING")
        }
        "except_clause" => {
            let own = text(node, source).trim_start_matches("except").trim_start_matches([' ', '(']);
            own.starts_with("ImportError") || own.starts_with("ModuleNotFoundError")
        }
        "decorated_definition" => {
            let decorators = named(node).into_iter().filter(|own| own.kind() == "decorator");
            let is_stub = decorators.into_iter().any(|own| {
                let last = text(own, source).rsplit(['.', '@']).next().unwrap_or_default().trim();
                matches!(last, "overload" | "abstractmethod")
            });
            is_stub && node.child_by_field_name("definition").is_some_and(|own| is_empty(own, source))
        }
        _ => false,
    }
}

fn is_empty(function: Node<'_>, source: &str) -> bool {
    let body = function.child_by_field_name("body").map(named).unwrap_or_default();
    body.into_iter().all(|own| {
        code::is_documentation(own)
            || matches!(text(own, source), "..." | "pass")
            || text(own, source).starts_with("raise NotImplementedError")
    })
}
