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
/// What a command may see of /proc: its own, or what tells of the machine alone. Older journals do not say.
const PROC: [&str; 3] = ["own", "machine", ""];
/// What a command has of its own unless namespaces are not to be had at all.
const NAMESPACES: [&str; 3] = ["mount", "pid", "ipc"];
/// Findings that are told.
const TOLD: usize = 20;

/// The commands of a run.
#[derive(Debug, Default)]
pub(super) struct Policy {
    commands: u64,
    /// Of an earlier command of the same runner: whether it had namespaces, the Landlock ABI, and what of /proc.
    earlier: Option<(bool, u32, String)>,
    findings: Vec<Finding>,
}

/// What the sandbox confirmed, as far as it is compared.
#[derive(Debug, Deserialize)]
struct Enforced {
    namespaces: Vec<String>,
    #[serde(default)]
    proc: String,
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

    /// Notes that another runner goes on, perhaps on another host.
    pub(super) fn goes_on(&mut self) {
        self.earlier = None;
    }

    /// A host does not get poorer between two commands of one runner.
    fn compare_with_earlier(&mut self, place: &str, enforced: &Enforced) {
        let own = (!enforced.namespaces.is_empty(), enforced.landlock, enforced.proc.clone());
        let earlier = self.earlier.get_or_insert_with(|| own.clone());
        if own != *earlier {
            let (isolated, landlock, proc) = earlier;
            let namespaces = if *isolated { "namespaces" } else { "no namespaces" };
            let proc = if proc.is_empty() { String::new() } else { format!(", `proc` {proc}") };
            let expected = format!("{namespaces} and Landlock {landlock}{proc}, as for the command before");
            self.wrong(Code::PolicyWeakened, expected, format!("{place}: {enforced:?}"));
        }
    }

    fn compare(&mut self, place: &str, enforced: &Enforced, full: bool) {
        self.compare_with_earlier(place, enforced);
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
        ("nothing of others' processes".to_owned(), PROC.contains(&enforced.proc.as_str())),
    ];
    if !alone {
        let has = |name: &str| enforced.namespaces.iter().any(|own| own == name);
        all.extend(NAMESPACES.map(|name| (format!("a {name} namespace"), has(name))));
    }
    all
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::sandbox;

    /// What a host enforces that can do all.
    fn enforced() -> sandbox::Enforced {
        let namespaces = ["net", "pid", "ipc", "mount", "uts", "cgroup"].map(str::to_owned).to_vec();
        let seen = sandbox::Enforced::default().seen;
        // Every field by its name: a new one is looked at here.
        sandbox::Enforced {
            namespaces,
            proc: "own".to_owned(),
            cgroup: vec!["memory".to_owned(), "pids".to_owned()],
            landlock: 7,
            seccomp: true,
            uid: 1000,
            gid: 1000,
            capabilities: 0,
            no_new_privs: true,
            seen,
            waived: Vec::new(),
        }
    }

    fn ended(enforced: &Value) -> CommandEnded {
        let event = json!({"step": "a", "attempt": 1, "role": "action", "exit_code": 0, "signal": null, "ended_by": null,
            "ms": 1, "output": 0, "span": [0, 0], "killed": 0, "survivors": 0, "enforced": enforced});
        serde_json::from_value(event).unwrap()
    }

    fn codes(full: bool, all: &[Value]) -> Vec<Code> {
        let mut policy = Policy::default();
        for enforced in all {
            policy.take("here", &ended(enforced), full);
        }
        policy.result().1.iter().map(|finding| finding.code).collect()
    }

    /// Weaker values of a field; nothing of one that protects nothing.
    fn weaker(field: &str) -> Vec<(Value, Code)> {
        use Code::{Degraded, NetworkOpen, NotConfined, PolicyWeakened};
        let without = |name: &str| {
            let mut all = enforced().namespaces;
            all.retain(|own| own != name);
            json!(all)
        };
        match field {
            "namespaces" => vec![
                (without("mount"), PolicyWeakened),
                (without("pid"), PolicyWeakened),
                (without("ipc"), PolicyWeakened),
                (without("net"), NetworkOpen),
                (json!("all"), NotConfined),
            ],
            "proc" => vec![(json!("host"), PolicyWeakened), (json!(1), NotConfined)],
            "landlock" => vec![(json!(0), PolicyWeakened), (json!(-1), NotConfined)],
            "seccomp" | "no_new_privs" => vec![(json!(false), PolicyWeakened), (json!(1), NotConfined)],
            "uid" | "gid" => vec![(json!(0), PolicyWeakened), (Value::Null, NotConfined)],
            "capabilities" => [1, 1 << 21, 1 << 40].map(|bits: u64| (json!(bits), PolicyWeakened)).to_vec(),
            "waived" => vec![(json!(["landlock"]), Degraded), (json!(["network: x"]), Degraded)],
            // Where it sees things, not what it may do with them; and what a host need not have, nor an older journal.
            "seen" | "cgroup" => Vec::new(),
            other => panic!("`{other}` is new: what of it would be weaker, and is that found?"),
        }
    }

    #[test]
    fn each_field_of_what_was_enforced_is_found_when_it_alone_is_weaker() {
        let good = serde_json::to_value(enforced()).unwrap();
        assert_eq!(codes(false, std::slice::from_ref(&good)), []);
        for field in good.as_object().unwrap().keys() {
            for (weaker, code) in weaker(field) {
                let mut other = good.clone();
                other[field] = weaker.clone();
                assert_eq!(codes(false, &[other]), [code], "{field}: {weaker}");
            }
            // Older journals do not say it.
            if !weaker(field).is_empty() && field != "proc" {
                let mut other = good.clone();
                other.as_object_mut().unwrap().remove(field);
                assert_eq!(codes(false, &[other]), [Code::NotConfined], "without {field}");
            }
        }
    }

    #[test]
    fn floors_are_those_of_the_policy() {
        let with = |namespaces: &[&str], landlock: u32| {
            let mut other = serde_json::to_value(enforced()).unwrap();
            (other["namespaces"], other["landlock"]) = (json!(namespaces), json!(landlock));
            other
        };
        let most = ["pid", "ipc", "mount"];
        let all = ["pid", "ipc", "mount", "net"];
        for (full, namespaces, lowest) in [(false, &all[..], 1), (true, &most[..], 6), (false, &[][..], 6)] {
            assert_eq!(codes(full, &[with(namespaces, lowest)]), [], "{namespaces:?}");
            let below = codes(full, &[with(namespaces, lowest - 1)]);
            assert_eq!(below, [Code::PolicyWeakened], "{namespaces:?} {lowest}");
        }
        assert_eq!(codes(false, &[with(&most, 7)]), [Code::NetworkOpen], "the plan does not say so");
    }

    #[test]
    fn a_host_does_not_get_poorer_from_one_command_to_the_next() {
        let good = serde_json::to_value(enforced()).unwrap();
        let mut bare = good.clone();
        bare["namespaces"] = json!([]);
        let mut older = good.clone();
        older["landlock"] = json!(6);
        let mut lent = good.clone();
        lent["proc"] = json!("machine");
        assert_eq!(codes(false, std::slice::from_ref(&bare)), []);
        assert_eq!(codes(false, std::slice::from_ref(&lent)), []);
        for other in [bare, older, lent] {
            assert_eq!(codes(false, &[good.clone(), other.clone()]), [Code::PolicyWeakened]);
            let mut policy = Policy::default();
            policy.take("here", &ended(&good), false);
            policy.goes_on();
            policy.take("there", &ended(&other), false);
            assert_eq!(policy.result().1, [], "on another host");
        }
    }

    #[test]
    fn what_left_processes_or_was_not_confined_is_found() {
        let good = serde_json::to_value(enforced()).unwrap();
        let found = |change: &dyn Fn(&mut CommandEnded)| {
            let mut ended = ended(&good);
            change(&mut ended);
            let mut policy = Policy::default();
            policy.take("here", &ended, false);
            policy.result().1.iter().map(|finding| finding.code).collect::<Vec<_>>()
        };
        assert_eq!(found(&|_| ()), []);
        assert_eq!(found(&|ended| ended.survivors = 1), [Code::Survivors]);
        let unconfined = [Code::NotConfined];
        assert_eq!(found(&|ended| ended.enforced = None), unconfined);
        let by_signal = |ended: &mut CommandEnded| {
            (ended.enforced, ended.exit_code, ended.signal) = (None, None, Some(9));
        };
        assert_eq!(found(&by_signal), unconfined);
        let by_output = |ended: &mut CommandEnded| {
            (ended.enforced, ended.exit_code, ended.output) = (None, None, 1);
        };
        assert_eq!(found(&by_output), unconfined);
        let never = |ended: &mut CommandEnded| (ended.enforced, ended.exit_code) = (None, None);
        assert_eq!(found(&never), [], "it never ran");
    }
}
