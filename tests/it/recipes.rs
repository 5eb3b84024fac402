//! The recipes: each plan of the page is valid and warned about by nobody, and each script does what the page says.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::common::{Ran, Repo};

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
    fs::write(&nightly, script).unwrap();
    fs::set_permissions(&nightly, fs::Permissions::from_mode(0o755)).unwrap();
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
