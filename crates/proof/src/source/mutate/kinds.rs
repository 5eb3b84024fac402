//! Takes a node, gives how its value is changed: one that a test of it has to notice.

use std::ops::Range;

use tree_sitter::Node;

use super::{edge, machine};
use crate::source::Language;
use crate::source::code::is_documentation;
use crate::source::tree::{named, text};

/// How much a change is worth trying: values and conditions first, texts last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// A number, a truth, what may be there or not.
    Value,
    /// What a function does, all of it.
    Body,
    /// How values are compared or joined.
    Operator,
    /// A text.
    Text,
}

/// One change.
#[derive(Debug, Clone)]
pub(super) struct Edit {
    pub(super) range: Range<usize>,
    pub(super) new: String,
    /// What was done, where "this became that" does not say it.
    pub(super) what: Option<String>,
    /// It moves the edge of a condition.
    pub(super) is_edge: bool,
}

/// Gives the changes of a node itself, not of what is in it.
pub(super) fn of(language: Language, node: Node<'_>, above: &[Node<'_>], source: &str) -> Vec<(Rank, Edit)> {
    let mut edits = value(language, node, above, source);
    edits.extend(negated(language, node, above, source));
    edits
}

fn value(language: Language, node: Node<'_>, above: &[Node<'_>], source: &str) -> Vec<(Rank, Edit)> {
    let own = text(node, source);
    let is_edge = edge::is_one(node, above);
    let edit = |new: String| Edit { range: node.byte_range(), new, what: None, is_edge };
    match node.kind() {
        // The field of a tuple.
        "integer_literal" if above.last().is_some_and(|parent| parent.kind() == "field_expression") => {
            Vec::new()
        }
        kind if (is_number(kind) || NOTHING.contains(&kind)) && machine::is_given_to(above, source) => {
            Vec::new()
        }
        kind if is_number(kind) => plus_one(own).map(|new| (Rank::Value, edit(new))).into_iter().collect(),
        "boolean_literal" | "true" | "false" | "True" | "False" => {
            flipped(own).map(|new| (Rank::Value, edit(new))).into_iter().collect()
        }
        "identifier" if language == Language::Rust && own == "None" && !is_pattern(above) => {
            vec![(Rank::Value, edit("Some(Default::default())".to_owned()))]
        }
        kind if NOTHING.contains(&kind) => vec![(Rank::Value, edit(something(language).to_owned()))],
        "call_expression" if language == Language::Rust && own.starts_with("Some(") && !is_pattern(above) => {
            vec![(Rank::Value, edit("None".to_owned()))]
        }
        "string_literal"
        | "string"
        | "interpreted_string_literal"
        | "template_string"
        | "raw_string_literal" => {
            let new = other_text(language, above, own).filter(|_| !is_for_people(above, source));
            new.map(|new| (Rank::Text, edit(new))).into_iter().collect()
        }
        "char_literal" if !is_pattern(above) => {
            vec![(Rank::Text, edit(if own == "'x'" { "'y'" } else { "'x'" }.to_owned()))]
        }
        "function_item"
        | "function_definition"
        | "function_declaration"
        | "method_declaration"
        | "method_definition"
        | "arrow_function"
        | "function_expression" => {
            body(language, node, source).map(|edit| (Rank::Body, edit)).into_iter().collect()
        }
        _ if !node.is_named() => {
            operator(language, own, above).map(|new| (Rank::Operator, edit(new))).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

/// The values that stand for none.
const NOTHING: [&str; 4] = ["none", "null", "null_literal", "nil"];

fn is_number(kind: &str) -> bool {
    matches!(
        kind,
        "integer_literal"
            | "integer"
            | "number"
            | "int_literal"
            | "decimal_integer_literal"
            | "float_literal"
            | "float"
            | "decimal_floating_point_literal"
            | "hex_integer_literal"
            | "octal_integer_literal"
            | "binary_integer_literal"
    )
}

/// Tells whether a node is what a value is matched with, and no value.
fn is_pattern(above: &[Node<'_>]) -> bool {
    above.iter().rev().take(4).any(|own| own.kind().ends_with("pattern"))
}

/// Arguments that are read by people.
const WORDS: [&str; 8] = ["help", "description", "doc", "message", "msg", "usage", "epilog", "metavar"];

/// Tells whether a text is what people read of an error or of an option: honest tests seldom hold its words.
fn is_for_people(above: &[Node<'_>], source: &str) -> bool {
    above.iter().rev().take(6).any(|own| {
        let text = text(*own, source);
        match own.kind() {
            "raise_statement" | "throw_statement" => true,
            "keyword_argument" | "pair" => {
                let name = text.split(['=', ':']).next().unwrap_or_default().trim();
                WORDS.contains(&name)
            }
            "call"
            | "call_expression"
            | "macro_invocation"
            | "new_expression"
            | "object_creation_expression" => {
                let name = text.split(['(', '{', '[']).next().unwrap_or_default().to_ascii_lowercase();
                ["error", "exception", "err", "panic", "bail", "anyhow", "expect", "ensure"]
                    .iter()
                    .any(|word| name.contains(word))
            }
            _ => false,
        }
    })
}

/// Adds one to a number, and leaves how it is written.
fn plus_one(own: &str) -> Option<String> {
    let lower = own.to_ascii_lowercase();
    let radix = match lower.get(..2) {
        Some("0x") => Some(16),
        Some("0o") => Some(8),
        Some("0b") => Some(2),
        _ => None,
    };
    if let Some(radix) = radix {
        let digits: String = lower[2..].chars().take_while(|c| c.is_digit(radix) || *c == '_').collect();
        let value = u128::from_str_radix(&digits.replace('_', ""), radix).ok()?.checked_add(1)?;
        let rest = &own[2 + digits.len()..];
        return Some(match radix {
            16 => format!("0x{value:x}{rest}"),
            8 => format!("0o{value:o}{rest}"),
            _ => format!("0b{value:b}{rest}"),
        });
    }
    let digits: String = own.chars().take_while(|c| c.is_ascii_digit() || *c == '_').collect();
    let value = digits.replace('_', "").parse::<u128>().ok()?.checked_add(1)?;
    Some(format!("{value}{}", &own[digits.len()..]))
}

fn flipped(own: &str) -> Option<String> {
    let new = match own {
        "true" => "false",
        "false" => "true",
        "True" => "False",
        "False" => "True",
        _ => return None,
    };
    Some(new.to_owned())
}

fn something(language: Language) -> &'static str {
    match language {
        Language::Python => "1",
        Language::Go => "new(int)",
        Language::Java => "new Object()",
        _ => "({})",
    }
}

/// Gives another text of the same kind; nothing for what is no plain one.
fn other_text(language: Language, above: &[Node<'_>], own: &str) -> Option<String> {
    // A part of it, such as an interpolation, is a value of its own; here the whole is another.
    if above.last().is_some_and(|parent| matches!(parent.kind(), "concatenated_string" | "string")) {
        return None;
    }
    let quoted = |quote: char| Some(format!("{quote}autopilot{quote}"));
    match (language, own.chars().next()?) {
        (Language::Rust | Language::Go | Language::Java, '"') | (Language::Rust, 'r') => quoted('"'),
        (Language::Rust, 'b') if own.starts_with("b\"") => Some("b\"autopilot\"".to_owned()),
        (Language::Python, _) if own.contains(['"', '\'']) && !own.to_ascii_lowercase().starts_with('b') => {
            quoted('"')
        }
        (Language::Python, _) => Some("b\"autopilot\"".to_owned()),
        (Language::JavaScript | Language::TypeScript | Language::Tsx, '"' | '\'' | '`') => quoted('\''),
        _ => None,
    }
}

/// Gives another operator where one stands.
fn operator(language: Language, own: &str, above: &[Node<'_>]) -> Option<String> {
    let parent = above.last()?.kind();
    let is_operation =
        parent.contains("binary") || parent.contains("boolean_operator") || parent.contains("comparison");
    let is_negation = parent.contains("unary") || parent.contains("not_operator");
    let new = match own {
        _ if is_negation && own == "!" => "",
        _ if is_negation && own == "not" => "bool",
        _ if !is_operation => return None,
        "<" => "<=",
        "<=" => "<",
        ">" => ">=",
        ">=" => ">",
        "==" => "!=",
        "!=" => "==",
        "===" => "!==",
        "!==" => "===",
        "&&" => "||",
        "||" => "&&",
        "and" => "or",
        "or" => "and",
        "in" if language == Language::Python => "not in",
        "not in" => "in",
        "is" if language == Language::Python => "is not",
        "is not" => "is",
        "+" => "-",
        "-" | "*" => "+",
        "/" | "%" | "//" => "*",
        _ => return None,
    };
    Some(new.to_owned())
}

/// Lets a function do nothing but end, and one that does nothing fail: a test that it is there notices neither.
fn body(language: Language, node: Node<'_>, source: &str) -> Option<Edit> {
    let body = node.child_by_field_name("body")?;
    let is_script = matches!(language, Language::JavaScript | Language::TypeScript | Language::Tsx);
    if body.kind().contains("block") && named(body).into_iter().all(|own| does_nothing(own, source)) {
        let new = match (language, body.kind()) {
            (Language::Rust, "block") => "{ panic!() }",
            (Language::Python, "block") => "raise RuntimeError",
            (_, "statement_block") if is_script => "{ throw new Error(); }",
            _ => return None,
        };
        let what = Some(format!("{} fails", name(node, source)));
        return Some(Edit { range: body.byte_range(), new: new.to_owned(), what, is_edge: false });
    }
    let new = match (language, body.kind()) {
        (Language::Rust, "block") => match node.child_by_field_name("return_type") {
            None => "{}".to_owned(),
            Some(own) => format!("{{ {} }}", empty(text(own, source))),
        },
        (Language::Python, "block") => "return None".to_owned(),
        (_, "statement_block") if is_script => "{}".to_owned(),
        _ if is_script => "undefined".to_owned(),
        _ => return None,
    };
    let what = Some(format!("{} does nothing", name(node, source)));
    Some(Edit { range: body.byte_range(), new, what, is_edge: false })
}

/// Tells whether a statement does nothing: in its place, nothing would survive by right.
fn does_nothing(own: Node<'_>, source: &str) -> bool {
    let words = text(own, source).trim_end_matches(';');
    own.kind().contains("comment")
        || is_documentation(own)
        || matches!(words, "pass" | "..." | "return" | "return None" | "return undefined")
}

/// The nodes that do one thing or another by a condition.
pub(super) const CONDITIONAL: [&str; 6] = [
    "if_expression",
    "while_expression",
    "if_statement",
    "elif_clause",
    "while_statement",
    "ternary_expression",
];

/// Turns a condition round, but for a pattern: to match it is not to be true.
fn negated(language: Language, node: Node<'_>, above: &[Node<'_>], source: &str) -> Option<(Rank, Edit)> {
    let parent = above.last().filter(|parent| CONDITIONAL.contains(&parent.kind()))?;
    parent.child_by_field_name("condition").filter(|condition| *condition == node)?;
    let kind = node.kind();
    // A truth is turned round as a value.
    if kind.starts_with("let_") || matches!(kind, "true" | "false" | "boolean_literal") {
        return None;
    }
    let own = text(node, source);
    let new = match language {
        Language::Python => format!("(not ({own}))"),
        // Its brackets are the statement's, which needs some.
        _ if kind == "parenthesized_expression" => format!("(!{own})"),
        _ => format!("!({own})"),
    };
    let what = Some(format!("the condition {} was turned round", super::short(own)));
    Some((Rank::Value, Edit { range: node.byte_range(), new, what, is_edge: false }))
}

/// Returns an empty value of a Rust type.
fn empty(own: &str) -> String {
    match own.trim() {
        own if own.starts_with("Option<") => "None".to_owned(),
        own if own.starts_with("Result<()") => "Ok(())".to_owned(),
        own if own.contains("Result<") => "Ok(Default::default())".to_owned(),
        _ => "Default::default()".to_owned(),
    }
}

fn name(node: Node<'_>, source: &str) -> String {
    let named = node.child_by_field_name("name").or_else(|| node.parent()?.child_by_field_name("name"));
    named.map_or("the function".to_owned(), |name| super::short(text(name, source)))
}
