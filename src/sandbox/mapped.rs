//! Takes the user namespace that this process is in, gives the uid and gid of a run's own in it: a container's root may have few.

use std::ops::Range;

use autopilot_init::reading;
use nix::unistd::{Gid, Uid};

use crate::policy::{Fact, Identity};

/// The ids of one kind that are to be had here.
#[derive(Debug)]
struct Ids(Vec<Range<u32>>);

impl Ids {
    /// Reads lines of `inside outside count`.
    fn read(map: &str) -> Self {
        let range = |line: &str| {
            let mut numbers = line.split_ascii_whitespace().map(str::parse::<u32>);
            let (inside, _, count) = (numbers.next()?.ok()?, numbers.next()?, numbers.next()?.ok()?);
            Some(inside..inside.saturating_add(count))
        };
        Self(map.lines().filter_map(range).collect())
    }

    fn hold(&self, wanted: &Range<u32>) -> bool {
        self.0.iter().any(|own| own.start <= wanted.start && wanted.end <= own.end)
    }

    /// Returns those that both have, without root's.
    fn ordinary(&self, other: &Self) -> Option<u32> {
        let both = self.0.iter().flat_map(|own| {
            other.0.iter().map(move |their| own.start.max(their.start).max(1)..own.end.min(their.end))
        });
        both.filter(|range| !range.is_empty()).map(|range| range.end - 1).max()
    }
}

/// Finds who root's steps run as: somebody whom no other run is, as far as there are enough. What a run does with that is tried.
pub(super) fn identity(run: &str) -> Fact<Identity> {
    let of = |kind: &str| {
        // Where none is shown, all are there.
        let map = reading::text(format!("/proc/self/{kind}_map"));
        Ids::read(&map.unwrap_or_else(|_| format!("0 0 {}", u32::MAX)))
    };
    let (uids, gids) = (of("uid"), of("gid"));
    let Some(identity) = among(run, &uids, &gids) else {
        return Fact::No {
            why: "this container's root is the only user in its user namespace, and steps never run as root".into(),
            hint: "map more users into the container (subordinate ids in /etc/subuid and /etc/subgid), or start autopilot in it as an \
                   ordinary user (podman: --userns=keep-id)"
                .into(),
        };
    };
    match try_giving(&identity) {
        Ok(()) => Fact::Yes(identity),
        Err(error) => Fact::No {
            why: format!("chown to uid {}, which the steps' files are given to: {error}", identity.uid),
            hint: "give the container CAP_CHOWN, or run autopilot as an ordinary user".into(),
        },
    }
}

fn among(run: &str, uids: &Ids, gids: &Ids) -> Option<Identity> {
    let own = Identity::RANGES.iter().find(|range| uids.hold(range) && gids.hold(range));
    match own {
        Some(range) => Some(Identity::of_run(run, range)),
        None => uids.ordinary(gids).map(|id| Identity { uid: id, gid: id, name: "step".into(), own: false }),
    }
}

fn try_giving(identity: &Identity) -> nix::Result<()> {
    // Where no file can be made at all, a run says so.
    let Ok(file) = tempfile::tempfile() else { return Ok(()) };
    nix::unistd::fchown(&file, Some(Uid::from_raw(identity.uid)), Some(Gid::from_raw(identity.gid)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uid(uids: &str, gids: &str) -> Option<u32> {
        among("20261122T142619Z-646", &Ids::read(uids), &Ids::read(gids)).map(|identity| identity.uid)
    }

    #[test]
    fn it_is_one_that_the_namespace_has_and_never_root() {
        let all = "         0          0 4294967295\n";
        assert!(Identity::RANGES[0].contains(&uid(all, all).unwrap()));
        // Rootless podman, userns-remap, `hostUsers: false`.
        let few = "0 1000 1\n1 100000 65536\n";
        assert!(Identity::RANGES[1].contains(&uid("0 100000 65536", "0 100000 65536").unwrap()));
        assert!(Identity::RANGES[1].contains(&uid(few, few).unwrap()));
        assert_eq!(uid("0 1000 1\n1 100000 999", "0 1000 1\n1 100000 500"), Some(500));
        assert_eq!(uid("0 1000 1", "0 1000 1"), None);
        assert_eq!(uid("0 1000 1\n1 100000 999", "0 1000 1"), None);
        assert_eq!(uid("garbage", "0 0 1 2"), None);
    }
}
