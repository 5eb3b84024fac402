//! What of a step's money and the run's is left for its agent.

use super::Runner;
use super::outcome::Outcome;
use crate::evidence::event::ReasonKind;
use crate::evidence::state::StepState;
use crate::plan::{AgentStep, Step, units};

impl Runner<'_> {
    /// Returns how much a step may still spend, in millionths of a US dollar: what is left of its own and of the run's.
    pub(super) fn money_left(&self, step: &Step, asked: &AgentStep) -> Option<u64> {
        let own = asked.budget.map(|most| most.saturating_sub(self.spent_by(step)));
        let of_run = self.plan.limits.budget.map(|most| most.saturating_sub(self.state().known_cost()));
        own.into_iter().chain(of_run).min()
    }

    /// Fails an attempt for which no money is left.
    pub(super) fn too_much_money(&self, step: &Step, asked: &AgentStep) -> Option<Outcome> {
        (self.money_left(step, asked) == Some(0))
            .then(|| self.failed(ReasonKind::Budget, &self.spent_money(step, asked)))
    }

    /// Says which budget is reached.
    pub(super) fn spent_money(&self, step: &Step, asked: &AgentStep) -> String {
        let used = self.spent_by(step);
        match (asked.budget, self.plan.limits.budget) {
            (Some(most), _) if used >= most => {
                let (most, used) = (units::money(most), units::dollars(used));
                format!("the step's budget of {most} is reached: it cost {used}")
            }
            (_, Some(most)) => {
                let (most, used) = (units::money(most), units::dollars(self.state().known_cost()));
                format!("the run's budget of {most} is reached: it cost {used}")
            }
            _ => "the budget is reached".to_owned(),
        }
    }

    fn spent_by(&self, step: &Step) -> u64 {
        self.state().step(&step.id).map_or(0, StepState::known_cost)
    }
}
