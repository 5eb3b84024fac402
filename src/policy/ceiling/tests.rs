//! What ceilings come to for a plan.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::*;
use crate::plan::{TokenLimit, parse, parse_ceiling};
use crate::policy::{Confinement, Waiver};

/// A plan that asks for something of every kind; each in a line of its own.
const PLAN: &str = "\
version: 1
issue: 7
title: Try
limits: {tokens: unlimited, budget: 5 USD}
defaults:
  network: {allow: [a.example.org, '*.b.example.org:8443']}
  env: [CI_TOKEN, \"OWN=1\"]
steps:
  - id: build
    command: make
    timeout: 30m
    resources: {memory: 8GiB}
    secrets: [NPM_TOKEN]
    filesystem:
      read: [/srv/data/x]
      write: [~/out]
  - id: think
    network: full
    codex:
      prompt: Do it
      model: gpt-5
      tokens: 900
      provider: {base_url: 'https://models.example.org/v1', env_key: MODEL_KEY}
publish: {push: true, pull_request: draft, comment: true}
";

fn asks() -> (Plan, Asked) {
    let loaded = parse(PLAN.as_bytes(), Path::new("plan.yaml"), Path::new("."), None).unwrap();
    (loaded.plan, loaded.asked)
}

fn ceiling(path: &str, text: &str) -> Ceiling {
    parse_ceiling(text.as_bytes(), Path::new(path)).unwrap_or_else(|faults| panic!("{faults}"))
}

fn hosts(text: &str) -> Ceilings {
    Ceilings { host: Some(ceiling("/etc/p.yaml", text)), user: None }
}

/// `~` is /home/me, and /srv/data is a link.
fn real(path: &Path) -> PathBuf {
    if let Ok(rest) = path.strip_prefix("~") {
        return Path::new("/home/me").join(rest);
    }
    path.strip_prefix("/srv/data").map_or(path.to_owned(), |rest| Path::new("/disk").join(rest))
}

fn held(text: &str) -> Held {
    let (mut plan, asked) = asks();
    hosts(text).hold(&mut plan, &asked, &real)
}

/// What is above, as `step what | why`.
fn above(text: &str) -> Vec<String> {
    let said = |above: &Above| {
        format!("{} {} | {}", above.step.as_deref().unwrap_or("plan"), above.reason.what, above.reason.why)
    };
    held(text).above.iter().map(said).collect()
}

#[test]
fn roots_prices_come_before_the_users_and_alone_where_root_bounds_money() {
    let prices = |host: &str, user: &str| {
        let (mut plan, asked) = asks();
        let ceilings = Ceilings { user: Some(ceiling("/home/me/c.yaml", user)), ..hosts(host) };
        let held = ceilings.hold(&mut plan, &asked, &real);
        let input = |(name, price): (&String, &crate::plan::Price)| format!("{name} {}", price.input);
        let lowered = held.lowered.iter().filter(|each| each.what == "prices").map(ToString::to_string);
        (plan.prices.iter().map(input).collect::<Vec<_>>(), lowered.collect::<Vec<_>>())
    };
    let (host, user) = (
        "prices: [{model: a, input: 2 USD, output: 3 USD}]\n",
        "prices:\n- {model: a, input: 0 USD, output: 0 USD}\n- {model: b, input: 0.5 USD, output: 1 USD}\n",
    );
    assert_eq!(prices(host, user), (vec!["a 2000".to_owned(), "b 500".to_owned()], vec![]));
    let said = "`prices` is lowered from the user's (/home/me/c.yaml:1) to root's alone (/etc/p.yaml:2)";
    let bounded = format!("{host}budget: 1 USD\n");
    assert_eq!(prices(&bounded, user), (vec!["a 2000".to_owned()], vec![said.to_owned()]));
}

#[test]
fn what_nothing_bounds_is_let_through() {
    assert!(Ceilings::default().digest().is_none());
    let (mut plan, asked) = asks();
    let before = plan.resolved();
    let held = Ceilings::default().hold(&mut plan, &asked, &real);
    assert!(held.above.is_empty() && held.lowered.is_empty() && plan.resolved() == before);
}

#[test]
fn what_is_above_is_said_with_both_lines() {
    assert_eq!(
        above("# first\nnetwork: {allow: [a.example.org]}\n"),
        [
            "build network: *.b.example.org:8443 (plan.yaml:6) | `network` (/etc/p.yaml:2) is `[a.example.org:443]`",
            "think network: full (plan.yaml:18) | `network` (/etc/p.yaml:2) is `[a.example.org:443]`",
            "think provider: https://models.example.org/v1 (plan.yaml:23) | `network` (/etc/p.yaml:2) is `[a.example.org:443]`",
        ]
    );
    assert_eq!(
        above("filesystem:\n  read: [/srv]\n"),
        [
            "build filesystem.read: /srv/data/x (plan.yaml:15) | `filesystem.read` (/etc/p.yaml:2) is `[/srv]`, and it leads to /disk/x",
            "build filesystem.write: ~/out (plan.yaml:16) | `filesystem.write` (/etc/p.yaml:1) is `[]`: nothing, and it leads to /home/me/out",
        ]
    );
    assert_eq!(
        above("publish:\n  push: false\n  pull_request: false\n  comment: false\n"),
        [
            "plan publish.comment (plan.yaml:24) | `publish.comment` (/etc/p.yaml:4) is `false`",
            "plan publish.push (plan.yaml:24) | `publish.push` (/etc/p.yaml:2) is `false`",
            "plan publish.pull_request (plan.yaml:24) | `publish.pull_request` (/etc/p.yaml:3) is `false`",
        ]
    );
    assert_eq!(
        above("agents: []\nmodels: ['gpt-5-*', o3]\n"),
        [
            "think codex (plan.yaml:19) | `agents` (/etc/p.yaml:1) is `[]`: nothing",
            "think model: gpt-5 (plan.yaml:21) | `models` (/etc/p.yaml:2) is `[gpt-5-*, o3]`",
        ]
    );
}

#[test]
fn whoever_bounds_secrets_bounds_variables_of_the_host_and_the_other_way_round() {
    let names = |text: &str| -> Vec<String> {
        above(text).iter().map(|said| said.split(" (").next().unwrap().to_owned()).collect()
    };
    let all = [
        "build secrets: NPM_TOKEN",
        "build env: CI_TOKEN",
        "think env: CI_TOKEN",
        "think provider: MODEL_KEY",
    ];
    assert_eq!(names("secrets: []"), all);
    assert_eq!(names("env: []"), all);
    assert_eq!(names("secrets: [NPM_TOKEN, MODEL_KEY, CI_TOKEN]"), [all[1], all[2]], "in the open");
    assert_eq!(names("env: [NPM_TOKEN, MODEL_KEY, CI_TOKEN]"), [""; 0]);
    assert_eq!(names("{env: [CI_TOKEN], secrets: [NPM_TOKEN, MODEL_KEY]}"), [""; 0]);
}

#[test]
fn a_ceiling_as_wide_as_the_plan_lets_it_through() {
    let wide = "\
network: full
filesystem: {read: [/disk], write: [~/]}
secrets: [NPM_TOKEN, MODEL_KEY]
env: [CI_TOKEN]
timeout: 30m
resources: {memory: 8GiB, cpu: 1h}
agents: [codex]
models: ['*']
publish: {push: true}
allow_degraded: [landlock]
budget: 5 USD
";
    assert_eq!(above(wide), [""; 0]);
    let lowered = held(wide).lowered;
    assert!(lowered.iter().all(|lowered| lowered.what == "resources.cpu"), "{lowered:?}");
}

#[test]
fn bounds_are_lowered_and_said() {
    let (mut plan, asked) = asks();
    let ceilings =
        hosts("timeout: 10m\ntokens: 500\nresources: {memory: 2GiB, processes: 4096}\nbudget: 2.50 USD\n");
    let held = ceilings.hold(&mut plan, &asked, &real);
    assert!(held.above.is_empty());
    let said: Vec<String> = held.lowered.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "`limits.tokens` is lowered from unlimited (plan.yaml:4) to 500 (/etc/p.yaml:2)",
            "`limits.budget` is lowered from 5.00 USD (plan.yaml:4) to 2.50 USD (/etc/p.yaml:4)",
            "`timeout` of step `build` is lowered from 30m (plan.yaml:11) to 10m (/etc/p.yaml:1)",
            "`resources.memory` of step `build` is lowered from 8GiB (plan.yaml:12) to 2GiB (/etc/p.yaml:3)",
            "`tokens` of step `think` is lowered from 900 (plan.yaml:22) to 500 (/etc/p.yaml:2)",
            "`resources.memory` of step `think` is lowered from 4GiB (plan.yaml:17) to 2GiB (/etc/p.yaml:3)",
        ]
    );
    assert_eq!(plan.limits.tokens, TokenLimit::AtMost(500));
    assert_eq!(plan.steps[0].timeout, Duration::from_secs(600));
    assert_eq!((plan.steps[0].resources.memory, plan.steps[0].resources.processes), (2 << 30, 512));
    assert_eq!(plan.steps[1].action.asks().unwrap().tokens, TokenLimit::AtMost(500));
    assert!(ceilings.hold(&mut plan, &asked, &real).lowered.is_empty(), "once is enough");
}

#[test]
fn steps_of_which_the_same_was_lowered_are_said_together() {
    let (mut plan, asked) = asks();
    let held = hosts("timeout: 5m").hold(&mut plan, &asked, &real);
    assert_eq!(
        in_words(&held.lowered),
        ["`timeout` of step `build` is 5m and not 30m", "`timeout` of step `think` is 5m and not 10m"]
    );
    let (mut plan, asked) = asks();
    let held = hosts("resources: {processes: 8}").hold(&mut plan, &asked, &real);
    assert_eq!(in_words(&held.lowered), ["`resources.processes` of steps `build`, `think` is 8 and not 512"]);
}

#[test]
fn a_comment_that_the_plan_leaves_open_is_left_undone() {
    let (mut plan, asked) = asks();
    plan.publish.comment = None;
    let held = hosts("publish: {comment: false}").hold(&mut plan, &asked, &real);
    assert!(held.above.is_empty(), "{:?}", held.above);
    assert_eq!((plan.publish.comment, held.lowered.len()), (Some(false), 1));
}

#[test]
fn of_two_ceilings_the_narrower_holds_whoever_said_it() {
    for (host, user) in
        [("timeout: 20m\ntokens: 9", "timeout: 5m"), ("timeout: 5m", "timeout: 20m\ntokens: 9")]
    {
        let (mut plan, asked) = asks();
        let ceilings = Ceilings {
            host: Some(ceiling("/etc/p.yaml", host)),
            user: Some(ceiling("/home/me/c.yaml", user)),
        };
        ceilings.hold(&mut plan, &asked, &real);
        assert_eq!(plan.steps[0].timeout, Duration::from_secs(300));
        assert_eq!(plan.limits.tokens, TokenLimit::AtMost(9));
    }
    let ceilings = Ceilings {
        host: Some(ceiling("/etc/p.yaml", "filesystem: {read: [/disk], write: [/home/me]}")),
        user: Some(ceiling("/home/me/c.yaml", "network: none")),
    };
    let (mut plan, asked) = asks();
    let above = ceilings.hold(&mut plan, &asked, &real).above;
    assert!(
        above.len() == 4 && above.iter().all(|above| above.reason.why.contains("/home/me/c.yaml:1")),
        "{above:?}"
    );
    assert_eq!(ceilings.within(&real).len(), 1);
}

#[test]
fn only_protections_that_a_ceiling_names_may_be_given_up() {
    let waived = |names: &[Waiver]| -> Waivers { names.iter().copied().collect() };
    let told = |text: &str, names: &[Waiver]| -> Vec<String> {
        hosts(text).hold_waivers(&waived(names)).into_iter().map(|above| above.reason.what).collect()
    };
    let all = [Waiver::Landlock, Waiver::Network];
    assert_eq!(told("network: none", &all), [""; 0]);
    assert_eq!(told("allow_degraded: [landlock]", &all), ["--allow-degraded network"]);
    assert_eq!(told("allow_degraded: []", &all), ["--allow-degraded landlock", "--allow-degraded network"]);
    assert_eq!(told("allow_degraded: []", &[]), [""; 0]);
}

#[test]
fn what_a_ceiling_demands_comes_with_its_place() {
    let demands = hosts("network: none\nrequire: namespaces\n").demands();
    let [demand] = demands.as_slice() else { panic!("{demands:?}") };
    assert_eq!(demand.confinement, Confinement::Namespaces);
    assert!(demand.by.starts_with("`require`, ") && demand.by.ends_with(":2"), "{demand:?}");
    assert!(hosts("network: none").demands().is_empty());
}

#[test]
fn the_same_rules_have_the_same_digest_however_they_are_written() {
    let digest = |text: &str| hosts(text).digest().unwrap();
    let one = digest("secrets: [B, A]\ntimeout: 90s\n");
    assert_eq!(one, digest("# why\ntimeout: 1m30s\nsecrets:\n  - A\n  - B\n  - A\n"));
    for other in ["secrets: [A]\ntimeout: 90s", "secrets: [A, B]", "secrets: [A, B]\ntimeout: 90s\ntokens: 1"]
    {
        assert_ne!(one, digest(other), "{other}");
    }
    let of_user = Ceilings { host: None, user: hosts("secrets: [B, A]\ntimeout: 90s\n").host };
    assert_ne!(of_user.digest().unwrap(), one, "it matters whose they are");
    assert_eq!(
        hosts("timeout: 90s\nnetwork: {allow: [b.example, a.example]}").canonical().unwrap().to_string(),
        r#"{"host":{"network":{"allow":["a.example:443","b.example:443"]},"timeout":"1m30s"}}"#
    );
}

#[test]
fn what_is_wrong_with_a_file_is_said_with_its_place() {
    let faults = |text: &str| parse_ceiling(text.as_bytes(), Path::new("c.yaml")).unwrap_err().to_string();
    for (text, place, says) in [
        ("network: none\nhosts: [a]\n", "c.yaml:2:1", "write `network: {allow: [HOST, …]}`"),
        ("timeout: 10\n", "c.yaml:1:10", "10s"),
        ("tokens: many\n", "c.yaml:1:9", "a whole number"),
        ("models: gpt\n", "c.yaml:1:9", "[gpt]"),
        ("agents: [claud]\n", "c.yaml:1:10", "codex"),
        ("allow_degraded: [seccmp]\n", "c.yaml:1:18", "seccomp"),
        ("budget: 5\n", "c.yaml:1:9", "write a number and US dollars: `5 USD`"),
        ("budget: five\n", "c.yaml:1:9", "5 USD"),
        ("publish: {pull: true}\n", "c.yaml:1:11", "unknown key"),
        ("filesystem: {read: [data]}\n", "c.yaml:1:21", "absolute"),
        ("secrets: [A-B]\n", "c.yaml:1:11", "variable"),
        ("network:\n", "c.yaml:1:1", "has no value"),
        ("network: none\nnetwork: full\n", "c.yaml:2:1", "network"),
        ("- network\n", "c.yaml:1:1", "this is no ceiling"),
        ("", "c.yaml:1:1", "the file says nothing"),
        ("# nothing\n", "c.yaml:1:1", "the file says nothing"),
        ("a: &a [x, x]\nb: [*a, *a\n", "c.yaml:", ""),
        ("steps: []\n", "c.yaml:1:1", "unknown key `steps` in a ceiling"),
    ] {
        let said = faults(text);
        assert!(said.contains(place) && said.contains(says), "{text:?}: {said}");
    }
    assert!(!faults("").contains("plan") && !faults("{").contains("plan"), "{} {}", faults(""), faults("{"));
}
