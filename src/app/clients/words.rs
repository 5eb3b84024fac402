//! Takes a command, gives the clients by which it downloads something, as far as its words tell: a script of the repository tells nothing.

use std::collections::BTreeSet;

use super::kind::Client;
use crate::plan::Invocation;

/// By these words a client downloads nothing.
const OFFLINE: [&str; 8] =
    ["--frozen", "--help", "--no-index", "--offline", "--prefer-offline=true", "--version", "-V", "-o"];

/// Programs, the client that they are or call, and the words by which it downloads; all of them where none is named.
const PROGRAMS: [(&str, Client, &[&str]); 23] = [
    ("bundle", Client::Gem, &["install", "update"]),
    ("cargo", Client::Cargo, &["add", "fetch", "generate-lockfile", "install", "update", "vendor"]),
    ("composer", Client::Composer, &["create-project", "install", "require", "update"]),
    ("gem", Client::Gem, &["fetch", "install", "update"]),
    ("go", Client::Go, &["download", "get", "install", "tidy"]),
    ("gradle", Client::Gradle, &[]),
    ("gradlew", Client::Gradle, &[]),
    ("mvn", Client::Maven, &[]),
    ("mvnw", Client::Maven, &[]),
    (
        "npm",
        Client::Npm,
        &["add", "ci", "clean-install", "create", "exec", "i", "init", "install", "update", "x"],
    ),
    ("npx", Client::Npm, &[]),
    ("pip", Client::Pip, &["download", "install", "wheel"]),
    ("pip3", Client::Pip, &["download", "install", "wheel"]),
    ("pipx", Client::Pip, &["inject", "install", "run", "upgrade"]),
    ("pnpm", Client::Pnpm, &["add", "create", "dlx", "fetch", "i", "install", "update"]),
    ("pnpx", Client::Pnpm, &[]),
    ("poetry", Client::Poetry, &["add", "install", "lock", "sync", "update"]),
    ("python", Client::Pip, &[]),
    ("python3", Client::Pip, &[]),
    ("uv", Client::Uv, &["add", "install", "lock", "run", "sync"]),
    ("uvx", Client::Uv, &[]),
    ("yarn", Client::Yarn, &["add", "create", "dlx", "install", "up", "upgrade"]),
    ("yarnpkg", Client::Yarn, &["add", "install"]),
];

/// Lists the clients of a command.
pub(super) fn clients(invocation: &Invocation) -> BTreeSet<Client> {
    let of = |words: Vec<String>| of_one(&words.iter().map(String::as_str).collect::<Vec<_>>());
    invocation.commands().into_iter().filter_map(of).collect()
}

/// Returns the client of one command.
fn of_one(words: &[&str]) -> Option<Client> {
    let (program, args) = words.split_first()?;
    let name = program.trim_matches(['"', '\'']).rsplit('/').next()?;
    let (name, client, by) = PROGRAMS.iter().find(|(known, ..)| *known == name)?;
    if args.iter().any(|word| OFFLINE.contains(word)) {
        return None;
    }
    let does = match (*name, args) {
        ("python" | "python3", args) => return of_one(args.strip_prefix(&["-m"])?),
        // Alone it installs.
        ("yarn", []) => true,
        _ => by.is_empty() || args.iter().any(|word| by.contains(word)),
    };
    does.then_some(*client)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Shell;

    fn of(text: &str) -> Vec<Client> {
        let script = Invocation::Script { text: text.into(), shell: Shell::Sh };
        clients(&script).into_iter().collect()
    }

    #[test]
    fn a_command_that_downloads_names_its_client_and_others_name_none() {
        for (script, expected) in [
            ("npm ci", vec![Client::Npm]),
            ("cd web && CI=1 npm ci --ignore-scripts", vec![Client::Npm]),
            (
                "set -e\ncargo fetch --locked\npython3 -m pip install -r requirements.txt",
                vec![Client::Cargo, Client::Pip],
            ),
            ("if test -e x; then exec yarn; fi", vec![Client::Yarn]),
            (".venv/bin/pip install \\\n  pytest", vec![Client::Pip]),
            ("./mvnw -B verify", vec![Client::Maven]),
            ("go mod download", vec![Client::Go]),
            ("npm test; cargo test --locked; go test ./...; yarn build", vec![]),
            ("cargo fetch --offline; pip install --no-index x; mvn -o test; npm --version", vec![]),
            ("echo npm ci; # npm ci\ngit commit -m 'npm ci'", vec![]),
            ("python3 build.py install", vec![]),
        ] {
            assert_eq!(of(script), expected, "{script}");
        }
        let argv = Invocation::Argv(["env", "A=b", "pnpm", "install"].map(str::to_owned).into());
        assert_eq!(clients(&argv), BTreeSet::from([Client::Pnpm]));
    }
}
