//! The plan's names of old tests: takes them, tells which tests they name.

/// What may stand before the last part of an id.
const BEFORE: [&str; 5] = ["::", " > ", ".", "/", " "];

/// Tells whether a name names a test: the whole id, a last part of it, or with `*` behind the beginning of either.
///
/// Parameters that a runner writes behind an id need not be named: `test_x` names `test_x[1]`.
pub(super) fn names(name: &str, id: &str) -> bool {
    if name.trim_matches('*').is_empty() {
        return false;
    }
    if let Some(start) = name.strip_suffix('*') {
        return id.starts_with(start) || BEFORE.iter().any(|mark| id.contains(&format!("{mark}{start}")));
    }
    is_last(name, id)
}

/// Tells whether a name is an id, or its last part, with or without parameters behind.
pub(super) fn is_last(name: &str, id: &str) -> bool {
    let bare = id.split_once('[').map_or(id, |(bare, _)| bare);
    [id, bare].into_iter().any(|id| {
        id == name || id.strip_suffix(name).is_some_and(|rest| BEFORE.iter().any(|mark| rest.ends_with(mark)))
    })
}

/// Tells whether a name is an id, or its last part; with `::` behind, what stands before its last parts.
pub(super) fn is_of(name: &str, id: &str) -> bool {
    let Some(above) = name.strip_suffix("::") else { return is_last(name, id) };
    id.match_indices("::").any(|(at, _)| is_last(above, &id[..at]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_that_several_are_made_of_names_them() {
        for (name, id, expected) in [
            ("x", "lib::tests::x", true),
            ("x", "lib::tests::x::case_1", false),
            ("x::", "lib::tests::x::case_1", true),
            ("x::", "lib::tests::x::case_1::b_2", true),
            ("x::", "lib::tests::x", false),
            ("x::", "lib::tests::xx::case_1", false),
        ] {
            assert_eq!(is_of(name, id), expected, "{name} {id}");
        }
    }
}
