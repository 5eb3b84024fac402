//! What a claim says: who works on an issue, and for how long that stands without being said again.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::super::error::WorktreeError;
use super::super::holder::Holder;
use super::super::node::{Node, start_of};
use crate::plan::units;

/// As long a claim stands that says nothing else.
pub(in super::super) const USUAL: Duration = Duration::from_secs(60);
/// None stands for less, of this program.
const SHORTEST: Duration = Duration::from_secs(1);
/// None stands, and is waited for, longer, whatever it says.
const LONGEST: Duration = Duration::from_secs(3600);
/// Names how long a claim of this process stands without being renewed.
pub(in super::super) const LENGTH: &str = "AUTOPILOT_CLAIM_LEASE";
/// Bytes of a claim: it is written over in place, and never shorter than it was.
const BYTES: usize = 1024;

/// The text of a claim. What a later version says besides is passed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Said {
    #[serde(flatten)]
    pub(super) holder: Holder,
    /// For so many milliseconds it stands without being renewed.
    pub(super) lease_ms: u64,
    /// Of this claim alone.
    pub(super) nonce: String,
    /// So often it was renewed.
    pub(super) renewed: u64,
}

/// What a claim's text means to somebody on a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Life {
    /// Its holder lives, on this machine.
    Here(Box<Holder>),
    /// Its holder was of this machine, and is gone.
    Gone(Box<Holder>),
    /// Nobody here can tell: it is to be watched for as long as it stands.
    Elsewhere(Option<Box<Holder>>, Duration),
}

impl Said {
    /// Says that this process works on an issue.
    pub(super) fn new(node: &Node, lease: Duration) -> Self {
        let (host, boot) = (node.host.clone(), node.boot.clone());
        let holder = Holder { host, boot, space: node.space, ..Holder::this("") };
        let lease_ms = u64::try_from(lease.as_millis()).unwrap_or(u64::MAX);
        Self { holder, lease_ms, nonce: nonce(), renewed: 0 }
    }

    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// Returns its bytes, as many each time.
    pub(super) fn bytes(&self) -> serde_json::Result<Vec<u8>> {
        let mut bytes = serde_json::to_vec(self)?;
        bytes.resize(bytes.len().max(BYTES - 1), b' ');
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// For how long it stands.
    pub(super) fn lease(&self) -> Duration {
        Duration::from_millis(self.lease_ms).min(LONGEST)
    }
}

/// Tells what a claim means here. The kernel knows whether somebody of its own lives: they have the file locked, or are
/// there by their number and start. `do_locks_hold` is asked where nothing else tells of another container.
pub(super) fn life(
    said: Option<Said>,
    node: &Node,
    is_locked: bool,
    do_locks_hold: impl FnOnce() -> bool,
) -> Life {
    let Some(said) = said else { return Life::Elsewhere(None, USUAL) };
    let lease = said.lease();
    let holder = Box::new(said.holder);
    if !holder.is_of(node) {
        return Life::Elsewhere(Some(holder), lease);
    }
    // A number of another container may be anybody's here.
    let is_apart = holder.is_numbered_elsewhere(node);
    let is_there = !is_apart && holder.host == node.host && start_of(holder.pid) == Some(holder.start);
    match (is_locked || is_there, is_apart) {
        (true, _) => Life::Here(holder),
        (false, true) if !do_locks_hold() => Life::Elsewhere(Some(holder), lease),
        (false, _) => Life::Gone(holder),
    }
}

/// Reads how long a claim stands, where the environment says it.
pub(in super::super) fn length(text: Option<String>) -> Result<Duration, WorktreeError> {
    let Some(text) = text else { return Ok(USUAL) };
    let fits = |lease: &Duration| (SHORTEST..=LONGEST).contains(lease);
    units::read_duration(&text).ok().filter(fits).ok_or_else(|| {
        WorktreeError::refused(
            format!("{LENGTH}: `{text}` is not how long a claim can stand"),
            "write a time from 1s to 1h, such as 60s, which it is unless set",
        )
    })
}

/// Returns what nobody else calls a claim.
pub(super) fn nonce() -> String {
    // Each is keyed by chance.
    let word = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", word(), word())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_has_as_many_bytes_each_time_and_reads_as_what_it_is() {
        let mut said = Said::new(&Node::this(), USUAL);
        let first = said.bytes().unwrap();
        said.holder.run = "20261003T101500Z-7".to_owned();
        said.renewed = u64::MAX;
        let then = said.bytes().unwrap();
        assert_eq!((first.len(), then.len()), (BYTES, BYTES));
        assert_eq!(Said::parse(&then), Some(said.clone()));
        let mut later = serde_json::to_value(&said).unwrap();
        later["more"] = "of it".into();
        assert_eq!(Said::parse(later.to_string().as_bytes()), Some(said));
        assert_eq!(Said::parse(&then[..100]), None, "half written");
    }

    #[test]
    fn what_lives_here_the_kernel_tells_and_of_elsewhere_nobody_can() {
        let node = Node { host: "n1".into(), boot: "b1".into(), ..Node::this() };
        let said = Said::new(&node, Duration::from_secs(u64::MAX / 2000));
        let holder = Box::new(said.holder.clone());
        let lives = |said: &Said, node: &Node, is_locked| life(Some(said.clone()), node, is_locked, || true);
        assert_eq!(lives(&said, &node, false), Life::Here(holder.clone()), "this process is there");
        let mut dead = said.clone();
        dead.holder.start = 0;
        assert_eq!(lives(&dead, &node, true), Life::Here(Box::new(dead.holder.clone())));
        assert_eq!(lives(&dead, &node, false), Life::Gone(Box::new(dead.holder.clone())));
        // A container of the same kernel: its numbers say nothing here.
        let other = Node { host: "c2".into(), ..node.clone() };
        assert_eq!(lives(&said, &other, false), Life::Gone(holder.clone()));
        // One that numbers its processes by itself, under whatever name: where locks hold nothing, nobody can tell.
        let apart = Node { space: node.space + 1, ..node.clone() };
        for (is_locked, holds, is) in [
            (true, false, Life::Here(holder.clone())),
            (false, true, Life::Gone(holder.clone())),
            (false, false, Life::Elsewhere(Some(holder.clone()), LONGEST)),
        ] {
            assert_eq!(life(Some(said.clone()), &apart, is_locked, || holds), is);
        }
        let mut older = said.clone();
        older.holder.space = 0;
        assert!(matches!(
            life(Some(older), &Node { host: "c2".into(), ..apart }, false, || false),
            Life::Gone(_)
        ));
        // Another machine, this one before it was started again, and one that does not say.
        for boot in ["b2", ""] {
            let node = Node { boot: boot.into(), ..node.clone() };
            assert_eq!(lives(&said, &node, false), Life::Elsewhere(Some(holder.clone()), LONGEST));
        }
        let mut silent = said;
        silent.holder.boot.clear();
        let nowhere = Node { boot: String::new(), ..node };
        assert!(matches!(lives(&silent, &nowhere, false), Life::Elsewhere(Some(_), _)));
        assert_eq!(life(None, &nowhere, true, || true), Life::Elsewhere(None, USUAL));
    }
}
