//! What kind of secret was found, for the audit and the scan before a push.

use std::fmt;
use std::ops::Range;

/// Whose or what a secret is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names say it")]
#[non_exhaustive]
pub enum Kind {
    /// A registered value, in whatever shape.
    Known,
    GitHub,
    OpenAi,
    Anthropic,
    Aws,
    Slack,
    Stripe,
    Npm,
    PyPi,
    Google,
    Azure,
    GitLab,
    HuggingFace,
    SendGrid,
    Twilio,
    DigitalOcean,
    DockerHub,
    CratesIo,
    Age,
    Vault,
    Jwt,
    /// A provider that the specification does not name.
    Other,
    PrivateKey,
    /// The password in a link.
    BasicAuthUrl,
    /// A `Bearer`, `Basic` or other `Authorization`.
    Header,
    Cookie,
    /// A value by the name of its key.
    Pair,
}

impl Kind {
    /// Returns the name for messages and findings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Known => "known-value",
            Self::GitHub => "github-token",
            Self::OpenAi => "openai-key",
            Self::Anthropic => "anthropic-key",
            Self::Aws => "aws-key",
            Self::Slack => "slack-token",
            Self::Stripe => "stripe-key",
            Self::Npm => "npm-token",
            Self::PyPi => "pypi-token",
            Self::Google => "google-key",
            Self::Azure => "azure-key",
            Self::GitLab => "gitlab-token",
            Self::HuggingFace => "hugging-face-token",
            Self::SendGrid => "sendgrid-key",
            Self::Twilio => "twilio-key",
            Self::DigitalOcean => "digitalocean-token",
            Self::DockerHub => "docker-hub-token",
            Self::CratesIo => "crates-io-token",
            Self::Age => "age-key",
            Self::Vault => "vault-token",
            Self::Jwt => "jwt",
            Self::Other => "token",
            Self::PrivateKey => "private-key",
            Self::BasicAuthUrl => "basic-auth-url",
            Self::Header => "authorization-header",
            Self::Cookie => "cookie",
            Self::Pair => "secret-value",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A secret that was found: its kind and place, never its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// What it is.
    pub kind: Kind,
    /// Where it stands, in bytes of the input.
    pub range: Range<usize>,
}

/// What to mask, with what made it a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Span {
    /// Where the evidence starts: a cut between here and the end would lose it.
    pub(super) context: usize,
    /// What to mask.
    pub(super) range: Range<usize>,
    /// What it is.
    pub(super) kind: Kind,
}
