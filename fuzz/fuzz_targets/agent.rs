//! An agent's output is a claim: whatever it is, it ends in a report, and the same one however it was cut.
#![no_main]

use autopilot::agent::codex::fuzzing::heard;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, &[u8])| {
    let (size, bytes) = input;
    assert_eq!(heard(std::iter::once(bytes)), heard(bytes.chunks(usize::from(size) + 1)));
});
