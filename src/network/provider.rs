//! Takes a plan's provider and the runner's environment, gives the upstream: where it is, and the key.

use std::collections::BTreeMap;

use super::model::{Auth, Upstream, UpstreamError};
use crate::plan::Provider;

/// Where OpenAI's API is.
const OPENAI: &str = "https://api.openai.com/v1";
/// Where a ChatGPT login is served.
const CHATGPT: &str = "https://chatgpt.com/backend-api/codex";
/// What holds a key for OpenAI; the first that is set counts.
const OPENAI_KEYS: [&str; 2] = ["CODEX_API_KEY", "OPENAI_API_KEY"];

impl Upstream {
    /// Makes the upstream of a provider, its key taken from the runner's own environment. Nothing, if it needs a key
    /// and only a login with ChatGPT could help: [`Upstream::chatgpt`].
    pub fn of(
        provider: &Provider,
        environment: &BTreeMap<String, String>,
    ) -> Result<Option<Self>, UpstreamError> {
        let value = |name: &str| environment.get(name).filter(|value| !value.is_empty());
        let local = |port: u16| {
            let own = format!("http://127.0.0.1:{port}/v1");
            Self::new(value("CODEX_OSS_BASE_URL").unwrap_or(&own), &Auth::None).map(Some)
        };
        match provider {
            Provider::OpenAi => {
                let key = OPENAI_KEYS.iter().find_map(|name| value(name));
                key.map(|key| Self::new(OPENAI, &Auth::Bearer(key.clone()))).transpose()
            }
            Provider::Ollama => local(11434),
            Provider::LmStudio => local(1234),
            Provider::Custom { base_url, env_key: None } => Self::new(base_url, &Auth::None).map(Some),
            Provider::Custom { base_url, env_key: Some(name) } => {
                let key = value(name).ok_or_else(|| UpstreamError::Unset(name.clone()))?;
                Self::new(base_url, &Auth::Bearer(key.clone())).map(Some)
            }
        }
    }

    /// Makes the upstream of a login with ChatGPT.
    pub fn chatgpt(access_token: &str, account_id: &str) -> Result<Self, UpstreamError> {
        let (access_token, account_id) = (access_token.to_owned(), account_id.to_owned());
        Self::new(CHATGPT, &Auth::ChatGpt { access_token, account_id })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(provider: &Provider, environment: &[(&str, &str)]) -> Result<Option<Upstream>, UpstreamError> {
        let pairs = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Upstream::of(provider, &pairs.collect())
    }

    #[test]
    fn the_key_is_the_first_that_is_set() {
        let both = [("OPENAI_API_KEY", "second"), ("CODEX_API_KEY", "first")];
        assert_eq!(of(&Provider::OpenAi, &both).unwrap().unwrap().secret(), Some("first"));
        assert_eq!(of(&Provider::OpenAi, &both[..1]).unwrap().unwrap().secret(), Some("second"));
        assert!(of(&Provider::OpenAi, &[("CODEX_API_KEY", "")]).unwrap().is_none());
    }

    #[test]
    fn another_provider_has_a_key_of_its_own_or_none() {
        let base_url = "http://127.0.0.1:8080/v1".to_owned();
        let keyed = Provider::Custom { base_url: base_url.clone(), env_key: Some("MY_KEY".into()) };
        assert_eq!(of(&keyed, &[("MY_KEY", "k")]).unwrap().unwrap().secret(), Some("k"));
        let error = of(&keyed, &[("OPENAI_API_KEY", "not for them")]).unwrap_err();
        assert!(error.to_string().contains("MY_KEY"), "{error}");
        for provider in [Provider::Custom { base_url, env_key: None }, Provider::Ollama, Provider::LmStudio] {
            let upstream = of(&provider, &[("OPENAI_API_KEY", "not for them")]).unwrap().unwrap();
            assert_eq!(upstream.secret(), None);
        }
    }

    #[test]
    fn an_upstream_does_not_show_its_key() {
        let login = Upstream::chatgpt("access-token", "my-account").unwrap();
        let key = of(&Provider::OpenAi, &[("CODEX_API_KEY", "the-key")]).unwrap().unwrap();
        let shown = format!("{login:?} {key:?}");
        for secret in ["access-token", "my-account", "the-key"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }

    #[test]
    fn what_is_no_base_url_is_an_error() {
        for url in [
            "",
            "api.example.org/v1",
            "ftp://example.org",
            "https://",
            "https://*.example.org",
            "http://u@h/v1",
        ] {
            assert!(matches!(Upstream::new(url, &Auth::None), Err(UpstreamError::Url(_))), "{url}");
        }
        assert!(matches!(Upstream::new("http://a/", &Auth::Bearer("a\nb".into())), Err(UpstreamError::Key)));
    }
}
