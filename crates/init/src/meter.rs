//! Whether the kernel stopped a process of a control group, since the group held all it may.

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::pread;

/// The file in which the kernel counts that. Opened by the runner, and read by whoever has it: to the confined side the
/// groups themselves are out of reach.
#[derive(Debug)]
pub struct Meter(OwnedFd);

impl Meter {
    /// Tells whether the kernel killed a process of the group for its memory.
    pub fn has_killed(&self) -> bool {
        let mut text = [0; 1024];
        let length = pread(&self.0, &mut text[..], 0).unwrap_or(0);
        killed(&String::from_utf8_lossy(&text[..length])) > 0
    }
}

impl From<File> for Meter {
    fn from(file: File) -> Self {
        Self(file.into())
    }
}

impl From<OwnedFd> for Meter {
    fn from(fd: OwnedFd) -> Self {
        Self(fd)
    }
}

impl AsFd for Meter {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Reads the count in `memory.events` and `memory.oom_control`, which have it in the same words.
fn killed(text: &str) -> u64 {
    let count = text.lines().find_map(|line| line.strip_prefix("oom_kill "));
    count.and_then(|count| count.trim().parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_are_read() {
        assert_eq!(killed("low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 0\n"), 2);
        assert_eq!(killed("oom_kill_disable 0\nunder_oom 1\noom_kill 7\n"), 7);
        assert_eq!(killed("oom_kill_disable 0\nunder_oom 1\n"), 0);
    }
}
