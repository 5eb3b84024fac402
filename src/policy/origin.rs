//! Takes a plan and who wrote it, says what of it that writer may not ask for. Pure; used by whatever runs a plan that the user
//! has not written.

use std::fmt;

use super::ceiling::Above;
use super::request::Reason;
use crate::plan::{Asked, EnvEntry, Network, Plan, Provider, Step};

/// Who wrote a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The user: it lies in the checkout.
    Own,
    /// It is committed on the base, unchanged.
    Base,
    /// Somebody's evidence.
    Record,
    /// An agent, during a run or by a tool call.
    Agent,
    /// Whoever it was: others have written what it runs on.
    Others,
}

/// Whether the user lets a plan of others reach the network, having seen what it asks for (`--trust`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// Not asked for.
    Withheld,
    /// Asked for, once it was shown.
    Given,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Own => "the user",
            Self::Base => "the author of the base",
            Self::Record => "the author of a record",
            Self::Agent => "an agent",
            Self::Others => "others",
        })
    }
}

impl Origin {
    fn is_others(self) -> bool {
        match self {
            Self::Own | Self::Base => false,
            Self::Record | Self::Agent | Self::Others => true,
        }
    }
}

/// Returns what is to be shown before anybody trusts a plan: all that it reaches of the network, by step.
pub fn reached(plan: &Plan) -> Vec<(String, String)> {
    let of_step = |step: &Step| network(step).map(|reached| (step.id.clone(), reached));
    plan.steps.iter().filter_map(of_step).collect()
}

/// Holds a plan to what its writer may ask for: of others it gets no secrets, nothing of the host's environment, no path outside of the
/// worktree, publishes nothing, and reaches the network only if it is trusted. What it leaves open is closed.
pub fn hold_origin(plan: &mut Plan, asked: &Asked, origin: Origin, trust: Trust) -> Vec<Above> {
    if !origin.is_others() {
        return Vec::new();
    }
    let mut held = Holding { origin, asked, above: Vec::new() };
    for step in &plan.steps {
        held.host(step);
        if trust == Trust::Withheld
            && let Some(reached) = network(step)
        {
            let hint = "look at what it reaches, then let it with --trust";
            held.add(Some(step), ("network", ""), &reached, "reaches no network unless it is trusted", hint);
        }
    }
    held.publishing(plan);
    // A comment that the plan leaves open is one.
    plan.publish.comment = Some(false);
    held.above
}

struct Holding<'a> {
    origin: Origin,
    asked: &'a Asked,
    above: Vec<Above>,
}

impl Holding<'_> {
    fn add(&mut self, step: Option<&Step>, at: (&'static str, &str), entry: &str, why: &str, hint: &str) {
        let step = step.map(|step| step.id.clone());
        let place = self.asked.place(step.as_deref(), at.0, at.1);
        let what = if entry.is_empty() { at.0.to_owned() } else { format!("{}: {entry}", at.0) };
        let reason = Reason {
            what: format!("{what} ({place})"),
            why: match self.origin {
                Origin::Others => format!("a run on commits of others {why}"),
                origin => format!("a plan that {origin} wrote {why}"),
            },
            hint: hint.to_owned(),
        };
        self.above.push(Above { step, reason });
    }

    /// What a step would be given of the host.
    fn host(&mut self, step: &Step) {
        let hint = "if it is right, write it into a plan of your own";
        for name in &step.secrets {
            self.add(Some(step), ("secrets", name), name, "gets no secrets", hint);
        }
        for name in inherited(step) {
            self.add(Some(step), ("env", name), name, "gets nothing of the host's environment", hint);
        }
        let own = &step.filesystem;
        for (key, paths) in [("filesystem.read", &own.read), ("filesystem.write", &own.write)] {
            for path in paths {
                let path = path.to_string_lossy();
                self.add(Some(step), (key, &path), &path, "gets no path outside of its worktree", hint);
            }
        }
        let Some(asked) = step.action.asks() else { return };
        if let Provider::Custom { env_key: Some(name), .. } = &asked.provider {
            self.add(Some(step), ("provider", name), name, "gets no secrets, for a model neither", hint);
        }
        for server in &asked.mcp {
            self.add(
                Some(step),
                ("mcp", server),
                server,
                "gets nothing of what the user has configured",
                hint,
            );
        }
    }

    fn publishing(&mut self, plan: &Plan) {
        let own = &plan.publish;
        let wants = [
            ("publish.comment", own.comment == Some(true)),
            ("publish.push", own.push),
            ("publish.pull_request", own.pull_request.is_some()),
            ("publish.evidence", own.evidence),
        ];
        for (key, _) in wants.into_iter().filter(|(_, is_wanted)| *is_wanted) {
            self.add(
                None,
                (key, ""),
                "",
                "publishes nothing",
                "look at the result, then publish it yourself",
            );
        }
    }
}

fn inherited(step: &Step) -> impl Iterator<Item = &String> {
    step.env.iter().filter_map(|entry| match entry {
        EnvEntry::Inherit(name) => Some(name),
        EnvEntry::Set(..) => None,
    })
}

/// Says what a step reaches of the network, its model's server included where the plan names one.
fn network(step: &Step) -> Option<String> {
    let hosts = match &step.network {
        Network::None => None,
        Network::Full => Some("full".to_owned()),
        Network::Allow(hosts) => Some(hosts.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
    };
    let model = match step.action.asks().map(|asked| &asked.provider) {
        Some(Provider::Custom { base_url, .. }) => Some(format!("a model at {base_url}")),
        _ => None,
    };
    let all: Vec<String> = hosts.into_iter().chain(model).collect();
    (!all.is_empty()).then(|| all.join(", "))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::plan::parse;

    const HEAD: &str = "version: 1\nissue: 7\ntitle: Try\n";

    fn asks(rest: &str) -> (Plan, Asked) {
        let text = format!("{HEAD}{rest}");
        let loaded = parse(text.as_bytes(), Path::new("p.yaml"), Path::new("."), None);
        let loaded = loaded.unwrap_or_else(|faults| panic!("{faults}"));
        (loaded.plan, loaded.asked)
    }

    fn above(rest: &str, origin: Origin, trust: Trust) -> Vec<String> {
        let (mut plan, asked) = asks(rest);
        let above = hold_origin(&mut plan, &asked, origin, trust);
        above.into_iter().map(|above| above.reason.what).collect()
    }

    const GREEDY: &str = "\
steps:
  - id: a
    command: make
    secrets: [TOKEN]
    env: [CI, \"X=1\"]
    filesystem: {read: [/srv], write: [~/out]}
    network: {allow: [a.example.org]}
  - id: b
    codex: {prompt: Do it, mcp: [docs], provider: {base_url: 'https://m.example.org/v1', env_key: KEY}}
publish: {comment: true, pull_request: draft}
";

    #[test]
    fn the_users_own_plans_and_those_of_the_base_get_what_they_ask_for() {
        for origin in [Origin::Own, Origin::Base] {
            assert_eq!(above(GREEDY, origin, Trust::Withheld), [""; 0]);
        }
        let (mut plan, asked) = asks("steps: [{id: a, command: make}]");
        hold_origin(&mut plan, &asked, Origin::Own, Trust::Withheld);
        assert_eq!(plan.publish.comment, None);
    }

    #[test]
    fn plans_of_others_get_nothing_of_the_host() {
        let host = [
            "secrets: TOKEN (p.yaml:7)",
            "env: CI (p.yaml:8)",
            "filesystem.read: /srv (p.yaml:9)",
            "filesystem.write: ~/out (p.yaml:9)",
        ];
        let model = ["provider: KEY (p.yaml:12)", "mcp: docs (p.yaml:11)"];
        let publish =
            ["publish.comment (p.yaml:13)", "publish.push (p.yaml:1)", "publish.pull_request (p.yaml:13)"];
        for origin in [Origin::Record, Origin::Agent, Origin::Others] {
            let trusted = [&host[..], &model, &publish].concat();
            assert_eq!(above(GREEDY, origin, Trust::Given), trusted);
            let network = ["network: a.example.org:443 (p.yaml:10)"];
            let served = ["network: a model at https://m.example.org/v1 (p.yaml:11)"];
            assert_eq!(
                above(GREEDY, origin, Trust::Withheld),
                [&host[..], &network, &model, &served, &publish].concat()
            );
        }
    }

    #[test]
    fn what_such_a_plan_leaves_open_is_closed() {
        let (mut plan, asked) = asks("steps: [{id: a, command: make, env: [\"X=1\"]}]");
        assert_eq!(hold_origin(&mut plan, &asked, Origin::Record, Trust::Withheld), []);
        assert_eq!(plan.publish.comment, Some(false));
        let (plan, _) = asks(GREEDY);
        let shown = [("a", "a.example.org:443"), ("b", "a model at https://m.example.org/v1")];
        assert_eq!(reached(&plan), shown.map(|(step, what)| (step.to_owned(), what.to_owned())));
    }

    /// A key that hands a step something of the host has to be held here: this list is looked at when a step gets a new one.
    #[test]
    fn every_key_of_a_step_is_known_here() {
        let (plan, _) = asks("steps: [{id: a, command: make}]");
        let step = serde_json::to_value(&plan.steps[0]).unwrap();
        let known = [
            "action",
            "clean_ignored",
            "commit",
            "dir",
            "env",
            "expectation",
            "filesystem",
            "id",
            "line",
            "needs",
            "network",
            "on_failure",
            "post",
            "resources",
            "retries",
            "retry_from",
            "rollback",
            "secrets",
            "timeout",
        ];
        let keys: Vec<&String> = step.as_object().unwrap().keys().collect();
        // Whether HOME is kept from earlier steps is between steps, and nothing of the host's.
        let new: Vec<_> =
            keys.iter().filter(|key| !known.contains(&key.as_str()) && key.as_str() != "home").collect();
        assert!(new.is_empty(), "{new:?}: does it hand something of the host to a step?");
    }
}
