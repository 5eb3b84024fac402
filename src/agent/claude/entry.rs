//! What lets one in at Anthropic: a key of the environment, or the token of a login with Claude.

use crate::agent::{Access, Environment, Unavailable, access};
use crate::network::Auth;
use crate::plan::Provider;

const KEY: &str = "ANTHROPIC_API_KEY";
/// `claude setup-token` makes one.
const LOGIN: &str = "CLAUDE_CODE_OAUTH_TOKEN";
/// What each of them begins with, as Anthropic makes them.
const BEGINS: [(&str, &str); 2] = [(KEY, "sk-ant-api"), (LOGIN, "sk-ant-oat")];

/// Finds the access to a provider's model.
pub(super) fn access(provider: &Provider, environment: &Environment) -> Result<Access, Unavailable> {
    match provider {
        Provider::Anthropic => anthropic(environment),
        // A gateway of one's own may take the login, too.
        Provider::Custom { env_key: Some(name), .. } if name == LOGIN => {
            Ok(Access { by_login: true, ..access::access(provider, environment, Auth::Bearer)? })
        }
        _ => access::access(provider, environment, Auth::ApiKey),
    }
}

/// A key counts before a login, as with Claude Code itself.
fn anthropic(environment: &Environment) -> Result<Access, Unavailable> {
    let base_url = Provider::Anthropic.base_url().to_owned();
    let (key, login) = (access::set(KEY, environment), access::set(LOGIN, environment));
    let (name, taken) = if key.is_some() { (KEY, &key) } else { (LOGIN, &login) };
    if let Some(other) = taken.as_ref().and_then(|value| meant(name, value)) {
        return Err(Unavailable::new(
            format!(
                "{name} holds what belongs into {other}: a key and a login are sent otherwise, and refused"
            ),
            format!("unset {name}, and export {other} with it"),
        ));
    }
    let by_login = key.is_none();
    let auth = key.map(Auth::ApiKey).or(login.map(Auth::Bearer)).ok_or_else(|| {
        Unavailable::new(
            format!("no {KEY} and no {LOGIN}"),
            format!(
                "export {KEY}, or {LOGIN} with what `claude setup-token` prints (a login that Claude Code keeps for itself is \
                 not read); or take another provider: `claude: {{provider: {{base_url: …, env_key: …}}}}`"
            ),
        )
    })?;
    Ok(Access { base_url, auth, by_login })
}

/// Returns the variable that a value belongs into, if that is another one.
fn meant(name: &str, value: &str) -> Option<&'static str> {
    let (other, _) = BEGINS.into_iter().find(|(_, begins)| value.starts_with(begins))?;
    (other != name).then_some(other)
}

/// Tells what lets one in at Anthropic.
pub(super) fn entry(environment: &Environment) -> (&'static str, bool, String) {
    let (good, what) = match access::first_set(&[KEY, LOGIN], environment) {
        Some((name, value)) => match meant(name, &value) {
            Some(other) => (false, format!("{name} holds what belongs into {other}")),
            None => (true, format!("{name} is set; it stays with the runner")),
        },
        None => (false, format!("neither {KEY} nor {LOGIN} is set; a model of your own may need neither")),
    };
    ("anthropic", good, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_counts_before_a_login() {
        let set =
            |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), format!("of-{name}"))).collect();
        let auth = |names: &[&str]| access(&Provider::Anthropic, &set(names)).map(|access| access.auth);
        assert_eq!(auth(&[KEY, LOGIN]), Ok(Auth::ApiKey(format!("of-{KEY}"))));
        assert_eq!(auth(&[LOGIN]), Ok(Auth::Bearer(format!("of-{LOGIN}"))));
        let error = auth(&["ANTHROPIC_AUTH_TOKEN"]).unwrap_err();
        assert!(error.what.contains(KEY) && error.hint.contains("claude setup-token"), "{error:?}");
        let empty = Environment::from([(KEY.to_owned(), String::new())]);
        assert!(access(&Provider::Anthropic, &empty).is_err(), "an empty key is none");
    }

    #[test]
    fn a_gateway_takes_a_login_as_one_and_anything_else_as_a_key() {
        for name in [LOGIN, KEY, "GATEWAY_TOKEN"] {
            let provider = Provider::Custom {
                base_url: "https://gateway.example.org".to_owned(),
                env_key: Some(name.to_owned()),
            };
            let environment = Environment::from([(name.to_owned(), "value".to_owned())]);
            let found = access(&provider, &environment).unwrap();
            assert_eq!(found.by_login, name == LOGIN, "{name}");
            let as_login = found.auth == Auth::Bearer("value".to_owned());
            assert_eq!(as_login, name == LOGIN, "{name}: {:?}", found.auth);
        }
    }

    #[test]
    fn a_login_is_no_key_and_a_key_no_login() {
        for (name, value, other) in [(KEY, "sk-ant-oat01-abc", LOGIN), (LOGIN, "sk-ant-api03-abc", KEY)] {
            let environment = Environment::from([(name.to_owned(), value.to_owned())]);
            let error = access(&Provider::Anthropic, &environment).unwrap_err();
            assert!(
                error.what.contains(name) && error.hint.contains(&format!("export {other}")),
                "{error:?}"
            );
            assert!(!format!("{error:?}").contains(value), "it is not shown");
            assert!(!entry(&environment).1);
            let right = Environment::from([(other.to_owned(), value.to_owned())]);
            assert!(access(&Provider::Anthropic, &right).is_ok() && entry(&right).1);
        }
    }
}
