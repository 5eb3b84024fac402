//! Real toolchains in steps without a network: small projects build and pass their tests over what is downloaded
//! already, with nothing listed by hand.

use std::process::Command;

use crate::common::program::open_folder;
use crate::common::{Repo, not_tried, without_unshare};

/// Demands a tool: a suite that skips what it cannot find proves nothing.
#[track_caller]
fn need(words: &[&str], package: &str) {
    let there = Command::new(words[0]).args(&words[1..]).output().is_ok_and(|output| output.status.success());
    assert!(there, "`{}` is missing: install {package}", words.join(" "));
}

/// The version of a crate that this very build has downloaded.
fn downloaded(name: &str) -> String {
    let lock = include_str!("../../Cargo.lock");
    let (_, rest) = lock.split_once(&format!("name = \"{name}\"\nversion = \"")).expect("a dependency");
    rest.split('"').next().expect("its version").to_owned()
}

#[test]
fn cargo_builds_and_tests_with_dependencies_that_are_downloaded() {
    let repo = small_crate();
    let ran = repo.run();
    assert_eq!(ran.code, 0, "{}\n{}", ran.stderr, repo.log());
}

/// An overlay cannot be told of a path with a comma: the downloads are copied, once, and never what lies beside them.
#[test]
fn where_no_overlay_is_to_be_had_downloads_are_copied() {
    let repo = small_crate();
    let state = repo.dir().join("a,comma");
    let output = repo.command(["7"]).env("AUTOPILOT_STATE_DIR", &state).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}\n{}", repo.log());
}

/// Where nothing can be mounted at all, they are copied into HOME.
#[test]
fn without_namespaces_downloads_are_copied() {
    if nix::unistd::geteuid().is_root() {
        // Without a root of its own the step would have to walk through root's home to reach the toolchain.
        not_tried("an ordinary user tries it");
        return;
    }
    let repo = small_crate();
    let output = without_unshare(&repo.command(["7"])).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}\n{}", repo.log());
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(printed.contains("without namespaces"), "{printed}");
}

/// A crate with a dependency, and a plan that fetches, builds and tests it.
fn small_crate() -> Repo {
    let repo = Repo::new();
    let version = downloaded("hex");
    repo.file(
        "Cargo.toml",
        &format!("[package]\nname = \"small\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[dependencies]\nhex = \"={version}\"\n"),
    );
    repo.file(
        "src/lib.rs",
        "pub fn text(bytes: &[u8]) -> String { hex::encode(bytes) }\n\
         #[test]\nfn works() { assert_eq!(text(&[255]), \"ff\"); }\n\
         #[test]\nfn knows_its_home() { std::fs::write(std::env::home_dir().unwrap().join(\"x\"), \"\").unwrap(); }\n",
    );
    repo.plan(
        "  - {id: fetch, command: cargo fetch --offline}\n  \
           - {id: build, needs: [fetch], command: cargo build --offline --locked}\n  \
           - {id: test, needs: [build], command: cargo test --offline --locked, expectation: {output_matches: [\"2 passed\"]}}\n",
    );
    repo
}

#[test]
#[ignore = "needs node and npm"]
fn npm_tests_pass() {
    need(&["npm", "--version"], "npm");
    let repo = Repo::new();
    repo.file("package.json", r#"{"name": "small", "version": "1.0.0", "scripts": {"test": "node --test"}}"#);
    repo.file(
        "test/small.test.js",
        "const {test} = require('node:test'); const http = require('node:http'); const os = require('node:os');\n\
         test('serves itself', (t, done) => {\n  os.networkInterfaces(); os.userInfo();\n  \
           const server = http.createServer((_, answer) => answer.end('ok')).listen(0, '127.0.0.1', async () => {\n    \
             const said = await (await fetch(`http://127.0.0.1:${server.address().port}`)).text();\n    \
             server.close(); done(said === 'ok' ? undefined : new Error(said));\n  });\n});\n",
    );
    repo.plan("  - {id: test, command: npm test, expectation: {output_matches: [\"pass 1\"]}}\n");
    let ran = repo.run();
    assert_eq!(ran.code, 0, "{}\n{}", ran.stderr, repo.log());
}

#[test]
#[ignore = "needs pytest"]
fn pytest_passes() {
    need(&["/usr/bin/python3", "-m", "pytest", "--version"], "python3-pytest");
    let repo = Repo::new();
    repo.file(
        "test_small.py",
        "import multiprocessing, os, pwd, tempfile\n\n\
         def double(n):\n    return 2 * n\n\n\
         def test_processes():\n    with multiprocessing.Pool(2) as pool:\n        assert pool.map(double, [1, 2]) == [2, 4]\n\n\
         def test_somebody(tmp_path):\n    assert pwd.getpwuid(os.getuid()).pw_name\n    (tmp_path / 'x').write_text('x')\n    tempfile.TemporaryFile().close()\n",
    );
    repo.plan("  - {id: test, command: /usr/bin/python3 -m pytest -q, expectation: {output_matches: [\"2 passed\"]}}\n");
    let ran = repo.run();
    assert_eq!(ran.code, 0, "{}\n{}", ran.stderr, repo.log());
}

/// A module with a package below it, a listener on the loopback, and processes of its own.
#[test]
#[ignore = "needs go"]
fn go_tests_pass() {
    need(&["go", "version"], "golang-go");
    let repo = Repo::new();
    repo.file("go.mod", "module example.org/small\n\ngo 1.19\n");
    repo.file("double/double.go", "package double\n\nfunc Of(n int) int { return 2 * n }\n");
    repo.file(
        "small_test.go",
        "package small\n\nimport (\n\t\"net\"\n\t\"os/exec\"\n\t\"os/user\"\n\t\"testing\"\n\n\t\"example.org/small/double\"\n)\n\n\
         func TestDouble(t *testing.T) {\n\tif double.Of(2) != 4 {\n\t\tt.Fatal()\n\t}\n}\n\n\
         func TestHost(t *testing.T) {\n\tif _, err := user.Current(); err != nil {\n\t\tt.Fatal(err)\n\t}\n\
         \tif err := exec.Command(\"true\").Run(); err != nil {\n\t\tt.Fatal(err)\n\t}\n\
         \tif _, err := net.Listen(\"tcp\", \"127.0.0.1:0\"); err != nil {\n\t\tt.Fatal(err)\n\t}\n\
         \tif _, err := exec.Command(\"cat\", \"/etc/shadow\").Output(); err == nil {\n\t\tt.Fatal(\"not confined\")\n\t}\n}\n",
    );
    repo.plan("  - {id: test, command: go test -count=1 -v ./..., expectation: {output_matches: [\"--- PASS: TestHost\", \"ok  .*example.org/small\"]}}\n");
    let ran = repo.run();
    assert_eq!(ran.code, 0, "{}\n{}", ran.stderr, repo.log());
}

/// Folders of programs below TMPDIR's place: what a command's own folders would hide is brought in again.
#[test]
fn a_toolchain_that_a_commands_own_folder_would_hide_is_there() {
    for folder in ["/tmp", "/var/tmp"] {
        let tools = tempfile::tempdir_in(folder).unwrap();
        let bin = tools.path().join("bin");
        std::fs::create_dir(&bin).unwrap();
        std::os::unix::fs::symlink("/usr/bin/true", bin.join("my-tool")).unwrap();
        open_folder(tools.path(), 0o755);
        let repo = Repo::new();
        let mut command = repo.command(["sandbox", "--", "my-tool"]);
        let status = command.env("PATH", format!("{}:/usr/bin:/bin", bin.display())).status().unwrap();
        assert!(status.success(), "{folder}");
    }
}

/// The policy of a plan's step, and a command that cannot write where it is: both are said.
#[test]
fn a_command_can_have_the_policy_of_a_plans_step() {
    let repo = Repo::new();
    repo.plan("  - {id: test, command: \"true\", env: [A=from-the-plan], resources: {file_size: 1MiB}}\n");
    let shell = |script: &str| repo.autopilot(["sandbox", "--step", "7/test", "--", "sh", "-c", script]);
    shell("echo $A; ulimit -f").exits(0).says("from-the-plan").says("2048");
    repo.autopilot(["sandbox", "--step", "7/nope", "--", "true"]).exits(2).says("its steps are test");
    repo.autopilot(["sandbox", "--step", "7", "--", "true"]).exits(2).says("653/test");
    repo.autopilot(["sandbox", "--step", "7/test", "--network", "full", "--", "true"]).exits(2);
    let ran = shell("true").exits(0);
    let warned = ran.stderr.contains("never as root, and cannot write");
    assert_eq!(warned, nix::unistd::geteuid().is_root(), "{}", ran.stderr);
}
