//! Where the base of a step's proof stood.

use super::{Action, Plan, Step};

impl Plan {
    /// Returns the step before which the base of a step's proof stood: the one that it names, else the first up to it that
    /// is an agent's work or a patch, else the step itself.
    pub fn proof_base<'p>(&'p self, step: &'p Step) -> Option<&'p Step> {
        let proves = step.expectation.proves.as_ref()?;
        if let Some(since) = &proves.since {
            return self.steps.iter().find(|own| own.id == *since);
        }
        let before = self.steps.iter().take_while(|own| own.id != step.id);
        Some(before.chain([step]).find(|own| !matches!(own.action, Action::Command(_))).unwrap_or(step))
    }

    /// Tells whether what stands before a step is the base of a proof.
    pub fn is_proof_base(&self, step: &Step) -> bool {
        let mut bases = self.steps.iter().filter_map(|own| self.proof_base(own));
        bases.any(|base| base.id == step.id)
    }
}
