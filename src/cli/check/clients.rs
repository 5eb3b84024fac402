//! What `check` says of the registries that the clients of a plan's commands ask on this host, where the plan does not let them.

use std::collections::BTreeSet;

use crate::app::clients::{self, Answered};
use crate::cli::shape;
use crate::plan::{Action, Destination, Network, Plan, Step};
use crate::policy::HostFacts;

/// A step whose client would be refused what it asks, or tells nothing.
pub(super) struct Asks {
    step: String,
    answered: Answered,
    /// The step's whole list, with what is missing.
    line: Option<String>,
    /// What finds out the rest.
    learn: String,
}

/// What was asked before: two steps of a plan mostly have the same environment.
#[derive(Default)]
pub(super) struct Clients {
    known: Vec<(Vec<(String, String)>, Answered)>,
}

impl Clients {
    /// Asks the clients of a step's command, each once for steps that are alike.
    pub(super) fn ask(
        &mut self,
        plan: &Plan,
        step: &Step,
        env: &[(String, String)],
        host: &HostFacts,
    ) -> Vec<Asks> {
        let Action::Command(invocation) = &step.action else { return Vec::new() };
        let allowed: &[Destination] = match &step.network {
            Network::Full => return Vec::new(),
            Network::None => &[],
            Network::Allow(allowed) => allowed,
        };
        let clients = clients::of_command(invocation);
        let is_known = |client: &clients::Client, known: &Self| {
            known.known.iter().any(|(own, answered)| own == env && answered.client == *client)
        };
        let new: BTreeSet<clients::Client> =
            clients.iter().copied().filter(|client| !is_known(client, self)).collect();
        self.known.extend(clients::ask(&new, host, env).into_iter().map(|answered| (env.to_vec(), answered)));
        let of_step =
            self.known.iter().filter(|(own, answered)| own == env && clients.contains(&answered.client));
        let lacking = of_step.filter(|(_, answered)| lacks(allowed, answered));
        lacking
            .map(|(_, answered)| Asks {
                step: step.id.clone(),
                answered: answered.clone(),
                line: line(allowed, answered),
                learn: format!("autopilot learn {}/{}", plan.issue, step.id),
            })
            .collect()
    }
}

/// Tells whether a list keeps the client from what it would ask in the step.
fn lacks(allowed: &[Destination], answered: &Answered) -> bool {
    let is_allowed = |host: &String| {
        host.parse::<Destination>().is_ok_and(|asked| allowed.iter().any(|own| own.covers(&asked)))
    };
    let hosts = if answered.in_step.is_empty() { &answered.hosts } else { &answered.in_step };
    hosts.is_empty() && allowed.is_empty() || !hosts.iter().all(is_allowed)
}

fn line(allowed: &[Destination], answered: &Answered) -> Option<String> {
    let listed: BTreeSet<String> = allowed.iter().map(Destination::in_plan).collect();
    // Without a line by which the step has the user's setting it asks what it asks.
    let hosts = if answered.differs() && answered.follow.is_none() && !answered.in_step.is_empty() {
        &answered.in_step
    } else {
        &answered.hosts
    };
    (!hosts.is_empty()).then(|| Network::allowing(listed.union(hosts)))
}

impl Asks {
    /// Says it in a line.
    pub(super) fn text(&self) -> String {
        let Self { step, answered, learn, .. } = self;
        let client = answered.client;
        let Some(line) = &self.line else {
            return format!(
                "step `{step}` runs {client}, which does not tell here what it asks: `{learn}` finds out"
            );
        };
        let named =
            |hosts: &BTreeSet<String>| hosts.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        let hosts = if answered.hosts.is_empty() { &answered.in_step } else { &answered.hosts };
        let mut text = format!("step `{step}` runs {client}, which asks {} here", named(hosts));
        if !answered.from.is_empty() {
            text += &format!(" ({})", answered.from);
        }
        text += &format!(", and may not: write `{line}`");
        match &answered.follow {
            Some(follow) => text += &format!(", and {follow}, since no step sees that setting of yours"),
            None if answered.differs() => {
                text += &format!("; in a step it asks {}", named(&answered.in_step));
            }
            None => {}
        }
        text + &format!("; `{learn}` finds what else it needs")
    }

    pub(super) fn told(&self) -> shape::Asked {
        let Answered { client, hosts, in_step, from, follow } = self.answered.clone();
        shape::Asked {
            step: self.step.clone(),
            client: client.program(),
            hosts,
            in_step,
            from,
            network: self.line.clone(),
            follow,
            learn: self.learn.clone(),
        }
    }
}
