//! Takes two texts of which each was masked by itself, gives whether they can be the same. Version 1 of the journal
//! tells of a command no more than how a person would type it, and that is compared with the plan here and nowhere
//! else; version 2 tells which command of the plan it is, and then it must be typed as the plan has it.

use super::plan::{Action, MASK, RecordedStep};
use crate::evidence::event::Role;
use crate::plan::CLOUD_AGENT;

/// What a journal tells of a command that begins.
#[derive(Debug, Clone, Copy)]
pub(super) enum Told<'a> {
    /// How it is typed: of version 1, and of an action, of which there is one.
    Typed(&'a str),
    /// Version 2: its place among those of its role, and how it is typed.
    Placed(u32, &'a str),
}

impl<'a> Told<'a> {
    /// Takes what an event has of it.
    pub(super) fn of(index: Option<u32>, typed: &'a str) -> Self {
        index.map_or(Self::Typed(typed), |index| Self::Placed(index, typed))
    }

    /// Tells whether it is the `nth` command that a step has for this, and typed like that.
    pub(super) fn is(self, step: &RecordedStep, role: Role, nth: usize) -> bool {
        let (place, typed) = match self {
            Self::Typed(typed) => (nth, typed),
            Self::Placed(index, typed) => (usize::try_from(index).unwrap_or(usize::MAX), typed),
        };
        let of = |planned: &[crate::plan::Invocation]| {
            place == nth && planned.get(place).is_some_and(|planned| same(&planned.to_string(), typed))
        };
        match role {
            Role::Action => nth == 0 && is_action(&step.action, typed),
            Role::Post => of(&step.post),
            Role::Rollback => of(&step.rollback),
        }
    }
}

impl std::fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Typed(typed) => f.write_str(typed),
            Self::Placed(index, typed) => write!(f, "{index}: {typed}"),
        }
    }
}

fn is_action(action: &Action, typed: &str) -> bool {
    match action {
        Action::Command(invocation) => same(&invocation.to_string(), typed),
        Action::Apply(file) => same(&format!("git apply {file}"), typed),
        // What an agent is called with is the agent's business.
        Action::Agent(agent, _) => typed.strip_prefix(agent.key()).is_some_and(|rest| rest.starts_with(' ')),
        Action::CloudTask(task) => same(&CLOUD_AGENT.apply_shown(task), typed),
    }
}

/// Tells whether two texts are the same, as far as masks let it be told: quoting may differ around a mask.
pub(super) fn same(planned: &str, recorded: &str) -> bool {
    if !planned.contains(MASK) && !recorded.contains(MASK) {
        return planned == recorded;
    }
    let plain = |text: &str| text.replace(['\'', '"', '\\', '$'], "");
    let (planned, recorded) = (plain(planned), plain(recorded));
    let clear = |text: &str| text.find(MASK).unwrap_or(text.len());
    let length = clear(&planned).min(clear(&recorded));
    planned.get(..length) == recorded.get(..length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_compared_up_to_a_mask() {
        assert!(same("sh -ec 'echo a'", "sh -ec 'echo a'"));
        assert!(!same("sh -ec 'echo a'", "sh -ec 'echo b'"));
        assert!(same("curl -u '***' x", "curl -u user:*** x"), "as far as it can be told");
        assert!(!same("curl -u '***' x", "wget -u *** x"));
    }
}
