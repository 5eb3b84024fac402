//! The recipes: each plan of the page is valid and warned about by nobody, and each script does what the page says.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::common::program::write_program;
use crate::common::{Ran, Repo};
use crate::matrix::CERTIFICATES;

fn page() -> String {
    fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/recipes.md")).unwrap()
}

/// Its blocks of this language, each with the heading that it stands below.
fn blocks(language: &str) -> Vec<(String, String)> {
    let (page, mut heading) = (page(), String::new());
    let mut found = Vec::new();
    let mut parts = page.split("```");
    while let Some(prose) = parts.next() {
        let last = prose.lines().filter_map(|line| line.strip_prefix("## ")).next_back();
        heading = last.map_or(heading, str::to_owned);
        let Some((name, text)) = parts.next().and_then(|code| code.split_once('\n')) else { break };
        if name == language {
            found.push((heading.clone(), text.to_owned()));
        }
    }
    found
}

#[test]
fn every_plan_of_the_page_is_valid_and_warned_about_by_nobody() {
    let plans = blocks("yaml");
    let headings: Vec<&str> = plans.iter().map(|(heading, _)| heading.as_str()).collect();
    for language in ["Rust", "Node", "Python", "Java", "Go", "C", "A private registry", "Nix"] {
        assert!(headings.contains(&language), "{language}: {headings:?}");
    }
    for (heading, text) in &plans {
        let repo = Repo::new();
        repo.file(".ai/plans/653/Autopilot.yaml", text);
        let ran = repo.autopilot(["check", "653", "--plan-only"]).exits(0);
        assert!(!ran.stdout.contains("warning") && ran.stderr.is_empty(), "{heading}: {ran:?}");
    }
}

#[test]
fn what_the_page_tests_by_is_what_init_writes() {
    let of = |language: &str| blocks("yaml").into_iter().find(|(heading, _)| heading == language).unwrap().1;
    let written = |files: &[(&str, &str)]| {
        let repo = Repo::new();
        for (path, text) in files {
            repo.file(path, text);
        }
        repo.commit("what is there");
        // Without the clients nobody is asked for hosts.
        let ran = repo.command(["init", "1", "--title", "Rename the option", "--command", "true"]).output();
        Ran::of(&ran.unwrap()).exits(0);
        repo.read(".ai/plans/1/Autopilot.yaml")
    };
    let test = |text: &str| {
        let plan: serde_json::Value = serde_yaml::from_str(text).unwrap();
        let steps = plan["steps"].as_array().unwrap().clone();
        steps.iter().find(|step| step["id"] == "test").unwrap()["command"].clone()
    };
    let c = written(&[("Makefile", "all:\n\ttrue\ncheck:\n\ttrue\n")]);
    assert_eq!(test(&c), test(&of("C")));
    let node = written(&[("package.json", "{\"scripts\": {\"test\": \"node --test\"}}\n")]);
    assert_eq!(test(&node), test(&of("Node")));
}

/// The page's crontab: its PATH, and the command of its line.
fn crontab() -> (String, String) {
    let (_, table) = blocks("crontab").pop().unwrap();
    let [path, line]: [&str; 2] = table.lines().collect::<Vec<_>>().try_into().unwrap();
    let (times, command) = line.split_once("  ").unwrap();
    assert_eq!(times.split(' ').count(), 5, "{line}");
    (path.strip_prefix("PATH=").unwrap().to_owned(), command.to_owned())
}

#[test]
fn the_nightly_script_runs_what_is_planned_and_goes_on_the_next_night() {
    let (_, script) = blocks("sh").pop().unwrap();
    let repo = Repo::new();
    repo.plan_of(8, "", "  - {id: a, command: 'echo eight > eight'}\n");
    repo.plan_of(9, "", "  - {id: a, command: 'echo nine > nine'}\n");
    repo.file(".ai/plans/autopilot.schema.json", "{}\n");
    repo.commit("plans");
    fs::create_dir_all(repo.home().join("bin")).unwrap();
    let nightly = repo.home().join("bin/nightly.sh");
    write_program(&nightly, &script);
    fs::create_dir_all(repo.home().join("src")).unwrap();
    std::os::unix::fs::symlink(repo.top(), repo.home().join("src/project")).unwrap();
    let (path, line) = crontab();
    let bin = Path::new(env!("CARGO_BIN_EXE_autopilot")).parent().unwrap();
    let path = path.replace("/usr/local/bin", &format!("/usr/local/bin:{}", bin.display()));
    // As cron does it: a shell in the home folder, and little in its environment.
    let night = || {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", &line]).current_dir(repo.home());
        let like = repo.command(["status"]);
        shell.env_clear().envs(like.get_envs().filter_map(|(name, value)| Some((name, value?))));
        Ran::of(&shell.env("PATH", &path).output().unwrap())
    };
    night().exits(0);
    assert_eq!(repo.branches().len(), 2, "{:?}", repo.branches());
    night().exits(0);
    assert_eq!(repo.branches().len(), 2, "what is done stays done: {:?}", repo.branches());
    repo.plan_of(10, "", "  - {id: a, command: exit 1}\n");
    night().exits(1);
}

/// A project that the page's plan for a language can work on.
fn project(language: &str) -> Repo {
    let repo = Repo::new();
    let files: &[(&str, &str)] = match language {
        "Rust" => &[
            (
                "Cargo.toml",
                "[package]\nname = \"x\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[dependencies]\nitoa = \"1\"\n",
            ),
            (
                "src/main.rs",
                "fn main() {\n    println!(\"colour {}\", itoa::Buffer::new().format(7));\n}\n\n#[test]\nfn works() {\n    main();\n}\n",
            ),
            (".gitignore", "target\n"),
        ],
        "Node" => &[
            (
                "package.json",
                "{\"name\": \"x\", \"version\": \"1.0.0\", \"scripts\": {\"test\": \"node test.js\"}, \"dependencies\": {\"is-odd\": \"3.0.1\"}}\n",
            ),
            ("index.js", "exports.name = 'colour';\n"),
            (
                "test.js",
                "if (!require('is-odd')(require('./index.js').name.length)) throw new Error('color is odd');\n",
            ),
        ],
        "Python" => &[
            ("requirements.txt", "six\n"),
            ("app.py", "import six\n\nNAME = six.ensure_str('colour')\n"),
            ("test_app.py", "import app\n\n\ndef test_name():\n    assert app.NAME == 'color'\n"),
        ],
        _ => panic!("no project in {language}"),
    };
    for (path, text) in files {
        repo.file(path, text);
    }
    let lock: &[&str] = match language {
        "Rust" => &["cargo", "generate-lockfile"],
        "Node" => &["npm", "install", "--package-lock-only", "--silent"],
        _ => &["true"],
    };
    let locked = Command::new(lock[0]).args(&lock[1..]).current_dir(repo.top()).output().unwrap();
    assert!(locked.status.success(), "{locked:?}");
    repo.commit("a project");
    repo
}

/// Its plan, with the hosts that this machine's client asks in the place of the page's examples.
fn plan_of(language: &str, autopilot: &dyn Fn(&[&str]) -> Ran, repo: &Repo) -> String {
    autopilot(&["init", "1", "--title", "Rename the option", "--command", "true"]);
    let written: serde_json::Value = serde_yaml::from_str(&repo.read(".ai/plans/1/Autopilot.yaml")).unwrap();
    let asked = written["steps"].as_array().unwrap().iter().find(|step| step["id"] == "fetch").unwrap();
    let (_, plan) = blocks("yaml").into_iter().find(|(heading, _)| heading == language).unwrap();
    let example = plan.lines().find(|line| line.trim_start().starts_with("network:")).unwrap();
    plan.replace(example.trim(), &format!("network: {}", asked["network"]))
}

#[test]
#[ignore = "needs node, npm, python3, and the registries of their packages"]
fn the_plans_fetch_work_and_test_for_real() {
    for language in ["Rust", "Node", "Python"] {
        let repo = project(language);
        let autopilot = |args: &[&str]| {
            let mut command = repo.command(args);
            command.envs(CERTIFICATES.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
            Ran::of(&command.output().unwrap()).exits(0)
        };
        let plan = plan_of(language, &autopilot, &repo);
        repo.file(".ai/plans/653/Autopilot.yaml", &plan);
        repo.commit("the plan of the page");
        autopilot(&["653"]).says("done in");
        autopilot(&["audit"]).says("AUDIT PASS");
        let changed = repo.git(["diff", "--name-only", "main", &repo.branch()]);
        assert_eq!(changed.lines().count(), 1, "{language}: {changed}");
    }
}

#[test]
#[ignore = "needs systemd-analyze"]
fn the_units_are_what_systemd_takes() {
    let units = blocks("ini");
    let folder = tempfile::tempdir().unwrap();
    for (_, text) in &units {
        let name = text.lines().next().unwrap().trim_start_matches("# ");
        // The script is not there, and true is.
        fs::write(folder.path().join(name), text.replace("%h/bin/nightly.sh", "/bin/true")).unwrap();
        let ran =
            Command::new("systemd-analyze").arg("verify").arg(folder.path().join(name)).output().unwrap();
        let said = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert!(ran.status.success() && !said.contains(name), "{name}: {said}");
    }
    assert_eq!(units.len(), 2);
}
