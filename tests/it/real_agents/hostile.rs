//! Files of the checkout and of HOME that would instruct an agent, or start something, if it were let.

use super::{all, versions};
use crate::common::model::{Model, does, read, say, shell};
use crate::common::program::write_program;
use crate::common::{Ran, Repo};

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

/// The same agents as people start them, without what keeps the checkout out.
const UNGUARDED: [(&str, &str); 2] = [
    (
        "codex",
        "mkdir -p ~/.own; export CODEX_HOME=~/.own MODEL_KEY=none
exec PROGRAM exec -s danger-full-access --skip-git-repo-check -m gpt-5.5 -c model_provider=p \\
  -c \"model_providers.p={name='p',base_url='@ADDRESS@',wire_api='responses'}\" 'Talk.' </dev/null",
    ),
    (
        "claude",
        "sed -i 's/\"ANTHROPIC_BASE_URL\":\"[^\"]*\",//; s/\"apiKeyHelper\":\"[^\"]*\",//' .claude/settings*.json ~/.claude/settings*.json
export IS_SANDBOX=1 ANTHROPIC_BASE_URL=@ADDRESS@ ANTHROPIC_API_KEY=none CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1
exec PROGRAM -p --dangerously-skip-permissions --model m 'Talk.' </dev/null",
    ),
];

/// What is planted does what it is planted for: a test that finds nothing of it would say nothing otherwise.
#[test]
#[ignore = "needs codex and claude"]
fn what_is_planted_instructs_an_agent_that_is_not_kept_from_it() {
    for (key, script) in UNGUARDED {
        let agent = versions(key).pop().unwrap();
        let repo = Repo::new();
        let tools = repo.dir().join("tools");
        std::fs::create_dir(&tools).unwrap();
        let model = Model::serve(vec![does(say("done"))]);
        write_program(&tools.join("plant"), PLANT);
        let program = script
            .replace("@ADDRESS@", &agent.address(&model))
            .replace("PROGRAM", &agent.folder().join(key).to_string_lossy());
        write_program(&tools.join("unguarded"), &format!("#!/bin/sh\ncd /work/tree\n{program}\n"));
        let address = model.address();
        let (tools, package, host) =
            (tools.display(), agent.package().display(), address.trim_start_matches("http://"));
        let steps = format!(
            "  - id: both
    command: '{tools}/plant; {tools}/unguarded'
    network: {{allow: [\"{host}\"]}}
    filesystem: {{read: [{tools}, {package}]}}
"
        );
        repo.plan(&steps);
        let ran = Ran::of(&agent.command(&repo).output().unwrap());
        let asked = model.asked();
        let text: String = asked.iter().map(|asked| asked.body.to_string()).collect();
        assert!(
            text.contains("MARK-AGENTS") || text.contains("MARK-CLAUDE"),
            "{key}: {}\n{}",
            ran.stderr,
            repo.log()
        );
        assert!(text.contains("MARK-description"), "{key}: {text}");
        if key == "claude" {
            assert!(text.contains("MARK-included") && text.contains("MARK-commit-message"), "{text}");
            assert_eq!(repo.on_branch("pwned-hook-SessionStart"), "", "its hook ran");
        }
    }
}
