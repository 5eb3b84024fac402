//! Allow lists where no namespace is to be had: refused, or bounded by ports alone if the caller gives that up.

use super::host::Host;
use crate::common::{Ran, Repo, without_unshare};

/// Runs autopilot where `unshare` is refused.
fn refused(repo: &Repo, args: &[&str]) -> Ran {
    Ran::of(&without_unshare(&repo.command(args)).output().unwrap())
}

/// Everything that a port's rule does not cover; each line that is printed is a way around it.
const AROUND: &str = "
import socket
def attempt(name, act):
    try: act(); print('AROUND', name)
    except OSError: pass
attempt('another port', lambda: socket.create_connection(('127.0.0.1', OTHER), 3))
attempt('MPTCP', lambda: socket.socket(2, 1, 262))
attempt('UDP', lambda: socket.socket(2, 2))
attempt('a Unix socket', lambda: socket.socket(1))
attempt('netlink', lambda: socket.socket(16, 3, 0))
attempt('Fast Open', lambda: socket.socket().sendto(b'x', 0x20000000, ('127.0.0.1', OTHER)))
attempt('bind', lambda: socket.socket().bind(('127.0.0.1', 0)))
attempt('listen', lambda: socket.socket().listen())
print('TRIED')
";

#[test]
fn without_namespaces_an_allow_list_is_refused() {
    let repo = Repo::new();
    repo.plan("  - {id: a, command: 'true', network: {allow: [example.org]}}\n");
    refused(&repo, &["7"])
        .exits(3)
        .says("an allow list needs a network namespace")
        .says("--allow-degraded network");
    assert!(repo.evidence("status-").is_empty(), "no run was begun");
}

#[test]
fn given_up_it_holds_for_the_proxy_and_any_host_is_reached_on_its_port() {
    let (listed, other, repo) = (Host::saying("listed"), Host::saying("other"), Repo::new());
    let (port, closed) = (listed.address.port(), other.address.port());
    let around = AROUND.replace("OTHER", &closed.to_string());
    repo.file("around.py", &around);
    repo.commit("around");
    repo.plan(&format!(
        "  - id: a
    command: |
      curl -sS http://127.0.0.1:{port}/
      curl -sS --noproxy '' http://127.0.0.1:{closed}/
      /usr/bin/python3 around.py
    network: {{allow: ['127.0.0.1:{port}']}}
"
    ));
    refused(&repo, &["7", "--allow-degraded", "network"]).exits(0).says("DEGRADED, without network");
    let log = repo.log();
    assert!(log.contains("listed") && log.contains("TRIED"), "{log}");
    assert!(log.contains(&format!("127.0.0.1:{closed}: not in the step's allow list")), "{log}");
    assert!(!log.contains("AROUND") && other.heads().is_empty(), "{log}");
    let ended = &repo.events_of("command.ended")[0];
    let waived = ended["enforced"]["waived"].to_string();
    assert!(waived.contains("egress: any host on port ") && waived.contains(&port.to_string()), "{waived}");
    assert_eq!(repo.events_of("egress").len(), 1);
}
