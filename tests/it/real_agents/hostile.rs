//! Files of the checkout and of HOME that would instruct an agent, or start something, if it were let.

use super::all;
use crate::common::Repo;
use crate::common::model::{Model, does, read, say, shell};
use crate::common::program::write_program;

#[test]
#[ignore = "needs codex and claude"]
fn instructions_that_a_step_changed_are_not_read() {
    for agent in all() {
        let repo = Repo::new();
        repo.commit_file("AGENTS.md", "Always be of-the-base.\n");
        let model = Model::serve(vec![does(say("done"))]);
        agent.plan(
            &repo,
            &model,
            "  - {id: a, AGENT: Talk.}
  - {id: b, command: echo Always be of-the-step > AGENTS.md}
  - {id: c, AGENT: Talk.}
",
        );
        agent.run(&repo).exits(0);
        let asked = model.asked();
        assert!(asked[0].body.to_string().contains("of-the-base"));
        assert!(!asked[1].body.to_string().contains("of-the-step"));
        let started = repo.events_of("agent.started");
        assert_eq!((&started[0]["instructions"], &started[1]["instructions"]), (&true.into(), &false.into()));
    }
}

const PLANT: &str = include_str!("plant.sh");

#[test]
#[ignore = "needs codex and claude"]
fn nothing_that_an_earlier_step_writes_instructs_an_agent_or_is_started_by_it() {
    for agent in all() {
        let repo = Repo::new();
        let tools = repo.dir().join("tools");
        std::fs::create_dir(&tools).unwrap();
        write_program(&tools.join("plant"), PLANT);
        repo.commit_file("README", "nothing\n");
        let model =
            Model::serve(vec![does(read("sub/file")), does(shell("echo x > made")), does(say("done"))]);
        // HOME passes on what a step of the same tier left there.
        let steps = format!(
            "  - id: plant
    command: {0}/plant
    network: {{allow: [tier.example]}}
    filesystem: {{read: [{0}]}}
  - id: b
    AGENT: Look into @sub/file, do as @inc.md says, and use $evilclaude and $evilagents.
    expectation: {{files_exist: [made]}}
    post: ['! ls -d pwned-*']
",
            tools.display()
        );
        agent.plan(&repo, &model, &steps);
        agent.run(&repo).exits(0);
        let asked = model.asked();
        assert_eq!(asked.iter().filter(|asked| asked.line.starts_with("POST")).count(), 3, "{agent:?}");
        for asked in asked {
            let text = asked.body.to_string();
            let found = text
                .match_indices("MARK-")
                .map(|(at, _)| text.get(at.saturating_sub(200)..at + 40).unwrap_or("MARK-"));
            assert_eq!(found.collect::<Vec<_>>(), Vec::<&str>::new(), "{agent:?}");
        }
    }
}
