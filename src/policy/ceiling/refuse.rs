//! What of a plan is above a ceiling and cannot be lowered: it is refused, with the rule, the plan's line and what to do.

use std::path::{Path, PathBuf};

use super::above::Above;
use super::within::Within;
use crate::plan::{Asked, Ceiling, Destination, EnvEntry, Network, Plan, Provider, Step};
use crate::policy::request::Reason;
use crate::policy::waiver::Waivers;

/// Finds all of it.
pub(super) fn above(
    ceiling: &Ceiling,
    plan: &Plan,
    asked: &Asked,
    real: &dyn Fn(&Path) -> PathBuf,
) -> Vec<Above> {
    let mut held = Holding { ceiling, asked, above: Vec::new() };
    let within = Within::of(ceiling, real);
    for step in &plan.steps {
        held.network(step);
        if let Some(within) = &within {
            held.paths(step, within, real);
        }
        held.environment(step);
        held.agent(step);
    }
    held.publish(plan);
    held.above
}

/// Finds the protections that are given up and may not be.
pub(super) fn waivers<'a>(ceiling: &'a Ceiling, waivers: &'a Waivers) -> impl Iterator<Item = Above> + 'a {
    let given = ceiling.rules.allow_degraded.as_ref().map(|allowed| (allowed, waivers.iter()));
    given.into_iter().flat_map(move |(allowed, waivers)| {
        waivers.map(|waiver| waiver.to_string()).filter(|name| !allowed.contains(name)).map(|name| {
            let rule = place(ceiling, "allow_degraded");
            let reason = Reason {
                what: format!("--allow-degraded {name}"),
                why: format!("`allow_degraded` ({rule}) is {}", listed(allowed)),
                hint: format!("leave it away; {}", who_may(ceiling)),
            };
            Above { step: None, reason }
        })
    })
}

struct Holding<'a> {
    ceiling: &'a Ceiling,
    asked: &'a Asked,
    above: Vec<Above>,
}

impl Holding<'_> {
    /// Notes something: the plan's key with its entry, the rule, and what that allows.
    fn add(&mut self, step: Option<&Step>, (key, entry): (&'static str, &str), rule: &str, allows: &str) {
        let step = step.map(|step| step.id.clone());
        let asked = self.asked.place(step.as_deref(), key, entry);
        let what = if entry.is_empty() { key.to_owned() } else { format!("{key}: {entry}") };
        let reason = Reason {
            what: format!("{what} ({asked})"),
            why: format!("`{rule}` ({}) is {allows}", place(self.ceiling, rule)),
            hint: format!("take it out of the plan; {}", who_may(self.ceiling)),
        };
        self.above.push(Above { step, reason });
    }

    fn network(&mut self, step: &Step) {
        let Some(most) = &self.ceiling.rules.network else { return };
        match &step.network {
            Network::None => {}
            Network::Full if *most == Network::Full => {}
            Network::Full => self.add(Some(step), ("network", "full"), "network", &allows(most)),
            Network::Allow(hosts) => {
                for host in hosts.iter().filter(|host| !most.lets(host)) {
                    self.add(Some(step), ("network", &host.to_string()), "network", &allows(most));
                }
            }
        }
    }

    fn paths(&mut self, step: &Step, within: &Within, real: &dyn Fn(&Path) -> PathBuf) {
        let own = &step.filesystem;
        let lists =
            [("filesystem.read", &own.read, &within.read), ("filesystem.write", &own.write, &within.write)];
        for (key, paths, folders) in lists {
            for path in paths.iter().filter(|path| !Within::covers(folders, &real(path))) {
                let leads = real(path);
                let shown: Vec<String> = folders.iter().map(|folder| folder.display().to_string()).collect();
                let mut allows = listed(&shown);
                if leads != *path {
                    allows = format!("{allows}, and it leads to {}", leads.display());
                }
                self.add(Some(step), (key, &path.to_string_lossy()), key, &allows);
            }
        }
    }

    /// Whoever bounds secrets alone, or variables alone, has bounded both: either hands a value of the host's over.
    fn environment(&mut self, step: &Step) {
        let (env, secrets) = (&self.ceiling.rules.env, &self.ceiling.rules.secrets);
        let Some(rule) = secrets.as_ref().map(|_| "secrets").or(env.as_ref().map(|_| "env")) else { return };
        let (env_rule, none) = (if env.is_some() { "env" } else { "secrets" }, Vec::new());
        let plain = env.as_ref().unwrap_or(&none);
        let all = [secrets.as_ref().unwrap_or(&none).as_slice(), plain].concat();
        for name in step.secrets.iter().filter(|name| !all.contains(name)) {
            self.add(Some(step), ("secrets", name), rule, &listed(&all));
        }
        let inherited = step.env.iter().filter_map(|entry| match entry {
            EnvEntry::Inherit(name) => Some(name),
            EnvEntry::Set(..) => None,
        });
        for name in inherited.filter(|name| !plain.contains(name)) {
            let allows = match env {
                Some(env) => listed(env),
                None => "all that is said of variables: `env` names none".to_owned(),
            };
            self.add(Some(step), ("env", name), env_rule, &allows);
        }
        if let Some(Provider::Custom { env_key: Some(name), .. }) =
            step.action.asks().map(|asked| &asked.provider)
            && !all.contains(name)
        {
            self.add(Some(step), ("provider", name), rule, &listed(&all));
        }
    }

    fn agent(&mut self, step: &Step) {
        let rules = &self.ceiling.rules;
        if let (Some(own), Some(agents)) = (step.action.agent(), &rules.agents)
            && !agents.iter().any(|agent| agent == own.key())
        {
            self.add(Some(step), (step.action.key(), ""), "agents", &listed(agents));
        }
        let Some(asked) = step.action.asks() else { return };
        if let Some(models) = &rules.models
            && !asked.model.as_ref().is_some_and(|own| models.iter().any(|model| is_like(model, own)))
        {
            let own = asked.model.as_deref().unwrap_or("none is named, and the agent would choose");
            self.add(Some(step), ("model", own), "models", &listed(models));
        }
        if let (Some(most), Provider::Custom { base_url, .. }) = (&rules.network, &asked.provider)
            && !host_of(base_url).is_some_and(|host| most.lets(&host))
        {
            self.add(Some(step), ("provider", base_url), "network", &allows(most));
        }
    }

    fn publish(&mut self, plan: &Plan) {
        let (own, rules) = (&plan.publish, &self.ceiling.rules);
        let wants = [
            ("publish.comment", own.comment == Some(true), ("publish.comment", rules.comment)),
            ("publish.push", own.push, ("publish.push", rules.push)),
            (
                "publish.pull_request",
                own.pull_request.is_some(),
                ("publish.pull_request", rules.pull_request),
            ),
            ("publish.evidence", own.evidence, ("publish.evidence", rules.evidence)),
            // The same commits, under another name.
            ("publish.evidence", own.evidence, ("publish.push", rules.push)),
        ];
        for (key, is_wanted, (rule, allowed)) in wants {
            if is_wanted && allowed == Some(false) {
                self.add(None, (key, ""), rule, "`false`");
            }
        }
    }
}

/// Returns `FILE:LINE` of a rule.
fn place(ceiling: &Ceiling, rule: &str) -> String {
    format!("{}:{}", ceiling.path.display(), ceiling.line(rule))
}

fn who_may(ceiling: &Ceiling) -> String {
    format!("or have {} allow it: no plan and no option goes beyond that", ceiling.path.display())
}

fn listed(names: &[impl AsRef<str>]) -> String {
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    if names.is_empty() { "`[]`: nothing".to_owned() } else { format!("`[{}]`", names.join(", ")) }
}

fn allows(most: &Network) -> String {
    match most {
        Network::None => "`none`".to_owned(),
        Network::Full => "`full`".to_owned(),
        Network::Allow(hosts) => listed(&hosts.iter().map(ToString::to_string).collect::<Vec<_>>()),
    }
}

/// Returns where a model is served.
fn host_of(base_url: &str) -> Option<Destination> {
    let (scheme, rest) = base_url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let has_port = authority.rsplit_once(':').is_some_and(|(_, port)| !port.ends_with(']'));
    let port = if scheme == "http" { 80 } else { 443 };
    let host = if has_port { authority.to_owned() } else { format!("{authority}:{port}") };
    host.parse().ok()
}

/// Tells whether a name is like a pattern in which `*` stands for any text.
fn is_like(pattern: &str, name: &str) -> bool {
    let Some((begin, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut left) = name.strip_prefix(begin) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let end = parts.pop().unwrap_or_default();
    for part in parts {
        let Some(at) = left.find(part) else { return false };
        left = &left[at + part.len()..];
    }
    left.ends_with(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_of_models_is_like_the_whole_name() {
        for (pattern, name, is) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("qwen*", "qwen3:8b", true),
            ("qwen*", "xqwen", false),
            ("*-mini", "gpt-5-mini", true),
            ("*-mini", "gpt-5-mini-x", false),
            ("a*b*c", "a1b2c", true),
            ("a*b*c", "a1c2b", false),
            ("ab*ba", "aba", false),
            ("*", "", true),
        ] {
            assert_eq!(is_like(pattern, name), is, "{pattern} {name}");
        }
    }

    #[test]
    fn a_host_is_reached_where_all_it_stands_for_is() {
        let most = |hosts: &[&str]| Network::Allow(hosts.iter().map(|host| host.parse().unwrap()).collect());
        for (allowed, host, is) in [
            ("example.org", "example.org", true),
            ("example.org", "example.org:80", false),
            ("example.org", "*.example.org", false),
            ("*.example.org", "a.example.org", true),
            ("*.example.org", "*.a.example.org", true),
            ("*.example.org", "*.example.org", true),
            ("*.example.org", "example.org", false),
            ("*.example.org", "badexample.org", false),
            ("[::1]:80", "[::1]:80", true),
        ] {
            assert_eq!(most(&[allowed]).lets(&host.parse().unwrap()), is, "{allowed} {host}");
        }
    }

    #[test]
    fn a_model_is_served_where_its_address_says() {
        for (url, host) in [
            ("http://127.0.0.1:8080/v1", "127.0.0.1:8080"),
            ("http://a.example/v1", "a.example:80"),
            ("https://a.example", "a.example:443"),
            ("https://[::1]/v1", "[::1]:443"),
        ] {
            assert_eq!(host_of(url).unwrap().to_string(), host);
        }
    }
}
