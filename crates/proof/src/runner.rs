//! Takes a plan's test command, gives how it is asked for a report.

/// The runner that a canary has to be written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CanaryRunner {
    /// pytest, which takes unittest's classes, too.
    Pytest,
    /// `python -m unittest`.
    Unittest,
    /// `node --test`.
    NodeTest,
    /// mocha.
    Mocha,
    /// jest.
    Jest,
    /// vitest.
    Vitest,
    /// `cargo test`, or nextest.
    Cargo,
    /// `go test`.
    Go,
    /// `JUnit` 4.
    Junit4,
    /// `JUnit` 5.
    Junit5,
}
