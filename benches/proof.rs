//! What a proof costs, beside one plain run of its test command (`cargo bench --bench proof`).
//!
//! The samples have tests that take their time (a tenth of a second for each file), as those of real changes do: with tests that
//! take none, a proof costs what its starts cost. Each is measured warm: what can be built is built before, in the plain run's
//! folder as well as below the proof's. The plain run is one of the change, as its author makes it: what the change touches is
//! built in it. "Built" is one for which nothing is left to build.
//!
//! Prints the least of some rounds, what each run of the proof took in that, and the ratio without changed values to its bound;
//! beside it the ratio of processor time, which other work on the machine disturbs less: of the whole run, but for the step that
//! builds.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot measure fails")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const ROUNDS: usize = 3;

/// Of one plain run of the command on the change, without changed values.
const BOUND: f64 = 4.0;

/// Test files beside the one that is changed: a change touches few of many.
const OTHERS: usize = 9;

/// A library with its tests, and a change of it.
struct Sample {
    name: &'static str,
    command: &'static str,
    /// The folder that the command leaves, which git is not to see.
    ignored: &'static str,
    /// The code, before and after, with its path.
    code: (&'static str, &'static str, &'static str),
    /// The path of a test file and its text, `{}` being its number; and what the change adds to the first.
    test: (&'static str, &'static str, &'static str),
    /// Files beside, by path.
    beside: &'static [(&'static str, &'static str)],
    patterns: &'static str,
}

const SAMPLES: [Sample; 3] = [
    Sample {
        name: "Rust",
        command: "cargo test --offline",
        ignored: "target",
        code: (
            "src/lib.rs",
            "pub fn unit(c: char) -> Option<u64> {\n    match c {\n        's' => Some(1),\n        'm' => Some(60),\n        _ => None,\n    }\n}\n",
            "pub fn unit(c: char) -> Option<u64> {\n    match c {\n        's' => Some(1),\n        'm' => Some(60),\n        'h' => Some(3600),\n        _ => None,\n    }\n}\n",
        ),
        test: (
            "tests/t{}.rs",
            "#[test]\nfn minutes() {\n    std::thread::sleep(std::time::Duration::from_millis(SLEEP));\n    assert_eq!(bench::unit('m'), Some(60));\n}\n",
            "#[test]\nfn hours() {\n    assert_eq!(bench::unit('h'), Some(3600));\n}\n",
        ),
        beside: &[
            ("Cargo.toml", "[package]\nname = \"bench\"\nversion = \"1.0.0\"\nedition = \"2021\"\n"),
            ("Cargo.lock", "version = 4\n\n[[package]]\nname = \"bench\"\nversion = \"1.0.0\"\n"),
        ],
        patterns: "tests/**",
    },
    Sample {
        name: "Python",
        command: "/usr/bin/python3 -m pytest -q",
        ignored: ".pytest_cache",
        code: (
            "bench_units.py",
            "UNITS = {\"s\": 1, \"m\": 60}\n",
            "UNITS = {\"s\": 1, \"m\": 60, \"h\": 3600, \"d\": 86400}\n",
        ),
        test: (
            "tests/test_{}.py",
            "import time\n\nfrom bench_units import UNITS\n\n\ndef test_minutes():\n    time.sleep(SLEEP / 1000)\n    assert UNITS[\"m\"] == 60\n",
            "\n\ndef test_longer():\n    assert UNITS[\"h\"] == 3600\n    assert UNITS[\"d\"] == 86400\n",
        ),
        beside: &[("pyproject.toml", "[tool.pytest.ini_options]\npythonpath = [\".\"]\n")],
        patterns: "tests/**",
    },
    Sample {
        name: "JavaScript",
        command: "node --test",
        ignored: "node_modules",
        code: (
            "src/units.js",
            "module.exports = { s: 1, m: 60 };\n",
            "module.exports = { s: 1, m: 60, h: 3600, d: 86400 };\n",
        ),
        test: (
            "test/u{}.test.js",
            "const test = require('node:test');\nconst assert = require('node:assert');\nconst units = require('../src/units');\n\ntest('minutes {}', async () => {\n  await new Promise((done) => setTimeout(done, SLEEP));\n  assert.strictEqual(units.m, 60);\n});\n",
            "test('longer', () => {\n  assert.strictEqual(units.h, 3600);\n  assert.strictEqual(units.d, 86400);\n});\n",
        ),
        beside: &[("package.json", "{\"name\": \"bench\", \"version\": \"1.0.0\"}\n")],
        patterns: "test/**",
    },
];

fn main() {
    println!("least of {ROUNDS}, in seconds; {OTHERS} of {} test files are not changed", OTHERS + 1);
    println!(
        "{:<12} {:>9} {:>9} {:>9} {:>7} {:>9} {:>9} {:>13} {:>7}",
        "", "plain", "built", "proof", "ratio", "to built", "of CPU", "10 mutants", "ratio"
    );
    let mut worst: f64 = 0.0;
    for sample in &SAMPLES {
        worst = worst.max(measure(sample));
    }
    println!("the worst without mutants: {worst:.2} (bound {BOUND})");
}

fn measure(sample: &Sample) -> f64 {
    let folder = tempfile::tempdir().unwrap();
    let repo = folder.path().join("repo");
    fs::create_dir(&repo).unwrap();
    fill(&repo, sample);
    let patch = patch(&repo, sample);
    let plain_in = folder.path().join("plain");
    git(&repo, &["clone", "-q", ".", plain_in.to_str().unwrap()]);
    let (mut best, mut cpu) = ([Duration::MAX; 3], [Duration::MAX; 3]);
    let mut without = Vec::new();
    let change = folder.path().join("change.patch");
    fs::write(&change, &patch).unwrap();
    let built = plain(&plain_in, sample, &change, (&mut best[0], &mut cpu[0]));
    for (at, mutants) in [(1, 0), (2, 10)] {
        let plan = plan(folder.path(), sample, mutants);
        for round in 0..ROUNDS {
            let state = folder.path().join(format!("state-{mutants}-{round}"));
            let used = used();
            let (took, runs) = run(&repo, &plan, &state);
            if mutants == 0 && took < best[at] {
                without = runs;
            }
            best[at] = best[at].min(took);
            cpu[at] = cpu[at].min(self::used().saturating_sub(used));
        }
    }
    let ratio = |at: usize| best[at].as_secs_f64() / best[0].as_secs_f64();
    let of_cpu = cpu[1].saturating_sub(cpu[0]).as_secs_f64() / cpu[0].as_secs_f64();
    println!(
        "{:<12} {:>9.2} {:>9.2} {:>9.2} {:>7.2} {:>9.2} {:>9.2} {:>13.2} {:>7.2}",
        sample.name,
        best[0].as_secs_f64(),
        built.as_secs_f64(),
        best[1].as_secs_f64(),
        ratio(1),
        best[1].as_secs_f64() / built.as_secs_f64(),
        of_cpu,
        best[2].as_secs_f64(),
        ratio(2)
    );
    let each: Vec<String> =
        without.iter().map(|(run, took)| format!("{run} {:.2}", took.as_secs_f64())).collect();
    println!("{:<12} its runs: {}", "", each.join(", "));
    ratio(1)
}

/// Runs the command with and without the change; returns what it takes where nothing is left to build.
fn plain(
    folder: &Path,
    sample: &Sample,
    change: &Path,
    (best, cpu): (&mut Duration, &mut Duration),
) -> Duration {
    let apply = |more: &[&str]| git(folder, &[&["apply"], more, &[change.to_str().unwrap()]].concat());
    let mut built = Duration::MAX;
    shell(folder, sample.command);
    for _ in 0..ROUNDS {
        built = built.min(timed(|| shell(folder, sample.command)));
        apply(&[]);
        let used = used();
        *best = timed(|| shell(folder, sample.command)).min(*best);
        *cpu = self::used().saturating_sub(used).min(*cpu);
        apply(&["-R"]);
        shell(folder, sample.command);
    }
    built
}

/// Writes the library, and commits it.
fn fill(repo: &Path, sample: &Sample) {
    let (path, code, _) = sample.code;
    write(repo, path, code);
    for (path, text) in sample.beside {
        write(repo, path, text);
    }
    for at in 0..=OTHERS {
        // A second for all of them, wherever they run one after another.
        let text = sample.test.1.replace("SLEEP", "100").replace("{}", &at.to_string());
        write(repo, &sample.test.0.replace("{}", &at.to_string()), &text);
    }
    write(repo, ".gitignore", &format!("/{}/\n__pycache__/\n", sample.ignored));
    git(repo, &["init", "-q", "-b", "main"]);
    git(repo, &["config", "user.name", "Bench"]);
    git(repo, &["config", "user.email", "bench@example.org"]);
    git(repo, &["add", "-A"]);
    git(repo, &["commit", "-q", "-m", "bench"]);
}

/// Returns the change as a patch, and leaves the library as it was.
fn patch(repo: &Path, sample: &Sample) -> Vec<u8> {
    write(repo, sample.code.0, sample.code.2);
    let test = repo.join(sample.test.0.replace("{}", "0"));
    let text = fs::read_to_string(&test).unwrap() + sample.test.2;
    fs::write(&test, text).unwrap();
    let output = Command::new("git").arg("diff").current_dir(repo).output().unwrap();
    git(repo, &["checkout", "-q", "."]);
    output.stdout
}

/// A plan whose first step builds, so that the proof finds what a run of the tests leaves, and whose second is proved.
fn plan(folder: &Path, sample: &Sample, mutants: u32) -> PathBuf {
    let file = folder.join(format!("{mutants}.yaml"));
    let text = format!(
        "version: 1\nissue: 1\ntitle: Proof\nsteps:\n  - {{id: build, command: \"{0}\"}}\n  - {{id: change, apply: change.patch, expectation: \
         {{proves: {{tests: [\"{1}\"], command: \"{0}\", since: change, mutants: {mutants}}}}}}}\n",
        sample.command, sample.patterns
    );
    fs::write(&file, text).unwrap();
    file
}

/// Runs a plan; returns how long its second step took, with its proof, and each run of that.
fn run(repo: &Path, plan: &Path, state: &Path) -> (Duration, Vec<(String, Duration)>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_autopilot"));
    command.args(["run", "1", "--no-publish", "--plan"]).arg(plan);
    command.current_dir(repo).env("AUTOPILOT_STATE_DIR", state);
    quiet(&mut command);
    let entries = fs::read_dir(repo.join(".ai/logs/autopilot")).unwrap();
    let mut journals: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    journals.retain(|path| path.file_name().unwrap().to_string_lossy().starts_with("status-"));
    journals.sort_by_key(|path| fs::metadata(path).unwrap().modified().unwrap());
    let text = fs::read_to_string(journals.last().unwrap()).unwrap();
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let took = |line: &serde_json::Value| Duration::from_millis(line["event"]["ms"].as_u64().unwrap());
    let is_of = |line: &serde_json::Value, kind: &str| line["event"]["type"] == kind;
    let ended = lines.iter().rfind(|line| is_of(line, "attempt.ended")).unwrap();
    let runs = lines.iter().filter(|line| is_of(line, "proof.ran"));
    let named = |line: &serde_json::Value| (line["event"]["run"].as_str().unwrap().to_owned(), took(line));
    (took(ended), runs.map(named).collect())
}

fn write(repo: &Path, path: &str, text: &str) {
    let path = repo.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn shell(folder: &Path, command: &str) {
    quiet(Command::new("sh").args(["-euc", command]).current_dir(folder));
}

fn git(repo: &Path, args: &[&str]) {
    quiet(Command::new("git").args(args).current_dir(repo));
}

#[track_caller]
fn quiet(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// The processor time of all processes that ended below this one, in user's and kernel's.
fn used() -> Duration {
    const TICK: Duration = Duration::from_millis(10);
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let behind = stat.rsplit_once(')').unwrap().1;
    let ticks: u32 = behind.split_whitespace().skip(13).take(2).map(|own| own.parse::<u32>().unwrap()).sum();
    TICK * ticks
}

fn timed(once: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    once();
    begun.elapsed()
}
