//! What flows from step to step beside the result: down from tier to tier, never up; by overlays and by clones.

use std::process::Command;

use serde_json::Value;

use crate::common::layers::How;
use crate::common::{Ran, Repo, wait_until};

/// Runs the plan of issue 7 with layers made like this.
fn run(repo: &Repo, how: How) -> Ran {
    let mut command = repo.command(["-vv", "7"]);
    // What this host has downloaded would be copied where there is no overlay, and is not what is asked about.
    command.env("CARGO_HOME", repo.dir().join("cargo"));
    command.env("DEPLOY_TOKEN", "tok-4711-abcdefgh").env("OTHER_TOKEN", "tok-0815-ijklmnop");
    let ran = Ran::of(&how.of(command, repo).output().unwrap());
    let expected = how.backend();
    assert!(!ran.stderr.contains("backend=") || ran.stderr.contains(expected), "{how:?}: {}", ran.stderr);
    ran
}

/// Start-up files of a HOME: what shells, interpreters, build tools and editors read without being told to.
const START_UP: [&str; 26] = [
    ".bashrc",
    ".bash_profile",
    ".bash_login",
    ".bash_logout",
    ".profile",
    ".zshenv",
    ".zshrc",
    ".config/fish/config.fish",
    ".inputrc",
    ".pythonrc.py",
    ".config/pip/pip.conf",
    ".npmrc",
    ".yarnrc.yml",
    ".node_modules/index.js",
    ".gitconfig",
    ".config/git/config",
    ".config/git/attributes",
    ".cargo/config.toml",
    ".cargo/bin/rustc",
    ".gradle/init.d/init.gradle",
    ".m2/settings.xml",
    ".config/make/defaults",
    ".vimrc",
    ".emacs.d/init.el",
    ".config/direnv/direnvrc",
    ".local/bin/python3",
];

/// What of a step's own git is started or obeyed.
const GIT: [&str; 7] = [
    "hooks/pre-commit",
    "hooks/post-checkout",
    "hooks/post-index-change",
    "config.worktree",
    "info/attributes",
    "modules/sub/hooks/post-checkout",
    "worktrees/other/config.worktree",
];

/// Ignored files that builds run.
const IGNORED: [&str; 6] = [
    "target/debug/build/script",
    "node_modules/.bin/tool",
    ".venv/bin/python",
    ".venv/lib/sitecustomize.py",
    "packages/inner/node_modules/index.js",
    "local.env",
];

/// Plants all of it, so that it says so when it runs.
fn planting() -> String {
    let home = START_UP.iter().map(|path| format!("$HOME/{path}"));
    let git = GIT.iter().map(|path| format!(".git/{path}"));
    let ignored = IGNORED.iter().map(|path| (*path).to_owned());
    let paths: Vec<String> = home.chain(git).chain(ignored).collect();
    format!(
        "git config core.fsmonitor 'touch planted-ran;'; git config alias.st '!touch planted-ran'
      d=$(python3 -c 'import site; print(site.getusersitepackages())'); mkdir -p \"$d\"
      echo 'open(\"planted-ran\", \"w\").write(\"x\")' > \"$d/usercustomize.py\"
      for f in {}; do mkdir -p \"$(dirname \"$f\")\"; printf '#!/bin/sh\\ntouch planted-ran\\n' > \"$f\"; chmod +x \"$f\"; done",
        paths.join(" ")
    )
}

/// Uses what reads such files.
const USE: &str = "python3 -c pass; bash -lc true; bash -ic true </dev/null 2>/dev/null; sh -c true
      git status >/dev/null; git config --get alias.st && exit 11
      git config --get core.fsmonitor && exit 12
      echo new > made; git add made; git commit -qm made; git checkout -q -b other; git checkout -q -
      test -z \"$(find \"$HOME\" -type f 2>/dev/null | head -1)\" || { find \"$HOME\" -type f; exit 13; }
      for f in target node_modules .venv packages/inner/node_modules local.env; do test ! -e $f || exit 14; done
      for f in hooks config.worktree modules worktrees; do test ! -e .git/$f || exit 15; done
      test ! -e planted-ran";

/// What an attempt of a step wrote beside its result: the last one.
fn wrote(repo: &Repo, step: &str) -> Value {
    let ended = repo.events_of("attempt.ended").into_iter().rfind(|event| event["step"] == step);
    ended.expect("an attempt ended")["wrote"].clone()
}

/// The layer that each attempt was given.
fn layers(repo: &Repo) -> Vec<String> {
    let started = repo.events_of("attempt.started").into_iter();
    started
        .map(|event| format!("{} {} {}", event["step"], event["home"], event["layer"]).replace('"', ""))
        .collect()
}

/// A plan, done in every way, and what is to hold of each run.
fn in_all_ways(ways: &[How], steps: &str, holds: impl Fn(How, &Repo, &Ran)) {
    for how in ways {
        let repo = Repo::new();
        repo.commit_file(".gitignore", "target/\nnode_modules/\n.venv/\n*.env\n");
        repo.commit_file("packages/inner/package.json", "{}\n");
        repo.plan(steps);
        let ran = run(&repo, *how);
        assert_eq!(ran.code, 0, "{how:?}: {}\n{}\n{}", ran.stdout, ran.stderr, repo.log());
        holds(*how, &repo, &ran);
        repo.autopilot(["audit"]).exits(0);
    }
}

/// With an allow list a step has a way out; without namespaces there is none.
const WITH_NAMESPACES: [How; 2] = [How::Overlay, How::Clone];

#[test]
fn nothing_that_a_lower_tier_planted_runs_in_a_higher_one() {
    let plant = format!(
        "  - id: plant\n    command: |\n      {}\n    expectation: {{changes: {{max: 0}}}}\n",
        planting()
    );
    let deploy = format!("  - id: deploy\n    secrets: [DEPLOY_TOKEN]\n    command: |\n      {USE}\n");
    in_all_ways(&How::ALL, &format!("{plant}{deploy}"), |how, repo, ran| {
        let wrote = wrote(repo, "plant");
        let ignored = [".venv", "local.env", "node_modules", "packages/inner/node_modules", "target"];
        assert_eq!(sorted(&wrote["ignored"]), ignored, "{how:?}");
        assert!(sorted(&wrote["home"]).contains(&".bashrc".to_owned()), "{how:?}: {wrote}");
        assert_eq!(layers(repo), ["plant offline offline", "deploy secret secret"], "{how:?}");
        let said = "step deploy, tier secret: without .venv, local.env";
        assert!(repo.log().contains(said), "{how:?}: {}\n{}", repo.log(), ran.stdout);
    });
    let fetch =
        format!("  - id: fetch\n    network: {{allow: [registry.example]}}\n    command: |\n      {USE}\n");
    in_all_ways(&WITH_NAMESPACES, &format!("{plant}{fetch}"), |_, _, _| {});
}

fn sorted(texts: &Value) -> Vec<String> {
    let mut texts: Vec<String> =
        texts.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect();
    texts.sort();
    texts
}

#[test]
fn what_was_fetched_with_a_way_out_is_there_offline() {
    let steps = "  - {id: crates, network: {allow: [crates.example]}, command: 'mkdir -p ~/.cargo; echo crate > ~/.cargo/crate; mkdir target; echo 1 > target/a'}
  - {id: look, command: 'test \"$(cat ~/.cargo/crate)\" = crate; echo looked > ~/.looked; echo 2 > target/b'}
  - {id: npm, network: {allow: [npm.example]}, command: 'test ! -e ~/.looked; test ! -e target/b; test -e target/a; mkdir ~/.npm; echo pack > ~/.npm/pack; mkdir node_modules; echo m > node_modules/m'}
  - {id: build, command: 'cat ~/.cargo/crate ~/.npm/pack ~/.looked node_modules/m target/a; echo built > ~/.cargo/built'}
  - {id: again, command: 'cat ~/.cargo/built ~/.npm/pack ~/.looked node_modules/m target/b'}
";
    in_all_ways(&WITH_NAMESPACES, steps, |how, repo, _| {
        assert_eq!(sorted(&wrote(repo, "npm")["home"]), [".npm"], "{how:?}");
        assert_eq!(sorted(&wrote(repo, "npm")["ignored"]), ["node_modules"], "{how:?}");
        assert_eq!(sorted(&wrote(repo, "again")["home"]), Vec::<String>::new(), "{how:?}");
        assert_eq!(sorted(&wrote(repo, "again")["ignored"]), Vec::<String>::new(), "{how:?}");
    });
}

#[test]
fn nothing_leaves_the_home_of_a_step_that_holds_a_secret() {
    let steps = "  - {id: login, secrets: [DEPLOY_TOKEN], command: 'echo \"//registry/:_authToken=$DEPLOY_TOKEN\" > ~/.npmrc; mkdir node_modules; echo m > node_modules/m', retries: 1, rollback: ['test -e ~/.npmrc']}
  - {id: other, secrets: [OTHER_TOKEN], command: 'test ! -e ~/.npmrc; test -e node_modules/m'}
  - {id: offline, command: 'test ! -e ~/.npmrc; test -e node_modules/m'}
";
    in_all_ways(&How::ALL, steps, |how, repo, _| {
        assert_eq!(sorted(&wrote(repo, "login")["home"]), [".npmrc"], "{how:?}");
    });
    // A further attempt begins with an empty one, too.
    let steps = "  - {id: twice, secrets: [DEPLOY_TOKEN], retries: 1, command: 'test ! -e ~/.seen || exit 9; echo x > ~/.seen; test \"$(ls /tmp)\" = x || exit 1', on_failure: ignore}\n";
    in_all_ways(&How::ALL, steps, |how, repo, _| {
        let codes: Vec<Value> =
            repo.events_of("command.ended").into_iter().map(|event| event["exit_code"].clone()).collect();
        assert_eq!(codes, [1, 1], "{how:?}");
    });
}

#[test]
fn who_asks_for_it_keeps_what_lower_tiers_left() {
    let steps = "  - {id: build, command: 'mkdir target; echo app > target/app; echo x > ~/.built; mkdir -p .git/hooks; echo x > .git/hooks/mine'}
  - {id: deploy, secrets: [DEPLOY_TOKEN], home: keep, command: 'cat target/app ~/.built .git/hooks/mine; echo $DEPLOY_TOKEN > ~/.npmrc'}
  - {id: after, command: 'test ! -e ~/.npmrc; cat target/app ~/.built'}
";
    in_all_ways(&How::ALL, steps, |how, repo, _| {
        let expected = ["build offline offline", "deploy kept kept", "after offline offline"];
        assert_eq!(layers(repo), expected, "{how:?}");
    });
}

#[test]
fn what_a_higher_tier_installed_it_finds_as_it_left_it() {
    let steps = "  - {id: install, network: {allow: [npm.example]}, command: 'mkdir -p node_modules/.bin; echo true > node_modules/.bin/tool; mkdir ~/.npm; echo pack > ~/.npm/pack'}
  - {id: lint, command: 'echo touch planted > node_modules/.bin/tool; echo cache > node_modules/.cache; echo bad > ~/.npm/pack; rm -r ~/.npm'}
  - {id: use, network: {allow: [npm.example]}, command: 'sh node_modules/.bin/tool; test ! -e planted; test ! -e node_modules/.cache; test \"$(cat ~/.npm/pack)\" = pack'}
  - {id: lint2, command: 'grep planted node_modules/.bin/tool; cat node_modules/.cache; test ! -e ~/.npm'}
";
    in_all_ways(&WITH_NAMESPACES, steps, |_, _, _| {});
}

/// What goes down, is planted, and is to be found as it was: with more files than would be copied unnoticed.
const MANY: &str = "  - {id: install, network: {allow: [npm.example]}, command: 'mkdir target; for i in $(seq 500); do echo $i > target/$i; done; echo x > ~/x'}
  - {id: plant, command: 'test \"$(cat target/7 ~/x | tr -d \"\\n\")\" = 7x; echo planted > target/7'}
  - {id: use, network: {allow: [npm.example]}, command: 'test \"$(cat target/7)\" = 7'}
";

/// Runs a plan with the state of runs on a file system that a script mounts at `$PLACE`, seen by this run alone.
fn run_on(mount: &str, state: &str) -> (Repo, Ran) {
    let repo = Repo::new();
    repo.plan(MANY);
    let place = repo.dir().join("mounted");
    std::fs::create_dir(&place).unwrap();
    let like = repo.command(["-vv", "7"]);
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "sh", "-euc"]);
    command.arg(format!("cd \"$BESIDE\"; {mount}; cd \"$OLDPWD\"; exec \"$@\"")).arg("sh");
    command.arg(like.get_program()).args(like.get_args()).env_clear();
    command.envs(like.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.env("BESIDE", repo.dir()).env("PLACE", &place).env("CARGO_HOME", repo.dir().join("cargo"));
    command.env("AUTOPILOT_STATE_DIR", place.join(state)).current_dir(repo.top());
    let ran = Ran::of(&command.output().unwrap());
    assert_eq!(ran.code, 0, "{}\n{}\n{}", ran.stdout, ran.stderr, repo.log());
    (repo, ran)
}

#[test]
#[ignore = "needs root, to mount an overlay"]
fn on_an_overlay_there_is_none_and_it_is_said() {
    let (_repo, ran) = run_on(
        "mkdir l u w; mount -t overlay overlay -o lowerdir=l,upperdir=u,workdir=w \"$PLACE\"",
        "state",
    );
    ran.says("backend=Clone").says("as on top of another in a container").says("bytes: 1892");
}

#[test]
#[ignore = "needs root and mkfs.xfs, to mount a file system with shared blocks"]
fn where_blocks_can_be_shared_nothing_is_copied() {
    let (_repo, ran) = run_on(
        "truncate -s 400M disk; mkfs.xfs -q -m reflink=1 disk; mount -o loop disk \"$PLACE\"",
        "a,comma",
    );
    ran.says("entries: 501, bytes: 0, shared: 500");
}

#[test]
fn a_run_that_goes_on_trusts_no_more_than_before() {
    let repo = Repo::new();
    repo.plan(
        "  - {id: plant, command: 'mkdir target; echo x > target/planted; echo x > ~/.planted'}
  - {id: wait, command: 'cat target/planted ~/.planted; echo more > target/more; echo ready; while test ! -e ~/go; do sleep 0.05; done'}
  - {id: deploy, secrets: [DEPLOY_TOKEN], command: 'test ! -e target; test -z \"$(find ~ -type f)\"'}
  - {id: after, command: 'cat target/planted target/more ~/.planted'}
",
    );
    let start = |args: &[&str]| {
        let mut command = repo.command(args);
        command.env("DEPLOY_TOKEN", "tok-4711-abcdefgh").env("CARGO_HOME", repo.dir().join("cargo"));
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap()
    };
    let waits = |times: usize| wait_until(|| repo.log().matches("\nready").count() == times);
    let mut child = start(&["7"]);
    waits(1);
    repo.kill(&mut child);
    let child = start(&["7", "--resume"]);
    waits(2);
    std::fs::write(repo.run_dir().join("home/go"), "").unwrap();
    Ran::of(&child.wait_with_output().unwrap()).exits(0);
    assert_eq!(repo.steps(), ["plant:passed", "wait:passed", "deploy:passed", "after:passed"]);
    repo.autopilot(["audit"]).exits(0);
}

#[test]
fn what_a_step_does_to_its_home_is_in_no_other_steps_way() {
    let steps = "  - {id: odd, network: {allow: [npm.example]}, command: 'cd ~; echo x > kept; i=0; while [ $i -lt 250 ]; do mkdir d; cd d; i=$((i+1)); done; mkfifo ~/pipe; ln -s /etc/shadow ~/link; chmod 000 ~'}
  - {id: offline, command: 'test \"$(cat ~/kept)\" = x; echo y > ~/own; chmod 000 ~'}
  - {id: again, network: {allow: [npm.example]}, command: 'test ! -e ~/own; cat ~/kept'}
  - {id: last, command: 'cat ~/own ~/kept'}
";
    in_all_ways(&WITH_NAMESPACES, steps, |_, _, _| {});
    // Many names in one folder cost what they are, not their square.
    let steps = "  - {id: many, network: {allow: [npm.example]}, command: 'cd ~; seq 3000 | xargs touch; cd -; seq -f \"%g.env\" 3000 | xargs touch'}
  - {id: offline, command: 'test -e ~/3000; test -e 3000.env'}
";
    in_all_ways(&WITH_NAMESPACES, steps, |how, repo, _| {
        assert_eq!(sorted(&wrote(repo, "many")["ignored"]).len(), 50, "{how:?}");
    });
}
