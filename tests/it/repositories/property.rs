//! Whatever files a step makes and whatever it does to its git: every byte that is not ignored is on the branch
//! if the step passed, and in the salvage if it did not.

use std::collections::HashSet;

use proptest::prelude::*;

use super::assert_same;
use crate::common::Repo;

/// Runs the operations of a step, then prints what is there: hex of each path that the base's rules do not ignore,
/// and the id of its bytes as a blob. The runner sees none of this: it is what the test believes.
const STEP: &str = r"
import hashlib, json, os, shutil, subprocess, sys
def path(names):
    return b'/'.join(bytes.fromhex(name) for name in names)
def clear(p):
    if os.path.isdir(p) and not os.path.islink(p): shutil.rmtree(p)
    elif os.path.lexists(p): os.remove(p)
def room(p):
    parts = p.split(b'/')[:-1]
    for n in range(len(parts)):
        above = b'/'.join(parts[:n + 1])
        if os.path.islink(above) or (os.path.exists(above) and not os.path.isdir(above)): clear(above)
    if parts: os.makedirs(b'/'.join(parts), exist_ok=True)
for op in json.load(open(sys.argv[1])):
    kind = op[0]
    try:
        if kind == 'write':
            p = path(op[1]); room(p); clear(p)
            open(p, 'wb').write(bytes.fromhex(op[2]))
            os.chmod(p, op[3])
        elif kind == 'link':
            p = path(op[1]); room(p); clear(p); os.symlink(bytes.fromhex(op[2]), p)
        elif kind == 'remove':
            clear(path(op[1]))
        elif kind == 'move':
            to = path(op[2]); room(to); clear(to); os.rename(path(op[1]), to)
        elif kind == 'touch':
            os.utime(path(op[1]), (0, 0), follow_symlinks=False)
        elif kind == 'pipe':
            p = path(op[1]); room(p); clear(p); os.mkfifo(p)
        elif kind == 'git':
            subprocess.run(['sh', '-c', op[1]], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    except OSError:
        pass
def ignored(p):
    names = p.split(b'/')
    return b'target' in names[:-1] or names[-1].endswith(b'.ign')
open_folders = [b'.']
while open_folders:
    folder = open_folders.pop()
    for name in os.listdir(folder):
        p = folder + b'/' + name
        if p == b'./.git' or name.endswith(b'.ign') or (name == b'target' and os.path.isdir(p) and not os.path.islink(p)): continue
        if os.path.islink(p): data = os.readlink(p)
        elif os.path.isdir(p): open_folders.append(p); continue
        elif os.path.isfile(p):
            os.chmod(p, os.stat(p).st_mode | 0o400)
            data = open(p, 'rb').read()
        else: continue
        print('HELD', p[2:].hex(), hashlib.sha1(b'blob %d\0' % len(data) + data).hexdigest())
";

/// An operation, as the step reads it.
fn operation() -> impl Strategy<Value = serde_json::Value> {
    let name = prop_oneof![
        4 => prop::sample::select(vec!["a", "b", "dir", "README.md", "tracked", "sub"]).prop_map(hex::encode),
        2 => prop::sample::select(vec!["x.ign", "target", ".gitignore", ".gitmodules", ".gitattributes", "A", "-rf", " ", "\\", "\"q\"", ".GIT", "git~1", ".g\u{200c}it", "gitmod~1"]).prop_map(hex::encode),
        1 => prop::collection::vec(any::<u8>().prop_filter("a name", |byte| *byte != 0 && *byte != b'/'), 1..12)
            .prop_filter("not a name", |bytes| !matches!(bytes.as_slice(), b"." | b".."))
            .prop_map(hex::encode),
    ];
    let path = prop::collection::vec(name, 1..4);
    let bytes = prop::collection::vec(any::<u8>(), 0..40).prop_map(hex::encode);
    let target =
        prop::sample::select(vec!["README.md", "..", "/etc/passwd", "nowhere", "dir"]).prop_map(hex::encode);
    let mode = prop::sample::select(vec![0o644, 0o755, 0o600, 0o000, 0o100]);
    let git = prop::sample::select(vec![
        "git add -A; git commit -qm own",
        "git add -A; git stash -q",
        "git stash pop -q",
        "git reset -q --hard HEAD~1",
        "git checkout -q -b other",
        "git update-index --assume-unchanged README.md tracked",
        "git update-index --skip-worktree README.md tracked",
        "echo '*' > .git/info/exclude",
        "git rm -q --cached tracked",
        "rm -rf .git",
        "rm -f .git/index",
        "git init -q sub",
        "git init -q .",
        "git worktree add -q sub/w",
        "git clone -q . a",
        "git config core.autocrlf true; git config core.excludesFile /dev/stdin",
        "git gc -q --prune=now",
        "printf '[submodule \"../x\"]\n\tpath = x\n\turl = -x\n' > .gitmodules",
        "git sparse-checkout set dir",
        "git -C sub add -A; git -C sub commit -qm x; git add sub",
    ]);
    prop_oneof![
        6 => (path.clone(), bytes, mode).prop_map(|(p, b, m)| serde_json::json!(["write", p, b, m])),
        2 => (path.clone(), target).prop_map(|(p, t)| serde_json::json!(["link", p, t])),
        1 => path.clone().prop_map(|p| serde_json::json!(["remove", p])),
        1 => (path.clone(), path.clone()).prop_map(|(p, q)| serde_json::json!(["move", p, q])),
        1 => path.clone().prop_map(|p| serde_json::json!(["touch", p])),
        1 => path.prop_map(|p| serde_json::json!(["pipe", p])),
        4 => git.prop_map(|command| serde_json::json!(["git", command])),
    ]
}

/// The steps of a run: what each does, and whether it exits with 0.
fn steps() -> impl Strategy<Value = Vec<(Vec<serde_json::Value>, bool)>> {
    prop::collection::vec((prop::collection::vec(operation(), 1..12), any::<bool>()), 1..4)
}

fn check(steps: &[(Vec<serde_json::Value>, bool)]) {
    let repo = Repo::new();
    repo.file(".gitignore", "target/\n*.ign\n");
    repo.file("tracked", "tracked\n");
    repo.file("dir/tracked", "tracked\n");
    repo.file(".ai/step.py", STEP);
    let mut plan = String::new();
    for (number, (operations, passes)) in steps.iter().enumerate() {
        repo.file(&format!(".ai/ops{number}.json"), &serde_json::to_string(operations).unwrap());
        let ops = format!(
            "cp .ai/step.py .ai/ops{number}.json \"$TMPDIR\"; python3 \"$TMPDIR/step.py\" \"$TMPDIR/ops{number}.json\""
        );
        let exit = if *passes { "" } else { "; exit 1" };
        plan.push_str(&format!(
            "  - id: s{number}\n    on_failure: ignore\n    command: |\n      {ops}{exit}\n"
        ));
    }
    repo.commit("what the steps do");
    repo.plan_with("limits: {consecutive_failures: 9}", &plan);
    let before = repo.fingerprint();
    let ran = repo.run().exits(0);
    assert_same(&before, &repo.fingerprint());
    assert_eq!(repo.left_in_state(), Vec::<String>::new(), "{}{}", ran.stdout, ran.stderr);
    if let Some(bundle) = repo.evidence("salvage-").pop() {
        repo.git(["fetch", "-q", bundle.to_str().unwrap(), "refs/salvage/*:refs/salvage/*"]);
    }
    let log = repo.log();
    assert!(!log.contains("python3: "), "the steps did nothing\n{log}");
    let mut checkpoint = "main".to_owned();
    for (number, _) in steps.iter().enumerate() {
        let id = format!("s{number}");
        let of_step =
            |kind: &str| repo.events_of(kind).into_iter().find(|event| event["step"] == id.as_str());
        let part = of_step("log.appended").expect("each attempt's output is in the log");
        let byte = |end: &str| usize::try_from(part[end].as_u64().unwrap()).unwrap();
        let (begun, ended) = (byte("from"), byte("to"));
        if let Some(made) = of_step("checkpoint.made") {
            made["commit"].as_str().unwrap().clone_into(&mut checkpoint);
        }
        let saved = of_step("salvaged").map(|event| event["reference"].as_str().unwrap().to_owned());
        let places: Vec<&str> = saved.iter().map(String::as_str).chain([checkpoint.as_str()]).collect();
        let held: HashSet<(String, String)> = places.iter().flat_map(|place| tree(&repo, place)).collect();
        let salvaged: HashSet<&String> = held.iter().map(|(_, id)| id).collect();
        for line in log[begun..ended].lines().filter_map(|line| line.strip_prefix("HELD ")) {
            let (path, oid) = line.split_once(' ').unwrap();
            let there = held.contains(&(path.to_owned(), oid.to_owned()));
            // What is git's own elsewhere is in the salvage under another name.
            let inner = saved.is_some() && salvaged.contains(&oid.to_owned());
            let name = String::from_utf8_lossy(&hex::decode(path).unwrap()).into_owned();
            assert!(
                there || inner,
                "{id}: {name} ({oid}) is neither on the branch nor in the salvage\n{}",
                ran.stdout
            );
        }
    }
}

/// Hex of each path of a commit, with its blob.
fn tree(repo: &Repo, commit: &str) -> Vec<(String, String)> {
    let listed = repo.git_bytes(["ls-tree", "-r", "-z", commit]);
    let entries = listed.split(|&byte| byte == 0).filter(|entry| !entry.is_empty());
    entries
        .map(|entry| {
            let tab = entry.iter().position(|&byte| byte == b'\t').unwrap();
            let id = String::from_utf8_lossy(&entry[..tab]).split(' ').nth(2).unwrap().to_owned();
            (hex::encode(&entry[tab + 1..]), id)
        })
        .collect()
}

#[test]
fn no_byte_of_any_tree_is_lost() {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(12);
    let config = ProptestConfig { cases, max_shrink_iters: 30, ..ProptestConfig::default() };
    proptest!(config, |(steps in steps())| check(&steps));
}
