//! Takes an answer that refuses, gives the exchange: its class, how long to wait, where else the model is.

use hyper::StatusCode;
use hyper::Uri;
use hyper::header::{self, HeaderMap};

use super::{Class, Exchange, Said, retry_after};
use crate::network::upstream::Upstream;

/// Longest address that is shown.
const SHOWN: usize = 300;

impl Exchange {
    /// Reads an answer that is none of a model's.
    pub(in crate::network) fn refused(
        upstream: &Upstream,
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Self {
        let said = Said::read(body);
        let class = said.class(Some(status.as_u16()));
        let wait = retry_after(headers, &said.message);
        let said = match class {
            Class::Redirect => elsewhere(upstream, headers),
            Class::Missing => {
                format!("{}/{}: write another `base_url`", upstream.address(), upstream.dialect.ask())
            }
            _ => said.message,
        };
        Self { status: Some(status.as_u16()), wait, ..Self::new(class, said) }
    }
}

/// Says where a redirect leads, and what to write for it.
fn elsewhere(upstream: &Upstream, headers: &HeaderMap) -> String {
    let location = headers.get(header::LOCATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match there(upstream, location) {
        Some(base) => format!("its server sends on to another address: write `base_url: {base}`"),
        None => "its server sends on to another address, and does not say which".to_owned(),
    }
}

/// Returns the base URL of an address to which a request for the model was sent on.
fn there(upstream: &Upstream, location: &str) -> Option<String> {
    let uri: Uri = location.parse().ok()?;
    let path = uri.path().strip_suffix(upstream.dialect.ask()).unwrap_or(uri.path()).trim_end_matches('/');
    let base = match (uri.scheme_str(), uri.authority()) {
        (Some(scheme @ ("http" | "https")), Some(authority)) => {
            // Who is let in there is nobody's to read.
            let host = authority.as_str().rsplit('@').next()?;
            format!("{scheme}://{host}{path}")
        }
        (None, None) if path.starts_with('/') => format!("{}{path}", upstream.origin()),
        _ => return None,
    };
    (base.len() <= SHOWN).then_some(base)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{Auth, Dialect};

    #[test]
    fn a_redirect_says_what_to_write() {
        let responses = Upstream::new(Dialect::Responses, "http://h:8080/v1", &Auth::None).unwrap();
        let messages = Upstream::new(Dialect::Messages, "http://h:8080/a", &Auth::None).unwrap();
        for (upstream, location, base) in [
            (&responses, "https://new.example.org/v2/responses", Some("https://new.example.org/v2")),
            (&responses, "https://new.example.org/v2/responses?x=y", Some("https://new.example.org/v2")),
            (&responses, "/v2/responses", Some("http://h:8080/v2")),
            (&responses, "https://user:secret@new.example.org/login", Some("https://new.example.org/login")),
            (&messages, "https://new.example.org/b/v1/messages?beta=true", Some("https://new.example.org/b")),
            (&messages, "https://new.example.org/v1/messages", Some("https://new.example.org")),
            (&responses, "", None),
            (&responses, "ftp://new.example.org/", None),
            (&responses, "responses", None),
        ] {
            assert_eq!(there(upstream, location).as_deref(), base, "{location}");
        }
    }
}
