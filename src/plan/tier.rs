//! Takes a step, gives how much it may do: what flows between steps beside the result goes down, never up.

use std::fmt;

use autopilot_mask::is_secret_name;
use serde::{Deserialize, Serialize};

use super::{Action, Home, Network, Plan, Step};

/// How much a step may do. What a step of a lower tier wrote into HOME, into ignored files or into its git never runs
/// in one of a higher tier, unless that one says [`Keep`](Home::Keep).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tier {
    /// It reaches nothing and holds nothing.
    Offline,
    /// It reaches something: a network, or an agent's model.
    WayOut,
    /// It holds a declared secret.
    Secret,
}

impl Tier {
    /// Returns the tier of what holds a secret or not, and reaches something or not.
    pub fn of(holds_secret: bool, reaches: bool) -> Self {
        match (holds_secret, reaches) {
            (true, _) => Self::Secret,
            (false, true) => Self::WayOut,
            (false, false) => Self::Offline,
        }
    }

    /// Returns the word for it, as journal and messages have it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Offline => "offline",
            Self::WayOut => "way-out",
            Self::Secret => "secret",
        }
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl Step {
    /// Returns the tier of the step: that of all its commands, though `post` and `rollback` reach nothing.
    pub fn tier(&self) -> Tier {
        let holds_secret =
            !self.secrets.is_empty() || self.env.iter().any(|entry| is_secret_name(entry.name()));
        let reaches = self.network != Network::None || self.action.agent().is_some();
        Tier::of(holds_secret, reaches)
    }

    /// Tells whether what `cache` keeps is as it stood before this step: what an agent, a patch or a holder of a secret
    /// wrote is no later run's.
    pub fn ends_cache(&self) -> bool {
        !matches!(self.action, Action::Command(_)) || self.tier() == Tier::Secret
    }

    /// Tells whether the step takes what steps of lower tiers left.
    pub fn keeps_home(&self) -> bool {
        self.home == Home::Keep
    }
}

impl Plan {
    /// Returns the steps before this one whose tier is lower, in the order of the plan.
    pub fn lower_before<'p>(&'p self, step: &'p Step) -> impl Iterator<Item = &'p Step> {
        let before = self.steps.iter().take_while(move |other| other.id != step.id);
        before.filter(move |other| other.tier() < step.tier())
    }

    /// Tells whether a step of a higher tier follows this one that does not take what this one leaves.
    pub fn higher_follows(&self, step: &Step) -> bool {
        let after = self.steps.iter().skip_while(|other| other.id != step.id);
        after.skip(1).any(|other| other.tier() > step.tier() && !other.keeps_home())
    }
}
