//! What runs borrow: packs with what the base reaches and nothing else, kept from run to run, used only while they are
//! whole, and needed by no run that has begun.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::{run_without_trace, script};
use crate::common::{Repo, only_as_root, wait_until};

/// The object caches of a state directory.
fn object_caches(repo: &Repo) -> Vec<PathBuf> {
    let listed = fs::read_dir(repo.state().join("objects")).into_iter().flatten();
    listed.map(|entry| entry.unwrap().path()).collect()
}

fn cache(repo: &Repo) -> PathBuf {
    let [only] = object_caches(repo).try_into().unwrap();
    only
}

/// Names and inodes of the packs in a folder.
fn packs(folder: &Path) -> Vec<(String, u64)> {
    let mut packs: Vec<(String, u64)> = fs::read_dir(folder.join("pack"))
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().extension().is_some_and(|extension| extension == "pack"))
        .map(|entry| (entry.file_name().into_string().unwrap(), entry.metadata().unwrap().ino()))
        .collect();
    packs.sort();
    packs
}

/// Every object in the packs of an object cache.
fn held(repo: &Repo) -> Vec<String> {
    let mut held = Vec::new();
    for (pack, _) in packs(&cache(repo)) {
        let path = cache(repo).join("pack").join(pack);
        let listed = repo.git(["verify-pack", "-v", path.with_extension("idx").to_str().unwrap()]);
        let ids = listed.lines().filter_map(|line| line.split(' ').next());
        held.extend(
            ids.filter(|id| id.len() >= 40 && id.bytes().all(|byte| byte.is_ascii_hexdigit()))
                .map(str::to_owned),
        );
    }
    held.sort();
    held
}

fn reachable(repo: &Repo, from: &[&str]) -> Vec<String> {
    let listed = repo.git([&["rev-list", "--objects", "--no-object-names"], from].concat());
    let mut ids: Vec<String> = listed.lines().map(str::to_owned).collect();
    ids.sort();
    ids
}

/// A plan whose step fails if it can read any of these.
fn looks_for(repo: &Repo, ids: &[&str]) {
    script(
        repo,
        &format!(
            "for id in {}; do if git cat-file -e $id 2>/dev/null; then echo found $id; exit 1; fi; done\nexit 0",
            ids.join(" ")
        ),
    );
}

#[test]
fn an_object_cache_holds_what_the_base_and_the_tags_reach_and_no_more() {
    let repo = Repo::new();
    repo.commit_file("one", "one\n");
    repo.git(["tag", "-am", "tagged", "v1"]);
    repo.git(["checkout", "-q", "-b", "other"]);
    repo.commit_file("other", "of another branch\n");
    let other = repo.git(["rev-parse", "other:other"]);
    repo.git(["checkout", "-q", "main"]);
    repo.file("README.md", "stashed\n");
    repo.git(["stash", "-q"]);
    let stashed = repo.git(["rev-parse", "stash@{0}:README.md"]);
    let loose = repo.dir().join("loose");
    fs::write(&loose, "unreachable\n").unwrap();
    let unreachable = repo.git(["hash-object", "-w", loose.to_str().unwrap()]);
    let ids = [other.as_str(), &stashed, &unreachable];
    looks_for(&repo, &ids);
    // All of it in one pack, as deltas of each other.
    repo.git(["repack", "-q", "-a", "-d", "-k"]);
    run_without_trace(&repo, 0);
    assert_eq!(held(&repo), reachable(&repo, &["main", "v1"]));
    // The control: it is there to be found.
    repo.plan(&format!(
        "  - {{id: a, command: 'git cat-file -e {}'}}\n",
        repo.git(["rev-parse", "main:one"])
    ));
    run_without_trace(&repo, 0);
}

#[test]
fn an_object_cache_is_used_again_and_grown_by_what_is_new() {
    let repo = Repo::new();
    script(&repo, "git fsck --strict; test $(git rev-list --count HEAD) = $(git log --oneline | wc -l)");
    run_without_trace(&repo, 0);
    let first = packs(&cache(&repo));
    run_without_trace(&repo, 0);
    assert_eq!(packs(&cache(&repo)), first);
    repo.commit_file("two", "two\n");
    run_without_trace(&repo, 0);
    let grown = packs(&cache(&repo));
    assert!(grown.len() == 2 && grown.contains(&first[0]), "{first:?} {grown:?}");
    assert_eq!(held(&repo), reachable(&repo, &["main"]));
    for number in 0..16 {
        repo.commit_file("many", &format!("{number}\n"));
        repo.run().exits(0);
    }
    let many = packs(&cache(&repo));
    assert!(many.len() < 10, "{many:?}");
    assert_eq!(held(&repo), reachable(&repo, &["main"]));
}

#[test]
fn what_was_pushed_away_by_force_is_out_of_reach() {
    let repo = Repo::new();
    repo.plan("  - {id: a, command: 'true'}\n");
    repo.commit_file("secret", "a password\n");
    let secret = repo.git(["rev-parse", "HEAD:secret"]);
    run_without_trace(&repo, 0);
    assert!(held(&repo).contains(&secret));
    repo.git(["reset", "-q", "--hard", "HEAD~"]);
    repo.commit_file("instead", "no password\n");
    looks_for(&repo, &[&secret]);
    run_without_trace(&repo, 0);
    assert_eq!(held(&repo), reachable(&repo, &["main"]));
    // A tag, too, that is removed, and the text of it.
    repo.git(["tag", "-am", "tagged by mistake", "oops", "HEAD~"]);
    let tag = repo.git(["rev-parse", "refs/tags/oops"]);
    repo.plan(&format!("  - {{id: a, command: 'git cat-file -e {tag}'}}\n"));
    run_without_trace(&repo, 0);
    repo.git(["tag", "-d", "oops"]);
    looks_for(&repo, &[&tag]);
    run_without_trace(&repo, 0);
    assert!(!held(&repo).contains(&tag));
}

#[test]
fn each_base_branch_has_an_object_cache_of_its_own() {
    let repo = Repo::new();
    repo.git(["branch", "other"]);
    repo.plan_with("base: other", "  - {id: a, command: 'true'}\n");
    repo.run().exits(0);
    repo.plan("  - {id: a, command: 'true'}\n");
    repo.run().exits(0);
    let commit = repo.git(["rev-parse", "main"]);
    repo.plan_with(&format!("base: {commit}"), "  - {id: a, command: 'true'}\n");
    repo.run().exits(0);
    assert_eq!(object_caches(&repo).len(), 3);
}

/// Ways to damage an object cache.
const DAMAGES: [&str; 9] = [
    "rm pack/*.pack",
    "rm pack/*.idx",
    "chmod u+w pack/*.pack; echo >> $(ls pack/*.pack)",
    "rm cache.json",
    "echo x > cache.json",
    "sed -i s/sha1/sha256/ cache.json",
    "chmod 000 pack/*.pack",
    "rm -r pack; mkdir -p incoming/objects; echo x > incoming/x; rm cache.json",
    // As it was written, by all that is looked at.
    "p=$(ls pack/*.pack); touch -r $p /tmp/ref.$$; chmod u+w $p; dd if=/dev/zero of=$p bs=1 seek=12 count=60 conv=notrunc 2>/dev/null; chmod 444 $p; touch -r /tmp/ref.$$ $p; rm /tmp/ref.$$",
];

#[test]
fn a_damaged_object_cache_is_made_anew() {
    for damage in DAMAGES {
        let repo = Repo::new();
        repo.plan("  - {id: a, command: 'git fsck --strict'}\n");
        repo.autopilot(["run", "7"]).exits(0);
        let damaged =
            std::process::Command::new("sh").args(["-ec", damage]).current_dir(cache(&repo)).status();
        assert!(damaged.unwrap().success(), "{damage}");
        let ran = repo.autopilot(["run", "7", "-v"]).exits(0);
        assert!(ran.stderr.contains("made anew"), "{damage}: {}", ran.stderr);
        assert_eq!(held(&repo), reachable(&repo, &["main"]), "{damage}");
    }
}

#[test]
fn a_step_cannot_write_what_it_borrows_nor_lead_git_elsewhere() {
    let repo = Repo::new();
    repo.commit_file("file", "honest\n");
    let secret = Repo::new();
    secret.commit_file("secret", "of another repository\n");
    let stolen = secret.git(["rev-parse", "HEAD:secret"]);
    let theirs = secret.top().join(".git/objects");
    let objects = repo.state().join("objects");
    script(
        &repo,
        &format!(
            "lent=$(cat .git/objects/info/alternates); test -d \"$lent\"
p=$(ls $lent/pack/*.pack)
if touch $lent/x 2>/dev/null || chmod u+w $p 2>/dev/null || rm -f $p 2>/dev/null || echo x 2>/dev/null >> $p; then exit 1; fi
if ls {} 2>/dev/null || ls {} 2>/dev/null; then exit 1; fi
echo {} >> .git/objects/info/alternates
if git cat-file -e {stolen} 2>/dev/null; then exit 1; fi
echo made > made",
            objects.display(),
            repo.top().join(".git").display(),
            theirs.display(),
        ),
    );
    let before = secret.fingerprint();
    run_without_trace(&repo, 0);
    assert_eq!(before, secret.fingerprint());
    let cache = cache(&repo);
    for (pack, _) in packs(&cache) {
        let metadata = fs::metadata(cache.join("pack").join(&pack)).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, 0o444);
        assert_eq!(metadata.nlink(), 1, "the run that borrowed it is gone");
        assert_eq!(metadata.uid(), nix::unistd::geteuid().as_raw());
    }
    assert_eq!(fs::metadata(&objects).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn a_run_that_was_killed_goes_on_whatever_became_of_its_object_cache() {
    for gone in ["objects", "runs/*/objects", "objects runs/*/objects"] {
        let repo = Repo::new();
        repo.plan(
            "  - {id: a, command: 'echo a > a'}
  - {id: b, command: 'test -e \"$HOME/again\" || { touch \"$HOME/again\"; sleep 60; }; git fsck; git log --oneline -1; echo b > b'}\n",
        );
        let mut child = repo.start(["7"]);
        let runs = || fs::read_dir(repo.state().join("runs")).into_iter().flatten().flatten();
        wait_until(|| runs().any(|run| run.path().join("home/again").exists()));
        repo.kill(&mut child);
        let script = format!("chmod -R u+w {gone}; rm -r {gone}");
        let removed =
            std::process::Command::new("sh").args(["-ec", &script]).current_dir(repo.state()).status();
        assert!(removed.unwrap().success(), "{gone}");
        repo.autopilot(["run", "7", "--resume"]).exits(0);
        assert_eq!((repo.on_branch("a"), repo.on_branch("b")), ("a".to_owned(), "b".to_owned()), "{gone}");
        repo.git(["fsck", "--strict"]);
    }
}

#[test]
fn two_runs_begin_at_once_with_one_object_cache() {
    let repo = Repo::new();
    for issue in 1..=3 {
        repo.plan_of(issue, "", &format!("  - {{id: a, command: 'git fsck; echo {issue} > made'}}\n"));
    }
    repo.autopilot(["run", "1", "2", "3", "--jobs", "3"]).exits(0);
    assert_eq!(held(&repo), reachable(&repo, &["main"]));
    assert_eq!(packs(&cache(&repo)).len(), 1);
}

#[test]
fn root_borrows_from_somebody_elses_repository_as_its_owner() {
    if !only_as_root("only root can work in one") {
        return;
    }
    let repo = Repo::new();
    repo.plan("  - {id: a, command: 'git fsck --strict; git log --oneline | wc -l; echo made > made'}\n");
    let chown = std::process::Command::new("chown").arg("-R").arg("1000:1000").arg(repo.dir()).status();
    assert!(chown.unwrap().success());
    for _ in 0..2 {
        repo.run().exits(0);
    }
    assert_eq!(packs(&cache(&repo)).len(), 1);
}

#[test]
fn object_caches_that_nobody_will_use_are_cleaned_and_the_others_are_told() {
    let repo = Repo::new();
    repo.autopilot(["clean"]).exits(0).says("nothing is left of any run");
    repo.git(["branch", "other"]);
    repo.plan_with("base: other", "  - {id: a, command: 'true'}\n");
    repo.run().exits(0);
    repo.plan("  - {id: a, command: 'true'}\n");
    repo.run().exits(0);
    repo.autopilot(["clean"]).exits(0).says("nothing is left").says("2 object caches");
    repo.autopilot(["doctor"]).says("2, one cache a base branch");
    repo.git(["branch", "-D", "other"]);
    repo.autopilot(["clean", "--dry-run"]).exits(0).says("would remove the objects").says("branch is gone");
    assert_eq!(object_caches(&repo).len(), 2);
    repo.autopilot(["clean"]).exits(0).says("branch is gone").says("1 object cache");
    let record = cache(&repo).join("cache.json");
    let touched = std::process::Command::new("touch").arg("-d").arg("40 days ago").arg(record).status();
    assert!(touched.unwrap().success());
    repo.autopilot(["clean"]).exits(0).says("no run has used them");
    assert_eq!(object_caches(&repo), Vec::<PathBuf>::new());
    repo.run().exits(0);
}

#[test]
fn a_run_that_an_earlier_version_lent_the_whole_object_store_goes_on_with_an_object_cache() {
    let repo = Repo::new();
    repo.plan(
        "  - {id: a, command: 'echo a > a'}
  - {id: b, command: 'test -e \"$HOME/again\" || { touch \"$HOME/again\"; sleep 60; }; git fsck && git log --oneline -1 && ! git cat-file -e $(cat \"$HOME/other\") && echo b > b'}\n",
    );
    let loose = repo.dir().join("loose");
    fs::write(&loose, "of nobody\n").unwrap();
    let other = repo.git(["hash-object", "-w", loose.to_str().unwrap()]);
    let mut child = repo.start(["7"]);
    let runs = || fs::read_dir(repo.state().join("runs")).into_iter().flatten().flatten();
    wait_until(|| runs().any(|run| run.path().join("home/again").exists()));
    repo.kill(&mut child);
    let dir = repo.run_dir();
    fs::write(dir.join("home/other"), other).unwrap();
    fs::remove_dir_all(dir.join("objects")).unwrap();
    let theirs = format!("{}\n", repo.top().join(".git/objects").display());
    for git in ["checkpoints.git", "worktree/.git"] {
        fs::write(dir.join(git).join("objects/info/alternates"), &theirs).unwrap();
    }
    let run = repo.events_of("run.started")[0]["run"].as_str().unwrap().to_owned();
    repo.git(["update-ref", &format!("refs/autopilot/base/{run}"), "HEAD"]);
    repo.autopilot(["run", "7", "--resume"]).exits(0);
    assert_eq!((repo.on_branch("a"), repo.on_branch("b")), ("a".to_owned(), "b".to_owned()));
    assert_eq!(repo.git(["for-each-ref", "refs/autopilot/"]), "");
    assert_eq!(repo.events_of("git.mended"), Vec::<serde_json::Value>::new());
}
