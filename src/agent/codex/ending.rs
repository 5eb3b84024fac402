//! Why a turn failed, from what Codex says: it has one exit code for everything.

use crate::agent::{Failure, FailureKind};

/// What Codex's messages hold, in the order in which it is looked for, and what that means. Each was seen from
/// every version of the tested table, with a model that answers accordingly.
const SIGNS: [(&str, FailureKind); 22] = [
    ("quota exceeded", FailureKind::Quota),
    ("exceeded your current quota", FailureKind::Quota),
    ("usage limit", FailureKind::Quota),
    ("rate limit", FailureKind::RateLimit),
    ("429 too many requests", FailureKind::RateLimit),
    ("401 unauthorized", FailureKind::Key),
    ("403 forbidden", FailureKind::Key),
    ("incorrect api key", FailureKind::Key),
    ("missing environment variable", FailureKind::Key),
    ("model_not_found", FailureKind::Model),
    ("context window", FailureKind::Context),
    ("context_length_exceeded", FailureKind::Context),
    ("error sending request", FailureKind::Unreachable),
    ("stream closed before", FailureKind::Unreachable),
    ("connection refused", FailureKind::Unreachable),
    ("timed out", FailureKind::Unreachable),
    ("timeout waiting", FailureKind::Unreachable),
    ("high demand", FailureKind::Unreachable),
    ("500 internal server error", FailureKind::Unreachable),
    ("502 bad gateway", FailureKind::Unreachable),
    ("503 service unavailable", FailureKind::Unreachable),
    ("504 gateway timeout", FailureKind::Unreachable),
];

/// Classifies what Codex said of a failed turn.
pub(super) fn failure(message: &str) -> Failure {
    let low = message.to_lowercase();
    let is_unknown_model = low.contains("model") && low.contains("does not exist");
    let sign = SIGNS.iter().find(|(sign, _)| low.contains(sign)).map(|(_, kind)| *kind);
    let kind = match sign {
        Some(kind @ (FailureKind::Quota | FailureKind::RateLimit)) => kind,
        _ if is_unknown_model => FailureKind::Model,
        Some(kind) => kind,
        // Nothing at this address; a model that is not there was recognised before.
        None if low.contains("404 not found") => FailureKind::Unreachable,
        None => FailureKind::Other,
    };
    Failure { kind, text: inner(message) }
}

/// Older versions hand the server's JSON on as it is.
fn inner(message: &str) -> String {
    let value: Option<serde_json::Value> = serde_json::from_str(message).ok();
    let text = value.as_ref().and_then(|value| value["error"]["message"].as_str());
    text.unwrap_or(message).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_codex_says_is_put_into_classes() {
        for (message, kind) in [
            (
                "unexpected status 401 Unauthorized: Incorrect API key provided: x., url: http://127.0.0.1:1/v1/responses",
                FailureKind::Key,
            ),
            ("The model `nope` does not exist or you do not have access to it.", FailureKind::Model),
            (
                "unexpected status 404 Not Found: The model `nope` does not exist or you do not have access to it., url: u",
                FailureKind::Model,
            ),
            ("unexpected status 404 Not Found: , url: http://127.0.0.1:1/x", FailureKind::Unreachable),
            ("Quota exceeded. Check your plan and billing details.", FailureKind::Quota),
            ("You’ve hit your usage limit. Upgrade to Pro or try again later.", FailureKind::Quota),
            ("exceeded retry limit, last status: 429 Too Many Requests", FailureKind::RateLimit),
            ("stream disconnected before completion: boom", FailureKind::Other),
            (
                "stream disconnected before completion: error sending request for url (http://127.0.0.1:1/v1/responses)",
                FailureKind::Unreachable,
            ),
            (
                "Codex ran out of room in the model's context window. Start a new thread or clear earlier history before retrying.",
                FailureKind::Context,
            ),
        ] {
            assert_eq!(failure(message).kind, kind, "{message}");
        }
        let old = r#"{"error": {"message": "The requested model 'nope' does not exist.", "code": "model_not_found"}}"#;
        assert_eq!(failure(old).kind, FailureKind::Model);
        assert_eq!(failure(old).text, "The requested model 'nope' does not exist.");
    }
}
