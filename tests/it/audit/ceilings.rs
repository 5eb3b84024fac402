//! What a recorded plan was granted, against the ceilings of this host and who wrote it.

use std::fs;

use serde_json::{Value, json};

use super::forge::Forge;
use crate::common::Repo;

/// What is done to the first event.
type Change<'a> = &'a dyn Fn(&mut Value);

#[test]
fn a_record_that_grants_more_than_its_ceiling_or_its_writer_may_have_is_found() {
    let repo = Repo::new();
    let config = repo.home().join(".config/autopilot");
    fs::create_dir_all(&config).unwrap();
    fs::write(config.join("config.yaml"), "timeout: 90s\nsecrets: []\n").unwrap();
    repo.plan("  - {id: work, command: echo made > made}\n");
    repo.run().exits(0);
    repo.autopilot(["audit"]).exits(0).says("PASS");
    let cases: [(&str, Change<'_>); 3] = [
        ("at most 1m30s, as the ceiling says", &|start| start["plan"]["steps"][0]["timeout"] = json!("2m")),
        ("only secrets that it names", &|start| start["plan"]["steps"][0]["secrets"] = json!(["TOKEN"])),
        ("no path outside", &|start| {
            start["origin"] = json!("record");
            start["plan"]["steps"][0]["filesystem"]["read"] = json!(["/srv"]);
        }),
    ];
    for (says, change) in cases {
        let copy = repo.copy();
        let run = copy.events_of("run.started")[0]["run"].as_str().unwrap().to_owned();
        Forge::new(&copy.top(), &run).edit_event("run.started", |_| true, change);
        copy.autopilot(["audit"]).exits(4).says("AP502").says(says);
    }
    // Under other ceilings nothing is known of those.
    fs::write(config.join("config.yaml"), "timeout: 1s\n").unwrap();
    repo.autopilot(["audit"]).exits(0);
}
