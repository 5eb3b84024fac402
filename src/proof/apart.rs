//! Takes a file that a plan's patterns of tests match, tells whether tests and code in it would be taken apart.

use autopilot_proof::source::{self, Language, Tests};

use super::change::{is_among_tests, is_other_code};

/// Why all of a file, or none of it, would be taken for tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whole {
    /// It is code of a language that is not known here, and does not lie where tests do: all of it would be a test.
    Unknown,
    /// It holds tests and code that cannot be taken apart, for this reason.
    Inseparable(String),
}

/// Tells whether the text of a file has to be looked at to know.
pub fn has_to_be_read(path: &str) -> bool {
    Language::of(path) == Some(Language::Rust)
}

/// Tells whether a file holds tests and code.
pub fn holds_both(path: &str, text: &str) -> bool {
    Language::of(path).is_some_and(|language| source::holds_tests(language, path, text) == Tests::Within)
}

/// Tells why a file would not be taken apart, if it has to be. `text`: what it holds, if that was to be read.
pub fn taken_whole(path: &str, text: Option<&str>) -> Option<Whole> {
    let Some(language) = Language::of(path) else {
        return (is_other_code(path) && !is_among_tests(path)).then_some(Whole::Unknown);
    };
    let text = text?;
    if source::holds_tests(language, path, text) != Tests::Within {
        return None;
    }
    // Of two versions that are the same nothing would have to be taken apart.
    source::weld(language, &format!("{text}\n"), text).err().map(|why| Whole::Inseparable(why.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_would_be_taken_for_what_it_is_not_is_named() {
        for (path, text, expected) in [
            ("lib/a.rb", None, true),
            ("spec/a_spec.rb", None, false),
            ("src/Tests/a.php", None, false),
            ("src/a.py", None, false),
            ("data/a.json", None, false),
            (
                "src/lib.rs",
                Some("fn a() {}\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn b() {}\n}\n"),
                false,
            ),
            ("src/lib.rs", Some("fn a( {}}\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn b() {}\n"), true),
            ("tests/a.rs", Some("fn a( {}}"), false),
        ] {
            assert_eq!(taken_whole(path, text).is_some(), expected, "{path}");
        }
    }
}
