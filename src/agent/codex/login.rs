//! The user's ChatGPT login, as their own Codex keeps it. Read, never refreshed: a refresh from a second place would
//! burn the first one's refresh token.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::agent::server::host_and_port;

/// What a login comes down to.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Login {
    /// The access token: a secret.
    pub access_token: String,
    /// Whose it is.
    pub account_id: String,
    /// When it ends, in seconds of Unix time, if it says so.
    pub expires: Option<i64>,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login").field("expires", &self.expires).finish_non_exhaustive()
    }
}

/// Why there is no login.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum LoginError {
    /// Codex has none.
    #[error("{}: {why}", path.display())]
    Missing {
        /// Where it would be.
        path: PathBuf,
        /// Why it is none.
        why: String,
    },
    /// It is over, or will be in a moment.
    #[error("{}: the access token has expired", path.display())]
    Expired {
        /// Where it is.
        path: PathBuf,
    },
}

impl LoginError {
    /// Says what to do about it.
    pub(super) fn hint(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "log in with ChatGPT: `codex login`; an API key does not do",
            Self::Expired { .. } => {
                "use codex once, which refreshes it: `codex login status`, or `codex login`"
            }
        }
    }
}

/// Codex's cloud, for one who is logged in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cloud {
    /// The login.
    pub login: Login,
    /// Where it is.
    pub base_url: String,
    /// The same as host and port.
    pub reaches: (String, u16),
}

/// Whose the stand-in for a login is.
const STAND_IN: &str = "autopilot";

/// Where Codex's cloud is, unless the user's configuration says otherwise.
const CLOUD: &str = "https://chatgpt.com/backend-api/";

/// Reads the user's login and where their Codex finds its cloud.
pub(super) fn cloud(environment: &BTreeMap<String, String>, now: i64) -> Result<Cloud, LoginError> {
    let login = login(environment, now)?;
    let path = home(environment).join("config.toml");
    let config: Option<toml::Table> = fs::read_to_string(&path).ok().and_then(|text| text.parse().ok());
    let named = config.as_ref().and_then(|config| config.get("chatgpt_base_url")?.as_str());
    let base_url = named.unwrap_or(CLOUD).to_owned();
    let reaches = host_and_port(&base_url).ok_or_else(|| LoginError::Missing {
        path,
        why: format!("chatgpt_base_url is no address: {base_url}"),
    })?;
    Ok(Cloud { login, base_url, reaches })
}

/// Returns where the user's Codex keeps its things.
fn home(environment: &BTreeMap<String, String>) -> PathBuf {
    let named = environment.get("CODEX_HOME").map(PathBuf::from);
    named.or_else(|| Some(Path::new(environment.get("HOME")?).join(".codex"))).unwrap_or_default()
}

/// Reads the user's login; `now` is in seconds of Unix time.
pub(super) fn login(environment: &BTreeMap<String, String>, now: i64) -> Result<Login, LoginError> {
    let path = home(environment).join("auth.json");
    let missing = |why: String| LoginError::Missing { path: path.clone(), why };
    let text = fs::read_to_string(&path).map_err(|error| missing(error.to_string()))?;
    let auth: Value = serde_json::from_str(&text).map_err(|_| missing("not JSON".to_owned()))?;
    let token = |name: &str| auth["tokens"][name].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let (Some(access_token), Some(account_id)) = (token("access_token"), token("account_id")) else {
        return Err(missing("no ChatGPT login in it".to_owned()));
    };
    let expires = claims(&access_token).and_then(|claims| claims["exp"].as_i64());
    if expires.is_some_and(|end| end <= now) {
        return Err(LoginError::Expired { path });
    }
    Ok(Login { access_token, account_id, expires })
}

/// Reads what a JSON Web Token says, without checking who says it: it is the user's own.
fn claims(token: &str) -> Option<Value> {
    let payload = token.split('.').nth(1)?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?).ok()
}

/// Returns what Codex's cloud calls a task, below its base URL.
pub(super) fn task_path(task: &str) -> String {
    format!("wham/tasks/{task}")
}

/// Makes an `auth.json` that lets nobody in: Codex wants one before it asks. Who answers it has the login.
pub(super) fn stand_in() -> Value {
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let account = json!({"https://api.openai.com/auth": {"chatgpt_account_id": STAND_IN}});
    let token = format!("{}.{}.{}", part(json!({"alg": "none"})), part(account), part(json!("")));
    json!({
        "tokens": {
            "access_token": token,
            "account_id": STAND_IN,
            "id_token": token,
            "refresh_token": "",
        },
        // In the far future: a login that looks fresh is not refreshed.
        "last_refresh": "2999-01-01T00:00:00Z",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(auth: &Value) -> (tempfile::TempDir, BTreeMap<String, String>) {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("auth.json"), auth.to_string()).unwrap();
        let named = ("CODEX_HOME".to_owned(), home.path().to_str().unwrap().to_owned());
        (home, BTreeMap::from([named]))
    }

    fn token(exp: i64) -> String {
        format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(json!({"exp": exp}).to_string()))
    }

    #[test]
    fn a_login_is_read_and_its_refresh_token_left_where_it_is() {
        let auth = json!({"tokens": {
            "access_token": token(2000), "account_id": "acc", "refresh_token": "refresh-me", "id_token": "x.y.z",
        }});
        let (_home, environment) = environment(&auth);
        let login = login(&environment, 1000).unwrap();
        assert_eq!(login.expires, Some(2000));
        assert!(!format!("{login:?}").contains(&login.access_token));
        assert!(matches!(super::login(&environment, 2000), Err(LoginError::Expired { .. })));
    }

    /// A cloud task is asked for under this path and no other: what else goes to that host is refused.
    #[test]
    fn a_task_of_the_cloud_has_a_path_of_its_own() {
        assert_eq!(task_path("task_e_1"), "wham/tasks/task_e_1");
    }

    #[test]
    fn a_key_is_no_login() {
        let (_home, environment) = environment(&json!({"OPENAI_API_KEY": "sk-x"}));
        let error = login(&environment, 0).unwrap_err();
        assert!(error.to_string().contains("no ChatGPT login in it"), "{error}");
        assert!(error.hint().contains("codex login"));
    }
}
