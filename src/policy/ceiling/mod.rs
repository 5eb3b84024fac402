//! Takes a plan and what no plan may exceed on this host, says what of the plan is above that, and lowers what can be lowered.
//! Pure: where paths lead is told by the caller.

mod above;
mod lower;
mod prices;
mod refuse;
mod within;

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

pub use above::Above;
pub use lower::{Lowered, in_words};
pub use within::Within;

use super::confinement::{Confinement, Demand};
use super::waiver::Waivers;
use crate::plan::{Asked, Ceiling, Person, Plan, Prices};

/// What no plan may exceed on this host: root's word, then the user's. Both hold.
#[derive(Debug, Clone, Default)]
pub struct Ceilings {
    /// Root's.
    pub host: Option<Ceiling>,
    /// The user's.
    pub user: Option<Ceiling>,
}

/// What the ceilings come to for a plan.
#[derive(Debug, Clone, Default)]
pub struct Held {
    /// What is above them: such a plan does not run.
    pub above: Vec<Above>,
    /// What was lowered.
    pub lowered: Vec<Lowered>,
}

impl Ceilings {
    /// Returns those there are, root's first.
    pub fn all(&self) -> impl Iterator<Item = &Ceiling> {
        self.host.iter().chain(&self.user)
    }

    /// Returns the rules of all in the one form that is the same wherever they say the same; nothing if there are none.
    pub fn canonical(&self) -> Option<Value> {
        let parts = [("host", &self.host), ("user", &self.user)];
        let rules: Map<String, Value> = parts
            .into_iter()
            .filter_map(|(name, ceiling)| Some((name.to_owned(), ceiling.as_ref()?.rules.canonical())))
            .collect();
        (!rules.is_empty()).then_some(Value::Object(rules))
    }

    /// Returns the SHA-256 of that form, in lower-case hex.
    pub fn digest(&self) -> Option<String> {
        let digest = Sha256::digest(self.canonical()?.to_string());
        Some(digest.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}")))
    }

    /// Holds a plan to them: lowers its bounds, and tells what is above. `real` tells where a path leads.
    pub fn hold(&self, plan: &mut Plan, asked: &Asked, real: &dyn Fn(&Path) -> PathBuf) -> Held {
        let mut held = Held::default();
        plan.prices = self.prices();
        held.lowered.extend(prices::lowered(self.host.as_ref(), self.user.as_ref(), plan));
        for ceiling in self.all() {
            held.above.extend(refuse::above(ceiling, plan, asked, real));
            held.lowered.extend(lower::lower(ceiling, plan, asked));
        }
        held
    }

    /// Returns what models cost by them.
    pub fn prices(&self) -> Prices {
        prices::of(self.host.as_ref(), self.user.as_ref())
    }

    /// Returns who makes the commits of runs by them, root's word before the user's.
    pub fn committer(&self) -> Option<&Person> {
        self.all().find_map(|ceiling| ceiling.committer.as_ref())
    }

    /// Tells which protections are given up that may not be.
    pub fn hold_waivers(&self, waivers: &Waivers) -> Vec<Above> {
        self.all().flat_map(|ceiling| refuse::waivers(ceiling, waivers)).collect()
    }

    /// Returns what they demand of the confinement.
    pub fn demands(&self) -> Vec<Demand> {
        let demand = |ceiling: &Ceiling| {
            let confinement = ceiling.rules.require.as_ref()?.parse::<Confinement>().ok()?;
            let by = format!("`require`, {}:{}", ceiling.path.display(), ceiling.line("require"));
            Some(Demand { confinement, by })
        };
        self.all().filter_map(demand).collect()
    }

    /// Returns the folders in which what a step is granted has to lie, wherever its paths lead by then.
    pub fn within(&self, real: &dyn Fn(&Path) -> PathBuf) -> Vec<Within> {
        self.all().filter_map(|ceiling| Within::of(ceiling, real)).collect()
    }
}

#[cfg(test)]
mod tests;
