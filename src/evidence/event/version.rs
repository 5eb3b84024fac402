//! Which version of the journal an event is of: what version 2 demands, and what only version 1 has.

use super::{Event, Role};
use crate::evidence::id::AttemptId;

/// An event is not of the version that its line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misfit {
    /// A field that this version has is missing.
    Lacks(&'static str),
    /// A field or event of the other version is there.
    Has(&'static str),
}

impl std::fmt::Display for Misfit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Lacks(field) => write!(f, "without `{field}`"),
            Self::Has(what) => write!(f, "with `{what}`, which this version has not"),
        }
    }
}

impl Event {
    /// The `type` of every kind of event that this program knows.
    pub const KINDS: [&str; 41] = [
        "run.started",
        "worktree.ready",
        "cache.looked",
        "cache.kept",
        "attempt.started",
        "command.started",
        "command.ended",
        "agent.found",
        "agent.started",
        "agent.acted",
        "agent.used",
        "agent.ended",
        "agent.waiting",
        "egress",
        "attempt.ended",
        "expectation.judged",
        "proof.ran",
        "masks.refused",
        "log.appended",
        "checkpoint.made",
        "salvaged",
        "git.mended",
        "git.left",
        "reset.started",
        "reset.done",
        "retry.waiting",
        "step.ended",
        "run.ended",
        "branch.made",
        "branch.searched",
        "worktree.removed",
        "worktree.kept",
        "recovered",
        "resumed",
        "sealed",
        "attested",
        "publish.rebased",
        "publish.evidence",
        "publish.started",
        "publish.done",
        "publish.failed",
    ];

    /// Returns its `type`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::RunStarted(_) => "run.started",
            Self::WorktreeReady { .. } => "worktree.ready",
            Self::CacheLooked(_) => "cache.looked",
            Self::CacheKept(_) => "cache.kept",
            Self::AttemptStarted { .. } => "attempt.started",
            Self::CommandStarted { .. } => "command.started",
            Self::CommandEnded(_) => "command.ended",
            Self::AgentFound { .. } => "agent.found",
            Self::AgentStarted(_) => "agent.started",
            Self::AgentActed { .. } => "agent.acted",
            Self::AgentUsed(_) => "agent.used",
            Self::AgentEnded(_) => "agent.ended",
            Self::AgentWaiting { .. } => "agent.waiting",
            Self::Egress(_) => "egress",
            Self::AttemptEnded { .. } => "attempt.ended",
            Self::ExpectationJudged(_) => "expectation.judged",
            Self::ProofRan(_) => "proof.ran",
            Self::MasksRefused { .. } => "masks.refused",
            Self::LogAppended { .. } => "log.appended",
            Self::CheckpointMade { .. } => "checkpoint.made",
            Self::Salvaged { .. } => "salvaged",
            Self::GitMended { .. } => "git.mended",
            Self::GitLeft { .. } => "git.left",
            Self::ResetStarted { .. } => "reset.started",
            Self::ResetDone { .. } => "reset.done",
            Self::RetryWaiting { .. } => "retry.waiting",
            Self::StepEnded { .. } => "step.ended",
            Self::RunEnded { .. } => "run.ended",
            Self::BranchMade { .. } => "branch.made",
            Self::BranchSearched { .. } => "branch.searched",
            Self::WorktreeRemoved { .. } => "worktree.removed",
            Self::WorktreeKept { .. } => "worktree.kept",
            Self::Recovered { .. } => "recovered",
            Self::Resumed(_) => "resumed",
            Self::Sealed { .. } => "sealed",
            Self::Attested { .. } => "attested",
            Self::PublishRebased(_) => "publish.rebased",
            Self::PublishEvidence(_) => "publish.evidence",
            Self::PublishStarted { .. } => "publish.started",
            Self::PublishDone { .. } => "publish.done",
            Self::PublishFailed { .. } => "publish.failed",
        }
    }

    /// Tells why an event cannot stand in a line of a version; nothing if it can.
    pub fn misfit(&self, version: u32) -> Option<Misfit> {
        if version == 1 { self.beyond_one() } else { self.short_of_two() }
    }

    /// Returns which attempt an event is of; nothing for one of the whole run, or of a step that is over.
    pub fn attempt(&self) -> Option<&AttemptId> {
        match self {
            Self::AttemptStarted { at, .. }
            | Self::CommandStarted { at, .. }
            | Self::AgentActed { at, .. }
            | Self::AgentWaiting { at, .. }
            | Self::AttemptEnded { at, .. }
            | Self::MasksRefused { at, .. }
            | Self::LogAppended { at, .. }
            | Self::CheckpointMade { at, .. }
            | Self::Salvaged { at, .. }
            | Self::GitMended { at, .. }
            | Self::ResetStarted { at }
            | Self::ResetDone { at }
            | Self::RetryWaiting { at, .. } => Some(at),
            Self::CommandEnded(ended) => Some(&ended.at),
            Self::AgentStarted(started) => Some(&started.at),
            Self::AgentUsed(used) => Some(&used.at),
            Self::AgentEnded(ended) => Some(&ended.at),
            Self::Egress(egress) => Some(&egress.at),
            Self::ExpectationJudged(judged) => Some(&judged.at),
            Self::ProofRan(ran) => Some(&ran.at),
            Self::RunStarted(_)
            | Self::WorktreeReady { .. }
            | Self::CacheLooked(_)
            | Self::CacheKept(_)
            | Self::AgentFound { .. }
            | Self::StepEnded { .. }
            | Self::RunEnded { .. }
            | Self::BranchMade { .. }
            | Self::BranchSearched { .. }
            | Self::GitLeft { .. }
            | Self::WorktreeRemoved { .. }
            | Self::WorktreeKept { .. }
            | Self::Recovered { .. }
            | Self::Resumed(_)
            | Self::Sealed { .. }
            | Self::Attested { .. }
            | Self::PublishRebased(_)
            | Self::PublishEvidence(_)
            | Self::PublishStarted { .. }
            | Self::PublishDone { .. }
            | Self::PublishFailed { .. } => None,
        }
    }

    fn beyond_one(&self) -> Option<Misfit> {
        let has = |is: bool, what: &'static str| is.then_some(Misfit::Has(what));
        match self {
            Self::RunStarted(start) => has(start.plan_masked.is_some(), "plan_masked")
                .or_else(|| has(start.plan_commit.is_some(), "plan_commit"))
                .or_else(|| has(start.origin.is_some(), "origin"))
                .or_else(|| has(start.ceiling.is_some(), "ceiling"))
                .or_else(|| has(start.started_by.is_some(), "started_by"))
                .or_else(|| has(start.revises.is_some(), "revises"))
                .or_else(|| has(start.publish.as_ref().is_some_and(|own| own.login.is_some()), "login")),
            Self::PublishStarted { login, along, .. } => {
                has(login.is_some(), "login").or_else(|| has(along.is_some(), "along"))
            }
            Self::AttemptStarted { log, from, home, layer, .. } => lacks(log.is_none(), "log")
                .or_else(|| has(from.is_some(), "from"))
                .or_else(|| has(home.is_some(), "home"))
                .or_else(|| has(layer.is_some(), "layer")),
            Self::CommandStarted { index, .. } => has(index.is_some(), "index"),
            Self::CommandEnded(ended) => has(ended.index.is_some(), "index")
                .or_else(|| has(ended.cut.is_some(), "cut"))
                .or_else(|| has(ended.span.is_some(), "span")),
            Self::AttemptEnded { log, wrote, .. } => {
                lacks(log.is_none(), "log").or_else(|| has(wrote.is_some(), "wrote"))
            }
            Self::CheckpointMade { tree, parent, merged_from, instructions, .. } => {
                has(tree.is_some(), "tree")
                    .or_else(|| has(parent.is_some(), "parent"))
                    .or_else(|| has(merged_from.is_some(), "merged_from"))
                    .or_else(|| has(instructions.is_some(), "instructions"))
            }
            Self::AgentFound { id, .. } => has(id.is_some(), "id"),
            Self::AgentStarted(started) => has(started.id.is_some(), "id"),
            Self::AgentUsed(used) => has(used.cost.is_some(), "cost"),
            Self::AgentEnded(ended) => has(ended.cost.is_some(), "cost"),
            Self::BranchMade { moved, bundled, .. } => {
                has(moved.is_some(), "moved").or_else(|| has(bundled.is_some(), "bundled"))
            }
            Self::CacheLooked(_) => Some(Misfit::Has("cache.looked")),
            Self::CacheKept(_) => Some(Misfit::Has("cache.kept")),
            Self::ExpectationJudged(_) => Some(Misfit::Has("expectation.judged")),
            Self::ProofRan(_) => Some(Misfit::Has("proof.ran")),
            Self::MasksRefused { .. } => Some(Misfit::Has("masks.refused")),
            Self::LogAppended { .. } => Some(Misfit::Has("log.appended")),
            Self::BranchSearched { .. } => Some(Misfit::Has("branch.searched")),
            Self::GitMended { .. } => Some(Misfit::Has("git.mended")),
            Self::GitLeft { .. } => Some(Misfit::Has("git.left")),
            Self::PublishRebased(_) => Some(Misfit::Has("publish.rebased")),
            Self::PublishEvidence(_) => Some(Misfit::Has("publish.evidence")),
            _ => None,
        }
    }

    fn short_of_two(&self) -> Option<Misfit> {
        let has = |is: bool, what: &'static str| is.then_some(Misfit::Has(what));
        match self {
            Self::RunStarted(start) => lacks(start.plan_masked.is_none(), "plan_masked")
                .or_else(|| lacks(start.plan_commit.is_none(), "plan_commit"))
                .or_else(|| lacks(start.origin.is_none(), "origin"))
                .or_else(|| lacks(start.started_by.is_none(), "started_by")),
            Self::AttemptStarted { log, from, home, layer, .. } => has(log.is_some(), "log")
                .or_else(|| lacks(from.is_none(), "from"))
                .or_else(|| lacks(home.is_none(), "home"))
                .or_else(|| lacks(layer.is_none(), "layer")),
            Self::CommandStarted { role, index, .. } => index_of(*role, *index),
            Self::CommandEnded(ended) => index_of(ended.role, ended.index)
                .or_else(|| has(ended.log.is_some(), "log"))
                .or_else(|| lacks(ended.span.is_none(), "span"))
                .or_else(|| lacks(ended.cut.is_none() && ended.ended_by.is_some(), "cut")),
            Self::AttemptEnded { log, .. } => has(log.is_some(), "log"),
            Self::CheckpointMade { tree, parent, instructions, .. } => lacks(tree.is_none(), "tree")
                .or_else(|| lacks(parent.is_none(), "parent"))
                .or_else(|| lacks(instructions.is_none(), "instructions")),
            Self::AgentFound { id, .. } => lacks(id.is_none(), "id"),
            Self::AgentStarted(started) => lacks(started.id.is_none(), "id"),
            _ => None,
        }
    }
}

fn lacks(is: bool, what: &'static str) -> Option<Misfit> {
    is.then_some(Misfit::Lacks(what))
}

/// An action is one; of the others there may be several.
fn index_of(role: Role, index: Option<u32>) -> Option<Misfit> {
    match (role, index) {
        (Role::Action, Some(_)) => Some(Misfit::Has("index")),
        (Role::Post | Role::Rollback, None) => Some(Misfit::Lacks("index")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kinds_that_are_listed_are_those_that_are_read() {
        let told = |kind: &str| {
            let text = serde_json::json!({ "type": kind }).to_string();
            serde_json::from_str::<Event>(&text).map_err(|error| error.to_string())
        };
        let unknown = told("no.such").unwrap_err();
        for kind in Event::KINDS {
            assert!(told(kind).err().is_none_or(|error| !error.contains("unknown variant")), "{kind}");
            assert!(unknown.contains(&format!("`{kind}`")), "{kind}");
        }
        assert_eq!(unknown.matches('`').count() / 2, Event::KINDS.len() + 1, "{unknown}");
    }
}
