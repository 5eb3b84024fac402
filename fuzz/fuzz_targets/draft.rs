//! Whatever a document is, what is written of it is a plan, or there is a message.
#![no_main]

use std::path::Path;

use autopilot::plan::AgentId;
use autopilot::plan::draft::{Document, Worker, of_issue};
use libfuzzer_sys::fuzz_target;

fn is_plan(text: &str) {
    let path = Path::new(".ai/plans/7/Autopilot.yaml");
    if let Err(faults) = autopilot::plan::parse(text.as_bytes(), path, Path::new("/nowhere"), Some(7)) {
        panic!("{faults}\n{text}");
    }
}

fuzz_target!(|text: &str| {
    let worker = Worker { agent: AgentId::ALL[0], model: None, is_priced: false, proving: None };
    if let Ok(plan) = of_issue(7, text, worker) {
        is_plan(&plan);
    }
    let document = Document::read(text);
    let written = document.graph().and_then(|graph| graph.write(7, "A title", worker));
    if let Ok(plan) = written {
        is_plan(&plan);
    }
});
