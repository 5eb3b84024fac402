//! Why GitHub did not do what was asked: `gh` exits with 1 for nearly everything, so its words are read.

use std::time::Duration;

use super::Slug;

/// A class of failure, with what `gh` said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// There is no `gh`.
    #[error("gh is not on PATH")]
    Missing,
    /// `gh` has no token.
    #[error("gh is not logged in to {host}")]
    LoggedOut {
        /// The host.
        host: String,
    },
    /// The token is not, or no longer, good.
    #[error("GitHub does not accept the token: {0}")]
    Unauthorized(String),
    /// The token may not do this.
    #[error("no rights for this: {0}")]
    Forbidden(String),
    /// There is no such repository or issue, or the token may not see it.
    #[error("not found: {0}")]
    NotFound(String),
    /// Too much was asked of late.
    #[error("rate limit: {0}")]
    RateLimited(String),
    /// GitHub could not be reached, or the answer was lost.
    #[error("network: {0}")]
    Network(String),
    /// GitHub itself is in trouble.
    #[error("GitHub is in trouble: {0}")]
    Server(String),
    /// The text is longer than GitHub takes.
    #[error("too long: {0}")]
    TooLong(String),
    /// No answer within this time.
    #[error("no answer within {}", crate::time::exact(*.0))]
    Late(Duration),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

type Class = fn(String) -> Failure;

/// What `gh` says, in lower case, and the class it is of. The first that fits counts: a rate limit is a 403, too.
const WORDS: [(&str, Class); 25] = [
    ("rate limit", Failure::RateLimited),
    ("submitted too quickly", Failure::RateLimited),
    ("abuse detection", Failure::RateLimited),
    ("http 429", Failure::RateLimited),
    ("body is too long", Failure::TooLong),
    ("http 401", Failure::Unauthorized),
    ("bad credentials", Failure::Unauthorized),
    ("http 403", Failure::Forbidden),
    ("resource not accessible", Failure::Forbidden),
    ("does not have the correct permissions", Failure::Forbidden),
    ("must have push access", Failure::Forbidden),
    ("issue is locked", Failure::Forbidden),
    ("http 404", Failure::NotFound),
    ("http 410", Failure::NotFound),
    ("could not resolve to", Failure::NotFound),
    ("has disabled issues", Failure::NotFound),
    ("http 5", Failure::Server),
    ("something went wrong while executing your query", Failure::Server),
    ("error connecting to", Failure::Network),
    ("dial ", Failure::Network),
    ("eof", Failure::Network),
    ("connection re", Failure::Network),
    ("timeout", Failure::Network),
    ("broken pipe", Failure::Network),
    ("no such host", Failure::Network),
];

impl Failure {
    /// Reads how `gh` ended.
    pub(super) fn read(code: Option<i32>, stderr: &str, slug: &Slug) -> Self {
        if code == Some(4) {
            return Self::LoggedOut { host: slug.host().to_owned() };
        }
        let said = said(stderr);
        // Two libraries in `gh` name a status in two ways.
        let lower = stderr.to_lowercase().replace("non-200 ok status code: ", "http ");
        match WORDS.iter().find(|(words, _)| lower.contains(words)) {
            Some((_, class)) => class(said),
            None => Self::Other(if said.is_empty() { "gh failed without a word".to_owned() } else { said }),
        }
    }

    /// Tells whether asking again, a little later, may help.
    pub fn passes(&self) -> bool {
        matches!(self, Self::RateLimited(_) | Self::Network(_) | Self::Server(_) | Self::Late(_))
    }

    /// Returns what to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Missing => "install gh (https://cli.github.com) and log in: gh auth login",
            Self::LoggedOut { .. } => "log in: gh auth login; or set GH_TOKEN",
            Self::Unauthorized(_) => "get a new token: gh auth refresh; or set GH_TOKEN anew",
            Self::Forbidden(_) => {
                "the token needs to write issues (`issues: write`; for a pull request `pull-requests: write`)"
            }
            Self::NotFound(_) => {
                "check the issue's number and the repository (GH_REPO=owner/name names another)"
            }
            Self::RateLimited(_) => "wait for the limit's end",
            Self::Network(_) | Self::Server(_) | Self::Late(_) => "try again when GitHub can be reached",
            Self::TooLong(_) => "shorten what is to be published",
            Self::Other(_) => "see what gh says",
        }
    }
}

/// Takes the first line of what `gh` said that says something, cut to a bound.
fn said(stderr: &str) -> String {
    let line = stderr.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    line.chars().filter(|c| !c.is_control()).take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_gh_are_told_apart() {
        let slug: Slug = "acme/widgets".parse().unwrap();
        let class = |stderr: &str| {
            let failure = format!("{:?}", Failure::read(Some(1), stderr, &slug));
            failure.split(['(', ' ']).next().unwrap().to_owned()
        };
        for (stderr, expected) in [
            (
                "HTTP 401: Bad credentials (https://api.github.com/graphql)\nTry authenticating with: gh auth login",
                "Unauthorized",
            ),
            (
                "HTTP 403: API rate limit exceeded for user ID 1. (https://api.github.com/graphql)",
                "RateLimited",
            ),
            ("HTTP 403: You have exceeded a secondary rate limit. Please wait a few minutes", "RateLimited"),
            ("GraphQL: was submitted too quickly (addComment)", "RateLimited"),
            ("HTTP 403: Resource not accessible by integration", "Forbidden"),
            (
                "GraphQL: somebody does not have the correct permissions to execute `AddComment` (addComment)",
                "Forbidden",
            ),
            (
                "GraphQL: Could not resolve to an issue or pull request with the number of 9. (repository.issue)",
                "NotFound",
            ),
            (
                "GraphQL: Could not resolve to a Repository with the name 'acme/none'. (repository)",
                "NotFound",
            ),
            ("gh: Not Found (HTTP 404)", "NotFound"),
            ("non-200 OK status code: 404 Not Found body: \"\"", "NotFound"),
            ("HTTP 502: Bad Gateway (https://api.github.com/graphql)", "Server"),
            ("non-200 OK status code: 502 Bad Gateway body: \"\"", "Server"),
            ("error connecting to api.github.com\ncheck your internet connection", "Network"),
            ("Post \"https://api.github.com/graphql\": EOF", "Network"),
            ("GraphQL: Body is too long (maximum is 65536 characters) (addComment)", "TooLong"),
            ("could not add label: 'bug' not found", "Other"),
            ("", "Other"),
        ] {
            assert_eq!(class(stderr), expected, "{stderr}");
        }
        assert_eq!(Failure::read(Some(4), "x", &slug), Failure::LoggedOut { host: "github.com".into() });
    }

    #[test]
    fn what_is_quoted_is_one_line_without_escapes() {
        assert_eq!(said("\n\u{1b}[31mHTTP 404\u{1b}[0m: no\nmore"), "[31mHTTP 404[0m: no");
        assert_eq!(said(&"x".repeat(1000)).len(), 300);
    }
}
