//! What `gh` gets to see of the caller's environment: how to log in, how to get out, and nothing else.

use std::collections::BTreeMap;
use std::ffi::OsString;

/// Let through where they are set.
const ALLOWED: [&str; 25] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "XDG_CONFIG_HOME",
    "XDG_RUNTIME_DIR",
    "DBUS_SESSION_BUS_ADDRESS",
    "GH_CONFIG_DIR",
    "GH_HOST",
    "GH_TOKEN",
    "GITHUB_TOKEN",
    "GH_ENTERPRISE_TOKEN",
    "GITHUB_ENTERPRISE_TOKEN",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "ALL_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "all_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NIX_SSL_CERT_FILE",
    "CODESPACES",
];

/// No questions, no pager, no colours, no calls home; and no git of its own in whatever repository is around.
const SET: [(&str, &str); 7] = [
    ("GH_PROMPT_DISABLED", "1"),
    ("GH_NO_UPDATE_NOTIFIER", "1"),
    ("GH_TELEMETRY", "0"),
    ("DO_NOT_TRACK", "1"),
    ("GH_PAGER", "cat"),
    ("NO_COLOR", "1"),
    ("GIT_DIR", "/dev/null"),
];

/// The environment of whoever started autopilot.
#[derive(Clone, Default)]
pub struct Environment {
    variables: BTreeMap<OsString, OsString>,
}

impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Environment").field("names", &self.variables.keys()).finish_non_exhaustive()
    }
}

impl Environment {
    /// Takes that of this process.
    pub fn of_process() -> Self {
        Self { variables: std::env::vars_os().collect() }
    }

    /// Takes these variables.
    pub fn of<N: Into<OsString>, V: Into<OsString>>(variables: impl IntoIterator<Item = (N, V)>) -> Self {
        let variables = variables.into_iter().map(|(name, value)| (name.into(), value.into()));
        Self { variables: variables.collect() }
    }

    /// Returns a variable that is set, not empty, and text.
    pub fn get(&self, name: &str) -> Option<&str> {
        let value = self.variables.get(std::ffi::OsStr::new(name))?.to_str()?;
        (!value.is_empty()).then_some(value)
    }

    /// Returns every variable that is text.
    pub fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variables.iter().filter_map(|(name, value)| Some((name.to_str()?, value.to_str()?)))
    }

    /// Tells whether this is a job of GitHub Actions.
    pub fn is_actions(&self) -> bool {
        self.get("GITHUB_ACTIONS") == Some("true")
    }

    /// Returns what `gh` is started with, for a repository: `HOST/OWNER/NAME`.
    pub(super) fn for_gh(&self, repository: String) -> Vec<(OsString, OsString)> {
        let allowed = ALLOWED.iter().filter_map(|name| {
            let name = OsString::from(name);
            let value = self.variables.get(&name)?.clone();
            Some((name, value))
        });
        let set = SET.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
        allowed.chain(set).chain([("GH_REPO".into(), repository.into())]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_named_gets_through() {
        let environment = Environment::of([
            ("GH_TOKEN", "t"),
            ("GH_DEBUG", "api"),
            ("AWS_SECRET_ACCESS_KEY", "x"),
            ("GH_REPO", "other/one"),
            ("HOME", "/home/somebody"),
        ]);
        let given = environment.for_gh("github.com/acme/widgets".to_owned());
        let names: Vec<&str> = given.iter().map(|(name, _)| name.to_str().unwrap()).collect();
        assert_eq!(
            names,
            [
                "HOME",
                "GH_TOKEN",
                "GH_PROMPT_DISABLED",
                "GH_NO_UPDATE_NOTIFIER",
                "GH_TELEMETRY",
                "DO_NOT_TRACK",
                "GH_PAGER",
                "NO_COLOR",
                "GIT_DIR",
                "GH_REPO"
            ]
        );
        assert_eq!(given.last().unwrap().1, "github.com/acme/widgets");
    }
}
