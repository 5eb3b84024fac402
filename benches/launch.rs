//! Launching `/bin/true` confined, beside plain fork+exec and bubblewrap with the same isolation; peak memory of
//! the launcher; and a command of 45,000 stats. Prints ratios: absolute times are the machine's.
//!
//! `cargo bench --bench launch`; needs bubblewrap and hyperfine (Debian: `apt-get install bubblewrap hyperfine`).

#![expect(clippy::expect_used, clippy::print_stdout, reason = "a benchmark: it prints, and fails loudly")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const RUNS: &str = "200";
const PLAIN: &str = "/usr/bin:/bin";

fn main() {
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    need("bwrap", "bubblewrap");
    need("hyperfine", "hyperfine");
    let folder = tempfile::tempdir().expect("a scratch directory");
    let tree = folder.path().join("tree");
    fs::create_dir(&tree).expect("a tree");
    let bench = PathBuf::from(env!("CARGO_BIN_EXE_autopilot"));
    launches(folder.path(), &tree, &bench);
    stats(folder.path(), &tree, &bench);
}

fn need(program: &str, package: &str) {
    let there = Command::new(program).arg("--version").stdout(Stdio::null()).status().is_ok();
    assert!(there, "{program} is missing: apt-get install {package}");
}

/// The same isolation: all namespaces, a root of its own, no capabilities, an empty environment.
fn bubblewrap(tree: &Path) -> String {
    format!(
        "bwrap --unshare-all --die-with-parent --new-session --clearenv --cap-drop ALL --ro-bind /usr /usr \
         --symlink usr/bin /bin --symlink usr/lib /lib --symlink usr/lib64 /lib64 --proc /proc --dev /dev \
         --tmpfs /tmp --bind {tree} {tree} --chdir {tree} --setenv PATH /usr/bin --",
        tree = tree.display()
    )
}

fn launches(folder: &Path, tree: &Path, autopilot: &Path) {
    println!(
        "launching /bin/true, {RUNS} runs each; `autopilot launch` starts it from a runner that is there already"
    );
    let ours = run_many(autopilot, tree, "true", Some(folder));
    let rich = run_many(autopilot, tree, "true", None);
    let plain = run_plain(&["/bin/true"], tree);
    let words = bubblewrap(tree);
    let mut bwrap: Vec<&str> = words.split_whitespace().collect();
    bwrap.push("/bin/true");
    let bwrap = run_plain(&bwrap, tree);
    report("plain fork+exec", plain, bwrap);
    report("bubblewrap", bwrap, bwrap);
    report("autopilot launch", ours, bwrap);
    report("  with toolchains", rich, bwrap);
    let whole = hyperfine(
        folder,
        tree,
        &[format!("{} sandbox -- true", autopilot.display()), format!("{words} /bin/true")],
    );
    println!(
        "  whole command line, probe included (hyperfine): {:.2} ms, bubblewrap {:.2} ms",
        whole[0], whole[1]
    );
    println!("  peak memory of the confined side: {} KiB (goal < 6144)", peak(autopilot, tree));
}

fn report(name: &str, millis: f64, bwrap: f64) {
    println!("  {name:<18} {millis:>7.2} ms   {:.2} x bubblewrap", millis / bwrap);
}

/// Medians in milliseconds of launches from this process, as the runner would.
fn run_plain(argv: &[&str], tree: &Path) -> f64 {
    let runs: usize = RUNS.parse().expect("a number");
    let mut times: Vec<f64> = (0..runs)
        .map(|_| {
            let start = std::time::Instant::now();
            let status = Command::new(argv[0])
                .args(&argv[1..])
                .current_dir(tree)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .status()
                .expect("it starts");
            assert!(status.success(), "{argv:?}");
            start.elapsed().as_secs_f64() * 1000.0
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[runs / 2]
}

/// The median that `autopilot sandbox --repeat` measures for itself: launch to reaped, many times in a runner.
///
/// With a home of its own there is nothing to bind beyond what bubblewrap binds; with the caller's, the toolchains
/// and download caches of this host come on top, which bubblewrap is not asked for.
fn run_many(autopilot: &Path, tree: &Path, program: &str, home: Option<&Path>) -> f64 {
    let mut command = Command::new(autopilot);
    if let Some(home) = home {
        command.env_clear().env("HOME", home).env("PATH", PLAIN);
    }
    let output = command
        .args(["sandbox", "--repeat", RUNS, "--", program])
        .current_dir(tree)
        .stdin(Stdio::null())
        .output()
        .expect("autopilot starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stderr);
    let median = text.split_whitespace().find_map(|word| word.strip_prefix("median_ms="));
    median.and_then(|number| number.parse().ok()).expect("a median")
}

/// Peak resident memory, in KiB, of the largest process on the confined side.
fn peak(autopilot: &Path, tree: &Path) -> u64 {
    let output = Command::new(autopilot)
        .args(["sandbox", "--", "grep", "VmHWM", "/proc/1/status"])
        .current_dir(tree)
        .output()
        .expect("autopilot starts");
    let text = String::from_utf8_lossy(&output.stdout);
    text.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("init's peak")
}

/// 45,000 files looked at: what a `git status` of a large repository does.
fn stats(folder: &Path, tree: &Path, autopilot: &Path) {
    for outer in 0..45 {
        let dir = tree.join(format!("d{outer}"));
        fs::create_dir(&dir).expect("a folder");
        for inner in 0..1000 {
            fs::write(dir.join(format!("f{inner}")), "").expect("a file");
        }
    }
    // Ten times: the launch, which is left out, is small beside it.
    let script = "for i in 0 1 2 3 4 5 6 7 8 9; do find . -newermt 2100-01-01; done";
    let confined = format!("{} sandbox -- sh -c '{script}'", autopilot.display());
    let times = hyperfine(
        folder,
        tree,
        &[confined, format!("sh -c '{script}'"), format!("{} sandbox -- true", autopilot.display())],
    );
    let inside = times[0] - times[2];
    println!(
        "45,000 stats, ten times: confined {:.1} ms (launch left out: {inside:.1}), unconfined {:.1} ms",
        times[0], times[1]
    );
    println!("  {:.2} x unconfined (goal < 1.1)", inside / times[1]);
}

/// Medians in milliseconds.
fn hyperfine(folder: &Path, tree: &Path, commands: &[String]) -> Vec<f64> {
    let out = folder.join("hyperfine.json");
    // The plain environment of the launches above, but for where hyperfine and bwrap are.
    let status = Command::new("hyperfine")
        .args(["-N", "-w", "5", "-r", "30", "--export-json"])
        .arg(&out)
        .args(commands)
        .current_dir(tree)
        .env("HOME", folder)
        .env("PATH", PLAIN)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .expect("hyperfine starts");
    assert!(status.success(), "hyperfine: {commands:?}");
    let json: serde_json::Value = serde_json::from_slice(&fs::read(&out).expect("its result")).expect("JSON");
    let results = json["results"].as_array().expect("results");
    results.iter().map(|each| each["median"].as_f64().expect("a median") * 1000.0).collect()
}
