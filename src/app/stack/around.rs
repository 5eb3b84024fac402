//! Takes a repository, gives what its own tools need around a piece of work: what fetches, what tests, what is no result.

use std::collections::BTreeSet;

use super::kind::{Fetching, Kind, Made};
use super::{There, native, python};
use crate::app::clients::{self, Answered, Client};
use crate::network::{self, Shut};
use crate::plan::Destination;
use crate::plan::draft::{Around, Fetch, Test};
use crate::policy::HostFacts;
use crate::worktree::{Repository, WorktreeError};

/// Finds what the tools of the branch that is checked out need. Whom they ask for it, the clients of this host are asked.
pub fn around(repository: &Repository, host: &HostFacts) -> Result<Around, WorktreeError> {
    let there = There::of(repository)?;
    let mut around = of(&there, &|clients| clients::ask_all(clients, host, &clients::bare(host)))?;
    let mut remarks = Vec::new();
    for fetch in &mut around.fetches {
        remarks.extend(open(fetch, &network::shut));
    }
    around.remarks.extend(remarks);
    Ok(around)
}

/// Adds to the hosts of a step the addresses to which their names lead here, where no name alone lets anybody; says so.
fn open(fetch: &mut Fetch, shut: &dyn Fn(&[Destination]) -> Vec<Shut>) -> Option<String> {
    let named: Vec<Destination> = fetch.hosts.iter().filter_map(|host| host.parse().ok()).collect();
    let found = shut(&named);
    let addresses: BTreeSet<String> = found.iter().filter_map(|shut| shut.allow.clone()).collect();
    let names: Vec<String> = found.iter().map(|shut| shut.destination.in_plan()).collect();
    if addresses.is_empty() {
        return None;
    }
    let all: Vec<String> = addresses.into_iter().collect();
    let remark = format!(
        "{} {} to {} on this host, which is not public: `{}` lists the address, too; take it out where that is not so",
        names.join(", "),
        if names.len() == 1 { "leads" } else { "lead" },
        all.join(", "),
        fetch.id
    );
    fetch.hosts.extend(all);
    Some(remark)
}

/// Asks clients.
type Ask<'a> = &'a dyn Fn(&BTreeSet<Client>) -> Vec<Answered>;

fn of(there: &There, ask: Ask<'_>) -> Result<Around, WorktreeError> {
    let all = [rust(there)?, node(there)?, python::kind(there)?, maven(there), go(there)?];
    let mut kinds: Vec<Kind> = all.into_iter().flatten().collect();
    if kinds.is_empty() {
        kinds.extend(native::kind(there)?);
    }
    let is_one = kinds.len() == 1;
    let id = |what: &str, kind: &Kind| if is_one { what.to_owned() } else { format!("{what}-{}", kind.name) };
    let ignored = there.read(".gitignore")?.unwrap_or_default();
    let mut around = Around::default();
    let clients: BTreeSet<Client> = kinds.iter().filter_map(|kind| kind.fetch.as_ref()?.client).collect();
    let answers = if clients.is_empty() { Vec::new() } else { ask(&clients) };
    for kind in &kinds {
        if let Some(fetching) = &kind.fetch {
            let id = id("fetch", kind);
            let answer = answers.iter().find(|answer| Some(answer.client) == fetching.client);
            around.remarks.extend(answer.and_then(|answer| followed(&id, answer)));
            around.fetches.push(Fetch {
                id,
                command: fetching.command.clone(),
                hosts: hosts(fetching, answer),
            });
        }
        if let Some(command) = kind.test.clone() {
            around.tests.push(Test { id: id("test", kind), command });
        }
        let is_result = |(_, words): &&Made| !words.iter().any(|word| is_ignored(&ignored, word));
        around.exclude.extend(kind.makes.iter().filter(is_result).map(|(pattern, _)| (*pattern).to_owned()));
    }
    if around.tests.is_empty() {
        let remark = "how the tests here are run is not known: add a step with the command, such as `command: ./test.sh`";
        around.remarks.push(remark.to_owned());
    }
    Ok(around)
}

/// Returns the hosts of a fetching step: none where one of those that it needs is not known.
fn hosts(fetching: &Fetching, answer: Option<&Answered>) -> Vec<String> {
    let told = answer.map(|answer| answer.hosts.clone()).unwrap_or_default();
    if fetching.client.is_some() && told.is_empty() {
        return Vec::new();
    }
    fetching.named.iter().cloned().chain(told).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Says what a step has to be told for a client to ask those whom it asks outside.
fn followed(id: &str, answer: &Answered) -> Option<String> {
    let follow = answer.follow.as_ref()?;
    Some(format!(
        "{} asks by your own settings, which no step has; `{id}` asks the same with: {follow}",
        answer.client
    ))
}

/// Tells whether a line of ignore rules is for this name, wherever in the repository.
fn is_ignored(rules: &str, name: &str) -> bool {
    let bare = |line: &str| {
        let line = line.trim().trim_end_matches(['/', '*']).trim_end_matches('/');
        line.trim_start_matches("**/").trim_start_matches('/') == name.trim_end_matches('*')
    };
    rules.lines().any(bare)
}

fn rust(there: &There) -> Result<Option<Kind>, WorktreeError> {
    let Some(manifest) = there.read("Cargo.toml")? else { return Ok(None) };
    let lock = there.read("Cargo.lock")?;
    let command = if lock.is_some() { "cargo fetch --locked" } else { "cargo fetch" };
    let Sources { by_client, named } = match lock.as_deref() {
        Some(lock) => sources(lock),
        None => Sources { by_client: depends(&manifest), named: Vec::new() },
    };
    let fetch = (by_client || !named.is_empty()).then(|| Fetching {
        command: command.to_owned(),
        named,
        client: by_client.then_some(Client::Cargo),
    });
    let makes: Vec<Made> = if lock.is_some() { Vec::new() } else { vec![("Cargo.lock", &["Cargo.lock"])] };
    Ok(Some(Kind { name: "rust", fetch, test: Some("cargo test --offline".to_owned()), makes }))
}

/// Where packages come from.
#[derive(Debug, PartialEq, Eq)]
struct Sources {
    /// From the registry that is cargo's own, wherever it asks for that.
    by_client: bool,
    /// From these hosts.
    named: Vec<String>,
}

/// Returns where a Cargo.lock has packages from.
fn sources(lock: &str) -> Sources {
    let mut by_client = false;
    let mut named = BTreeSet::new();
    for line in lock.lines().filter_map(|line| line.trim().strip_prefix("source = \"")) {
        match line.split_once("+https://") {
            Some(("registry", rest)) if rest.starts_with("github.com/rust-lang/crates.io-index") => {
                by_client = true;
            }
            _ => named.extend(clients::host_of(line)),
        }
    }
    Sources { by_client, named: named.into_iter().collect() }
}

/// Tells whether a manifest has dependencies, as far as its headings and what is below them tell.
fn depends(manifest: &str) -> bool {
    let mut is_within = false;
    manifest.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).any(|line| {
        let is_heading = line.starts_with('[');
        let found = is_within && !is_heading;
        if is_heading {
            is_within =
                line.trim_end_matches(']').ends_with("dependencies") || line.contains("dependencies.");
        }
        found || line.contains("dependencies.") || line.starts_with("members")
    })
}

fn node(there: &There) -> Result<Option<Kind>, WorktreeError> {
    let Some(package) = there.read("package.json")? else { return Ok(None) };
    let package: serde_json::Value = serde_json::from_str(&package).unwrap_or_default();
    let has_some = |key: &str| package[key].as_object().is_some_and(|own| !own.is_empty());
    let needs = has_some("dependencies") || has_some("devDependencies");
    let (client, command) = if there.has("pnpm-lock.yaml") {
        (Client::Pnpm, "pnpm install --frozen-lockfile")
    } else if there.has("yarn.lock") {
        (Client::Yarn, "yarn install --frozen-lockfile")
    } else if there.has("package-lock.json") || there.has("npm-shrinkwrap.json") {
        (Client::Npm, "npm ci")
    } else {
        (Client::Npm, "npm install --no-package-lock")
    };
    let fetch = needs.then_some(match there.read(".npmrc")?.as_deref().and_then(registry) {
        Some(own) => Fetching { command: command.to_owned(), named: vec![own], client: None },
        None => Fetching::by(client, command),
    });
    let script =
        |name: &str| package["scripts"][name].as_str().filter(|own| !own.contains("no test specified"));
    let is_test = |path: &String| {
        let name = path.rsplit('/').next().unwrap_or_default();
        let stem = [".js", ".mjs", ".cjs"].iter().find_map(|ending| name.strip_suffix(ending));
        stem.is_some_and(|stem| {
            stem.rsplit_once('.').is_some_and(|(_, last)| last == "test") || path.starts_with("test/")
        })
    };
    let test = match (script("test"), script("build")) {
        (Some(_), _) => Some(format!("{client} test")),
        (None, _) if there.paths.iter().any(is_test) => Some("node --test".to_owned()),
        (None, Some(_)) => Some(format!("{client} run build")),
        (None, None) => None,
    };
    let makes: Vec<Made> = if needs { vec![("**/node_modules/**", &["node_modules"])] } else { Vec::new() };
    Ok(Some(Kind { name: "node", fetch, test, makes }))
}

/// Returns the host of a registry that the repository names.
fn registry(npmrc: &str) -> Option<String> {
    let address = npmrc.lines().find_map(|line| line.trim().strip_prefix("registry"))?;
    clients::host_of(address.trim_start_matches([' ', '=']))
}

fn maven(there: &There) -> Option<Kind> {
    // What runs the tests is fetched only where they are run.
    let fetch = Fetching::by(Client::Maven, "mvn -B -Dmaven.test.failure.ignore=true test");
    there.has("pom.xml").then(|| Kind {
        name: "java",
        fetch: Some(fetch),
        test: Some("mvn -o test".to_owned()),
        makes: vec![("**/target/**", &["target"])],
    })
}

fn go(there: &There) -> Result<Option<Kind>, WorktreeError> {
    if !there.has("go.mod") {
        return Ok(None);
    }
    let needs = there.read("go.sum")?.is_some_and(|sums| !sums.trim().is_empty());
    let fetch = needs.then(|| Fetching::by(Client::Go, "go mod download"));
    Ok(Some(Kind { name: "go", fetch, test: Some("go test ./...".to_owned()), makes: Vec::new() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_those_that_a_lock_file_names() {
        let lock = "[[package]]\nsource = \"registry+https://github.com/rust-lang/crates.io-index\"\n\
                    [[package]]\nsource = \"git+https://git.example.org/a/b?rev=1#2\"\n";
        assert_eq!(sources(lock), Sources { by_client: true, named: vec!["git.example.org".to_owned()] });
        let none = Sources { by_client: false, named: Vec::new() };
        assert_eq!(sources("[[package]]\nname = \"own\"\n"), none);
        assert_eq!(
            registry("x=1\nregistry=https://npm.example.org/a/\n").as_deref(),
            Some("npm.example.org")
        );
    }

    #[test]
    fn whom_a_client_asks_is_for_the_client_to_say() {
        let by = |hosts: &[&str], follow: Option<&str>| Answered {
            client: Client::Npm,
            hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
            in_step: BTreeSet::new(),
            from: "`npm config get registry`".to_owned(),
            follow: follow.map(str::to_owned),
        };
        let fetching =
            Fetching { named: vec!["git.example.org".to_owned()], ..Fetching::by(Client::Npm, "npm ci") };
        let mirror = by(&["mirror.example.org"], Some("env: [x]"));
        assert_eq!(hosts(&fetching, Some(&mirror)), ["git.example.org", "mirror.example.org"]);
        assert!(followed("fetch", &mirror).unwrap().contains("`fetch` asks the same with: env: [x]"));
        // A list that lacks one of them would fail; nothing is written, and how it is found out.
        assert!(hosts(&fetching, Some(&by(&[], None))).is_empty() && hosts(&fetching, None).is_empty());
        assert_eq!(hosts(&Fetching { client: None, ..fetching }, None), ["git.example.org"]);
    }

    #[test]
    fn the_address_of_a_mirror_is_listed_beside_its_name() {
        let mut fetch = Fetch {
            id: "fetch".into(),
            command: "npm ci".into(),
            hosts: vec!["npm.example.org".into(), "b.example.org".into()],
        };
        let shut = |all: &[Destination]| {
            let of = |destination: &Destination| Shut {
                destination: destination.clone(),
                why: "it is private".into(),
                allow: Some("10.0.0.7".into()),
            };
            all.iter().filter(|one| one.host.starts_with("npm")).map(of).collect()
        };
        let remark = open(&mut fetch, &shut).unwrap();
        assert!(remark.starts_with("npm.example.org leads to 10.0.0.7 on this host"), "{remark}");
        assert_eq!(fetch.hosts, ["npm.example.org", "b.example.org", "10.0.0.7"]);
        assert_eq!(open(&mut Fetch { hosts: vec!["b.example.org".into()], ..fetch }, &shut), None);
    }

    #[test]
    fn a_manifest_depends_on_what_stands_below_its_headings() {
        assert!(depends("[package]\nname = \"a\"\n[dependencies]\nserde = \"1\"\n"));
        assert!(
            depends("[target.'cfg(unix)'.dependencies]\nnix = \"1\"\n")
                && depends("[dependencies.serde]\nversion = \"1\"\n")
        );
        assert!(!depends("[package]\nname = \"a\"\n\n[dependencies]\n\n[features]\nx = []\n"));
    }

    #[test]
    fn rules_are_compared_by_the_name_that_they_are_for() {
        for rules in ["node_modules", "/node_modules/", "**/node_modules/\n", "a\nnode_modules/**\n"] {
            assert!(is_ignored(rules, "node_modules"), "{rules}");
        }
        assert!(!is_ignored("node_modules_of_others\n", "node_modules"));
    }
}
