//! The process tree below the supervisor: who is in it, what it uses, and how it ends.

use std::collections::HashMap;
use std::io;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use rustix::process::{PidfdFlags, pidfd_open, pidfd_send_signal};

use crate::procfs;

/// How long the end of a tree may take before what is left counts as survivors.
const PATIENCE: Duration = Duration::from_secs(5);

/// How the members of a tree are told from everybody else.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Tree {
    /// The supervisor is pid 1 of its own namespace: all the others.
    Namespace,
    /// The supervisor is a subreaper: its descendants.
    Descendants,
}

/// One process, as `/proc/PID/stat` has it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Process {
    /// As /proc numbers it: where that is lent, not as the supervisor does.
    pub(crate) pid: i32,
    parent: i32,
    zombie: bool,
    /// Threads, the first one included.
    pub(crate) threads: u64,
    /// CPU time in clock ticks, its reaped children included.
    pub(crate) ticks: u64,
    started: u64,
    /// Addresses it has mapped, in bytes.
    pub(crate) mapped: u64,
    /// Resident memory in pages.
    pub(crate) pages: u64,
}

impl Tree {
    /// Returns the processes of the tree that still run.
    fn running(self) -> io::Result<Vec<Process>> {
        let mut all = self.members()?;
        all.retain(|process| !process.zombie);
        Ok(all)
    }

    /// Counts the processes of the tree that run, but for one.
    pub(crate) fn others(self, but: i32) -> u32 {
        self.running().map_or(0, |all| {
            count(all.iter().filter(|process| procfs::inner(process.pid) != Some(but)).count())
        })
    }

    /// Returns the processes of the tree, those included that wait to be reaped: they hold a place as well.
    pub(crate) fn members(self) -> io::Result<Vec<Process>> {
        let own = procfs::own();
        let mut all = processes()?;
        match self {
            Self::Namespace if !procfs::is_lent() => all.retain(|process| process.pid != own),
            // In a lent /proc there are the host's, too; whose parent has ended, its pid 1 is the parent of.
            Self::Namespace | Self::Descendants => {
                let parents: HashMap<i32, i32> = all.iter().map(|each| (each.pid, each.parent)).collect();
                all.retain(|process| process.pid != own && descends(process.pid, own, &parents));
            }
        }
        Ok(all)
    }

    /// Sends a signal to the whole tree.
    pub(crate) fn signal(self, signal: Signal) {
        match self {
            // From pid 1 this is everybody else, at once: nothing can be born in between.
            Self::Namespace => drop(kill(Pid::from_raw(-1), signal)),
            Self::Descendants => {
                for process in self.running().unwrap_or_default() {
                    send(&process, signal);
                }
            }
        }
    }

    /// Kills and reaps whatever is left. Returns how many were killed and how many are still there.
    pub(crate) fn end(self) -> (u32, u32) {
        if !reap_all() {
            return (0, 0);
        }
        let killed = self.running().map_or(0, |members| members.len());
        let deadline = Instant::now() + PATIENCE;
        let mut pause = Duration::from_micros(50);
        loop {
            if matches!(self, Self::Descendants) {
                // Stopped first, a fork bomb cannot outrun the killing.
                self.signal(Signal::SIGSTOP);
            }
            self.signal(Signal::SIGKILL);
            if !reap_all() {
                return (count(killed), 0);
            }
            if Instant::now() > deadline {
                let left = self.running().map_or(1, |members| members.len());
                return (count(killed), count(left));
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(20));
        }
    }
}

/// Reaps the zombies among the children; tells whether any child is left.
fn reap_all() -> bool {
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG | WaitPidFlag::__WALL)) {
            Ok(WaitStatus::StillAlive) => return true,
            Err(nix::errno::Errno::ECHILD) => return false,
            Ok(_) | Err(_) => {}
        }
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn descends(mut pid: i32, ancestor: i32, parents: &HashMap<i32, i32>) -> bool {
    // Bounded: the table is a snapshot that was not taken at one instant, and may hold a circle.
    for _ in 0..parents.len() {
        match parents.get(&pid) {
            Some(&parent) if parent == ancestor => return true,
            Some(&parent) => pid = parent,
            None => return false,
        }
    }
    false
}

/// Signals a process unless its number went to somebody else meanwhile.
fn send(process: &Process, signal: Signal) {
    let Some(pid) = rustix::process::Pid::from_raw(process.pid) else { return };
    let Ok(pidfd) = pidfd_open(pid, PidfdFlags::empty()) else { return };
    let Some(signal) = rustix::process::Signal::from_named_raw(signal as i32) else { return };
    if stat(process.pid).is_some_and(|now| now.started == process.started) {
        // Gone already is as good as signalled.
        let _ = pidfd_send_signal(&pidfd, signal);
    }
}

fn processes() -> io::Result<Vec<Process>> {
    Ok(procfs::pids()?.into_iter().filter_map(stat).collect())
}

fn stat(pid: i32) -> Option<Process> {
    parse(pid, &procfs::text(&format!("{pid}/stat"))?)
}

/// Reads a line of `/proc/PID/stat`. The name in parentheses is the process's own choice: skipped from the right.
fn parse(pid: i32, line: &str) -> Option<Process> {
    let (_, rest) = line.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    let number = |index: usize| fields.get(index).and_then(|field| field.parse::<u64>().ok());
    Some(Process {
        pid,
        parent: fields.get(1)?.parse().ok()?,
        zombie: matches!(*fields.first()?, "Z" | "X"),
        ticks: number(11)? + number(12)? + number(13)? + number(14)?,
        threads: number(17)?,
        started: number(19)?,
        mapped: number(20)?,
        pages: number(21)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_cannot_choose_its_numbers_by_its_name() {
        let line = "7 (a) R 1 (b) S 3 7 7 0 -1 0 1 2 3 4 10 20 30 40 20 0 5 0 99 1000 77 0";
        let process = parse(7, line).unwrap();
        assert_eq!((process.parent, process.threads, process.ticks), (3, 5, 100));
        assert_eq!((process.started, process.mapped, process.pages, process.zombie), (99, 1000, 77, false));
    }

    #[test]
    fn a_circle_of_parents_ends() {
        let parents = HashMap::from([(1, 2), (2, 1)]);
        assert!(!descends(1, 9, &parents));
    }
}
