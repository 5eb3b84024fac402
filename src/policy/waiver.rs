//! What the caller gives up by `--allow-degraded`, by name.

use std::fmt;
use std::str::FromStr;

/// A protection that one may go without where the host cannot give it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waiver {
    /// Landlock: there is none, or one too old.
    Landlock,
    /// The system call filter.
    Seccomp,
    /// That an allow list holds for every port, where there is no network namespace.
    Network,
}

impl Waiver {
    const ALL: [Self; 3] = [Self::Landlock, Self::Seccomp, Self::Network];

    fn name(self) -> &'static str {
        match self {
            Self::Landlock => "landlock",
            Self::Seccomp => "seccomp",
            Self::Network => "network",
        }
    }
}

impl fmt::Display for Waiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No protection has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no protection that can be given up: write {}", Waiver::ALL.map(Waiver::name).join(", "))]
pub struct NoWaiver;

impl FromStr for Waiver {
    type Err = NoWaiver;

    fn from_str(text: &str) -> Result<Self, NoWaiver> {
        Self::ALL.into_iter().find(|waiver| waiver.name() == text).ok_or(NoWaiver)
    }
}

/// What the caller of one command gives up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Waivers(Vec<Waiver>);

impl Waivers {
    /// Returns what is given up.
    pub fn iter(&self) -> impl Iterator<Item = Waiver> {
        self.0.iter().copied()
    }

    /// Tells whether this one is given up.
    pub(super) fn include(&self, waiver: Waiver) -> bool {
        self.0.contains(&waiver)
    }
}

impl FromIterator<Waiver> for Waivers {
    fn from_iter<I: IntoIterator<Item = Waiver>>(given: I) -> Self {
        Self(given.into_iter().collect())
    }
}
