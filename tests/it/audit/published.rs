//! Events of publishing that somebody appends to a good run, who knows the format: the plan, what the run meant, and the
//! repository's remotes say what of them can be.

use serde_json::{Value, json};

use super::forge::{Forge, sha256};
use crate::common::Repo;

/// A run that is done, in a checkout with these remotes, and its evidence.
fn done(publish: &str, remotes: &[(&str, &str)]) -> (Repo, Forge) {
    let repo = Repo::new();
    for (name, url) in remotes {
        repo.git(["remote", "add", name, url]);
    }
    repo.plan_with(publish, "  - {id: a, command: 'echo a > a'}\n");
    repo.autopilot(["7", "--no-publish"]).exits(0);
    let forge = Forge::new(&repo.top(), repo.events()[0]["run"].as_str().unwrap());
    (repo, forge)
}

/// Appends an effect that is said to be done.
fn append(forge: &Forge, effect: &str, to: &str, url: Value) {
    let (mut lines, mut values) = (forge.lines(), forge.values());
    let attested = values.iter().rposition(|line| line["event"]["type"] == "attested").unwrap();
    let head = format!("{attested}:{}", sha256(&lines[attested]));
    let made = values.iter().find(|line| line["event"]["type"] == "branch.made").unwrap();
    let key = if effect == "comment" { json!(head) } else { made["event"]["commit"].clone() };
    let number = url.as_str().and_then(|url| url.rsplit_once("#issuecomment-")?.1.parse::<u64>().ok());
    let mut end = json!({"type": "publish.done", "effect": effect, "key": key, "url": url});
    if let Some(number) = number {
        end["id"] = json!(number);
    }
    let begin = json!({"type": "publish.started", "effect": effect, "key": key, "to": to});
    for event in [begin, end] {
        let mut line = values.last().unwrap().clone();
        line["seq"] = json!(lines.len());
        line["prev"] = json!(sha256(lines.last().unwrap()));
        line["event"] = event;
        lines.push(serde_json::to_vec(&line).unwrap());
        values.push(line);
    }
    forge.write_lines(&lines);
}

const HERE: &[(&str, &str)] = &[("origin", "https://github.com/acme/widgets.git")];
const COMMENT: &str = "https://github.com/acme/widgets/issues/7#issuecomment-1";
const SLUG: &str = "github.com/acme/widgets";

#[test]
fn what_fits_plan_run_and_remotes_is_believed() {
    let (repo, forge) = done("publish: {push: true, comment: true}", HERE);
    let branch = repo.branch();
    append(&forge, "push", "origin", json!(format!("https://github.com/acme/widgets/tree/{branch}")));
    append(&forge, "comment", SLUG, json!(COMMENT));
    repo.autopilot(["audit"]).exits(0);
}

#[test]
fn nothing_is_published_of_a_plan_that_publishes_nothing() {
    for (effect, to, url) in [
        ("comment", SLUG, json!(COMMENT)),
        ("comment", "evil.example/o/r", json!("https://evil.example/o/r/issues/7#issuecomment-1")),
        ("push", "origin", Value::Null),
        ("pull_request", SLUG, json!("https://github.com/acme/widgets/pull/1")),
    ] {
        let (repo, forge) = done("publish: {comment: false}", HERE);
        append(&forge, effect, to, url);
        for args in [&["audit"][..], &["audit", "--evidence-only"]] {
            repo.autopilot(args).exits(4).says("AP404 plan-not-followed");
        }
    }
}

#[test]
fn an_address_that_the_run_cannot_have_is_found() {
    for (remotes, effect, to, url) in [
        (HERE, "comment", SLUG, "https://evil.example/acme/widgets/issues/7#issuecomment-1"),
        (HERE, "comment", SLUG, "https://github.com/acme/widgets/issues/8#issuecomment-1"),
        (HERE, "comment", "github.com/evil/r", "https://github.com/evil/r/issues/7#issuecomment-1"),
        // Where no remote was known, one may have been added since; here none was.
        (&[][..], "comment", "github.com/evil/r", "https://github.com/evil/r/issues/7#issuecomment-1"),
        (HERE, "push", "origin", "https://github.com/evil/r/tree/BRANCH"),
        (HERE, "push", "origin", "https://github.com/acme/widgets/tree/main"),
    ] {
        let plan = if effect == "push" { "publish: {push: true}" } else { "" };
        let (repo, forge) = done(plan, remotes);
        append(&forge, effect, to, json!(url.replace("BRANCH", &repo.branch())));
        let ran = repo.autopilot(["audit"]).exits(4);
        assert!(ran.stdout.contains("AP403") || ran.stdout.contains("AP404"), "{url}: {}", ran.stdout);
    }
}

#[test]
fn what_only_a_repository_can_tell_is_said_where_there_is_none() {
    let (repo, forge) = done("publish: {push: true}", HERE);
    append(&forge, "push", "origin", json!(format!("https://github.com/evil/r/tree/{}", repo.branch())));
    repo.autopilot(["audit", "--evidence-only"]).exits(0).says("was not compared with the remotes");
}

/// Changes an event to what is not true.
type Lie = fn(&mut Value, &str);

#[test]
fn what_is_said_of_a_replay_before_a_push_is_held_to_the_run_and_its_commits() {
    let repo = Repo::new();
    let bare = repo.dir().join("bare.git");
    repo.git(["init", "-q", "-b", "main", "--bare", bare.to_str().unwrap()]);
    repo.git(["remote", "add", "origin", &format!("file://{}", bare.display())]);
    repo.plan_with("publish: {push: true, comment: false}", "  - {id: a, command: 'echo a > a'}\n");
    repo.git(["push", "-q", "origin", "main"]);
    repo.autopilot(["7", "--no-publish"]).exits(0);
    let moved = repo.git(["commit-tree", "HEAD^{tree}", "-p", "HEAD", "-m", "moved"]);
    repo.git(["push", "-q", "origin", &format!("{moved}:refs/heads/main")]);
    repo.autopilot(["publish", "7"]).exits(0);
    repo.autopilot(["audit"]).exits(0);
    let run = repo.events()[0]["run"].as_str().unwrap().to_owned();
    let lies: [(&str, &[&str], Lie); 7] = [
        ("a tree", &["AP704"], |event, other| event["commits"][0]["tree"] = json!(other)),
        ("the new base", &["AP403"], |event, _| event["onto"] = event["base"].clone()),
        ("another new base", &["AP704"], |event, other| event["onto"] = json!(other)),
        ("the old base", &["AP403"], |event, other| event["base"] = json!(other)),
        ("the verdict", &["AP403"], |event, _| event["held"] = json!(false)),
        ("a step", &["AP402"], |event, _| event["commits"][0]["step"] = json!("b")),
        ("the result", &["AP402"], |event, other| event["result"] = json!(other)),
    ];
    let other = repo.git(["rev-parse", "main^{tree}"]);
    for (what, codes, lie) in lies {
        let copy = repo.copy();
        let forge = Forge::new(&copy.top(), &run);
        let mut values = forge.values();
        let at = values.iter().position(|line| line["event"]["type"] == "publish.rebased").unwrap();
        lie(&mut values[at]["event"], &other);
        // Behind the head nothing is sealed: the chain is all there is to be made good.
        let mut lines = forge.lines();
        for (at, value) in values.iter_mut().enumerate().skip(at) {
            value["prev"] = json!(sha256(&lines[at - 1]));
            lines[at] = serde_json::to_vec(value).unwrap();
        }
        forge.write_lines(&lines);
        let ran = copy.autopilot(["audit", &run]).exits(4);
        assert!(codes.iter().all(|code| ran.stdout.contains(code)), "{what}: {}", ran.stdout);
    }
}

#[test]
fn the_provenance_says_of_who_started_a_run_what_the_journal_says() {
    type Lie = fn(&mut Value);
    const LIES: [Lie; 4] = [
        |told| told["startedBy"]["user"] = json!("somebody"),
        |told| told["startedBy"]["actor"] = json!("somebody"),
        |told| told["labels"] = json!({"GITHUB_RUN_ID": "991"}),
        |told| told["planCommit"] = json!("1".repeat(40)),
    ];
    let (repo, forge) = done("publish: {comment: false}", HERE);
    repo.autopilot(["audit"]).exits(0);
    let whole = forge.lines();
    let provenance = std::fs::read(forge.provenance()).unwrap();
    for lie in LIES {
        forge.edit_provenance(|statement| {
            lie(&mut statement["predicate"]["buildDefinition"]["internalParameters"]);
        });
        repo.autopilot(["audit"]).exits(4).says("AP209");
        forge.write_lines(&whole);
        std::fs::write(forge.provenance(), &provenance).unwrap();
    }
    repo.autopilot(["audit"]).exits(0);
}
