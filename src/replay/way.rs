//! Takes a run, gives how each of its steps that passed is replayed.

use serde_json::Value;

use crate::evidence::RunState;
use crate::evidence::event::AttemptResult;
use crate::evidence::mask::is_secret_name;
use crate::evidence::state::AttemptState;

/// How a step is replayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// An agent or a patch made the change: it is laid on, and all that is expected of it is judged again.
    Laid,
    /// It had, or may have had, effects outside: its change is laid on, and none of its commands runs again.
    Outside,
    /// It is done again.
    Real,
}

impl Way {
    /// Returns the word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Laid => "as recorded",
            Self::Outside => "as recorded, outside",
            Self::Real => "done again",
        }
    }
}

/// A step that passed, and is to be replayed.
#[derive(Debug, Clone, Copy)]
pub struct Again<'a> {
    /// Its id.
    pub id: &'a str,
    /// How.
    pub way: Way,
    /// The attempt that passed.
    pub attempt: &'a AttemptState,
    /// What the recorded plan says of it.
    pub(super) step: &'a Value,
}

/// Lists the steps that passed, in the order they ran.
pub fn steps(state: &RunState) -> Vec<Again<'_>> {
    let planned = state.start.plan.value()["steps"].as_array().map(Vec::as_slice).unwrap_or_default();
    planned.iter().filter_map(|step| again(state, step)).collect()
}

fn again<'a>(state: &'a RunState, step: &'a Value) -> Option<Again<'a>> {
    let id = step["id"].as_str()?;
    let passed = |attempt: &&AttemptState| attempt.result == Some(AttemptResult::Passed);
    let attempt = state.step(id)?.attempts.iter().rev().find(passed)?;
    Some(Again { id, way: way(step), attempt, step })
}

/// Tells how a step is replayed, by what its recorded plan says.
fn way(step: &Value) -> Way {
    let outside = step["outside"].as_bool();
    let network = &step["network"];
    let reaches_all = network == "full";
    let reaches_some = network.get("allow").is_some();
    if step["action"].get("command").is_none() {
        return if outside == Some(true) { Way::Outside } else { Way::Laid };
    }
    match outside {
        _ if holds_secret(step) || reaches_all => Way::Outside,
        Some(true) => Way::Outside,
        None if reaches_some => Way::Outside,
        Some(false) | None => Way::Real,
    }
}

/// Tells whether a step holds a secret: one that it declares, or one by its name.
pub(super) fn holds_secret(step: &Value) -> bool {
    let list = |key: &str| step[key].as_array().cloned().unwrap_or_default();
    let named = |entry: &Value| {
        let name = entry.as_str().map(|entry| entry.split_once('=').map_or(entry, |(name, _)| name));
        name.is_some_and(is_secret_name)
    };
    !list("secrets").is_empty() || list("env").iter().any(named)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_has_effects_outside_is_never_done_again() {
        let of = |rest: Value| {
            let mut step = json!({"id": "a", "action": {"command": {"argv": ["make"]}}, "network": "none"});
            let rest = rest.as_object().cloned().unwrap_or_default();
            step.as_object_mut().unwrap().extend(rest);
            way(&step)
        };
        let allow = json!({"allow": ["a.example.org:443"]});
        assert_eq!(of(json!({})), Way::Real);
        assert_eq!(of(json!({"outside": false})), Way::Real);
        assert_eq!(of(json!({"outside": true})), Way::Outside);
        assert_eq!(of(json!({"network": allow})), Way::Outside);
        assert_eq!(of(json!({"network": allow, "outside": false})), Way::Real);
        // What may reach everything, or holds a secret, is not believed to fetch only.
        assert_eq!(of(json!({"network": "full", "outside": false})), Way::Outside);
        assert_eq!(of(json!({"secrets": ["TOKEN"], "outside": false})), Way::Outside);
        assert_eq!(of(json!({"env": ["API_TOKEN=x"]})), Way::Outside);
        for action in [json!({"codex": {}}), json!({"apply": "a.patch"}), json!({"codex_apply": "task"})] {
            assert_eq!(of(json!({"action": action})), Way::Laid);
            assert_eq!(of(json!({"action": action, "outside": true})), Way::Outside);
        }
    }
}
