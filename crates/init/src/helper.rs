//! Programs that work for the runner: gits, gh, an agent that is asked for its version, the confined side's outer part.
//!
//! A terminal and `timeout` signal the whole process group of the runner, systemd and Slurm all that they started. That means
//! the runner, which ends what it began, in order: a git that died of it would be a failure where nothing failed.

use std::io;

use nix::sys::signal::{SigSet, SigmaskHow, Signal};

/// The signals by which a process is asked to end.
pub const POLITE: [Signal; 4] = [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGQUIT];

/// Starts a helper, which is deaf to these signals from its first moment on: when to end it is the runner's to say, by
/// SIGKILL.
pub fn start<T>(spawn: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let polite: SigSet = POLITE.into_iter().collect();
    let before = polite.thread_swap_mask(SigmaskHow::SIG_BLOCK)?;
    let started = spawn();
    before.thread_set_mask()?;
    started
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_helper_is_deaf_to_what_asks_to_end_and_who_started_it_is_not() {
        let blocked = |status: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix("SigBlk:")).unwrap();
            u64::from_str_radix(line.trim(), 16).unwrap()
        };
        let own = || blocked(&std::fs::read_to_string("/proc/thread-self/status").unwrap());
        let before = own();
        let mut command = Command::new("cat");
        command.arg("/proc/self/status").stdout(Stdio::piped());
        let output = start(|| command.spawn()).unwrap().wait_with_output().unwrap();
        let status = String::from_utf8(output.stdout).unwrap();
        for signal in POLITE {
            assert_eq!(blocked(&status) >> (signal as i32 - 1) & 1, 1, "{signal}");
        }
        assert_eq!(own(), before);
    }
}
