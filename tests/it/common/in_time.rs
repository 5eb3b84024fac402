//! A time limit for each child of the tests: what a fault keeps from ending fails its test, and hangs nothing.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::sync::Once;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// As long as a child may run, in seconds; what builds or downloads is given more by `.ci/run`.
const LIMIT: (&str, u64) = ("AUTOPILOT_TEST_LIMIT", 900);
/// How often is looked.
const PAUSE: Duration = Duration::from_secs(5);

/// Sees to it that each child of this process, whichever test starts it and however, is ended at the limit with all that it
/// started. Whoever waits for it goes on then.
pub(crate) fn watch() {
    static BEGUN: Once = Once::new();
    BEGUN.call_once(|| {
        let told =
            std::env::var(LIMIT.0).map_or(LIMIT.1, |seconds| seconds.parse().expect("a number of seconds"));
        let limit = Duration::from_secs(told);
        std::thread::spawn(move || {
            let mut seen = BTreeMap::new();
            loop {
                let all = processes();
                let own = Pid::this().as_raw();
                for child in over(&mut seen, &children(&all, own), Instant::now(), limit) {
                    let what = fs::read(format!("/proc/{child}/cmdline")).unwrap_or_default();
                    let what = String::from_utf8_lossy(&what).replace('\0', " ");
                    // Past what the test's harness keeps to itself.
                    let _ = writeln!(
                        std::io::stderr(),
                        "ENDED after {limit:?}, by the tests' time limit: {what}"
                    );
                    end(&all, child);
                }
                std::thread::sleep(PAUSE);
            }
        });
    });
}

/// A process: its number, its parent's, and when it was started, in ticks of the kernel's.
type Process = (i32, i32, u64);

fn processes() -> Vec<Process> {
    let entries = fs::read_dir("/proc").expect("/proc").flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter_map(|pid| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let mut fields = stat.rsplit_once(") ")?.1.split(' ');
        Some((pid, fields.nth(1)?.parse().ok()?, fields.nth(17)?.parse().ok()?))
    })
    .collect()
}

fn children(all: &[Process], parent: i32) -> Vec<Process> {
    all.iter().filter(|process| process.1 == parent).copied().collect()
}

/// Returns which of the children have been seen for longer than the limit; forgets those that are gone.
fn over(
    seen: &mut BTreeMap<Process, Instant>,
    children: &[Process],
    now: Instant,
    limit: Duration,
) -> Vec<i32> {
    seen.retain(|process, _| children.contains(process));
    children
        .iter()
        .filter(|process| now.duration_since(*seen.entry(**process).or_insert(now)) > limit)
        .map(|process| process.0)
        .collect()
}

/// Kills a process with all that it started, parents first: nobody starts one more.
fn end(all: &[Process], pid: i32) {
    let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
    for (child, ..) in children(all, pid) {
        end(all, child);
    }
}

#[test]
fn a_child_is_over_its_time_only_behind_the_limit_and_one_of_the_same_number_begins_anew() {
    let (mut seen, begun, limit) = (BTreeMap::new(), Instant::now(), Duration::from_secs(10));
    let after = |seconds| begun + Duration::from_secs(seconds);
    let (one, two) = ((7, 1, 100), (8, 1, 100));
    assert!(over(&mut seen, &[one], after(0), limit).is_empty());
    assert!(over(&mut seen, &[one, two], after(10), limit).is_empty());
    assert_eq!(over(&mut seen, &[one, two], after(11), limit), [7]);
    let again = (7, 1, 200);
    assert_eq!(over(&mut seen, &[again, two], after(21), limit), [8]);
    assert_eq!(over(&mut seen, &[again], after(32), limit), [7]);
}

#[test]
fn who_waits_for_a_child_that_is_ended_goes_on() {
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", "sleep 600 & echo begun; sleep 600"]).stdout(std::process::Stdio::piped());
    let child = shell.spawn().unwrap();
    let pid = i32::try_from(child.id()).unwrap();
    super::wait_until(|| children(&processes(), pid).len() == 2);
    assert_eq!(
        children(&processes(), Pid::this().as_raw()).iter().filter(|process| process.0 == pid).count(),
        1
    );
    end(&processes(), pid);
    // What the other sleep held open is closed, too.
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (None, b"begun\n".as_slice()));
}
