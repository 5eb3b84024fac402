//! Options of `run` and `revise`: as whom steps run, and how they have to be confined.

use clap::Args;

use super::completions;
use crate::app::Order;
use crate::policy::{Confinement, Waiver};

/// As whom steps run, and how they have to be confined.
#[derive(Debug, Args)]
pub(super) struct Confined {
    /// As root: the user whom the steps run as (default: an unprivileged uid of the run's own).
    #[arg(long, value_name = "USER", add = completions::users())]
    run_as: Option<String>,
    /// A protection to go without where this host cannot give it: landlock, seccomp or network (repeatable).
    #[arg(long, value_name = "WHAT")]
    allow_degraded: Vec<Waiver>,
    /// Run nothing that is confined less, such as on a host without namespaces: full or namespaces.
    #[arg(long, value_name = "WHAT")]
    require: Option<Confinement>,
}

impl Confined {
    /// Adds it to an order.
    pub(super) fn of(&self, order: Order) -> Order {
        Order {
            run_as: self.run_as.clone(),
            waivers: self.allow_degraded.iter().copied().collect(),
            require: self.require,
            ..order
        }
    }
}
