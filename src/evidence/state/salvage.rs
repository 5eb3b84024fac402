//! What was saved of an attempt.

use std::collections::HashSet;

use crate::evidence::text::Text;
use crate::git::RefName;

/// What was saved of an attempt. Twice, if its runner died before the reset: the second time there is what came
/// since, or what had been saved already.
#[derive(Debug, Clone, Default)]
pub struct Salvage {
    /// Refs in the salvage bundle.
    pub references: Vec<String>,
    /// What the bundle could not hold.
    pub not_held: Vec<String>,
    /// Files in the bundle that look as if they held a secret.
    pub secrets: Vec<String>,
}

impl Salvage {
    /// Adds what was saved; what is named already is not named again.
    pub(super) fn add(&mut self, reference: &RefName, not_held: &[Text], secrets: &[Text]) {
        self.references.push(reference.to_string());
        for (known, more) in [(&mut self.not_held, not_held), (&mut self.secrets, secrets)] {
            let mut named: HashSet<String> = known.iter().cloned().collect();
            known.extend(more.iter().map(ToString::to_string).filter(|text| named.insert(text.clone())));
        }
    }
}
