//! Where a provider serves its model, and what lets one in there, as far as that is no agent's own business.

use super::{Access, Environment, Unavailable};
use crate::network::Auth;
use crate::plan::Provider;

/// Finds the access to a provider; `own` lets one in where a key of the plan's is needed.
pub(super) fn access(
    provider: &Provider,
    environment: &Environment,
    own: fn(String) -> Auth,
) -> Result<Access, Unavailable> {
    let auth = match provider {
        Provider::Custom { env_key: Some(name), .. } => own(key(name, environment)?),
        _ => Auth::None,
    };
    Ok(Access { base_url: provider.base_url().to_owned(), auth, by_login: false })
}

/// Reads a key from the environment of the runner.
fn key(name: &str, environment: &Environment) -> Result<String, Unavailable> {
    set(name, environment).ok_or_else(|| {
        Unavailable::new(
            format!("{name} is not set, and the model needs the key it should hold"),
            format!("export {name} where autopilot is started: it stays with the runner"),
        )
    })
}

/// Returns the value of a variable that is set and not empty.
pub(super) fn set(name: &str, environment: &Environment) -> Option<String> {
    environment.get(name).filter(|value| !value.is_empty()).cloned()
}

/// Returns the first of these variables that is set, and its value.
pub(super) fn first_set(names: &[&'static str], environment: &Environment) -> Option<(&'static str, String)> {
    names.iter().find_map(|name| Some((*name, set(name, environment)?)))
}
