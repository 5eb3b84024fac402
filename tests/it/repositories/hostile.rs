//! Steps that attack whoever looks at what they leave. Each attack lays a tripwire: a program outside that git
//! would run, or a file outside that would change. The control shows that it fires when nobody guards.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{assert_same, is_root, run_without_trace, script};
use crate::common::program::{open_folder, write_program};
use crate::common::{Ran, Repo};

/// What a step plants (`$WIRE` is the program outside), and what then runs it for somebody who does not expect it.
struct Attack {
    name: &'static str,
    plant: &'static str,
    unguarded: &'static str,
    /// How the run ends: what is planted is work like any other, unless no commit can hold it.
    code: i32,
}

const fn attack(name: &'static str, plant: &'static str, unguarded: &'static str, code: i32) -> Attack {
    Attack { name, plant, unguarded, code }
}

const ATTACKS: [Attack; 19] = [
    attack(
        "hooks",
        "mkdir -p .git/hooks; for h in pre-commit post-checkout post-index-change reference-transaction; do printf '#!/bin/sh\\n%s\\n' \"$WIRE\" > .git/hooks/$h; chmod +x .git/hooks/$h; done",
        "git commit -q --allow-empty -m x",
        0,
    ),
    attack(
        "hooksPath",
        "mkdir h; printf '#!/bin/sh\\n%s\\n' \"$WIRE\" > h/pre-commit; chmod +x h/pre-commit; git config core.hooksPath h",
        "git commit -q --allow-empty -m x",
        0,
    ),
    attack("fsmonitor", "git config core.fsmonitor \"$WIRE\"", "git status", 0),
    attack(
        "config.worktree",
        "git config extensions.worktreeConfig true; git config --worktree core.fsmonitor \"$WIRE\"",
        "git status",
        0,
    ),
    attack(
        "include",
        "git config include.path ../planted; git config -f planted core.fsmonitor \"$WIRE\"",
        "git status",
        0,
    ),
    attack(
        "clean filter",
        "git config filter.x.clean \"$WIRE; cat\"; echo '* filter=x' > .git/info/attributes; echo x >> README.md",
        "git add -A",
        0,
    ),
    attack(
        "clean filter, committed",
        "git config filter.x.clean \"$WIRE; cat\"; echo '* filter=x' > .gitattributes; echo x >> README.md",
        "git add -A",
        1,
    ),
    attack(
        "smudge filter",
        "git config filter.x.smudge \"$WIRE; cat\"; echo '* filter=x' > .git/info/attributes; rm README.md",
        "git checkout README.md",
        0,
    ),
    attack(
        "process filter",
        "git config filter.x.process \"$WIRE\"; echo '* filter=x' > .git/info/attributes; echo x >> README.md",
        "git add -A",
        0,
    ),
    attack(
        "textconv",
        "git config diff.x.textconv \"$WIRE; cat\"; echo '* diff=x' > .gitattributes; echo x >> README.md",
        "git diff",
        0,
    ),
    attack("external diff", "git config diff.external \"$WIRE\"; echo x >> README.md", "git diff", 0),
    attack(
        "merge driver",
        "git config merge.x.driver \"$WIRE\"; echo '* merge=x' > .git/info/attributes; git checkout -qb other; echo y > README.md; git commit -qam y; git checkout -q -; echo z > README.md; git commit -qam z",
        "git merge -q other",
        0,
    ),
    attack("alias", "git config alias.st \"!$WIRE\"", "git st", 0),
    attack(
        "signing",
        "git config commit.gpgSign true; git config gpg.program \"$WIRE\"",
        "git commit -q --allow-empty -m x",
        0,
    ),
    attack(
        "a file in place of .git",
        "git init -q other; git config -f other/.git/config core.fsmonitor \"$WIRE\"; mv other/.git target; rm -rf .git; echo 'gitdir: target' > .git",
        "git status",
        0,
    ),
    attack(
        "a link in place of .git",
        "git init -q other; git config -f other/.git/config core.fsmonitor \"$WIRE\"; mv other/.git target; rm -rf .git; ln -s target .git",
        "git status",
        0,
    ),
    attack(
        "commondir",
        "git init -q other; git config -f other/.git/config core.fsmonitor \"$WIRE\"; mv other/.git target; echo ../target > .git/commondir",
        "git status",
        0,
    ),
    attack(
        "a repository in the repository",
        "git init -q lib; git -C lib -c user.name=x -c user.email=x commit -q --allow-empty -m x; git add lib; git config -f lib/.git/config core.fsmonitor \"$WIRE\"",
        "git status",
        1,
    ),
    attack(
        "a bare repository",
        "git init -q --bare lib; git config -f lib/config core.bare false; git config -f lib/config core.worktree ..; git config -f lib/config core.fsmonitor \"$WIRE\"",
        "cd lib && git status",
        0,
    ),
];

/// A program outside that says when it was run.
struct Tripwire {
    wire: PathBuf,
    mark: PathBuf,
}

impl Tripwire {
    fn lay(folder: &Path) -> Self {
        let (wire, mark) = (folder.join("wire"), folder.join("tripped"));
        write_program(&wire, &format!("#!/bin/sh\necho \"$0 $*\" >> '{}'\n", mark.display()));
        open_folder(folder, 0o755);
        Self { wire, mark }
    }

    /// Tells whether it was run since the last look.
    fn fired(&self) -> bool {
        fs::remove_file(&self.mark).is_ok()
    }
}

#[test]
fn nothing_that_a_step_plants_runs_outside() {
    for Attack { name, plant, unguarded, code } in ATTACKS {
        let repo = Repo::new();
        let tripwire = Tripwire::lay(repo.dir());
        let plant = format!("WIRE='{}'\necho made > made\n{plant}", tripwire.wire.display());
        let control = Repo::cloned(&repo.top()).unwrap();
        let planted = |command: &str| {
            let mut shell = Command::new("sh");
            shell.args(["-c", command]).current_dir(control.top());
            shell.env("GIT_CONFIG_GLOBAL", "/dev/null").output().unwrap()
        };
        let output = planted(&plant);
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        // What the planting itself ran is no proof.
        tripwire.fired();
        planted(unguarded);
        assert!(tripwire.fired(), "{name}: the tripwire does not fire");

        script(&repo, &plant);
        run_without_trace(&repo, code);
        assert!(!tripwire.fired(), "{name}");
        if code == 0 {
            assert_eq!(repo.on_branch("made"), "made", "{name}");
        }
        // The next run, and whoever asks what became of this one, look at the same.
        repo.autopilot(["status"]).exits(0);
        assert!(!tripwire.fired(), "{name}: by status");
    }
}

#[test]
fn what_a_failed_step_plants_does_not_run_in_salvage_and_reset_either() {
    for Attack { name, plant, .. } in ATTACKS {
        let repo = Repo::new();
        let tripwire = Tripwire::lay(repo.dir());
        let wire = tripwire.wire.display().to_string();
        let indented = plant.replace('\n', "\n      ");
        repo.plan(&format!(
            "  - id: a\n    on_failure: ignore\n    command: |\n      WIRE='{wire}'; echo lost > lost\n      {indented}\n      exit 3\n  - {{id: b, command: 'test ! -e lost; echo made > made'}}\n"
        ));
        run_without_trace(&repo, 0);
        assert!(!tripwire.fired(), "{name}");
        assert_eq!(repo.git(["diff", "--name-only", "main", &repo.branch()]), "made", "{name}");
        let bundle = repo.evidence("salvage-").pop();
        repo.git(["fetch", "-q", bundle.unwrap().to_str().unwrap(), "refs/salvage/*:refs/salvage/*"]);
        assert_eq!(repo.git(["show", "refs/salvage/a-1:lost"]), "lost", "{name}");
    }
}

#[test]
fn objects_with_other_content_than_their_names_reach_nobody() {
    let repo = Repo::new();
    repo.commit_file("src", "honest\n");
    let id = repo.git(["rev-parse", "HEAD:src"]);
    let forge = |git: &str| {
        format!(
            "import zlib, os
path = '{git}/objects/{}/{}'
os.makedirs(os.path.dirname(path), exist_ok=True)
os.path.exists(path) and os.remove(path)
open(path, 'wb').write(zlib.compress(b'blob 5\\0evil\\n'))",
            &id[..2],
            &id[2..]
        )
    };
    // The control: git believes it.
    let control = Repo::cloned(&repo.top()).unwrap();
    for pack in fs::read_dir(control.top().join(".git/objects/pack")).unwrap() {
        fs::remove_file(pack.unwrap().path()).unwrap();
    }
    Command::new("python3").args(["-c", &forge(".git")]).current_dir(control.top()).status().unwrap();
    assert_eq!(control.git(["cat-file", "blob", &id]), "evil", "the control has lost its point");

    repo.plan(&format!(
        "  - id: a
    command: |
      rm -rf .git/objects/info/alternates
      python3 - <<'EOF'
{}
      EOF
      test \"$(git cat-file blob {id})\" = evil
      echo made > made
  - {{id: b, command: 'rm src; exit 1', on_failure: ignore}}
  - {{id: c, command: 'test \"$(cat src)\" = honest'}}\n",
        forge(".git").lines().map(|line| format!("      {line}\n")).collect::<String>()
    ));
    run_without_trace(&repo, 0);
    assert_eq!(repo.on_branch("src"), "honest");
    repo.git(["fsck", "--strict"]);
}

#[test]
fn what_a_step_commits_by_itself_is_not_what_arrives() {
    let repo = Repo::new();
    let secret = Repo::new();
    secret.commit_file("secret", "of another repository\n");
    let stolen = secret.git(["rev-parse", "HEAD:secret"]);
    let objects = secret.top().join(".git/objects");
    script(
        &repo,
        &format!(
            "echo made > made
blob=$(git hash-object -w made)
evil=$(printf '100644 blob %s\\t.git\\n' $blob | git mktree)
up=$(printf '040000 tree %s\\t..\\n' $evil | git mktree)
twice=$(printf '100644 blob %s\\tA\\n100644 blob %s\\ta\\n' $blob $blob | git mktree)
git update-ref refs/heads/main $(git commit-tree $up -m evil)
git symbolic-ref HEAD refs/heads/main
git tag evil $(git commit-tree $twice -m twice)
echo '{}' > .git/objects/info/alternates
git cat-file blob {stolen} > stolen || rm stolen
git update-index --add --cacheinfo 160000,$(git rev-parse HEAD),gitlink
git update-index --add --cacheinfo 100644,{stolen},stolen || true
git commit -qm sneaky || true",
            objects.display()
        ),
    );
    run_without_trace(&repo, 0);
    assert_eq!(repo.git(["diff", "--name-status", "main", &repo.branch()]), "A\tmade");
    repo.git(["fsck", "--strict"]);
}

#[test]
fn folders_turned_into_links_lead_nowhere() {
    let repo = Repo::new();
    let outside = repo.dir().join("outside");
    fs::create_dir(&outside).unwrap();
    open_folder(&outside, 0o777);
    let theirs = outside.join("file");
    // The control: a hand that goes by names alone follows.
    let link = repo.dir().join("link");
    std::os::unix::fs::symlink(&outside, &link).unwrap();
    fs::write(&theirs, "theirs\n").unwrap();
    fs::write(link.join("file"), "overwritten\n").unwrap();
    assert_eq!(fs::read_to_string(&theirs).unwrap(), "overwritten\n");

    fs::write(&theirs, "theirs\n").unwrap();
    repo.file("folder/file", "ours\n");
    repo.file("folder/deep/file", "ours\n");
    let out = outside.display();
    repo.plan(&format!(
        "  - {{id: a, command: 'rm -r folder; ln -s {out} folder; exit 1', on_failure: ignore}}
  - {{id: b, command: 'rm -r folder/deep; ln -s {out} folder/deep; chmod 500 folder; exit 1', on_failure: ignore}}
  - {{id: c, command: 'rm -r folder .git; ln -s {out} .git; ln -s {out} target; exit 1', on_failure: ignore, clean_ignored: true}}\n"
    ));
    // Three failures in a row end a run.
    run_without_trace(&repo, 1);
    repo.plan(&format!(
        "  - {{id: d, command: 'rm -r folder; ln -s {out} folder; ln -sfn {out} target; ln -s {out} \"$HOME/x\"; ln -s {out} \"$TMPDIR/x\"'}}\n"
    ));
    run_without_trace(&repo, 0);
    assert_eq!(fs::read_to_string(&theirs).unwrap(), "theirs\n");
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);
    assert_eq!(repo.on_branch("folder"), out.to_string());
}

#[test]
fn unreadable_files_and_folders_arrive_or_are_salvaged() {
    let repo = Repo::new();
    repo.file("tracked", "x\n");
    repo.plan(
        "  - {id: a, command: 'echo x > secret; chmod 000 secret; mkdir shut; echo y > shut/f; chmod 000 shut; echo z > tracked; chmod 000 tracked'}
  - {id: b, command: 'mkdir -p more/deep; echo x > more/deep/f; chmod 000 more/deep more; chmod 000 .; exit 1'}\n",
    );
    run_without_trace(&repo, 1);
    assert_eq!(repo.steps(), ["a:passed", "b:failed"]);
    for (path, text) in [("secret", "x"), ("shut/f", "y"), ("tracked", "z")] {
        assert_eq!(repo.on_branch(path), text);
    }
    let bundle = repo.evidence("salvage-").pop().unwrap();
    repo.git(["fetch", "-q", bundle.to_str().unwrap(), "refs/salvage/*:refs/salvage/*"]);
    assert_eq!(repo.git(["show", "refs/salvage/b-1:more/deep/f"]), "x");
}

#[test]
fn a_step_that_shuts_its_folders_shuts_nobody_else_out() {
    let repo = Repo::new();
    repo.plan_with(
        "limits: {consecutive_failures: 9}",
        "  - {id: a, command: 'echo a > a; touch ~/kept; chmod 000 \"$HOME\" \"$TMPDIR\" .git .'}
  - {id: b, command: 'test -e ~/kept; touch ~/x \"$TMPDIR/x\" b; chmod 000 \"$HOME\" \"$TMPDIR\" .git .; exit 1', on_failure: ignore}
  - {id: c, command: 'touch ~/y \"$TMPDIR/y\"; test ! -e b; echo c > c; chmod 000 c \"$HOME\" \"$TMPDIR\" .git .'}\n",
    );
    run_without_trace(&repo, 0);
    assert_eq!(repo.steps(), ["a:passed", "b:failed", "c:passed"]);
    assert_eq!(repo.on_branch("a") + &repo.on_branch("c"), "ac");
}

#[test]
fn a_step_makes_no_device() {
    let repo = Repo::new();
    // The last is what overlays mark deleted files with: an ordinary user may make it.
    let devices = ["null c 1 3", "disk b 8 0", "deleted c 0 0"];
    let control = tempfile::tempdir().unwrap();
    let made = |device: &str| {
        let words = device.split(' ');
        Command::new("mknod").args(words).current_dir(&control).status().unwrap().success()
    };
    assert!(made(devices[2]), "the control has lost its point");
    assert!(!is_root() || made(devices[0]), "the control has lost its point");
    let tries: Vec<String> = devices.iter().map(|device| format!("! mknod {device}")).collect();
    script(&repo, &format!("{}\necho made > made", tries.join("\n")));
    run_without_trace(&repo, 0);
    assert_eq!(repo.git(["diff", "--name-only", "main", &repo.branch()]), "made");
}

/// Nothing of a step lives on when its files are read; somebody else on the machine may.
#[test]
fn a_file_that_changes_while_it_is_read_loses_nothing_and_ends_the_run_in_order() {
    let repo = Repo::new();
    repo.plan(
        "  - {id: a, command: 'echo first > first'}
  - {id: b, command: 'head -c 20M /dev/zero > busy; chmod 666 busy; echo ready; while test ! -e ~/go; do sleep 0.05; done'}\n",
    );
    let child = repo.start(["7"]);
    crate::common::wait_until(|| repo.log().contains("ready"));
    let run = repo.state().join("runs").join(&in_runs(&repo)[0]);
    let busy = run.join("worktree/busy");
    let stop = std::sync::atomic::AtomicBool::new(false);
    let ran = std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut number = 0_u64;
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                number += 1;
                // Longer each time: whoever reads it never comes to the end that it had.
                let Ok(mut file) = fs::OpenOptions::new().append(true).open(&busy) else { continue };
                let _ = std::io::Write::write_all(&mut file, number.to_string().as_bytes());
            }
        });
        fs::write(run.join("home/go"), "").unwrap();
        let output = child.wait_with_output().unwrap();
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        Ran::of(&output)
    });
    let events = Repo::chain(&repo.evidence("status-").pop().unwrap());
    assert_eq!(events.last().unwrap()["type"], "attested", "{}{}", ran.stdout, ran.stderr);
    assert_eq!(repo.on_branch("first"), "first");
    // Either it held still for long enough to be saved, or it is where it was.
    if ran.code != 0 {
        ran.says("busy").says("worktree kept at");
        assert!(fs::metadata(&busy).unwrap().len() >= 20 << 20);
    }
}

fn in_runs(repo: &Repo) -> Vec<String> {
    let entries = fs::read_dir(repo.state().join("runs")).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn very_deep_and_very_wide_folders_end_in_order() {
    // Built from its end, so that no path to it is ever long: a path that is walked down takes the kernel minutes.
    let deep = "import os
os.mkdir('d')
open('d/x', 'w').write('deep')
for n in range(5000):
    os.mkdir('n')
    os.rename('d', 'n/d')
    os.rename('n', 'd')
";
    let repo = Repo::new();
    repo.plan(&format!(
        "  - id: ignored
    command: |
      mkdir target; cd target; python3 - <<'EOF'
{0}      EOF
      mkdir ../wide; cd ../wide; python3 -c 'import os; [os.mkdir(str(n)) for n in range(1000)]'; echo made > 999/made
  - id: counts
    command: |
      python3 - <<'EOF'
{0}      EOF\n",
        deep.lines().map(|line| format!("      {line}\n")).collect::<String>()
    ));
    let before = repo.fingerprint();
    let ran =
        repo.run().exits(1).says("…").says("is deeper than a path of git's can be").says("worktree kept at");
    assert_same(&before, &repo.fingerprint());
    assert_eq!(repo.steps(), ["ignored:passed", "counts:failed"]);
    assert_eq!(repo.on_branch("wide/999/made"), "made");
    // What no bundle can hold is moved aside; it is named, and all else is gone.
    let list = fs::read_to_string(repo.evidence("not-salvaged-").pop().unwrap()).unwrap();
    assert!(list.contains("; moved to "), "{list}");
    let left = repo.left_in_state();
    assert_eq!(left.len(), 1, "{left:?} {}", ran.stdout);
    let run = repo.state().join("runs").join(&left[0]);
    assert!(!run.join("worktree").exists() && run.join("left/1").is_dir());
    // It stands in nobody's way.
    script(&repo, "echo again > again");
    repo.run().exits(0);
    let removed = Command::new("rm").arg("-rf").arg(&run).status().unwrap();
    assert!(removed.success());
}

#[test]
fn what_is_larger_than_may_be_salvaged_is_moved_aside() {
    let repo = Repo::new();
    repo.file("tracked", "small\n");
    repo.plan_with(
        "limits: {salvage: 1MiB, consecutive_failures: 9}",
        "  - {id: sparse, command: 'truncate -s 1T huge; echo x > x', resources: {file_size: 2TiB}, on_failure: ignore}
  - {id: sum, command: 'for n in 1 2 3; do head -c 600K /dev/urandom > part$n; done; exit 1', on_failure: ignore}
  - {id: tracked, command: 'head -c 2M /dev/zero > tracked; exit 1', on_failure: ignore}
  - {id: check, command: 'test ! -e huge && test ! -e part1 && test \"$(cat tracked)\" = small && echo made > made'}\n",
    );
    let before = repo.fingerprint();
    repo.run().exits(0).says("huge is larger than `limits.salvage`").says("worktree kept at");
    assert_same(&before, &repo.fingerprint());
    assert_eq!(repo.steps(), ["sparse:failed", "sum:failed", "tracked:failed", "check:passed"]);
    assert_eq!(repo.git(["diff", "--name-only", "main", &repo.branch()]), "made");
    let run = repo.state().join("runs").join(&repo.left_in_state()[0]);
    let mut sizes: Vec<u64> = fs::read_dir(run.join("left"))
        .unwrap()
        .map(|entry| entry.unwrap().metadata().unwrap().len())
        .collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [600 << 10, 600 << 10, 2 << 20, 1 << 40]);
    let bundle = repo.evidence("salvage-").pop();
    repo.git(["fetch", "-q", bundle.unwrap().to_str().unwrap(), "refs/salvage/*:refs/salvage/*"]);
    assert_eq!(repo.git(["show", "refs/salvage/sparse-1:x"]), "x");
    assert_eq!(repo.git(["ls-tree", "--name-only", "refs/salvage/sum-1"]).matches("part").count(), 1);
}

#[test]
fn secrets_in_what_is_salvaged_are_named_and_nobody_else_reads_it() {
    let repo = Repo::new();
    let token = format!("ghp_{}", "aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5");
    repo.plan(&format!(
        "  - {{id: a, command: 'mkdir conf; echo plain > plain; echo token={token} > conf/netrc; exit 1'}}\n"
    ));
    run_without_trace(&repo, 1);
    for report in [repo.summary(), repo.failed()] {
        assert!(report.contains("conf/netrc: github-token"), "{report}");
        assert!(!report.contains(&token) && !report.contains("plain:"), "{report}");
    }
    for file in repo.evidence("salvage-") {
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600, "{}", file.display());
    }
}

/// What a step leaves that git does not take, and what the journal says of it.
const UNFIT: [(&str, &str, &str); 8] = [
    (
        "an encoding that the bytes are not of",
        r"printf '*.u working-tree-encoding=UTF-16\n' > .gitattributes; printf 'ab\377' > x.u",
        "x.u",
    ),
    (
        "an encoding that nobody knows",
        r"printf '*.u working-tree-encoding=KLINGON\n' > .gitattributes; echo x > x.u",
        "KLINGON",
    ),
    (
        "attributes in another encoding than they say",
        r"printf '* working-tree-encoding=UTF-16\n' > .gitattributes",
        ".gitattributes",
    ),
    ("attributes that are a pipe", "mkfifo .gitattributes", "no file, where git reads one"),
    (
        "ignored attributes that are a pipe",
        "mkdir d; echo x > d/x; mkfifo d/.gitattributes",
        "no file, where git reads one",
    ),
    ("a submodule with a hostile name", "git config -f .gitmodules submodule.../x.path x", ".gitmodules"),
    (
        "a link below what git takes for .gitmodules",
        "mkdir .GitModules; ln -s README.md .GitModules/a",
        "a name that git takes for its own",
    ),
    (
        "names that are taken in the salvage",
        r"git init -q lib; mkdir lib/salvaged.git; echo theirs > lib/salvaged.git/config; echo x > 'x\\.git'; echo y > 'x_\.git'",
        "it is an embedded repository",
    ),
];

#[test]
fn what_git_does_not_take_fails_the_step_and_never_the_run() {
    for (name, leave, why) in UNFIT {
        let repo = Repo::new();
        repo.commit_file(".gitignore", "d/.gitattributes\n");
        repo.plan(&format!(
            "  - id: a\n    on_failure: ignore\n    command: |\n      echo made > made\n      {leave}
  - {{id: b, command: 'test ! -e made; test ! -e .gitattributes; echo fine > fine'}}\n"
        ));
        run_without_trace(&repo, 0);
        assert_eq!(repo.steps(), ["a:failed", "b:passed"], "{name}");
        assert_eq!(repo.git(["diff", "--name-only", "main", &repo.branch()]), "fine", "{name}");
        let reason = &repo.events_of("attempt.ended")[0]["reason"];
        assert_eq!(reason["kind"], "checkpoint", "{name}: {reason}");
        assert!(reason["text"].as_str().unwrap().contains(why), "{name}: {reason}");
        let bundle = repo.evidence("salvage-").pop();
        repo.git(["fetch", "-q", bundle.unwrap().to_str().unwrap(), "refs/salvage/*:refs/salvage/*"]);
        assert_eq!(repo.git(["show", "refs/salvage/a-1:made"]), "made", "{name}");
    }
}

#[test]
#[ignore = "needs minutes: half a gigabyte is hashed, several times, by a build that is not optimised"]
fn files_that_git_packs_at_once_arrive() {
    let repo = Repo::new();
    repo.plan("  - {id: big, command: 'echo small > a; truncate -s 513M b'}\n");
    run_without_trace(&repo, 0);
    assert_eq!(repo.git(["cat-file", "-s", &format!("{}:b", repo.branch())]), (513 << 20).to_string());
}
