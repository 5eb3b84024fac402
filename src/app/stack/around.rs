//! Takes a repository, gives what its own tools need around a piece of work: what fetches, what tests, what is no result.

use super::kind::{Kind, Made, hosts};
use super::{There, native, python};
use crate::plan::draft::{Around, Fetch, Test};
use crate::worktree::{Base, Repository, WorktreeError};

/// Finds what the tools of the branch that is checked out need.
pub fn around(repository: &Repository) -> Result<Around, WorktreeError> {
    let base = repository.base(None)?;
    let paths = paths(&base);
    of(&There { base: &base, paths: &paths })
}

fn paths(base: &Base) -> Vec<String> {
    let mut paths: Vec<String> =
        base.paths().into_iter().filter_map(|path| String::from_utf8(path).ok()).collect();
    paths.sort();
    paths
}

fn of(there: &There<'_>) -> Result<Around, WorktreeError> {
    let all = [rust(there)?, node(there)?, python::kind(there)?, maven(there), go(there)?];
    let mut kinds: Vec<Kind> = all.into_iter().flatten().collect();
    if kinds.is_empty() {
        kinds.extend(native::kind(there)?);
    }
    let is_one = kinds.len() == 1;
    let id = |what: &str, kind: &Kind| if is_one { what.to_owned() } else { format!("{what}-{}", kind.name) };
    let ignored = there.read(".gitignore")?.unwrap_or_default();
    let mut around = Around::default();
    for kind in &kinds {
        if let Some((command, hosts)) = kind.fetch.clone() {
            around.fetches.push(Fetch { id: id("fetch", kind), command, hosts });
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

/// Tells whether a line of ignore rules is for this name, wherever in the repository.
fn is_ignored(rules: &str, name: &str) -> bool {
    let bare = |line: &str| {
        let line = line.trim().trim_end_matches(['/', '*']).trim_end_matches('/');
        line.trim_start_matches("**/").trim_start_matches('/') == name.trim_end_matches('*')
    };
    rules.lines().any(bare)
}

fn rust(there: &There<'_>) -> Result<Option<Kind>, WorktreeError> {
    let Some(manifest) = there.read("Cargo.toml")? else { return Ok(None) };
    let lock = there.read("Cargo.lock")?;
    let command = if lock.is_some() { "cargo fetch --locked" } else { "cargo fetch" };
    let mut from = lock.as_deref().map(sources).unwrap_or_default();
    if lock.is_none() && depends(&manifest) {
        from = hosts(&CRATES);
    }
    let fetch = (!from.is_empty()).then(|| (command.to_owned(), from));
    let makes: Vec<Made> = if lock.is_some() { Vec::new() } else { vec![("Cargo.lock", &["Cargo.lock"])] };
    Ok(Some(Kind { name: "rust", fetch, test: Some("cargo test --offline".to_owned()), makes }))
}

const CRATES: [&str; 2] = ["index.crates.io", "static.crates.io"];

/// Returns the hosts that a Cargo.lock names sources at.
fn sources(lock: &str) -> Vec<String> {
    let mut all = Vec::new();
    for line in lock.lines().filter_map(|line| line.trim().strip_prefix("source = \"")) {
        let found = match line.split_once("+https://") {
            Some(("registry", rest)) if rest.starts_with("github.com/rust-lang/crates.io-index") => {
                hosts(&CRATES)
            }
            Some((_, rest)) => rest.split(['/', '"']).next().map(str::to_owned).into_iter().collect(),
            None => Vec::new(),
        };
        all.extend(found);
    }
    all.sort();
    all.dedup();
    all
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

fn node(there: &There<'_>) -> Result<Option<Kind>, WorktreeError> {
    let Some(package) = there.read("package.json")? else { return Ok(None) };
    let package: serde_json::Value = serde_json::from_str(&package).unwrap_or_default();
    let has_some = |key: &str| package[key].as_object().is_some_and(|own| !own.is_empty());
    let needs = has_some("dependencies") || has_some("devDependencies");
    let (client, command, host) = if there.has("pnpm-lock.yaml") {
        ("pnpm", "pnpm install --frozen-lockfile", "registry.npmjs.org")
    } else if there.has("yarn.lock") {
        ("yarn", "yarn install --frozen-lockfile", "registry.yarnpkg.com")
    } else if there.has("package-lock.json") || there.has("npm-shrinkwrap.json") {
        ("npm", "npm ci", "registry.npmjs.org")
    } else {
        ("npm", "npm install --no-package-lock", "registry.npmjs.org")
    };
    let own = there.read(".npmrc")?.as_deref().and_then(registry);
    let fetch = needs.then(|| (command.to_owned(), vec![own.unwrap_or_else(|| host.to_owned())]));
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

/// Returns the host of another registry than npm's own.
fn registry(npmrc: &str) -> Option<String> {
    let address = npmrc.lines().find_map(|line| line.trim().strip_prefix("registry"))?;
    let address = address.trim_start_matches([' ', '=']);
    Some(address.strip_prefix("https://")?.split('/').next()?.to_owned())
}

fn maven(there: &There<'_>) -> Option<Kind> {
    // What runs the tests is fetched only where they are run.
    let fetch =
        ("mvn -B -Dmaven.test.failure.ignore=true test".to_owned(), hosts(&["repo.maven.apache.org"]));
    there.has("pom.xml").then(|| Kind {
        name: "java",
        fetch: Some(fetch),
        test: Some("mvn -o test".to_owned()),
        makes: vec![("**/target/**", &["target"])],
    })
}

fn go(there: &There<'_>) -> Result<Option<Kind>, WorktreeError> {
    if !there.has("go.mod") {
        return Ok(None);
    }
    let needs = there.read("go.sum")?.is_some_and(|sums| !sums.trim().is_empty());
    let fetch = needs.then(|| ("go mod download".to_owned(), hosts(&["proxy.golang.org", "sum.golang.org"])));
    Ok(Some(Kind { name: "go", fetch, test: Some("go test ./...".to_owned()), makes: Vec::new() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_those_that_a_lock_file_names() {
        let lock = "[[package]]\nsource = \"registry+https://github.com/rust-lang/crates.io-index\"\n\
                    [[package]]\nsource = \"git+https://git.example.org/a/b?rev=1#2\"\n";
        assert_eq!(sources(lock), ["git.example.org", "index.crates.io", "static.crates.io"]);
        assert!(sources("[[package]]\nname = \"own\"\n").is_empty());
        assert_eq!(
            registry("x=1\nregistry=https://npm.example.org/a/\n").as_deref(),
            Some("npm.example.org")
        );
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
