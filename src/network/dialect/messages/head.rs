//! Takes the head of a request, tells what of it goes out: the headers that Claude Code needs, of the features that it
//! asks for by name those that leave the server at answering, and its one query.

use crate::network::dated::undated;

/// Headers that Claude Code sends; beside them those that begin with [`OWN`].
const HEADERS: [&str; 5] = ["accept", "anthropic-version", "user-agent", "x-app", "x-claude-code-session-id"];
const OWN: &str = "x-stainless-";

/// The header that asks for features, by their names.
const FEATURES: &str = "anthropic-beta";

/// The features that go out, whatever the day in their names. Nothing that is asked by them is more than an answer.
/// Others are left out, and what of a request needs them the server refuses: those that search, fetch, run code, call
/// servers or know of files (`web-search`, `web-fetch`, `code-execution`, `mcp-client`, `files-api`, `skills`, …), those
/// that cost more than the usual (`context-1m`, `fast-mode`), and what nobody here has looked at.
const ANSWERING: [&str; 13] = [
    "claude-code",
    "context-management",
    "effort",
    "extended-cache-ttl",
    "fine-grained-tool-streaming",
    "interleaved-thinking",
    "mid-conversation-system",
    "mid-conversation-tool-changes",
    "oauth",
    "per-turn-control",
    "structured-outputs",
    "thinking-display-updates",
    "thinking-token-count",
];

/// Returns what goes out of a header, if anything does.
pub(in crate::network) fn goes_out(name: &str, value: &str) -> Option<String> {
    if name != FEATURES {
        return (HEADERS.contains(&name) || name.starts_with(OWN)).then(|| value.to_owned());
    }
    let answering = |feature: &&str| ANSWERING.contains(&undated(feature));
    let features: Vec<&str> = value.split(',').map(str::trim).filter(answering).collect();
    (!features.is_empty()).then(|| features.join(","))
}

/// Tells whether a query is the one that Claude Code asks with.
pub(in crate::network) fn asks(query: &str) -> bool {
    query == "beta=true"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_the_headers_those_go_out_that_the_agent_needs() {
        for name in ["anthropic-version", "x-stainless-os", "x-claude-code-session-id", "user-agent"] {
            assert_eq!(goes_out(name, "v").as_deref(), Some("v"), "{name}");
        }
        for name in [
            "x-api-key",
            "authorization",
            "cookie",
            "accept-encoding",
            "anthropic-dangerous-direct-browser-access",
            "anthropic-organization-id",
            "anthropic-workspace-id",
            "x-own",
        ] {
            assert_eq!(goes_out(name, "v"), None, "{name}");
        }
    }

    #[test]
    fn of_the_features_those_go_out_that_leave_the_server_at_answering() {
        for (asked, sent) in [
            (
                "claude-code-20250219,interleaved-thinking-2025-05-14",
                Some("claude-code-20250219,interleaved-thinking-2025-05-14"),
            ),
            ("effort-2027-01-01, effort", Some("effort-2027-01-01,effort")),
            ("oauth-2025-04-20,files-api-2025-04-14", Some("oauth-2025-04-20")),
            ("mcp-client-2025-11-20,code-execution-2025-08-25,web-fetch-2025-09-10,skills-2025-10-02", None),
            ("context-1m-2025-08-07,fast-mode-2026-02-01", None),
            ("effort-2025-11-24x,xeffort-2025-11-24,EFFORT", None),
            ("effort\u{e9}-2025-11-24", None),
            ("", None),
            (",,", None),
        ] {
            assert_eq!(goes_out(FEATURES, asked).as_deref(), sent, "{asked}");
        }
    }

    #[test]
    fn there_is_one_query() {
        assert!(asks("beta=true"));
        for other in ["", "beta=false", "beta=true&x=y", "beta=true%26x", "BETA=true"] {
            assert!(!asks(other), "{other}");
        }
    }
}
