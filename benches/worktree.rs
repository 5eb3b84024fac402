//! What the worktree of a large repository costs (`cargo bench --bench worktree`): the first run beside `git pack-objects`
//! and a checkout, the next ones beside `git clone --shared` with its checkout.
//!
//! Prints what it measured and the ratio to its bound. `AUTOPILOT_BENCH_REPOSITORY` names a repository to measure in,
//! which is left as it is but for result branches and evidence; else one with 50,000 files is made, of 256 MiB.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot measure fails")]

use std::fs;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const FILES: usize = 50_000;
/// Large contents that follow one another, of this size.
const LARGE: usize = 1024;
const SIZE: usize = 256 << 10;

const ROUNDS: usize = 3;

/// The first run at most, of packing and checkout; the next ones at most, of a shared clone.
const BOUNDS: [f64; 2] = [1.2, 0.6];

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let named = std::env::var_os("AUTOPILOT_BENCH_REPOSITORY").map(PathBuf::from);
    let repo = named.unwrap_or_else(|| made(&folder.path().join("repo")));
    let plan = folder.path().join("Autopilot.yaml");
    fs::write(&plan, "version: 1\nissue: 1\ntitle: Large\nsteps:\n  - {id: a, command: [\"true\"]}\n")
        .unwrap();
    // A folder of its own each time, and none removed before the end: for minutes ext4 looks through inodes that have just
    // been freed whenever it makes a file.
    let other = |name: &str, round: usize| folder.path().join(format!("{name}-{round}"));
    let packed = least(|round| {
        let other = other("packed", round);
        fs::create_dir(&other).unwrap();
        let pack =
            "git rev-parse HEAD | git pack-objects --revs -q --delta-base-offset \"$1/pack\" >\"$1/name\"";
        shell(&repo, pack, &other);
    });
    let checked_out = least(|round| {
        shell(
            &repo,
            "git --work-tree=\"$1\" read-tree --index-output=\"$1.index\" HEAD; mkdir \"$1\"; GIT_INDEX_FILE=\"$1.index\" git --work-tree=\"$1\" checkout-index -a -q",
            &other("checked-out", round),
        );
    });
    let cloned = least(|round| {
        let clone = format!("git clone -q --shared '{}' \"$1\"", repo.display());
        shell(Path::new("/"), &clone, &other("cloned", round));
    });

    let (first, of_run) =
        least_of(|round| worktree(&repo, &plan, &folder.path().join(format!("state-{round}"))));
    let (next, of_next) = least_of(|_| worktree(&repo, &plan, &folder.path().join("state-0")));
    println!("{:<44} {:>9}", format!("least of {ROUNDS}"), "s");
    row("git pack-objects", packed);
    row("a checkout", checked_out);
    row("git clone --shared, with its checkout", cloned);
    row("worktree of a first run", first);
    row("… the whole run, of one step `true`", of_run);
    row("worktree of the next", next);
    row("… the whole run", of_next);
    let ratios = [
        first.as_secs_f64() / (packed + checked_out).as_secs_f64(),
        next.as_secs_f64() / cloned.as_secs_f64(),
    ];
    for ((what, ratio), bound) in ["first", "next"].iter().zip(ratios).zip(BOUNDS) {
        println!("{what}: {ratio:.2}× (bound {bound})");
    }
}

/// Makes a repository of many files, whose history is large.
fn made(repo: &Path) -> PathBuf {
    fs::create_dir(repo).unwrap();
    shell(
        repo,
        "git init -q -b main; git config user.name Bench; git config user.email bench@example.org",
        repo,
    );
    let mut import = Command::new("git");
    let mut import = import
        .args(["fast-import", "--quiet", "--done"])
        .current_dir(repo)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut to = BufWriter::new(import.stdin.take().unwrap());
    let commit = |to: &mut BufWriter<_>| {
        write!(to, "commit refs/heads/main\ncommitter Bench <bench@example.org> 1700000000 +0000\ndata 0\n")
    };
    commit(&mut to).unwrap();
    for file in 0..FILES {
        let text = format!("// {file}\n").repeat(200);
        write!(to, "M 100644 inline d{}/f{file}.rs\ndata {}\n{text}\n", file % 500, text.len()).unwrap();
    }
    let mut number = 1_u64;
    for large in 0..LARGE {
        commit(&mut to).unwrap();
        write!(to, "M 100644 inline large/{}\ndata {SIZE}\n", large % 16).unwrap();
        for _ in 0..SIZE / 8 {
            // Nothing that can be packed tighter.
            number ^= number << 13;
            number ^= number >> 7;
            number ^= number << 17;
            to.write_all(&number.to_le_bytes()).unwrap();
        }
        to.write_all(b"\n").unwrap();
    }
    to.write_all(b"done\n").unwrap();
    drop(to);
    assert!(import.wait().unwrap().success());
    shell(repo, "git reset -q --hard", repo);
    repo.to_owned()
}

fn shell(folder: &Path, script: &str, argument: &Path) {
    let mut command = Command::new("sh");
    command.args(["-euc", script, "sh"]).arg(argument).current_dir(folder);
    assert!(command.status().unwrap().success(), "{script}");
}

/// Runs the plan; how long its worktree took, as its journal says, and all of it.
fn worktree(repo: &Path, plan: &Path, state: &Path) -> (Duration, Duration) {
    let begun = Instant::now();
    let mut command = Command::new(env!("CARGO_BIN_EXE_autopilot"));
    command.arg("run").arg("1").arg("--plan").arg(plan).current_dir(repo).env("AUTOPILOT_STATE_DIR", state);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let took = begun.elapsed();
    let logs = repo.join(".ai/logs/autopilot");
    let journals = fs::read_dir(logs).unwrap().map(|entry| entry.unwrap().path());
    let journals = journals.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("status-"));
    let text = fs::read_to_string(journals.max().unwrap()).unwrap();
    let ready = text.lines().find(|line| line.contains("\"worktree.ready\"")).unwrap();
    let event: serde_json::Value = serde_json::from_str(ready).unwrap();
    (Duration::from_millis(event["event"]["ms"].as_u64().unwrap()), took)
}

fn least(run: impl Fn(usize)) -> Duration {
    let once = |round| {
        let begun = Instant::now();
        run(round);
        begun.elapsed()
    };
    (0..ROUNDS).map(once).min().unwrap()
}

fn least_of(run: impl FnMut(usize) -> (Duration, Duration)) -> (Duration, Duration) {
    (0..ROUNDS).map(run).min().unwrap()
}

fn row(what: &str, took: Duration) {
    println!("{what:<44} {:>9.2}", took.as_secs_f64());
}
