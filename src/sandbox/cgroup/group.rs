//! The control groups of one confined side: made, limited, removed.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use autopilot_init::SLACK;
use autopilot_init::group::PROCESSES;
use autopilot_init::meter::Meter;
use rustix::fs::{FlockOperation, flock};

use super::names::PREFIX;
use crate::policy::{Cgroup, Limits};

/// What the count has on top of a step's own: its supervisor, and what the kernel keeps for every process.
const HEADROOM: u64 = 16 << 20;

/// `outer` and `init`, or the supervisor outside.
const OURS: u64 = 2;

/// How often a name is tried that somebody else takes or clears away.
const TRIES: usize = 16;

/// A control group per hierarchy. Empty once the confined side is gone; then it can be removed.
#[derive(Debug)]
pub(in crate::sandbox) struct Group {
    memory: Part,
    /// Where processes are counted in another hierarchy.
    processes: Option<Part>,
    unified: bool,
    counts_processes: bool,
}

/// A folder of a hierarchy. The lock tells a sweep that its maker lives.
#[derive(Debug)]
struct Part {
    path: PathBuf,
    _lock: File,
}

impl Group {
    /// Makes one, without limits yet.
    pub(in crate::sandbox) fn make(place: &Cgroup) -> io::Result<Self> {
        let memory = Part::make(&place.memory)?;
        let another = place.processes.as_ref().filter(|folder| **folder != place.memory);
        let processes = match another.map(|folder| Part::make(folder)).transpose() {
            Ok(processes) => processes,
            Err(error) => {
                memory.remove();
                return Err(error);
            }
        };
        Ok(Self { memory, processes, unified: place.unified, counts_processes: place.processes.is_some() })
    }

    /// Returns its folders, as the confined side is told them.
    pub(in crate::sandbox) fn folders(&self) -> impl Iterator<Item = &Path> {
        [&self.memory].into_iter().chain(&self.processes).map(|part| part.path.as_path())
    }

    /// Sets what the tree of a launch may hold. Swap is no way round, where there is some.
    pub(in crate::sandbox) fn limit(&self, limits: &Limits) -> io::Result<()> {
        let most = limits.memory.saturating_add(HEADROOM).to_string();
        let write = |name: &str, value: &str| fs::write(self.memory.path.join(name), value);
        let if_there = |done: io::Result<()>| match done {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done,
        };
        if self.unified {
            write("memory.max", &most)?;
            if_there(write("memory.swap.max", "0"))?;
        } else {
            write("memory.limit_in_bytes", &most)?;
            if_there(write("memory.memsw.limit_in_bytes", &most))?;
            // Version 1 counts the buffers of TCP by themselves, and those of UDP only with this.
            if_there(write("memory.kmem.tcp.limit_in_bytes", &most))?;
        }
        if self.counts_processes {
            let processes = limits.processes.saturating_add(SLACK + OURS);
            let folder = self.processes.as_ref().unwrap_or(&self.memory);
            fs::write(folder.path.join("pids.max"), processes.to_string())?;
        }
        Ok(())
    }

    /// Opens what tells whether the kernel stopped something.
    pub(in crate::sandbox) fn meter(&self) -> io::Result<Meter> {
        let name = if self.unified { "memory.events" } else { "memory.oom_control" };
        Ok(Meter::from(File::open(self.memory.path.join(name))?))
    }

    /// Removes it; tells whether it is gone. As long as a process is left in it, it stays.
    pub(in crate::sandbox) fn remove(&self) -> bool {
        let memory = self.memory.remove();
        self.processes.as_ref().is_none_or(Part::remove) && memory
    }
}

impl Part {
    fn make(parent: &Path) -> io::Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        for _ in 0..TRIES {
            // A process of this number may live in another container that shares the hierarchy.
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let path = parent.join(format!("{PREFIX}{}-{number}", std::process::id()));
            match fs::create_dir(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                made => made?,
            }
            // Somebody else's sweep may have come between.
            if let Ok(lock) = File::open(&path)
                && flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok()
                && path.join(PROCESSES).exists()
            {
                return Ok(Self { path, _lock: lock });
            }
        }
        Err(io::Error::other(format!("no name is free in {}", parent.display())))
    }

    fn remove(&self) -> bool {
        match fs::remove_dir(&self.path) {
            Ok(()) => true,
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        }
    }
}

/// Removes the groups below a folder whose makers are gone. A group with a process in it stays: the kernel sees to that.
pub(super) fn sweep(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        let is_ours = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX));
        let path = entry.path();
        if let Some(folder) = is_ours.then(|| File::open(&path).ok()).flatten()
            && flock(&folder, FlockOperation::NonBlockingLockExclusive).is_ok()
            && fs::remove_dir(&path).is_ok()
        {
            tracing::debug!(group = %path.display(), "a control group of a runner that is gone was removed");
        }
    }
}
