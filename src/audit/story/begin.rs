//! The beginning of a run: the first event is of this very run, and says what the plan in it says.

use super::at::At;
use super::state::Story;
use super::step::StepStory;
use crate::audit::code::Code;
use crate::audit::plan::{MASK, Recorded};
use crate::evidence::RunName;
use crate::evidence::event::RunStarted;

impl Story {
    pub(super) fn begin(&mut self, start: &RunStarted) {
        self.at = At::Idle;
        self.start = Some(start.clone());
        let own = self.run;
        for (what, expected, found) in [
            ("run", own.to_string(), start.run.to_string()),
            ("issue", own.issue().to_string(), start.issue.to_string()),
            ("branch", own.branch(), start.branch.to_string()),
        ] {
            if expected != found {
                self.wrong(Code::WrongRun, format!("{what} {expected}"), format!("{what} {found}"));
            }
        }
        self.check_mask(start);
        self.check_revised(start);
        match Recorded::of(start.plan.value()) {
            Ok(plan) => self.take_plan(plan, start),
            Err(error) => self.wrong(Code::PlanNotFollowed, "a plan in the first event", error),
        }
    }

    /// A revision is of an earlier run of the same issue, and stands on the branch that it saw.
    fn check_revised(&mut self, start: &RunStarted) {
        let Some(revises) = &start.revises else { return };
        let earlier = revises.run.as_str().parse::<RunName>().ok();
        let fits = earlier.is_some_and(|run| run.issue() == start.issue && run < self.run);
        if !fits {
            let expected = format!("an earlier run of issue {}", start.issue);
            self.wrong(Code::WrongRun, expected, format!("a revision of run {}", revises.run));
        }
        // A merge stands between them, where both conflict.
        if revises.merged.is_none() && revises.tip != start.commit {
            self.wrong(
                Code::ResultWrong,
                format!("the tip {}, as revised", revises.tip),
                start.commit.as_str(),
            );
        }
        let others = if revises.has_others() { ", with commits of others" } else { "" };
        let (number, run, asked) = (revises.number, &revises.run, revises.asked.len());
        self.notes.push(format!("revises pull request #{number} of run {run}{others}: {asked} asked"));
    }

    /// A plan that masking changed shows it; one that shows a mask may have been written so.
    fn check_mask(&mut self, start: &RunStarted) {
        let Some(is_masked) = start.plan_masked else { return };
        let shows = start.plan.value().to_string().contains(MASK);
        if is_masked && !shows {
            self.wrong(Code::ResultWrong, "a mask in a plan that masking changed", "none");
        } else if shows && !is_masked {
            self.notes.push(format!("the plan has a “{MASK}” that is its own, as the journal says"));
        }
    }

    fn take_plan(&mut self, plan: Recorded, start: &RunStarted) {
        let planned: Vec<&str> = plan.steps.iter().map(|step| step.id.as_str()).collect();
        let named: Vec<&str> = start.steps.iter().map(crate::evidence::StepId::as_str).collect();
        if planned != named {
            let (planned, named) = (planned.join(" "), named.join(" "));
            self.wrong(Code::PlanNotFollowed, format!("steps {planned}"), format!("steps {named}"));
        }
        if plan.issue != start.issue || plan.title != start.title.as_str() {
            let found = format!("issue {}, “{}”", start.issue, start.title);
            self.wrong(Code::PlanNotFollowed, format!("issue {}, “{}”", plan.issue, plan.title), found);
        }
        self.steps = plan.steps.iter().map(|_| StepStory::default()).collect();
        self.by_id = plan.steps.iter().enumerate().map(|(at, step)| (step.id.clone(), at)).collect();
        self.plan = Some(plan);
        if start.plan_masked.is_some() {
            self.check_intent(start);
        }
    }
}
