//! The endpoint decides how a turn went: what an agent does after the model's last answer, or says of it, changes nothing.

use autopilot::network::{Auth, Class, Dialect, Exchange, Upstream};

use super::endpoint::{COMPLETED, Endpoint};
use super::host::{Host, answer};
use crate::agents;
use crate::common::{Ran, Repo, wait_until};

/// An agent that asks again and again, whatever it is told; but for a while if it is told to wait.
const STUBBORN: &str = r#"begin
n=0
while [ $n -lt 40 ]; do
  n=$((n+1))
  status=$(/usr/bin/curl -s -o "$TMPDIR/answer" -w '%{http_code}' -d '{"store":false,"stream":true}' http://127.0.0.1:61079/v1/responses)
  grep -q response.completed "$TMPDIR/answer" && { echo x > made; say done; [ -e more ] || { end; exit; }; }
  [ "$status" = 429 ] && grep -q patience "$TMPDIR/answer" && sleep 1000
done
echo '{"type":"turn.failed","error":{"message":"I give up"}}'
exit 1"#;

/// A repository whose plan has one step of this agent and this model.
fn repo(host: &Host, behaviour: &str, limits: &str, step: &str) -> Repo {
    repo_of(host, behaviour, limits, &format!("codex: Do it., {step}"))
}

fn repo_of(host: &Host, behaviour: &str, limits: &str, step: &str) -> Repo {
    let repo = agents::repo(behaviour);
    let provider = format!("{{base_url: \"http://{}/v1\"}}", host.address);
    repo.plan_with(
        &format!("codex: {{model: m, provider: {provider}}}\nlimits: {{{limits}}}"),
        &format!("  - {{id: a, {step}}}\n"),
    );
    repo
}

/// Runs it, and returns class and words of the reason that its only attempt failed with.
fn failed(repo: &Repo) -> (String, String) {
    agents::run(repo).exits(1);
    let ended = repo.events_of("attempt.ended").remove(0);
    let text = |name: &str| ended["reason"][name].as_str().unwrap().to_owned();
    (text("kind"), text("text"))
}

fn error(status: &str, headers: &str, code: &str, message: &str) -> String {
    let body = serde_json::json!({"error": {"message": message, "type": "x", "code": code}});
    answer(status, headers, &body.to_string())
}

#[test]
fn a_final_answer_ends_the_turn_at_once() {
    for (reply, kind, words) in [
        (
            error("401 Unauthorized", "", "invalid_api_key", "Wrong key"),
            "agent",
            "refused the key (401): Wrong key",
        ),
        (
            error("403 Forbidden", "", "", "Not yours"),
            "agent",
            "the model's server refused the key (403): Not yours",
        ),
        (
            error("404 Not Found", "", "model_not_found", "No model `m`"),
            "agent",
            "there is no such model (404)",
        ),
        (answer("404 Not Found", "", "<html>"), "agent", "/v1/responses: write another `base_url`"),
        (
            error("429 Too Many Requests", "", "insufficient_quota", "You exceeded your current quota"),
            "rate_limit",
            "the model's quota is used up (429): You exceeded",
        ),
        (
            answer("307 Temporary Redirect", "Location: https://new.example.org/v2/responses\r\n", ""),
            "agent",
            "the model is elsewhere (307): its server sends on to another address: write `base_url: https://new.example.org/v2`",
        ),
        (
            error("429 Too Many Requests", "Retry-After: 300\r\n", "rate_limit_exceeded", "Slow down"),
            "rate_limit",
            "the model's rate limit (429): Slow down; it asks for a wait of 5m, more than the ",
        ),
        (
            answer("200 OK", "", &format!("data: {}", "x".repeat(17 << 20))),
            "agent",
            "the model's answer has no end (200): one event of it is larger than 16MiB",
        ),
    ] {
        let host = Host::answering(reply);
        let repo = repo(&host, STUBBORN, "timeout: 1h", "timeout: 30s");
        let (found, text) = failed(&repo);
        assert!(found == kind && text.contains(words), "{words}: {found}: {text}");
        assert_eq!(host.heads().len(), 1, "{words}");
        assert_eq!(repo.events_of("agent.waiting").len(), 0, "{words}");
        assert_eq!(repo.events_of("command.ended")[0]["cut"], "answer", "{words}");
    }
}

#[test]
fn a_failure_that_may_pass_is_bounded() {
    for (reply, words) in [
        (
            error("500 Internal Server Error", "", "server_error", "Oh"),
            "the model could not be reached (500): Oh",
        ),
        (answer("502 Bad Gateway", "", "bad"), "the model could not be reached (502): bad"),
        (answer("200 OK", "", "hello"), "its answer broke off, or is none"),
        (answer("200 OK", "", "data: {\"type\":\"response.created\"}\n\n"), "its answer broke off"),
        (
            error("400 Bad Request", "", "", "Unknown parameter"),
            "refused the request (400): Unknown parameter",
        ),
    ] {
        let host = Host::answering(reply);
        let (kind, text) = failed(&repo(&host, STUBBORN, "timeout: 1h", "timeout: 30s"));
        assert!(kind == "agent" && text.contains(words), "{words}: {kind}: {text}");
        assert_eq!(host.heads().len(), 6, "{words}");
    }
}

#[test]
fn a_server_that_is_overloaded_is_waited_for_as_at_a_rate_limit() {
    let busy = error("529 Overloaded", "Retry-After: 1\r\n", "overloaded_error", "Overloaded");
    let mut replies = vec![busy; 6];
    replies.push(answer("200 OK", "", COMPLETED));
    let host = Host::answering_in_turn(replies);
    let repo = repo(&host, STUBBORN, "timeout: 1h", "timeout: 30s");
    agents::run(&repo).exits(0);
    let waits = repo.events_of("agent.waiting");
    let [waiting] = &waits[..] else { panic!("{waits:?}") };
    assert_eq!(waiting["reason"]["kind"], "rate_limit");
    assert_eq!(waiting["reason"]["text"], "the model's server is overloaded (529): Overloaded");
    assert_eq!(repo.events_of("attempt.started").len(), 1);
    assert_eq!(host.heads().len(), 7);
}

#[test]
fn silence_is_a_reason_of_its_own() {
    for first in ["data: {\"type\":\"response.created\"}\n\n", ""] {
        let host = Host::falling_silent(first);
        let repo = repo(&host, STUBBORN, "silence: 2s", "timeout: 60s");
        assert_eq!(failed(&repo), ("silence".to_owned(), "the model was silent for 2s".to_owned()));
        assert_eq!(host.heads().len(), 1);
    }
    // A step may say something else than the run.
    let host = Host::falling_silent("");
    let step = "timeout: 60s, codex: {prompt: Do it., silence: 2s}";
    let own = repo_of(&host, STUBBORN, "silence: 50s", step);
    assert_eq!(failed(&own), ("silence".to_owned(), "the model was silent for 2s".to_owned()));
    // What ends before that says so as well.
    let host = Host::falling_silent("");
    let (kind, text) = failed(&repo(&host, STUBBORN, "silence: 60s", "timeout: 4s"));
    assert!(
        kind == "timeout"
            && text.starts_with("the step's timeout of 4s; the model had been silent for ")
            && text.ends_with('s'),
        "{text}"
    );
}

#[test]
fn at_the_token_limit_nobody_asks_in_vain() {
    let host = Host::saying(COMPLETED);
    let repo = repo(&host, &STUBBORN.replace("begin", "begin; touch more"), "tokens: 100", "timeout: 30s");
    let (kind, text) = failed(&repo);
    assert!(
        kind == "tokens" && text.contains("token limit of 100 is reached: it used 120"),
        "{kind}: {text}"
    );
    assert_eq!(host.heads().len(), 1);
    assert_eq!(repo.events_of("command.ended")[0]["cut"], "answer");
}

/// An answer costs 120. What is used is the limit, or one less than it; the plan's, or that of a ceiling which is gone by then.
#[test]
fn tokens_that_were_used_before_a_crash_are_used_after_it() {
    for (limit, asked, by_ceiling) in [(120, 1, false), (121, 2, false), (120, 1, true)] {
        let host = Host::saying(COMPLETED);
        let ask = STUBBORN.replace("touch more", "").replace("x > made", "x >> made");
        let repo = agents::repo(&ask);
        let provider = format!("{{base_url: \"http://{}/v1\"}}", host.address);
        let ceiling = repo.home().join(".config/autopilot/config.yaml");
        let limits = if by_ceiling {
            std::fs::create_dir_all(ceiling.parent().unwrap()).unwrap();
            std::fs::write(&ceiling, format!("tokens: {limit}\n")).unwrap();
            String::new()
        } else {
            format!("limits: {{tokens: {limit}}}")
        };
        repo.plan_with(
            &format!("codex: {{model: m, provider: {provider}}}\n{limits}"),
            "  - {id: a, codex: Do it.}
  - {id: b, command: 'echo ready; while test ! -e go; do sleep 0.05; done; rm go'}
  - {id: c, codex: Do it.}\n",
        );
        let mut child = agents::start(&repo, &["7"]);
        wait_until(|| repo.log().contains("ready"));
        repo.kill(&mut child);
        let _ = std::fs::remove_file(&ceiling);
        let again = agents::start(&repo, &["7", "--resume"]);
        wait_until(|| repo.log().matches("ready").count() == 2);
        std::fs::write(repo.run_dir().join("worktree/go"), "").unwrap();
        let ran = Ran::of(&again.wait_with_output().unwrap());
        assert_eq!((host.heads().len(), ran.code), (asked, i32::from(asked == 1)), "{limit}: {ran:?}");
        let last = repo.events_of("attempt.ended").pop().unwrap();
        let expected = if asked == 1 { "tokens".into() } else { serde_json::Value::Null };
        assert_eq!((&last["step"], &last["reason"]["kind"]), (&"c".into(), &expected), "{last}");
    }
}

#[test]
fn what_an_agent_says_of_its_model_is_not_believed() {
    let host = Host::saying(COMPLETED);
    let says = r#"begin; echo '{"type":"turn.failed","error":{"message":"Rate limit reached. Please try again in 1s."}}'; exit 1"#;
    let repo = repo(&host, says, "timeout: 1h", "timeout: 30s");
    let (kind, text) = failed(&repo);
    assert!(kind == "agent" && text.contains("Rate limit reached"), "{kind}: {text}");
    assert_eq!(repo.events_of("agent.waiting").len(), 0);
}

#[test]
fn an_agent_that_comes_over_a_failure_has_not_failed() {
    let busy = error("503 Service Unavailable", "", "", "Busy");
    let host = Host::answering_in_turn(vec![busy.clone(), busy, answer("200 OK", "", COMPLETED)]);
    let repo = repo(&host, STUBBORN, "timeout: 1h", "timeout: 30s");
    agents::run(&repo).exits(0);
    assert_eq!(host.heads().len(), 3);
}

/// Asks an endpoint of this dialect once, and returns what it makes of the answer, and what the step was told.
fn exchanged(dialect: Dialect, host: &Host) -> (Exchange, String) {
    let upstream = Upstream::new(dialect, &format!("http://{}", host.address), &Auth::None).unwrap();
    let endpoint = Endpoint::of(upstream);
    let told = match dialect {
        Dialect::Responses => endpoint.post("", super::endpoint::ASK),
        Dialect::Messages => endpoint.post_to("/v1/messages", "", r#"{"messages":[]}"#),
    };
    (endpoint.end().last.unwrap(), told)
}

#[test]
fn what_a_server_answers_is_told_to_the_step_and_understood_in_both_formats() {
    let anthropic = |status: &str, kind: &str, message: &str| {
        let body = serde_json::json!({"type": "error", "error": {"type": kind, "message": message}});
        answer(status, "retry-after: 7\r\n", &body.to_string())
    };
    let event = |data: serde_json::Value| answer("200 OK", "", &format!("data: {data}\n\n"));
    for (dialect, reply, class, status) in [
        (Dialect::Messages, anthropic("401 x", "authentication_error", "invalid x-api-key"), Class::Key, 401),
        (Dialect::Messages, anthropic("404 x", "not_found_error", "model: m"), Class::Model, 404),
        (Dialect::Messages, anthropic("429 x", "rate_limit_error", "slow"), Class::RateLimit, 429),
        (Dialect::Messages, anthropic("529 x", "overloaded_error", "Overloaded"), Class::Overloaded, 529),
        (
            Dialect::Messages,
            anthropic("400 x", "invalid_request_error", "prompt is too long"),
            Class::Context,
            400,
        ),
        (
            Dialect::Messages,
            anthropic("400 x", "invalid_request_error", "Your credit balance is too low"),
            Class::Quota,
            400,
        ),
        (
            Dialect::Messages,
            event(
                serde_json::json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}),
            ),
            Class::Overloaded,
            200,
        ),
        (
            Dialect::Responses,
            event(
                serde_json::json!({"type": "response.failed", "response": {"error": {"code": "rate_limit_exceeded",
                "message": "Please try again in 7s."}}}),
            ),
            Class::RateLimit,
            200,
        ),
        (
            Dialect::Responses,
            event(serde_json::json!({"type": "error", "code": "insufficient_quota", "message": "used up"})),
            Class::Quota,
            200,
        ),
        (Dialect::Responses, answer("200 OK", "", COMPLETED), Class::Answered, 200),
        (Dialect::Messages, event(serde_json::json!({"type": "message_stop"})), Class::Answered, 200),
    ] {
        let (last, told) = exchanged(dialect, &Host::answering(reply.clone()));
        assert_eq!((last.class, last.status), (class, Some(status)), "{reply}");
        let body = |text: &str| text.split_once("\r\n\r\n").unwrap().1.to_owned();
        assert!(told.starts_with(&format!("HTTP/1.1 {status} ")), "{told}");
        assert_eq!(body(&told), body(&reply));
        if matches!(class, Class::RateLimit) {
            assert_eq!(last.wait.map(|wait| wait.as_secs()), Some(7), "{reply}");
        }
    }
}

#[test]
fn after_a_final_answer_nothing_more_goes_out() {
    let host = Host::answering(error("401 Unauthorized", "", "", "Wrong key"));
    let upstream =
        Upstream::new(Dialect::Responses, &format!("http://{}", host.address), &Auth::None).unwrap();
    let endpoint = Endpoint::of(upstream);
    assert!(endpoint.post("", super::endpoint::ASK).starts_with("HTTP/1.1 401"));
    let again = endpoint.post("", super::endpoint::ASK);
    assert!(
        again.starts_with("HTTP/1.1 403") && again.contains("refused the key (401): Wrong key"),
        "{again}"
    );
    assert_eq!(host.heads().len(), 1);
}

#[test]
fn an_event_without_an_end_is_cut_in_both_formats() {
    for dialect in [Dialect::Responses, Dialect::Messages] {
        for line in ["data: x".repeat(4 << 20), "data: x\n".repeat(3 << 20)] {
            let (last, told) = exchanged(dialect, &Host::answering(answer("200 OK", "", &line)));
            assert_eq!(last.class, Class::Endless);
            assert!(told.len() < line.len(), "{}", told.len());
        }
        // Many events, none of them large, are an answer of any size.
        let long = "data: {\"delta\":\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"}\n\n".repeat(1 << 19);
        let (last, told) = exchanged(dialect, &Host::answering(answer("200 OK", "", &long)));
        assert_eq!(last.class, Class::Unreachable, "it broke off, and that is all");
        assert!(told.ends_with(&long[long.len() - 1000..]));
    }
}

#[test]
fn a_redirect_is_not_followed_and_no_key_shown() {
    let reply = answer("302 Found", "Location: http://user:secret@127.0.0.1:9/v1/messages?beta=true\r\n", "");
    let (last, told) = exchanged(Dialect::Messages, &Host::answering(reply));
    assert_eq!(last.class, Class::Redirect);
    assert!(
        told.starts_with("HTTP/1.1 403") && told.contains("write `base_url: http://127.0.0.1:9`"),
        "{told}"
    );
    assert!(!told.contains("secret"), "{told}");
}
