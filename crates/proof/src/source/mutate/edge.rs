//! Takes a node, tells whether a change of it only moves the edge of a comparison: `n < 0` to `n <= 0` or to `n < 1`. What stands
//! on the edge may come out the same on either side, or never be there: no test can notice then.

use tree_sitter::Node;

const RELATIONS: [&str; 4] = ["<", "<=", ">", ">="];

/// Tells it of an operator, or of a number that is compared.
pub(super) fn is_one(node: Node<'_>, above: &[Node<'_>]) -> bool {
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
