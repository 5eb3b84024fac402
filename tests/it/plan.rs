//! Plans as people write them: what loads, what is refused, and what they read then.

use std::path::{Path, PathBuf};

use autopilot::plan::{self, Plan};

fn fixtures(kind: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/plans").join(kind)
}

fn valid(name: &str) -> Plan {
    match plan::load(&fixtures("valid").join(name), None) {
        Ok(loaded) => loaded.plan,
        Err(faults) => panic!("{faults}"),
    }
}

#[test]
fn every_key_loads() {
    let plan = valid("full.yaml");
    assert_eq!(plan.steps.len(), 7);
}

#[test]
fn the_smallest_plan_loads() {
    assert_eq!(valid("smallest.yaml").steps.len(), 1);
}
