//! The clients of registries: each by its program, the files that call for it, the question it answers, and the line by which a step has
//! the user's setting.

use std::fmt;
use std::path::Path;

use regex::Regex;

use super::ask::{As, Asking};
use super::found::Found;
use super::url::Registry;
use crate::policy;

/// A client of registries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each is what its name says")]
pub enum Client {
    Cargo,
    Composer,
    Gem,
    Go,
    Gradle,
    Maven,
    Npm,
    Pip,
    Pnpm,
    Poetry,
    Uv,
    Yarn,
}

impl Client {
    /// Returns its program.
    pub fn program(self) -> &'static str {
        match self {
            Self::Cargo => "cargo",
            Self::Composer => "composer",
            Self::Gem => "gem",
            Self::Go => "go",
            Self::Gradle => "gradle",
            Self::Maven => "mvn",
            Self::Npm => "npm",
            Self::Pip => "pip",
            Self::Pnpm => "pnpm",
            Self::Poetry => "poetry",
            Self::Uv => "uv",
            Self::Yarn => "yarn",
        }
    }

    /// Returns the variable by which it takes a registry.
    fn variable(self) -> Option<&'static str> {
        match self {
            Self::Npm | Self::Pnpm => Some("npm_config_registry"),
            Self::Yarn => Some("YARN_NPM_REGISTRY_SERVER"),
            Self::Pip => Some("PIP_INDEX_URL"),
            Self::Uv => Some("UV_DEFAULT_INDEX"),
            Self::Go => Some("GOPROXY"),
            _ => None,
        }
    }

    /// Returns the line of a plan's step by which the client asks this registry in it, too.
    pub(super) fn follow(self, registry: &Registry, file: Option<&Path>) -> Option<String> {
        if let Some(variable) = self.variable() {
            return Some(format!("env: [\"{variable}={}\"]", registry.address));
        }
        let file = file?;
        let read = |how: &str| {
            Some(format!("{}, and in its command `{how} {}`", policy::reading([file]), file.display()))
        };
        match self {
            Self::Cargo => read("cargo --config"),
            Self::Maven => read("mvn -s"),
            _ => None,
        }
    }

    /// Returns how it is asked where it is one command, and what that prints otherwise where it tells nothing.
    fn question(self) -> &'static [&'static [&'static str]] {
        match self {
            Self::Npm => &[&["npm", "config", "get", "registry"]],
            Self::Pnpm => &[&["pnpm", "config", "get", "registry"]],
            Self::Yarn => {
                &[&["yarn", "config", "get", "npmRegistryServer"], &["yarn", "config", "get", "registry"]]
            }
            // The first names the setting, wherever it is from; where nothing is set, the help names what holds then.
            Self::Pip => &[&["pip", "config", "list"], &["pip", "install", "--help"]],
            Self::Uv => &[&["uv", "help", "pip", "install"]],
            Self::Go => &[&["go", "env", "GOPROXY", "GOSUMDB"]],
            Self::Gem => &[&["gem", "sources", "--list"]],
            Self::Cargo | Self::Composer | Self::Gradle | Self::Maven | Self::Poetry => &[],
        }
    }

    /// Reads the registries in what it printed; the one that packages come from first.
    fn read(self, text: &str) -> Vec<Registry> {
        match self {
            Self::Pip => of_pip(text),
            Self::Uv => of_uv(text),
            Self::Go => of_go(text),
            _ => text.lines().filter_map(Registry::read).collect(),
        }
    }
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.program())
    }
}

/// Asks a client that answers by itself.
pub(super) fn ask(client: Client, asking: &Asking) -> Found {
    let mut found = Found::default();
    for words in client.question() {
        let [own, in_step] =
            asking.both(words).map(|said| said.map(|said| client.read(&said)).unwrap_or_default());
        // What the first question did not tell of one, the next does.
        if found.own.is_empty() && !own.is_empty() {
            (found.own, found.from) = (own, format!("`{}`", words.join(" ")));
        }
        if found.in_step.is_empty() {
            found.in_step = in_step;
        }
        if !found.own.is_empty() && !found.in_step.is_empty() {
            break;
        }
    }
    found
}

/// Finds where a client downloads from beside its registry, by what it says of a package that every registry of its kind has. Nothing
/// is installed, and nothing of the package is run.
pub(super) fn of_download(client: Client, asking: &Asking) -> Vec<Registry> {
    if client != Client::Pip {
        return Vec::new();
    }
    let words = "pip install --dry-run --ignore-installed --no-deps --only-binary :all: --retries 0 --timeout 5 --quiet --report - pip";
    let words: Vec<&str> = words.split(' ').collect();
    asking.ask(As::User, &words).map(|said| of_report(&said)).unwrap_or_default()
}

/// Reads the addresses that pip would install from.
fn of_report(text: &str) -> Vec<Registry> {
    let Ok(report) = serde_json::from_str::<serde_json::Value>(text) else { return Vec::new() };
    let all = report["install"].as_array().into_iter().flatten();
    all.filter_map(|one| Registry::read(one["download_info"]["url"].as_str()?)).collect()
}

/// Reads `pip config list`, where a variable goes before the settings of a command and those before all others; or its help.
fn of_pip(text: &str) -> Vec<Registry> {
    let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    let first = |name: &str| {
        [":env:", "install", "download", "global"].iter().find_map(|of| value(&format!("{of}.{name}")))
    };
    let index = first("index-url")
        .and_then(Registry::read)
        .or_else(|| capture(text, r"--index-url <url>\s+[^(]*\(default\s+(\S+?)\)"));
    // Several are one value, with ends of lines between them.
    let extra = first("extra-index-url").unwrap_or_default().replace("\\n", " ");
    let extra: Vec<Registry> = extra.split_whitespace().filter_map(Registry::read).collect();
    index.into_iter().chain(extra).collect()
}

/// Reads the help of uv: what its variable is set to, else the address that it names.
fn of_uv(text: &str) -> Vec<Registry> {
    let set = capture(text, r"\[env: UV_DEFAULT_INDEX=(\S+)\]")
        .or_else(|| capture(text, r"\[env: UV_INDEX_URL=(\S+)\]"));
    set.or_else(|| capture(text, r"(?s)--default-index.*?by default[^<]*<(\S+?)>")).into_iter().collect()
}

/// Reads GOPROXY, a list of addresses, and GOSUMDB, a name or an address or a name with a key behind it.
fn of_go(text: &str) -> Vec<Registry> {
    let mut lines = text.lines();
    let proxies = lines.next().unwrap_or_default().split([',', '|']).filter_map(Registry::read);
    let sums = lines.next().unwrap_or_default().split_whitespace().next_back().unwrap_or_default();
    let name = sums.split('+').next().unwrap_or_default();
    let sums = Registry::read(sums)
        .or_else(|| name.contains('.').then(|| Registry::read(&format!("https://{name}")))?);
    proxies.chain(sums).collect()
}

fn capture(text: &str, pattern: &str) -> Option<Registry> {
    Registry::read(Regex::new(pattern).ok()?.captures(text)?.get(1)?.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(client: Client, text: &str) -> Vec<String> {
        client.read(text).iter().map(Registry::in_plan).collect()
    }

    #[test]
    fn answers_are_read_as_clients_give_them() {
        let set = "global.extra-index-url='https://a.example.org/s\\nhttps://b.example.org/s'\nglobal.index-url='https://old.example.org/simple'\n\
                   :env:.index-url='https://me:pw@mirror.example.org/simple'\nglobal.timeout='60'\n";
        assert_eq!(hosts(Client::Pip, set), ["mirror.example.org", "a.example.org", "b.example.org"]);
        let help = "  -i, --index-url <url>       Base URL of the Python Package Index (default\n                              \
                    https://index.example.org/simple). This should\n";
        assert_eq!(hosts(Client::Pip, help), ["index.example.org"]);
        assert_eq!(hosts(Client::Pip, ":env:.timeout='1'\n"), Vec::<String>::new());
        assert_eq!(hosts(Client::Npm, "https://mirror.example.org:8443/npm/\n"), ["mirror.example.org:8443"]);
        assert_eq!(hosts(Client::Yarn, "undefined\n"), Vec::<String>::new());
        assert_eq!(
            hosts(
                Client::Go,
                "https://goproxy.example.org,direct\nsum.example.org+033de0ae+Ac4zctda https://sum2.example.org\n"
            ),
            ["goproxy.example.org", "sum2.example.org"]
        );
        assert_eq!(hosts(Client::Go, "off\nsum.example.org\n"), ["sum.example.org"]);
        assert_eq!(hosts(Client::Go, "direct\noff\n"), Vec::<String>::new());
        assert_eq!(
            hosts(Client::Gem, "*** CURRENT SOURCES ***\n\nhttps://gems.example.org/\n"),
            ["gems.example.org"]
        );
        let uv = "--default-index <DEFAULT_INDEX>\n  The URL of the default package index (by default: <https://index.example.org/simple>).\n  [env: UV_DEFAULT_INDEX=]\n";
        assert_eq!(hosts(Client::Uv, uv), ["index.example.org"]);
        assert_eq!(
            hosts(Client::Uv, &uv.replace("INDEX=]", "INDEX=https://mirror.example.org/s]")),
            ["mirror.example.org"]
        );
    }

    #[test]
    fn where_pip_downloads_from_is_in_its_report() {
        let report = r#"{"version": "1", "install": [{"download_info": {"url": "https://files.example.org/p/pip-26.0-py3-none-any.whl"}}]}"#;
        let hosts = |text: &str| of_report(text).iter().map(Registry::in_plan).collect::<Vec<_>>();
        assert_eq!(hosts(report), ["files.example.org"]);
        assert!(hosts("").is_empty() && hosts(r#"{"install": [{}]}"#).is_empty());
    }

    #[test]
    fn the_line_by_which_a_step_follows_holds_no_password() {
        let registry = Registry::read("https://me:pw@mirror.example.org/npm/").unwrap();
        let line = Client::Npm.follow(&registry, None).unwrap();
        assert_eq!(line, "env: [\"npm_config_registry=https://mirror.example.org/npm/\"]");
        let line = Client::Maven.follow(&registry, Some(Path::new("/home/me/.m2/settings.xml"))).unwrap();
        assert!(line.contains("mvn -s /home/me/.m2/settings.xml"), "{line}");
        assert_eq!(Client::Gem.follow(&registry, None), None);
    }
}
