//! Takes where a run is and what kind of event comes, gives where that leads or what is wrong with it: the order of a
//! journal, as one table for the run and one for its worktree. `docs/audit.md` prints both.

use super::at::{At, Worktree};
use crate::audit::code::Code;
use crate::evidence::event::{AttemptResult, Event, Reason, ReasonKind, Role};

/// Makes an enum of which each has a class and a text, and all can be listed.
macro_rules! named {
    ($(#[$about:meta])* $name:ident of $class:ident [$($listed:meta)?] { $($variant:ident $of:ident $text:literal,)+ }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum $name { $($variant,)+ }

        impl $name {
            /// Lists all there are.
            $(#[$listed])?
            pub(super) const ALL: &[Self] = &[$(Self::$variant,)+];

            fn class(self) -> $class {
                match self { $(Self::$variant => $class::$of,)+ }
            }

            /// Returns its text.
            pub(super) fn text(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }
    };
}

/// What a state is to the events that may not come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Begin,
    /// What has begun must have an end before the run goes on.
    Open,
    Between,
    /// The head is there.
    Over,
}

/// What an event is to what has begun. A kind that [`next`] allows nowhere is found everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// The run itself begins.
    Run,
    /// It ends what has begun.
    Ends,
    /// It ends what begins behind the head.
    Publishes,
    /// It leads on: something else has to have its end before.
    Turns,
    /// It belongs within something, or stands alone.
    Within,
}

named! {
    /// Where a run is, without what [`At`] has at hand there; in words.
    State of Place [cfg(test)] {
        Beginning Begin "before its first event",
        Idle Between "between steps",
        Attempt Open "in an attempt, between its commands",
        Command Open "in a command of an attempt",
        Passed Between "after an attempt that passed",
        Failed Between "after an attempt that failed",
        Interrupted Between "after an attempt that was interrupted",
        RollingBack Open "in a rollback command",
        Resetting Open "on the way back to the last checkpoint",
        Back Between "back there, after an attempt",
        Waiting Between "before a further attempt",
        Settling Open "going on, and on the way back from what was left",
        PickedUp Between "picked up by another invocation",
        Clearing Open "picked up, and on the way back to the last checkpoint",
        Closing Between "after its end",
        Sealed Between "after its seal",
        Closed Over "after its head",
        Publishing Over "while something is published",
    }
}

named! {
    /// The kinds of events, as far as their order tells them apart; as journals name them.
    Kind of Part [] {
        RunStarted Run "run.started",
        AgentFound Within "agent.found",
        WorktreeReady Within "worktree.ready",
        CacheLooked Within "cache.looked",
        CacheKept Within "cache.kept",
        AttemptStarted Turns "attempt.started",
        AgentStarted Within "agent.started",
        CommandStarted Turns "command.started",
        RollbackStarted Turns "command.started (rollback)",
        Egress Within "egress",
        AgentActed Within "agent.acted",
        AgentUsed Within "agent.used",
        CommandEnded Ends "command.ended",
        RollbackEnded Ends "command.ended (rollback)",
        AgentEnded Within "agent.ended",
        AgentWaiting Within "agent.waiting",
        CheckpointMade Within "checkpoint.made",
        AttemptPassed Ends "attempt.ended (passed)",
        AttemptFailed Ends "attempt.ended (failed)",
        AttemptInterrupted Ends "attempt.ended (interrupted)",
        AttemptSuperseded Ends "attempt.ended (superseded)",
        AttemptLost Ends "attempt.ended (crash)",
        ExpectationJudged Within "expectation.judged",
        ProofRan Within "proof.ran",
        MasksRefused Within "masks.refused",
        LogAppended Within "log.appended",
        Salvaged Within "salvaged",
        GitMended Within "git.mended",
        GitLeft Within "git.left",
        ResetStarted Turns "reset.started",
        ResetDone Ends "reset.done",
        RetryWaiting Turns "retry.waiting",
        StepEnded Turns "step.ended",
        RunEnded Turns "run.ended",
        RunFaulted Within "run.ended (internal)",
        BranchMade Within "branch.made",
        BranchSearched Within "branch.searched",
        WorktreeRemoved Within "worktree.removed",
        WorktreeKept Within "worktree.kept",
        Sealed Within "sealed",
        Attested Within "attested",
        PublishRebased Within "publish.rebased",
        PublishEvidence Within "publish.evidence",
        PublishStarted Within "publish.started",
        PublishDone Publishes "publish.done",
        PublishFailed Publishes "publish.failed",
        Recovered Within "recovered",
        Resumed Within "resumed",
    }
}

/// Says where an event leads the run; the code of the finding if no run has it there.
#[rustfmt::skip]
#[expect(clippy::match_same_arms, reason = "a table is read row by row")]
pub(super) fn next(at: State, kind: Kind) -> Result<State, Code> {
    use {Kind as K, State as S};
    Ok(match (at, kind) {
        // One beginning.
        (S::Beginning, K::RunStarted) => S::Idle,
        (S::Beginning, _) | (_, K::RunStarted) => return Err(wrong(at, kind)),

        // Its runner died: another one closes what it left, or goes on. That one gives an attempt its end first.
        (_, K::Recovered) => S::PickedUp,
        (S::Attempt | S::Command, K::Resumed) => S::Attempt,
        (S::Passed, K::Resumed) => S::Passed,
        (_, K::Resumed) => S::Idle,

        // After the head.
        (S::Closed | S::Publishing, K::PublishRebased) => S::Closed,
        (S::Closed | S::Publishing, K::PublishStarted) => S::Publishing,
        (S::Publishing, K::PublishEvidence) => S::Publishing,
        (S::Publishing, K::PublishDone | K::PublishFailed) => S::Closed,

        // Between steps.
        (S::Idle, K::AgentFound | K::WorktreeReady | K::CacheLooked | K::StepEnded | K::PublishEvidence) => S::Idle,
        (S::Idle, K::AttemptStarted) => S::Attempt,
        (S::Idle, K::RunEnded) => S::Closing,

        // An attempt.
        (S::Attempt, K::AgentStarted | K::AgentEnded | K::AgentWaiting | K::CheckpointMade) => S::Attempt,
        (S::Attempt, K::CommandStarted) => S::Command,
        (S::Attempt, K::ExpectationJudged | K::ProofRan | K::MasksRefused) => S::Attempt,
        (S::Attempt, K::GitMended | K::GitLeft) => S::Attempt,
        (S::Command, K::Egress | K::AgentActed | K::AgentUsed | K::MasksRefused) => S::Command,
        (S::Command, K::CommandEnded) => S::Attempt,
        (S::Attempt, K::AttemptPassed) => S::Passed,
        (S::Attempt, K::AttemptFailed) => S::Failed,
        (S::Attempt, K::AttemptInterrupted | K::AttemptSuperseded) => S::Interrupted,

        // What it printed goes into the log when it is over and undone, or when its runner was.
        (S::Idle | S::Attempt | S::Command | S::Passed | S::Failed | S::Interrupted | S::RollingBack | S::Resetting
            | S::Back | S::Waiting | S::PickedUp, K::LogAppended) => at,

        // After it.
        (S::Passed, K::Salvaged) => S::Passed,
        (S::Passed, K::StepEnded) => S::Idle,
        (S::Failed | S::Waiting, K::Salvaged) => S::Failed,
        (S::Failed | S::Waiting, K::RollbackStarted) => S::RollingBack,
        (S::RollingBack, K::RollbackEnded) => S::Failed,
        (S::Interrupted, K::Salvaged) => S::Interrupted,
        (S::Failed | S::Waiting | S::Interrupted, K::ResetStarted) => S::Resetting,
        (S::Resetting, K::ResetDone) => S::Back,
        (S::Failed | S::Back, K::RetryWaiting) => S::Waiting,
        (S::Waiting, K::AttemptStarted) => S::Attempt,
        (S::Back | S::Waiting, K::StepEnded) => S::Idle,

        // Going on from what a dead runner left: in its worktree, or in a new one.
        (S::Attempt, K::WorktreeReady) => S::Attempt,
        (S::Passed, K::WorktreeReady) => S::Passed,
        (S::Attempt, K::AttemptLost) => S::Idle,
        (S::Idle, K::Salvaged) => S::Idle,
        (S::Idle, K::ResetStarted) => S::Settling,
        (S::Settling, K::ResetDone) => S::Idle,

        // Closing what a dead runner left.
        (S::PickedUp, K::Salvaged) => S::PickedUp,
        (S::PickedUp, K::ResetStarted) => S::Clearing,
        (S::Clearing, K::ResetDone) => S::PickedUp,
        (S::PickedUp, K::RunEnded) => S::Closing,

        // The end. A fault of the runner itself breaks off whatever it was at.
        (S::Idle | S::Attempt | S::Command | S::Passed | S::Failed | S::Interrupted | S::RollingBack | S::Resetting
            | S::Back | S::Waiting | S::Settling | S::PickedUp | S::Closing, K::RunFaulted) => S::Closing,
        (S::PickedUp | S::Closing, K::BranchMade | K::GitLeft | K::WorktreeRemoved | K::WorktreeKept) => S::Closing,
        (S::PickedUp | S::Closing, K::BranchSearched) => S::Closing,
        (S::Closing, K::CacheKept) => S::Closing,
        (S::PickedUp | S::Closing, K::Sealed) => S::Sealed,
        (S::Sealed, K::Attested) => S::Closed,

        _ => return Err(wrong(at, kind)),
    })
}

/// Returns the code for an event that no run has where it comes.
fn wrong(at: State, kind: Kind) -> Code {
    match (at.class(), kind.class()) {
        (Place::Begin, _) | (_, Part::Run) => Code::WrongRun,
        (_, Part::Publishes) => Code::StartWithoutEnd,
        (Place::Over, _) => Code::EventAfterHead,
        (_, Part::Ends) | (Place::Open, Part::Turns) => Code::StartWithoutEnd,
        (_, Part::Turns | Part::Within) => Code::OutOfOrder,
    }
}

/// Says what an event makes of the worktree; the code of the finding if none is where the event needs one.
#[rustfmt::skip]
#[expect(clippy::match_same_arms, reason = "a table is read row by row")]
pub(super) fn worktree(is: Worktree, kind: Kind) -> Result<Worktree, Code> {
    use {Kind as K, Worktree as W};
    Ok(match (is, kind) {
        (W::Missing | W::Left, K::WorktreeReady) => W::There,
        (W::There, K::CacheLooked | K::AttemptStarted | K::Salvaged | K::GitMended | K::GitLeft | K::ResetStarted) => W::There,
        // Whoever goes on in what is left goes back to its checkpoint first.
        (W::Left, K::Salvaged | K::GitLeft) => W::Left,
        (W::Left, K::ResetStarted) => W::There,
        (W::There | W::Left, K::BranchMade) => W::Delivered,
        (W::There | W::Left | W::Delivered, K::WorktreeRemoved) => W::Removed,
        (W::There | W::Left | W::Delivered, K::WorktreeKept) => W::Kept,
        (W::There | W::Left | W::Delivered | W::Kept, K::Recovered) => W::There,
        (W::There | W::Left | W::Delivered | W::Kept, K::Resumed) => W::Left,
        (W::Missing | W::Removed, K::Resumed) => W::Missing,
        (_, K::WorktreeRemoved | K::WorktreeKept) => return Err(Code::StartWithoutEnd),
        // What is kept is told when the worktree is gone, or stays.
        (W::Missing | W::There | W::Left | W::Delivered, K::CacheKept)
        | (_, K::WorktreeReady | K::CacheLooked | K::AttemptStarted | K::Salvaged | K::GitMended | K::GitLeft | K::ResetStarted | K::BranchMade)
        | (W::Removed | W::Kept, K::RunFaulted) => return Err(Code::OutOfOrder),
        // Any other leaves it as it is.
        _ => is,
    })
}

impl Kind {
    /// Returns the kind of an event.
    pub(super) fn of(event: &Event) -> Self {
        match event {
            Event::RunStarted(_) => Self::RunStarted,
            Event::WorktreeReady { .. } => Self::WorktreeReady,
            Event::CacheLooked(_) => Self::CacheLooked,
            Event::CacheKept(_) => Self::CacheKept,
            Event::AttemptStarted { .. } => Self::AttemptStarted,
            Event::CommandStarted { role: Role::Action | Role::Post, .. } => Self::CommandStarted,
            Event::CommandStarted { role: Role::Rollback, .. } => Self::RollbackStarted,
            Event::CommandEnded(ended) if ended.role == Role::Rollback => Self::RollbackEnded,
            Event::CommandEnded(_) => Self::CommandEnded,
            Event::AgentFound { .. } => Self::AgentFound,
            Event::AgentStarted(_) => Self::AgentStarted,
            Event::AgentActed { .. } => Self::AgentActed,
            Event::AgentUsed(_) => Self::AgentUsed,
            Event::AgentEnded(_) => Self::AgentEnded,
            Event::ExpectationJudged(_) => Self::ExpectationJudged,
            Event::ProofRan(_) => Self::ProofRan,
            Event::MasksRefused { .. } => Self::MasksRefused,
            Event::LogAppended { .. } => Self::LogAppended,
            Event::AgentWaiting { .. } => Self::AgentWaiting,
            Event::Egress(_) => Self::Egress,
            Event::AttemptEnded { result, reason, .. } => match result {
                AttemptResult::Passed => Self::AttemptPassed,
                AttemptResult::Failed => Self::AttemptFailed,
                AttemptResult::Interrupted if is(reason.as_ref(), ReasonKind::Crash) => Self::AttemptLost,
                AttemptResult::Interrupted => Self::AttemptInterrupted,
                AttemptResult::Superseded => Self::AttemptSuperseded,
            },
            Event::CheckpointMade { .. } => Self::CheckpointMade,
            Event::Salvaged { .. } => Self::Salvaged,
            Event::GitMended { .. } => Self::GitMended,
            Event::GitLeft { .. } => Self::GitLeft,
            Event::ResetStarted { .. } => Self::ResetStarted,
            Event::ResetDone { .. } => Self::ResetDone,
            Event::RetryWaiting { .. } => Self::RetryWaiting,
            Event::StepEnded { .. } => Self::StepEnded,
            Event::RunEnded { reason, .. } if is(reason.as_ref(), ReasonKind::Internal) => Self::RunFaulted,
            Event::RunEnded { .. } => Self::RunEnded,
            Event::BranchMade { .. } => Self::BranchMade,
            Event::BranchSearched { .. } => Self::BranchSearched,
            Event::WorktreeRemoved { .. } => Self::WorktreeRemoved,
            Event::WorktreeKept { .. } => Self::WorktreeKept,
            Event::Recovered { .. } => Self::Recovered,
            Event::Resumed(_) => Self::Resumed,
            Event::Sealed { .. } => Self::Sealed,
            Event::Attested { .. } => Self::Attested,
            Event::PublishRebased(_) => Self::PublishRebased,
            Event::PublishEvidence(_) => Self::PublishEvidence,
            Event::PublishStarted { .. } => Self::PublishStarted,
            Event::PublishDone { .. } => Self::PublishDone,
            Event::PublishFailed { .. } => Self::PublishFailed,
        }
    }
}

fn is(reason: Option<&Reason>, kind: ReasonKind) -> bool {
    reason.is_some_and(|reason| reason.kind == kind)
}

impl State {
    /// Returns the state that a run is in.
    pub(super) fn of(at: &At) -> Self {
        match at {
            At::Beginning => Self::Beginning,
            At::Idle => Self::Idle,
            At::Attempt(_) => Self::Attempt,
            At::Command(..) => Self::Command,
            At::Over(over) => match over.result {
                AttemptResult::Passed => Self::Passed,
                AttemptResult::Failed => Self::Failed,
                AttemptResult::Interrupted | AttemptResult::Superseded => Self::Interrupted,
            },
            At::RollingBack(_) => Self::RollingBack,
            At::Resetting(_) => Self::Resetting,
            At::Back(_) => Self::Back,
            At::Waiting(_) => Self::Waiting,
            At::Settling(_) => Self::Settling,
            At::PickedUp => Self::PickedUp,
            At::Clearing(_) => Self::Clearing,
            At::Closing => Self::Closing,
            At::Sealed => Self::Sealed,
            At::Closed => Self::Closed,
            At::Publishing(..) => Self::Publishing,
        }
    }

    /// Names the events that may come now, but for somebody taking over, which always may.
    pub(super) fn may_follow(self) -> String {
        let may =
            |kind: &&Kind| !matches!(kind, Kind::Recovered | Kind::Resumed) && next(self, **kind).is_ok();
        let names = Kind::ALL.iter().filter(may).map(|kind| format!("`{}`", kind.text()));
        names.collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed<T: Copy>(all: &[T], is: impl Fn(T) -> bool, say: impl Fn(T) -> String) -> String {
        let all = all.iter().copied().filter(|one| is(*one));
        all.map(say).collect::<Vec<_>>().join(", ")
    }

    fn events(is: impl Fn(Kind) -> bool) -> String {
        listed(Kind::ALL, is, |kind| format!("`{}`", kind.text()))
    }

    fn states(is: impl Fn(State) -> bool) -> String {
        listed(State::ALL, is, |state| format!("{state:?}"))
    }

    /// Lists where events lead, but for what is `said` already.
    fn leads(from: State, said: impl Fn(Kind, State) -> bool) -> String {
        let to = |to| events(|kind| next(from, kind) == Ok(to) && !said(kind, to));
        let all = State::ALL.iter().map(|state| (to(*state), state)).filter(|(events, _)| !events.is_empty());
        all.map(|(events, to)| format!("{events} → {to:?}")).collect::<Vec<_>>().join("; ")
    }

    /// Writes the tables as `docs/audit.md` has them.
    fn tables() -> String {
        let mut lines =
            vec!["| it is | that is | and an event leads on |".to_owned(), "|---|---|---|".to_owned()];
        let taken_over = |kind| match kind {
            Kind::Recovered => Some(State::PickedUp),
            Kind::Resumed => Some(State::Idle),
            _ => None,
        };
        for state in State::ALL {
            let leads = leads(*state, |kind, to| taken_over(kind) == Some(to));
            lines.push(format!("| {state:?} | {} | {leads} |", state.text()));
        }
        lines.push(
            "| any but Beginning | | `recovered` → PickedUp; `resumed` → Idle where nothing else is said |"
                .to_owned(),
        );
        lines.extend(["", "| an event that does not lead on | code |", "|---|---|"].map(str::to_owned));
        let ends = events(|kind| matches!(kind.class(), Part::Ends | Part::Publishes));
        let publishing = events(|kind| kind.class() == Part::Publishes);
        let turns = events(|kind| kind.class() == Part::Turns);
        lines.push("| any at Beginning; `run.started` anywhere else | AP107 |".to_owned());
        let over = states(|at| at.class() == Place::Over);
        lines.push(format!("| any at {over}, but for {publishing} | AP106 |"));
        lines.push(format!("| {ends}; at {} also {turns} | AP401 |", states(|at| at.class() == Place::Open)));
        lines.push("| any other | AP402 |".to_owned());
        lines.extend(["", "| the worktree is | what becomes of it |", "|---|---|"].map(str::to_owned));
        for is in Worktree::ALL {
            let to =
                |to: Worktree| (events(|kind| to != is && worktree(is, kind) == Ok(to)), format!("{to:?}"));
            let code =
                |code: Code| (events(|kind| worktree(is, kind) == Err(code)), format!("AP{}", code.number()));
            let all =
                Worktree::ALL.map(to).into_iter().chain([Code::StartWithoutEnd, Code::OutOfOrder].map(code));
            let all =
                all.filter(|(events, _)| !events.is_empty()).map(|(events, to)| format!("{events} → {to}"));
            lines.push(format!("| {is:?} | {} |", all.collect::<Vec<_>>().join("; ")));
        }
        lines.join("\n")
    }

    #[test]
    fn the_document_has_the_tables_as_they_are() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/audit.md");
        let (text, expected) = (std::fs::read_to_string(path).unwrap(), tables());
        assert!(text.contains(&expected), "docs/audit.md has to say:\n{expected}\n");
    }

    #[test]
    fn every_event_leads_on_from_somewhere_and_is_wrong_elsewhere_with_the_code_of_its_part() {
        for kind in Kind::ALL {
            let allowed = State::ALL.iter().filter(|at| next(**at, *kind).is_ok()).count();
            assert!((1..State::ALL.len()).contains(&allowed), "{kind:?}");
            for at in State::ALL {
                assert!(
                    next(*at, *kind).map_or_else(|code| code == wrong(*at, *kind), |_| true),
                    "{at:?} {kind:?}"
                );
            }
        }
    }

    #[test]
    fn nothing_leads_back_to_the_beginning_and_everything_is_reached() {
        let all =
            || State::ALL.iter().flat_map(|at| Kind::ALL.iter().filter_map(|kind| next(*at, *kind).ok()));
        assert!(!all().any(|to| to == State::Beginning));
        for state in State::ALL.iter().filter(|state| **state != State::Beginning) {
            assert!(all().any(|to| to == *state), "{state:?} is never reached");
        }
    }
}
