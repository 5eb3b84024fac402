//! Takes a run, gives why it cannot be replayed: known as soon as it has ended, without trying.

use std::fmt;

use super::way::{Again, Way, holds_secret, steps};
use crate::evidence::RunState;
use crate::plan::Tier;

/// Why a run cannot be replayed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hindered {
    /// None of its steps passed.
    Nothing,
    /// Masking changed its plan: what is recorded is not all of what was done.
    Masked,
    /// A step that would be done again needs what no change holds.
    Beside {
        /// The step.
        step: String,
        /// What it needs: an ignored path of the worktree, or `~/` and an entry of HOME.
        path: String,
        /// The step that wrote it, and is not done again.
        of: String,
        /// That step only fetches, perhaps: its plan could say so.
        may_fetch: bool,
    },
}

impl fmt::Display for Hindered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("none of its steps passed"),
            Self::Masked => f.write_str("its plan is recorded masked"),
            Self::Beside { step, path, of, .. } => {
                write!(
                    f,
                    "step `{step}` is done again and needs `{path}`, which step `{of}` wrote beside its result"
                )
            }
        }
    }
}

impl Hindered {
    /// Says what to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Nothing => {
                "there is nothing to compare: autopilot audit says what its evidence tells".to_owned()
            }
            Self::Masked => {
                "have the plan name no value that looks like a secret: `secrets: [NAME]` in its place"
                    .to_owned()
            }
            Self::Beside { of, may_fetch: true, .. } => {
                format!("if step `{of}` only fetches, its plan says `outside: false`: then it is done again")
            }
            Self::Beside { step, .. } => format!("have step `{step}` make what it needs"),
        }
    }
}

/// Returns why a run cannot be replayed, if so.
pub fn hindered(state: &RunState) -> Option<Hindered> {
    let all = steps(state);
    if all.is_empty() {
        return Some(Hindered::Nothing);
    }
    if state.start.plan_masked == Some(true) {
        return Some(Hindered::Masked);
    }
    let is_done = |own: &Again<'_>| own.way == Way::Real;
    let of_step = |(at, step): (usize, &Again<'_>)| beside(step, all.get(..at)?, &is_done);
    all.iter().enumerate().filter(|(_, step)| step.way == Way::Real).find_map(of_step)
}

/// Finds what a step needs of one before it that is not done again.
pub(super) fn beside(
    step: &Again<'_>,
    before: &[Again<'_>],
    is_done: &dyn Fn(&Again<'_>) -> bool,
) -> Option<Hindered> {
    let written = before.iter().enumerate().filter(|(_, own)| !is_done(own) && reaches(own, step));
    for (at, own) in written {
        // What the steps since wrote themselves is there again.
        let since = before.get(at + 1..).unwrap_or_default();
        let again = |path: &String| since.iter().any(|own| is_done(own) && wrote(own).contains(path));
        let is_program = own.step["action"].get("command").is_some();
        let needed = wrote(own).into_iter().filter(|path| !again(path));
        if let Some(path) = needed.into_iter().find(|path| is_program || names(step, path)) {
            let (step, of) = (step.id.to_owned(), own.id.to_owned());
            let may_fetch = own.step["network"].get("allow").is_some() && !holds_secret(own.step);
            return Some(Hindered::Beside { step, path, of, may_fetch });
        }
    }
    None
}

/// Tells whether what one step left beside its result is there for another: it goes down the tiers, unless that one keeps all.
fn reaches(own: &Again<'_>, to: &Again<'_>) -> bool {
    tier(own) >= tier(to) || to.step["home"] == "keep"
}

fn tier(own: &Again<'_>) -> Tier {
    let reaches = own.step["network"] != "none" || own.step["action"].get("command").is_none();
    Tier::of(holds_secret(own.step), reaches)
}

/// Lists what a step wrote beside its result: ignored paths, and entries of HOME. An agent's HOME is its own, and nothing leaves that
/// of a step with secrets.
fn wrote(own: &Again<'_>) -> Vec<String> {
    let Some(wrote) = &own.attempt.wrote else { return Vec::new() };
    let ignored = wrote.ignored.iter().map(|path| path.as_str().trim_end_matches('/').to_owned());
    let home = wrote.home.iter().filter(|_| !holds_secret(own.step));
    ignored.chain(home.map(|entry| format!("~/{}", entry.as_str().trim_end_matches('/')))).collect()
}

/// Tells whether a step's commands, or what is expected of it, name a path.
fn names(step: &Again<'_>, path: &str) -> bool {
    let own = [&step.step["action"], &step.step["post"], &step.step["expectation"]];
    let texts = own.map(ToString::to_string);
    let said = |name: &str| texts.iter().any(|text| says(text, name));
    match path.strip_prefix("~/") {
        Some(entry) => {
            said(&format!("~/{entry}")) || said(&format!("HOME/{entry}")) || said(&format!("HOME}}/{entry}"))
        }
        None => said(path),
    }
}

/// Tells whether a text has a name that begins and ends there.
fn says(text: &str, name: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    text.match_indices(name).any(|(at, _)| {
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        let after = text.get(at + name.len()..).and_then(|after| after.chars().next());
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_named_where_it_stands_alone() {
        for text in ["test -e target/x", "./target", "cp \"target\" y", "cd target"] {
            assert!(says(text, "target"), "{text}");
        }
        for text in ["targets", "my-target", "target.txt", "--target-dir"] {
            assert!(!says(text, "target"), "{text}");
        }
    }
}
