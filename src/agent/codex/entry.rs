//! What lets one in at OpenAI: a key of the environment, or the user's login with ChatGPT; and into Codex's cloud.

use super::login::{self, LoginError};
use crate::agent::{Access, Environment, Login, Unavailable, access};
use crate::network::Auth;
use crate::plan::Provider;

/// Variables that hold a key, the first one that is set counts.
const KEYS: [&str; 2] = ["CODEX_API_KEY", "OPENAI_API_KEY"];

/// Where a login with ChatGPT is good for.
const CHATGPT: &str = "https://chatgpt.com/backend-api/codex";

/// Finds the access to a provider's model.
pub(super) fn access(provider: &Provider, environment: &Environment) -> Result<Access, Unavailable> {
    match provider {
        Provider::OpenAi => open_ai(environment),
        _ => access::access(provider, environment, Auth::Bearer),
    }
}

/// A key counts before a login, as with Codex itself.
fn open_ai(environment: &Environment) -> Result<Access, Unavailable> {
    if let Some((_, key)) = access::first_set(&KEYS, environment) {
        return Ok(Access {
            base_url: Provider::OpenAi.base_url().to_owned(),
            auth: Auth::Bearer(key),
            by_login: false,
        });
    }
    let login = login::login(environment, now()).map_err(|error| {
        Unavailable::new(
            format!("no OPENAI_API_KEY and no login with ChatGPT ({error})"),
            "export OPENAI_API_KEY, run `codex login`, or take another provider: `codex: {provider: ollama}`",
        )
    })?;
    Ok(Access { base_url: CHATGPT.to_owned(), auth: auth(login), by_login: true })
}

/// Tells what lets one in at OpenAI.
pub(super) fn entry(environment: &Environment) -> (&'static str, bool, String) {
    let (good, what) = match (access::first_set(&KEYS, environment), login::login(environment, now())) {
        (Some((name, _)), _) => (true, format!("{name} is set; it stays with the runner")),
        (None, Ok(_)) => (true, "a login with ChatGPT".to_owned()),
        (None, Err(error)) => {
            (false, format!("no key and no login ({error}); a local model needs neither: --provider ollama"))
        }
    };
    ("openai", good, what)
}

/// Reads the login to Codex's cloud.
pub(super) fn cloud(environment: &Environment) -> Result<Login, Unavailable> {
    let cloud = login::cloud(environment, now()).map_err(|error: LoginError| {
        Unavailable::new(format!("codex_apply needs a login with ChatGPT: {error}"), error.hint())
    })?;
    let access = Access { base_url: cloud.base_url, auth: auth(cloud.login), by_login: true };
    Ok(Login { access, reaches: cloud.reaches })
}

fn auth(login: login::Login) -> Auth {
    Auth::ChatGpt { access_token: login.access_token, account_id: login.account_id }
}

fn now() -> i64 {
    chrono::Utc::now().timestamp()
}
