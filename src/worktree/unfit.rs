//! Why something is not what it should be for a commit, or for a worktree to go: a class each, with words for a person.

use std::fmt;
use std::path::PathBuf;

use crate::git::{Oid, RefName};

/// Why a commit cannot hold what is at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unheld {
    /// The git directory of another repository.
    Repository,
    /// A name that git takes for `.git` on some system, and passes over without a word.
    Name,
    /// A named pipe.
    Pipe,
    /// A socket.
    Socket,
    /// A device.
    Device,
    /// A pipe, a socket or a device where git looks for attributes: it would wait for somebody to write to it.
    Attributes,
    /// Something below a path longer than git takes.
    Deep,
    /// A file larger than the run may salvage.
    Big,
}

impl Unheld {
    /// Tells whether bytes are lost if it goes: there are none in what only connects processes.
    pub(super) fn holds_bytes(self) -> bool {
        !matches!(self, Self::Pipe | Self::Socket | Self::Device | Self::Attributes)
    }

    /// Tells whether a commit could be made with it there: git passes over what only connects processes.
    pub(super) fn fails_a_commit(self) -> bool {
        self.holds_bytes() || self == Self::Attributes
    }

    /// Tells whether its bytes go into a bundle, under another name.
    pub(super) fn fits_bundle(self) -> bool {
        matches!(self, Self::Repository | Self::Name)
    }

    fn advice(self) -> &'static str {
        match self {
            Self::Repository => "its history cannot be kept; remove it, or have it ignored",
            Self::Big => "remove it, have it ignored, or raise the limit",
            Self::Attributes => "remove it",
            _ => "no commit can hold it; remove it, or have it ignored",
        }
    }
}

impl fmt::Display for Unheld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Repository => "an embedded repository",
            Self::Name => "a name that git takes for its own",
            Self::Pipe => "a named pipe",
            Self::Socket => "a socket",
            Self::Device => "a device",
            Self::Attributes => "no file, where git reads one",
            Self::Deep => "deeper than a path of git's can be",
            Self::Big => "larger than `limits.salvage`",
        })
    }
}

/// Why git cannot commit what a step left: the step's fault, never the run's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// A change in a submodule, whose commit would be one of another repository.
    #[error(
        "{path} is in the submodule {submodule}, which a run cannot change: make it in the submodule's own repository"
    )]
    InSubmodule {
        /// What changed.
        path: String,
        /// Where the submodule is.
        submodule: String,
    },
    /// Something that no commit can hold.
    #[error("{path} is {kind}: {}", kind.advice())]
    Unheld {
        /// Where it is.
        path: String,
        /// What it is.
        kind: Unheld,
    },
    /// A file that a filter would have to make another one of.
    #[error(
        "{path} has the filter `{filter}`, which a run cannot apply: change it outside of runs, or take it from the filter"
    )]
    Filtered {
        /// The file.
        path: String,
        /// The filter.
        filter: String,
    },
    /// More than goes out of a run.
    #[error(
        "all that the run commits would be {bytes} bytes, more than the 4 GB that go out of it: have files ignored, or make fewer"
    )]
    TooMuch {
        /// So many.
        bytes: u64,
    },
    /// A path that git leaves out without a word.
    #[error("git does not take {path} into a commit; rename it, or have it ignored")]
    PassedOver {
        /// The path.
        path: String,
    },
    /// What git says no to.
    #[error("git does not take {what} into a commit: {why}")]
    Refused {
        /// What it is, as far as git says.
        what: String,
        /// What git says.
        why: String,
    },
}

/// Why a worktree cannot go, or go back: something of it is not proved to be saved, or stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unproved {
    /// Git did not take the result into the user's repository.
    #[error("{reference} could not be made: {why}")]
    NotTaken {
        /// The ref.
        reference: RefName,
        /// What git says.
        why: String,
    },
    /// The result branch ends elsewhere.
    #[error("{reference} is {found}, not the last checkpoint {last}")]
    Elsewhere {
        /// The branch.
        reference: RefName,
        /// Where it ends.
        found: Oid,
        /// Where it should.
        last: Oid,
    },
    /// What should be a bundle is none.
    #[error("{} is not a {what}", path.display())]
    NoBundle {
        /// Where it lies.
        path: PathBuf,
        /// What it should be.
        what: &'static str,
    },
    /// Something that no commit holds is there still.
    #[error("{path} is {kind}, which is not saved anywhere")]
    Nowhere {
        /// Where it is.
        path: String,
        /// What it is.
        kind: Unheld,
    },
    /// A file has other bytes than on the branch.
    #[error("{path} is not on the branch as it is here")]
    Differs {
        /// The file.
        path: String,
    },
    /// Somebody writes.
    #[error("{path} was written while the worktree was to go")]
    Meanwhile {
        /// The file.
        path: String,
    },
    /// Somebody wrote who is no step.
    #[error("{path} was written after the attempt was salvaged, by no step of the run")]
    AfterSalvage {
        /// The file.
        path: String,
    },
    /// A salvage holds other bytes.
    #[error("{path} was not saved as it is in the worktree")]
    OtherwiseSaved {
        /// The file.
        path: String,
    },
    /// A reset left a path as it was.
    #[error("{path} could not be reset to the last checkpoint")]
    NotReset {
        /// The path.
        path: String,
    },
    /// A reset could not remove something.
    #[error("cannot be removed: {left}")]
    Stays {
        /// What, and why.
        left: String,
    },
}
