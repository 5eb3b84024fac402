//! What a recorded plan was granted, against who wrote it and the ceilings of this host, where they are those that the run began
//! under: of others the journal holds a digest alone. Written down once more, so that a runner that forgot it is found.

use serde_json::Value;

use super::code::Code;
use super::finding::Finding;
use super::plan::{MASK, Network};
use crate::evidence::event::{Origin, RunStarted};
use crate::plan::{self, Prices, Rules, units};

/// The ceilings of this host, as they are now.
#[derive(Debug, Clone, Copy)]
pub struct Ceilings<'a> {
    /// SHA-256 of their canonical form.
    pub digest: &'a str,
    /// What each says.
    pub rules: &'a [Rules],
}

/// Compares the plan of the first event.
pub(super) fn check(start: &RunStarted, ceilings: Option<Ceilings<'_>>) -> Vec<Finding> {
    let plan = start.plan.value();
    let mut findings = Vec::new();
    if matches!(start.origin, Some(Origin::Record | Origin::Agent)) {
        findings.extend(above_origin(plan, start.revises.is_some()));
    }
    let same = ceilings.filter(|now| start.ceiling.as_ref().is_some_and(|then| then.as_str() == now.digest));
    let rules = same.map(|same| same.rules).unwrap_or_default();
    findings.extend(rules.iter().flat_map(|rules| above(rules, plan)));
    findings.extend(same.and_then(|same| other_prices(same.rules, plan)));
    findings
}

/// Compares what models cost with what the files say, root's first: where root bounds money, the user's do not count.
fn other_prices(rules: &[Rules], plan: &Value) -> Option<Finding> {
    let count = match rules {
        [root, _] if root.budget.is_some() => 1,
        rules => rules.len(),
    };
    let all: Prices = rules[..count].iter().rev().flat_map(|rules| rules.prices.clone()).collect();
    let expected = if all.is_empty() { Value::Null } else { serde_json::to_value(all).ok()? };
    let own = &plan["prices"];
    let is_other = *own != expected && !own.to_string().contains(MASK);
    is_other.then(|| wrong(format!("prices of {expected}, as the ceiling says"), own.to_string()))
}

fn wrong(expected: impl Into<String>, found: String) -> Finding {
    Finding::new(Code::PolicyWeakened, expected, found)
}

/// What a plan of others must not be granted. Where a pull request is revised, somebody has asked for that.
fn above_origin(plan: &Value, is_asked: bool) -> Vec<Finding> {
    let expected = |what: &str| format!("{what}: the plan is of somebody's evidence or an agent's");
    let mut found = Vec::new();
    for step in items(&plan["steps"]) {
        let id = text(&step["id"]);
        let inherited = items(&step["env"]).iter().filter(|entry| !text(entry).contains('='));
        let paths = items(&step["filesystem"]["read"]).iter().chain(items(&step["filesystem"]["write"]));
        let lists: [(&str, Vec<&Value>); 3] = [
            ("no secrets", items(&step["secrets"]).iter().collect()),
            ("nothing of the environment", inherited.collect()),
            ("no path outside", paths.collect()),
        ];
        for (what, entries) in lists {
            found.extend(
                entries.into_iter().map(|entry| wrong(expected(what), format!("`{id}`: {}", text(entry)))),
            );
        }
    }
    let published = published(plan).into_iter().filter(|what| !is_asked || *what == "pull_request");
    found.extend(published.map(|what| wrong(expected("no publishing"), what.to_owned())));
    found
}

/// What is above the rules of a ceiling.
fn above(rules: &Rules, plan: &Value) -> Vec<Finding> {
    let mut found = Vec::new();
    let tokens = &plan["limits"]["tokens"];
    if let Some(most) = rules.tokens.filter(|most| tokens["at_most"].as_u64().is_none_or(|own| own > *most)) {
        found.push(wrong(format!("at most {most} tokens, as the ceiling says"), tokens.to_string()));
    }
    if let Some(most) = rules.budget.as_deref().and_then(units::micros) {
        let is_above = |own: &&Value| units::micros(text(own)).is_none_or(|own| own > most);
        let of_steps = items(&plan["steps"]).iter().filter_map(|step| step["action"].as_object());
        let of_steps = of_steps.flat_map(serde_json::Map::values).filter_map(|asked| asked.get("budget"));
        let all = std::iter::once(&plan["limits"]["budget"]).chain(of_steps);
        let expected = || format!("at most {}, as the ceiling says", units::money(most));
        found.extend(all.filter(is_above).map(|own| wrong(expected(), own.to_string())));
    }
    for step in items(&plan["steps"]) {
        found.extend(step_above(rules, step));
    }
    let forbidden = [
        ("comment", rules.comment),
        ("push", rules.push),
        ("pull_request", rules.pull_request),
        ("evidence", rules.evidence.filter(|_| rules.push != Some(false)).or(rules.push)),
    ];
    let forbidden = forbidden.into_iter().filter(|(_, allowed)| *allowed == Some(false));
    for (what, _) in forbidden.filter(|(what, _)| published(plan).contains(what)) {
        found.push(wrong(format!("no {what}, as the ceiling says"), what.to_owned()));
    }
    found
}

fn step_above(rules: &Rules, step: &Value) -> Vec<Finding> {
    let id = text(&step["id"]);
    let mut found = Vec::new();
    let mut add = |expected: String, what: String| {
        found.push(wrong(format!("{expected}, as the ceiling says"), format!("`{id}`: {what}")));
    };
    let timeout = units::read_duration(text(&step["timeout"])).ok();
    if let Some(most) = rules.timeout.filter(|most| timeout.is_none_or(|own| own > *most)) {
        add(format!("at most {}", units::duration(most)), text(&step["timeout"]).to_owned());
    }
    for (name, most) in rules.resources.iter().filter(|(name, _)| **name != "cpu") {
        let own = &step["resources"][*name];
        if own.as_u64().is_none_or(|own| own > *most) {
            add(format!("{name} of at most {most}"), own.to_string());
        }
    }
    if let Some(most) = &rules.network {
        for host in hosts(&step["network"]).into_iter().filter(|host| !reaches(most, host)) {
            add("only what it reaches at most".to_owned(), host);
        }
    }
    let named = [&rules.secrets, &rules.env];
    if named.iter().any(|names| names.is_some()) {
        let is_named = |name: &str| named.iter().any(|names| names.iter().flatten().any(|own| own == name));
        let own =
            items(&step["secrets"]).iter().map(text).filter(|name| !is_named(name) && !name.contains(MASK));
        own.for_each(|name| add("only secrets that it names".to_owned(), name.to_owned()));
    }
    found
}

/// Returns what a step reaches, each entry by itself.
fn hosts(network: &Value) -> Vec<String> {
    let list = items(&network["allow"]).iter().map(|host| text(host).to_owned());
    list.chain((network == "full").then(|| "full".to_owned())).collect()
}

/// A mask hides which host it is.
fn reaches(most: &plan::Network, host: &str) -> bool {
    let most = match most {
        plan::Network::None => Network::None,
        plan::Network::Full => return true,
        plan::Network::Allow(hosts) => Network::Allow(hosts.iter().map(ToString::to_string).collect()),
    };
    let Some((name, port)) = host.rsplit_once(':') else { return false };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    port.parse().is_ok_and(|port| most.reaches(name, port))
}

fn published(plan: &Value) -> Vec<&'static str> {
    let publish = &plan["publish"];
    let is = |what: &str| publish[what] == true || publish[what].is_object();
    ["comment", "push", "pull_request", "evidence"].into_iter().filter(|what| is(what)).collect()
}

fn items(list: &Value) -> &[Value] {
    list.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::*;

    fn plan() -> Value {
        json!({
            "limits": {"tokens": {"at_most": 500}},
            "steps": [{
                "id": "a", "timeout": "10m", "network": {"allow": ["a.example:443", "*.b.example:80"]}, "secrets": ["TOKEN"],
                "env": ["CI", "X=1"], "filesystem": {"read": ["/srv"], "write": []}, "resources": {"memory": 8},
            }],
            "publish": {"comment": true, "push": false, "pull_request": null},
        })
    }

    fn found(findings: &[Finding]) -> Vec<&str> {
        assert!(findings.iter().all(|finding| finding.code == Code::PolicyWeakened));
        findings.iter().map(|finding| finding.found.as_str()).collect()
    }

    fn rules(text: &str) -> Rules {
        plan::parse_ceiling(text.as_bytes(), Path::new("c.yaml")).unwrap().rules
    }

    #[test]
    fn plans_of_others_are_granted_nothing_of_the_host() {
        assert_eq!(found(&above_origin(&plan(), false)), ["`a`: TOKEN", "`a`: CI", "`a`: /srv", "comment"]);
        // Somebody asked for a revision to be published, and for nothing else.
        assert_eq!(found(&above_origin(&plan(), true)), ["`a`: TOKEN", "`a`: CI", "`a`: /srv"]);
    }

    #[test]
    fn what_is_above_a_rule_is_found() {
        for (text, what) in [
            ("tokens: 499", "{\"at_most\":500}"),
            ("timeout: 9m", "`a`: 10m"),
            ("resources: {memory: 7B}", "`a`: 8"),
            ("network: {allow: [a.example]}", "`a`: *.b.example:80"),
            ("network: {allow: ['*.b.example:80']}", "`a`: a.example:443"),
            ("secrets: [OTHER]", "`a`: TOKEN"),
            ("publish: {comment: false}", "comment"),
        ] {
            assert_eq!(found(&above(&rules(text), &plan())), [what], "{text}");
        }
    }

    #[test]
    fn money_above_a_rule_and_prices_of_ones_own_are_found() {
        let mut plan = plan();
        assert_eq!(found(&above(&rules("budget: 5 USD"), &plan)), ["null"], "it bounds none");
        plan["limits"]["budget"] = json!("5.00 USD");
        plan["steps"][0]["action"] = json!({"claude": {"budget": "5.01 USD"}});
        assert_eq!(found(&above(&rules("budget: 5 USD"), &plan)), ["\"5.01 USD\""]);
        assert_eq!(found(&above(&rules("budget: 4.99 USD"), &plan)).len(), 2);
        plan["prices"] =
            json!({"a": {"input": "1 USD", "cached": "1 USD", "written": "1 USD", "output": "0 USD"}});
        let [one, two, bounding] = [
            "prices: [{model: a, input: 1 USD, output: 0 USD}]",
            "prices: [{model: a, input: 9 USD, output: 9 USD}]",
            "{budget: 9 USD, prices: [{model: a, input: 9 USD, output: 9 USD}]}",
        ]
        .map(rules);
        let none = rules("budget: 9 USD");
        for (files, is_right) in [
            (vec![one.clone()], true),
            (vec![two.clone()], false),
            (vec![one.clone(), two], true),
            (vec![bounding, one.clone()], false),
            (vec![none, one], false),
            (vec![], false),
        ] {
            assert_eq!(other_prices(&files, &plan).is_none(), is_right, "{files:?}");
        }
    }

    #[test]
    fn what_is_within_is_not() {
        let wide = "{tokens: 500, timeout: 10m, resources: {memory: 8B}, secrets: [TOKEN], publish: {push: false},\n\
                    network: {allow: [a.example, '*.b.example:80']}}";
        assert_eq!(found(&above(&rules(wide), &plan())), [""; 0]);
        let mut unlimited = plan();
        unlimited["limits"]["tokens"] = json!("unlimited");
        assert_eq!(above(&rules("tokens: 500"), &unlimited).len(), 1);
        let mut full = plan();
        full["steps"][0]["network"] = json!("full");
        assert_eq!(found(&above(&rules("network: {allow: [a.example]}"), &full)), ["`a`: full"]);
        assert_eq!(above(&rules("network: full"), &full), []);
    }
}
