//! What agents used of their models, against what the plan allows: takes running totals, and finds turns that begin, or go on and
//! on, after all of it is spent.

use super::state::Story;
use super::step::StepStory;
use crate::audit::code::Code;
use crate::evidence::event::{Spending, Tokens};
use crate::plan::units;

/// Requests that may be under way while another one reaches the limit, and be counted after it: no more of them are in the
/// runner's memory at once.
const UNDER_WAY: u64 = 4;

impl Story {
    /// Takes what a turn has used, which is never less than before.
    pub(super) fn has_used(&mut self, id: &str, requests: u64, tokens: Tokens) {
        let Some(attempt) = self.at.attempt_mut() else { return };
        let (before, used) = std::mem::replace(&mut attempt.used, (requests, tokens));
        let after = attempt.limit_at.map(|reached| requests.saturating_sub(reached));
        if requests < before || tokens.input < used.input || tokens.output < used.output {
            let found = format!("{requests} requests and {} tokens of `{id}`", tokens.total());
            let expected = format!("{before} requests and {} tokens, or more", used.total());
            self.wrong(Code::ResultWrong, expected, found);
        }
        if let Some(more) = after.filter(|more| *more > UNDER_WAY) {
            let found = format!("{more} further requests of `{id}`");
            self.wrong(Code::PlanNotFollowed, "no request after the limit is reached", found);
        }
    }

    /// Demands that what a turn cost is told, where money is bounded.
    pub(super) fn is_priced(&mut self, id: &str, tokens: Option<Tokens>, cost: Option<u64>) {
        let Some(at) = self.step_of(id) else { return };
        let bounded = self.money_of(at).is_some_and(|limits| limits.iter().any(Option::is_some));
        if bounded && cost.is_none() && tokens.is_some_and(|tokens| tokens.total() > 0) {
            let found = format!("a turn of `{id}` without its cost");
            self.wrong(Code::PlanNotFollowed, "what it cost, since money is bounded", found);
        }
    }

    /// Notes at which request of a turn there is nothing left.
    pub(super) fn note_limit(&mut self, id: &str, requests: u64) {
        let reached = self.by_id.get(id).is_some_and(|at| self.reached(*at).is_some());
        if let Some(attempt) = self.at.attempt_mut().filter(|attempt| reached && attempt.limit_at.is_none()) {
            attempt.limit_at = Some(requests);
        }
    }

    /// Demands that tokens and money are left for a turn that begins: the step's own, and the run's.
    pub(super) fn is_left(&mut self, at: usize) {
        if let Some((most, used)) = self.reached(at) {
            self.wrong(
                Code::PlanNotFollowed,
                format!("at most {most}"),
                format!("an agent at work after {used}"),
            );
        }
    }

    /// Tells of a limit that is reached: what it is, and what was used.
    fn reached(&self, at: usize) -> Option<(String, String)> {
        let plan = self.plan.as_ref()?;
        let sum = |of: fn(&Spending) -> u64| {
            let by = |step: &StepStory| of(&step.spending);
            [self.steps.get(at).map_or(0, by), self.steps.iter().map(by).fold(0, u64::saturating_add)]
        };
        let tokens = sum(|spending| spending.total().unwrap_or_default());
        let of_step = plan.steps.get(at).and_then(|step| step.action.tokens());
        let tokens = tokens.into_iter().zip([of_step, plan.limits.tokens.most()]);
        let is_over = |(used, most): (u64, Option<u64>)| Some((used, most.filter(|most| used >= *most)?));
        if let Some((used, most)) = tokens.into_iter().find_map(is_over) {
            return Some((format!("{most} tokens"), used.to_string()));
        }
        let mut money = sum(Spending::known_cost).into_iter().zip(self.money_of(at)?);
        let (used, most) = money.find_map(is_over)?;
        Some((units::money(most), units::dollars(used)))
    }

    /// Returns what a step and the run may spend, in millionths of a US dollar.
    fn money_of(&self, at: usize) -> Option<[Option<u64>; 2]> {
        let plan = self.plan.as_ref()?;
        let of_step = plan.steps.get(at).and_then(|step| step.action.budget());
        Some([of_step, plan.limits.budget.as_deref()].map(|own| own.and_then(units::micros)))
    }
}
