//! Takes the head of a request, tells what of it goes out: the headers that Codex needs, and of the query what says which
//! version asks.

/// Headers that Codex sends; beside them those that begin with [`OWN`].
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

/// The only thing that Codex asks by a query: which models there are for its version.
const VERSION: &str = "client_version=";

/// Tells whether Codex needs a header. Whom to bill is none of them.
pub(in crate::network) fn needs(name: &str) -> bool {
    HEADERS.contains(&name) || name.starts_with(OWN)
}

/// Tells whether a query is one that Codex asks with.
pub(in crate::network) fn asks(query: &str) -> bool {
    let fits = |version: &str| version.bytes().all(|b| b.is_ascii_alphanumeric() || b".-+_".contains(&b));
    query.strip_prefix(VERSION).is_some_and(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_the_headers_those_are_kept_that_codex_needs() {
        for (name, kept) in [
            ("session-id", true),
            ("x-codex-window-id", true),
            ("openai-organization", false),
            ("openai-project", false),
            ("cookie", false),
            ("x-own", false),
            ("authorization", false),
            ("accept-encoding", false),
        ] {
            assert_eq!(needs(name), kept, "{name}");
        }
    }

    #[test]
    fn of_the_query_the_version_alone_is_kept() {
        for (query, kept) in [
            ("client_version=0.169.0-alpha.1", true),
            ("", false),
            ("beta=true", false),
            ("client_version=1&file_id=x", false),
            ("client_version=1%26file_id", false),
            ("file_id=x&client_version=1", false),
        ] {
            assert_eq!(asks(query), kept, "{query}");
        }
    }
}
