//! An agent's output is a claim: whatever it is, it ends in a report, and the same one however it was cut.
#![no_main]

use autopilot::agent::{claude, codex};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, &[u8])| {
    let (size, bytes) = input;
    let chunks = || bytes.chunks(usize::from(size) + 1);
    assert_eq!(codex::fuzzing::heard(std::iter::once(bytes)), codex::fuzzing::heard(chunks()));
    assert_eq!(claude::fuzzing::heard(std::iter::once(bytes)), claude::fuzzing::heard(chunks()));
});
