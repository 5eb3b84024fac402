//! What a replay came to is kept beside the run, and shown on its page as long as it is about the journal that is there.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::common::{Repo, in_bare};

fn place(repo: &Repo) -> PathBuf {
    repo.top().join(format!(".ai/logs/replay/{}.json", repo.run_names().pop().unwrap()))
}

fn kept(repo: &Repo) -> Value {
    serde_json::from_slice(&fs::read(place(repo)).unwrap()).unwrap()
}

fn page(repo: &Repo) -> String {
    repo.autopilot(["view", "7", "-o", "-"]).exits(0).stdout
}

#[test]
fn the_page_of_a_run_says_what_its_last_replay_came_to() {
    let repo = Repo::new();
    let inside = repo.top().join(".ai/logs/replay");
    repo.plan(&format!(
        "  - {{id: a, command: 'echo a > a; mkdir -p {0} && echo x > {0}/x || true'}}\n",
        inside.display()
    ));
    repo.run().exits(0);
    assert!(!inside.exists(), "a step wrote there");
    assert!(!page(&repo).contains("same verdicts"));
    repo.autopilot(["replay", "7", "--onto", "main"]).exits(0);
    repo.commit_file("beside", "x\n");
    fs::remove_dir_all(&inside).unwrap();
    repo.autopilot(["replay", "7", "--onto", "main"]).exits(0);
    assert!(!inside.exists(), "on another base nothing is said of the run's own trees");
    repo.autopilot(["replay", "7"]).exits(0);
    let own = kept(&repo);
    let attested = repo.events_of("attested").len();
    assert_eq!((&own["v"], &own["difference"], attested), (&json!(1), &json!(null), 1));
    let shown = page(&repo);
    assert!(shown.contains(&format!("at {}: same verdicts, same files", own["at"].as_str().unwrap())));
    assert!(shown.contains(&format!("autopilot replay {}", own["run"].as_str().unwrap())));
    repo.autopilot(["audit", "--all"]).exits(0);
    assert_eq!(repo.git(["status", "--porcelain"]), "");
}

#[test]
fn a_difference_is_shown_with_both_sides_and_what_somebody_wrote_there_is_data() {
    let repo = Repo::new();
    repo.plan("  - {id: other, command: 'head -c 8 /dev/urandom > two'}\n");
    repo.run().exits(0);
    repo.autopilot(["replay", "7"]).exits(1);
    let own = kept(&repo);
    assert_eq!((&own["difference"]["step"], &own["difference"]["what"]), (&json!("other"), &json!("tree")));
    assert!(page(&repo).contains("step other differs, files: recorded tree "));
    let write = |change: &dyn Fn(&mut Value)| {
        let mut other = own.clone();
        change(&mut other);
        fs::write(place(&repo), other.to_string()).unwrap();
        page(&repo)
    };
    let token = format!("{}_{}", "ghp", "a1B2".repeat(9));
    let hostile = format!("<img src=x onerror=alert(1)> {token}");
    let shown = write(&|own| own["difference"]["recorded"] = json!(hostile));
    assert!(shown.contains("&lt;img") && !shown.contains("<img"), "it is not escaped");
    assert!(!shown.contains(&token), "it is not masked");
    let stale: [&dyn Fn(&mut Value); 5] = [
        &|own| own["head"] = json!("9:0000"),
        &|own| own["run"] = json!("20200101T000000Z-7"),
        &|own| own["v"] = json!(2),
        &|own| own["more"] = json!(1),
        &|own| own["difference"]["recorded"] = json!("x".repeat(300 << 10)),
    ];
    for change in stale {
        assert!(!write(change).contains("differs, files"), "it is not about this journal");
    }
    fs::write(repo.dir().join("other"), own.to_string()).unwrap();
    fs::remove_file(place(&repo)).unwrap();
    std::os::unix::fs::symlink(repo.dir().join("other"), place(&repo)).unwrap();
    assert!(!page(&repo).contains("differs, files"), "it was read through a link");
}

#[test]
fn what_was_found_of_a_run_that_went_on_since_is_not_shown() {
    let repo = Repo::new();
    repo.plan(
        "  - {id: a, command: 'echo a > a'}\n  - {id: b, command: 'echo ready; sleep 6; echo b > b'}\n",
    );
    let child = repo.start(["7"]);
    crate::common::wait_until(|| repo.log().contains("ready"));
    crate::common::signal(&child, nix::sys::signal::Signal::SIGINT);
    child.wait_with_output().unwrap();
    repo.autopilot(["replay", "7"]).exits(0);
    assert!(page(&repo).contains("same verdicts, same files"));
    repo.autopilot(["7", "--resume"]).exits(0);
    assert!(!page(&repo).contains("same verdicts, same files"));
    repo.autopilot(["replay", "7"]).exits(0);
    assert!(page(&repo).contains("same verdicts, same files"));
}

#[test]
fn of_a_run_of_another_machine_nothing_is_kept() {
    let repo = Repo::new();
    repo.plan_with("publish: {comment: false, evidence: true}", "  - {id: a, command: 'echo a > a'}\n");
    let bare = repo.add_remote();
    repo.run().exits(0);
    assert!(in_bare(&bare, "git for-each-ref refs/autopilot/").contains("evidence"));
    let other = Repo::cloned(&bare).unwrap();
    other.autopilot(["replay", "7"]).exits(0).says("same verdicts, same files");
    assert!(!other.top().join(".ai/logs/replay").exists());
}
