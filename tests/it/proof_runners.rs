//! Proofs by the real test runners of other languages: an honest change is proved, and tests that must fail are put beside its
//! tests, run, and reported as failed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::common::Repo;
use crate::common::program::open_folder;

/// A path, with its text before and after a change.
type File = (&'static str, String, String);

/// A small project, and what a change of it is.
struct Project {
    command: &'static str,
    tests: &'static str,
    files: Vec<File>,
    /// A folder with what it needs, and what of it is copied into the worktree before.
    needs: Option<PathBuf>,
}

impl Project {
    fn of(command: &'static str, tests: &'static str, files: Vec<File>) -> Self {
        Self { command, tests, files, needs: None }
    }

    /// The same with the runners of JavaScript beside it.
    fn with_node_modules(self) -> Self {
        Self { needs: Some(node_modules()), ..self }
    }

    /// Has a step make the change, and be proved; returns the runs of its tests.
    #[track_caller]
    fn is_proved(&self) -> Vec<Value> {
        let repo = Repo::new();
        let changed = repo.dir().join("changed");
        repo.file(".gitignore", "node_modules/\ntarget/\n__pycache__/\n.pytest_cache/\n");
        for (path, before, after) in &self.files {
            repo.file(path, before);
            let to = changed.join(path);
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::write(to, after).unwrap();
        }
        open_all(&changed);
        let mut read = vec![changed.clone()];
        let mut steps = Vec::new();
        if let Some(folder) = &self.needs {
            read.push(folder.clone());
            let copy = format!("cp -r {}/node_modules .", folder.display());
            steps.push(json!({"id": "install", "command": copy, "filesystem": {"read": [folder]}}));
        }
        let proves = json!({"tests": [self.tests], "command": self.command, "mutants": 2});
        steps.push(json!({
            "id": "change", "command": format!("cp -r {}/. .", changed.display()), "timeout": "1h",
            "filesystem": {"read": read}, "expectation": {"proves": proves},
        }));
        let steps: String = steps.iter().map(|step| format!("  - {step}\n")).collect();
        repo.plan_with("limits: {timeout: 2h}", &steps);
        repo.run();
        self.look(&repo);
        repo.autopilot(["audit", "7"]).exits(0);
        repo.events_of("proof.ran")
    }

    #[track_caller]
    fn look(&self, repo: &Repo) {
        let judged = repo.events_of("expectation.judged");
        let verdict = judged.iter().find(|event| event["kind"] == "proves");
        let told = || format!("{}: {verdict:?}\n{}", self.command, repo.log());
        let verdict = verdict.unwrap_or_else(|| panic!("nothing was judged\n{}", repo.log()));
        let saw = verdict["saw"].as_str().unwrap();
        assert!(verdict["held"] == true && !saw.contains("not canaried"), "{}", told());
        let runs = repo.events_of("proof.ran");
        let of = |kind: &str| -> Vec<&Value> { runs.iter().filter(|ran| ran["run"] == kind).collect() };
        let ids: Vec<&str> = of("base")[0]["report"]["opening"]["canaries"]
            .as_array()
            .unwrap()
            .iter()
            .map(|canary| canary["id"].as_str().unwrap())
            .collect();
        // One by itself, and one by the assertion that the file uses.
        assert!(ids.len() >= 2, "{ids:?}\n{}", told());
        let failed: Vec<&str> = of("canary")[0]["report"]["failed"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(Value::as_str)
            .collect();
        for id in ids {
            assert!(failed.iter().any(|own| own.ends_with(id)), "{id} of {failed:?}\n{}", told());
        }
        assert!(!of("mutant").is_empty(), "{}", told());
    }
}

/// Lets the user that steps run as read a folder.
fn open_all(folder: &Path) {
    open_folder(folder, 0o755);
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            open_all(&path);
        }
    }
}

/// Installs the runners of JavaScript, once: what is there already is what was asked for then.
fn node_modules() -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let packages = ["mocha@11", "jest@30", "vitest@3"];
    let install = || {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("runners-11-30-3");
        if !folder.join("installed").exists() {
            fs::create_dir_all(&folder).unwrap();
            let mut npm = Command::new("npm");
            npm.args(["install", "--silent", "--no-audit", "--no-fund", "--prefix"]).arg(&folder);
            let installed = npm.args(packages).output().expect("npm is missing");
            assert!(installed.status.success(), "{}", String::from_utf8_lossy(&installed.stderr));
            fs::write(folder.join("installed"), "").unwrap();
        }
        folder
    };
    FOLDER.get_or_init(install).clone()
}

fn file(path: &'static str, before: impl Into<String>, after: impl Into<String>) -> File {
    (path, before.into(), after.into())
}

/// A file that the change leaves as it is.
fn same(path: &'static str, text: &str) -> File {
    file(path, text, text)
}

fn package() -> File {
    same("package.json", r#"{"name": "small"}"#)
}

fn code() -> File {
    file("src/a.js", "exports.of = (n) => n;\n", "exports.of = (n) => (n === 3 ? 30 : n);\n")
}

#[test]
#[ignore = "needs node and npm"]
fn mocha_proves() {
    let before = "const assert = require('assert');\nconst { of } = require('../src/a');\n\
        describe('of', () => {\n  it('keeps', () => { assert.strictEqual(of(1), 1); });\n";
    let project = Project::of(
        "node_modules/.bin/mocha",
        "test/**",
        vec![
            package(),
            code(),
            file(
                "test/a.js",
                format!("{before}}});\n"),
                format!("{before}  it('knows three', () => {{ assert.strictEqual(of(3), 30); }});\n}});\n"),
            ),
        ],
    );
    project.with_node_modules().is_proved();
}

#[test]
#[ignore = "needs node and npm"]
fn jest_proves() {
    let before = "const { of } = require('./a');\ntest('keeps', () => { expect(of(1)).toBe(1); });\n";
    let project = Project::of(
        "node_modules/.bin/jest",
        "src/*.test.js",
        vec![
            package(),
            code(),
            file(
                "src/a.test.js",
                before,
                format!("{before}test('knows three', () => {{ expect(of(3)).toBe(30); }});\n"),
            ),
        ],
    );
    project.with_node_modules().is_proved();
}

#[test]
#[ignore = "needs node and npm"]
fn vitest_proves() {
    let before = "import { expect, test } from 'vitest';\nimport { of } from './a.mjs';\n\
        test('keeps', () => { expect(of(1)).toBe(1); });\n";
    let project = Project::of(
        "node_modules/.bin/vitest run",
        "src/*.test.mjs",
        vec![
            package(),
            file(
                "src/a.mjs",
                "export const of = (n) => n;\n",
                "export const of = (n) => (n === 3 ? 30 : n);\n",
            ),
            file(
                "src/a.test.mjs",
                before,
                format!("{before}test('knows three', () => {{ expect(of(3)).toBe(30); }});\n"),
            ),
        ],
    );
    project.with_node_modules().is_proved();
}

#[test]
#[ignore = "needs go"]
fn go_proves() {
    let before = "package small\n\nimport \"testing\"\n\n\
        func TestKeeps(t *testing.T) {\n\tif Of(1) != 1 {\n\t\tt.Fatal(\"not kept\")\n\t}\n}\n";
    let project = Project::of(
        "go test ./...",
        "**/*_test.go",
        vec![
            same("go.mod", "module example.org/small\n\ngo 1.19\n"),
            file(
                "small.go",
                "package small\n\nfunc Of(n int) int {\n\treturn n\n}\n",
                "package small\n\nfunc Of(n int) int {\n\tif n == 3 {\n\t\treturn 30\n\t}\n\treturn n\n}\n",
            ),
            file(
                "small_test.go",
                before,
                format!(
                    "{before}\nfunc TestKnowsThree(t *testing.T) {{\n\tif Of(3) != 30 {{\n\t\tt.Error(\"unknown\")\n\t}}\n}}\n"
                ),
            ),
        ],
    );
    project.is_proved();
}

#[test]
#[ignore = "needs pytest"]
fn unittest_proves_in_pytest() {
    let before = "import unittest\n\nfrom small import of\n\n\nclass OfTest(unittest.TestCase):\n    \
        def test_keeps(self):\n        self.assertEqual(of(1), 1)\n";
    let project = Project::of(
        "/usr/bin/python3 -m pytest -q",
        "test_*.py",
        vec![
            file(
                "small.py",
                "def of(n):\n    return n\n",
                "def of(n):\n    if n == 3:\n        return 30\n    return n\n",
            ),
            file(
                "test_small.py",
                before,
                format!("{before}\n    def test_knows_three(self):\n        self.assertEqual(of(3), 30)\n"),
            ),
        ],
    );
    project.is_proved();
}

const POM: &str = r#"<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion><groupId>small</groupId><artifactId>small</artifactId><version>1</version>
  <properties>
    <maven.compiler.source>17</maven.compiler.source><maven.compiler.target>17</maven.compiler.target>
    <project.build.sourceEncoding>UTF-8</project.build.sourceEncoding>
  </properties>
  <dependencies><dependency>
    <groupId>junit</groupId><artifactId>junit</artifactId><version>4.x</version><scope>test</scope>
  </dependency></dependencies>
  <build><plugins>
    <plugin><artifactId>maven-surefire-plugin</artifactId><version>2.22.3</version></plugin>
    <plugin><artifactId>maven-compiler-plugin</artifactId><version>3.10.1</version></plugin>
    <plugin><artifactId>maven-resources-plugin</artifactId><version>3.3.0</version></plugin>
  </plugins></build>
</project>
"#;

const OTHER: &str = "package small;\n\nimport static org.junit.Assert.assertTrue;\n\nimport org.junit.Test;\n\n\
    public class OtherTest {\n    @Test\n    public void other() {\n        assertTrue(Small.of(2) == 2);\n    }\n}\n";

/// With what the distribution has of Maven, JUnit and Surefire: nothing is downloaded.
#[test]
#[ignore = "needs mvn and junit"]
fn junit_proves() {
    let before = "package small;\n\nimport static org.junit.Assert.assertEquals;\n\nimport org.junit.Test;\n\n\
        public class SmallTest {\n    @Test\n    public void keeps() {\n        assertEquals(1, Small.of(1));\n    }\n";
    let project = Project::of(
        "mvn -B -o -Dmaven.repo.local=/usr/share/maven-repo test",
        "src/test/**",
        vec![
            same("pom.xml", POM),
            same("src/test/java/small/OtherTest.java", OTHER),
            file(
                "src/main/java/small/Small.java",
                "package small;\n\npublic class Small {\n    public static int of(int n) {\n        return n;\n    }\n}\n",
                "package small;\n\npublic class Small {\n    public static int of(int n) {\n        if (n == 3) {\n            \
                 return 30;\n        }\n        return n;\n    }\n}\n",
            ),
            file(
                "src/test/java/small/SmallTest.java",
                format!("{before}}}\n"),
                format!(
                    "{before}\n    @Test\n    public void knowsThree() {{\n        assertEquals(30, Small.of(3));\n    }}\n}}\n"
                ),
            ),
        ],
    );
    // Of the class that was changed alone, where that says enough.
    asks_for_all_on_the_base_and_once_with_the_change(&project.is_proved());
}

#[track_caller]
fn asks_for_all_on_the_base_and_once_with_the_change(runs: &[Value]) {
    let whole = runs.iter().filter(|ran| ran["report"]["part"] != true);
    let whole: Vec<&str> = whole.map(|ran| ran["run"].as_str().unwrap()).collect();
    assert_eq!(whole, ["base", "result"], "{runs:#?}");
    assert_eq!(runs.iter().filter(|ran| ran["run"] == "result").count(), 2, "{runs:#?}");
}

#[test]
fn cargo_is_asked_for_the_changed_tests_where_all_would_tell_no_more() {
    let test = |name: &str, of: u32, is: u32| {
        format!("#[test]\nfn {name}() {{\n    assert_eq!(small::of({of}), {is});\n}}\n")
    };
    let (before, other) = (test("keeps", 1, 1), test("other", 2, 2));
    let project = Project::of(
        "cargo test --offline",
        "tests/**",
        vec![
            same("Cargo.toml", "[package]\nname = \"small\"\nversion = \"1.0.0\"\nedition = \"2021\"\n"),
            same("Cargo.lock", "version = 4\n\n[[package]]\nname = \"small\"\nversion = \"1.0.0\"\n"),
            same("tests/other.rs", &other),
            file(
                "src/lib.rs",
                "pub fn of(n: u32) -> u32 {\n    n\n}\n",
                "pub fn of(n: u32) -> u32 {\n    if n == 3 {\n        return 30;\n    }\n    n\n}\n",
            ),
            file("tests/small.rs", before.clone(), format!("{before}\n{}", test("knows_three", 3, 30))),
        ],
    );
    asks_for_all_on_the_base_and_once_with_the_change(&project.is_proved());
}
