//! Takes a node, tells whether a change of it only moves the edge of a condition: `n < 0` to `n <= 0` or to `n < 1`, `a and b` to
//! `a or b`. What stands on the edge may come out the same on either side, or never be there: no test can notice then.

use tree_sitter::Node;

use super::kinds::CONDITIONAL;

const RELATIONS: [&str; 4] = ["<", "<=", ">", ">="];

/// What joins the parts of a condition.
const JOINTS: [&str; 4] = ["and", "or", "&&", "||"];

/// Tells it of an operator, or of a number that is compared.
pub(super) fn is_one(node: Node<'_>, above: &[Node<'_>]) -> bool {
    if JOINTS.contains(&node.kind()) {
        return is_in_condition(above);
    }
    // The sign of a number belongs to it.
    let Some(parent) = above.iter().rfind(|own| !own.kind().contains("unary")) else { return false };
    let is_comparison = parent.kind().contains("binary") || parent.kind().contains("comparison");
    if !is_comparison {
        return false;
    }
    if !node.is_named() {
        return RELATIONS.contains(&node.kind());
    }
    let operators = (0..parent.child_count()).filter_map(|at| parent.child(u32::try_from(at).ok()?));
    operators.filter(|own| !own.is_named()).any(|own| RELATIONS.contains(&own.kind()))
}

/// Tells whether an operator decides what is done, and is no value: JavaScript's `a || 5` is one.
fn is_in_condition(above: &[Node<'_>]) -> bool {
    let is_part = |own: &Node<'_>| {
        ["binary", "boolean_operator", "parenthesized", "not_operator", "unary"]
            .iter()
            .any(|word| own.kind().contains(word))
    };
    let parts = above.iter().rev().take_while(|own| is_part(own)).count();
    let Some(at) = above.len().checked_sub(parts + 1) else { return false };
    parts > 0
        && CONDITIONAL.contains(&above[at].kind())
        && above[at].child_by_field_name("condition") == Some(above[at + 1])
}
