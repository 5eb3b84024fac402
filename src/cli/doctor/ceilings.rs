//! What `doctor` says of the ceilings: which files there are, and what they bound.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::app::ceiling;
use crate::plan::{Ceiling, Faults, Keeper, load_ceiling};
use crate::policy::HostFacts;

/// The file of a ceiling, or where it would be.
pub(super) struct Found {
    /// Whose.
    pub(super) name: &'static str,
    /// Nothing is wrong with it.
    pub(super) good: bool,
    /// Where, and what it bounds; or what is wrong.
    pub(super) what: String,
    path: Option<PathBuf>,
    ceiling: Option<Ceiling>,
}

/// Looks for both.
pub(super) fn look(host: &HostFacts) -> Vec<Found> {
    let (of_host, of_user) = ceiling::files(host);
    let user = Keeper::User(host.uid);
    vec![one("host", Some(of_host), Keeper::Root), one("user", of_user, user)]
}

fn one(name: &'static str, path: Option<PathBuf>, keeper: Keeper) -> Found {
    let Some(path) = path else {
        let what = "nothing: HOME is not set".to_owned();
        return Found { name, good: true, what, path: None, ceiling: None };
    };
    let (good, what, ceiling) = match load_ceiling(&path, keeper) {
        Ok(None) => (true, format!("nothing: there is no {}", path.display()), None),
        Ok(Some(ceiling)) => (true, bounds(&path, &ceiling), Some(ceiling)),
        Err(faults) => (false, in_a_line(&faults), None),
    };
    Found { name, good, what, path: Some(path), ceiling }
}

fn bounds(path: &Path, ceiling: &Ceiling) -> String {
    let keys: Vec<&str> = ceiling.keys().collect();
    let bounds = if keys.is_empty() { "nothing".to_owned() } else { keys.join(", ") };
    format!("{} bounds {bounds} (sha256 {})", path.display(), ceiling.digest)
}

fn in_a_line(faults: &Faults) -> String {
    let all = faults.iter().map(|fault| {
        format!("{}:{}:{}: {}: {}", fault.path.display(), fault.line, fault.column, fault.message, fault.hint)
    });
    all.collect::<Vec<_>>().join("; ")
}

impl Found {
    pub(super) fn to_json(&self) -> Value {
        let ceiling = self.ceiling.as_ref();
        json!({
            "ok": self.good,
            "what": self.what,
            "path": self.path,
            "sha256": ceiling.map(|ceiling| &ceiling.digest),
            "rules": ceiling.map(|ceiling| ceiling.rules.canonical()),
        })
    }
}
