//! Takes a run's record and the environment of this process, gives what of both must not be seen: what a repository or a
//! replay says was never masked.

use std::collections::BTreeMap;

use crate::evidence::RunState;
use crate::evidence::mask::Secrets;

/// Returns what the environment and the plan of a run call a secret.
pub fn of(state: &RunState) -> Secrets {
    let secrets = Secrets::default();
    let lossy = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
    let environment: BTreeMap<String, String> =
        std::env::vars_os().map(|(name, value)| (lossy(name), lossy(value))).collect();
    state.register_secrets(environment.iter().map(|(name, value)| (name.as_str(), value.as_str())), &secrets);
    secrets
}
