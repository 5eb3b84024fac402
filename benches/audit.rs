//! What an audit costs beside `sha256sum` over the same files (`cargo bench --bench audit`).
//!
//! Makes 1,000 runs out of one real run, with logs of `AUTOPILOT_AUDIT_MIB` (1,024) MiB together; every one passes.
//! Both read the files from the page cache and run on the same single core. The detectors of secrets are measured
//! by themselves, over the same files.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot measure fails")]
#![expect(clippy::cast_precision_loss, reason = "three digits are printed")]

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use autopilot::evidence::mask::{Detector, Secrets};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const RUNS: usize = 1000;
const ROUNDS: usize = 3;

fn main() {
    // Everything on one core, this process and its children.
    let mut one = nix::sched::CpuSet::new();
    one.set(0).unwrap();
    nix::sched::sched_setaffinity(nix::unistd::Pid::from_raw(0), &one).unwrap();
    let mib = std::env::var("AUTOPILOT_AUDIT_MIB").map_or(1024, |mib| mib.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let good = one_run(folder.path());
    let top = folder.path().join("runs");
    let files = multiply(&good, &top, mib * (1 << 20) / RUNS);
    let bytes: u64 = files.iter().map(|file| fs::metadata(file).unwrap().len()).sum();

    let sum = best(|| quiet(Command::new("sha256sum").args(&files)));
    let mut peak = 0;
    let audit = best(|| peak = peak.max(audit(&top)));
    let detect = best(|| files.iter().for_each(|file| detect(file)));
    let apart = audit.saturating_sub(detect);
    println!("{RUNS} runs, {} files, {} MiB, one core", files.len(), bytes >> 20);
    row("sha256sum", sum, bytes);
    row("autopilot audit --all --evidence-only", audit, bytes);
    row("… of which the detectors of secrets", detect, bytes);
    row("… and the rest", apart, bytes);
    println!(
        "detectors apart: {:.0} % of sha256sum's throughput",
        100.0 * sum.as_secs_f64() / apart.as_secs_f64()
    );
    println!("peak memory {:.1} MiB", f64::from(peak) / 1024.0);
}

/// Runs a plan once, and returns the folder of its checkout.
fn one_run(folder: &Path) -> PathBuf {
    let repo = folder.join("repo");
    fs::create_dir_all(repo.join(".ai/plans/1")).unwrap();
    let plan = "version: 1\nissue: 1\ntitle: Bench\nsteps:\n  - {id: a, command: echo a}\n  - {id: b, command: echo b}\n  - {id: c, command: echo c}\n";
    fs::write(repo.join(".ai/plans/1/Autopilot.yaml"), plan).unwrap();
    for args in [
        &["init", "-q", "-b", "main"][..],
        &["config", "user.name", "Bench"],
        &["config", "user.email", "bench@example.org"],
        &["add", "-A"],
        &["commit", "-q", "-m", "bench"],
    ] {
        quiet(Command::new("git").args(args).current_dir(&repo));
    }
    let mut run = Command::new(env!("CARGO_BIN_EXE_autopilot"));
    quiet(run.arg("1").current_dir(&repo).env("AUTOPILOT_STATE_DIR", folder.join("state")));
    repo
}

/// Makes many runs of one, each with a log of this size; returns every file of them.
fn multiply(good: &Path, top: &Path, log: usize) -> Vec<PathBuf> {
    let names = |folder: &str| fs::read_dir(good.join(folder)).unwrap().map(|entry| entry.unwrap().path());
    let journal =
        names(".ai/logs/autopilot").find(|path| path.to_str().unwrap().contains("/status-")).unwrap();
    let run = journal.file_stem().unwrap().to_str().unwrap().strip_prefix("status-").unwrap().to_owned();
    let mut all = Vec::new();
    for folder in [".ai/logs/codex", ".ai/logs/autopilot"] {
        fs::create_dir_all(top.join(folder)).unwrap();
    }
    // The last step printed more: the lines stand before the banner that ends it.
    let said = fs::read_to_string(good.join(format!(".ai/logs/codex/autopilot-{run}.log"))).unwrap();
    let banner = said.trim_end().rfind('\n').unwrap() + 1;
    let more = build_log(log);
    let text = [&said.as_bytes()[..banner], &more, &said.as_bytes()[banner..]].concat();
    for number in 0..RUNS {
        let own = format!("20260101T{:02}{:02}{:02}Z-1", number / 3600, number / 60 % 60, number % 60);
        let renamed = |text: &str| text.replace(&run, &own).replace(&run[..16], &own[..16]);
        let put = |path: &str, bytes: &[u8]| {
            let path = top.join(renamed(path));
            fs::write(&path, bytes).unwrap();
            path
        };
        let journal_name = format!(".ai/logs/autopilot/status-{run}.log");
        let summary_name = format!(".ai/logs/autopilot/summary-{run}.md");
        let log_name = format!(".ai/logs/codex/autopilot-{run}.log");
        let summary = renamed(&fs::read_to_string(good.join(&summary_name)).unwrap());
        all.push(put(&log_name, &text));
        all.push(put(&summary_name, summary.as_bytes()));
        let files = [(renamed(&log_name), text.as_slice()), (renamed(&summary_name), summary.as_bytes())];
        let provenance_name = format!(".ai/logs/autopilot/provenance-{run}.json");
        let statement = renamed(&fs::read_to_string(good.join(&provenance_name)).unwrap());
        let lines = renamed(&fs::read_to_string(&journal).unwrap());
        let (lines, statement) = close(&lines, &statement, &files, (banner, more.len()));
        all.push(put(&journal_name, &lines));
        all.push(put(&provenance_name, &statement));
    }
    all
}

/// Writes chain, seal and provenance again, for a log that has grown at a place by so many bytes.
fn close(
    lines: &str,
    statement: &str,
    files: &[(String, &[u8])],
    (place, grown): (usize, usize),
) -> (Vec<u8>, Vec<u8>) {
    let mut statement: Value = serde_json::from_str(statement).unwrap();
    let (mut prev, mut out) = ("0".repeat(64), Vec::new());
    for line in lines.lines() {
        let mut line: Value = serde_json::from_str(line).unwrap();
        line["prev"] = json!(prev);
        let kind = line["event"]["type"].as_str().unwrap().to_owned();
        if let Some(at) = line["event"]["log"].as_u64().filter(|&at| at > place as u64) {
            line["event"]["log"] = json!(at + grown as u64);
        }
        if kind == "sealed" {
            for (at, (name, bytes)) in files.iter().enumerate() {
                let sha = sha256(bytes);
                line["event"]["files"][at] = json!({"path": name, "sha256": sha, "size": bytes.len()});
                statement["subject"][at]["digest"]["sha256"] = json!(sha);
            }
        }
        if kind == "attested" {
            line["event"]["sha256"] = json!(sha256(&serde_json::to_vec(&statement).unwrap()));
        }
        let text = serde_json::to_vec(&line).unwrap();
        prev = sha256(&text);
        out.extend(text);
        out.push(b'\n');
        if kind == "sealed" {
            statement["subject"][files.len()]["digest"]["sha256"] = json!(sha256(&out));
        }
    }
    (out, serde_json::to_vec(&statement).unwrap())
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// Lines as a build prints them.
fn build_log(size: usize) -> Vec<u8> {
    let mut text = String::with_capacity(size + 200);
    let mut number = 0;
    while text.len() < size {
        number += 1;
        text.push_str(&format!(
            "   Compiling crate-{number} v0.{number}.1 (/work/tree/crates/crate-{number})\ntest module_{number}::works_as_said ... ok\n"
        ));
    }
    text.into_bytes()
}

/// Audits all; returns the peak of its memory in KiB.
fn audit(top: &Path) -> u32 {
    let mut command = Command::new(env!("CARGO_BIN_EXE_autopilot"));
    command.args(["audit", "--all", "--evidence-only"]).current_dir(top).stdout(Stdio::null());
    let mut child = command.spawn().unwrap();
    let mut peak = 0;
    loop {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0 kB");
        peak = peak.max(line.trim().trim_end_matches(" kB").parse().unwrap());
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success(), "{status}");
            return peak;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Does what the audit does to find secrets in a file.
fn detect(file: &Path) {
    let mut detector = Detector::new(&Secrets::default());
    let mut file = fs::File::open(file).unwrap();
    let mut buffer = vec![0; 128 << 10];
    let mut found = 0;
    loop {
        let n = file.read(&mut buffer).unwrap();
        if n == 0 {
            break;
        }
        found += detector.push(&buffer[..n]).len();
    }
    assert_eq!(found + detector.finish().len(), 0);
}

fn best(mut once: impl FnMut()) -> Duration {
    let times = (0..ROUNDS).map(|_| {
        let begun = Instant::now();
        once();
        begun.elapsed()
    });
    times.min().unwrap()
}

#[track_caller]
fn quiet(command: &mut Command) {
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    assert!(status.success(), "{command:?}: {status}");
}

fn row(what: &str, took: Duration, bytes: u64) {
    let rate = bytes as f64 / 1e6 / took.as_secs_f64();
    println!("{:>8.2} s {rate:>7.0} MB/s  {what}", took.as_secs_f64());
}
