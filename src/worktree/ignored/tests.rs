//! Who finds which version of an ignored path.

use std::fs;
use std::path::PathBuf;

use super::*;

/// A worktree with `target` as its only ignored path, and a place for versions.
struct Bench {
    top: tempfile::TempDir,
    ignored: Ignored,
}

impl Bench {
    fn new() -> Self {
        let top = tempfile::tempdir().unwrap();
        fs::create_dir(top.path().join("tree")).unwrap();
        fs::create_dir(top.path().join("aside")).unwrap();
        Self { top, ignored: Ignored::default() }
    }

    fn tree(&self) -> PathBuf {
        self.top.path().join("tree")
    }

    /// Looks at everything, and lets somebody do something with it.
    fn on<T>(&mut self, act: impl FnOnce(&mut Ignored, &Ground<'_>) -> T) -> T {
        let root = Root::open(&self.tree()).unwrap();
        let aside = Root::open(&self.top.path().join("aside")).unwrap();
        let is_there = self.tree().join("target").exists();
        let now: Vec<Vec<u8>> = is_there.then(|| b"target".to_vec()).into_iter().collect();
        act(&mut self.ignored, &Ground { root: &root, aside: &aside, now: &now })
    }

    /// Lets somebody in who finds `expected` in `target/file` and writes `write` there.
    fn visit(&mut self, tier: Tier, protect: bool, expected: Option<&str>, write: Option<&str>) {
        self.on(Ignored::settle).unwrap();
        self.on(|ignored, ground| ignored.enter(ground, Visit { tier, protect })).unwrap();
        let file = self.tree().join("target/file");
        assert_eq!(fs::read_to_string(&file).ok().as_deref(), expected, "{tier}");
        if let Some(text) = write {
            fs::create_dir_all(self.tree().join("target")).unwrap();
            fs::write(&file, text).unwrap();
        }
        let wrote = self.on(Ignored::settle).unwrap();
        assert_eq!(wrote.len(), usize::from(write.is_some()), "{tier}");
    }
}

#[test]
fn it_goes_down_and_never_up() {
    let mut bench = Bench::new();
    bench.visit(Tier::Offline, true, None, Some("offline"));
    bench.visit(Tier::WayOut, true, None, None);
    bench.visit(Tier::Offline, true, Some("offline"), None);
    bench.visit(Tier::Secret, false, None, Some("secret"));
    // The latest of a higher tier is everybody's.
    bench.visit(Tier::Offline, false, Some("secret"), None);
}

#[test]
fn a_higher_tier_finds_its_own_as_it_left_it() {
    let mut bench = Bench::new();
    bench.visit(Tier::WayOut, true, None, Some("installed"));
    bench.visit(Tier::Offline, true, Some("installed"), Some("planted"));
    bench.visit(Tier::WayOut, true, Some("installed"), None);
    bench.visit(Tier::Offline, true, Some("planted"), None);
    bench.visit(Tier::Secret, true, None, None);
    bench.visit(Tier::WayOut, true, Some("installed"), Some("newer"));
    bench.visit(Tier::Offline, false, Some("newer"), None);
}

#[test]
fn what_no_higher_tier_needs_is_not_cloned_and_belongs_to_who_wrote_to_it() {
    let mut bench = Bench::new();
    bench.visit(Tier::WayOut, false, None, Some("installed"));
    bench.visit(Tier::Offline, false, Some("installed"), Some("planted"));
    assert_eq!(bench.ignored.versions.0[b"target".as_slice()].len(), 1);
    bench.visit(Tier::WayOut, false, None, None);
    bench.visit(Tier::Offline, false, Some("planted"), None);
}

#[test]
fn what_is_read_alone_stays_whose_it_is() {
    let mut bench = Bench::new();
    bench.visit(Tier::Secret, false, None, Some("built"));
    bench.visit(Tier::Offline, false, Some("built"), None);
    bench.visit(Tier::Secret, false, Some("built"), None);
}

#[test]
fn a_runner_that_dies_between_a_move_and_a_line_loses_nothing() {
    let mut bench = Bench::new();
    bench.visit(Tier::Offline, true, None, Some("offline"));
    let before = serde_json::to_string(&bench.ignored).unwrap();
    bench.visit(Tier::Secret, true, None, None);
    let after = serde_json::to_string(&bench.ignored).unwrap();
    // It was moved aside, and then it was moved back.
    bench.ignored = serde_json::from_str(&before).unwrap();
    bench.visit(Tier::Offline, true, Some("offline"), None);
    bench.ignored = serde_json::from_str(&after).unwrap();
    bench.visit(Tier::Offline, true, Some("offline"), None);
    bench.visit(Tier::WayOut, true, None, None);
}

#[test]
fn it_is_remembered_from_runner_to_runner() {
    let mut bench = Bench::new();
    bench.visit(Tier::WayOut, true, None, Some("installed"));
    bench.visit(Tier::Offline, true, Some("installed"), Some("planted"));
    let text = serde_json::to_string(&bench.ignored).unwrap();
    bench.ignored = serde_json::from_str(&text).unwrap();
    bench.visit(Tier::WayOut, true, Some("installed"), None);
    // Who knows nothing trusts nothing.
    bench.ignored = Ignored::default();
    bench.visit(Tier::Secret, true, None, None);
}
