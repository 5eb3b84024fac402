//! Why a turn failed, from what Claude Code says of it: the status of the model's server, and its own words.

use crate::agent::{Failure, FailureKind};

/// What its messages hold where there is no status, or where the status alone does not tell, and what that means.
const SIGNS: [(&str, FailureKind); 9] = [
    ("credit balance is too low", FailureKind::Quota),
    ("prompt is too long", FailureKind::Context),
    ("request too large", FailureKind::Context),
    ("not logged in", FailureKind::Key),
    ("invalid api key", FailureKind::Key),
    ("connection", FailureKind::Unreachable),
    ("timed out", FailureKind::Unreachable),
    ("streamtruncated", FailureKind::Unreachable),
    ("unable to connect", FailureKind::Unreachable),
];

/// Classifies a turn that failed: the status of the last answer, if there was one, and what was said.
pub(super) fn failure(status: Option<u64>, text: &str) -> Failure {
    let low = text.to_lowercase();
    let sign = SIGNS.iter().find(|(sign, _)| low.contains(sign)).map(|(_, kind)| *kind);
    let kind = match (status, sign) {
        (_, Some(kind @ (FailureKind::Quota | FailureKind::Context))) => kind,
        (Some(401 | 403), _) => FailureKind::Key,
        (Some(404), _) => FailureKind::Model,
        (Some(413), _) => FailureKind::Context,
        // Overloaded (529) is waited out like a rate limit.
        (Some(429 | 529), _) => FailureKind::RateLimit,
        (Some(500..), _) => FailureKind::Unreachable,
        (Some(_), _) => FailureKind::Other,
        (None, kind) => kind.unwrap_or(FailureKind::Other),
    };
    Failure { kind, text: text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_claude_says_is_put_into_classes() {
        for (status, text, kind) in [
            (Some(401), "Invalid API key · Fix external API key", FailureKind::Key),
            (Some(403), "Failed to authenticate. API Error: 403 no", FailureKind::Key),
            (Some(404), "There's an issue with the selected model (m).", FailureKind::Model),
            (Some(429), "API Error: Request rejected (429) · slow down", FailureKind::RateLimit),
            (Some(529), "API Error: 529 Overloaded", FailureKind::RateLimit),
            (Some(500), "API Error: 500 boom", FailureKind::Unreachable),
            (Some(400), "Prompt is too long · 210000 tokens", FailureKind::Context),
            (Some(400), "Credit balance is too low", FailureKind::Quota),
            (Some(413), "Request too large (max 32MB)", FailureKind::Context),
            (Some(400), "API Error: 400 no such field", FailureKind::Other),
            (None, "API Error: Connection dropped (ECONNRESET)", FailureKind::Unreachable),
            (None, "The answer ended early (StreamTruncated)", FailureKind::Unreachable),
            (None, "Not logged in · Please run /login", FailureKind::Key),
            (None, "Claude's answer exceeded the 32000 output token maximum", FailureKind::Other),
        ] {
            assert_eq!(failure(status, text).kind, kind, "{text}");
        }
    }
}
