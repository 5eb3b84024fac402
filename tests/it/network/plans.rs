//! Allow lists of plans, from the file to the reports.

use super::host::Host;
use crate::common::{Repo, wait_until};

#[test]
fn a_step_reaches_what_its_plan_lists_and_the_journal_says_so() {
    let host = Host::saying("from outside");
    let (repo, port) = (Repo::new(), host.address.port());
    repo.plan(&format!(
        "  - id: fetch
    command: curl -sS -o got http://127.0.0.1:{port}/
    network: {{allow: ['127.0.0.1:{port}']}}
    expectation: {{file_contains: [{{path: got, pattern: from outside}}]}}
  - {{id: other, command: '! curl -sS --max-time 5 http://127.0.0.1:{port}/'}}
"
    ));
    repo.run().exits(0).says("net: 1 host");
    let egress = repo.events_of("egress");
    assert_eq!(egress.len(), 1, "{egress:?}");
    let decision = &egress[0];
    assert_eq!(
        (
            &decision["step"],
            &decision["host"],
            &decision["port"],
            &decision["verdict"],
            &decision["connections"]
        ),
        (&"fetch".into(), &"127.0.0.1".into(), &port.into(), &"allowed".into(), &1.into())
    );
    assert!(
        decision["received"].as_u64().unwrap() > 12 && decision["sent"].as_u64().unwrap() > 10,
        "{decision}"
    );
    let summary = repo.summary();
    assert!(summary.contains(&format!("network: `fetch → 127.0.0.1:{port}`")), "{summary}");
}

#[test]
fn a_refused_host_names_itself_with_the_line_that_would_allow_it() {
    let repo = Repo::new();
    repo.plan(
        "  - id: fetch
    command: curl -sS https://b.example.org/ || curl -sS https://b.example.org/
    network: {allow: [a.example.org]}
",
    );
    let line = "network: {allow: [\"a.example.org\", \"b.example.org\"]}";
    repo.run()
        .exits(1)
        .says("b.example.org:443 refused by the policy")
        .says("    → b.example.org:443 was refused")
        .says(line);
    let report = repo.failed();
    let expected = format!(
        "Refused by the policy of fetch\n  b.example.org:443 ×2: not in the step's allow list; to allow it: {line}"
    );
    assert!(report.contains(&expected), "{report}");
    assert!(repo.summary().contains(line));
}

#[test]
fn a_host_that_does_not_resolve_is_shown_like_one_that_is_refused() {
    let repo = Repo::new();
    repo.plan(
        "  - id: fetch
    command: curl -sS https://nowhere.invalid/
    network: {allow: [nowhere.invalid]}
",
    );
    repo.run().exits(1).says("nowhere.invalid:443 not reached: the name was not resolved");
    assert!(
        repo.failed().contains("Not reached from fetch\n  nowhere.invalid:443 ×1: the name was not resolved")
    );
}

#[test]
fn a_step_that_failed_and_asked_for_no_host_is_told_of_the_proxy() {
    let repo = Repo::new();
    repo.plan("  - {id: fetch, command: exit 3, network: {allow: [a.example.org]}}\n");
    repo.run().exits(1);
    assert!(repo.failed().contains("none of its programs asked for a host"), "{}", repo.failed());
}

#[test]
fn post_commands_have_no_network() {
    let host = Host::saying("from outside");
    let (repo, port) = (Repo::new(), host.address.port());
    repo.plan(&format!(
        "  - id: fetch
    command: curl -sS http://127.0.0.1:{port}/
    network: {{allow: ['127.0.0.1:{port}']}}
    post: ['test -z \"$HTTPS_PROXY\"; ! curl -sS --max-time 5 http://127.0.0.1:{port}/']
"
    ));
    repo.run().exits(0);
    assert_eq!(host.heads().len(), 1);
}

#[test]
fn what_a_step_reached_is_written_down_while_it_runs() {
    let host = Host::saying("from outside");
    let (repo, port) = (Repo::new(), host.address.port());
    repo.plan(&format!(
        "  - id: fetch
    command: |
      curl -sS http://127.0.0.1:{port}/
      curl -sS https://b.example.org/ || sleep 3600
    network: {{allow: ['127.0.0.1:{port}']}}
"
    ));
    let mut runner = repo.start(["7"]);
    wait_until(|| {
        let journal = repo.evidence("status-").pop();
        journal.is_some_and(|file| repo.read(file).contains(r#""verdict":"refused""#))
    });
    // Not its step's end: it has no time to write anything more.
    runner.kill().unwrap();
    runner.wait().unwrap();
    let egress = repo.events_of("egress");
    assert_eq!((&egress[0]["verdict"], &egress[1]["host"]), (&"allowed".into(), &"b.example.org".into()));
    assert!(egress[0]["received"].as_u64().unwrap() > 12, "{egress:?}");
    assert_eq!(repo.events_of("command.ended"), Vec::<serde_json::Value>::new());
    repo.plan("  - {id: next, command: 'true'}\n");
    repo.run().exits(0);
    repo.autopilot(["audit", "--all"]).exits(0);
}

/// Asks for many hosts that are not listed, over one connection each.
const FLOOD: &str = "
import socket
for number in range(3000):
    with socket.create_connection(('127.0.0.1', 61080)) as end:
        end.sendall(b'CONNECT h%d.example.net:443 HTTP/1.1\\r\\n\\r\\n' % number)
        assert b' 403 ' in end.recv(65536)
";

#[test]
fn a_step_that_floods_the_proxy_does_not_flood_the_journal() {
    let repo = Repo::new();
    repo.commit_file("flood.py", FLOOD);
    repo.plan(
        "  - {id: flood, command: /usr/bin/python3 flood.py, timeout: 10m, network: {allow: [example.org]}}\n",
    );
    repo.run().exits(0);
    let egress = repo.events_of("egress");
    assert!((1000..1600).contains(&egress.len()), "{}", egress.len());
    assert_eq!(egress.iter().map(|event| event["connections"].as_u64().unwrap()).sum::<u64>(), 3000);
    assert!(egress.iter().any(|event| event["host"] == "(others)"));
    repo.autopilot(["audit"]).exits(0);
}
