//! Launching `/bin/true` confined, beside plain fork+exec, bubblewrap with the same isolation, firejail, and namespaces
//! alone, from a runner and as a command of its own; peak memory of the launcher; and a command of 45,000 stats. Prints
//! ratios: absolute times are the machine's.
//!
//! `cargo bench --bench launch`; needs bubblewrap, firejail and hyperfine (Debian:
//! `apt-get install bubblewrap firejail hyperfine`).

#![expect(clippy::expect_used, clippy::print_stdout, reason = "a benchmark: it prints, and fails loudly")]

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use autopilot::policy::{self, Decision, Grant, HostFacts, Request, Waivers};
use autopilot::sandbox::{self, Place};
use nix::sys::prctl::set_child_subreaper;
use nix::sys::resource::{Usage, UsageWho, getrusage};
use nix::sys::time::TimeVal;
use nix::sys::wait::wait;

const RUNS: usize = 200;
const PLAIN: &str = "/usr/bin:/bin";

/// Between two launches: about what a run's journal and expectations take.
const PAUSE: Duration = Duration::from_millis(10);

fn main() {
    // This program is the runner here: where no small program was built in, its confined sides are itself.
    sandbox::enter_if_confined();
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    need("bwrap", "bubblewrap");
    need("hyperfine", "hyperfine");
    let folder = tempfile::tempdir().expect("a scratch directory");
    let tree = folder.path().join("tree");
    fs::create_dir(&tree).expect("a tree");
    let autopilot = PathBuf::from(env!("CARGO_BIN_EXE_autopilot"));
    // First: here nobody else waits for children yet.
    whole_commands(folder.path(), &tree, &autopilot);
    launches(folder.path(), &tree);
    stats(folder.path(), &tree, &autopilot);
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

/// As near as its options come to it: a root of its own it has not.
const FIREJAIL: &str = "firejail --quiet --noprofile --net=none --private --private-dev --private-tmp --ipc-namespace \
                        --caps.drop=all --seccomp --nonewprivs --noroot -- /bin/true";

/// Namespaces alone: nothing of the file system is out of reach, no system call refused.
const UNSHARE: &str = "unshare --user --map-root-user --mount --net --ipc --uts --pid --fork --mount-proc --kill-child /bin/true";

/// One way of launching, and what its launches took.
struct Contender<'a> {
    name: &'static str,
    launch: Box<dyn Fn() + 'a>,
    clock: Vec<f64>,
    busy: Duration,
}

/// Launches from a process that is there already, as a runner does. In turn: noise of the machine hits all.
fn launches(folder: &Path, tree: &Path) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let place = place(folder, tree);
    let host = sandbox::probe();
    // The runner's own git work, and a step, which builds on what is already downloaded.
    let [bare, step] = [false, true].map(|caches| grant(&host, caches));
    sandbox::make_over(folder, bare.identity()).expect("a scratch directory of the command's own");
    let ours = |grant: &Grant| runtime.block_on(launch(grant, &place));
    let bwrap = format!("{} /bin/true", bubblewrap(tree));
    let mut all = vec![
        contender("plain fork+exec", || plain("/bin/true", tree)),
        contender("bubblewrap", || plain(&bwrap, tree)),
        contender("unshare", || plain(UNSHARE, tree)),
        contender("autopilot", || ours(&bare)),
        contender("  with downloads", || ours(&step)),
    ];
    // Where the user has no home of their own it does not start.
    let firejail = Command::new("sh").args(["-c", FIREJAIL]).stderr(Stdio::null()).status();
    if firejail.is_ok_and(|status| status.success()) {
        all.push(contender("firejail", || plain(FIREJAIL, tree)));
    } else {
        println!("NOT MEASURED: firejail, which does not start here");
    }
    for round in 0..=RUNS {
        for each in &mut all {
            each.once(round > 0);
        }
    }
    println!("launching /bin/true, {RUNS} times each, in turn; medians, and CPU time of all its processes");
    let (clock, busy) = (all[1].median(), all[1].milliseconds_busy());
    for each in &all {
        println!(
            "  {:<18} {:>6.2} ms  {:.2} x bubblewrap   CPU {:>5.2} ms  {:.2} x",
            each.name,
            each.median(),
            each.median() / clock,
            each.milliseconds_busy(),
            each.milliseconds_busy() / busy
        );
    }
    println!(
        "  peak memory of the confined side: {} KiB (goal < 6144)",
        peak(&runtime, &bare, &place, folder)
    );
}

fn contender<'a>(name: &'static str, launch: impl Fn() + 'a) -> Contender<'a> {
    Contender { name, launch: Box::new(launch), clock: Vec::new(), busy: Duration::ZERO }
}

impl Contender<'_> {
    /// The pause is part of its turn: what is made ready for the next launch, or still cleaned up, is its own work.
    fn once(&mut self, counts: bool) {
        let (busy, start) = (cpu(), Instant::now());
        (self.launch)();
        let clock = start.elapsed();
        std::thread::sleep(PAUSE);
        if counts {
            self.clock.push(clock.as_secs_f64() * 1000.0);
            self.busy += cpu().saturating_sub(busy);
        }
    }

    fn median(&self) -> f64 {
        let mut sorted = self.clock.clone();
        sorted.sort_by(f64::total_cmp);
        sorted[sorted.len() / 2]
    }

    fn milliseconds_busy(&self) -> f64 {
        self.busy.as_secs_f64() * 1000.0 / f64::from(u32::try_from(self.clock.len()).expect("a small number"))
    }
}

/// CPU time of this process and of the children that ended.
fn cpu() -> Duration {
    let both = [UsageWho::RUSAGE_SELF, UsageWho::RUSAGE_CHILDREN];
    both.iter().map(|who| time(&getrusage(*who).expect("getrusage"))).sum()
}

fn time(usage: &Usage) -> Duration {
    let one = |time: TimeVal| {
        let micros = u32::try_from(time.tv_usec()).expect("below a second");
        Duration::new(time.tv_sec().unsigned_abs(), micros * 1000)
    };
    one(usage.user_time()) + one(usage.system_time())
}

fn grant(host: &HostFacts, caches: bool) -> Grant {
    match policy::decide(&Request { caches, ..Request::git() }, host, &Waivers::default()) {
        Decision::Allow(grant) => *grant,
        Decision::Deny(reason) => panic!("{reason}"),
    }
}

fn place(folder: &Path, tree: &Path) -> Place {
    let [home, tmp] = ["home", "tmp"].map(|name| folder.join(name));
    for path in [&home, &tmp] {
        fs::create_dir(path).expect("a folder");
    }
    Place {
        worktree: tree.to_owned(),
        home,
        tmp,
        also_write: Vec::new(),
        also_read: Vec::new(),
        below_home: Vec::new(),
        below_worktree: Vec::new(),
    }
}

async fn launch(grant: &Grant, place: &Place) {
    let null = || File::options().write(true).open("/dev/null").expect("/dev/null");
    let ended = confined(grant, place, &["/bin/true"], null()).await;
    assert_eq!(ended.status, sandbox::Status::Exited(0));
}

async fn confined(grant: &Grant, place: &Place, argv: &[&str], stdout: File) -> sandbox::Ended {
    let command = sandbox::Command {
        argv: argv.iter().map(Into::into).collect(),
        dir: PathBuf::new(),
        env: Vec::new(),
        stdin: None,
        stderr: stdout.try_clone().expect("a descriptor").into(),
        stdout: stdout.into(),
        listen: Vec::new(),
        connect: Vec::new(),
    };
    let mut child = sandbox::spawn(grant, place, command).await.expect("it is confined");
    child.wait().await.expect("it ends")
}

fn plain(words: &str, tree: &Path) {
    started(words, tree, |command| command);
}

/// Runs it where HOME is a folder of its own and PATH the system's.
fn plain_with(words: &str, tree: &Path, home: &Path) {
    started(words, tree, |command| command.env("HOME", home).env("PATH", PLAIN).stderr(Stdio::null()));
}

fn started(words: &str, tree: &Path, with: impl Fn(&mut Command) -> &mut Command) {
    let mut words = words.split_whitespace();
    let mut command = Command::new(words.next().expect("a program"));
    command.args(words).current_dir(tree).stdin(Stdio::null()).stdout(Stdio::null());
    let status = with(&mut command).status().expect("it starts");
    assert!(status.success());
}

/// Peak resident memory, in KiB, of the largest process on the confined side.
fn peak(runtime: &tokio::runtime::Runtime, grant: &Grant, place: &Place, folder: &Path) -> u64 {
    let path = folder.join("peak");
    let output = File::create(&path).expect("a file");
    let argv = ["/usr/bin/grep", "VmHWM", "/proc/1/status"];
    runtime.block_on(confined(grant, place, &argv, output));
    let text = fs::read_to_string(path).expect("its output");
    text.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("init's peak")
}

/// What somebody who types it waits for: the program's own start and the probe of the host included. Confined sides outlive the
/// program that is waited for, and what they used is told to nobody but a subreaper.
fn whole_commands(folder: &Path, tree: &Path, autopilot: &Path) {
    set_child_subreaper(true).expect("a subreaper");
    let ours = format!("{} sandbox -- /bin/true", autopilot.display());
    let bwrap = format!("{} /bin/true", bubblewrap(tree));
    let mut all = [("plain", "/bin/true"), ("bubblewrap", &bwrap), ("autopilot", &ours)]
        .map(|(name, words)| (name, words, Vec::new(), Duration::ZERO, 0));
    for round in 0..=RUNS {
        for (_, words, clock, busy, faults) in &mut all {
            let (before, start) = (of_children(), Instant::now());
            plain_with(words, tree, folder);
            let took = start.elapsed();
            while wait().is_ok() {}
            let after = of_children();
            if round > 0 {
                clock.push(took.as_secs_f64() * 1000.0);
                *busy += after.0.saturating_sub(before.0);
                *faults += after.1 - before.1;
            }
        }
    }
    set_child_subreaper(false).expect("no subreaper");
    println!(
        "`/bin/true` as a command of its own, {RUNS} times each, in turn; medians, and CPU time of all its processes"
    );
    let runs = f64::from(u32::try_from(RUNS).expect("a small number"));
    let rows = all.map(|(name, _, mut clock, busy, faults)| {
        clock.sort_by(f64::total_cmp);
        (name, clock[RUNS / 2], busy.as_secs_f64() * 1000.0 / runs, faults / i64::try_from(RUNS).unwrap_or(1))
    });
    let [(_, clock, busy, _), (_, clock_of_bwrap, busy_of_bwrap, _), _] = rows;
    for (name, own_clock, own_busy, faults) in rows {
        println!(
            "  {name:<11} {own_clock:>6.2} ms  CPU {own_busy:>5.2} ms  {faults:>4} page faults; over plain, of bubblewrap's: \
             {:.2} x, CPU {:.2} x",
            (own_clock - clock) / (clock_of_bwrap - clock),
            (own_busy - busy) / (busy_of_bwrap - busy),
        );
    }
}

/// CPU time and page faults of the children that ended.
fn of_children() -> (Duration, i64) {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("getrusage");
    (time(&usage), usage.minor_page_faults())
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
