//! Path patterns of a plan, bounded: no pattern takes the program's stack or memory.

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use regex::bytes::{Regex, RegexBuilder};
use serde::{Serialize, Serializer};

use super::Wrong;

/// Bytes of a pattern; no path is longer.
const LONGEST: usize = 4096;

/// Braces within braces.
const DEEPEST: usize = 16;

/// What a compiled pattern takes, at most.
const LARGEST: usize = 2 << 20;

/// A path pattern: `*` stays within a folder, `**` crosses them.
#[derive(Debug, Clone)]
pub struct Glob {
    text: String,
    matcher: Regex,
}

impl Glob {
    /// Compiles a pattern; the error says what is wrong with it.
    pub fn new(text: &str) -> Result<Self, Wrong> {
        // Before anything reads it: what reads patterns goes down into braces without a bound.
        if text.len() > LONGEST {
            return Err(Wrong::new(
                format!("is a pattern of {} bytes; it may have {LONGEST}", text.len()),
                "write several patterns",
            ));
        }
        if depth(text) > DEEPEST {
            return Err(Wrong::new(
                format!("has braces nested deeper than {DEEPEST} levels"),
                "write several patterns; `\\{` is a brace as it is",
            ));
        }
        Ok(Self { text: text.to_owned(), matcher: compile(&regex_of(text)?, LARGEST).map_err(unreadable)? })
    }

    /// Returns the pattern as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the regular expression it stands for.
    pub(super) fn regex(&self) -> &str {
        self.matcher.as_str()
    }

    /// Tells whether a path, relative to the repository's top, matches.
    pub fn matches(&self, path: &Path) -> bool {
        self.matcher.is_match(path.as_os_str().as_bytes())
    }
}

impl Serialize for Glob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

fn regex_of(text: &str) -> Result<String, Wrong> {
    let glob = globset::GlobBuilder::new(text).literal_separator(true).backslash_escape(true).build();
    glob.map(|glob| glob.regex().to_owned()).map_err(|error| unreadable(error.kind()))
}

/// Compiles it ourselves: the library's own way panics where the pattern is too large.
pub(super) fn compile(regex: &str, limit: usize) -> Result<Regex, regex::Error> {
    RegexBuilder::new(regex).dot_matches_new_line(true).size_limit(limit).dfa_size_limit(LARGEST).build()
}

fn unreadable(error: impl std::fmt::Display) -> Wrong {
    let text = error.to_string();
    let reason = text.lines().last().unwrap_or_default().trim_start_matches("error: ");
    Wrong::new(
        format!("is not a pattern: {reason}"),
        "`*` stays within a folder, `**` crosses them; `\\` takes a character as it is",
    )
}

/// Returns how deep braces are nested, at most.
fn depth(text: &str) -> usize {
    let (mut now, mut most) = (0_usize, 0);
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => drop(chars.next()),
            '{' => now += 1,
            '}' => now = now.saturating_sub(1),
            _ => {}
        }
        most = most.max(now);
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(text: &str) -> String {
        Glob::new(text).expect_err("is a pattern").message
    }

    #[test]
    fn patterns_that_took_the_program_down_are_faults() {
        let nested = |count: usize| format!("{}a{}", "{".repeat(count), "}".repeat(count));
        assert!(says(&nested(250)).contains("nested deeper than 16"));
        assert!(says(&nested(17)).contains("nested deeper than 16"));
        assert!(says(&"?".repeat(131_070)).contains("131070 bytes; it may have 4096"));
        assert!(says(&"{".repeat(52_183)).contains("52183 bytes"));
        assert!(says(&"{".repeat(4096)).contains("nested deeper"));
        assert!(says("{a").starts_with("is not a pattern: "));
        assert!(says("[z-a]").starts_with("is not a pattern: "));
    }

    #[test]
    fn every_pattern_within_the_bounds_compiles_and_matches() {
        let nested = format!("{}a{}", "{".repeat(16), "}".repeat(16));
        for (text, path) in [
            (nested.as_str(), "a"),
            (&"?".repeat(4096), &"x".repeat(4096)),
            (&"[!a]".repeat(1024), &"é".repeat(512)),
            (&format!("{}x", "**/".repeat(1365)), "a/b/x"),
            (&"{a,b}".repeat(819), &"ab".repeat(410)[..819]),
            (r"\{\{\{a", "{{{a"),
        ] {
            let glob = Glob::new(text).unwrap();
            assert!(glob.matches(Path::new(path)), "{text} {path}");
            assert!(!glob.matches(Path::new("no/match")), "{text}");
        }
    }

    #[test]
    fn stars_stay_in_a_folder_and_paths_are_bytes() {
        let glob = |text| Glob::new(text).unwrap();
        assert!(
            glob("src/*.rs").matches(Path::new("src/a.rs"))
                && !glob("src/*.rs").matches(Path::new("src/a/b.rs"))
        );
        assert!(glob("src/**").matches(Path::new("src/a/b\nc")));
        let odd = std::ffi::OsStr::from_bytes(b"src/\xff\n.rs");
        assert!(glob("src/?\n.rs").matches(Path::new(odd)) && glob("**/*.rs").matches(Path::new(odd)));
    }
}
