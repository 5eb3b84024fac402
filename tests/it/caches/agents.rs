//! A plan with an agent's step: what is kept is what stood before its first attempt, whatever it then writes there.

use super::{caches, hits, left};
use crate::agents::{AGENTS, plan_of_with, repo_of, run};
use crate::common::Repo;

/// Takes what stands there for a build, and spoils it; its first turn fails.
const AGENT: &str = "begin; mkdir -p target ~/.m2
for file in target/built target/planted ~/.m2/jar ~/.m2/planted; do echo evil > $file; done
touch -d 2001-01-01 target/built; echo worked >> work
test -e tried || { touch tried; exit 3; }
say done; end";

const CACHE: &str = "cache: [target, ~/.m2]\nlimits: {consecutive_failures: 9}";

const BUILD: &str = "  - id: build
    command: |
      test ! -e target/planted; test ! -e ~/.m2/planted; echo found $(cat target/built ~/.m2/jar || true)
      mkdir -p target ~/.m2; echo build >> target/built; echo jar >> ~/.m2/jar
";
const IMPLEMENT: &str = "  - {id: implement, AGENT: Do it., retries: 2, retry_from: attempt}\n";
const LATE: &str =
    "  - {id: late, command: 'mkdir -p target ~/.m2; echo late > target/built; echo late > ~/.m2/jar'}\n";

/// Everything in the caches there are.
fn kept(repo: &Repo) -> String {
    let grep = |cache: &std::path::PathBuf| {
        let output = std::process::Command::new("grep").args(["-rh", ""]).arg(cache.join("trees")).output();
        String::from_utf8_lossy(&output.unwrap().stdout).into_owned()
    };
    caches(repo).iter().map(grep).collect()
}

#[test]
fn what_stood_before_the_agents_first_attempt_is_kept_and_nothing_that_it_wrote() {
    for which in AGENTS {
        let repo = repo_of(which, AGENT);
        plan_of_with(&repo, which, CACHE, &format!("{BUILD}{IMPLEMENT}{LATE}"));
        for found in ["found\n", "found build jar\n", "found build build jar jar\n"] {
            run(&repo).exits(0);
            assert_eq!(repo.events_of("attempt.started").len(), 4, "the agent's first turn fails");
            assert!(repo.log().contains(found), "{which:?}\n{}", repo.log());
            assert!(left(&repo)["why"].is_null(), "{which:?}: {}", left(&repo));
            let kept = kept(&repo);
            assert!(kept.contains("build") && kept.contains("jar"), "{kept}");
            assert!(!kept.contains("evil") && !kept.contains("late"), "{which:?}: {kept}");
        }
        hits(&repo);
    }
}

#[test]
fn of_a_plan_that_begins_with_an_agent_nothing_is_kept() {
    for which in AGENTS {
        let repo = repo_of(which, AGENT);
        plan_of_with(&repo, which, CACHE, &format!("{IMPLEMENT}{LATE}"));
        run(&repo).exits(0);
        assert!(
            left(&repo)["why"].as_str().unwrap().contains("there was nothing in them"),
            "{}",
            left(&repo)
        );
        assert_eq!(caches(&repo).len(), 0, "{which:?}");
    }
}
