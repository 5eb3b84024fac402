//! A newcomer: from nothing to a first green run, with no YAML edited; `autopilot` alone, and the tour.

mod real;

use std::fs;

use crate::common::{Ran, Repo};

/// Plans a command in a checkout with these files, runs it, and demands these steps and a green end.
fn first_run(files: &[(&str, &str)], command: &str, steps: &str) -> Repo {
    let repo = Repo::new();
    for (path, text) in files {
        repo.file(path, text);
    }
    repo.commit("what is there");
    let path = "/usr/local/bin:/usr/bin:/bin";
    let path = if files.iter().any(|(path, _)| *path == "Cargo.toml") { None } else { Some(path) };
    let autopilot = |args: &[&str]| {
        let mut command = repo.command(args);
        path.map(|path| command.env("PATH", path));
        Ran::of(&command.output().unwrap()).exits(0)
    };
    autopilot(&["init", "--title", "Say it", "--command", command])
        .says(&format!("Autopilot.yaml: {steps}, at most"));
    autopilot(&["check", "1"]);
    autopilot(&["1"]).says("done in").says("git diff main...autopilot/issue-1-");
    autopilot(&["audit"]).says("AUDIT PASS");
    repo
}

#[test]
fn a_first_run_takes_three_commands_and_no_account() {
    let repo = first_run(&[("a.txt", "one\n")], "sed -i s/one/two/ a.txt", "edit");
    assert_eq!(repo.on_branch("a.txt"), "two");
    // An editor finds the schema, and nobody is told of the run.
    let text = repo.read(".ai/plans/1/Autopilot.yaml");
    assert!(text.starts_with("# yaml-language-server: $schema=../autopilot.schema.json\n"), "{text}");
    assert!(
        text.ends_with(
            "comment: false   # true: the issue is told what came of it, where `gh` is logged in\n"
        )
    );
    let schema: serde_json::Value =
        serde_json::from_str(&repo.read(".ai/plans/autopilot.schema.json")).unwrap();
    assert_eq!(&schema, autopilot::plan::schema());
    // The next plan is the next number.
    repo.autopilot(["init", "--title", "Next"]).exits(0).says("run    autopilot 2");
    repo.autopilot(["init"]).exits(2).says("--title");
}

#[test]
#[ignore = "needs make, node, npm, python3, javac"]
fn a_first_run_is_green_in_every_language() {
    let c = [
        ("Makefile", "all: a\na: a.c\n\tcc -o a a.c\ncheck: a\n\ttest \"$$(./a)\" = hello\n"),
        ("a.c", "#include <stdio.h>\nint main(void) { puts(\"hallo\"); return 0; }\n"),
    ];
    first_run(&c, "sed -i s/hallo/hello/ a.c", "edit, test");
    let node = [
        (
            "package.json",
            "{\"name\": \"a\", \"version\": \"1.0.0\", \"scripts\": {\"test\": \"node --test\"}}\n",
        ),
        ("a.js", "exports.say = () => 'hallo';\n"),
        (
            "test/a.test.js",
            "require('node:test')('says it', () => require('node:assert').equal(require('../a.js').say(), 'hello'));\n",
        ),
    ];
    first_run(&node, "sed -i s/hallo/hello/ a.js", "edit, test");
    let python = [
        ("a.py", "def say():\n    return 'hallo'\n"),
        (
            "tests/test_a.py",
            "import unittest\n\nimport a\n\n\nclass Says(unittest.TestCase):\n    def test_it(self):\n        self.assertEqual(a.say(), 'hello')\n",
        ),
    ];
    first_run(&python, "sed -i s/hallo/hello/ a.py", "edit, test");
    let java = [(
        "src/A.java",
        "class A { public static void main(String[] a) { System.out.println(\"hallo\"); } }\n",
    )];
    first_run(&java, "sed -i s/hallo/hello/ src/A.java", "edit, test");
    let rust = [
        ("Cargo.toml", "[package]\nname = \"a\"\nversion = \"0.1.0\"\nedition = \"2021\"\n"),
        (
            "src/lib.rs",
            "pub fn say() -> &'static str { \"hallo\" }\n#[test]\nfn says() { assert_eq!(say(), \"hello\"); }\n",
        ),
    ];
    first_run(&rust, "sed -i s/hallo/hello/ src/lib.rs", "edit, test");
}

#[test]
fn what_is_to_be_done_may_be_a_patch_a_template_or_words() {
    let repo = Repo::new();
    repo.file("work.patch", "--- /dev/null\n+++ b/new.txt\n@@ -0,0 +1 @@\n+new\n");
    repo.autopilot(["init", "7", "--title", "Add it", "--patch", "work.patch"])
        .exits(0)
        .says(": edit, at most");
    repo.autopilot(["7"]).exits(0);
    assert_eq!(repo.on_branch("new.txt"), "new");
    repo.file(
        ".ai/templates/hello.yaml",
        "version: 1\nissue: {{issue}}\ntitle: {{title}}\nsteps: [{id: a, command: 'true'}]\n",
    );
    repo.autopilot(["init", "8", "--title", "It: \"so\"", "--template", "hello"]).exits(0);
    assert!(repo.read(".ai/plans/8/Autopilot.yaml").contains("issue: 8\ntitle: \"It: \\\"so\\\"\"\n"));
    repo.autopilot(["init", "9", "--template", "none"]).exits(2).says(".ai/templates/none.yaml");
    // Nobody is asked for the issue where it is said what is to be done.
    let ran = Ran::of(
        &repo.command(["init", "10", "--title", "Sort"]).env("PATH", "/usr/bin:/bin").output().unwrap(),
    );
    ran.exits(0).says("first  codex is not on PATH");
    assert!(repo.read(".ai/plans/10/Autopilot.yaml").contains("codex: |\n      Sort\n"));
    // A patch does not stay where no plan is written.
    repo.autopilot(["init", "11", "--title", "\u{1}", "--patch", "missing.patch"])
        .exits(2)
        .says("missing.patch");
    assert!(!repo.top().join(".ai/plans/11").exists());
}

#[test]
fn autopilot_alone_says_where_one_is_and_what_there_is_to_do() {
    let repo = Repo::new();
    repo.autopilot::<&str>([])
        .exits(0)
        .says("repository  ")
        .says("sandbox  ")
        .says("autopilot demo")
        .says("autopilot init");
    repo.plan_of(8, "", "  - {id: a, comand: 'true'}\n");
    repo.plan_of(9, "", "  - {id: a, command: 'true'}\n");
    repo.plan("  - {id: a, command: exit 3}\n");
    repo.run().exits(1);
    let said = repo.autopilot::<&str>([]).exits(0).stdout;
    let lines: Vec<String> =
        said.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    for line in [
        "9 Try never run autopilot 9",
        "8 – invalid plan autopilot check 8",
        "7 Try failed autopilot logs 7 --failed",
    ] {
        assert!(lines.iter().any(|own| own == line), "{line}: {said}");
    }
    fs::remove_dir_all(repo.top().join(".git")).unwrap();
    repo.autopilot::<&str>([]).exits(0).says("none here: plans are run in a checkout of git");
}

#[test]
fn the_tour_ends_as_it_says() {
    let repo = Repo::new();
    let ran = repo.autopilot(["demo", "../tour"]).exits(0);
    for said in [
        "id_demo: No such file or directory",
        "network: {allow: [\"example.org\"]}",
        "tests/you.sh passes without your change: it does not test it",
        "autopilot run 5 --resume",
        "AUDIT PASS",
        "AUDIT FAIL",
        "all of it lies in",
    ] {
        assert!(ran.stdout.contains(said), "{said}: {}", ran.stdout);
    }
    repo.autopilot(["demo", "../tour"]).exits(2).says("name one that is not there yet");
}

/// The scripts of a page, one after the other.
fn scripts(page: &str) -> String {
    let text = fs::read_to_string(format!("{}/{page}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    text.split("```sh\n").skip(1).map(|part| part.split_once("```").unwrap().0).collect()
}

#[test]
#[ignore = "needs node, npm"]
fn the_tutorial_works_word_for_word() {
    let repo = Repo::empty();
    let bin = std::path::Path::new(env!("CARGO_BIN_EXE_autopilot")).parent().unwrap();
    let mut shell = std::process::Command::new("sh");
    shell.args(["-ec", &scripts("docs/tutorial.md")]).current_dir(repo.dir()).env_remove("CARGO_TARGET_DIR");
    let path = std::env::var("PATH").unwrap();
    shell.env("PATH", format!("{}:{path}", bin.display())).env("AUTOPILOT_STATE_DIR", repo.state());
    let ran = Ran::of(&shell.output().unwrap()).exits(0);
    let said = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "edit, test, at most",
        "1 Say hello done",
        "AUDIT PASS",
        "it failed, with exit code 1",
        "2 Be polite failed",
    ] {
        assert!(said.contains(part), "{part}: {ran:?}");
    }
}
