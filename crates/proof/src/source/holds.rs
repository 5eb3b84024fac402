//! Takes a source file, says where its tests are.

use super::Language;

/// Where a file's tests are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tests {
    /// The file is all test.
    Whole,
    /// Some of the file is: code and tests have to be taken apart.
    Within,
    /// There are none.
    None,
}

/// Says where the tests of a file are.
pub fn holds_tests(language: Language, path: &str, text: &str) -> Tests {
    let _ = (language, path, text);
    Tests::None
}
