//! The audit's story and the runner's own fold, which share no code, tell the same of a run at every one of its events.

use std::time::Duration;

use proptest::prelude::*;

use super::honest;
use super::tests::{shown, take, tape};
use super::*;
use crate::evidence::RunState;
use crate::evidence::journal::Stamped;
use crate::evidence::state::{StepState, WorktreeState};

/// What the audit's story and the runner's fold have to tell alike.
fn disagreement(story: &Story, state: &RunState) -> Option<String> {
    let differ =
        |what: &str, own: String, other: String| (own != other).then(|| format!("{what}: {own}, {other}"));
    let of_step = |(at, step): (usize, &StepState)| {
        let own = &story.steps[at];
        let failed = (own.attempts, own.failed);
        let result = own.result.or(step.result.filter(|_| story.taken_over));
        differ(&step.id.to_string(), format!("{failed:?}"), format!("{:?}", (step.begun(), step.failed)))
            .or_else(|| differ(&step.id.to_string(), format!("{result:?}"), format!("{:?}", step.result)))
    };
    let branch =
        state.branch.as_ref().map(|own| (own.reference.to_string(), own.commit.to_string(), own.commits));
    let removed = matches!(state.worktree, WorktreeState::Removed { .. });
    let kept = matches!(state.worktree, WorktreeState::Kept(..));
    let (least, most) = story.active();
    let active = u64::try_from(state.active(|_| Duration::MAX).as_millis()).unwrap();
    state
        .steps
        .iter()
        .enumerate()
        .find_map(of_step)
        .or_else(|| {
            differ(
                "result",
                format!("{:?}", story.result()),
                format!("{:?}", state.end.as_ref().map(|end| end.result)),
            )
        })
        .or_else(|| differ("in a row", story.consecutive.0.to_string(), state.consecutive.to_string()))
        .or_else(|| differ("position", story.position(), state.position().to_string()))
        .or_else(|| differ("branch", format!("{:?}", story.branch), format!("{branch:?}")))
        .or_else(|| differ("removed", (story.worktree == Worktree::Removed).to_string(), removed.to_string()))
        .or_else(|| (story.worktree == Worktree::Kept && !kept).then(|| "kept".to_owned()))
        .or_else(|| differ("closed", story.is_closed().to_string(), state.closed.to_string()))
        .or_else(|| {
            let found = format!("active: {least} to {most}, {active}");
            (!(least..=most).contains(&active)).then_some(found)
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn the_story_and_the_runners_own_fold_tell_the_same_at_every_event(tape in tape()) {
        let journal = honest::journal(&tape);
        let mut story = Story::new(journal.run);
        let mut state: Option<RunState> = None;
        for (seq, (time, event)) in (0..).zip(journal.events.clone()) {
            let stamped = Stamped { time, event: event.clone() };
            match (&mut state, &event) {
                (Some(state), _) => state.apply(&stamped),
                (None, Event::RunStarted(start)) => state = Some(RunState::new((**start).clone(), time)),
                (None, _) => panic!("{event:?}"),
            }
            take(&mut story, seq, time, event);
            let differ = disagreement(&story, state.as_ref().unwrap());
            prop_assert!(differ.is_none(), "line {}: {}\n{}", seq + 1, differ.unwrap(), shown(&journal));
        }
    }
}
