//! What a build costs with what an earlier run left (`cargo bench --bench cache`): the second run of a Rust and of a Node
//! sample, beside the same commands in a folder where they have been run before, and beside a run that finds nothing.
//!
//! Between two runs a file changes, as between two issues; the warm folder has the same change. Prints what it measured and
//! the ratio to its bound. The step of a run is measured by itself, and the run as a whole.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot measure fails")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const ROUNDS: usize = 3;

/// Of the same commands in a warm folder.
const BOUND: f64 = 1.3;

/// Crates of the Rust sample, and functions in each.
const CRATES: usize = 4;
const FUNCTIONS: usize = 300;

/// Packages of the Node sample, and files in each.
const PACKAGES: usize = 150;
const FILES: usize = 20;

/// A repository to build in, and how.
struct Sample {
    name: &'static str,
    folder: &'static str,
    command: &'static str,
    /// A file that changes from round to round.
    changes: &'static str,
    fill: fn(&Path),
}

const SAMPLES: [Sample; 2] = [
    Sample {
        name: "Rust",
        folder: "target",
        command: "cargo build --offline --locked",
        changes: "crate-0/src/changing.rs",
        fill: rust,
    },
    Sample {
        name: "Node",
        folder: "node_modules",
        command: "node build.js",
        changes: "src/changing.js",
        fill: node,
    },
];

fn main() {
    println!("{:<44} {:>9}", format!("least of {ROUNDS}"), "s");
    for sample in &SAMPLES {
        measure(sample);
    }
}

fn measure(sample: &Sample) {
    let folder = tempfile::tempdir().unwrap();
    let repo = folder.path().join("repo");
    fs::create_dir(&repo).unwrap();
    (sample.fill)(&repo);
    fs::write(repo.join(".gitignore"), format!("/{}/\n", sample.folder)).unwrap();
    change(&repo, sample, 0);
    git(&repo, &["init", "-q", "-b", "main"]);
    git(&repo, &["config", "user.name", "Bench"]);
    git(&repo, &["config", "user.email", "bench@example.org"]);
    git(&repo, &["add", "-A"]);
    git(&repo, &["commit", "-q", "-m", "bench"]);
    let warm = folder.path().join("warm");
    git(&repo, &["clone", "-q", ".", warm.to_str().unwrap()]);
    shell(&warm, sample.command);

    let plans: Vec<PathBuf> = ["", "cache: [FOLDER]\n"]
        .iter()
        .enumerate()
        .map(|(at, cache)| plan(folder.path(), sample, at, &cache.replace("FOLDER", sample.folder)))
        .collect();
    let state = folder.path().join("state");
    run(&repo, &plans[1], &state);
    let (mut best, mut steps) = ([Duration::MAX; 3], [Duration::MAX; 2]);
    for round in 1..=ROUNDS {
        change(&repo, sample, round);
        git(&repo, &["commit", "-q", "-am", "change"]);
        change(&warm, sample, round);
        best[0] = best[0].min(timed(|| shell(&warm, sample.command)));
        best[1] = best[1].min(timed(|| run(&repo, &plans[1], &state)));
        steps[0] = steps[0].min(step(&repo));
        best[2] = best[2].min(timed(|| run(&repo, &plans[0], &state)));
        steps[1] = steps[1].min(step(&repo));
    }
    let size = measured(&state.join("caches")) >> 20;
    row(&format!("{}: in a warm folder", sample.name), best[0]);
    row(&format!("{}: a run, {size} MiB kept", sample.name), best[1]);
    row("   its step", steps[0]);
    row(&format!("{}: a run that finds nothing", sample.name), best[2]);
    row("   its step", steps[1]);
    let ratio = |took: Duration| took.as_secs_f64() / best[0].as_secs_f64();
    println!(
        "{}: run {:.2} (bound {BOUND}), step {:.2}; without a cache {:.2}",
        sample.name,
        ratio(best[1]),
        ratio(steps[0]),
        ratio(best[2])
    );
}

/// Writes the plan of an issue of its own.
fn plan(folder: &Path, sample: &Sample, at: usize, cache: &str) -> PathBuf {
    let file = folder.join(format!("{at}.yaml"));
    let text = format!(
        "version: 1\nissue: {}\ntitle: Build\n{cache}steps:\n  - {{id: build, command: \"{}\"}}\n  - {{id: apply, apply: \"{at}.patch\"}}\n",
        at + 1,
        sample.command
    );
    fs::write(&file, text).unwrap();
    let patch = "diff --git a/added b/added\nnew file mode 100644\n--- /dev/null\n+++ b/added\n@@ -0,0 +1 @@\n+added\n";
    fs::write(folder.join(format!("{at}.patch")), patch).unwrap();
    file
}

fn change(repo: &Path, sample: &Sample, round: usize) {
    let text = if Path::new(sample.changes).extension().is_some_and(|end| end == "rs") {
        format!("pub fn changing() -> usize {{ {round} }}\n")
    } else {
        format!("exports.changing = {round};\n")
    };
    fs::write(repo.join(sample.changes), text).unwrap();
}

fn rust(repo: &Path) {
    let members: Vec<String> = (0..CRATES).map(|at| format!("\"crate-{at}\"")).collect();
    fs::write(
        repo.join("Cargo.toml"),
        format!("[workspace]\nresolver = \"3\"\nmembers = [{}]\n", members.join(", ")),
    )
    .unwrap();
    for at in 0..CRATES {
        let src = repo.join(format!("crate-{at}/src"));
        fs::create_dir_all(&src).unwrap();
        let manifest = format!("[package]\nname = \"crate-{at}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n");
        fs::write(repo.join(format!("crate-{at}/Cargo.toml")), manifest).unwrap();
        let mut text = if at == 0 { "pub mod changing;\n".to_owned() } else { String::new() };
        for n in 0..FUNCTIONS {
            text.push_str(&format!(
                "pub fn f{n}(x: u64) -> String {{ let v: Vec<u64> = (0..x).map(|y| y.wrapping_mul({n})).collect(); format!(\"{{v:?}}\") }}\n"
            ));
        }
        fs::write(src.join("lib.rs"), text).unwrap();
    }
    let status = Command::new("cargo").args(["generate-lockfile", "--offline"]).current_dir(repo).status();
    assert!(status.unwrap().success());
}

/// Packages that are installed by hand, since no registry is asked, and a build that compiles what has changed.
fn node(repo: &Path) {
    fs::create_dir(repo.join("src")).unwrap();
    for at in 0..40 {
        fs::write(repo.join(format!("src/{at}.js")), format!("exports.n = {at};\n").repeat(500)).unwrap();
    }
    fs::write(repo.join("package.json"), "{\"name\": \"sample\", \"version\": \"1.0.0\"}\n").unwrap();
    let lock = "{\"name\": \"sample\", \"version\": \"1.0.0\", \"lockfileVersion\": 3, \"packages\": {\"\": {\"name\": \"sample\", \"version\": \"1.0.0\"}}}\n";
    fs::write(repo.join("package-lock.json"), lock).unwrap();
    let build = format!(
        "const fs = require('fs'), zlib = require('zlib');
fs.mkdirSync('node_modules/.cache', {{recursive: true}});
for (let p = 0; p < {PACKAGES}; p++) {{
  const folder = `node_modules/package-${{p}}/lib`;
  if (fs.existsSync(folder)) continue;
  fs.mkdirSync(folder, {{recursive: true}});
  for (let n = 0; n < {FILES}; n++) fs.writeFileSync(`${{folder}}/${{n}}.js`, `exports.n = ${{n}};\\n`.repeat(200));
}}
for (const name of fs.readdirSync('src')) {{
  const [from, to] = ['src/' + name, 'node_modules/.cache/' + name + '.br'];
  if (fs.existsSync(to) && fs.statSync(to).mtimeMs >= fs.statSync(from).mtimeMs) continue;
  for (let n = 0; n < 20; n++) fs.writeFileSync(to, zlib.brotliCompressSync(fs.readFileSync(from)));
}}
"
    );
    fs::write(repo.join("build.js"), build).unwrap();
}

fn run(repo: &Path, plan: &Path, state: &Path) {
    let issue = if plan.ends_with("0.yaml") { "1" } else { "2" };
    let mut command = Command::new(env!("CARGO_BIN_EXE_autopilot"));
    command.args(["run", issue, "--no-publish", "--plan"]).arg(plan);
    command.current_dir(repo).env("AUTOPILOT_STATE_DIR", state);
    quiet(&mut command);
}

/// Returns how long the first step of the latest run took.
fn step(repo: &Path) -> Duration {
    let entries = fs::read_dir(repo.join(".ai/logs/autopilot")).unwrap();
    let mut journals: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    journals.retain(|path| path.file_name().unwrap().to_string_lossy().starts_with("status-"));
    journals.sort_by_key(|path| fs::metadata(path).unwrap().modified().unwrap());
    let text = fs::read_to_string(journals.last().unwrap()).unwrap();
    let ended = text.lines().find(|line| line.contains("\"type\":\"attempt.ended\"")).unwrap();
    let line: serde_json::Value = serde_json::from_str(ended).unwrap();
    Duration::from_millis(line["event"]["ms"].as_u64().unwrap())
}

fn shell(folder: &Path, script: &str) {
    quiet(Command::new("sh").args(["-euc", script]).current_dir(folder));
}

fn git(repo: &Path, args: &[&str]) {
    quiet(Command::new("git").args(args).current_dir(repo));
}

#[track_caller]
fn quiet(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn timed(once: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    once();
    begun.elapsed()
}

fn measured(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => measured(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}

fn row(what: &str, took: Duration) {
    println!("{what:<44} {:>9.2}", took.as_secs_f64());
}
