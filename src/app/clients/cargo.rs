//! What cargo asks: by its own merged settings, which may put a mirror in the place of its registry, and by what it wrote of registries that
//! it has asked before: the host of an index does not tell the host of the files, and its `config.json` does.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde_json::Value;

use super::ask::{As, Asking};
use super::found::Found;
use super::url::Registry;
use crate::policy::HostFacts;

/// The command is not stable; what it prints has been the same since 2020.
const QUESTION: [&str; 7] = ["cargo", "-Z", "unstable-options", "config", "get", "--format", "json-value"];

/// Its registry, as settings name it.
const OWN: &str = "crates-io";

/// So many replacements may lead to one another.
const HOPS: usize = 8;

pub(super) fn ask(asking: &Asking, host: &HostFacts) -> Found {
    let words: Vec<&str> = ["env", "RUSTC_BOOTSTRAP=1"].into_iter().chain(QUESTION).collect();
    let [own, in_step] = asking.both(&words);
    // What was downloaded by the user is found by a step, too; settings are not.
    let folder = folder(As::User, asking, host);
    let asked = folder.as_deref().map(Asked::find).unwrap_or_default();
    let of = |said: Option<String>| {
        let settings: Value = said.and_then(|said| serde_json::from_str(&said).ok())?;
        let asks = asks(&settings);
        Some((asked.registries(&asks, &named(&settings)), !matches!(asks, Asks::Own)))
    };
    let (own, is_replaced) = of(own).unwrap_or_default();
    let (in_step, _) = of(in_step).unwrap_or_default();
    let file = folder.and_then(|folder| {
        ["config.toml", "config"].map(|name| folder.join(name)).into_iter().find(|file| file.is_file())
    });
    let from = match &file {
        Some(file) if is_replaced => format!("`cargo config get`, {}", file.display()),
        _ => "what it downloaded last".to_owned(),
    };
    Found { own, in_step, from, file: file.filter(|_| is_replaced) }
}

fn folder(who: As, asking: &Asking, host: &HostFacts) -> Option<PathBuf> {
    let set = asking.variables(who).get("CARGO_HOME").filter(|set| !set.is_empty()).map(PathBuf::from);
    set.or_else(|| Some(asking.home(who, host)?.join(".cargo")))
}

/// What is asked for cargo's own registry.
#[derive(Debug)]
enum Asks {
    /// Itself.
    Own,
    /// A mirror of it.
    Mirror(Registry),
    /// A folder with sources.
    Nobody,
}

fn asks(settings: &Value) -> Asks {
    let replaced = |source: &Value| Some(source.get("replace-with")?.as_str()?.to_owned());
    let named = |registry: Option<&Value>| registry.and_then(Value::as_str).and_then(Registry::read);
    let sources = settings.get("source");
    let source = |name: &str| sources.and_then(|sources| sources.get(name));
    let Some(mut name) = source(OWN).and_then(replaced) else { return Asks::Own };
    for _ in 0..HOPS {
        let Some(own) = source(&name) else {
            let registry = settings.get("registries").and_then(|all| all.get(&name)?.get("index"));
            return named(registry).map_or(Asks::Nobody, Asks::Mirror);
        };
        match replaced(own) {
            Some(next) => name = next,
            None => return named(own.get("registry")).map_or(Asks::Nobody, Asks::Mirror),
        }
    }
    Asks::Own
}

/// Lists all registries that the settings name: what was downloaded from them was not from cargo's own.
fn named(settings: &Value) -> Vec<Registry> {
    let of = |table: &str, key: &str| -> Vec<Registry> {
        let all = settings.get(table).and_then(Value::as_object).into_iter().flatten();
        all.filter_map(|(_, own)| Registry::read(own.get(key)?.as_str()?)).collect()
    };
    [of("source", "registry"), of("registries", "index")].concat()
}

/// The indexes that this cargo has asked, each by the host in the name of its folder.
#[derive(Debug, Default)]
struct Asked {
    all: Vec<(String, SystemTime, Option<Registry>)>,
}

impl Asked {
    fn find(folder: &Path) -> Self {
        let entries = fs::read_dir(folder.join("registry/index")).into_iter().flatten().flatten();
        let one = |entry: fs::DirEntry| {
            let name = entry.file_name().into_string().ok()?;
            let (host, _) = name.rsplit_once('-')?;
            let config = entry.path().join("config.json");
            let text = fs::read_to_string(&config).ok()?;
            let config: Value = serde_json::from_str(&text).ok()?;
            let files = config.get("dl").and_then(Value::as_str).and_then(Registry::read);
            let touched =
                entry.metadata().and_then(|facts| facts.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
            Some((host.to_owned(), touched, files))
        };
        Self { all: entries.filter_map(one).collect() }
    }

    /// Returns an index and the host of its files: of what is asked instead, else of cargo's own, which is the last that no settings name.
    fn registries(&self, asks: &Asks, named: &[Registry]) -> Vec<Registry> {
        let of = |name: &str| {
            self.all.iter().find(|(host, ..)| host == name).and_then(|(.., files)| files.clone())
        };
        match asks {
            Asks::Nobody => Vec::new(),
            Asks::Mirror(index) => [index.clone()].into_iter().chain(of(index.name())).collect(),
            Asks::Own => {
                let is_own = |host: &str| !named.iter().any(|named| named.name() == host);
                let last =
                    self.all.iter().filter(|(host, ..)| is_own(host)).max_by_key(|(_, touched, _)| *touched);
                let index = last.and_then(|(host, ..)| Registry::read(&format!("https://{host}")));
                index.into_iter().chain(last.and_then(|(.., files)| files.clone())).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(registries: &[Registry]) -> Vec<String> {
        registries.iter().map(Registry::in_plan).collect()
    }

    #[test]
    fn a_mirror_is_followed_with_the_host_of_its_files_and_without_one_the_last_registry_is() {
        let folder = tempfile::tempdir().unwrap();
        let index = |name: &str, files: &str| {
            let of = folder.path().join("registry/index").join(name);
            fs::create_dir_all(&of).unwrap();
            fs::write(of.join("config.json"), format!("{{\"dl\": \"{files}\"}}")).unwrap();
        };
        index("index.example.org-1949cf8c6b5b557f", "https://files.example.org/crates");
        index("mirror.example.org-6f17d22bba15001f", "https://store.example.org:8443/{crate}");
        let asked = Asked::find(folder.path());
        let of = |settings: &str| {
            let settings = serde_json::from_str(settings).unwrap();
            hosts(&asked.registries(&asks(&settings), &named(&settings)))
        };
        let mirror = r#"{"source": {"crates-io": {"replace-with": "a"}, "a": {"replace-with": "b"}, "b": {"registry": "sparse+https://mirror.example.org/x/"}}}"#;
        assert_eq!(of(mirror), ["mirror.example.org", "store.example.org:8443"]);
        let named = r#"{"source": {"crates-io": {"replace-with": "own"}}, "registries": {"own": {"index": "sparse+https://new.example.org/"}}}"#;
        assert_eq!(of(named), ["new.example.org"]);
        let folder =
            r#"{"source": {"crates-io": {"replace-with": "vendored"}, "vendored": {"directory": "vendor"}}}"#;
        assert_eq!(of(folder), Vec::<String>::new());
        let circle = r#"{"source": {"crates-io": {"replace-with": "a"}, "a": {"replace-with": "a"}}, "registries": {"m": {"index": "sparse+https://mirror.example.org/x/"}}}"#;
        assert_eq!(of(circle), ["index.example.org", "files.example.org"]);
        assert_eq!(hosts(&Asked::default().registries(&Asks::Own, &[])), Vec::<String>::new());
    }
}
