//! What is Claude Code's own: its login, which file instructs it, its tools.

use super::{KEY, versions};
use crate::common::Repo;
use crate::common::model::{Model, does, say, shell};

#[test]
#[ignore = "needs claude"]
fn of_the_base_claude_md_counts_before_agents_md() {
    for agent in versions("claude") {
        let repo = Repo::new();
        repo.commit_file("AGENTS.md", "Always be of-the-agents-file.\n");
        repo.commit_file("CLAUDE.md", "Always be of-the-claude-file.\n");
        let model = Model::serve(vec![does(say("done"))]);
        agent.plan(&repo, &model, "  - {id: a, AGENT: Talk.}\n");
        agent.run(&repo).exits(0);
        let system = model.asked()[0].body["system"].to_string();
        assert!(system.contains("of-the-claude-file") && !system.contains("of-the-agents-file"), "{system}");
    }
}

#[test]
#[ignore = "needs claude"]
fn it_has_four_tools_and_asks_one_page_of_the_model_alone() {
    for agent in versions("claude") {
        let repo = Repo::new();
        let model = Model::serve(vec![does(shell("echo x > made")), does(say("done"))]);
        let step = "  - {id: a, AGENT: {prompt: Do it., effort: low}}\n";
        agent.plan(&repo, &model, step);
        agent.run(&repo).exits(0);
        let asked = model.asked();
        assert_eq!(asked.len(), 2);
        for asked in asked {
            assert_eq!(asked.line, "POST /v1/messages?beta=true");
            let tools = asked.body["tools"].as_array().unwrap();
            let names: Vec<&str> = tools.iter().map(|tool| tool["name"].as_str().unwrap()).collect();
            assert_eq!(names, ["Bash", "Edit", "Read", "Write"]);
            assert!(tools.iter().all(|tool| tool["type"].is_null()), "none is the server's: {tools:?}");
            assert_eq!(asked.body["output_config"]["effort"], "low");
            let encodings = asked.headers.to_lowercase();
            let encodings = encodings.lines().find_map(|line| line.strip_prefix("accept-encoding: "));
            assert!(encodings.is_none_or(|own| own.trim() == "identity"), "{}", asked.headers);
        }
    }
}

#[test]
#[ignore = "needs claude"]
fn a_login_stays_with_the_runner_as_a_key_does() {
    for agent in versions("claude") {
        let repo = Repo::new();
        let look = "env; cat /proc/*/environ | tr '\\0' '\\n'; echo looked > made";
        let model = Model::serve(vec![does(shell(look)), does(say("done"))]);
        // The real address is not to be reached here: the endpoint of a test stands for it.
        let anthropic = format!(
            "claude: {{provider: {{base_url: \"{}\", env_key: CLAUDE_CODE_OAUTH_TOKEN}}}}",
            model.address()
        );
        repo.plan_with(&anthropic, "  - {id: a, claude: Look.}\n");
        let mut command = agent.command(&repo);
        command.env("CLAUDE_CODE_OAUTH_TOKEN", KEY);
        crate::common::Ran::of(&command.output().unwrap()).exits(0).hides(KEY);
        let asked = model.asked();
        let bearer = format!("authorization: bearer {KEY}");
        for asked in &asked {
            let headers = asked.headers.to_lowercase();
            assert!(headers.contains(&bearer) && headers.contains("oauth-"), "{headers}");
            assert!(!headers.contains("x-api-key"), "{headers}");
        }
        assert!(!model.turns()[1].contains(KEY), "{}", model.turns()[1]);
        repo.autopilot(["audit", "7"]).exits(0);
    }
}
