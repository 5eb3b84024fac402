//! `check` asks the clients of a plan's commands which registries they ask on this host, out of reach of what the repository says.

use std::fs;

use serde_json::Value;

use crate::common::Repo;
use crate::common::program::write_program;

/// An npm and a pip that tell what settings of HOME and the environment say, as the real ones do.
fn host_with_clients() -> Repo {
    let repo = Repo::new();
    let bin = repo.dir().join("bin");
    fs::create_dir_all(&bin).unwrap();
    write_program(
        &bin.join("npm"),
        "#!/bin/sh\ntest \"$PWD\" = / || exit 1\n\
         for file in .npmrc \"$HOME/.npmrc\"; do test ! -e \"$file\" || exec sed -n s/^registry=//p \"$file\"; done\n\
         echo https://default.example.org/\n",
    );
    write_program(
        &bin.join("pip"),
        "#!/bin/sh\ntest \"$1\" != config || echo \":env:.index-url='$PIP_INDEX_URL'\"\n",
    );
    write_program(&bin.join("uv"), "#!/bin/sh\nexit 2\n");
    repo
}

fn check(repo: &Repo, more: &[(&str, &str)]) -> (String, Value) {
    let path = std::env::var("PATH").unwrap_or_default();
    let path = format!("{}:{path}", repo.dir().join("bin").display());
    let run = |args: &[&str]| {
        let mut command = repo.command(args);
        command.env("PATH", &path).envs(more.iter().copied());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    (run(&["check", "7"]), serde_json::from_str(&run(&["check", "7", "--json"])).unwrap())
}

#[test]
fn a_mirror_of_the_users_own_is_followed_and_said_where_no_step_sees_it() {
    let repo = host_with_clients();
    repo.file(".npmrc", "registry=https://hostile.example.org/\n");
    repo.commit("hostile");
    fs::write(repo.home().join(".npmrc"), "registry=https://me:pw@mirror.example.org:8443/npm/\n").unwrap();
    repo.plan(
        "  - {id: fetch, command: npm ci, network: {allow: [other.example.org]}}\n  - {id: build, command: npm test}\n  - {id: more, command: uv sync}\n",
    );
    let (text, json) = check(&repo, &[]);
    let asks: Vec<&str> = text.lines().filter(|line| line.starts_with("registry: ")).collect();
    let [npm, uv] = asks.as_slice() else { panic!("{text}") };
    for part in [
        "step `fetch` runs npm, which asks mirror.example.org:8443 here (`npm config get registry`)",
        "write `network: {allow: [\"mirror.example.org:8443\", \"other.example.org\"]}`",
        "env: [\"npm_config_registry=https://mirror.example.org:8443/npm/\"]",
        "`autopilot learn 7/fetch`",
    ] {
        assert!(npm.contains(part), "{part}: {npm}");
    }
    assert!(!text.contains("hostile.example") && !text.contains("pw@"), "{text}");
    assert!(uv.contains("runs uv, which does not tell here what it asks: `autopilot learn 7/more`"), "{uv}");
    assert_eq!(json["plans"][0]["clients"][0]["in_step"][0], "default.example.org", "{json}");
    // What the plan says by then is enough.
    repo.plan(
        "  - {id: fetch, command: npm ci, network: {allow: [mirror.example.org:8443, default.example.org]}}\n",
    );
    assert!(!check(&repo, &[]).0.contains("registry: "));
}

#[test]
fn what_a_step_is_given_counts_as_the_step_has_it() {
    let repo = host_with_clients();
    let mirror = [("PIP_INDEX_URL", "https://mirror.example.org/simple")];
    repo.plan("  - {id: fetch, command: pip install x}\n");
    let (text, _) = check(&repo, &mirror);
    assert!(text.contains("asks mirror.example.org here (`pip config list`)"), "{text}");
    assert!(text.contains("PIP_INDEX_URL=https://mirror.example.org/simple"), "{text}");
    repo.plan("  - {id: fetch, command: pip install x, env: [PIP_INDEX_URL]}\n");
    let (text, _) = check(&repo, &mirror);
    assert!(text.contains("[\"mirror.example.org\"]") && !text.contains("no step sees"), "{text}");
    repo.plan("  - {id: fetch, command: pip install x, env: [PIP_INDEX_URL], network: {allow: ['*.example.org']}}\n");
    assert!(!check(&repo, &mirror).0.contains("registry: "));
}
