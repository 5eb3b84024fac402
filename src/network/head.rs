//! Takes the head of a request for the model, gives what of it goes out: the headers that an agent needs, and of the
//! query what says which agent asks.

use hyper::Uri;
use hyper::header::HeaderMap;

/// Headers that an agent sends; beside them those that begin with [`OWN`].
const HEADERS: [&str; 10] = [
    "accept",
    "conversation_id",
    "originator",
    "session-id",
    "session_id",
    "thread-id",
    "user-agent",
    "x-client-request-id",
    "x-openai-internal-codex-responses-lite",
    "x-openai-subagent",
];
const OWN: &str = "x-codex-";

/// The only thing that an agent asks by a query: which models there are for its version.
const VERSION: &str = "client_version=";

/// Returns the headers that an agent needs. Whom to bill is none of them.
pub(super) fn known(headers: &HeaderMap) -> HeaderMap {
    let is_known = |name: &str| HEADERS.contains(&name) || name.starts_with(OWN);
    let known = headers.iter().filter(|(name, _)| is_known(name.as_str()));
    known.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Returns the query as it goes out, with its mark; nothing of what no agent asks.
pub(super) fn query(uri: &Uri) -> String {
    let fits = |version: &str| version.bytes().all(|b| b.is_ascii_alphanumeric() || b".-+_".contains(&b));
    let known = uri.query().filter(|query| query.strip_prefix(VERSION).is_some_and(fits));
    known.map(|query| format!("?{query}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_the_headers_those_are_kept_that_an_agent_needs() {
        let mut headers = HeaderMap::new();
        for name in
            ["session-id", "x-codex-window-id", "openai-organization", "OpenAI-Project", "cookie", "x-own"]
        {
            headers.insert(
                name.to_ascii_lowercase().parse::<hyper::header::HeaderName>().unwrap(),
                "v".parse().unwrap(),
            );
        }
        let kept = known(&headers);
        let names: Vec<&str> = kept.keys().map(hyper::header::HeaderName::as_str).collect();
        assert_eq!(names.len(), 2, "{names:?}");
        assert!(names.contains(&"session-id") && names.contains(&"x-codex-window-id"), "{names:?}");
    }

    #[test]
    fn of_the_query_the_version_alone_is_kept() {
        for (uri, kept) in [
            ("/v1/models?client_version=0.169.0-alpha.1", "?client_version=0.169.0-alpha.1"),
            ("/v1/models", ""),
            ("/v1/models?", ""),
            ("/v1/models?beta=true", ""),
            ("/v1/models?client_version=1&file_id=x", ""),
            ("/v1/models?client_version=1%26file_id", ""),
            ("/v1/models?file_id=x&client_version=1", ""),
        ] {
            assert_eq!(query(&uri.parse().unwrap()), kept, "{uri}");
        }
    }
}
