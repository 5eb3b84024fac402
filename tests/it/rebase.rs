//! What is pushed stands on the base as the remote has it: a run whose base has moved is replayed there first, and is not pushed where
//! it does not hold. Real git remotes, over file and HTTP.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::{Value, json};

use crate::common::program::{open_folder, write_program};
use crate::common::{Ran, Repo, http, in_bare};

const PUSH: &str = "publish: {comment: false, push: true}";

/// A repository, and a remote on which others work.
struct Scene {
    repo: Repo,
    bare: PathBuf,
}

impl Scene {
    fn new(publish: &str, steps: &str) -> Self {
        let repo = Repo::new();
        repo.file("lib", "one\ntwo\nthree\n");
        repo.plan_with(publish, steps);
        let bare = repo.add_remote();
        Self { repo, bare }
    }

    /// Runs a script where the remote is, as somebody else.
    fn there(&self, script: &str) -> String {
        in_bare(&self.bare, script)
    }

    /// Somebody else adds a file to the base.
    fn add(&self, name: &str, text: &str) -> String {
        self.there(&format!("{ADD} add '{name}' '{text}'"))
    }

    /// Has the base move behind each of so many answers of the remote.
    fn restless(&self, times: u32) {
        let count = self.repo.dir().join("count");
        fs::write(&count, times.to_string()).unwrap();
        let (wrapper, bare) = (self.repo.dir().join("upload-pack"), self.bare.display());
        let count = count.display();
        let script = format!(
            "#!/bin/sh\ngit upload-pack \"$@\"; ended=$?\nn=$(cat {count})\n\
             if [ $n -gt 0 ]; then echo $((n - 1)) > {count}; cd {bare}; unset GIT_PROTOCOL; {ADD} add moved-$n x; fi >&2\nexit $ended\n"
        );
        write_program(&wrapper, &script);
        self.repo.git(["config", "remote.origin.uploadpack", wrapper.to_str().unwrap()]);
    }

    fn on_remote(&self) -> Vec<String> {
        self.there("git for-each-ref --format='%(refname)'").lines().map(str::to_owned).collect()
    }

    /// What is on the remote under the run's name.
    fn pushed(&self, what: &str) -> String {
        self.there(&format!("git rev-parse '{}{what}'", self.repo.branch()))
    }

    /// Events behind the head.
    fn after_head(&self) -> Vec<Value> {
        let events = self.repo.events();
        let head = events.iter().rposition(|event| event["type"] == "attested").unwrap();
        events[head + 1..].to_vec()
    }

    #[track_caller]
    fn is_not_pushed(&self, why: &str) {
        assert_eq!(self.on_remote(), ["refs/heads/main"]);
        let failed = self.after_head().pop().unwrap();
        assert_eq!(
            (&failed["type"], &failed["kind"]),
            (&json!("publish.failed"), &json!("moved")),
            "{failed}"
        );
        assert!(failed["why"].as_str().unwrap().contains(why), "{failed}");
        assert!(!self.repo.branches().is_empty(), "the result is on its local branch");
    }

    fn audits(&self) {
        self.repo.autopilot(["audit", "--all"]).exits(0).says("AUDIT PASS");
    }
}

/// Adds a file to the base of a bare repository.
const ADD: &str = r#"add() {
    blob=$(printf '%s\n' "$2" | git hash-object -w --stdin)
    tree=$({ git ls-tree main | grep -v "	$1\$"; printf '100644 blob %s\t%s\n' $blob "$1"; } | git mktree)
    commit=$(git -c user.name=Other -c user.email=o@example.org commit-tree $tree -p main -m "add $1")
    git update-ref refs/heads/main $commit && git rev-parse main
};"#;

/// Steps of which the first counts how often it was done, outside; the second is done again.
fn deploying(repo: &Path) -> (PathBuf, String) {
    let outside = repo.join("outside");
    fs::create_dir(&outside).unwrap();
    open_folder(&outside, 0o777);
    let done = outside.join("done");
    let steps = [
        json!({"id": "deploy", "command": format!("echo once >> {}; echo deployed > deployed", done.display()),
            "filesystem": {"write": [outside]}, "outside": true, "commit": "Deploy it"}),
        json!({"id": "count", "command": "ls > listed", "expectation": {"files_exist": ["deployed"]}}),
    ];
    (done, steps.iter().map(|step| format!("  - {step}\n")).collect())
}

#[test]
fn a_run_whose_base_has_moved_is_replayed_there_and_what_was_judged_is_pushed() {
    let scene = Scene::new(PUSH, "");
    let (done, steps) = deploying(scene.repo.dir());
    scene.repo.plan_with(PUSH, &steps);
    scene.repo.git(["push", "-q", "origin", "main"]);
    scene.restless(1);
    let ran = scene.repo.run().exits(0);
    ran.says("by now: run").says("replayed on").says("push     done");
    assert_eq!(fs::read_to_string(done).unwrap(), "once\n");
    let tip = scene.there("git rev-parse main");
    assert_eq!(scene.pushed("~2"), tip);
    // What is done again sees the base of now.
    assert!(scene.there(&format!("git show {}:listed", scene.repo.branch())).contains("moved-1"));
    let told = scene.there(&format!("git log -1 --format='%s|%an|%cn' {}~1", scene.repo.branch()));
    assert_eq!(told, "Deploy it|Somebody|autopilot");
    let [rebased] = &scene.repo.events_of("publish.rebased")[..] else { panic!("{:?}", scene.after_head()) };
    assert_eq!(
        (&rebased["onto"], &rebased["held"], &rebased["round"]),
        (&json!(tip), &json!(true), &json!(1))
    );
    let commits = rebased["commits"].as_array().unwrap();
    assert_eq!(
        commits.iter().map(|made| made["step"].as_str().unwrap()).collect::<Vec<_>>(),
        ["deploy", "count"]
    );
    assert_eq!(commits[1]["commit"], json!(scene.pushed("")));
    assert_eq!(commits[1]["tree"], json!(scene.pushed("^{tree}")));
    // The local result stands where it was made.
    let local = scene.repo.git(["rev-parse", &scene.repo.branch()]);
    assert_eq!((&rebased["result"], local != scene.pushed("")), (&json!(local), true));
    assert_eq!(scene.repo.left_in_state(), [""; 0]);
    scene.audits();
    scene.repo.autopilot(["publish"]).exits(0).says("nothing is left to publish");
    scene.repo.autopilot(["publish", "7"]).exits(0).says("nothing is left to publish");
}

#[test]
fn a_base_that_does_not_stand_still_is_followed_five_times_and_made_up_for_later() {
    let scene = Scene::new(PUSH, "  - {id: a, command: 'echo a > a'}\n");
    scene.restless(1000);
    scene.repo.run().exits(0).says("push     not published: main moved 5 times").says("autopilot publish");
    scene.is_not_pushed("moved 5 times");
    let rounds: Vec<Value> =
        scene.repo.events_of("publish.rebased").iter().map(|own| own["round"].clone()).collect();
    assert_eq!(rounds, [1, 2, 3, 4, 5].map(|round| json!(round)));
    scene.audits();
    // It is followed for as long as it takes it to rest.
    scene.restless(2);
    scene.repo.autopilot(["publish"]).exits(0).says("push     done");
    assert_eq!(scene.pushed("~1"), scene.there("git rev-parse main"));
    scene.audits();
}

#[test]
fn what_does_not_hold_on_the_base_of_now_is_not_pushed() {
    let edit = "  - {id: edit, command: 'sed -i s/two/TWO/ lib', outside: true}\n";
    let check = "  - {id: check, command: 'grep -q one lib'}\n";
    let judged =
        "  - {id: judged, command: 'ls > seen', expectation: {output_excludes: [x], files_absent: [new]}}\n";
    let cases: [(&str, &str, &str, &str); 4] = [
        (edit, "lib", "one\nzwei\nthree", "step `edit`, result"),
        (check, "lib", "zero", "step `check`, result: recorded passed, there failed: exit 1"),
        (judged, "new", "x", "step `judged`, result"),
        ("  - {id: a, command: 'echo same > same'}\n", "same", "same", "nothing is left of the run"),
    ];
    for (steps, file, text, why) in cases {
        let steps = if steps == check {
            format!("{steps}  - {{id: b, command: 'echo b > b'}}\n")
        } else {
            steps.to_owned()
        };
        let scene = Scene::new(PUSH, &steps);
        scene.repo.autopilot(["run", "--no-publish", "7"]).exits(0);
        scene.add(file, text);
        scene.repo.autopilot(["publish", "7"]).exits(1).says("push     not published: main is at ").says(why);
        scene.is_not_pushed(why);
        assert_eq!(scene.repo.left_in_state(), [""; 0]);
        scene.audits();
    }
}

#[test]
fn a_run_whose_base_has_commits_that_the_remote_lacks_takes_none_of_them_along() {
    for branch in ["main", "side"] {
        let scene = Scene::new(PUSH, "  - {id: a, command: 'echo a > a'}\n");
        if branch != "main" {
            scene.repo.git(["switch", "-q", "-c", branch]);
        }
        scene.repo.commit_file("private", "x\n");
        let commit = scene.repo.git(["rev-parse", "--short=10", "HEAD"]);
        let ran = scene.repo.run().exits(0);
        ran.says(&format!("push     not published: {branch} has a commit that origin lacks ({commit})"))
            .says(&format!("push them first: git push origin {branch}"));
        assert_eq!(scene.after_head().pop().unwrap()["kind"], "unpushed");
        assert_eq!(scene.on_remote(), ["refs/heads/main"]);
        scene.audits();
        scene.repo.git(["push", "-q", "origin", branch]);
        scene.repo.autopilot(["publish"]).exits(0).says("push     done");
        scene.audits();
    }
    let scene = Scene::new(
        "publish: {comment: false, push: true, rebase: never}",
        "  - {id: a, command: 'echo a > a'}\n",
    );
    scene.repo.commit_file("own", "x\n");
    scene.add("moved", "x");
    scene.repo.run().exits(0).says("takes along 1 of the base's commits").says("push     done");
    assert_eq!(scene.repo.events_of("publish.started")[0]["along"], 1);
    assert_eq!(scene.repo.events_of("publish.rebased"), [json!(null); 0]);
    scene.audits();
}

#[test]
fn a_record_that_asks_for_a_network_is_replayed_later_only_if_it_is_trusted() {
    let steps = "  - {id: fetch, command: 'echo a > a', network: {allow: [a.example.org]}, outside: false}\n";
    let scene = Scene::new(PUSH, steps);
    scene.repo.autopilot(["run", "--no-publish", "7"]).exits(0);
    scene.add("moved", "x");
    scene.repo.autopilot(["publish", "7"]).exits(1).says("cannot be replayed there").says("--trust");
    scene.is_not_pushed("reaches no network unless it is trusted");
    scene.repo.autopilot(["publish", "--trust", "7"]).exits(0).says("push     done");
    assert_eq!(scene.pushed("~1"), scene.there("git rev-parse main"));
    // Of its own record a run needs no word: it has just run by that plan.
    let scene = Scene::new(PUSH, steps);
    scene.restless(1);
    scene.repo.run().exits(0).says("push     done");
    assert_eq!(scene.pushed("~1"), scene.there("git rev-parse main"));
}

#[test]
fn the_base_is_met_over_http_as_well() {
    let scene = Scene::new(PUSH, "  - {id: a, command: 'echo a > a'}\n");
    scene.there("git config http.receivepack true");
    let address = http::serve(scene.repo.dir());
    scene.repo.git(["remote", "set-url", "origin", &format!("{address}/bare.git")]);
    let helper = "!f() { echo username=user; echo password=word; }; f";
    scene.repo.git(["config", "credential.helper", helper]);
    scene.repo.autopilot(["run", "--no-publish", "7"]).exits(0);
    let tip = scene.add("moved", "x");
    scene.repo.autopilot(["publish", "7"]).exits(0).says("replayed on").says("push     done");
    assert_eq!(scene.pushed("~1"), tip);
    scene.audits();
}

/// Issues are done side by side while others move the base: nothing is pushed that was not judged on the tip beside which it came.
fn under_a_moving_base(issues: u64, jobs: &str, moves: u32) {
    let scene = Scene::new(PUSH, "  - {id: a, command: 'echo a > a'}\n");
    let top = scene.repo.dir();
    for issue in 1..=issues {
        let steps = format!(
            "  - {{id: a, command: 'echo {issue} > file-{issue}'}}\n  - {{id: b, command: 'ls | sort > list-{issue}'}}\n"
        );
        scene.repo.plan_of(issue, PUSH, &steps);
    }
    scene.repo.commit("plans");
    scene.repo.git(["push", "-q", "origin", "main"]);
    // Nobody moves the base while somebody pushes: so it is known what a push saw.
    let (wrapper, log, lock) = (top.join("receive-pack"), top.join("pushes"), top.join("lock"));
    let (log, lock) = (log.display(), lock.display());
    let script = format!(
        "#!/bin/sh\nuntil mkdir {lock} 2>/dev/null; do sleep 0.02; done\nSEEN=$(git -C {} rev-parse main); export SEEN\n\
         git receive-pack \"$@\"; ended=$?\nrmdir {lock}\nexit $ended\n",
        scene.bare.display()
    );
    write_program(&wrapper, &script);
    scene.repo.git(["config", "remote.origin.receivepack", wrapper.to_str().unwrap()]);
    let hook = format!("#!/bin/sh\nwhile read old new ref; do echo $ref $new $SEEN >> {log}; done\n");
    write_program(&scene.bare.join("hooks/post-receive"), &hook);
    let mut command = scene.repo.command(["run", "--jobs", jobs]);
    command.args((1..=issues).map(|issue| issue.to_string()));
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let held = format!("until mkdir {lock} 2>/dev/null; do sleep 0.02; done");
    for n in 0..moves {
        in_bare(&scene.bare, &format!("{ADD} {held}; add moved-{n} x; rmdir {lock}"));
        std::thread::sleep(std::time::Duration::from_millis(700));
    }
    Ran::of(&child.wait_with_output().unwrap()).exits(0);
    let _ = scene.repo.autopilot(["publish"]).exits(0);
    let pushes = fs::read_to_string(top.join("pushes")).unwrap();
    let pushes: Vec<Vec<&str>> = pushes.lines().map(|line| line.split(' ').collect()).collect();
    let mut landed = BTreeMap::new();
    for journal in scene.repo.evidence("status-") {
        let events = Repo::chain(&journal);
        let branch = format!("refs/heads/{}", events[0]["branch"].as_str().unwrap());
        let own: Vec<&Vec<&str>> = pushes.iter().filter(|push| push[0] == branch).collect();
        let [push] = own[..] else { panic!("{branch} was pushed {} times", own.len()) };
        let of_push = |event: &&Value| {
            event["type"] == "publish.rebased"
                && event["commits"].as_array().unwrap().last().is_some_and(|own| own["commit"] == push[1])
        };
        let rebased = events.iter().rfind(of_push);
        let judged_on = rebased.map_or(&events[0]["commit"], |rebased| &rebased["onto"]);
        assert_eq!(judged_on, push[2], "{branch} was judged on another tip");
        if let Some(rebased) = rebased {
            let tree = in_bare(&scene.bare, &format!("git rev-parse {}^{{tree}}", push[1]));
            assert_eq!(rebased["commits"].as_array().unwrap().last().unwrap()["tree"], json!(tree));
        }
        landed.insert(branch, rebased.is_some());
    }
    assert_eq!(landed.len() as u64, issues);
    assert!(landed.values().any(|rebased| *rebased), "nobody met a base that had moved");
    scene.audits();
}

#[test]
fn nothing_is_pushed_beside_a_tip_on_which_it_was_not_judged() {
    under_a_moving_base(4, "3", 6);
}

#[test]
#[ignore = "needs many minutes"]
fn nothing_is_pushed_beside_a_tip_on_which_it_was_not_judged_by_thirty() {
    under_a_moving_base(30, "8", 30);
}
