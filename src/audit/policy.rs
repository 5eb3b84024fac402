//! What was enforced for each command, against what its policy demands. The floor is written down once more,
//! here, so that a runner that forgot it is found.

use serde::Deserialize;

use super::code::Code;
use super::finding::Finding;
use crate::evidence::event::CommandEnded;

/// Lowest Landlock ABI inside of namespaces.
const FLOOR: u32 = 1;
/// Lowest Landlock ABI where it stands alone, or where the host's network is shared.
const FLOOR_ALONE: u32 = 6;
/// What a command has of its own unless namespaces are not to be had at all.
const NAMESPACES: [&str; 3] = ["mount", "pid", "ipc"];
/// Findings that are told.
const TOLD: usize = 20;

/// The commands of a run.
#[derive(Debug, Default)]
pub(super) struct Policy {
    commands: u64,
    findings: Vec<Finding>,
}

/// What the sandbox confirmed, as far as it is compared.
#[derive(Debug, Deserialize)]
struct Enforced {
    namespaces: Vec<String>,
    landlock: u32,
    seccomp: bool,
    uid: u32,
    gid: u32,
    capabilities: u64,
    no_new_privs: bool,
    waived: Vec<String>,
}

impl Policy {
    /// Takes a command that ended. `full`: the plan lets it reach everything.
    pub(super) fn take(&mut self, place: &str, ended: &CommandEnded, full: bool) {
        self.commands += 1;
        if ended.survivors > 0 {
            self.wrong(Code::Survivors, "0 survivors", format!("{place}: {}", ended.survivors));
        }
        let Some(document) = &ended.enforced else {
            // Without one it may only be that it never ran.
            if ended.exit_code.is_some() || ended.signal.is_some() || ended.output > 0 {
                self.wrong(Code::NotConfined, "what was enforced", format!("{place}: nothing"));
            }
            return;
        };
        match Enforced::deserialize(document.value()) {
            Ok(enforced) => self.compare(place, &enforced, full),
            Err(error) => self.wrong(Code::NotConfined, "what was enforced", format!("{place}: {error}")),
        }
    }

    fn compare(&mut self, place: &str, enforced: &Enforced, full: bool) {
        if !enforced.waived.is_empty() {
            let found = format!("{place}: without {}", enforced.waived.join(", "));
            self.wrong(Code::Degraded, "nothing given up", found);
        }
        for (what, holds) in weaknesses(enforced, full) {
            if !holds {
                self.wrong(Code::PolicyWeakened, what, format!("{place}: {enforced:?}"));
            }
        }
        let has = |name: &str| enforced.namespaces.iter().any(|own| own == name);
        // Without namespaces the system call filter refuses the sockets.
        if !full && !enforced.namespaces.is_empty() && !has("net") {
            let found = format!("{place}: the host's network");
            self.wrong(Code::NetworkOpen, "a network namespace of its own", found);
        }
    }

    /// Takes a connection that the plan does not name.
    pub(super) fn reached(&mut self, found: String) {
        self.wrong(Code::NetworkOpen, "only what the plan names", found);
    }

    fn wrong(&mut self, code: Code, expected: impl Into<String>, found: String) {
        if self.findings.len() < TOLD {
            self.findings.push(Finding::new(code, expected, found));
        }
    }

    /// Returns the number of commands, and what is wrong with them.
    pub(super) fn result(self) -> (u64, Vec<Finding>) {
        (self.commands, self.findings)
    }
}

/// Lists what must hold. What was given up by name is told as that, and not once more.
fn weaknesses(enforced: &Enforced, full: bool) -> Vec<(String, bool)> {
    let alone = enforced.namespaces.is_empty();
    let floor = if alone || full { FLOOR_ALONE } else { FLOOR };
    let waived = |name: &str| enforced.waived.iter().any(|what| what.starts_with(name));
    let mut all = vec![
        (format!("Landlock {floor} or newer"), enforced.landlock >= floor || waived("landlock")),
        ("a system call filter".to_owned(), enforced.seccomp || waived("seccomp")),
        ("a user that is not root".to_owned(), enforced.uid != 0 && enforced.gid != 0),
        ("no capabilities".to_owned(), enforced.capabilities == 0),
        ("no_new_privs".to_owned(), enforced.no_new_privs),
    ];
    if !alone {
        let has = |name: &str| enforced.namespaces.iter().any(|own| own == name);
        all.extend(NAMESPACES.map(|name| (format!("a {name} namespace"), has(name))));
    }
    all
}
