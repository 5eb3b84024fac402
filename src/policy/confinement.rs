//! What a caller or a ceiling demands of the confinement, beyond what a host must have for a step to run at all.

use std::fmt;
use std::str::FromStr;

/// A confinement that is demanded; the greater one includes the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confinement {
    /// Namespaces and a root of its own, and no protection given up.
    Namespaces,
    /// The same with a /proc of its own: what the first line of a run calls `full`.
    Full,
}

impl Confinement {
    const ALL: [Self; 2] = [Self::Full, Self::Namespaces];

    fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Namespaces => "namespaces",
        }
    }
}

impl fmt::Display for Confinement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No confinement has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no confinement that can be demanded: write {}", Confinement::ALL.map(Confinement::name).join(" or "))]
pub struct NoConfinement;

impl FromStr for Confinement {
    type Err = NoConfinement;

    fn from_str(text: &str) -> Result<Self, NoConfinement> {
        Self::ALL.into_iter().find(|each| each.name() == text).ok_or(NoConfinement)
    }
}

/// A demand, and who makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demand {
    /// What is demanded.
    pub confinement: Confinement,
    /// Who demands it: an option, or a rule with its place.
    pub by: String,
}
