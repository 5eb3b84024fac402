//! A branch that is pushed to a fork is judged on the base of the repository in which its pull request is opened. Real git remotes over
//! a stand-in for ssh, the real `gh` against a GitHub in memory.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::json;

use crate::common::github::GitHub;
use crate::common::program::write_program;
use crate::common::{Ran, Repo, in_bare};

const DRAFT: &str = "publish: {comment: false, pull_request: draft}";
const STEPS: &str = "  - {id: a, command: 'ls > seen'}\n";

/// A clone of a fork, and the repository that this is a fork of.
struct Scene {
    repo: Repo,
    github: GitHub,
    upstream: PathBuf,
    fork: PathBuf,
}

impl Scene {
    fn new(publish: &str) -> Self {
        let (repo, github) = (Repo::new(), GitHub::start());
        repo.plan_with(publish, STEPS);
        let root = repo.dir().join("hosted");
        let [upstream, fork] = ["Acme/widgets.git", "me/widgets.git"].map(|name| root.join(name));
        for bare in [&upstream, &fork] {
            fs::create_dir_all(bare).unwrap();
            in_bare(bare, "git init -q --bare -b main .");
            repo.git(["push", "-q", bare.to_str().unwrap(), "main"]);
        }
        let ssh = repo.dir().join("ssh");
        write_program(
            &ssh,
            &format!("#!/bin/sh\nfor last; do :; done\ncd {} && eval \"exec $last\"\n", root.display()),
        );
        repo.git(["config", "core.sshCommand", ssh.to_str().unwrap()]);
        repo.git(["remote", "add", "fork", "git@github.com:me/widgets.git"]);
        repo.git(["remote", "add", "upstream", "git@github.com:Acme/widgets.git"]);
        repo.git(["config", "remote.pushDefault", "fork"]);
        Self { repo, github, upstream, fork }
    }

    fn autopilot(&self, args: &[&str]) -> Ran {
        let mut command: Command = self.repo.command(args);
        Ran::of(&command.envs(self.github.variables()).output().unwrap())
    }

    /// Somebody else adds a file to the base of the repository that it is a fork of.
    fn moves(&self, name: &str) -> String {
        let script = format!(
            "tree=$({{ git ls-tree main; printf '100644 blob %s\\t%s\\n' $(echo x | git hash-object -w --stdin) {name}; }} | git mktree)
             git update-ref refs/heads/main $(git -c user.name=O -c user.email=o@example.org commit-tree $tree -p main -m {name})
             git rev-parse main"
        );
        in_bare(&self.upstream, &script).lines().last().unwrap().to_owned()
    }

    fn on_fork(&self, what: &str) -> String {
        in_bare(&self.fork, &format!("git rev-parse '{}{what}'", self.repo.branch()))
    }
}

#[test]
#[ignore = "needs gh"]
fn the_base_is_the_one_that_the_pull_request_is_for() {
    let scene = Scene::new(DRAFT);
    let old = in_bare(&scene.fork, "git rev-parse main");
    let tip = scene.moves("moved");
    scene
        .autopilot(&["7"])
        .exits(0)
        .says("replayed on")
        .says("pull     https://github.com/acme/widgets/pull/100");
    assert_eq!(scene.on_fork("~1"), tip);
    assert_eq!(in_bare(&scene.fork, "git rev-parse main"), old, "nothing else of the fork is touched");
    let there = in_bare(&scene.upstream, "git for-each-ref --format='%(refname)'");
    assert_eq!(there, "refs/heads/main", "nothing is pushed there");
    assert!(in_bare(&scene.fork, &format!("git show {}:seen", scene.repo.branch())).contains("moved"));
    assert_eq!(scene.repo.events_of("publish.rebased")[0]["onto"], json!(tip));
    assert_eq!(scene.github.pulls()[0]["headRefName"], json!(format!("me:{}", scene.repo.branch())));
    scene.repo.autopilot(["audit", "--all"]).exits(0);
    scene.autopilot(&["publish", "7"]).exits(0).says("nothing is left to publish");
}

#[test]
#[ignore = "needs gh"]
fn a_fork_that_is_behind_takes_along_what_upstream_has_and_nothing_else() {
    let scene = Scene::new(DRAFT);
    scene.moves("newer");
    scene.repo.git(["fetch", "-q", "upstream", "main"]);
    scene.repo.git(["reset", "-q", "--hard", "FETCH_HEAD"]);
    scene.autopilot(&["7"]).exits(0).says("pull     https://github.com/acme/widgets/pull/100");
    assert_eq!(scene.repo.events_of("publish.started")[0]["along"], json!(null));
    assert_eq!(scene.repo.events_of("publish.rebased"), [json!(null); 0]);
    scene.repo.commit_file("private", "x\n");
    scene
        .autopilot(&["7"])
        .says("push     not published: main has a commit that upstream lacks")
        .says("git push upstream main");
}

#[test]
#[ignore = "needs gh"]
fn a_base_that_moves_between_the_question_and_the_push_is_followed() {
    let scene = Scene::new(DRAFT);
    // The base moves behind each of the first two answers of upstream.
    let (ssh, count) = (scene.repo.dir().join("ssh"), scene.repo.dir().join("count"));
    fs::write(&count, "2").unwrap();
    let root = scene.repo.dir().join("hosted");
    let script = format!(
        "#!/bin/sh
for last; do :; done
cd {} && sh -c \"$last\"; ended=$?
case \"$last\" in *Acme*)
  n=$(cat {count}); [ $n = 0 ] || {{
    echo $((n - 1)) > {count}; cd Acme/widgets.git; unset GIT_PROTOCOL
    git update-ref refs/heads/main $(git -c user.name=O -c user.email=o@example.org commit-tree main^{{tree}} -p main -m $n)
  }} >&2;;
esac
exit $ended\n",
        root.display(),
        count = count.display()
    );
    write_program(&ssh, &script);
    scene.autopilot(&["7"]).exits(0).says("push     https://github.com/me/widgets/tree/");
    assert_eq!(scene.on_fork("~1"), in_bare(&scene.upstream, "git rev-parse main"));
    assert!(!scene.repo.events_of("publish.rebased").is_empty());
}

#[test]
#[ignore = "needs gh"]
fn a_base_that_no_remote_has_is_refused_by_name() {
    let scene = Scene::new(DRAFT);
    scene.repo.git(["remote", "remove", "upstream"]);
    scene
        .autopilot(&["7"])
        .says("push     not published: the pull request is for acme/widgets, the push goes to me/widgets")
        .says("git remote add upstream https://github.com/acme/widgets.git");
    assert_eq!(in_bare(&scene.fork, "git for-each-ref --format='%(refname)'"), "refs/heads/main");
    // Whoever does not want it judged, or asks for no pull request, needs no such remote.
    for publish in ["{comment: false, pull_request: draft, rebase: never}", "{comment: false, push: true}"] {
        scene.repo.plan_with(&format!("publish: {publish}"), STEPS);
        scene.repo.git(["push", "-q", "fork", "main"]);
        scene.autopilot(&["7"]).exits(0).says("push     https://github.com/me/widgets/tree/");
    }
}
