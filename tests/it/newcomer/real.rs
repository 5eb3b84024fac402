//! A newcomer in repositories of other people, as the registries' own source packages have them: from nothing to a green
//! run in four commands on a bare PATH, with no YAML edited, and with the project's own tests run.

use std::path::Path;
use std::process::Command;

use crate::common::program::copy_folder;
use crate::common::{Ran, Repo};

/// Where everybody's programs are.
const BARE: &str = "/usr/local/bin:/usr/bin:/bin";

/// By which clients find whom this machine trusts.
const TRUST: [&str; 5] =
    ["SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "PIP_CERT", "REQUESTS_CA_BUNDLE"];

/// A project, and what is done to it.
struct Project {
    /// Its folder among the sources.
    name: &'static str,
    /// What does the work, in this file, and what that file holds then.
    command: &'static str,
    changed: (&'static str, &'static str),
    /// The steps that `init` finds.
    steps: &'static str,
    /// What the project's own tests say when they pass.
    said: &'static str,
}

/// Makes a repository of the project as it was published: without ignore rules that it does not bring along.
fn repository(project: &Project) -> Repo {
    let sources =
        std::env::var_os("AUTOPILOT_TEST_SOURCES").expect("AUTOPILOT_TEST_SOURCES=$(bash .ci/sources)");
    let repo = Repo::empty();
    copy_folder(&Path::new(&sources).join(project.name), &repo.top());
    repo.git(["init", "-q", "-b", "main"]);
    repo.git(["config", "user.name", "Somebody"]);
    repo.git(["config", "user.email", "somebody@example.org"]);
    repo.commit("as it was published");
    repo
}

/// The PATH of a newcomer: Rust alone is not of the distribution.
fn path(project: &Project) -> String {
    let cargo = || Command::new("rustc").args(["--print", "sysroot"]).output().unwrap().stdout;
    match project.name {
        "rust" => format!("{}/bin:{BARE}", String::from_utf8(cargo()).unwrap().trim()),
        _ => BARE.to_owned(),
    }
}

fn first_run(project: &Project) {
    let repo = repository(project);
    let path = path(project);
    let autopilot = |args: &[&str]| {
        let mut command = repo.command(args);
        command.env("PATH", &path);
        command.envs(TRUST.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
        Ran::of(&command.output().unwrap()).exits(0)
    };
    autopilot(&["init", "--title", "Change it", "--command", project.command])
        .says(&format!("{}, at most", project.steps));
    autopilot(&["check", "1"]);
    autopilot(&["1"]).says("done in").says("git diff main...autopilot/issue-1-");
    autopilot(&["audit"]).says("AUDIT PASS");
    assert!(repo.log().contains(project.said), "{}: {}", project.name, repo.log());
    let (file, text) = project.changed;
    assert!(repo.on_branch(file).contains(text), "{}: {}", project.name, repo.on_branch(file));
    // Nothing that was fetched or built is a part of the result.
    assert_eq!(repo.git(["diff", "--name-only", "main", &repo.branch()]), file, "{}", project.name);
}

#[test]
#[ignore = "needs the sources of .ci/sources, node, npm"]
fn of_node() {
    first_run(&Project {
        name: "node",
        command: "sed -i 's/==/===/' index.js",
        changed: ("index.js", "toString.call(arr) ==="),
        steps: "fetch, edit, test",
        said: "# pass  6",
    });
}

#[test]
#[ignore = "needs the sources of .ci/sources, python3"]
fn of_python() {
    first_run(&Project {
        name: "python",
        command: "sed -i 's/\"1.16.0\"/\"1.16.1\"/' six.py",
        changed: ("six.py", "\"1.16.1\""),
        // With one that fetches before them, where this machine's Python has no pytest.
        steps: "edit, test",
        said: " passed, ",
    });
}

#[test]
#[ignore = "needs the sources of .ci/sources"]
fn of_rust() {
    first_run(&Project {
        name: "rust",
        command: "sed -i 's/notably slower/slower/' lib.rs",
        changed: ("lib.rs", "it is slower"),
        steps: "edit, test",
        said: "test result: ok",
    });
}

#[test]
#[ignore = "needs the sources of .ci/sources, javac"]
fn of_java() {
    first_run(&Project {
        name: "java",
        command: "sed -i 's/Got long option/A long option/' gnu/getopt/GetoptDemo.java",
        changed: ("gnu/getopt/GetoptDemo.java", "A long option"),
        steps: "edit, test",
        said: "gnu/getopt/Getopt.java",
    });
}

#[test]
#[ignore = "needs the sources of .ci/sources, make, cc"]
fn of_c() {
    first_run(&Project {
        name: "c",
        command: "sed -i 's/release 2.2.5/2.2.5/' README",
        changed: ("README", "Letters) 2.2.5"),
        steps: "edit, test",
        said: "All tests passed.",
    });
}
