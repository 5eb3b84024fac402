//! What of a user's counters in the kernel a command may take, where the user is the caller. They hold over all that a
//! user runs, and what is born in a user namespace counts outside as well: but a namespace can be given a smaller bound.

use std::fs;
use std::io;

use crate::outcome::SandboxError;

/// A counter with a bound in each user namespace.
struct Counter {
    /// In `/proc/sys/user`.
    name: &'static str,
    /// What part of the host's bound is the command's.
    part: u64,
    /// Never less, nor more.
    least: u64,
    most: u64,
}

/// Instances are few, 128 by default, and several commands may run side by side. fanotify is not to be had at all.
const COUNTERS: [Counter; 2] = [
    Counter { name: "max_inotify_instances", part: 8, least: 16, most: 256 },
    Counter { name: "max_inotify_watches", part: 8, least: 8 << 10, most: 64 << 10 },
];

/// Where the host's bounds are told, also inside.
const HOST: [&str; 2] = ["/proc/sys/fs/inotify/max_user_instances", "/proc/sys/fs/inotify/max_user_watches"];

/// Bounds this user namespace. Needs a /proc that was mounted in it, and CAP_SYS_RESOURCE over it.
pub(crate) fn bound() -> Result<(), SandboxError> {
    for (counter, host) in COUNTERS.iter().zip(HOST) {
        let path = format!("/proc/sys/user/{}", counter.name);
        let share = counter.share(fs::read_to_string(host).ok().and_then(|all| all.trim().parse().ok()));
        match fs::write(&path, share.to_string()) {
            // A kernel without inotify.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            done => done.map_err(|error| SandboxError::of("namespaces", &format!("write {path}"), &error))?,
        }
    }
    Ok(())
}

impl Counter {
    fn share(&self, of: Option<u64>) -> u64 {
        of.map_or(self.least, |all| (all / self.part).clamp(self.least, self.most))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_leaves_the_host_most_and_never_all_of_nothing() {
        let [instances, _] = COUNTERS;
        assert_eq!([Some(128), Some(8192), Some(1), None].map(|all| instances.share(all)), [16, 256, 16, 16]);
    }
}
