//! Evidence that travels: a run's evidence is on the remote behind each step that passed and at its end, and another machine does with it
//! what it does with its own. Real git remotes, over file and HTTP; another machine is a clone with a HOME and a state directory of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::common::github::GitHub;
use crate::common::program::{open_folder, write_program};
use crate::common::{Ran, Repo, http, in_bare, wait_until};

const SENT: &str = "publish: {comment: false, evidence: true}";
const FAILS: &str = "  - {id: a, command: 'echo a > a'}\n  - {id: b, command: 'echo b > b; echo loud'}\n  - {id: c, command: 'echo left > c; exit 3'}\n";

/// A repository, and a remote.
struct Scene {
    repo: Repo,
    bare: PathBuf,
}

impl Scene {
    fn new(steps: &str) -> Self {
        let repo = Repo::new();
        repo.plan_with(SENT, steps);
        let bare = repo.add_remote();
        Self { repo, bare }
    }

    /// Runs a script where the remote is.
    fn there(&self, script: &str) -> String {
        there(&self.bare, script)
    }

    /// A clone on another machine.
    fn elsewhere(&self) -> Repo {
        let other = Repo::cloned(&self.bare).unwrap();
        other.git(["remote", "set-url", "origin", &format!("file://{}", self.bare.display())]);
        other
    }

    fn run_name(&self) -> String {
        self.repo.run_names().pop().unwrap()
    }

    fn reference(&self) -> String {
        format!("refs/autopilot/evidence/{}", self.run_name())
    }

    /// Names of the files there.
    fn files(&self) -> Vec<String> {
        let run = self.run_name();
        let listed = self.there(&format!("git ls-tree --name-only {}", self.reference()));
        listed.lines().map(|name| name.replace(&run, "RUN")).collect()
    }

    /// Everything that any object there holds.
    fn bytes_there(&self) -> Vec<u8> {
        let script = "git cat-file --batch-all-objects --batch";
        Command::new("sh").args(["-euc", script]).current_dir(&self.bare).output().unwrap().stdout
    }

    fn sent(&self) -> Vec<Value> {
        self.repo.events_of("publish.evidence")
    }
}

/// Runs a script where the remote is, which may make commits there.
fn there(bare: &Path, script: &str) -> String {
    let who = ["AUTHOR", "COMMITTER"].map(|who| format!("GIT_{who}_NAME=x GIT_{who}_EMAIL=x@example.org"));
    in_bare(bare, &format!("export {}; {script}", who.join(" ")))
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|part| part == text.as_bytes())
}

/// What another machine does with a run that failed at its third step.
fn is_as_good_elsewhere(scene: &Scene, other: &Repo) {
    let run = scene.run_name();
    let before = other.fingerprint();
    let said = format!("run {run} is not on this machine: this is its evidence as origin has it");
    other.autopilot(["status", "7"]).exits(0).says(&said).says("failed").says("autopilot logs 7 --failed");
    other.autopilot(["audit", "7"]).exits(0).says(&said).says("AUDIT PASS").says("of origin");
    other.autopilot(["audit", &run]).exits(0).says("AUDIT PASS");
    other.autopilot(["logs", "7"]).exits(0).says("loud").says(&said);
    other.autopilot(["logs", &run, "--step", "b"]).exits(0).says("loud").hides("step c");
    other.autopilot(["replay", &run]).exits(0).says("same verdicts, same files");
    assert_eq!(other.fingerprint(), before, "looking leaves nothing");
    assert_eq!(other.left_in_state(), [""; 0]);
    other.autopilot(["view", "7"]).exits(0).says(&format!(".ai/logs/view/{run}.html"));
    let page = other.read(format!(".ai/logs/view/{run}.html"));
    assert!(page.contains("audit PASS"), "the page audits what was fetched");
    let place = other.dir().join("work");
    let checked_out = other.autopilot(["checkout", &run, place.to_str().unwrap()]);
    checked_out.exits(0).says(&said).says("what c-1 of run");
    let found = ["a", "b", "c"].map(|name| fs::read_to_string(place.join(name)).unwrap());
    assert_eq!(found, ["a\n", "b\n", "left\n"]);
    assert_eq!(other.run_names(), [""; 0], "it did not become a run of that machine");
}

#[test]
fn another_machine_does_with_a_run_what_it_does_with_its_own() {
    let scene = Scene::new(FAILS);
    scene.repo.run().exits(1).says("evidence done");
    let (sent, run) = (scene.sent(), scene.run_name());
    assert_eq!(sent.len(), 3, "behind two steps, and at the end: {sent:?}");
    for event in &sent {
        assert_eq!((&event["to"], &event["why"]), (&json!("origin"), &Value::Null));
        assert_eq!((&event["reference"], &event["left_out"]), (&json!(scene.reference()), &json!([])));
    }
    assert_eq!(
        scene.files(),
        [
            "FAILED-RUN.log",
            "autopilot-RUN.log",
            "checkpoints-RUN.bundle",
            "provenance-RUN.json",
            "salvage-RUN.bundle",
            "status-RUN.log",
            "summary-RUN.md"
        ]
    );
    // The journal there has all that the one here has, and the result is on it: anybody with git sees both.
    let journal = scene.there(&format!("git show {}:status-{run}.log", scene.reference()));
    assert_eq!(journal, scene.repo.read(format!(".ai/logs/autopilot/status-{run}.log")).trim());
    assert_eq!(scene.there(&format!("git show {}^:b", scene.reference())), "b");
    assert_eq!(scene.there("git for-each-ref --format='%(refname)' refs/heads"), "refs/heads/main");
    scene.repo.autopilot(["audit", "--all"]).exits(0).says("AUDIT PASS");
    scene.repo.autopilot(["publish"]).exits(0).says("nothing is left to publish");
    is_as_good_elsewhere(&scene, &scene.elsewhere());
}

#[test]
fn a_remote_over_http_is_as_good_and_no_step_reaches_its_password() {
    let reach = "git config --get credential.helper && exit 9; git ls-remote origin && exit 9; cat ~/.git-credentials && exit 9; echo b > b; echo loud";
    let steps = FAILS.replace("echo b > b; echo loud", reach);
    let scene = Scene::new(&steps);
    scene.there("git config http.receivepack true");
    let address = http::serve(scene.repo.dir());
    let helper = "!f() { echo username=user; echo password=word; }; f";
    let of_clone = |repo: &Repo| {
        repo.git(["remote", "set-url", "origin", &format!("{address}/bare.git")]);
        repo.git(["config", "credential.helper", helper]);
    };
    of_clone(&scene.repo);
    scene.repo.run().exits(1).says("evidence done");
    assert_eq!(scene.repo.steps(), ["a:passed", "b:passed", "c:failed"]);
    let other = scene.elsewhere();
    of_clone(&other);
    is_as_good_elsewhere(&scene, &other);
    // A remote that does not answer is no run, and said.
    other.git(["remote", "set-url", "origin", "http://127.0.0.1:1/bare.git"]);
    other.autopilot(["logs", "7"]).exits(2).says("origin could not be asked for its evidence");
    other.autopilot(["run", "7", "--resume"]).exits(2).says("origin could not be asked");
    assert_eq!(other.run_names(), [""; 0]);
}

/// A run whose first two steps have passed, and whose third waits.
fn waiting(scene: &Scene) -> (PathBuf, std::process::Child) {
    let gate = scene.repo.dir().join("gate");
    fs::create_dir(&gate).unwrap();
    open_folder(&gate, 0o777);
    let steps = format!(
        "  - {{id: a, command: 'echo a > a; echo once >> {0}/done', filesystem: {{write: [{0}]}}, outside: true}}\n  - {{id: b, command: 'true'}}\n  - {{id: c, command: 'echo half > c; test -e {0}/go || touch {0}/there; while test ! -e {0}/go; do sleep 0.05; done', filesystem: {{write: [{0}]}}, outside: false}}\n",
        gate.display()
    );
    scene.repo.plan_with(SENT, &steps);
    scene.repo.git(["push", "-q", "origin", "main"]);
    let child = scene.repo.start(["7"]);
    wait_until(|| gate.join("there").exists());
    (gate, child)
}

#[test]
fn a_run_whose_machine_is_gone_goes_on_elsewhere() {
    let scene = Scene::new(FAILS);
    let (gate, mut child) = waiting(&scene);
    assert_eq!(scene.sent().len(), 2, "while it runs");
    let run = scene.run_name();
    let other = scene.elsewhere();
    let running = other.autopilot(["status", "7"]).exits(0);
    running.says("unknown").says("has no end: it runs there, or its runner is gone").says("--resume");
    other.autopilot(["checkout", "7"]).says("has no end yet");
    scene.repo.kill(&mut child);
    fs::write(gate.join("go"), "").unwrap();
    let ran = other.autopilot(["run", "7", "--resume"]).exits(0);
    ran.says(&format!("run {run} of ")).says("is one of this machine now").says("2 of 3 steps have passed");
    assert_eq!(other.run_names(), std::slice::from_ref(&run));
    assert_eq!(fs::read_to_string(gate.join("done")).unwrap(), "once\n", "what had passed is not done again");
    assert_eq!((other.on_branch("a"), other.on_branch("c")), ("a".to_owned(), "half".to_owned()));
    let kinds: Vec<Value> = other.events().iter().map(|event| event["type"].clone()).collect();
    assert!(kinds.contains(&json!("resumed")), "{kinds:?}");
    other.autopilot(["audit", "--all"]).exits(0).says("AUDIT PASS");
    assert_eq!(other.left_in_state(), [""; 0]);
    assert_eq!(other.git(["for-each-ref", "refs/autopilot"]), "");
    // A third machine sees what it came to; the first, where it comes back, writes nothing over that.
    let third = scene.elsewhere();
    third.autopilot(["audit", "7"]).exits(0).says("AUDIT PASS").says("(done)");
    let reached = scene.there(&format!("git rev-parse {}", scene.reference()));
    scene.repo.autopilot(["clean"]);
    scene.repo.autopilot(["publish", "7"]).says("is not from here");
    assert_eq!(scene.there(&format!("git rev-parse {}", scene.reference())), reached);
    // What is over is told again, and not done again.
    third.autopilot(["run", "7", "--resume"]).exits(0).says("done");
    assert_eq!(fs::read_to_string(gate.join("done")).unwrap(), "once\n");
    assert_eq!(third.run_names(), [run]);
}

#[test]
fn a_run_goes_on_elsewhere_with_the_plan_of_there_alone() {
    let scene = Scene::new(FAILS);
    let (gate, mut child) = waiting(&scene);
    scene.repo.kill(&mut child);
    fs::write(gate.join("go"), "").unwrap();
    let other = scene.elsewhere();
    let plan = other.read(".ai/plans/7/Autopilot.yaml").replace("echo half > c", "echo whole > c");
    other.file(".ai/plans/7/Autopilot.yaml", &plan);
    let ran = other.autopilot(["run", "7", "--resume"]);
    assert_ne!(ran.code, 0);
    ran.says("the plan was changed since");
    assert_eq!((other.run_names(), other.git(["for-each-ref", "refs/autopilot"])), (vec![], String::new()));
    other.autopilot(["publish", "7"]).says("has no end yet");
    assert_eq!(other.run_names(), [""; 0]);
    // Engines begin a new one. What it writes outside is another user's by then.
    fs::remove_file(gate.join("done")).unwrap();
    let anew = other.autopilot(["run", "7", "--resume-or-new"]).exits(0);
    anew.says("the plan was changed since").says("a new run of issue 7 begins");
    assert_eq!(other.run_names().len(), 1);
}

/// A step that writes what looks like a secret, and whose plan does not.
fn leaking(id: &str, file: &str) -> String {
    let words = "p=ghp; q=x7Kq2ZpL9vRtW4sYb; r=N8mC1dF6gH3jQ5aE0uI; echo ${p}_$q$r";
    format!("  - id: {id}\n    command: |\n      {words} > {file}\n")
}

#[test]
fn what_looks_like_a_secret_stays_on_the_machine() {
    let token = "ghp_x7Kq2ZpL9vRtW4sYbN8mC1dF6gH3jQ5aE0uI"; // No secret of anybody.
    let steps = format!(
        "  - {{id: a, command: 'echo a > a'}}\n{}  - {{id: c, command: 'echo loud; exit 3'}}\n",
        leaking("b", "config")
    );
    let scene = Scene::new(&steps);
    scene.repo.run().exits(1).says("left out: commits: the commits hold what looks like a secret");
    let there = scene.bytes_there();
    assert!(holds(&there, "loud") && !holds(&there, token), "what is there holds the secret");
    assert!(!scene.files().iter().any(|name| name.ends_with(".bundle")), "{:?}", scene.files());
    let sent = scene.sent();
    assert_eq!(sent[0]["left_out"], json!([]), "before the step that wrote it");
    for event in &sent[1..] {
        let left_out = event["left_out"].to_string();
        assert!(left_out.contains("config:1") && !left_out.contains(token), "{left_out}");
    }
    scene.repo.autopilot(["audit", "--all"]).exits(0);
    let other = scene.elsewhere();
    other.autopilot(["logs", "7"]).exits(0).says("loud");
    other.autopilot(["replay", "7"]).exits(3).says("neither in a bundle");
}

#[test]
fn what_a_step_has_masked_after_it_was_printed_does_not_go_out_either() {
    let words = "v=$(printf Zq8v; printf Lm2Rt5Wx); echo it is $v here; echo a > a; echo ::add-mask::$v";
    let scene = Scene::new(&format!("  - id: a\n    command: |\n      {words}\n"));
    scene.repo.run().exits(0).says("left out: autopilot-").says("looks like a secret");
    assert!(scene.repo.log().contains("Zq8vLm2Rt5Wx"), "it was printed before anybody knew");
    assert!(!holds(&scene.bytes_there(), "Zq8vLm2Rt5Wx"));
    assert!(!scene.files().contains(&"autopilot-RUN.log".to_owned()), "{:?}", scene.files());
}

#[test]
fn what_was_salvaged_goes_only_if_nothing_in_it_looks_like_a_secret() {
    let steps = format!("  - {{id: a, command: 'echo a > a'}}\n{}      exit 3\n", leaking("c", "left"));
    let scene = Scene::new(&steps);
    scene.repo.run().exits(1).says("left out: salvage-");
    assert!(!scene.files().contains(&"salvage-RUN.bundle".to_owned()), "{:?}", scene.files());
    assert!(scene.files().contains(&"checkpoints-RUN.bundle".to_owned()), "{:?}", scene.files());
}

#[test]
fn what_is_too_large_stays_and_is_said() {
    let print = "yes 0123456789abcdef0123456789abcdef0123456789abcdef | head -c 34000000";
    let scene = Scene::new(&format!("  - {{id: a, command: '{print}; echo a > a'}}\n"));
    scene
        .repo
        .run()
        .exits(0)
        .says("left out: autopilot-")
        .says("33 MiB; a file may have 32, and all together 64");
    assert!(!scene.files().contains(&"autopilot-RUN.log".to_owned()), "{:?}", scene.files());
    let other = scene.elsewhere();
    other.autopilot(["status", "7"]).exits(0).says("done");
    other.autopilot(["audit", "7"]).exits(4).says("AUDIT FAIL").says("autopilot-");
    other.autopilot(["replay", "7"]).exits(0).says("same verdicts");
}

#[test]
fn a_remote_that_refuses_is_no_failure_and_said_and_tried_again() {
    let scene = Scene::new("  - {id: a, command: 'echo a > a'}\n  - {id: b, command: 'echo b > b'}\n");
    let hook = scene.bare.join("hooks/pre-receive");
    write_program(&hook, "#!/bin/sh\necho not today >&2\nexit 1\n");
    let ran = scene.repo.run().exits(0);
    ran.says("evidence not sent: git push:")
        .says("tried again later")
        .says("evidence not published: git push:");
    let sent = scene.sent();
    assert_eq!(sent.len(), 2, "{sent:?}");
    assert!(sent.iter().all(|event| event["commit"].is_null() && event["why"].is_string()), "{sent:?}");
    assert_eq!(scene.there("git for-each-ref refs/autopilot"), "");
    scene.repo.autopilot(["audit", "--all"]).exits(0).says("AUDIT PASS");
    scene.repo.autopilot(["status"]).exits(0).says("autopilot publish");
    fs::remove_file(hook).unwrap();
    scene.repo.autopilot(["publish"]).exits(0).says("evidence done");
    scene.repo.autopilot(["audit", "--all"]).exits(0).says("AUDIT PASS");
    scene.elsewhere().autopilot(["audit", "7"]).exits(0).says("AUDIT PASS");
    // Without a remote, too.
    let repo = Repo::new();
    repo.plan_with(SENT, "  - {id: a, command: 'echo a > a'}\n");
    repo.run().exits(0).says("there is no remote to push to");
    repo.autopilot(["audit", "--all"]).exits(0).says("AUDIT PASS");
}

/// What a run could not push, another machine does: once it was told to trust what the remote says of it.
#[test]
fn what_another_machine_left_is_published_where_that_is_trusted() {
    let scene = Scene::new("");
    let asked = "publish: {comment: false, push: true, evidence: true}";
    scene.repo.plan_with(asked, "  - {id: a, command: 'echo a > a'}\n");
    scene.repo.git(["push", "-q", "origin", "main"]);
    let hook = scene.bare.join("hooks/update");
    write_program(&hook, "#!/bin/sh\ncase $1 in refs/heads/*) echo not today >&2; exit 1;; esac\n");
    scene.repo.run().exits(0).says("push     not published").says("evidence done");
    fs::remove_file(hook).unwrap();
    let (run, other) = (scene.run_name(), scene.elsewhere());
    let before = other.fingerprint();
    let refused = other.autopilot(["publish", "7"]).exits(2);
    refused.says("is not of this machine").says(&format!("autopilot publish --trust {run}"));
    assert_eq!((other.fingerprint(), other.run_names()), (before, vec![]));
    assert_eq!(scene.there("git for-each-ref refs/heads/autopilot"), "");
    other
        .autopilot(["publish", "--trust", "7"])
        .exits(0)
        .says("is one of this machine now")
        .says("push     done");
    assert_eq!(scene.there(&format!("git show {}:a", scene.repo.branch())), "a");
    other.autopilot(["audit", "7"]).exits(0).says("AUDIT PASS");
    other.autopilot(["publish", "7"]).exits(0).says("nothing is left to publish");
}

#[test]
fn nothing_goes_out_that_nobody_asked_for() {
    let scene = Scene::new("  - {id: a, command: 'echo a > a'}\n");
    scene.repo.autopilot(["run", "--no-publish", "7"]).exits(0);
    assert_eq!((scene.there("git for-each-ref refs/autopilot"), scene.sent().len()), (String::new(), 0));
    // A base that the remote lacks stays as well.
    scene.repo.commit_file("own", "zulu-98431\n");
    scene.repo.run().exits(0).says("left out: commits: main has some that origin lacks");
    assert!(!holds(&scene.bytes_there(), "zulu-98431"), "a commit of the base went along");
    assert!(scene.files().contains(&"status-RUN.log".to_owned()), "{:?}", scene.files());
}

#[test]
#[ignore = "needs gh"]
fn a_comment_names_what_its_reader_can_reach() {
    for evidence in [true, false] {
        let scene = Scene::new("  - {id: none, command: 'true'}\n");
        scene.repo.plan_with(&format!("publish: {{comment: true, evidence: {evidence}}}"), FAILS);
        scene.repo.git(["push", "-q", "origin", "main"]);
        let github = GitHub::start();
        let ran = Ran::of(&scene.repo.command(["7"]).envs(github.variables()).output().unwrap());
        ran.exits(1).says("comment  https://");
        let [comment] = &github.comments(7)[..] else { panic!("{:?}", github.comments(7)) };
        let (body, fetch) = (&comment.body, format!("git fetch origin {}", scene.reference()));
        let top = scene.repo.top().display().to_string();
        assert_eq!((body.contains(&fetch), body.contains(".bundle")), (evidence, !evidence), "{body}");
        assert_eq!(body.contains(&top), !evidence, "{body}");
        let online =
            Ran::of(&scene.repo.command(["audit", "--online"]).envs(github.variables()).output().unwrap());
        online.exits(0).says("AUDIT PASS");
        if evidence {
            // The reader does what it says; and sees that the comment is there, which came later.
            let other = scene.elsewhere();
            other.git(fetch.split(' ').skip(1));
            other.autopilot(["checkout", &scene.run_name()]).exits(0);
            other.autopilot(["logs", &scene.run_name(), "--failed"]).exits(0).says("step c");
            other.autopilot(["status", "7"]).exits(0).hides("autopilot publish");
        }
    }
}

/// Makes something of the evidence on the remote that autopilot never makes: by a script that is told the run, the tree and the commit.
fn forged(scene: &Scene, script: &str) {
    let (run, reference) = (scene.run_name(), scene.reference());
    scene.there(&format!(
        "run={run} ref={reference}; tree=$(git rev-parse $ref^{{tree}}); parent=$(git rev-parse $ref^)
         tree() {{ {{ git ls-tree $tree | grep -v \"$1\"; cat; }} | git mktree --missing; }}
         commit() {{ git update-ref $ref $(git commit-tree -p $parent -m x \"$1\"); }}
         {script}"
    ));
}

#[test]
fn evidence_that_autopilot_never_made_is_refused_and_leaves_nothing() {
    let blob = "blob=$(echo x | git hash-object -w --stdin)";
    let cases: [(&str, String, &str); 15] = [
        ("a link", format!("{blob}; commit $(printf '120000 blob %s\\tsummary-%s.md\\n' $blob $run | tree summary-)"), "a link"),
        ("a submodule", "commit $(printf '160000 commit %s\\tsummary-%s.md\\n' $parent $run | tree summary-)".into(), "a submodule"),
        ("a program", format!("{blob}; commit $(printf '100755 blob %s\\tsummary-%s.md\\n' $blob $run | tree summary-)"), "a program"),
        ("a folder", "commit $(printf '040000 tree %s\\tsummary-%s.md\\n' $tree $run | tree summary-)".into(), "a folder"),
        ("another name", format!("{blob}; commit $(printf '100644 blob %s\\tmore\\n' $blob | tree none)"), "`more`, which is no file of that run"),
        ("attributes", format!("{blob}; commit $(printf '100644 blob %s\\t.gitattributes\\n' $blob | tree none)"), "no file of that run"),
        ("git's own name", format!("{blob}; commit $(printf '100644 blob %s\\t.git\\n' $blob | tree none)"), "was not taken"),
        ("a way out", format!("{blob}; commit $(printf '100644 blob %s\\t..\\n' $blob | tree none)"), "was not taken"),
        ("no journal", "commit $(: | tree status-)".into(), "holds no status-"),
        ("a large file", "blob=$(head -c 34000000 /dev/zero | git hash-object -w --stdin); commit $(printf '100644 blob %s\\tsummary-%s.md\\n' $blob $run | tree summary-)".into(), "more than is ever sent"),
        ("many files", format!("{blob}; commit $(for n in $(seq 1 900); do printf '100644 blob %s\\tx%s\\n' $blob $n; done | tree none)"), "more files than any run has"),
        ("a tag", "git -c user.name=x -c user.email=x@x tag -a -m x t $ref; git update-ref $ref $(git rev-parse t); git update-ref -d refs/tags/t".into(), "is a tag, not a commit"),
        ("a blob", format!("{blob}; git update-ref $ref $blob"), "is a blob, not a commit"),
        ("two parents", "git update-ref $ref $(git commit-tree -p $parent -p main -m x $tree)".into(), "stands on several commits"),
        ("another run's journal", "old=$(git show $ref:status-$run.log | sed \"s/$run/20200101T000000Z-7/g\" | git hash-object -w --stdin); commit $(printf '100644 blob %s\\tstatus-%s.log\\n' $old $run | tree status-)".into(), "the journal of"),
    ];
    let scene = Scene::new(FAILS);
    scene.repo.run().exits(1);
    let good = scene.there(&format!("git rev-parse {}", scene.reference()));
    let other = scene.elsewhere();
    let before = other.fingerprint();
    for (what, script, said) in cases {
        forged(&scene, &script);
        for verb in [
            &["logs", "7"][..],
            &["checkout", "7"],
            &["replay", "7"],
            &["view", "7"],
            &["publish", "--trust", "7"],
            &["run", "7", "--resume"],
            &["status", "7"],
        ] {
            let ran = other.autopilot(verb);
            assert_ne!(ran.code, 0, "{what}, {verb:?}: {ran:?}");
            assert!(ran.stderr.contains(said), "{what}, {verb:?}: {}", ran.stderr);
        }
        assert_ne!(other.autopilot(["audit", "7"]).code, 0, "{what}");
        assert_eq!(other.fingerprint(), before, "{what}");
        assert_eq!((other.run_names(), other.left_in_state()), (vec![], vec![]), "{what}");
        scene.there(&format!("git update-ref {} {good}", scene.reference()));
    }
    other.autopilot(["audit", "7"]).exits(0).says("AUDIT PASS");
}

/// Writes the journal on the remote again, with a chain that fits, and each line as `change` has it.
fn written_again(scene: &Scene, change: impl Fn(&mut Value)) {
    let run = scene.run_name();
    let text = scene.there(&format!("git show {}:status-{run}.log", scene.reference()));
    let (mut prev, mut again) = ("0".repeat(64), String::new());
    for line in text.lines() {
        // As it is spelled: members in their order.
        let mut value: Value = serde_json::from_str(line).unwrap();
        change(&mut value["event"]);
        value["prev"] = json!(prev);
        let line = serde_json::to_string(&value).unwrap();
        prev = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(line.as_bytes()));
        again.push_str(&line);
        again.push('\n');
    }
    let file = scene.repo.dir().join("journal");
    fs::write(&file, again).unwrap();
    let script = format!(
        "new=$(git hash-object -w {}); commit $(printf '100644 blob %s\\tstatus-%s.log\\n' $new $run | tree status-)",
        file.display()
    );
    forged(scene, &script);
}

#[test]
fn a_journal_that_says_what_is_not_is_found_out() {
    let scene = Scene::new(FAILS);
    scene.repo.run().exits(1);
    let good = scene.there(&format!("git rev-parse {}", scene.reference()));
    let other = scene.elsewhere();
    let before = other.fingerprint();
    // The result would be the user's own branch.
    written_again(&scene, |event| {
        if event["type"] == "branch.made" {
            event["reference"] = json!("refs/heads/main");
        }
    });
    other.autopilot(["audit", "7"]).exits(4).says("AUDIT FAIL");
    assert_ne!(other.autopilot(["checkout", "7"]).code, 0);
    assert_ne!(other.autopilot(["publish", "--trust", "7"]).code, 0);
    assert_eq!(other.fingerprint(), before);
    // A checkpoint that is none: what goes on would stand on somebody's commit.
    scene.there(&format!("git update-ref {} {good}", scene.reference()));
    let main = scene.there("git rev-parse main");
    written_again(&scene, |event| {
        if event["type"] == "checkpoint.made" {
            event["commit"] = json!(main);
        }
    });
    for verb in
        [&["replay", "7"][..], &["run", "7", "--resume"], &["publish", "--trust", "7"], &["audit", "7"]]
    {
        assert_ne!(other.autopilot(verb).code, 0, "{verb:?}");
    }
    assert_eq!((other.fingerprint(), other.run_names()), (before, vec![]));
    // Nor does its own machine write over what it does not know.
    scene.repo.autopilot(["publish", "7"]).exits(0);
    scene.there(&format!("git update-ref {} main", scene.reference()));
    scene.repo.autopilot(["run", "7", "--resume"]);
}
