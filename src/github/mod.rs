//! Takes a question to GitHub, gives its answer or the class of what went wrong: the one place that runs the
//! real `gh`, outside the sandbox, for the runner alone. Knows nothing of runs.
//!
//! `gh` has no timeout of its own, tells its failures apart only in words, and looks around where it is started:
//! here it gets a time, a cleared environment, a folder without a repository, and the repository by name.

mod bounded;
mod environment;
mod failure;
mod issue;
mod pull_request;
mod slug;

use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub use bounded::{Ended, output};
pub use environment::Environment;
pub use failure::Failure;
pub use issue::Issue;
pub use pull_request::{Check, PullRequest, Said, Standing, Thread};
pub use slug::{Remote, Slug};

/// What finding a token may take: no network is in it, but a keyring may be.
const TOKEN_TIME: Duration = Duration::from_secs(5);

/// A `gh` that is there and has a token for the host of one repository.
#[derive(Clone)]
pub struct Gh {
    environment: Environment,
    slug: Slug,
    token: String,
}

impl std::fmt::Debug for Gh {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The token has no business in a debug log.
        f.debug_struct("Gh").field("slug", &self.slug).finish_non_exhaustive()
    }
}

impl Gh {
    /// Looks for `gh` and its token; asks nobody. Whether the token is good shows when it is used.
    pub async fn find(environment: &Environment, slug: &Slug) -> Result<Self, Failure> {
        let mut gh = Self { environment: environment.clone(), slug: slug.clone(), token: String::new() };
        let token = gh.call(&["auth", "token", "--hostname", slug.host()], "", TOKEN_TIME).await;
        gh.token = match token {
            Ok(token) if !token.trim().is_empty() => token.trim().to_owned(),
            Err(failure @ (Failure::Missing | Failure::Late(_))) => return Err(failure),
            Ok(_) | Err(_) => return Err(Failure::LoggedOut { host: slug.host().to_owned() }),
        };
        Ok(gh)
    }

    /// Returns the repository that is asked about.
    pub fn slug(&self) -> &Slug {
        &self.slug
    }

    /// Returns the token, for the masker.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Returns whom `gh` acts for, as it was told at its login; whose a token of the environment is, it does not say.
    pub async fn known_login(&self) -> Option<String> {
        let has_token = ["GH_TOKEN", "GITHUB_TOKEN"].iter().any(|name| self.environment.get(name).is_some());
        if has_token {
            return None;
        }
        let told = self.call(&["config", "get", "user", "--host", self.slug.host()], "", TOKEN_TIME).await;
        told.ok().map(|login| login.trim().to_owned()).filter(|login| !login.is_empty())
    }

    /// Runs `gh` with a text on its standard input, for no longer than this; returns what it printed.
    pub async fn call(&self, args: &[&str], input: &str, time: Duration) -> Result<String, Failure> {
        let mut command = Command::new("gh");
        command.args(args).current_dir("/").env_clear().envs(self.environment.for_gh(self.slug.with_host()));
        let done = output(command, input.as_bytes().to_vec(), time).await;
        // What follows the first two words may be a text of the run's.
        let status = match &done {
            Ok(Ended::InTime(output)) => output.status.to_string(),
            Ok(Ended::Late) => "too late".to_owned(),
            Err(error) => error.to_string(),
        };
        tracing::debug!(command = ?&args[..args.len().min(2)], status, repository = self.slug.with_host(), "gh");
        match done {
            Ok(Ended::InTime(output)) if output.status.success() => {
                Ok(String::from_utf8_lossy(&output.stdout).into_owned())
            }
            Ok(Ended::InTime(output)) => {
                Err(Failure::read(output.status.code(), &String::from_utf8_lossy(&output.stderr), &self.slug))
            }
            Ok(Ended::Late) => Err(Failure::Late(time)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(Failure::Missing),
            Err(error) => Err(Failure::Other(format!("gh cannot be run: {error}"))),
        }
    }

    /// Returns the account that the token is of.
    pub async fn login(&self, time: Duration) -> Result<String, Failure> {
        // Not `gh api user`: a workflow's token may not ask that.
        let query = "query=query Viewer { viewer { login } }";
        let login =
            self.call(&["api", "graphql", "-f", query, "--jq", ".data.viewer.login"], "", time).await?;
        Ok(login.trim().to_owned())
    }

    /// Returns how long the rate limit that GitHub just named still holds; asking does not count against it.
    pub async fn limit_ends_in(&self, time: Duration) -> Result<Duration, Failure> {
        let spent = "[.resources[] | select(.remaining == 0) | .reset] | max // 0";
        let reset = self.call(&["api", "rate_limit", "--jq", spent], "", time).await?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let at = Duration::from_secs(reset.trim().parse().unwrap_or(0));
        // GitHub's word for a secondary limit without an end: wait at least a minute.
        Ok(if at.is_zero() { Duration::from_secs(60) } else { at.saturating_sub(now) })
    }
}
