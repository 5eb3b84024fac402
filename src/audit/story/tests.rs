//! Journals of every released version hold, and so does any that an honest runner can write.

use std::path::Path;

use super::*;
use crate::evidence::journal;

/// What is found in events, in their order and times.
pub(super) fn findings(
    run: RunName,
    events: impl IntoIterator<Item = (DateTime<Utc>, Event)>,
) -> Vec<Finding> {
    let mut story = Story::new(run);
    for (seq, (time, event)) in (0..).zip(events) {
        let kind = serde_json::to_value(&event).unwrap()["type"].as_str().unwrap().to_owned();
        let at = Head { seq, hash: crate::evidence::Sha::none() };
        story.take(Entry { event, kind, value: serde_json::Value::Null, at, time, so_far: None });
    }
    story.findings
}

#[test]
fn journals_of_released_versions_hold() {
    for name in ["v1.log", "v1-crashed.log"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/journals").join(name);
        let lines = journal::read(&path).unwrap().lines;
        let Event::RunStarted(start) = &lines[0].event else { panic!("{name}") };
        let run = start.run.as_str().parse().unwrap();
        let found = findings(run, lines.iter().map(|line| (line.time().unwrap(), line.event.clone())));
        assert!(found.is_empty(), "{name}: {found:#?}");
    }
}
