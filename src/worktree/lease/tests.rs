//! Two machines, played by two values: no lock of one reaches the other, and neither sees the other's processes.

use std::cell::Cell;
use std::fs;

use super::*;

const SHORT: Duration = Duration::from_millis(400);

fn node(name: &str) -> Node {
    Node { host: name.to_owned(), boot: format!("boot of {name}"), space: 0 }
}

fn place() -> (tempfile::TempDir, Place) {
    let folder = tempfile::tempdir().unwrap();
    let place = Place { common_dir: folder.path().to_owned(), issue: 7, owner: None };
    (folder, place)
}

/// Takes the claim on a machine, watching if it has to; how often it was told what it watches.
fn taken(place: &Place, name: &str) -> (Result<(Lease, Option<Holder>), LockError>, usize) {
    let told = Cell::new(0);
    let (halt, tell) = (Halt::never(), |_: &Watched| told.set(told.get() + 1));
    let watching = Watching { halt: &halt, tell: &tell };
    let taken = Lease::take(place.clone(), &node(name), SHORT, Some(watching));
    (taken, told.get())
}

/// A claim whose holder is no more: the same text, that nobody renews.
fn abandoned(place: &Place, name: &str) -> Said {
    let mut said = Said::new(&node(name), SHORT);
    said.holder.run = "20261003T101500Z-7".to_owned();
    said.holder.start = 0;
    let file = place.put(&said).unwrap().unwrap();
    // Not by closing it alone: a child that another test starts just now has it open until it executes.
    rustix::fs::flock(&file, rustix::fs::FlockOperation::Unlock).unwrap();
    said
}

#[test]
fn what_lives_elsewhere_is_seen_to_live_and_never_taken() {
    let (_folder, place) = place();
    let (mine, _) = taken(&place, "n1").0.unwrap();
    mine.name("20261003T101500Z-7").unwrap();
    let (refused, told) = taken(&place, "n2");
    let error = refused.unwrap_err().to_string();
    assert!(error.contains("run 20261003T101500Z-7 is running on n1"), "{error}");
    assert!(error.contains(&place.path().display().to_string()), "{error}");
    assert_eq!(told, 1);
    mine.guard().check().unwrap();
    // Nor where nobody watches.
    let unwatched = Lease::take(place.clone(), &node("n2"), SHORT, None);
    assert!(matches!(unwatched, Err(LockError::Claimed { .. })));
    drop(mine);
    assert!(!place.path().parent().unwrap().exists(), "nothing is left of it");
    taken(&place, "n2").0.unwrap();
}

#[test]
fn what_is_not_renewed_for_its_time_is_taken_over_and_its_holder_finds_out() {
    let (_folder, place) = place();
    let (mine, _) = taken(&place, "n1").0.unwrap();
    // Frozen: it says nothing any more.
    let (stop, thread) = {
        let mut mine = mine;
        let renewing = mine.renewing.take().unwrap();
        let guard = mine.guard();
        std::mem::forget(mine);
        drop(renewing.0);
        (guard, renewing.1)
    };
    thread.join().unwrap();
    let guard = stop;
    guard.check().unwrap();
    let ((theirs, before), told) = {
        let (taken, told) = taken(&place, "n2");
        (taken.unwrap(), told)
    };
    assert_eq!((before.map(|before| before.host), told), (Some("n1".to_owned()), 1));
    let lost = guard.check().unwrap_err();
    assert!(lost.get_ref().unwrap().is::<Dispossessed>(), "{lost}");
    assert!(guard.lost().is_time());
    theirs.guard().check().unwrap();
    // Nor does it become anybody's again by being free.
    drop(theirs);
    guard.check().unwrap_err();
    assert!(!place.path().exists());
}

#[test]
fn of_this_machine_the_dead_are_taken_over_at_once() {
    let (_folder, place) = place();
    let said = abandoned(&place, "n1");
    // Whoever died between two names left both; the youngest may be of somebody who lives.
    for (name, age) in [("0123.new", 61), ("4567.gone", 3600), ("89ab.gone", 30)] {
        let left = File::create(place.path().with_extension(name)).unwrap();
        left.set_modified(std::time::SystemTime::now() - Duration::from_secs(age)).unwrap();
    }
    assert!(whose(&place, &node("n1")).unwrap().is_none());
    assert!(matches!(whose(&place, &node("n2")).unwrap(), Some(AtWork::Elsewhere(_))));
    let (taken, told) = taken(&place, "n1");
    let (mine, before) = taken.unwrap();
    assert_eq!((before, told), (Some(said.holder), 0), "and nobody watched");
    let names: Vec<_> = fs::read_dir(place.path().parent().unwrap()).unwrap().collect();
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(place.path().with_extension("89ab.gone").exists(), "{names:?}");
    assert!(matches!(whose(&place, &node("n1")).unwrap(), Some(AtWork::Holder(_))));
    drop(mine);
}

#[test]
fn a_claim_that_nobody_can_read_is_watched_as_any_other_and_not_for_ever() {
    let (_folder, place) = place();
    abandoned(&place, "n1");
    fs::write(place.path(), "garbage").unwrap();
    assert!(matches!(
        whose(&place, &node("n1")).unwrap(),
        Some(AtWork::Elsewhere(Watched { holder: None, lease: USUAL, .. }))
    ));
    let (halt, tell) = (Halt::when(|| true), |_: &Watched| {});
    let halted = Lease::take(place.clone(), &node("n1"), SHORT, Some(Watching { halt: &halt, tell: &tell }));
    assert!(matches!(halted, Err(LockError::Worktree(error)) if error.is_halt()));
    assert!(place.path().exists());
}

#[test]
fn of_many_that_come_in_one_moment_one_has_it() {
    let (_folder, place) = place();
    for round in 0..20 {
        if round % 2 == 1 {
            abandoned(&place, "n0");
        }
        let all: Vec<_> = std::thread::scope(|scope| {
            let comers: Vec<_> = (0..6)
                .map(|_| {
                    scope.spawn(|| Lease::take(place.clone(), &node("n0"), SHORT, None).map(|(own, _)| own))
                })
                .collect();
            comers.into_iter().map(|comer| comer.join().unwrap()).collect()
        });
        let held: Vec<_> = all.iter().flatten().filter(|own| own.guard().check().is_ok()).collect();
        assert_eq!(held.len(), 1, "round {round}");
    }
}

#[test]
fn a_link_in_its_place_is_not_followed() {
    let (folder, place) = place();
    let other = folder.path().join("other");
    fs::write(&other, "theirs").unwrap();
    fs::create_dir(place.path().parent().unwrap()).unwrap();
    std::os::unix::fs::symlink(&other, place.path()).unwrap();
    assert!(taken(&place, "n1").0.is_err());
    assert_eq!(fs::read_to_string(&other).unwrap(), "theirs");
    fs::remove_dir_all(place.path().parent().unwrap()).unwrap();
    std::os::unix::fs::symlink(folder.path(), place.path().parent().unwrap()).unwrap();
    assert!(taken(&place, "n1").0.is_err());
    assert!(!folder.path().join("7").exists());
}
