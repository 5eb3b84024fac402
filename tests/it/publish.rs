//! What leaves the machine: the real `gh` against a GitHub in memory, the real git against real remotes.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::common::github::{Comment, Fault, GitHub, LOGIN};
use crate::common::program::write_program;
use crate::common::{Ran, Repo, http, signal, wait_until};

/// A plan that passes.
const PASSES: &str = "  - {id: one, command: echo hello; echo one > one}\n";
/// One that does not.
const FAILS: &str = "  - {id: one, command: echo one > one}\n  - {id: two, command: 'echo half > half; echo it broke; exit 3'}\n";

/// A scratch repository and the GitHub that its issue is on.
struct Scene {
    repo: Repo,
    github: GitHub,
}

impl Scene {
    fn new(publish: &str, steps: &str) -> Self {
        let repo = Repo::new();
        repo.plan_with(publish, steps);
        Self { repo, github: GitHub::start() }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.repo.command(args);
        command.envs(self.github.variables());
        command
    }

    fn autopilot(&self, args: &[&str]) -> Ran {
        Ran::of(&self.command(args).output().unwrap())
    }

    /// Nothing is found in any run, and GitHub has the head of each.
    #[track_caller]
    fn audits(&self) {
        self.autopilot(&["audit", "--all", "--online"]).exits(0).says("AUDIT PASS").hides("not checked");
    }

    fn comments(&self) -> Vec<Comment> {
        self.github.comments(7)
    }

    /// The one comment there is of the run.
    #[track_caller]
    fn comment(&self) -> Comment {
        let own: Vec<Comment> = self
            .comments()
            .into_iter()
            .filter(|c| c.author == LOGIN && c.body.contains("autopilot:run="))
            .collect();
        assert_eq!(own.len(), 1, "{own:#?}");
        own[0].clone()
    }

    /// `type effect` of the events after the head.
    fn published(&self) -> Vec<String> {
        let events = self.repo.events();
        let head = events.iter().rposition(|event| event["type"] == "attested").unwrap();
        let text = |event: &Value| {
            let kind = event["type"].as_str().unwrap().strip_prefix("publish.").unwrap().to_owned();
            format!("{kind} {}", event["effect"].as_str().unwrap())
        };
        events[head + 1..].iter().map(text).collect()
    }

    /// Name of the latest run.
    fn run(&self) -> String {
        let path = self.repo.evidence("status-").pop().unwrap();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        name.trim_start_matches("status-").trim_end_matches(".log").to_owned()
    }
}

#[test]
#[ignore = "needs gh"]
fn a_run_that_is_done_is_told_once() {
    let scene = Scene::new("", PASSES);
    let ran = scene
        .autopilot(&["7"])
        .exits(0)
        .says("comment  https://github.com/acme/widgets/issues/7#issuecomment-1000");
    let body = scene.comment().body;
    let head = ran.stdout;
    assert!(body.starts_with(&format!("<!-- autopilot:run={} -->\n# ✅ #7 done", scene.run())), "{body}");
    for part in [
        "| one | ✅ | 1 |",
        "1 commit, 1 file",
        "**Files:** `one` +1",
        "**Policy:**",
        "autopilot audit",
        "head `",
    ] {
        assert!(body.contains(part), "{part} is not in:\n{body}\n{head}");
    }
    assert_eq!(scene.published(), ["started comment", "done comment"]);
    assert!(
        scene.repo.summary().contains("**To publish:** comment on `github.com/acme/widgets`"),
        "{}",
        scene.repo.summary()
    );
    // Nothing is left, and saying so costs GitHub nothing.
    let calls = scene.github.called("CommentCreate");
    scene.autopilot(&["publish"]).exits(0).says("nothing is left to publish");
    scene.autopilot(&["publish", "7"]).exits(0).says("nothing is left to publish");
    assert_eq!((scene.github.called("CommentCreate"), scene.comment().edits), (calls, 0));
    scene.autopilot(&["status"]).exits(0).hides("autopilot publish");
    scene.audits();
}

#[test]
fn a_run_without_a_login_says_so_and_publishes_nothing() {
    let repo = Repo::new();
    repo.plan(PASSES);
    let ran = Ran::of(&repo.command(["7"]).env("GH_REPO", "acme/widgets").output().unwrap());
    ran.exits(0).hides("comment");
    let summary = repo.summary();
    assert!(summary.contains("**To publish:** nothing; `gh is not "), "{summary}");
    assert_eq!(repo.events().last().unwrap()["type"], "attested");
    repo.autopilot(["status"]).exits(0).hides("publish");
    // Nor is anybody told of it later, unless somebody says which run.
    repo.autopilot(["publish"]).exits(0).says("nothing is left to publish");
    let asked = Ran::of(&repo.command(["publish", "7"]).env("GH_REPO", "acme/widgets").output().unwrap());
    asked.exits(1).says("comment  not published: gh is not ");
}

#[test]
fn a_checkout_without_a_github_is_no_failure() {
    let repo = Repo::new();
    repo.plan(PASSES);
    repo.run().exits(0);
    let summary = repo.summary();
    assert!(
        summary.contains("**To publish:** nothing; `no remote of this checkout is a repository of GitHub`"),
        "{summary}"
    );
}

#[test]
#[ignore = "needs gh"]
fn a_failed_run_is_an_escalation() {
    let scene = Scene::new("publish: {escalate: ['@acme/team', '@somebody']}", FAILS);
    scene.autopilot(&["7"]).exits(1).says("comment  https://");
    let body = scene.comment().body;
    let run = scene.run();
    for part in [
        "# ❌ #7 failed at `two` after",
        "**Why:** `exit 3`",
        "Last 1 of 1 lines of `two`, attempt 1:\n\n```text\n it broke\n```\n",
        &format!("autopilot checkout {run}"),
        &format!("git fetch .ai/logs/autopilot/salvage-{run}.bundle 'refs/salvage/*:refs/salvage/{run}/*'"),
        &format!("git switch -c fix-{run} refs/salvage/{run}/two-1"),
        "--failed",
        "\n@acme/team @somebody\n",
    ] {
        assert!(body.contains(part), "{part} is not in:\n{body}");
    }
    scene.audits();
}

#[test]
#[ignore = "needs gh"]
fn nobody_is_mentioned_for_a_run_that_is_done() {
    let scene = Scene::new("publish: {escalate: ['@acme/team']}", PASSES);
    scene.autopilot(&["7"]).exits(0);
    assert!(!scene.comment().body.contains('@'), "{}", scene.comment().body);
}

#[test]
#[ignore = "needs gh"]
fn who_started_and_who_published_is_said_and_whose_claim_it_is() {
    let scene = Scene::new("", PASSES);
    let mut command = scene.command(&["7", "--json"]);
    command.envs([("GITHUB_ACTOR", "x-actor".to_owned()), ("GITHUB_RUN_ID", "991".to_owned())]);
    let ran = Ran::of(&command.output().unwrap()).exits(0);
    let claim = "its environment says: for `x-actor`, GITHUB_RUN_ID `991`";
    assert!(scene.repo.summary().contains(claim), "{}", scene.repo.summary());
    assert!(scene.comment().body.contains(claim), "{}", scene.comment().body);
    assert!(scene.comment().body.contains(&format!("publishes as `{LOGIN}`")), "{}", scene.comment().body);
    let [started] = &scene.repo.events_of("publish.started")[..] else { panic!() };
    assert_eq!(started["login"], LOGIN);
    let review: Value = serde_json::from_str(&ran.stdout).unwrap();
    let who = &review["review"]["who"];
    assert_eq!((&who["actor"], &who["job"]["GITHUB_RUN_ID"]), (&json!("x-actor"), &json!("991")), "{who}");
    let provenance = scene.repo.evidence("provenance-").pop().unwrap();
    let statement: Value = serde_json::from_slice(&fs::read(provenance).unwrap()).unwrap();
    let internal = &statement["predicate"]["buildDefinition"]["internalParameters"];
    assert_eq!(internal["startedBy"]["actor"], "x-actor", "{internal}");
    assert_eq!(internal["labels"]["GITHUB_RUN_ID"], "991", "{internal}");
    assert_eq!(internal["planCommit"], scene.repo.git(["rev-parse", "HEAD"]), "{internal}");
    scene.audits();
}

#[test]
#[ignore = "needs gh"]
fn a_lost_answer_makes_no_second_comment() {
    for fault in [Fault::LostAnswer, Fault::BadGateway] {
        let scene = Scene::new("", PASSES);
        for n in 0..120 {
            scene.github.comment(7, "somebody", &format!("comment {n}"));
        }
        scene.github.fault("CommentCreate", 1, fault);
        scene
            .autopilot(&["7"])
            .exits(0)
            .says("comment  https://github.com/acme/widgets/issues/7#issuecomment-1120");
        assert_eq!((scene.comment().id, scene.comments().len()), (1120, 121));
        assert_eq!(scene.published(), ["started comment", "done comment"]);
        assert_eq!(scene.github.called("CommentCreate"), 1);
    }
}

#[test]
#[ignore = "needs gh"]
fn what_was_not_done_is_done_by_the_next_try() {
    for fault in [Fault::Refused, Fault::Status(502, "Bad Gateway"), Fault::Status(500, "oh")] {
        let scene = Scene::new("", PASSES);
        scene.github.fault("CommentCreate", 1, fault);
        scene.autopilot(&["7"]).exits(0).says("comment  https://");
        assert_eq!(scene.comment().id, 1000);
        assert_eq!(scene.github.called("CommentCreate"), 2);
    }
}

#[test]
#[ignore = "needs gh"]
fn the_marker_in_a_comment_of_somebody_else_is_not_the_runs() {
    let scene = Scene::new("", PASSES);
    scene.github.fault("CommentCreate", 1, Fault::Status(401, "Bad credentials"));
    scene.autopilot(&["7"]).exits(0).says("not published");
    let planted = format!("<!-- autopilot:run={} -->\nmine", scene.run());
    scene.github.comment(7, "somebody", &planted);
    scene.autopilot(&["publish", "7"]).exits(0);
    assert_eq!(scene.comment().id, 1001);
    assert_eq!(scene.comments()[0].body, planted);
}

#[test]
#[ignore = "needs gh"]
fn a_crash_between_the_call_and_its_line_is_found_out() {
    let scene = Scene::new("", PASSES);
    scene.autopilot(&["7"]).exits(0);
    let journal = scene.repo.evidence("status-").pop().unwrap();
    let text = fs::read_to_string(&journal).unwrap();
    let (cut, _) = text.trim_end().rsplit_once('\n').unwrap();
    fs::write(&journal, format!("{cut}\n")).unwrap();
    assert_eq!(scene.published(), ["started comment"]);
    scene.autopilot(&["status"]).exits(0).says(&format!("autopilot publish {}", scene.run()));
    scene.autopilot(&["publish"]).exits(0).says("#issuecomment-1000");
    assert_eq!((scene.comment().id, scene.github.called("CommentCreate")), (1000, 1));
    assert_eq!(scene.published(), ["started comment", "started comment", "done comment"]);
    scene.audits();
}

#[test]
#[ignore = "needs gh"]
fn what_stands_in_the_way_is_told_apart_and_changes_no_result() {
    let secondary =
        "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.";
    let cases = [
        ("login", Fault::Status(401, "Bad credentials")),
        ("rights", Fault::Status(403, "Resource not accessible by integration")),
        ("rights", Fault::GraphQl("Unable to create comment because issue is locked.")),
        ("rate_limit", Fault::Status(403, "API rate limit exceeded for user ID 1.")),
        ("rate_limit", Fault::Status(403, secondary)),
        ("not_found", Fault::Status(404, "Not Found")),
        ("too_long", Fault::GraphQl("Body is too long (maximum is 65536 characters)")),
    ];
    for (kind, fault) in cases {
        let scene = Scene::new("", PASSES);
        scene.github.fault("CommentCreate", 1, fault);
        scene
            .autopilot(&["7"])
            .exits(0)
            .says("done in")
            .says("comment  not published: ")
            .says("later: autopilot publish");
        let failed = scene.repo.events().pop().unwrap();
        assert_eq!((&failed["type"], &failed["kind"]), (&"publish.failed".into(), &kind.into()), "{failed}");
        assert!(scene.comments().is_empty(), "{kind}");
        let run = scene.run();
        scene.autopilot(&["status"]).exits(0).says(&format!("autopilot publish {run}"));
        scene.autopilot(&["publish", &run]).exits(0).says("#issuecomment-1000");
        scene.autopilot(&["publish", &run]).exits(0).says("nothing is left");
        assert_eq!((scene.comment().id, scene.comment().edits), (1000, 0));
    }
}

#[test]
#[ignore = "needs gh"]
fn a_limit_is_said_with_its_wait() {
    let scene = Scene::new("", PASSES);
    scene.github.fault("CommentCreate", 1, Fault::Status(403, "API rate limit exceeded for user ID 1."));
    scene.autopilot(&["7"]).exits(0).says("rate limit: ").says("the limit ends in ");
}

#[test]
#[ignore = "needs gh"]
fn a_limit_that_ends_soon_is_waited_for() {
    let scene = Scene::new("", PASSES);
    scene.github.limit_ends_in(2);
    scene.github.fault("CommentCreate", 1, Fault::Status(403, "API rate limit exceeded for user ID 1."));
    scene.autopilot(&["7"]).exits(0).says("comment  https://");
    assert_eq!((scene.comment().id, scene.github.called("CommentCreate")), (1000, 2));
}

#[test]
#[ignore = "needs gh"]
fn a_hang_ends_in_time_and_the_next_call_finds_out() {
    let scene = Scene::new("", PASSES);
    scene.github.fault("CommentCreate", 9, Fault::Hang);
    let mut command = scene.command(&["7"]);
    let ran = Ran::of(&command.env("AUTOPILOT_PUBLISH_TIMEOUT", "2s").output().unwrap());
    ran.exits(0).says("not published: no answer");
    assert_eq!(scene.repo.events().pop().unwrap()["kind"], "timeout");
    scene.github.heal();
    scene.autopilot(&["publish"]).exits(0);
    assert_eq!(scene.comment().id, 1000);
}

#[test]
#[ignore = "needs gh"]
fn offline_is_no_failure_of_the_run() {
    let scene = Scene::new("", PASSES);
    let offline = scene.repo.dir().join("offline");
    fs::create_dir(&offline).unwrap();
    fs::write(offline.join("config.yml"), "http_unix_socket: /nowhere/gh.sock\n").unwrap();
    let run = |args: &[&str]| {
        let mut command = scene.command(args);
        Ran::of(
            &command.env("GH_CONFIG_DIR", &offline).env("AUTOPILOT_PUBLISH_TIMEOUT", "1s").output().unwrap(),
        )
    };
    run(&["7"]).exits(0).says("comment  not published: network: ");
    run(&["publish"]).exits(1).says("comment  not published: network: ");
    scene.autopilot(&["publish"]).exits(0);
    assert_eq!(scene.comment().id, 1000);
}

#[test]
#[ignore = "needs gh"]
fn no_publish_means_nobody_is_asked() {
    let scene = Scene::new("publish: {comment: true}", PASSES);
    scene.autopilot(&["run", "--no-publish", "7"]).exits(0).hides("comment");
    scene.autopilot(&["publish"]).exits(0).says("nothing is left to publish");
    assert!(scene.repo.summary().contains("--no-publish"), "{}", scene.repo.summary());
    assert_eq!(scene.github.called("CommentCreate"), 0);
    scene.autopilot(&["publish", "7"]).exits(0);
    assert_eq!(scene.comment().id, 1000);
}

#[test]
#[ignore = "needs gh"]
fn a_plan_that_wants_no_comment_gets_none() {
    let scene = Scene::new("publish: {comment: false}", PASSES);
    scene.autopilot(&["7"]).exits(0).hides("comment");
    scene.autopilot(&["publish", "7"]).exits(0).says("publishes nothing");
    assert!(scene.comments().is_empty());
}

/// Two steps, of which the second waits until somebody says go.
const WAITS: &str = "  - {id: a, command: echo one > one}
  - {id: b, command: 'echo ready; while test ! -e ~/go; do sleep 0.05; done; echo two > two'}\n";

impl Scene {
    fn start(&self, args: &[&str]) -> Child {
        let seen = self.repo.log().matches("ready").count();
        let mut command = self.command(args);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        wait_until(|| self.repo.log().matches("ready").count() > seen);
        child
    }

    /// Goes on with the last run, to its end.
    fn resume(&self) -> Ran {
        let child = self.start(&["7", "--resume"]);
        for run in fs::read_dir(self.repo.state().join("runs")).unwrap() {
            let _ = fs::write(run.unwrap().path().join("home/go"), "");
        }
        Ran::of(&child.wait_with_output().unwrap())
    }
}

#[test]
#[ignore = "needs gh"]
fn a_resumed_run_updates_its_own_comment() {
    let scene = Scene::new("publish: {escalate: ['@acme/team']}", WAITS);
    let child = scene.start(&["7"]);
    signal(&child, Signal::SIGTERM);
    Ran::of(&child.wait_with_output().unwrap()).exits(143).says("#issuecomment-1000");
    let before = scene.comment();
    assert!(before.body.contains("# ⏹ #7 interrupted"), "{}", before.body);
    assert!(!before.body.contains('@'), "whoever stopped it knows: {}", before.body);
    scene.resume().exits(0).says("#issuecomment-1000");
    let after = scene.comment();
    assert_eq!((after.id, after.edits, scene.comments().len()), (before.id, 1, 1));
    assert!(after.body.contains("# ✅ #7 done"), "{}", after.body);
    assert_eq!(scene.github.called("GET comments"), 0, "its number was known");
    scene.audits();
}

#[test]
#[ignore = "needs gh"]
fn a_comment_that_somebody_removed_is_made_anew_when_there_is_news() {
    let scene = Scene::new("", WAITS);
    let child = scene.start(&["7"]);
    signal(&child, Signal::SIGTERM);
    child.wait_with_output().unwrap();
    scene.github.remove(scene.comment().id);
    scene.autopilot(&["publish", "7"]).exits(0).says("nothing is left");
    assert!(scene.comments().is_empty(), "no news");
    scene.resume().exits(0);
    assert!(scene.comment().body.contains("# ✅ #7 done"));
}

#[test]
#[ignore = "needs gh"]
fn a_crash_is_told_when_it_is_picked_up() {
    let scene = Scene::new("publish: {escalate: ['@acme/team']}", WAITS);
    let mut child = scene.start(&["7"]);
    scene.repo.kill(&mut child);
    assert!(scene.comments().is_empty());
    scene.repo.plan(PASSES);
    scene.autopilot(&["7"]).exits(0);
    let bodies: Vec<String> = scene.comments().into_iter().map(|comment| comment.body).collect();
    assert_eq!(bodies.len(), 2, "{bodies:#?}");
    assert!(
        bodies[0].contains("# 💥 #7 crashed at `b`") && bodies[0].contains("\n@acme/team\n"),
        "{}",
        bodies[0]
    );
    assert!(bodies[1].contains("# ✅ #7 done") && !bodies[1].contains('@'), "{}", bodies[1]);
    scene.audits();
}

#[test]
#[ignore = "needs gh"]
fn what_every_run_has_left_is_published_at_once() {
    let scene = Scene::new("", PASSES);
    scene.github.issue(8, "Other", "");
    scene.repo.plan_of(8, "", PASSES);
    scene.github.fault("CommentCreate", 2, Fault::Status(401, "Bad credentials"));
    scene.autopilot(&["7", "8"]).exits(0);
    let ran = scene.autopilot(&["publish"]).exits(0);
    assert_eq!(ran.stdout.matches("comment  https://").count(), 2, "{}", ran.stdout);
    assert_eq!((scene.github.comments(7).len(), scene.github.comments(8).len()), (1, 1));
    scene.autopilot(&["publish"]).exits(0).says("nothing is left to publish");
}

#[test]
fn a_run_that_runs_publishes_by_itself() {
    let repo = Repo::new();
    repo.plan("  - {id: b, command: 'echo ready; while test ! -e ~/go; do sleep 0.05; done'}\n");
    let mut child = repo.start(["7"]);
    wait_until(|| repo.log().contains("ready"));
    repo.autopilot(["publish", "7"]).exits(5).says("holds the lock");
    repo.autopilot(["publish"]).exits(0).says("nothing is left to publish");
    signal(&child, Signal::SIGKILL);
    child.wait().unwrap();
    repo.autopilot(["publish", "7"]).exits(2).says("has no end yet").says("autopilot run 7");
}

// ── push ──

#[test]
fn only_the_result_is_pushed_and_no_hook_runs() {
    let scene = Offline::new("publish: {comment: false, push: true}", PASSES);
    let trace = scene.repo.dir().join("trace");
    let hook = scene.repo.top().join(".git/hooks/pre-push");
    write_program(&hook, &format!("#!/bin/sh\ntouch {}\n", trace.display()));
    scene.repo.git(["branch", "other"]);
    scene.repo.git(["tag", "-a", "-m", "a tag", "tagged"]);
    scene.repo.git(["config", "push.followTags", "true"]);
    scene.repo.git(["config", "remote.origin.mirror", "true"]);
    scene.repo.git(["config", "remote.origin.push", "+refs/heads/*:refs/heads/*"]);
    // As after a push by hand, git knows where the remote's branch is. Nothing else changes.
    let state = || {
        let all = scene.repo.fingerprint();
        let own = |line: &&str| !line.contains("refs/remotes/origin/autopilot");
        all.lines().filter(own).collect::<Vec<_>>().join("\n")
    };
    let before = state();
    scene.repo.run().exits(0).says("push     done");
    assert!(state() == before, "the repository is not as it was");
    let branch = format!("refs/heads/{}", scene.repo.branch());
    assert_eq!(scene.on_remote(), ["HEAD", &branch, "refs/heads/main"]);
    assert!(!trace.exists(), "a hook ran");
    let [started, done] = &scene.after_head()[..] else { panic!("{:?}", scene.after_head()) };
    assert_eq!((&started["type"], &done["type"]), (&"publish.started".into(), &"publish.done".into()));
    assert_eq!(started["key"].as_str().unwrap(), scene.repo.git(["rev-parse", &branch]));
    assert_eq!((&started["to"], &started["key"]), (&"origin".into(), &done["key"]));
}

#[test]
fn a_failed_run_is_not_pushed() {
    let scene = Offline::new("publish: {comment: false, pull_request: draft}", FAILS);
    scene.repo.run().exits(1).says("will push the result branch").hides("pushed");
    assert_eq!(scene.on_remote(), ["HEAD", "refs/heads/main"]);
    scene.repo.autopilot(["publish", "7"]).exits(0).says("publishes nothing");
}

#[test]
fn a_push_is_never_forced() {
    let scene = Offline::new("publish: {comment: false, push: true}", PASSES);
    scene.repo.autopilot(["run", "--no-publish", "7"]).exits(0);
    // Somebody else took the name.
    let branch = scene.repo.branch();
    scene.repo.git(["commit", "-q", "--allow-empty", "-m", "other"]);
    scene.repo.git(["push", "-q", "origin", &format!("HEAD:refs/heads/{branch}")]);
    let theirs = scene.repo.git(["rev-parse", "HEAD"]);
    scene.repo.autopilot(["publish", "7"]).exits(1).says("push     not published: git push: ");
    assert_eq!(scene.after_head().pop().unwrap()["kind"], "rejected");
    assert!(scene.repo.git(["ls-remote", "origin"]).contains(&theirs));
}

#[test]
fn a_remote_that_is_gone_is_said_and_the_push_made_up_for() {
    let scene = Offline::new("publish: {comment: false, push: true}", PASSES);
    let away = scene.bare.with_extension("away");
    fs::rename(&scene.bare, &away).unwrap();
    scene.repo.run().exits(0).says("push     not published").says("later: autopilot publish");
    scene.repo.autopilot(["status"]).exits(0).says("autopilot publish");
    fs::rename(&away, &scene.bare).unwrap();
    scene.repo.autopilot(["publish"]).exits(0);
    assert!(scene.on_remote().contains(&format!("refs/heads/{}", scene.repo.branch())));
    scene.repo.autopilot(["publish"]).exits(0).says("nothing is left to publish");
}

#[test]
fn a_push_over_http_uses_the_users_credentials() {
    let scene = Offline::new("publish: {comment: false, push: true}", PASSES);
    scene.repo.git(["-C", scene.bare.to_str().unwrap(), "config", "http.receivepack", "true"]);
    let address = http::serve(scene.repo.dir());
    scene.repo.git(["remote", "set-url", "origin", &format!("{address}/bare.git")]);
    scene.repo.run().exits(0).says("push     not published: git push: ").says("gh auth setup-git");
    assert_eq!(scene.after_head().pop().unwrap()["kind"], "login");
    let helper = "!f() { echo username=user; echo password=word; }; f";
    scene.repo.git(["config", "credential.helper", helper]);
    scene.repo.autopilot(["publish"]).exits(0).says("push     done");
    assert!(scene.on_remote().contains(&format!("refs/heads/{}", scene.repo.branch())));
}

#[test]
fn a_secret_stops_the_push_wherever_it_is() {
    let token = format!("ghp_{}", "a1B2".repeat(9));
    for (what, steps) in [
        ("in leak.txt:2 of", format!("  - {{id: one, command: 'printf \"x\\n{token}\\n\" > leak.txt'}}\n")),
        ("in the name of a file", format!("  - {{id: one, command: 'touch {token}'}}\n")),
        ("in the message of", format!("  - {{id: one, command: 'touch a', commit: 'add {token}'}}\n")),
        // Gone from the result, and still on its way there.
        (
            "in leak.txt:1 of",
            format!(
                "  - {{id: one, command: 'echo {token} > leak.txt'}}\n  - {{id: two, command: 'rm leak.txt; touch b'}}\n"
            ),
        ),
    ] {
        let scene = Offline::new("publish: {comment: false, push: true}", &steps);
        scene
            .repo
            .run()
            .exits(0)
            .says("push     not published")
            .says("github-token")
            .says(what)
            .hides(&token);
        assert_eq!(scene.on_remote(), ["HEAD", "refs/heads/main"], "{what}");
        let failed = scene.after_head().pop().unwrap();
        assert_eq!(failed["kind"], "secret", "{failed}");
        assert!(!failed.to_string().contains(&token));
        // Somebody looked at it and pushed by hand.
        scene.repo.git(["push", "-q", "origin", &scene.repo.branch()]);
        scene.repo.autopilot(["publish"]).exits(0).says("push     done");
    }
}

/// A run whose push was stopped for a value that its environment knew.
fn stopped_for_a_value() -> Offline {
    let scene = Offline::new(
        "publish: {comment: false, push: true}",
        "  - {id: one, command: 'printf %s%s correct-horse- battery > a'}\n",
    );
    let mut command = scene.repo.command(["7"]);
    let ran = Ran::of(&command.env("DEPLOY_PASSWORD", "correct-horse-battery").output().unwrap());
    ran.exits(0).says("known-value in a:1 of");
    scene
}

#[test]
fn a_value_of_the_environment_stops_the_push() {
    let scene = stopped_for_a_value();
    assert_eq!(scene.on_remote(), ["HEAD", "refs/heads/main"]);
}

#[test]
fn a_push_that_was_stopped_for_a_secret_stays_stopped_whatever_the_next_shell_knows() {
    let scene = stopped_for_a_value();
    for args in [&["publish"][..], &["publish", "7"]] {
        scene.repo.autopilot(args).exits(1).says("known-value in a:1 of").says("git push origin autopilot/");
        assert_eq!(scene.after_head().pop().unwrap()["kind"], "secret");
        assert_eq!(scene.on_remote(), ["HEAD", "refs/heads/main"]);
    }
    // Somebody looked at it and pushed by hand.
    scene.repo.git(["push", "-q", "origin", &scene.repo.branch()]);
    scene.repo.autopilot(["publish"]).exits(0).says("push     done");
}

#[test]
fn a_secret_of_the_plan_is_looked_for_or_nothing_is_pushed() {
    let publish = |scene: &Offline, token: Option<&str>| {
        let mut command = scene.repo.command(["publish", "7"]);
        Ran::of(&command.envs(token.map(|token| ("DEPLOYED_WITH", token))).output().unwrap())
    };
    for (step, leaks) in [("echo fine > a", false), ("printf %s \"$DEPLOYED_WITH\" > a", true)] {
        let scene = Offline::new(
            "publish: {comment: false, push: true}",
            &format!("  - {{id: one, command: '{step}', secrets: [DEPLOYED_WITH]}}\n"),
        );
        let mut command = scene.repo.command(["run", "--no-publish", "7"]);
        Ran::of(&command.env("DEPLOYED_WITH", "correct-horse").output().unwrap()).exits(0);
        for unknown in [None, Some(""), Some("short")] {
            let ran = publish(&scene, unknown).exits(1).says("push     not published");
            // What the run's own runner found stays found.
            let (kind, said) =
                if leaks { ("secret", "known-value in a:1 of") } else { ("missing", "DEPLOYED_WITH") };
            ran.says(said);
            assert_eq!(scene.after_head().pop().unwrap()["kind"], kind);
            assert_eq!(scene.on_remote(), ["HEAD", "refs/heads/main"]);
        }
        let ran = publish(&scene, Some("correct-horse"));
        if leaks {
            ran.exits(1).says("known-value in a:1 of");
            assert_eq!(scene.on_remote(), ["HEAD", "refs/heads/main"]);
        } else {
            ran.exits(0).says("push     done");
        }
    }
}

#[test]
fn what_was_there_before_does_not_stop_the_push() {
    let scene = Offline::new(
        "publish: {comment: false, push: true}",
        "  - {id: one, command: 'echo more >> known.txt'}\n",
    );
    scene.repo.commit_file("known.txt", &format!("ghp_{}\n", "a1B2".repeat(9)));
    scene.repo.git(["push", "-q", "origin", "main"]);
    scene.repo.run().exits(0).says("push     done");
    assert_eq!(scene.repo.events_of("branch.searched")[0]["found"], json!([]));
}

#[test]
fn what_the_base_is_ahead_of_the_remote_goes_out_too_and_is_searched() {
    let token = format!("ghp_{}", "a1B2".repeat(9));
    for (branch, leak) in [("main", true), ("main", false), ("side", true)] {
        let scene = Offline::new("publish: {comment: false, push: true, rebase: never}", PASSES);
        // Two commits that the remote lacks; the second takes away what the first holds.
        if branch != "main" {
            scene.repo.git(["switch", "-q", "-c", branch]);
        }
        scene.repo.commit_file("own.txt", &if leak { format!("x\n{token}\n") } else { "fine\n".to_owned() });
        scene.repo.git(["rm", "-q", "own.txt"]);
        scene.repo.commit("take it away");
        let ran = scene.repo.run().exits(0);
        // It is none of the run's.
        assert_eq!(scene.repo.events_of("branch.searched")[0]["found"], json!([]));
        if leak {
            ran.says("push     not published").says("github-token in own.txt:2 of").hides(&token);
            assert_eq!(scene.on_remote(), ["HEAD", "refs/heads/main"]);
            // Once the user has let it out, nothing is left to be stopped.
            scene.repo.git(["push", "-q", "origin", branch]);
            scene.repo.git(["push", "-q", "origin", &scene.repo.branch()]);
            scene.repo.autopilot(["publish"]).exits(0).says("push     done");
        } else {
            ran.says("push     done");
        }
    }
}

#[test]
fn what_the_remote_lost_goes_out_again_and_is_searched_again() {
    let token = format!("ghp_{}", "a1B2".repeat(9));
    let scene = Offline::new("publish: {comment: false, push: true, rebase: never}", PASSES);
    scene.repo.git(["switch", "-q", "-c", "side"]);
    scene.repo.commit_file("own.txt", &token);
    scene.repo.git(["push", "-q", "origin", "side"]);
    // Gone there, and this checkout does not know.
    scene.repo.git(["-C", scene.bare.to_str().unwrap(), "update-ref", "-d", "refs/heads/side"]);
    assert!(!scene.repo.git(["rev-parse", "refs/remotes/origin/side"]).is_empty());
    scene.repo.run().exits(0).says("github-token in own.txt:1 of").hides(&token);
    assert_eq!(scene.on_remote(), ["HEAD", "refs/heads/main"]);
}

#[test]
fn what_counts_is_what_the_place_has_that_is_pushed_to() {
    let token = format!("ghp_{}", "a1B2".repeat(9));
    let scene = Offline::new("publish: {comment: false, push: true, rebase: never}", PASSES);
    let public = scene.repo.dir().join("public.git");
    scene.repo.git(["init", "-q", "-b", "main", "--bare", public.to_str().unwrap()]);
    let url = format!("file://{}", public.display());
    scene.repo.git(["push", "-q", &url, "main"]);
    // It is fetched from where it may be known.
    scene.repo.commit_file("own.txt", &token);
    scene.repo.git(["push", "-q", "origin", "main"]);
    scene.repo.git(["remote", "set-url", "--push", "origin", &url]);
    scene.repo.run().exits(0).says("github-token in own.txt:1 of").hides(&token);
    assert_eq!(scene.repo.git(["ls-remote", &url]).lines().count(), 2, "HEAD and main");
}

#[test]
fn a_secret_in_the_result_is_named_though_nothing_is_published() {
    let token = format!("ghp_{}", "a1B2".repeat(9));
    for (what, steps) in [
        ("github-token in leak.txt:2 of", format!("printf \"x\\n{token}\\n\" > leak.txt")),
        ("github-token in the name of a file of", format!("touch {token}")),
        ("github-token in a\u{fffd}b:1 of", format!("printf {token} > \"$(printf 'a\\377b')\"")),
        // Binary, and a link.
        ("github-token in bin:1 of", format!("printf '\\0\\1{token}\\0' > bin")),
        ("github-token in link:1 of", format!("ln -s {token} link")),
    ] {
        for end in ["", "; exit 3"] {
            let repo = Repo::new();
            let second = if end.is_empty() { "true" } else { "exit 3" };
            repo.plan(&format!(
                "  - id: one\n    command: ['sh', '-c', {}]\n  - {{id: two, command: '{second}'}}\n",
                serde_json::to_string(&steps).unwrap()
            ));
            let ran = repo.run().exits(i32::from(!end.is_empty()));
            ran.says("a secret, it seems, in the result").says(what).hides(&token);
            let summary = repo.summary();
            assert!(summary.contains("**Check before merging:**") && summary.contains(what), "{summary}");
            assert!(!summary.contains(&token));
            let [searched] = &repo.events_of("branch.searched")[..] else { panic!("{what}") };
            assert!(searched["found"][0].as_str().unwrap().starts_with(what), "{searched}");
            assert_eq!(searched["unsearched"], json!([]));
            if !end.is_empty() {
                assert!(repo.failed().contains(what), "{}", repo.failed());
            }
            repo.autopilot(["audit", "7"]).exits(0);
        }
    }
}

#[test]
fn values_that_a_step_had_masked_are_looked_for_in_commits_as_well() {
    let steps = "  - id: one
    command: |
      value=$(printf %s%s correct-horse- battery)
      echo \"::add-mask::$value\"
      printf %s \"$value\" | base64 > encoded
      printf 'x\\nis %s\\n' \"$value\" > plain
";
    let scene = Offline::new("publish: {comment: false, push: true}", steps);
    let ran = scene.repo.run().exits(0);
    ran.says("push     not published").says("known-value in encoded:1 of").says("known-value in plain:2 of");
    assert_eq!(scene.on_remote(), ["HEAD", "refs/heads/main"]);
    // Another process knows nothing of the value, and nevertheless stops.
    scene.repo.autopilot(["publish"]).exits(1).says("known-value in plain:2 of");
    assert_eq!(scene.on_remote(), ["HEAD", "refs/heads/main"]);
}

#[test]
fn what_is_too_large_to_be_searched_is_said_and_not_pushed() {
    let scene = Offline::new(
        "publish: {comment: false, push: true}",
        "  - {id: one, command: 'head -c 110000000 /dev/zero > big; echo fine > small'}\n",
    );
    scene.repo.run().exits(0).says("push     not published: not all of the commits can be searched");
    assert_eq!(scene.on_remote(), ["HEAD", "refs/heads/main"]);
    let summary = scene.repo.summary();
    assert!(summary.contains("not searched for secrets: big of") && summary.contains("104 MiB"), "{summary}");
    scene.repo.git(["push", "-q", "origin", &scene.repo.branch()]);
    scene.repo.autopilot(["publish"]).exits(0).says("push     done");
}

#[test]
fn many_findings_are_named_in_bounds() {
    let repo = Repo::new();
    let token = format!("ghp_{}", "a1B2".repeat(9));
    repo.plan(&format!("  - {{id: one, command: 'for n in $(seq 300); do echo {token}$n > f$n; done'}}\n"));
    repo.run().exits(0);
    let [searched] = &repo.events_of("branch.searched")[..] else { panic!() };
    assert_eq!((searched["found"].as_array().unwrap().len(), &searched["more"]), (20, &json!(280)));
    assert!(repo.summary().contains("and 296 more of those"), "{}", repo.summary());
}

#[test]
#[ignore = "needs gh"]
fn whatever_a_step_prints_or_names_is_inert() {
    let nasty = "@acme/team #1 GH-1 <img src=x> ![i](https://evil.example.org/i) [l](https://evil.example.org) </details> <!-- ``` ````";
    let steps = format!(
        "  - id: one\n    command: |\n      touch '@acme `x` #2 <b>' '``@all``' '<!--'\n  - id: two\n    command: |\n      cat <<'END'\n      {nasty}\n      ```\n      </details>\n      @acme/team\n      ~~~\n      END\n      exit 3\n"
    );
    let scene = Scene::new("", &steps);
    scene.repo.file("README.md", "x");
    scene.autopilot(&["7"]).exits(1);
    let body = scene.comment().body;
    let shown = read_as_markdown(&body);
    for word in ["@acme", "@all", "#1", "#2", "evil.example.org", "<img", "<b>", "GH-1"] {
        assert!(body.contains(word), "{word} is not in:\n{body}");
        assert!(shown.code.contains(word) && !shown.text.contains(word), "{word} is alive:\n{body}");
    }
    assert_eq!(shown.links, 0, "{body}");
    let own = [
        format!("<!-- autopilot:run={} -->", scene.run()),
        "<details><summary>Steps, policy, when</summary>".to_owned(),
        "</details>".to_owned(),
    ];
    assert_eq!(shown.html, own, "{body}");
}

/// What a reader of Markdown makes of a text.
#[derive(Default)]
struct Shown {
    text: String,
    code: String,
    html: Vec<String>,
    links: usize,
}

fn read_as_markdown(body: &str) -> Shown {
    use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
    let mut shown = Shown::default();
    let mut in_block = false;
    for event in Parser::new_ext(body, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH) {
        match event {
            Event::Start(Tag::CodeBlock(_)) => in_block = true,
            Event::End(TagEnd::CodeBlock) => in_block = false,
            Event::Start(Tag::Link { .. } | Tag::Image { .. }) => shown.links += 1,
            Event::Text(text) if in_block => shown.code.push_str(&text),
            Event::Text(text) => shown.text.push_str(&text),
            Event::Code(text) => shown.code.push_str(&text),
            Event::Html(html) | Event::InlineHtml(html) => shown.html.push(html.trim().to_owned()),
            _ => {}
        }
    }
    shown.html.retain(|html| !html.is_empty());
    shown
}

#[test]
#[ignore = "needs gh"]
fn no_run_makes_a_comment_too_long() {
    let name = "ü".repeat(80);
    let steps: String = (0..400).map(|n| format!("  - {{id: s{n}, command: ['true']}}\n")).collect();
    let last = format!(
        "  - {{id: many, command: 'for n in $(seq 2000); do touch {name}-$n; done'}}\n  - {{id: loud, command: 'for n in $(seq 60); do head -c 3000 /dev/zero | tr \"\\0\" \"`\"; echo; done; exit 3'}}\n"
    );
    let scene = Scene::new("", &(last + &steps));
    scene.autopilot(&["7"]).exits(1).says("comment  https://");
    let body = scene.comment().body;
    assert!(body.len() < 60_000, "{}", body.len());
    for part in ["and 1", "**Take over**", "**Audit:**", "head `", "lines of `loud`"] {
        assert!(body.contains(part), "{part} is not in:\n{body}");
    }
    assert!(!read_as_markdown(&body).text.contains('`'), "{body}");
}

/// A repository with a remote, and nobody to comment to.
struct Offline {
    repo: Repo,
    bare: PathBuf,
}

impl Offline {
    fn new(publish: &str, steps: &str) -> Self {
        let repo = Repo::new();
        repo.plan_with(publish, steps);
        let bare = repo.add_remote();
        Self { repo, bare }
    }

    fn on_remote(&self) -> Vec<String> {
        on_remote(&self.repo)
    }

    fn after_head(&self) -> Vec<Value> {
        let events = self.repo.events();
        let head = events.iter().rposition(|event| event["type"] == "attested").unwrap();
        events[head + 1..].to_vec()
    }
}

fn on_remote(repo: &Repo) -> Vec<String> {
    let refs = repo.git(["ls-remote", "origin"]);
    refs.lines().map(|line| line.split_once('\t').unwrap().1.to_owned()).collect()
}

// ── pull requests ──

#[test]
#[ignore = "needs gh"]
fn a_pull_request_is_opened_once_and_the_comment_knows_it() {
    let scene = Scene::new("publish: {pull_request: {draft: true, title: 'A title'}}", PASSES);
    scene.repo.add_remote();
    scene.github.fault("PullRequestCreate", 1, Fault::LostAnswer);
    scene.autopilot(&["7"]).exits(0).says("pull     https://github.com/acme/widgets/pull/100");
    let pulls = scene.github.pulls();
    assert_eq!(pulls.len(), 1, "{pulls:?}");
    let pull = &pulls[0];
    assert_eq!((&pull["title"], &pull["isDraft"]), (&"A title".into(), &true.into()));
    assert_eq!((&pull["baseRefName"], &pull["headRefName"]), (&"main".into(), &scene.repo.branch().into()));
    let body = pull["body"].as_str().unwrap();
    assert!(body.starts_with("For #7.") && body.contains("| one | ✅ |"), "{body}");
    assert_eq!(
        scene.published(),
        [
            "started push",
            "done push",
            "started pull_request",
            "done pull_request",
            "started comment",
            "done comment"
        ]
    );
    let body = scene.comment().body;
    let range = format!("main...{}", scene.repo.branch());
    assert!(
        body.contains(&format!("[`{range}`](https://github.com/acme/widgets/compare/{range})")),
        "{body}"
    );
    assert!(body.contains("https://github.com/acme/widgets/pull/100"), "{body}");
    scene.autopilot(&["publish", "7"]).exits(0).says("nothing is left to publish");
    assert_eq!(scene.github.pulls().len(), 1);
}

#[test]
#[ignore = "needs gh"]
fn a_pull_request_has_its_labels_and_reviewers() {
    let scene = Scene::new("publish: {pull_request: {labels: [bug], reviewers: [somebody]}}", PASSES);
    scene.repo.add_remote();
    scene.autopilot(&["7"]).exits(0).says("pull     https://");
    let pull = &scene.github.pulls()[0];
    assert_eq!((&pull["labelIds"], &pull["userIds"]), (&json!(["L_1"]), &json!(["U_1"])), "{pull}");
    assert_eq!((&pull["title"], &pull["isDraft"]), (&json!("Try"), &json!(false)));
}

#[test]
#[ignore = "needs gh"]
fn a_reviewer_that_cannot_be_asked_makes_no_second_pull_request() {
    let scene = Scene::new("publish: {pull_request: {reviewers: [somebody]}}", PASSES);
    scene.repo.add_remote();
    let refused = "Could not request reviews from somebody";
    scene.github.fault("PullRequestCreateRequestReviews", 9, Fault::GraphQl(refused));
    scene.autopilot(&["7"]).exits(0).says("pull     https://");
    assert_eq!(scene.github.pulls().len(), 1);
}

#[test]
#[ignore = "needs gh"]
fn a_push_that_was_made_up_for_brings_the_rest_with_it() {
    let scene = Scene::new("publish: {pull_request: ready}", PASSES);
    let bare = scene.repo.add_remote();
    let away = bare.with_extension("away");
    fs::rename(&bare, &away).unwrap();
    scene
        .autopilot(&["7"])
        .exits(0)
        .says("push     not published")
        .says("pull     not published: the branch is not pushed");
    let before = scene.comment();
    assert!(before.body.contains("**no push:**"), "{}", before.body);
    fs::rename(&away, &bare).unwrap();
    scene.autopilot(&["publish"]).exits(0).says("pull     https://");
    let after = scene.comment();
    assert_eq!((after.id, after.edits), (before.id, 1));
    assert!(after.body.contains("/pull/100") && !after.body.contains("no push"), "{}", after.body);
    assert_eq!(scene.github.pulls()[0]["isDraft"], false);
    scene.autopilot(&["publish"]).exits(0).says("nothing is left to publish");
    scene.audits();
}

#[test]
#[ignore = "needs gh"]
fn the_audit_follows_what_was_published() {
    let scene = Scene::new("publish: {pull_request: ready}", PASSES);
    scene.repo.add_remote();
    scene.autopilot(&["7"]).exits(0);
    scene.audits();
}
