//! What the base's `.gitignore`, the user's own rules and the plan say means here what it means to git: nothing is lost as ignored
//! that git would commit, and nothing is committed that git would ignore.

use nix::sys::signal::Signal;

use super::{names, refused, run_without_trace, script};
use crate::common::{Repo, signal, wait_until};
use crate::resume::resume_waiting;

/// What a `CACHEDIR.TAG` begins with.
const TAG: &str = "Signature: 8a477f597d28d172789f06886806bc55";

/// Returns the paths of the result branch beside what every base here has.
fn result(repo: &Repo) -> Vec<String> {
    let names = names(repo).into_iter().map(|name| String::from_utf8(name).unwrap());
    names.filter(|name| !name.starts_with(".ai") && name != "README.md" && name != ".gitignore").collect()
}

#[test]
fn git_decides_what_is_ignored() {
    let repo = Repo::new();
    // To git, braces stand for themselves, a mark at the beginning of a file is no part of it, and so on.
    repo.file(".gitignore", "\u{feff}secret\n*.{key,pem}\n[!-]?\n!\ntab\t\nspace \nends\r\n[[:digit:]]*\n");
    repo.file("sub/.gitignore", "!secret\n");
    script(
        &repo,
        "for name in secret a.key 'a.{key,pem}' -- -x xy tab space ends 1a sub/secret sub/a.key; do echo x > \"./$name\"; done",
    );
    run_without_trace(&repo, 0);
    assert_eq!(result(&repo), ["--", "-x", "a.key", "sub/.gitignore", "sub/a.key", "sub/secret", "tab"]);
}

#[test]
fn rules_that_cannot_be_read_are_refused_before_the_first_step() {
    type Lay = fn(&Repo);
    let cases: [(Lay, &str); 3] = [
        (
            |repo| {
                std::fs::create_dir(repo.top().join("sub")).unwrap();
                std::os::unix::fs::symlink("../rules", repo.top().join("sub/.gitignore")).unwrap();
                repo.file("rules", "secret\n");
            },
            "sub/.gitignore of the base is a link, which git does not follow",
        ),
        (
            |repo| repo.file(".gitignore", &"x\n".repeat(600_000)),
            ".gitignore of the base is larger than 1 MiB",
        ),
        (
            |repo| repo.file(".gitignore", &format!("secret\n{}\n", "*a".repeat(65))),
            ".gitignore of the base, line 2: a pattern may have stars in 64 places",
        ),
    ];
    for (lay, says) in cases {
        let repo = Repo::new();
        lay(&repo);
        script(&repo, "echo x > made");
        refused(&repo).says(says).says("commit that, and run again");
    }
}

#[test]
fn what_the_user_ignores_outside_of_any_commit_is_ignored() {
    let repo = Repo::new();
    repo.file(".gitignore", "!mine.keep\n");
    std::fs::create_dir_all(repo.top().join(".git/info")).unwrap();
    std::fs::write(repo.top().join(".git/info/exclude"), "/local\n!both.tmp\n").unwrap();
    std::fs::write(repo.home().join("everywhere"), "*.tmp\n*.keep\n").unwrap();
    repo.git(["config", "core.excludesFile", "~/everywhere"]);
    script(
        &repo,
        "mkdir sub; for name in local sub/local a.tmp both.tmp mine.keep b.keep; do echo x > $name; done",
    );
    run_without_trace(&repo, 0);
    assert_eq!(result(&repo), ["both.tmp", "mine.keep", "sub/local"]);
    assert!(repo.summary().contains("**Not on the branch:** ignored: `a.tmp`, `b.keep`, `local`; 3 files"));
}

#[test]
fn the_users_rules_are_where_git_looks_for_them_without_a_word() {
    let repo = Repo::new();
    let settings = repo.home().join(".config/git");
    std::fs::create_dir_all(&settings).unwrap();
    std::fs::write(settings.join("ignore"), "*.tmp\n").unwrap();
    script(&repo, "echo x > a.tmp; echo x > a");
    let copies = [repo.copy(), repo.copy(), repo.copy()];
    run_without_trace(&repo, 0);
    assert_eq!(result(&repo), ["a"]);
    // Named, and nothing there: git does without.
    for (repo, nothing) in copies.into_iter().zip(["/dev/null", "/nowhere/at/all", ""]) {
        repo.git(["config", "core.excludesFile", nothing]);
        run_without_trace(&repo, 0);
        assert_eq!(result(&repo), ["a", "a.tmp"], "{nothing:?}");
    }
}

#[test]
fn rules_that_a_step_writes_for_its_own_git_hide_nothing() {
    let repo = Repo::new();
    script(
        &repo,
        "mkdir -p .git/info ~/.config/git; echo '*' | tee .git/info/exclude > ~/.config/git/ignore; git config core.excludesFile ~/.config/git/ignore; echo x > made",
    );
    run_without_trace(&repo, 0);
    assert_eq!(result(&repo), ["made"]);
}

#[test]
fn folders_that_tools_mark_as_their_own_are_no_part_of_the_result() {
    let repo = Repo::new();
    repo.plan(&format!(
        "  - id: a
    command: |
      mkdir -p .pytest_cache/v src/.ruff_cache build
      printf '# Created by pytest automatically.\\n*\\n' > .pytest_cache/.gitignore
      echo x > .pytest_cache/v/x
      echo '*' > src/.ruff_cache/.gitignore
      echo '{TAG}' > build/CACHEDIR.TAG
      echo x > build/x
      echo x > src/made
    expectation:
      changes: {{within: [\"src/made\"], min: 1, max: 1}}
  - {{id: b, command: test -e build/x -a -e .pytest_cache/v/x}}
"
    ));
    run_without_trace(&repo, 0);
    assert_eq!(result(&repo), ["src/made"]);
    let says =
        "**Not on the branch:** by a tool's own mark: `.pytest_cache`, `build`, `src/.ruff_cache`; 5 files";
    assert!(repo.summary().contains(says), "{}", repo.summary());
    repo.autopilot(["audit", "7"]).exits(0);
}

#[test]
fn no_mark_hides_what_git_knows_or_others_obey() {
    let repo = Repo::new();
    repo.file("src/known", "x\n");
    script(
        &repo,
        &format!(
            "mkdir -p .github/workflows src/deep\n\
             for folder in .github src; do echo '{TAG}' > $folder/CACHEDIR.TAG; done\n\
             echo x > .github/workflows/ci.yml; echo x > src/deep/new; echo y > src/known"
        ),
    );
    run_without_trace(&repo, 0);
    let all =
        [".github/CACHEDIR.TAG", ".github/workflows/ci.yml", "src/CACHEDIR.TAG", "src/deep/new", "src/known"];
    assert_eq!(result(&repo), all);
    assert_eq!(repo.on_branch("src/known"), "y");
}

#[test]
fn a_plan_leaves_out_what_it_names_and_nothing_that_git_knows() {
    let repo = Repo::new();
    repo.file("gen/known", "x\n");
    repo.plan_with(
        "exclude: [\".venv/**\", \"gen/**\"]\ndefaults: {exclude: [\"**/*.log\"]}\n",
        "  - id: a
    command: mkdir .venv sub; echo x > .venv/x; echo x > sub/a.log; echo x > gen/new; echo y > gen/known; exit 3
    on_failure: ignore
  - id: b
    command: test -e .venv/x -a -e sub/a.log; mkdir -p .venv; echo x > .venv/x; echo y > gen/known
    expectation: {changes: {within: [gen/known]}}
",
    );
    run_without_trace(&repo, 0);
    assert_eq!(result(&repo), ["gen/known"]);
    assert_eq!(repo.on_branch("gen/known"), "y");
    let salvage = repo.evidence("salvage-").pop().unwrap();
    let heads = repo.git(["bundle", "list-heads", salvage.to_str().unwrap()]);
    assert!(heads.contains("refs/salvage/a-1"), "{heads}");
}

#[test]
fn a_run_that_goes_on_leaves_out_what_its_plan_names() {
    for dies in [false, true] {
        let repo = Repo::new();
        repo.plan_with(
            "exclude: [\".venv/**\"]\n",
            "  - {id: a, command: mkdir .venv; echo x > .venv/x; echo x > made}
  - {id: b, command: 'mkdir -p .venv; echo y > .venv/y; echo ready; while test ! -e ~/go; do sleep 0.05; done; echo x > more'}
",
        );
        let mut child = repo.start(["7"]);
        wait_until(|| repo.log().contains("ready"));
        if dies {
            repo.kill(&mut child);
        } else {
            signal(&child, Signal::SIGINT);
            child.wait().unwrap();
        }
        resume_waiting(&repo).exits(0);
        assert_eq!(result(&repo), ["made", "more"], "{dies}");
    }
}

/// Returns the files of a ref in the salvage bundle.
fn salvaged(repo: &Repo, reference: &str) -> Vec<String> {
    let bundle = repo.evidence("salvage-").pop().expect("no salvage");
    repo.git(["fetch", "-q", bundle.to_str().unwrap(), &format!("{reference}:refs/looked/at")]);
    let listed = repo.git(["diff-tree", "-r", "--name-only", "--no-commit-id", "refs/looked/at"]);
    repo.git(["update-ref", "-d", "refs/looked/at"]);
    listed.lines().map(str::to_owned).collect()
}

#[test]
fn what_rules_of_a_step_hide_is_changed_and_saved_and_not_on_the_branch() {
    let repo = Repo::new();
    repo.file("lib/known", "x\n");
    repo.plan(
        "  - id: a
    command: echo lib/ >> .gitignore; echo x > lib/new; mkdir -p sub/lib; echo x > sub/lib/deep; echo y > lib/known
    expectation: {changes: {min: 4, max: 4}}
  - id: b
    command: test -e lib/new; test -e sub/lib/deep; echo x > made
    expectation: {changes: {within: [made], max: 1}}
  - id: c
    command: echo changed > lib/new; echo x > lib/more
    expectation: {changes: {within: [\"lib/**\"], min: 2, max: 2}}
",
    );
    run_without_trace(&repo, 0);
    assert_eq!(result(&repo), ["lib/known", "made"]);
    assert_eq!(repo.on_branch("lib/known"), "y");
    assert_eq!(salvaged(&repo, "refs/salvage/a-1"), ["lib/new", "sub/lib/deep"]);
    assert_eq!(salvaged(&repo, "refs/salvage/c-1"), ["lib/more", "lib/new"]);
    let summary = repo.summary();
    for says in [
        "by rules that a step wrote, salvaged: `lib/more`, `lib/new`, `sub/lib`; 3 files",
        "`a` passed, and rules that a step wrote keep ",
        "off the branch: saved as `refs/salvage/a-1`",
    ] {
        assert!(summary.contains(says), "{says}: {summary}");
    }
    repo.autopilot(["audit", "7"]).exits(0);
}

#[test]
fn what_rules_of_a_step_hide_cannot_pass_for_no_change() {
    let repo = Repo::new();
    repo.plan(
        "  - id: a
    command: echo '*' > .gitignore; echo x > evil
    expectation: {changes: {within: [.gitignore]}}
    on_failure: ignore
  - id: b
    command: test ! -e evil
",
    );
    run_without_trace(&repo, 0);
    assert_eq!(salvaged(&repo, "refs/salvage/a-1"), [".gitignore", "evil"]);
    assert_eq!(repo.branches(), Vec::<String>::new());
}

#[test]
fn a_rule_that_is_taken_away_brings_the_files_to_the_branch() {
    let repo = Repo::new();
    repo.plan(
        "  - {id: a, command: mkdir out; echo '*' > out/.gitignore; echo '!.gitignore' >> out/.gitignore; echo x > out/made}
  - id: b
    command: rm out/.gitignore
    expectation: {changes: {min: 2, max: 2, within: [\"out/*\"]}}
",
    );
    run_without_trace(&repo, 0);
    assert_eq!(result(&repo), ["out/made"]);
    repo.autopilot(["audit", "7"]).exits(0);
}

#[test]
fn what_was_hidden_and_is_changed_as_its_rule_goes_is_new_on_the_branch() {
    let repo = Repo::new();
    repo.plan(
        "  - {id: a, command: mkdir out; echo made > out/.gitignore; echo x > out/made}
  - {id: b, command: rm out/.gitignore; echo y > out/made}
",
    );
    run_without_trace(&repo, 0);
    assert_eq!(repo.on_branch("out/made"), "y");
    repo.autopilot(["audit", "7"]).exits(0);
}

#[test]
fn what_was_hidden_and_is_gone_is_in_nobodys_way() {
    let repo = Repo::new();
    repo.plan(
        "  - {id: a, command: mkdir sub; echo out > sub/.gitignore; echo x > sub/out; echo lib/ >> .gitignore; mkdir lib; echo x > lib/x}
  - {id: b, command: rm -r lib}
  - {id: c, command: test ! -e lib, network: {allow: [\"127.0.0.1:9\"]}}
  - {id: d, command: rm sub/.gitignore sub/out; mkdir sub/out; echo x > sub/out/made}
  - {id: e, command: exit 1, clean_ignored: true, on_failure: ignore}
  - {id: f, command: test -e sub/out/made}
",
    );
    run_without_trace(&repo, 0);
    assert_eq!(result(&repo), ["sub/out/made"]);
    repo.autopilot(["audit", "7"]).exits(0);
}

#[test]
fn a_failed_attempt_leaves_what_is_hidden_as_it_leaves_what_is_ignored() {
    let repo = Repo::new();
    repo.plan(
        "  - {id: a, command: echo out/ >> .gitignore; mkdir out; echo x > out/kept}
  - {id: b, command: 'echo y > out/kept; echo y > out/new; echo new/ >> .gitignore; mkdir new; echo x > new/x; exit 1', on_failure: ignore}
  - {id: c, command: test -e out/new -a ! -e new, expectation: {changes: {max: 0}}}
  - {id: d, command: echo z > out/z; exit 1, clean_ignored: true, on_failure: ignore}
  - {id: e, command: test ! -e out}
",
    );
    run_without_trace(&repo, 0);
    assert_eq!(salvaged(&repo, "refs/salvage/b-1"), [".gitignore", "new/x", "out/kept", "out/new"]);
    assert_eq!(result(&repo), Vec::<String>::new());
    repo.autopilot(["audit", "7"]).exits(0);
}

#[test]
fn what_is_hidden_goes_down_from_tier_to_tier_and_never_up() {
    let repo = Repo::new();
    repo.plan(
        "  - {id: low, command: echo out/ >> .gitignore; mkdir out; echo low > out/x}
  - {id: high, command: test ! -e out; mkdir out; echo high > out/x, network: {allow: [\"127.0.0.1:9\"]}}
  - {id: again, command: grep -q high out/x; echo low > out/x}
  - {id: last, command: grep -q high out/x, network: {allow: [\"127.0.0.1:9\"]}, expectation: {changes: {max: 0}}}
",
    );
    run_without_trace(&repo, 0);
    assert_eq!(salvaged(&repo, "refs/salvage/low-1"), ["out/x"]);
    assert_eq!(salvaged(&repo, "refs/salvage/high-1"), ["out/x"]);
}

#[test]
fn a_run_that_dies_loses_nothing_that_is_hidden() {
    let repo = Repo::new();
    repo.plan(
        "  - {id: a, command: echo out/ >> .gitignore; mkdir out; echo x > out/x}
  - {id: b, command: 'test -e out/x; echo y > out/y; echo ready; while test ! -e ~/go; do sleep 0.05; done; echo x > more'}
",
    );
    let mut child = repo.start(["7"]);
    wait_until(|| repo.log().contains("ready"));
    repo.kill(&mut child);
    resume_waiting(&repo).exits(0);
    assert_eq!(result(&repo), ["more"]);
    assert!(salvaged(&repo, "refs/salvage/b-1").contains(&"out/y".to_owned()));
    repo.autopilot(["audit", "7"]).exits(0);
}

#[test]
fn many_new_files_and_byte_code_are_named() {
    let repo = Repo::new();
    script(
        &repo,
        "mkdir -p env/lib; i=0; while [ $i -lt 250 ]; do i=$((i+1)); echo $i > env/lib/$i.txt; done; mkdir __pycache__; echo x > __pycache__/a.pyc",
    );
    run_without_trace(&repo, 0);
    let summary = repo.summary();
    for says in [
        "`a` added 251 files, 250 of them in `env/`; if they are no part of the result: `exclude: [\"env/**\"]`",
        "`__pycache__/a.pyc` was changed (compiled by a tool",
    ] {
        assert!(summary.contains(says), "{says}: {summary}");
    }
}
