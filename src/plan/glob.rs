//! Path patterns of a plan.

use serde::{Serialize, Serializer};

/// A path pattern: `*` stays within a folder, `**` crosses them.
#[derive(Debug, Clone)]
pub struct Glob {
    text: String,
    matcher: globset::GlobMatcher,
}

impl Glob {
    /// Compiles a pattern; the error says what is wrong with it.
    pub fn new(text: &str) -> Result<Self, globset::Error> {
        let matcher =
            globset::GlobBuilder::new(text).literal_separator(true).backslash_escape(true).build()?;
        Ok(Self { text: text.to_owned(), matcher: matcher.compile_matcher() })
    }

    /// Returns the pattern as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Tells whether a path, relative to the repository's top, matches.
    pub fn matches(&self, path: &std::path::Path) -> bool {
        self.matcher.is_match(path)
    }
}

impl Serialize for Glob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
