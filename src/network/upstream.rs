//! Takes a base URL and what lets one in there, gives an upstream: where a request goes, and what it needs on the way.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use hyper::Uri;
use hyper::header::{self, HeaderMap, HeaderValue};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

use super::dialect::{self, Dialect};
use super::price::Rates;
use crate::plan::{Destination, Prices};

/// Where a model is, what lets one in there, and how much of it may be used.
#[derive(Debug, Clone)]
pub struct Upstream {
    pub(super) dialect: Dialect,
    pub(super) base: String,
    pub(super) target: Destination,
    pub(super) tls: Option<Arc<ClientConfig>>,
    auth: Auth,
    pub(super) headers: HeaderMap,
    pub(super) limit: Option<u64>,
    pub(super) counted: bool,
    pub(super) silence: Option<Duration>,
    /// Billionths of a US dollar that may be spent.
    pub(super) budget: Option<u64>,
    /// What models cost, as the host says.
    prices: Arc<Prices>,
    /// The one path that is passed on, if it is no model that is there.
    pub(super) only: Option<String>,
}

/// What lets one in: read by the runner, and in no step's hands.
#[derive(Clone, PartialEq, Eq)]
pub enum Auth {
    /// Nothing: a local model.
    None,
    /// A key or a token, as `Authorization: Bearer`.
    Bearer(String),
    /// A key, as `x-api-key`.
    ApiKey(String),
    /// A login with ChatGPT.
    ChatGpt {
        /// The access token of the login.
        access_token: String,
        /// The account it is for.
        account_id: String,
    },
}

impl fmt::Debug for Auth {
    /// Shows what kind it is, and nothing of it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Bearer(_) => "Bearer(…)",
            Self::ApiKey(_) => "ApiKey(…)",
            Self::ChatGpt { .. } => "ChatGpt(…)",
        })
    }
}

/// Why a model cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    /// The base URL is none.
    #[error("base_url {0}: not http://HOST[:PORT]/PATH or https://…")]
    Url(String),
    /// The key cannot be sent.
    #[error("the key holds what no HTTP header can: a line break or other control characters")]
    Key,
    /// There is nothing to trust a server by.
    #[error("no TLS roots: {0}")]
    Roots(String),
}

impl Upstream {
    /// Makes an upstream from a base URL, as agents that speak this dialect have it: `https://api.openai.com/v1` with the
    /// version, `https://api.anthropic.com` without.
    pub fn new(dialect: Dialect, base_url: &str, auth: &Auth) -> Result<Self, UpstreamError> {
        let wrong = || UpstreamError::Url(base_url.to_owned());
        let uri: Uri = base_url.parse().map_err(|_| wrong())?;
        let port = match uri.scheme_str() {
            Some("http") => 80,
            Some("https") => 443,
            _ => return Err(wrong()),
        };
        let authority = uri.authority().ok_or_else(wrong)?.as_str();
        let full = if uri.port().is_some() { authority.to_owned() } else { format!("{authority}:{port}") };
        let target: Destination = full.parse().map_err(|_| wrong())?;
        if target.host.contains('*') || uri.query().is_some() {
            return Err(wrong());
        }
        Ok(Self {
            dialect,
            base: uri.path().trim_end_matches('/').to_owned(),
            tls: if uri.scheme_str() == Some("https") { Some(trust()?) } else { None },
            target,
            headers: headers(auth).map_err(|_| UpstreamError::Key)?,
            auth: auth.clone(),
            limit: None,
            counted: false,
            silence: None,
            budget: None,
            prices: Arc::default(),
            only: None,
        })
    }

    /// Returns scheme, host and port.
    pub(super) fn origin(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let default = if self.tls.is_some() { ":443" } else { ":80" };
        let target = self.target.to_string();
        format!("{scheme}://{}", target.strip_suffix(default).unwrap_or(&target))
    }

    /// Returns the base URL.
    pub(super) fn address(&self) -> String {
        format!("{}{}", self.origin(), self.base)
    }

    /// Returns what must never be seen: for the masker.
    pub fn secret(&self) -> Option<&str> {
        match &self.auth {
            Auth::None => None,
            Auth::Bearer(secret) | Auth::ApiKey(secret) | Auth::ChatGpt { access_token: secret, .. } => {
                Some(secret)
            }
        }
    }

    /// Passes on GET of this one path, and nothing that is asked of a model.
    #[must_use]
    pub fn only(self, path: String) -> Self {
        Self { only: Some(path), ..self }
    }

    /// Bounds the tokens: when they are used up, the next request is refused.
    #[must_use]
    pub fn limit(self, tokens: Option<u64>) -> Self {
        Self { limit: tokens, ..self }
    }

    /// Bounds how long the server may be silent while it is waited for.
    #[must_use]
    pub fn silence(self, limit: Option<Duration>) -> Self {
        Self { silence: limit, ..self }
    }

    /// Tells whether what lets one in would be read by everybody on the way.
    pub fn is_plain(&self) -> bool {
        self.tls.is_none()
    }

    /// Bounds what may be spent, in millionths of a US dollar: when it is, the next request is refused.
    #[must_use]
    pub fn budget(self, most: Option<u64>) -> Self {
        Self { budget: most.map(|most| most.saturating_mul(1000)), ..self }
    }

    /// Tells whether the model costs nothing: it is on this host, and wants no key.
    pub fn is_free(&self) -> bool {
        self.is_local() && self.auth == Auth::None
    }

    /// Counts by these prices before those of this program.
    #[must_use]
    pub fn prices(self, own: &Prices) -> Self {
        Self { prices: Arc::new(own.clone()), ..self }
    }

    /// Returns what a model costs here, if that is known: as the host says; on it, nothing; as this program knows.
    pub(super) fn rates(&self, model: Option<&str>) -> Option<Rates> {
        let own = model.and_then(|model| dialect::own_rates(&self.prices, model));
        let free = self.is_free().then_some(Rates::FREE);
        own.or(free).or_else(|| model.and_then(dialect::rates))
    }

    /// Tells whether it is known what a model costs here.
    pub fn knows_price(&self, model: &str) -> bool {
        self.rates(Some(model)).is_some()
    }

    /// Tells whether the model is on this host.
    pub fn is_local(&self) -> bool {
        let address = |host: &str| host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
        self.target.host == "localhost"
            || address(&self.target.host).is_ok_and(|address| address.is_loopback())
    }

    /// Wants every answer to tell what it cost: after one that does not, the next request is refused.
    #[must_use]
    pub fn counted(self, counted: bool) -> Self {
        Self { counted, ..self }
    }
}

fn headers(auth: &Auth) -> Result<HeaderMap, header::InvalidHeaderValue> {
    let mut headers = HeaderMap::new();
    let token = match auth {
        Auth::None => return Ok(headers),
        Auth::ApiKey(key) => {
            let mut key = HeaderValue::from_str(key)?;
            key.set_sensitive(true);
            headers.insert("x-api-key", key);
            return Ok(headers);
        }
        Auth::Bearer(key) => key,
        Auth::ChatGpt { access_token, account_id } => {
            let mut account = HeaderValue::from_str(account_id)?;
            account.set_sensitive(true);
            headers.insert("chatgpt-account-id", account);
            access_token
        }
    };
    let mut value = HeaderValue::from_str(&format!("Bearer {token}"))?;
    value.set_sensitive(true);
    headers.insert(header::AUTHORIZATION, value);
    Ok(headers)
}

/// Decides whom to trust: the system's roots, or those that `SSL_CERT_FILE` names.
fn trust() -> Result<Arc<ClientConfig>, UpstreamError> {
    let failed = |error: &dyn fmt::Display| UpstreamError::Roots(error.to_string());
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (good, _) = roots.add_parsable_certificates(found.certs);
    if good == 0 {
        let why = found
            .errors
            .first()
            .map_or("the system has none; set SSL_CERT_FILE".to_owned(), ToString::to_string);
        return Err(UpstreamError::Roots(why));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(&error))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upstream_does_not_show_its_key() {
        let login = Auth::ChatGpt { access_token: "the-token".into(), account_id: "my-account".into() };
        // Not https: that asks the system for its roots, and a build sandbox has none.
        let login = Upstream::new(Dialect::Responses, "http://example.org/v1", &login).unwrap();
        let key = Upstream::new(Dialect::Responses, "http://example.org/v1", &Auth::Bearer("the-key".into()))
            .unwrap();
        assert_eq!((login.secret(), key.secret()), (Some("the-token"), Some("the-key")));
        let shown = format!("{login:?} {key:?}");
        for secret in ["the-token", "my-account", "the-key"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }

    #[test]
    fn what_is_no_base_url_is_an_error() {
        let wrong =
            ["", "example.org/v1", "ftp://example.org", "https://", "https://*.example.org", "http://u@h/v1"];
        for url in wrong {
            assert!(
                matches!(Upstream::new(Dialect::Responses, url, &Auth::None), Err(UpstreamError::Url(_))),
                "{url}"
            );
        }
        assert!(matches!(
            Upstream::new(Dialect::Responses, "http://a/", &Auth::Bearer("a\nb".into())),
            Err(UpstreamError::Key)
        ));
    }
}
