//! Where a page may lead: the web, or another page of ours.

/// A place that a page may lead to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link(String);

impl Link {
    /// Makes a link to the web; nothing of what is no plain address there, such as `javascript:`.
    pub fn web(url: &str) -> Option<Self> {
        let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
        let is_plain = |c: char| c.is_ascii_graphic() && !"\"'<>\\^`{|}".contains(c);
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        // `user@host` shows one place and leads to another.
        (!host.is_empty() && !host.contains('@') && rest.chars().all(is_plain)).then(|| Self(url.to_owned()))
    }

    /// Makes a link to the page of a run, from that of all runs.
    pub fn run(name: &str) -> Option<Self> {
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-';
        (!name.is_empty() && name.chars().all(is_name)).then(|| Self(format!("run/{name}")))
    }

    /// Returns the address.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_web_and_our_own_pages_are_led_to() {
        for good in ["https://github.com/o/r/pull/1#x", "http://example.org:80/?a=b&c=%20"] {
            assert_eq!(Link::web(good).map(|link| link.0).as_deref(), Some(good));
        }
        for bad in [
            "javascript:alert(1)",
            " https://a",
            "JAVASCRIPT:alert(1)",
            "data:text/html,x",
            "file:///etc/passwd",
            "//evil.example",
            "https://github.com@evil.example/",
            "https://",
            "https:///x",
            "https://a\"onclick=1",
            "https://a\u{202e}b",
            "https://a b",
            "https://a\\b",
        ] {
            assert_eq!(Link::web(bad), None, "{bad}");
        }
        assert!(Link::run("20261003T101500Z-653").is_some());
        assert!(Link::run("../x").is_none() && Link::run("").is_none());
    }
}
