//! Notes: what a verdict has to say without refusing.

use serde::{Deserialize, Serialize};

/// Something that a reader should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "note")]
pub enum Note {
    /// A file without a canary.
    #[error("not canaried: no test that must fail could be put into {file}")]
    NotCanaried {
        /// The file.
        file: String,
    },
    /// No file with one.
    #[error("not canaried: the change touches no test file")]
    NoCanaries,
    /// The plan wants none.
    #[error("no mutants: the plan asks for none")]
    NoMutants,
    /// There is nothing that could be changed.
    #[error("no mutants: the change has no value to change")]
    NothingToMutate,
    /// Some could not be judged.
    #[error("{at}: {what}: not judged, because the tests did not run with it")]
    NotJudged {
        /// Where.
        at: String,
        /// What was changed.
        what: String,
    },
    /// A value whose change nobody noticed, where that is no reason to refuse.
    #[error("{at}: {what}, which no test notices")]
    Survived {
        /// Where.
        at: String,
        /// What was changed.
        what: String,
    },
    /// A test that fails with and without the change.
    #[error("{id} fails without the change, too")]
    FailsBefore {
        /// The test.
        id: String,
    },
    /// Something that cannot be loaded with and without the change.
    #[error("{what} cannot be loaded, or ends early, without the change, too")]
    BrokenBefore {
        /// What.
        what: String,
    },
    /// A test that came out differently in two runs of the same.
    #[error("{id} is flaky: it proves nothing")]
    Flaky {
        /// The test.
        id: String,
    },
    /// A name of the plan that no test has.
    #[error("the plan's `old_tests.except` names `{name}`, which is no test of the base")]
    NamesNothing {
        /// The name.
        name: String,
    },
    /// A test that notices what does not concern it.
    #[error("{id} fails as soon as a test is added beside it, or comments behind your lines")]
    Disturbed {
        /// The test.
        id: String,
    },
}
