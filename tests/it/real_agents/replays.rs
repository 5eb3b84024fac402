//! What real agents did replays from the record: without the agent, its model and its key.

use super::all;
use crate::common::Repo;
use crate::common::model::{Model, add_file, does, say, shell};

#[test]
#[ignore = "needs codex and claude"]
fn what_they_did_is_laid_on_and_comes_to_the_same_files() {
    for agent in all() {
        let repo = Repo::new();
        let model = Model::serve(vec![
            does(shell("printf 'a\\000b' > binary; echo '#!/bin/sh' > tool; chmod +x tool; ln -s tool link")),
            does(say("done")),
            does(add_file("patched.txt", "by-patch")),
            does(say("done")),
        ]);
        agent.plan(
            &repo,
            &model,
            "  - id: work
    AGENT: Do it.
    retries: 1
    post: ['test -e patched.txt']
  - {id: use, command: 'test -x link && cat patched.txt binary > all'}
",
        );
        agent.run(&repo).exits(0);
        assert_eq!(repo.events_of("attempt.started").len(), 3, "one try more of the agent's");
        let asked = model.turns().len();
        // Neither is it on PATH, nor is its key anywhere, nor is a branch left.
        repo.git(["branch", "-q", "-D", &repo.branch()]);
        let before = repo.fingerprint();
        repo.autopilot(["replay", "7"])
            .exits(0)
            .says("same verdicts, same files")
            .says("as recorded")
            .says("done again");
        assert_eq!(model.turns().len(), asked, "{agent:?}: a model was asked");
        assert_eq!(repo.fingerprint(), before);
        assert_eq!(repo.left_in_state(), [""; 0]);
    }
}
