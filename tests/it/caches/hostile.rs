//! What a step may leave in a folder that is kept: links, devices, set-uid bits, what is shut; and who may change a cache.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};

use super::{APPLY, caches, hits, left, misses, pass, repo};

#[test]
fn a_link_in_the_place_of_the_folder_is_not_followed() {
    let repo = repo();
    let outside = repo.dir().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("file"), "secret").unwrap();
    let outside = outside.display();
    repo.plan_with(
        "cache: [target, ~/.m2, ~/a/b]",
        &format!(
            "  - {{id: a, command: 'ln -s {outside} target; ln -s {outside} ~/.m2; ln -s {outside} ~/a'}}\n"
        ),
    );
    fs::create_dir(repo.dir().join("outside/b")).unwrap();
    pass(&repo);
    assert!(left(&repo)["why"].as_str().unwrap().contains("there was nothing in them"), "{}", left(&repo));
    assert_eq!(caches(&repo).len(), 0);
}

#[test]
fn links_stay_links_and_nothing_special_or_set_uid_is_kept() {
    let repo = repo();
    let make = "mkdir -p target/deep; ln -s /etc/hostname target/out; ln -s ../../.. target/deep/up; mkfifo target/pipe; printf x > target/run; chmod 4755 target/run || chmod 755 target/run; ln target/run target/hard; : > target/shut; chmod 000 target/shut";
    let check = "test \"$(readlink target/out)\" = /etc/hostname; test -L target/deep/up; test ! -e target/pipe; test ! -u target/run; test -x target/run; test -x target/hard";
    repo.plan_with(
        "cache: [target]",
        &format!("  - {{id: a, command: 'if test -e target; then {check}; else {make}; fi'}}\n{APPLY}"),
    );
    pass(&repo);
    if nix::unistd::geteuid().is_root() {
        pass(&repo);
        hits(&repo);
        let tree = caches(&repo)[0].join("trees/0");
        assert_eq!(fs::symlink_metadata(tree.join("run")).unwrap().mode() & 0o7000, 0);
        assert!(fs::symlink_metadata(tree.join("out")).unwrap().is_symlink());
    } else {
        assert!(left(&repo)["why"].as_str().unwrap().contains("has shut"), "{}", left(&repo));
    }
}

/// What somebody does to a folder.
type Deed = fn(&std::path::Path);

#[test]
fn what_somebody_changed_is_nobodys() {
    let changes: [(&str, Deed); 5] = [
        ("a file", |cache| fs::write(cache.join("trees/0/built"), "evil!").unwrap()),
        ("a file more", |cache| fs::write(cache.join("trees/0/more"), "evil").unwrap()),
        ("a link", |cache| symlink("/etc", cache.join("trees/0/link")).unwrap()),
        ("times", |cache| fs::write(cache.join("times"), "").unwrap()),
        ("the record", |cache| {
            let text = fs::read_to_string(cache.join("cache.json")).unwrap();
            fs::write(cache.join("cache.json"), text.replace("offline", "way-out")).unwrap();
        }),
    ];
    let repo = repo();
    repo.plan_with(
        "cache: [target]",
        "  - {id: a, command: 'mkdir -p target; cat target/built || true; printf built > target/built'}\n",
    );
    for (what, change) in changes {
        pass(&repo);
        let made = caches(&repo);
        assert_eq!(made.len(), 1, "{what}");
        change(&made[0]);
        pass(&repo);
        let why = super::looked(&repo)["why"].as_str().map(str::to_owned);
        assert!(why.is_some(), "{what}");
        assert!(!repo.log().contains("evil"), "{what}");
    }
    misses(&repo, "");
}

#[test]
fn steps_see_nothing_of_the_caches_and_get_files_of_their_own() {
    let repo = repo();
    let look = format!("test ! -e {}", repo.state().join("caches").display());
    repo.plan_with(
        "cache: [target]",
        &format!("  - {{id: a, command: 'mkdir -p target; {look}; echo x >> target/built; cat target/built'}}\n{APPLY}  - {{id: late, command: 'echo evil > target/built'}}\n"),
    );
    for _ in 0..3 {
        pass(&repo);
    }
    assert!(repo.log().contains("x\nx\nx\n") && !repo.log().contains("evil\n"), "{}", repo.log());
    let store = caches(&repo)[0].parent().unwrap().to_owned();
    assert_eq!(fs::metadata(&store).unwrap().mode() & 0o777, 0o700);
    assert_eq!(fs::metadata(store.parent().unwrap()).unwrap().mode() & 0o777, 0o700);
}
