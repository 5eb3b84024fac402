//! Commands as plans have them, and how they are asked.

use super::*;

fn words(line: &str) -> Vec<String> {
    line.split(' ').map(str::to_owned).collect()
}

fn none(_: &str) -> Option<Vec<u8>> {
    None
}

fn runner(line: &str, files: &dyn Fn(&str) -> Option<Vec<u8>>) -> Result<Runner, NotKnown> {
    Runner::of(&["sh".to_owned(), "-ec".to_owned(), line.to_owned()], true, files)
}

fn asked(line: &str) -> String {
    runner(line, &none).unwrap().asked("/r", None).argv.join(" ")
}

fn only(line: &str, files: &[&str]) -> Option<String> {
    let files: Vec<String> = files.iter().map(|file| (*file).to_owned()).collect();
    let asked = runner(line, &none).unwrap().asked("/r", Some(&files));
    asked.is_part.then(|| asked.argv.join(" "))
}

#[test]
fn each_runner_is_asked_in_its_words() {
    let pytest = "--junitxml=/r/report -o junit_family=xunit1 --continue-on-collection-errors --maxfail=0";
    assert_eq!(asked("python3 -m pytest -q"), format!("python3 -m pytest -q {pytest}"));
    assert_eq!(asked(".venv/bin/pytest"), format!(".venv/bin/pytest {pytest}"));
    assert_eq!(
        asked("node --test"),
        "node --test-reporter=junit --test-reporter-destination=/r/report --test"
    );
    assert_eq!(asked("cargo test --offline -- --nocapture"), "cargo test --no-fail-fast --offline --");
    assert_eq!(asked("cargo test -q --no-fail-fast"), "cargo test --no-fail-fast");
    assert_eq!(asked("go test -v ./..."), "go test -json -count=1 ./...");
    assert!(asked("npx jest").starts_with("npx jest --json --outputFile=/r/report"));
    assert!(
        asked("node_modules/.bin/mocha -b")
            .contains("mocha --reporter json --reporter-option output=/r/report")
    );
    assert!(asked("vitest run").contains("--reporter=json --outputFile=/r/report"));
    let nextest = runner("cargo nextest run", &none).unwrap().asked("/r", None);
    assert!(nextest.argv.join(" ").contains("--tool-config-file autopilot:/r/report.toml"));
    assert!(
        nextest.files[0].1.contains("path = \"/r/report\"\nstore-success-output = true"),
        "{:?}",
        nextest.files
    );
    assert!(asked("mvn -o -Da=b test").starts_with("mvn -o -Da=b test "));
    let maven = runner("mvn test", &none).unwrap().asked("/r", None);
    assert_eq!(maven.source, Source::Folder("target/surefire-reports".to_owned(), ".xml".to_owned()));
}

#[test]
fn pytest_is_reached_by_a_variable() {
    let makefile = |path: &str| (path == "Makefile").then(|| b"test:\n\tpython -m pytest\n".to_vec());
    for line in ["make test", "cd src && python -m pytest", "uv run pytest"] {
        let asked = runner(line, &makefile).unwrap().asked("/r", None);
        let (name, value) = &asked.env[0];
        assert_eq!(name, "PYTEST_ADDOPTS", "{line}");
        assert!(value.starts_with("--junitxml=/r/report"), "{value}");
        assert!(asked.argv.join(" ").ends_with(line));
    }
}

#[test]
fn npm_hands_on_what_the_bases_script_takes() {
    let package = |script: &'static str| {
        move |path: &str| {
            (path == "package.json")
                .then(|| format!("{{\"scripts\":{{\"test\":\"{script}\"}}}}").into_bytes())
        }
    };
    let asked = |script| runner("npm test", &package(script)).unwrap().asked("/r", None);
    assert!(asked("node --test").argv.join(" ").starts_with("npm test -- --test-reporter=junit"));
    assert!(asked("mocha --require x").argv.join(" ").starts_with("npm test -- --reporter json"));
    assert_eq!(asked("node --test test/a.js").env[0].0, "NODE_OPTIONS");
    assert!(runner("npm test", &package("node --test || true")).is_err());
    assert!(runner("npm test", &none).is_err());
}

#[test]
fn what_is_not_known_says_what_to_write() {
    for line in [
        "./test.sh",
        "true",
        "python3 -m unittest",
        "cargo build",
        "cargo test | tee log",
        "cargo test; true",
        "A=b cargo test",
    ] {
        let NotKnown(why) = runner(line, &none).unwrap_err();
        assert!(why.contains("report: {format: junit, path: report.xml}"), "{why}");
    }
    assert!(runner("cargo test -- --format=json", &none).is_err());
    let modules = |path: &str| (path == "pom.xml").then(|| b"<project><modules>".to_vec());
    assert!(runner("mvn test", &modules).is_err());
}

#[test]
fn files_are_selected_only_where_the_runner_would_find_them() {
    assert!(only("python3 -m pytest -q", &["tests/test_a.py"]).unwrap().ends_with(" tests/test_a.py"));
    assert_eq!(only("python3 -m pytest -q", &["tests/test_a.py", "tests/expected.json"]), None);
    assert_eq!(only("python3 -m pytest -q", &["tests/helpers.py"]), None);
    assert_eq!(only("pytest -k slow", &["tests/test_a.py"]), None);
    assert_eq!(only("py.test -k slow", &["tests/test_a.py"]), None);
    assert_eq!(only("cargo test", &["tests/a.rs"]).unwrap(), "cargo test --no-fail-fast --test a");
    assert_eq!(only("cargo test", &["src/lib.rs"]), None);
    assert_eq!(only("cargo test --lib", &["tests/a.rs"]), None);
    assert!(only("node --test", &["test/a.test.js"]).unwrap().ends_with("--test test/a.test.js"));
    assert_eq!(only("node --test", &["test/fixtures/a.json"]), None);
    assert_eq!(only("node --test", &[]), None);
    assert!(only("npx jest --ci", &["src/a.test.ts"]).unwrap().ends_with(" --runTestsByPath src/a.test.ts"));
    assert_eq!(only("npx jest src", &["src/a.test.ts"]), None);
    assert_eq!(only("jest", &["src/__tests__/a.js"]), None);
    assert!(
        only("vitest run", &["src/a.spec.ts", "b.test.js"]).unwrap().ends_with(" src/a.spec.ts b.test.js")
    );
    assert!(only("npx mocha", &["test/a.js"]).unwrap().ends_with(" test/a.js"));
    assert_eq!(only("npx mocha", &["test/unit/a.js"]), None);
    assert_eq!(only("npx mocha --grep x", &["test/a.js"]), None);
    assert_eq!(
        only("go test -race ./...", &["a_test.go", "b/c/d_test.go", "b/c/e_test.go"]).unwrap(),
        "go test -json -count=1 . ./b/c -race"
    );
    assert_eq!(only("go test ./b", &["b/d_test.go"]), None);
    assert_eq!(only("go test -run X ./...", &["b/d_test.go"]), None);
    assert_eq!(only("go test ./...", &["testdata/x_test.go"]), None);
    assert!(only("cargo nextest run", &["tests/a.rs"]).unwrap().contains(" --test a"));
    assert_eq!(only("cargo nextest run -E x", &["tests/a.rs"]), None);
    let java = ["src/test/java/a/OneTest.java", "src/test/java/a/TestTwo.java"];
    let asked = only("mvn -B -o test", &java).unwrap();
    assert!(asked.contains(" -Dtest=a/OneTest,a/TestTwo -DfailIfNoTests=false "), "{asked}");
    for (line, file) in [
        ("mvn test", "src/test/java/a/Helper.java"),
        ("mvn test", "src/test/java/a/AbstractOneTest.java"),
        ("mvn test", "src/test/resources/OneTest.java"),
        ("mvn test", "core/src/test/java/a/OneTest.java"),
        ("mvn -Dtest=Two test", java[0]),
        ("mvn -pl core test", java[0]),
        ("mvn -Pslow test", java[0]),
    ] {
        assert_eq!(only(line, &[file]), None, "{line} {file}");
    }
    for odd in ["-p/test_a.py", "tests/x::test_a.py"] {
        assert_eq!(only("pytest", &[odd]), None, "{odd}");
    }
}

#[test]
fn a_script_of_a_package_that_says_nothing_of_files_takes_some() {
    let only = |script: &str, file: &str| {
        let text = format!("{{\"scripts\":{{\"test\":\"{script}\"}}}}");
        let package = move |path: &str| (path == "package.json").then(|| text.clone().into_bytes());
        let asked = runner("npm test", &package).unwrap().asked("/r", Some(&[file.to_owned()]));
        asked.is_part.then(|| asked.argv.join(" "))
    };
    assert!(only("node --test", "test/a.test.js").unwrap().ends_with(" test/a.test.js"));
    assert!(only("jest", "src/a.test.js").unwrap().ends_with(" --runTestsByPath src/a.test.js"));
    assert!(only("vitest run", "src/a.test.js").unwrap().ends_with(" src/a.test.js"));
    assert_eq!(only("mocha --require x", "test/a.js"), None);
    assert_eq!(only("jest src", "src/a.test.js"), None);
}

#[test]
fn a_plan_may_say_what_is_reported_and_where() {
    let asked = |format, path| Runner::reporting(&words("./t"), format, path).asked("/r", None);
    assert_eq!(asked(Format::Junit, Some("out.xml")).source, Source::Worktree("out.xml".to_owned()));
    assert_eq!(
        asked(Format::Junit, Some("out/")).source,
        Source::Folder("out".to_owned(), ".xml".to_owned())
    );
    assert_eq!(asked(Format::GoJson, None).source, Source::Output);
    assert_eq!(asked(Format::GoJson, None).canary, Some(CanaryRunner::Go));
}
