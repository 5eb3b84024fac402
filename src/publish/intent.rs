//! What a run means to publish, decided before its first step: a summary can say it, and nobody is told of a run
//! that was not to be told of.

use super::find_slug;
use crate::evidence::event::{Effect, Publishing};
use crate::evidence::mask::Secrets;
use crate::evidence::{Text, Token};
use crate::github::{Environment, Gh, Slug};
use crate::plan;
use crate::worktree::Repository;

/// What a run means to publish.
#[derive(Debug, Default)]
pub struct Intent {
    repository: Option<Slug>,
    effects: Vec<Effect>,
    hindered: Option<String>,
    token: Option<String>,
    login: Option<String>,
}

/// What of a run leaves the machine, said before it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announced {
    /// The issue.
    pub issue: u64,
    /// The repository on GitHub, `OWNER/NAME`.
    pub repository: Option<String>,
    /// Whom `gh` acts for, if it says so.
    pub login: Option<String>,
    /// What is published.
    pub effects: Vec<Effect>,
}

impl Intent {
    /// Means nothing, for this reason.
    pub fn nothing(why: &str) -> Self {
        Self { hindered: Some(why.to_owned()), ..Self::default() }
    }

    /// Means what a revision of a pull request does: its branch goes on, and a comment there says how.
    pub async fn revision(gh: &Gh) -> Self {
        Self {
            repository: Some(gh.slug().clone()),
            effects: vec![Effect::Push, Effect::Comment],
            hindered: None,
            token: Some(gh.token().to_owned()),
            login: gh.known_login().await,
        }
    }

    /// Returns the token of `gh`, for the masker.
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// Returns what is to be said before the run begins; nothing if nothing leaves the machine.
    pub fn announced(&self, issue: u64) -> Option<Announced> {
        let repository = self.repository.as_ref().map(ToString::to_string);
        let announced =
            || Announced { issue, repository, login: self.login.clone(), effects: self.effects.clone() };
        (!self.effects.is_empty()).then(announced)
    }

    /// Returns what event 0 says of it.
    pub fn recorded(&self, secrets: &Secrets) -> Publishing {
        Publishing {
            repository: self.repository.as_ref().map(|slug| Token::new(slug.with_host())),
            effects: self.effects.clone(),
            hindered: self.hindered.as_ref().map(|why| Text::line(secrets, why)),
            login: self.login.as_ref().map(|login| Text::line(secrets, login)),
        }
    }
}

/// Decides by the plan and by what is there. A comment that the plan leaves open needs a `gh` with a token.
pub async fn intend(plan: &plan::Publish, repository: &Repository, environment: &Environment) -> Intent {
    let slug = find_slug(repository, environment);
    let needs_gh = plan.comment != Some(false) || plan.pull_request.is_some();
    let gh = match &slug {
        _ if !needs_gh => None,
        Some(slug) => Some(Gh::find(environment, slug).await.map_err(|f| format!("{f}: {}", f.hint()))),
        None => Some(Err("no remote of this checkout is a repository of GitHub".to_owned())),
    };
    let ready = matches!(gh, Some(Ok(_)));
    let wanted = [
        (plan.push, Effect::Push),
        (plan.pull_request.is_some(), Effect::PullRequest),
        (plan.evidence, Effect::Evidence),
        (plan.comment.unwrap_or(ready), Effect::Comment),
    ];
    let effects = wanted.into_iter().filter(|(is, _)| *is).map(|(_, effect)| effect).collect();
    let (hindered, token, login) = match gh {
        None => (None, None, None),
        Some(Ok(gh)) => (None, Some(gh.token().to_owned()), gh.known_login().await),
        Some(Err(why)) => (Some(why), None, None),
    };
    Intent { repository: slug, effects, hindered, token, login }
}
