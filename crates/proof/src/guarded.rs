//! Takes a path that a change touches, gives what of the test runner it configures.

/// The runner's family: what configures one is nothing to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stack {
    /// pytest, unittest.
    Python,
    /// node, mocha, jest, vitest.
    JavaScript,
    /// cargo, nextest.
    Rust,
    /// `go test`.
    Go,
    /// Maven, Gradle.
    Java,
}

/// Says what `path`, relative to the repository's top, configures of how tests are run; `None` if nothing. Without a
/// `stack` it may be anybody's.
pub fn guarded(path: &str, stack: Option<Stack>) -> Option<&'static str> {
    let _ = (path, stack);
    Some("not looked at yet")
}
