//! What a grant says, as it travels to the confined side. The runner makes one of a [`Grant`]; there is no way back, so
//! that nothing that was read can pass for a decision of the policy.

use autopilot_init::granted::{Granted, Within};

use crate::policy::Grant;

impl From<&Grant> for Granted {
    fn from(grant: &Grant) -> Self {
        let within = grant.within().iter();
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
            within: within.map(|one| Within { read: one.read.clone(), write: one.write.clone() }).collect(),
        }
    }
}
