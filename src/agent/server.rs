//! An MCP server of the user's: what it is, where it leads, and which of its settings are credentials.

use serde_json::Value;

/// An MCP server of the user's, as the agent's own configuration has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Server {
    /// Its name.
    pub name: String,
    /// Its configuration, to be copied.
    pub config: Value,
    /// Host and port it is reached at, if it is not a program.
    pub reaches: Option<(String, u16)>,
    /// Variables that it takes from the environment.
    pub variables: Vec<String>,
    /// Names under which its configuration holds credentials themselves.
    pub literal: Vec<String>,
}

/// Tells whether what stands under a name is a credential: a variable or a header that sounds like one.
pub(super) fn sounds_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase().replace('-', "_");
    let words = [
        "TOKEN",
        "SECRET",
        "PASSWORD",
        "PASSWD",
        "KEY",
        "APIKEY",
        "AUTHORIZATION",
        "COOKIE",
        "CREDENTIALS",
        "PAT",
    ];
    name.split('_').any(|part| words.contains(&part))
}

/// Reads where a URL leads.
pub(super) fn host_and_port(url: &str) -> Option<(String, u16)> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let authority = authority.rsplit('@').next()?;
    let standard = if scheme.eq_ignore_ascii_case("http") { 80 } else { 443 };
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) => {
            (host, port.parse().ok()?)
        }
        _ => (authority, standard),
    };
    Some((host.trim_matches(['[', ']']).to_ascii_lowercase(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_lead_somewhere() {
        for (url, host, port) in [
            ("http://127.0.0.1:8080/v1", "127.0.0.1", 8080),
            ("http://[::1]:9/x", "::1", 9),
            ("https://user@example.org?x", "example.org", 443),
            ("http://example.org", "example.org", 80),
        ] {
            assert_eq!(host_and_port(url), Some((host.to_owned(), port)), "{url}");
        }
        assert_eq!(host_and_port("example.org"), None);
    }
}
