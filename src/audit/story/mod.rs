//! Follows the events of a run as a person would who does not believe the runner: does each follow from the ones
//! before, is it what the plan says, and was it confined as the plan demands?

mod active;
mod after;
mod agent;
#[cfg(test)]
mod alike;
mod at;
mod attempt;
mod attempts;
mod begin;
mod cached;
mod chain;
#[cfg(test)]
mod changed;
mod end;
mod ended;
#[cfg(test)]
mod honest;
mod judging;
mod moves;
mod output;
mod printed;
mod published;
mod rebased;
mod records;
mod spent;
mod state;
mod step;
mod steps;
#[cfg(test)]
mod tests;
mod times;
mod tried;
mod verdicts;

use super::code::Code;
use super::journal::Entry;
use super::spelled::Told;
use crate::evidence::event::{AttemptResult, Event};
use at::{At, Runner, Worktree};
use moves::{Kind, State};
pub(super) use records::{Checkpoint, Published};
pub(super) use state::Story;

impl Story {
    /// Takes the next event.
    pub(super) fn take(&mut self, entry: Entry) {
        self.events += 1;
        let before = self.last;
        self.keep_time(&entry);
        self.keep_active(&entry, before);
        let kind = Kind::of(&entry.event);
        if self.may_come(kind) {
            self.expect_output(kind);
            self.follow(entry);
        }
    }

    /// Looks up where an event leads; whether it is to be followed there, in its order or not.
    fn may_come(&mut self, kind: Kind) -> bool {
        let at = match &self.runner {
            Runner::Gone(was) if kind == Kind::Resumed => State::of(was),
            _ => State::of(&self.at),
        };
        let found = || format!("`{}` {}", kind.text(), at.text());
        match moves::next(at, kind) {
            Ok(_) => {}
            Err(Code::EventAfterHead) => {
                let expected = "nothing but publishing, resuming and picking up";
                self.wrong(Code::EventAfterHead, expected, kind.text());
                return false;
            }
            Err(Code::WrongRun) if at == State::Beginning => {
                self.wrong(Code::WrongRun, "`run.started` first", kind.text());
                self.at = At::Idle;
                return false;
            }
            Err(Code::WrongRun) => {
                self.wrong(Code::WrongRun, "one start", "a second `run.started`");
                return false;
            }
            Err(code) => self.wrong(code, at.may_follow(), found()),
        }
        let goes_back = matches!(kind, Kind::Salvaged | Kind::ResetStarted);
        if at == State::Idle && goes_back && self.worktree != Worktree::Left {
            self.wrong(Code::OutOfOrder, "a worktree that a dead runner left", found());
        }
        match moves::worktree(self.worktree, kind) {
            Ok(worktree) => self.worktree = worktree,
            Err(code) => {
                let found = format!("`{}`, and it is {:?}", kind.text(), self.worktree);
                self.wrong(code, "a worktree for it", found);
            }
        }
        true
    }

    fn follow(&mut self, entry: Entry) {
        match entry.event {
            Event::RunStarted(start) => self.begin(&start),
            Event::WorktreeReady { .. } => {}
            Event::CacheLooked(looked) => self.cache_looked(&looked),
            Event::CacheKept(kept) => self.cache_kept(&kept),
            Event::AgentFound { id, agent, .. } => {
                self.agents.push((id.map(String::from), agent.to_string()));
            }
            Event::AttemptStarted { at, log, from, home, layer } => {
                if let Some(log) = log {
                    self.log.begins(log, at.step.as_str(), at.attempt);
                }
                self.attempt_started(at.step.as_str(), at.attempt, from.is_some());
                self.expect_cache(&at);
                if let Some(from) = from {
                    self.expect_position(from.as_str(), &format!("attempt {at} from"));
                }
                self.expect_layers(&at, home.as_ref(), layer.as_ref());
            }
            Event::CommandStarted { at, role, index, command } => {
                let told = Told::of(index, command.as_str());
                self.command_started(at.step.as_str(), at.attempt, role, told);
            }
            Event::LogAppended { at, from, to } => {
                self.log.begins(from, at.step.as_str(), at.attempt);
                self.log.ends(to, true);
                self.log_appended(&at, from, to);
            }
            Event::ExpectationJudged(judged) => self.judged(&judged),
            Event::ProofRan(ran) => self.proof_ran(&ran),
            Event::MasksRefused { at, count } => self.masks_refused(&at, count),
            Event::CommandEnded(ended) => self.command_ended(&ended),
            Event::CheckpointMade { at, commit, tree, parent, instructions, changes, .. } => {
                let [tree, parent] = [tree, parent].map(|name| name.map(String::from));
                let (step, attempt, commit) = (at.step.to_string(), at.attempt, commit.to_string());
                let made = Checkpoint { step, attempt, commit, tree, parent, instructions, changes };
                self.checkpoint_made(made);
            }
            Event::Egress(egress) => self.egress(&egress),
            Event::AgentStarted(started) => self.agent_started(&started),
            Event::AgentActed { at, .. } => self.at_work(at.step.as_str(), at.attempt, &entry.kind),
            Event::AgentUsed(used) => self.agent_used(&used),
            Event::AgentEnded(ended) => self.agent_ended(&ended),
            Event::AgentWaiting { at, reason, .. } => {
                self.agent_waiting(at.step.as_str(), at.attempt, &reason);
            }
            Event::AttemptEnded { at, result, reason, log, .. } => {
                if let Some(log) = log {
                    self.log.ends(log, result != AttemptResult::Passed);
                }
                self.attempt_ended(at.step.as_str(), at.attempt, result, reason.as_ref());
            }
            Event::Salvaged { at, reference, commit, not_held, .. } => {
                self.not_held += not_held.len();
                self.salvaged(at.step.as_str(), at.attempt, reference.as_str(), commit.as_str());
            }
            Event::GitMended { at, what } => self.git_mended(&at, what.len()),
            Event::GitLeft { left, more } => self.git_left(&left, more),
            Event::ResetStarted { at } => self.reset_started(at.step.as_str(), at.attempt),
            Event::ResetDone { at } => self.reset_done(at.step.as_str(), at.attempt),
            Event::RetryWaiting { at, .. } => self.retry_waiting(at.step.as_str(), at.attempt),
            Event::StepEnded { step, result, attempts, because } => {
                self.step_ended(step.as_str(), result, attempts, because.is_some());
            }
            Event::RunEnded { result, reason, step, .. } => {
                let step = step.as_ref().map(crate::evidence::StepId::as_str);
                self.run_ended(result, reason.as_ref(), step);
                if entry.version > 1 {
                    self.expect_reason(reason.as_ref(), step);
                }
            }
            Event::BranchMade { reference, commit, commits, moved: _, bundled } => {
                self.bundled = bundled;
                self.branch_made(reference.to_string(), commit.to_string(), commits);
            }
            Event::BranchSearched { commit, .. } => self.branch_searched(commit.as_str()),
            Event::WorktreeRemoved { .. } | Event::WorktreeKept { .. } => self.worktree_gone(),
            Event::Recovered { .. } => self.recovered(),
            Event::Resumed(resumed) => self.resumed(&resumed),
            Event::PublishRebased(rebased) => self.publish_rebased(*rebased),
            Event::PublishEvidence(sent) => self.publish_evidence(&sent),
            Event::PublishStarted { effect, key, to, .. } => {
                self.publish_started(effect, key.as_str(), to.as_str());
            }
            Event::PublishDone { effect, key, url, id } => {
                self.publish_done(effect, key.as_str(), url.as_ref().map(crate::evidence::Text::as_str), id);
            }
            Event::PublishFailed { effect, key, .. } => {
                self.publish_ended(effect, key.as_str());
            }
            Event::Sealed { files } => {
                self.expect_kept();
                self.sealed(files, entry.so_far.unwrap_or_default(), entry.time);
            }
            Event::Attested { sha256 } => self.attest(sha256.to_string(), entry.at),
        }
    }
}
