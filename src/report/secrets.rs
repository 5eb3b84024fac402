//! Takes the plan that a run recorded, and an environment; gives what of that must not be seen.

use std::collections::BTreeSet;

use super::RunState;
use crate::evidence::mask::{self, Secrets};

impl RunState {
    /// Registers what an environment and the plan of the run call a secret; returns the names by which the plan had
    /// others, whose values nobody knows here.
    pub fn register_secrets<'a>(
        &self,
        environment: impl Iterator<Item = (&'a str, &'a str)>,
        secrets: &Secrets,
    ) -> BTreeSet<String> {
        let mut unknown = self.secret_names();
        let (named, others): (Vec<_>, Vec<_>) = environment.partition(|(name, _)| unknown.contains(*name));
        // Those of the plan first, for there is not room for any number of values.
        for (name, value) in
            named.into_iter().chain(others.into_iter().filter(|(name, _)| mask::is_secret_name(name)))
        {
            // Too short to be told from ordinary text, or too much: the patterns are left.
            if secrets.register(value.as_bytes()).is_ok() {
                unknown.remove(name);
            }
        }
        unknown.iter().map(|name| before_value(name).to_owned()).collect()
    }

    /// Names what the plan hands its steps as secrets: by `secrets`, or by `env` under the name of one. What it sets
    /// itself (`NAME=value`) is masked in the record, and no variable is called so.
    fn secret_names(&self) -> BTreeSet<String> {
        let steps = self.start.plan.value().get("steps").and_then(|steps| steps.as_array());
        let steps: Vec<_> = steps.into_iter().flatten().collect();
        let listed = |field: &'static str| {
            let lists = steps.iter().filter_map(move |step| step.get(field)?.as_array());
            lists.flatten().filter_map(|name| name.as_str())
        };
        let is_secret = |entry: &&str| mask::is_secret_name(before_value(entry));
        listed("secrets").chain(listed("env").filter(is_secret)).map(str::to_owned).collect()
    }
}

fn before_value(entry: &str) -> &str {
    entry.split('=').next().unwrap_or_default()
}
