//! How fast `autopilot mask` is, beside `cat`, `sed` and ripgrep, on one core and in one run.
//!
//! `cargo bench --bench mask`; `MASK_BENCH_MB` sets the size of the log (512), `MASK_BENCH_RUNS` the rounds (5).

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a benchmark talks and may stop"
)]

#[path = "mask/log.rs"]
mod log;
#[path = "mask/pieces.rs"]
mod pieces;

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};

/// What `sed` and ripgrep look for: ten of the patterns that the masker looks for by default.
const PATTERNS: [&str; 10] = [
    "gh[pousr]_[A-Za-z0-9]{36}",
    "github_pat_[A-Za-z0-9_]{82}",
    "sk-ant-[A-Za-z0-9_-]{20,}",
    "AKIA[A-Z0-9]{16}",
    "xox[abprs]-[A-Za-z0-9-]{10,}",
    "sk_live_[A-Za-z0-9]{24}",
    "npm_[A-Za-z0-9]{36}",
    "AIza[A-Za-z0-9_-]{35}",
    "glpat-[A-Za-z0-9_-]{20}",
    "eyJ[A-Za-z0-9_-]+[.]eyJ[A-Za-z0-9_-]+[.][A-Za-z0-9_-]+",
];

/// How many values are registered.
const VALUES: usize = 40;

/// Bytes that one piece is repeated to.
const PIECES: usize = 4 << 20;

/// A program to measure.
struct Contender {
    name: &'static str,
    command: Box<dyn Fn(&Path) -> Command>,
    /// Seconds on the clock and on the processor, a pair a round.
    times: Vec<(f64, f64)>,
}

fn main() {
    let megabytes = number("MASK_BENCH_MB", 512);
    let rounds = number("MASK_BENCH_RUNS", 5).max(1);
    for (program, package) in [("cat", "coreutils"), ("sed", "sed"), ("rg", "ripgrep")] {
        let found = Command::new(program).arg("--version").stdout(Stdio::null()).status();
        assert!(
            found.is_ok_and(|status| status.success()),
            "{program} is missing: apt-get install {package}"
        );
    }
    let core = pin();
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let (ordinary, worst) = (folder.join("mask-ordinary.log"), folder.join("mask-worst.log"));
    write_log(&ordinary, megabytes << 20, log::ordinary);
    write_log(&worst, megabytes << 17, log::worst);
    let output = folder.join("mask.out");

    println!("{megabytes} MiB of build log, core {core}, {rounds} rounds, medians; to a file");
    println!(
        "on: every pattern, the view without terminal sequences, private keys, {VALUES} values in all shapes"
    );
    let contenders = measure(&ordinary, &output, rounds, vec![cat(), masker(), ripgrep(), sed()]);
    print(&contenders, &ordinary);
    println!("\nworst case, every line nearly a secret");
    print(&measure(&worst, &output, rounds, vec![masker(), ripgrep(), sed()]), &worst);
    println!("\none piece over and over, the slowest of {}", pieces::ALL.len());
    for (speed, name) in slowest(&folder.join("mask-piece.log"), 12) {
        println!("  {speed:>7.0} MB/CPU-s  {name}");
    }
    println!("\npeak memory (VmHWM)");
    println!("  {:>6.1} MiB  the ordinary log", peak(&mut File::open(&ordinary).unwrap()));
    println!("  {:>6.1} MiB  the worst case", peak(&mut File::open(&worst).unwrap()));
    println!("  {:>6.1} MiB  one line of 1 GiB", peak(&mut log::Line::new(1 << 30)));
    for path in [&ordinary, &worst, &output] {
        let _ = fs::remove_file(path);
    }
}

fn number(name: &str, default: usize) -> usize {
    std::env::var(name).ok().map_or(default, |text| text.parse().expect("a number"))
}

/// Keeps this process and its children on one core: the last one it may use.
fn pin() -> usize {
    let allowed = rustix::thread::sched_getaffinity(None).unwrap();
    let core = (0..rustix::thread::CpuSet::MAX_CPU).rev().find(|&core| allowed.is_set(core)).unwrap();
    let mut one = rustix::thread::CpuSet::new();
    one.set(core);
    rustix::thread::sched_setaffinity(None, &one).unwrap();
    core
}

fn write_log(path: &Path, size: usize, line: fn(&mut log::Random, &mut Vec<u8>)) {
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path).unwrap());
    let mut random = log::Random::new(4);
    let mut written = 0;
    let mut buffer = Vec::new();
    while written < size {
        buffer.clear();
        line(&mut random, &mut buffer);
        file.write_all(&buffer).unwrap();
        written += buffer.len();
    }
    file.flush().unwrap();
    file.get_ref().sync_all().unwrap();
}

fn contender(name: &'static str, command: impl Fn(&Path) -> Command + 'static) -> Contender {
    Contender { name, command: Box::new(command), times: Vec::new() }
}

fn cat() -> Contender {
    contender("cat", |input| {
        let mut command = Command::new("cat");
        command.arg(input);
        command
    })
}

fn sed() -> Contender {
    contender("sed -E, ten patterns", |input| {
        let mut command = Command::new("sed");
        command.arg("-E");
        for pattern in PATTERNS {
            command.arg("-e").arg(format!("s/{pattern}/***/g"));
        }
        command.arg(input);
        command
    })
}

fn ripgrep() -> Contender {
    contender("rg --passthru -r, ten patterns", |input| {
        let mut command = Command::new("rg");
        command.args(["--passthru", "--text", "--no-config", "-N", "--color=never", "-r", "***"]);
        command.arg(PATTERNS.join("|")).arg(input);
        command
    })
}

fn masker() -> Contender {
    contender("autopilot mask, everything", |input| {
        let mut command = mask();
        command.stdin(File::open(input).unwrap());
        command
    })
}

fn mask() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_autopilot"));
    command.arg("mask");
    for (index, value) in log::values(VALUES).into_iter().enumerate() {
        let name = format!("BENCH_{index}_TOKEN");
        command.arg("--env").arg(&name).env(name, value);
    }
    command
}

/// Runs the contenders in turn: noise of the machine hits all of them.
fn measure(input: &Path, output: &Path, rounds: usize, mut contenders: Vec<Contender>) -> Vec<Contender> {
    for _ in 0..rounds {
        for contender in &mut contenders {
            let _ = fs::remove_file(output);
            let mut command = (contender.command)(input);
            command.stdout(File::create(output).unwrap());
            let (before, start) = (cpu(), Instant::now());
            let status = command.status().unwrap();
            let clock = start.elapsed();
            // ripgrep says 1 when nothing matched.
            let fine = status.success() || status.code() == Some(1) && contender.name.starts_with("rg");
            assert!(fine, "{}: {status}", contender.name);
            contender.times.push((clock.as_secs_f64(), cpu().saturating_sub(before).as_secs_f64()));
        }
    }
    contenders
}

/// Returns the pieces that take longest, with megabytes a second of processor time.
#[expect(clippy::cast_precision_loss, reason = "sizes of files fit")]
fn slowest(path: &Path, count: usize) -> Vec<(f64, &'static str)> {
    let mut speeds: Vec<(f64, &'static str)> = pieces::ALL
        .iter()
        .map(|&(name, piece)| {
            let piece = piece.replace('~', "");
            fs::write(path, piece.repeat(PIECES / piece.len())).unwrap();
            let before = cpu();
            let input = File::open(path).unwrap();
            assert!(mask().stdin(input).stdout(Stdio::null()).status().unwrap().success());
            (PIECES as f64 / 1e6 / cpu().saturating_sub(before).as_secs_f64(), name)
        })
        .collect();
    fs::remove_file(path).unwrap();
    speeds.sort_by(|one, other| one.0.total_cmp(&other.0));
    speeds.truncate(count);
    speeds
}

/// Returns the processor time of all children so far.
fn cpu() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
    [usage.user_time(), usage.system_time()]
        .iter()
        .map(|time| {
            Duration::new(time.tv_sec().unsigned_abs(), u32::try_from(time.tv_usec()).unwrap() * 1000)
        })
        .sum()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[expect(clippy::cast_precision_loss, reason = "sizes of files fit")]
fn print(contenders: &[Contender], input: &Path) {
    let megabytes = fs::metadata(input).unwrap().len() as f64 / 1e6;
    let clock = |contender: &Contender| median(contender.times.iter().map(|time| time.0).collect());
    let busy = |contender: &Contender| median(contender.times.iter().map(|time| time.1).collect());
    let base = contenders.last().unwrap();
    println!("  {:>7}  {:>9}  {:>6}  {:>9}", "MB/s", "MB/CPU-s", "x sed", "x sed/CPU");
    for contender in contenders {
        println!(
            "  {:>7.0}  {:>9.0}  {:>6.2}  {:>9.2}  {}",
            megabytes / clock(contender),
            megabytes / busy(contender),
            clock(base) / clock(contender),
            busy(base) / busy(contender),
            contender.name
        );
    }
}

/// Feeds the masker through a pipe and asks the kernel for its peak before its input ends.
fn peak(input: &mut dyn std::io::Read) -> f64 {
    let mut child = mask().stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut pipe = child.stdin.take().unwrap();
    std::io::copy(input, &mut pipe).unwrap();
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    drop(pipe);
    assert!(child.wait().unwrap().success());
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("VmHWM in /proc");
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}
