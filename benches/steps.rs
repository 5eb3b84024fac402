//! What a step costs: runs of N `true` steps, and where the time goes (`cargo bench --bench steps`).
//!
//! Prints medians. The parts are measured in the same run: a launch of the sandbox alone, `git status` of the
//! same tree, and a write that waits for the same disk.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot measure fails")]

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const ROUNDS: usize = 40;

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let repo = folder.path().join("repo");
    let state = folder.path().join("state");
    fs::create_dir_all(&repo).unwrap();
    git(&repo, &["init", "-q", "-b", "main"]);
    git(&repo, &["config", "user.name", "Bench"]);
    git(&repo, &["config", "user.email", "bench@example.org"]);
    for n in 0..200 {
        fs::write(repo.join(format!("file-{n}")), format!("{n}\n")).unwrap();
    }
    for steps in [100, 1000] {
        write_plan(&repo, steps);
    }
    git(&repo, &["add", "-A"]);
    git(&repo, &["commit", "-q", "-m", "bench"]);

    println!("{:>6} {:>10} {:>10}", "steps", "total s", "ms a step");
    let mut by_step = Vec::new();
    for steps in [100_u32, 1000] {
        let took = run_plan(&repo, &state, steps);
        let each = took.as_secs_f64() * 1000.0 / f64::from(steps);
        println!("{steps:>6} {:>10.2} {each:>10.2}", took.as_secs_f64());
        by_step.push(each);
    }
    println!("linear: a step of 1,000 costs {:.2}× one of 100", by_step[1] / by_step[0]);

    let launch = median(|| {
        let mut command = autopilot(&repo, &state);
        command.args(["sandbox", "--", "true"]);
        quiet(&mut command);
    });
    let version = median(|| {
        let mut command = autopilot(&repo, &state);
        command.arg("--version");
        quiet(&mut command);
    });
    let status = median(|| {
        let mut command = Command::new("git");
        command.args(["status", "--porcelain"]).current_dir(&repo);
        quiet(&mut command);
    });
    let mut file = File::create(folder.path().join("synced")).unwrap();
    let sync = median(|| {
        file.write_all(&[b'x'; 600]).unwrap();
        file.sync_data().unwrap();
    });
    println!("\nparts, medians of {ROUNDS}");
    row("`autopilot sandbox -- true`, a process of its own", launch);
    row("… of which starting autopilot itself", version);
    row("`git status` of the tree", status);
    row("a journal line on the disk (twice a step)", sync);
    let bound = ms(launch) + ms(status);
    println!(
        "\na step costs {:.2}× a launch and a `git status` ({:.2} of {bound:.2} ms)",
        by_step[1] / bound,
        by_step[1]
    );
}

fn write_plan(repo: &Path, steps: u32) {
    let mut text = format!("version: 1\nissue: {steps}\ntitle: Many steps\nlimits: {{timeout: 24h}}\n");
    text.push_str("defaults: {timeout: 1m}\nsteps:\n");
    for n in 1..=steps {
        writeln!(text, "  - {{id: step-{n}, command: [\"true\"]}}").unwrap();
    }
    let plan = repo.join(format!(".ai/plans/{steps}"));
    fs::create_dir_all(&plan).unwrap();
    fs::write(plan.join("Autopilot.yaml"), text).unwrap();
}

fn run_plan(repo: &Path, state: &Path, steps: u32) -> Duration {
    let begun = Instant::now();
    let mut command = autopilot(repo, state);
    command.args(["run", &steps.to_string()]);
    quiet(&mut command);
    begun.elapsed()
}

fn autopilot(repo: &Path, state: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_autopilot"));
    command.current_dir(repo).env("AUTOPILOT_STATE_DIR", state);
    command
}

fn git(repo: &Path, args: &[&str]) {
    let mut command = Command::new("git");
    command.args(args).current_dir(repo);
    quiet(&mut command);
}

#[track_caller]
fn quiet(command: &mut Command) {
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    assert!(status.success(), "{command:?}: {status}");
}

fn median(mut once: impl FnMut()) -> Duration {
    let mut times: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let begun = Instant::now();
            once();
            begun.elapsed()
        })
        .collect();
    times.sort();
    times[ROUNDS / 2]
}

fn row(what: &str, took: Duration) {
    println!("{:>8.2} ms  {what}", ms(took));
}

fn ms(took: Duration) -> f64 {
    took.as_secs_f64() * 1000.0
}
