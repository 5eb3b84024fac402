//! Takes two texts of which each was masked by itself, gives whether they can be the same. Version 1 of the journal
//! tells of a command no more than how a person would type it, and that is compared with the plan here and nowhere
//! else; a version that tells which command of the plan it is has no need of it.

use super::plan::{Action, RecordedStep};
use crate::evidence::event::Role;

/// What stands for a secret.
pub(super) const MASK: &str = "***";

/// What a journal tells of a command that begins.
#[derive(Debug, Clone, Copy)]
pub(super) enum Told<'a> {
    /// Version 1: how it is typed. Version 2 has its place among those of its role, which is to be compared with `nth`.
    Typed(&'a str),
}

impl Told<'_> {
    /// Tells whether it is the `nth` command that a step has for this.
    pub(super) fn is(self, step: &RecordedStep, role: Role, nth: usize) -> bool {
        let Self::Typed(typed) = self;
        let of = |planned: &[crate::plan::Invocation]| {
            planned.get(nth).is_some_and(|planned| same(&planned.to_string(), typed))
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
        let Self::Typed(typed) = self;
        f.write_str(typed)
    }
}

fn is_action(action: &Action, typed: &str) -> bool {
    match action {
        Action::Command(invocation) => same(&invocation.to_string(), typed),
        Action::Apply(file) => same(&format!("git apply {file}"), typed),
        // What an agent is called with is the agent's business.
        Action::Codex(_) => typed.starts_with("codex "),
        Action::CodexApply(task) => same(&format!("codex apply {task}"), typed),
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
