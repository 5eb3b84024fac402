//! Takes what is demanded of the confinement and what would be enforced, and refuses what falls short.

use super::confinement::{Confinement, Demand};
use super::host::{Fact, HostFacts};
use super::request::Reason;
use autopilot_init::granted::Isolation;

/// Holds what would be enforced to all that is demanded on this host.
pub(super) fn demanded(host: &HostFacts, isolation: Isolation, waived: &[String]) -> Result<(), Reason> {
    let Some(Demand { confinement, by }) = host.demands.iter().max_by_key(|demand| demand.confinement) else {
        return Ok(());
    };
    let lacks = |why: String, hint: &str| {
        Err(Reason { what: format!("{confinement} confinement ({by})"), why, hint: hint.into() })
    };
    if !waived.is_empty() {
        return lacks(
            format!("without {}", waived.join(", ")),
            "leave --allow-degraded away, or demand less",
        );
    }
    match (isolation, &host.namespaces, &host.proc) {
        (Isolation::Bare, Fact::No { why, hint }, _) => {
            lacks(format!("there are no namespaces here: {why}"), hint)
        }
        (Isolation::Bare, Fact::Yes(_), _) => {
            lacks("there are no namespaces here".into(), "run `autopilot doctor`")
        }
        (Isolation::Namespaces { own_proc: false, .. }, _, proc) if *confinement == Confinement::Full => {
            let (why, hint) = match proc {
                Fact::No { why, hint } => (why.as_str(), hint.as_str()),
                Fact::Yes(()) => ("", "run `autopilot doctor`"),
            };
            lacks(
                format!("a step has no /proc of its own here: {why}"),
                &format!("{hint}; or demand `namespaces`"),
            )
        }
        (Isolation::Namespaces { .. }, ..) => Ok(()),
    }
}
