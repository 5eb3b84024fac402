//! Allow lists of plans, from the file to the reports.

use super::host::Host;
use crate::common::Repo;

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
    let line = "network: {allow: [\"b.example.org\"]}";
    repo.run().exits(1).says("b.example.org:443 ×2 refused by the policy").says(line);
    let report = repo.failed();
    let expected = format!(
        "Refused by the policy of fetch\n  b.example.org:443 ×2: not in the step's allow list; to allow it: {line}"
    );
    assert!(report.contains(&expected), "{report}");
    assert!(repo.summary().contains(line));
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
