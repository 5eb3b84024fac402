//! How turns end that do not end well, and what they used.

use serde_json::Value;

use super::all;
use crate::common::model::{Model, Reply, does, say, shell};
use crate::common::{Ran, Repo, wait_until};

#[test]
#[ignore = "needs codex and claude"]
fn a_model_that_refuses_is_a_failed_attempt_with_its_reason() {
    let status = |status, message: &str| {
        Reply::Status(status, serde_json::json!({"error": {"message": message, "type": "x", "code": "x"}}))
    };
    for agent in all() {
        for (reply, reason) in [
            (status(401, "Incorrect API key provided"), "the model's server refused the key"),
            (status(404, "The model `m` does not exist"), "there is no such model"),
            (Reply::Items(Vec::new(), None), "the model answered nothing"),
        ] {
            let repo = Repo::new();
            let model = Model::serve(vec![reply]);
            agent.plan(&repo, &model, "  - {id: a, AGENT: Do it.}\n");
            agent.run(&repo).exits(1).says(reason);
            let ended = repo.events_of("attempt.ended").remove(0);
            assert_eq!(ended["reason"]["kind"], "agent");
        }
    }
}

#[test]
#[ignore = "needs codex and claude"]
fn a_rate_limit_is_waited_out_and_counts_as_no_failure() {
    for agent in all() {
        let repo = Repo::new();
        let limit = Reply::Fails("rate_limit_exceeded", "Rate limit reached. Please try again in 1s.");
        // Codex asks five times more by itself; Claude Code ends where the answer has begun.
        let mut replies = vec![limit; if agent.key == "codex" { 6 } else { 1 }];
        replies.extend([does(shell("echo x > made")), does(say("done"))]);
        let model = Model::serve(replies);
        agent.plan(&repo, &model, "  - {id: a, AGENT: Do it.}\n");
        agent.run(&repo).exits(0).says("the model's rate limit");
        assert_eq!(repo.events_of("agent.waiting").len(), 1);
        assert_eq!(repo.events_of("attempt.started").len(), 1);
        assert_eq!(repo.on_branch("made"), "x");
    }
}

#[test]
#[ignore = "needs codex and claude"]
fn a_token_limit_ends_the_turn_in_the_middle() {
    for agent in all() {
        let repo = Repo::new();
        let model = Model::serve(vec![does(shell("echo x >> made"))]);
        agent.plan_with(
            &repo,
            &model,
            "limits: {tokens: 300}",
            "  - {id: a, AGENT: Never ends., retries: 3}\n",
        );
        agent.run(&repo).exits(1).says("the run's token limit of 300 is reached: it used 330");
        assert_eq!(model.turns().len(), 3);
        assert_eq!(repo.events_of("attempt.started").len(), 1, "a further attempt would have none left");
        assert_eq!(repo.events_of("attempt.ended")[0]["reason"]["kind"], "tokens");
    }
}

#[test]
#[ignore = "needs codex and claude"]
fn tokens_that_were_used_before_a_crash_stay_used() {
    for agent in all() {
        let repo = Repo::new();
        let model = Model::serve(vec![does(shell("echo x >> made")), does(say("done"))]);
        let steps = "  - {id: a, AGENT: Do it.}
  - {id: b, command: 'echo ready; while test ! -e ~/go; do sleep 0.05; done'}
  - {id: c, AGENT: Do more.}\n";
        agent.plan_with(&repo, &model, "limits: {tokens: 220}", steps);
        let mut child = agent.command(&repo).spawn().unwrap();
        wait_until(|| repo.log().contains("ready"));
        repo.kill(&mut child);
        std::fs::write(repo.run_dir().join("home/go"), "").unwrap();
        let ran = Ran::of(&agent.command(&repo).arg("--resume").output().unwrap()).exits(1);
        ran.says("the run's token limit of 220 is reached: it used 220");
        assert_eq!(model.turns().len(), 2, "no request of step c");
        assert_eq!(repo.steps(), ["a:passed", "b:passed", "c:failed"]);
        repo.autopilot(["audit", "7"]).exits(0);
    }
}

#[test]
#[ignore = "needs codex and claude"]
fn tokens_of_a_turn_that_a_crash_cut_off_stay_used() {
    for agent in all() {
        let repo = Repo::new();
        // One answer that told, and a request of which nobody knows what it costs: it is not held against the run.
        let model = Model::serve(vec![does(shell("echo x >> made")), Reply::Silence, does(say("done"))]);
        agent.plan_with(&repo, &model, "limits: {tokens: 200}", "  - {id: a, AGENT: Do it., retries: 3}\n");
        let mut child = agent.command(&repo).spawn().unwrap();
        wait_until(|| !repo.log().is_empty());
        let asked_twice = |used: &Value| used["requests"] == 2 && used["tokens"]["output"] == 10;
        wait_until(|| repo.events_of("agent.used").last().is_some_and(asked_twice));
        repo.kill(&mut child);
        repo.autopilot(["status", "7"]).says("crashed");
        Ran::of(&agent.command(&repo).arg("--resume").output().unwrap()).exits(0);
        assert_eq!(model.turns().len(), 3);
        assert!(repo.summary().contains("| 220, $0.00"), "{}", repo.summary());
        repo.autopilot(["audit", "7"]).exits(0);
        // With what it had used before, a further turn has none left.
        let repo = Repo::new();
        let model = Model::serve(vec![does(shell("echo x >> made; while :; do sleep 1; done"))]);
        agent.plan_with(&repo, &model, "limits: {tokens: 110}", "  - {id: a, AGENT: Do it., retries: 3}\n");
        let mut child = agent.command(&repo).spawn().unwrap();
        wait_until(|| !repo.log().is_empty());
        wait_until(|| repo.events_of("agent.used").last().is_some_and(|used| used["tokens"]["output"] == 10));
        repo.kill(&mut child);
        let ran = Ran::of(&agent.command(&repo).arg("--resume").output().unwrap()).exits(1);
        ran.says("the run's token limit of 110 is reached: it used 110");
        assert_eq!(model.turns().len(), 1, "no request of the resumed run");
        repo.autopilot(["audit", "7"]).exits(0);
    }
}

#[test]
#[ignore = "needs codex and claude"]
fn a_model_that_counts_nothing_is_refused_where_tokens_are_limited() {
    for agent in all() {
        for (tokens, code) in [("5000000", 1), ("unlimited", 0)] {
            let repo = Repo::new();
            let turn = [shell("echo x > made"), say("done")].map(|item| Reply::Items(vec![item], None));
            let model = Model::serve(turn.to_vec());
            let step = format!("  - {{id: a, AGENT: {{prompt: Talk., tokens: {tokens}}}}}\n");
            agent.plan(&repo, &model, &step);
            let ran = agent.run(&repo).exits(code);
            if code == 1 {
                ran.says("reported no token counts").says("tokens: unlimited");
                assert_eq!(model.turns().len(), 1, "nothing is asked after the first answer");
            }
        }
    }
}

/// Answers that end a turn, each with what the attempt's reason says, and how often the model is asked at most.
#[test]
#[ignore = "needs codex and claude"]
fn the_endpoint_decides_what_an_answer_means() {
    let error = |kind: &str, message: &str| serde_json::json!({"type": "error", "error": {"type": kind, "message": message, "code": kind}});
    let status = |status, header, kind, message| Reply::Head(status, header, error(kind, message));
    let cases = [
        (status(401, "", "authentication_error", "no such key"), "agent", "refused the key", 1),
        (status(403, "", "permission_error", "not you"), "agent", "refused the key", 1),
        (status(404, "", "not_found_error", "model: m"), "agent", "there is no such model", 2),
        (
            status(307, "location: https://elsewhere.example/v1", "x", "moved"),
            "agent",
            "elsewhere.example",
            1,
        ),
        (status(429, "retry-after: 300", "rate_limit_error", "slow down"), "rate_limit", "a wait of 5m", 1),
        (status(429, "", "insufficient_quota", "You exceeded your current quota"), "rate_limit", "quota", 1),
        (status(500, "", "api_error", "boom"), "agent", "500", 8),
        (Reply::Silence, "silence", "the model was silent for", 2),
        (Reply::Begins, "silence", "the model was silent for", 2),
    ];
    for agent in all() {
        for (reply, kind, words, most) in &cases {
            let repo = Repo::new();
            let model = Model::serve(vec![reply.clone()]);
            let step = "  - {id: a, AGENT: Do it., timeout: 60s}\n";
            agent.plan_with(&repo, &model, "limits: {silence: 3s}", step);
            agent.run(&repo).exits(1);
            let ended = repo.events_of("attempt.ended").remove(0);
            let text = ended["reason"]["text"].as_str().unwrap();
            assert_eq!(ended["reason"]["kind"], *kind, "{agent:?}: {text}");
            assert!(text.contains(words), "{agent:?}: {words} is not in {text}");
            let asked = model.turns().len();
            assert!(asked <= *most, "{agent:?}: asked {asked} times for {words}");
        }
    }
}

#[test]
#[ignore = "needs codex and claude"]
fn a_server_that_is_overloaded_is_waited_for() {
    for agent in all() {
        let repo = Repo::new();
        let error = serde_json::json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}});
        let mut replies = vec![Reply::Head(529, "retry-after: 1", error)];
        replies.extend([does(shell("echo x > made")), does(say("done"))]);
        let model = Model::serve(replies);
        agent.plan(&repo, &model, "  - {id: a, AGENT: Do it.}\n");
        agent.run(&repo).exits(0);
        assert_eq!(repo.events_of("attempt.started").len(), 1);
        assert_eq!(repo.on_branch("made"), "x");
    }
}
