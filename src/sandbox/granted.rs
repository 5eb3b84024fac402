//! What a grant says, as it travels to the confined side. The runner makes one of a [`Grant`]; there is no way back, so
//! that nothing that was read can pass for a decision of the policy.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::policy::{Cache, Cgroup, Grant, Identity, Isolation, Limits, Within};

/// What a grant says, but for what the runner alone needs of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Granted {
    pub(super) isolation: Isolation,
    pub(super) shares_network: bool,
    pub(super) cgroup: Option<Cgroup>,
    pub(super) landlock: u32,
    pub(super) seccomp: bool,
    pub(super) identity: Identity,
    /// The whole environment but for HOME and TMPDIR and what lies below HOME.
    pub(super) env: Vec<(String, String)>,
    pub(super) system: Vec<PathBuf>,
    pub(super) toolchains: Vec<PathBuf>,
    pub(super) read: Vec<PathBuf>,
    pub(super) write: Vec<PathBuf>,
    pub(super) caches: Vec<Cache>,
    pub(super) limits: Limits,
    pub(super) waived: Vec<String>,
    /// What none of it may show.
    pub(super) own: Vec<PathBuf>,
    /// Where what it reads and writes has to lie.
    pub(super) within: Vec<Within>,
}

impl From<&Grant> for Granted {
    fn from(grant: &Grant) -> Self {
        Self {
            isolation: grant.isolation(),
            shares_network: grant.shares_network(),
            cgroup: grant.cgroup().cloned(),
            landlock: grant.landlock(),
            seccomp: grant.seccomp(),
            identity: grant.identity().clone(),
            env: grant.env().to_vec(),
            system: grant.system().to_vec(),
            toolchains: grant.toolchains().to_vec(),
            read: grant.read().to_vec(),
            write: grant.write().to_vec(),
            caches: grant.caches().to_vec(),
            limits: grant.limits().clone(),
            waived: grant.waived().to_vec(),
            own: grant.own().to_vec(),
            within: grant.within().to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn it_survives_its_journey() {
        let granted = Granted {
            isolation: Isolation::Namespaces { user: true, own_proc: true },
            shares_network: false,
            cgroup: Some(Cgroup { memory: "/m".into(), processes: None, unified: true }),
            landlock: 7,
            seccomp: true,
            identity: Identity { uid: 1000, gid: 100, name: "step".into(), own: false },
            env: vec![("PATH".into(), "/usr/bin".into())],
            system: vec!["/usr".into()],
            toolchains: vec!["/opt/rust".into()],
            read: vec!["/srv/data".into()],
            write: vec!["/srv/out".into()],
            caches: vec![Cache { name: "cargo".into(), host: "/c".into(), seen: ".cargo".into() }],
            limits: Limits {
                memory: 1,
                processes: 2,
                file_size: 3,
                open_files: 4,
                cpu: Some(Duration::from_millis(1500)),
            },
            waived: vec!["landlock: none".into()],
            own: vec!["/etc/autopilot".into()],
            within: vec![Within { read: vec!["/srv".into()], write: Vec::new() }],
        };
        let text = serde_json::to_string(&granted).unwrap();
        let back: Granted = serde_json::from_str(&text).unwrap();
        assert_eq!(format!("{back:?}"), format!("{granted:?}"));
    }
}
