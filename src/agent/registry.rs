//! All agents, one line each: how one joins them is in `docs/agents.md`.

use super::{Kind, claude, codex};
use crate::plan::AgentId;

static KINDS: [&Kind; AgentId::ALL.len()] = [&codex::KIND, &claude::KIND];

/// Returns what there is to know of an agent.
pub fn kind(id: AgentId) -> &'static Kind {
    match id {
        AgentId::Codex => &codex::KIND,
        AgentId::Claude => &claude::KIND,
    }
}

/// Returns all of them.
pub fn kinds() -> impl Iterator<Item = &'static Kind> {
    KINDS.into_iter()
}

/// Tells whether any agent reads a file as instructions.
pub fn is_instructions(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let mut all = kinds().flat_map(|kind| kind.instructions.iter().chain(kind.more_instructions));
    all.any(|each| name.eq_ignore_ascii_case(each))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_agent_of_a_plan_has_its_line() {
        let ids: Vec<AgentId> = kinds().map(|kind| kind.id).collect();
        assert_eq!(ids, AgentId::ALL);
        for id in AgentId::ALL {
            let kind = kind(id);
            assert_eq!(kind.id, id);
            assert!(!kind.tested.is_empty() && !kind.instructions.is_empty());
            assert_eq!(kind.shown[0], id.key(), "the audit knows an agent's command by its first word");
        }
    }
}
