//! What is kept is whose it was: nothing of a lower tier is found by a higher one, in a later run either.

use super::{APPLY, hits, pass, repo};

#[test]
fn what_an_offline_step_left_no_step_with_a_way_out_finds() {
    let repo = repo();
    let fetch = "  - {id: fetch, network: {allow: [npm.example]}, command: 'cat target/fetched ~/.m2/fetched || true; test ! -e target/planted; test ! -e ~/.m2/planted; test -e target/fetched || { mkdir -p target ~/.m2; echo fetched > target/fetched; echo home > ~/.m2/fetched; }'}\n";
    let build = "  - {id: build, command: 'cat target/planted ~/.m2/planted || true; cat target/fetched ~/.m2/fetched; echo planted > target/planted; echo planted > ~/.m2/planted'}\n";
    let again = "  - {id: again, network: {allow: [npm.example]}, command: 'test ! -e target/planted; cat target/fetched ~/.m2/fetched'}\n";
    repo.plan_with("cache: [target, ~/.m2]", &format!("{fetch}{build}{again}{APPLY}"));
    pass(&repo);
    for _ in 0..2 {
        pass(&repo);
        hits(&repo);
        let log = repo.log();
        assert!(log.contains("fetched\nhome\n"), "the way out's own: {log}");
        assert!(log.contains("planted\nplanted\nfetched\nhome\n"), "the offline step's own: {log}");
    }
}

#[test]
fn an_offline_build_is_no_start_for_a_step_with_a_way_out() {
    let repo = repo();
    let build = "  - {id: build, command: 'mkdir -p target ~/.m2; echo planted > target/x; echo planted > ~/.m2/x'}\n";
    repo.plan_with("cache: [target, ~/.m2]", build);
    pass(&repo);
    let out =
        "  - {id: out, network: {allow: [npm.example]}, command: 'test ! -e target; test ! -e ~/.m2'}\n";
    let then = "  - {id: then, command: 'cat target/x ~/.m2/x'}\n";
    repo.plan_with("cache: [target, ~/.m2]", &format!("{out}{then}"));
    pass(&repo);
    hits(&repo);
}

#[test]
fn clones_do_as_overlays_do() {
    let repo = repo();
    let fetch = "  - {id: fetch, network: {allow: [npm.example]}, command: 'cat ~/.m2/fetched || true; test ! -e ~/.m2/planted; test -e ~/.m2/fetched || { mkdir -p ~/.m2; echo home > ~/.m2/fetched; }'}\n";
    let build = "  - {id: build, command: 'cat ~/.m2/planted || true; cat ~/.m2/fetched; echo planted > ~/.m2/planted'}\n";
    repo.plan_with("cache: [~/.m2]", &format!("{fetch}{build}"));
    let run = || {
        let mut command = repo.command(["-vv", "7"]);
        // No overlay can be told of a path with a comma.
        command
            .env("AUTOPILOT_STATE_DIR", repo.dir().join("a,comma"))
            .env("CARGO_HOME", repo.dir().join("cargo"));
        crate::common::Ran::of(&command.output().unwrap()).exits(0).says("backend=Clone")
    };
    run();
    run();
    hits(&repo);
    assert!(repo.log().contains("planted\nhome\n"), "{}", repo.log());
}
