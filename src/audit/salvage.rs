//! Takes the head of a bundle, of what was salvaged or of the result's commits, gives where its refs differ from what the
//! events say. What is in the commits is nobody's to read: the bundles hold files as they were.

use std::collections::BTreeMap;

use super::code::Code;
use super::finding::Finding;
use super::story::Story;

/// Compares the bundle's refs with the events.
pub(super) fn check(head: &[u8], story: &Story) -> Option<Finding> {
    let differs = |expected: String, found: String| Some(Finding::new(Code::SalvageDiffers, expected, found));
    let Some(tips) = tips(head) else {
        return differs("a git bundle".to_owned(), "none that can be read".to_owned());
    };
    for (reference, commit) in &story.saved {
        let expected = format!("{reference} at {commit}");
        match tips.get(reference) {
            Some(own) if own == commit => {}
            Some(own) => return differs(expected, format!("{reference} at {own}")),
            // What a dead runner had saved went with its directory, if that is lost.
            None if story.was_cut_short() => {}
            None => return differs(expected, "no such ref".to_owned()),
        }
    }
    // What a dead runner had saved and not recorded is there as well.
    let other = tips.iter().find(|(name, _)| !story.saved.contains_key(*name) && !story.was_cut_short());
    let (name, commit) = other?;
    differs("no ref that was not recorded".to_owned(), format!("{name} at {commit}"))
}

/// Compares the bundle of the result's commits with the events: one ref, at the last of them, on top of the base.
pub(super) fn checkpoints(head: &[u8], story: &Story) -> Option<Finding> {
    let ((_, made, _), base) = (story.branch.as_ref()?, story.start.as_ref()?.commit.as_str());
    let expected = format!("a bundle of {made} on top of {base}");
    let differs = |found: String| Some(Finding::new(Code::CheckpointsDiffer, expected.clone(), found));
    let Some(tips) = tips(head) else { return differs("none that can be read".to_owned()) };
    let others = tips.iter().find(|(name, commit)| *name != DELIVERED || *commit != made);
    match others {
        Some((name, commit)) => differs(format!("{name} at {commit}")),
        None if tips.is_empty() => differs("no ref".to_owned()),
        None if !stands_on(head, base) => differs("a bundle that stands on something else".to_owned()),
        None => None,
    }
}

/// Tells whether a bundle demands this commit, and no other.
fn stands_on(head: &[u8], base: &str) -> bool {
    let end = head.windows(2).position(|pair| pair == b"\n\n").unwrap_or(head.len());
    let text = String::from_utf8_lossy(head.get(..end).unwrap_or_default());
    let mut demanded = text.lines().filter_map(|line| line.strip_prefix('-'));
    demanded.all(|line| line.split(' ').next() == Some(base))
}

/// The ref of the result's commits in their bundle.
const DELIVERED: &str = "refs/autopilot/delivered";

/// Reads the refs of a bundle, `git bundle`'s formats 2 and 3: a signature, capabilities, commits that must be
/// there, refs, and an empty line before the pack.
fn tips(head: &[u8]) -> Option<BTreeMap<String, String>> {
    let end = head.windows(2).position(|pair| pair == b"\n\n")?;
    let text = String::from_utf8_lossy(head.get(..end)?);
    let mut lines = text.lines();
    if !matches!(lines.next()?, "# v2 git bundle" | "# v3 git bundle") {
        return None;
    }
    lines
        .filter(|line| !line.starts_with(['-', '@']))
        .map(|line| line.split_once(' ').map(|(commit, name)| (name.to_owned(), commit.to_owned())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_refs_of_a_bundle_are_read() {
        let bundle =
            b"# v3 git bundle\n@object-format=sha256\n-1111 Base of it\n2222 refs/salvage/a-1\n\nPACK\n\n";
        let own = ("refs/salvage/a-1".to_owned(), "2222".to_owned());
        assert_eq!(tips(bundle), Some(BTreeMap::from([own])));
        for wrong in
            [&b"# v2 git bundle\n2222 refs/salvage/a-1\n"[..], b"PACK\n\n", b"# v2 git bundle\nx\n\n"]
        {
            assert_eq!(tips(wrong), None);
        }
    }
}
