//! What of Landlock and seccomp this kernel has: tried by a thread that restricts itself alone, and ends.

use crate::{filter, lock};

/// Returns the newest Landlock ABI that both the kernel and this program know, 0 for none, and whether there are system
/// call filters. What is not to be tried is not there.
pub fn restrictions(landlock: bool, seccomp: bool) -> (u32, bool) {
    let tried = std::thread::spawn(move || {
        let abi = if landlock { lock::probe() } else { 0 };
        (abi, seccomp && filter::probe())
    });
    tried.join().unwrap_or((0, false))
}
