//! The tools of ordinary projects: each downloads by the list that `learn` found, and builds and tests with no network. Real tools, real registries:
//! whatever this machine's clients ask, on a private address or not.

use std::collections::BTreeSet;
use std::process::Command;

use crate::common::{Ran, Repo};

/// Rounds of learning: a mirror on a private address is named first, and reached only then.
const ROUNDS: usize = 6;

/// Variables by which clients find the certificates of this machine.
pub(crate) const CERTIFICATES: [&str; 7] = [
    "SSL_CERT_FILE",
    "NODE_EXTRA_CA_CERTS",
    "REQUESTS_CA_BUNDLE",
    "PIP_CERT",
    "CARGO_HTTP_CAINFO",
    "GIT_SSL_CAINFO",
    "RUSTUP_HOME",
];

/// A project: its files, and the commands that `fetch` and `build` it, and what is done on the `host` before.
struct Project {
    files: Vec<(String, String)>,
    repo: Repo,
    path: String,
}

impl Project {
    /// Reads a project: `== NAME`, then the lines of that file.
    fn of(text: &str) -> Self {
        let mut files: Vec<(String, String)> = Vec::new();
        for line in text.lines() {
            match (line.strip_prefix("== "), files.last_mut()) {
                (Some(name), _) => files.push((name.to_owned(), String::new())),
                (None, Some((_, text))) => *text += &format!("{line}\n"),
                (None, None) => panic!("a line before the first file: {line}"),
            }
        }
        let repo = Repo::new();
        let shims = repo.home().join(".local/share/mise/shims");
        let tools = std::env::var("AUTOPILOT_TEST_TOOLS").unwrap_or_default();
        let path = format!("{}:{tools}:{}", shims.display(), std::env::var("PATH").unwrap());
        Self { files, repo, path: path.replace("::", ":") }
    }

    fn said(&self, name: &str) -> &str {
        self.files.iter().find(|(own, _)| own == name).map_or("", |(_, text)| text)
    }

    fn host(&self) {
        let mut command = Command::new("sh");
        command.args(["-ec", self.said("host")]).env("PATH", &self.path).env("HOME", self.repo.home());
        let output = command.current_dir("/").output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }

    fn commit(&self) {
        for (name, text) in
            self.files.iter().filter(|(name, _)| !["host", "fetch", "build"].contains(&name.as_str()))
        {
            self.repo.file(name, text);
        }
        self.repo.commit("a project");
    }

    fn plan(&self, allowed: &BTreeSet<String>) {
        let block =
            |name: &str| self.said(name).lines().map(|line| format!("      {line}\n")).collect::<String>();
        let set: Vec<&str> =
            CERTIFICATES.into_iter().filter(|name| std::env::var_os(name).is_some()).collect();
        let hosts: Vec<String> = allowed.iter().map(|host| format!("\"{host}\"")).collect();
        let network =
            if hosts.is_empty() { "none".to_owned() } else { format!("{{allow: [{}]}}", hosts.join(", ")) };
        self.repo.plan_with(
            &format!("defaults: {{env: [{}], timeout: 20m}}\n", set.join(", ")),
            &format!(
                "  - id: fetch\n    command: |\n{}    network: {network}\n  - id: build\n    needs: [fetch]\n    command: |\n{}",
                block("fetch"),
                block("build")
            ),
        );
    }

    fn autopilot(&self, args: &[&str]) -> Ran {
        let mut command = self.repo.command(args);
        command.env("PATH", &self.path);
        for name in CERTIFICATES {
            command.envs(std::env::var(name).map(|value| (name, value)));
        }
        Ran::of(&command.output().unwrap())
    }

    /// Learns until the step has all that it asks for.
    fn learn(&self) {
        let mut allowed = BTreeSet::new();
        for _ in 0..ROUNDS {
            self.plan(&allowed);
            let ran = self.autopilot(&["learn", "7/fetch"]);
            let before = allowed.len();
            // The line of the patch, and addresses that stay shut until they are named.
            let listed = ran
                .stdout
                .lines()
                .filter_map(|line| line.split_once("+    network: {allow: ["))
                .map(|(_, rest)| rest);
            allowed.extend(listed.flat_map(|rest| rest.split('"').skip(1).step_by(2)).map(str::to_owned));
            let shut = ran
                .stderr
                .lines()
                .filter_map(|line| line.split_once("(allow: --network "))
                .map(|(_, rest)| rest);
            allowed.extend(shut.map(|rest| rest.trim_end_matches(')').to_owned()));
            if ran.code == 0 && allowed.len() == before {
                return;
            }
        }
        panic!("it asks for ever more: {allowed:?}");
    }
}

/// Does all of it.
#[track_caller]
fn tried(text: &str) {
    let project = Project::of(text);
    project.host();
    project.commit();
    project.learn();
    let ran = project.autopilot(&["7"]);
    assert_eq!(ran.code, 0, "{}\n{}\n{}", ran.stdout, ran.stderr, project.repo.log());
}

/// In every run of `.ci/run`.
mod quick {
    use super::tried;

    #[test]
    #[ignore = "needs a registry of cargo's"]
    fn cargo() {
        tried(include_str!("cargo.txt"));
    }

    #[test]
    #[ignore = "needs npm and its registry"]
    fn npm() {
        tried(include_str!("npm.txt"));
    }

    #[test]
    #[ignore = "needs pip and its index"]
    fn pip() {
        tried(include_str!("pip.txt"));
    }
}

/// In `.ci/run all`.
mod all {
    use super::tried;

    macro_rules! tools {
        ($($name:ident)*) => {$(
            #[test]
            #[ignore = "needs the tools of .ci/tools, and registries"]
            fn $name() {
                tried(include_str!(concat!(stringify!($name), ".txt")));
            }
        )*};
    }

    tools! { autotools cmake javac jdk make maven mise php pipx pnpm poetry ruby uv yarn }
}
