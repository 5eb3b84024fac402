//! What a reviewer is told to look at first: by what a step left, in summary and journal, whatever is masked.

use serde_json::Value;

use crate::common::{Ran, Repo};

/// Paths with why each is to be looked at, of the one checkpoint there is.
fn reviewed(repo: &Repo) -> Vec<(String, String)> {
    let made = repo.events_of("checkpoint.made").swap_remove(0);
    let changes = made["changes"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    changes
        .filter(|change| change["review"].is_string())
        .map(|change| (text(&change["path"]), text(&change["review"])))
        .collect()
}

/// The line that says what to look at.
fn check(repo: &Repo) -> String {
    let summary = repo.summary();
    let line = summary.lines().find(|line| line.starts_with("**Check before merging:** "));
    line.unwrap_or_default().to_owned()
}

/// Whatever a run changed, what people read first is one screen.
#[test]
fn many_files_take_no_more_room_than_few() {
    let repo = Repo::new();
    repo.plan("  - {id: many, command: 'for d in 1 2 3 4 5 6 7 8; do mkdir -p src/$d/deep; for f in $(seq 100); do echo $d > src/$d/deep/$f; done; done; for d in $(seq 60); do mkdir top$d; echo x > top$d/x; done'}\n");
    let ran = repo.run().exits(0);
    assert!(ran.stdout.lines().count() <= 8 && ran.stdout.contains("860 files +860 −0"), "{}", ran.stdout);
    let summary = repo.summary();
    let (first, folded) = summary.split_once("<details>").unwrap();
    assert!(first.lines().count() <= 20 && first.len() < 4000, "{first}");
    assert!(summary.lines().count() <= 110 && folded.contains("src/  800 files +800 −0"), "{summary}");
    let page = repo.autopilot(["view", "-o", "-"]).exits(0).stdout;
    assert!(page.len() < 600_000 && page.contains("860 files"), "{}", page.len());
    repo.autopilot(["status"]).exits(0).says("1/1");
}

#[test]
fn what_makes_tools_run_code_is_named_whatever_it_is() {
    let repo = Repo::new();
    repo.file(".github/workflows/ci.yml", "on: push\n");
    repo.file("tool", "#!/bin/sh\n");
    repo.commit("more");
    repo.plan(
        r"  - id: a
    command: |
      echo x > AGENTS.md; mkdir -p deep/.agents; echo x > deep/.agents/x.md
      rm .github/workflows/ci.yml
      echo x > Cargo.lock; echo x > Makefile.am
      chmod +x tool; printf '#!/bin/sh\n' > new; chmod +x new
      printf '\000\001' > picture
      ln -s /etc/passwd link; ln -s README.md fine
      printf '# vim: set fde=system(1):\n' > note; echo plain > other
      printf x > $(printf 'deep/\377.pth')
",
    );
    repo.run().exits(0);
    let reviewed = reviewed(&repo);
    let why = |path: &str| {
        let found = reviewed.iter().find(|(own, _)| own == path);
        found.unwrap_or_else(|| panic!("{path} is not in {reviewed:#?}")).1.clone()
    };
    for (path, part) in [
        ("AGENTS.md", "instructs or configures agents"),
        ("deep/.agents/x.md", "instructs or configures agents"),
        (".github/workflows/ci.yml", "continuous integration"),
        ("Cargo.lock", "a lock file"),
        ("Makefile.am", "at a build"),
        ("tool", "can be executed, and could not before"),
        ("new", "can be executed, and could not before"),
        ("picture", "no text"),
        ("link", "leads out of the repository"),
        ("note", "an editor that opens it"),
        ("deep/\u{fffd}.pth", "an interpreter"),
    ] {
        assert!(why(path).contains(part), "{path}: {}", why(path));
    }
    assert_eq!(reviewed.len(), 11, "{reviewed:#?}");
    let check = check(&repo);
    for part in [
        "`AGENTS.md` and `deep/.agents/x.md` were changed (instructs or configures agents that work here later)",
        "`.github/workflows/ci.yml` was deleted (continuous integration",
        "`new` and `tool` were changed (can be executed, and could not before)",
    ] {
        assert!(check.contains(part), "{part}: {check}");
    }
}

#[test]
fn a_step_that_leaves_very_much_pushes_nothing_off_the_screen() {
    let repo = Repo::new();
    repo.plan(
        "  - id: a
    command: |
      mkdir .vscode; for n in $(seq 300); do echo x > .vscode/$n.json; echo x > $n.lock; done; echo x > .cursorrules
",
    );
    repo.run().exits(0);
    let check = check(&repo);
    assert!(check.starts_with("**Check before merging:** `.cursorrules` was changed"), "{check}");
    assert!(check.contains("and 296 more were changed (a lock file"), "{check}");
    assert!(check.len() < 1000, "{check}");
}

/// A path that masking takes away is named by what it is all the same.
#[test]
fn a_path_that_is_masked_is_reviewed_by_itself() {
    let repo = Repo::new();
    repo.plan_with(
        "defaults: {env: [MY_TOKEN]}",
        "  - {id: a, command: 'mkdir \"$MY_TOKEN\"; echo x > \"$MY_TOKEN/CLAUDE.md\"; echo x > \".cursor-$MY_TOKEN\"; echo x > .mcp.json'}\n",
    );
    let output = repo.command(["7"]).env("MY_TOKEN", ".cursorrules-12345").output().unwrap();
    Ran::of(&output).exits(0);
    let reviewed = reviewed(&repo);
    assert!(
        reviewed.iter().any(|(path, _)| path == "***/CLAUDE.md" || path.ends_with("CLAUDE.md")),
        "{reviewed:#?}"
    );
    assert!(!format!("{reviewed:?}").contains("12345"), "{reviewed:#?}");
    assert!(check(&repo).contains("instructs or configures agents"), "{}", check(&repo));
}
