//! Any bytes are a plan or faults, each at a place in the file; and what a plan came to is said as JSON.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let path = Path::new(".ai/plans/7/Autopilot.yaml");
    match autopilot::plan::parse(bytes, path, Path::new("/nowhere"), Some(7)) {
        Ok(loaded) => assert!(loaded.plan.resolved().is_object()),
        Err(faults) => assert!(!faults.to_string().is_empty()),
    }
});
