//! Watches what the whole tree uses: resident memory, processes and threads, CPU time.

use std::io;
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::signal::Signal;
use nix::unistd::{SysconfVar, sysconf};

use crate::granted::Limits;
use crate::meter::Meter;
use crate::outcome::Status;
use crate::procfs;
use crate::spoken::spoken;
use crate::tree::{Process, Tree};

/// Shortest and longest time between two looks.
const SHORTEST: Duration = Duration::from_millis(40);
const LONGEST: Duration = Duration::from_millis(400);

/// Looks at the tree from time to time, and says when it went over a limit.
#[derive(Debug)]
pub(crate) struct Watch {
    limits: Limits,
    due: Instant,
    page: u64,
    ticks: u64,
    /// Returns the bytes that are resident, the step's, and in no process's sum.
    held: fn() -> u64,
    /// Of the tree's control group, if it has one.
    meter: Option<Meter>,
}

impl Watch {
    /// Makes a watch over these limits.
    pub(crate) fn new(limits: Limits, held: fn() -> u64, meter: Option<Meter>) -> Self {
        let unit = |name, default| match sysconf(name) {
            Ok(Some(value)) => u64::try_from(value).unwrap_or(default),
            _ => default,
        };
        Self {
            limits,
            due: Instant::now() + SHORTEST,
            page: unit(SysconfVar::PAGE_SIZE, 4096),
            ticks: unit(SysconfVar::CLK_TCK, 100),
            held,
            meter,
        }
    }

    /// Returns when it wants to look again.
    pub(crate) fn due(&self) -> Instant {
        self.due
    }

    /// Tells whether it is time to look.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        now >= self.due
    }

    /// Looks once; a text names the limit that the tree went over, and what was seen.
    pub(crate) fn look(&mut self, tree: Tree) -> io::Result<Option<String>> {
        let start = Instant::now();
        let members = tree.members()?;
        let over = self.processes(&members).or_else(|| self.memory(&members)).or_else(|| self.cpu(&members));
        // A large tree is looked at less often: looking costs at most about a twentieth of a core.
        let now = Instant::now();
        self.due = now + ((now - start) * 20).clamp(SHORTEST, LONGEST);
        Ok(over)
    }

    /// Says which limit the end of the command and the sum of its children tell of.
    pub(crate) fn at_the_end(&self, status: Option<&Status>) -> Option<String> {
        const SIZE: i32 = Signal::SIGXFSZ as i32;
        const CPU: i32 = Signal::SIGXCPU as i32;
        if self.meter.as_ref().is_some_and(Meter::has_killed) {
            return Some(out_of_memory(&self.limits));
        }
        let signal = match status? {
            Status::Signaled(signal) => *signal,
            // A shell hands a child's signal on as a number.
            Status::Exited(code) => code - 128,
            Status::Limit(_) => return None,
        };
        match signal {
            SIZE => Some(format!("file_size: a file went over {}", bytes(self.limits.file_size))),
            CPU => Some("cpu: a process went over the CPU time of the whole tree".into()),
            _ => self.cpu(&[]),
        }
    }

    fn processes(&self, members: &[Process]) -> Option<String> {
        let seen: u64 = members.iter().map(|each| each.threads.max(1)).sum();
        (seen > self.limits.processes)
            .then(|| format!("processes: {seen} processes and threads, {} allowed", self.limits.processes))
    }

    /// What is resident, page tables included: the sum over the processes first, which is cheap and counts shared
    /// pages many times; only when that is too much the proportional sum, where the kernel tells it.
    fn memory(&self, members: &[Process]) -> Option<String> {
        if self.meter.as_ref().is_some_and(Meter::has_killed) {
            return Some(out_of_memory(&self.limits));
        }
        let held = (self.held)();
        let resident =
            members.iter().map(|each| each.pages * self.page + tables_at_most(each)).sum::<u64>() + held;
        if resident <= self.limits.memory {
            return None;
        }
        let exact = members
            .iter()
            .map(|each| proportional(each.pid).unwrap_or(each.pages * self.page) + tables(each.pid))
            .sum::<u64>()
            + held;
        (exact > self.limits.memory).then(|| {
            format!(
                "memory: {} resident in {} processes, {} allowed",
                bytes(exact),
                members.len(),
                bytes(self.limits.memory)
            )
        })
    }

    fn cpu(&self, members: &[Process]) -> Option<String> {
        let allowed = self.limits.cpu?;
        let alive = members.iter().map(|each| each.ticks).sum::<u64>();
        let seen = Duration::from_millis(alive * 1000 / self.ticks) + reaped();
        (seen > allowed)
            .then(|| format!("cpu: {} used by the tree, {} allowed", spoken(seen), spoken(allowed)))
    }
}

/// Says that the kernel stopped a tree whose control group was full.
pub fn out_of_memory(limits: &Limits) -> String {
    format!(
        "memory: the kernel stopped it at {} in all, files in memory and buffers of sockets and pipes included",
        bytes(limits.memory)
    )
}

/// Returns the CPU time of the processes that were reaped here.
fn reaped() -> Duration {
    getrusage(UsageWho::RUSAGE_CHILDREN).map_or(Duration::ZERO, |usage| {
        [usage.user_time(), usage.system_time()]
            .map(|time| {
                let micros = time.tv_sec() * 1_000_000 + time.tv_usec();
                Duration::from_micros(u64::try_from(micros).unwrap_or(0))
            })
            .iter()
            .sum()
    })
}

/// Returns the proportional resident size in bytes: shared pages divided among those who share them.
fn proportional(pid: i32) -> Option<u64> {
    kib(&format!("{pid}/smaps_rollup"), "Pss:")
}

/// Returns the size of the page tables in bytes. A page that is only read may be nobody's; its entry is there.
fn tables(pid: i32) -> u64 {
    // A process that is gone has none.
    kib(&format!("{pid}/status"), "VmPTE:").unwrap_or(0)
}

/// Returns no less than that: an entry takes 8 bytes a page of 4 KiB. Asked for only where it can matter.
fn tables_at_most(process: &Process) -> u64 {
    const LITTLE: u64 = 4 << 20;
    let most = process.mapped / 512;
    if most <= LITTLE { most } else { tables(process.pid) }
}

fn kib(path: &str, name: &str) -> Option<u64> {
    let text = procfs::text(path)?;
    procfs::field(&text, name)?.strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
}

/// Writes a number of bytes as people read it.
pub(crate) fn bytes(number: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = number;
    let mut unit = 0;
    while value >= 1024 && value.is_multiple_of(1024) && unit < 4 {
        value /= 1024;
        unit += 1;
    }
    if value < 10_240 || unit == 4 {
        return format!("{value} {}", UNITS[unit]);
    }
    // Not a round number: one more unit, with a tenth.
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    let mut rough = value as f64;
    while rough >= 1024.0 && unit < 4 {
        rough /= 1024.0;
        unit += 1;
    }
    format!("{rough:.1} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_well() {
        assert_eq!(bytes(4 << 30), "4 GiB");
        assert_eq!(bytes(512), "512 B");
        assert_eq!(bytes((4 << 30) + 12_345_678), "4.0 GiB");
    }
}
