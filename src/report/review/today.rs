//! What the base is by now, and whether the result merges with it: not of the evidence, looked at and handed in.

use serde::Serialize;

use crate::evidence::RunState;

/// The base as it is when somebody looks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Today {
    /// The commit that the base's name stands for by now.
    pub commit: String,
    /// What a merge of the result into it comes to.
    pub merges: Merges,
}

/// What a merge comes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Merges {
    /// It has no conflict.
    Clean,
    /// These paths conflict.
    Conflicts(Vec<String>),
    /// Nobody knows, for this reason.
    Unknown(String),
}

/// The base that a run began from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Base {
    /// As named: `main`, `HEAD`.
    pub name: String,
    /// The commit it was.
    pub commit: String,
    /// What it is by now, where somebody looked.
    pub today: Option<Today>,
}

impl Base {
    pub(super) fn of(state: &RunState, today: Option<&Today>) -> Self {
        let (name, commit) = (state.start.base.to_string(), state.start.commit.to_string());
        Self { name, commit, today: today.cloned() }
    }

    /// Tells whether its name stands for another commit by now.
    pub fn has_moved(&self) -> bool {
        self.today.as_ref().is_some_and(|today| today.commit != self.commit)
    }
}
