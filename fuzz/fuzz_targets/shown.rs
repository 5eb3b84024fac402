//! What a reader sees of a line has no control in it, and a line without any is seen as it is.
#![no_main]

use autopilot::run::fuzzing::views;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|line: &[u8]| {
    let views = views(line);
    assert!(!views.is_empty());
    if line.iter().any(|byte| *byte < b' ' && *byte != b'\t') {
        let is_clean = |view: &String| !view.chars().any(|c| c.is_control() && c != '\t');
        assert!(views.iter().all(is_clean), "{views:?}");
    } else if line.is_ascii() && !line.contains(&0x7f) {
        assert_eq!(views, [String::from_utf8_lossy(line)]);
    }
});
