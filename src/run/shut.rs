//! Takes a plan, tells which hosts of its allow lists would be refused to its steps as this host resolves them now.

use crate::network;
use crate::plan::{Destination, Network, Plan, Step};

/// Says it in a line for each, with the step's whole list as it would be enough.
pub fn shut_hosts(plan: &Plan) -> Vec<String> {
    // Each list once: steps of a plan mostly have the same.
    let mut known: Vec<(&[Destination], Vec<network::Shut>)> = Vec::new();
    let mut said = Vec::new();
    for step in &plan.steps {
        let Network::Allow(allowed) = &step.network else { continue };
        if !known.iter().any(|(list, _)| *list == allowed.as_slice()) {
            known.push((allowed, network::shut(allowed)));
        }
        let own = known.iter().find(|(list, _)| *list == allowed.as_slice());
        said.extend(own.into_iter().flat_map(|(_, shut)| shut).map(|shut| in_words(step, allowed, shut)));
    }
    said
}

fn in_words(step: &Step, allowed: &[Destination], shut: &network::Shut) -> String {
    let mut list: Vec<String> = allowed.iter().map(Destination::in_plan).collect();
    list.extend(shut.allow.clone());
    let (id, host, line) = (&step.id, shut.destination.in_plan(), Network::allowing(list));
    format!("step `{id}`: {host} will be refused: {}; to allow it: {line}", shut.why)
}
