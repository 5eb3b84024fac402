//! Hosts on which layers are made in different ways.

use std::process::Command;

use super::{Repo, without_unshare};

/// How layers are made in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    Overlay,
    /// No overlay can be told of a path with a comma.
    Clone,
    /// Nothing can be mounted.
    Bare,
}

impl How {
    pub(crate) const ALL: [Self; 3] = [Self::Overlay, Self::Clone, Self::Bare];

    /// Has a command of autopilot make its layers like this.
    pub(crate) fn of(self, mut command: Command, repo: &Repo) -> Command {
        match self {
            Self::Overlay => command,
            Self::Clone => {
                command.env("AUTOPILOT_STATE_DIR", repo.dir().join("a,comma"));
                command
            }
            Self::Bare => without_unshare(&command),
        }
    }

    /// What the log says of it.
    pub(crate) fn backend(self) -> &'static str {
        match self {
            Self::Overlay => "backend=Overlay",
            Self::Clone | Self::Bare => "backend=Clone",
        }
    }
}
