//! What requests to a model cost in money, and that no more is spent than a budget allows.

use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier};

use autopilot::network::{Answer, Auth, Dialect, Internet, Outside, Upstream, is_priced};

use super::endpoint::Endpoint;
use super::host::{Host, answer};
use crate::agents;
use crate::common::Repo;

/// An answer of this model that cost 100,000 tokens of input and 10,000 of output: $0.80 of gpt-5.5.
fn answering(model: &str) -> Host {
    let usage = serde_json::json!({"input_tokens": 100_000, "output_tokens": 10_000});
    let response = serde_json::json!({"id": "r", "model": model, "usage": usage});
    let event = serde_json::json!({"type": "response.completed", "response": response});
    Host::answering(answer("200 OK", "", &format!("data: {event}\n\n")))
}

fn ask(model: &str) -> String {
    format!(r#"{{"store":false,"stream":true,"model":"{model}"}}"#)
}

fn upstream(dialect: Dialect, address: SocketAddr) -> Upstream {
    Upstream::new(dialect, &format!("http://{address}"), &Auth::Bearer("the-key".into())).unwrap()
}

#[test]
fn an_answer_costs_what_the_model_that_gave_it_costs() {
    for (asked, answered, cost) in [
        ("gpt-5.5", "gpt-5.5-2026-04-24", Some(800_000)),
        ("gpt-5.5", "gpt-5.4-mini", Some(120_000)),
        // Whose price is not known is taken for the one that was asked.
        ("gpt-5.5", "own", Some(800_000)),
        ("own", "gpt-5.5", Some(800_000)),
        ("own", "own", None),
    ] {
        let host = answering(answered);
        let endpoint = Endpoint::of(upstream(Dialect::Responses, host.address));
        assert!(endpoint.post("", &ask(asked)).starts_with("HTTP/1.1 200"));
        assert_eq!(endpoint.end().model.cost(), cost, "{asked}, {answered}");
    }
    // A model on this host that wants no key costs nothing.
    let host = answering("gpt-5.5");
    let free = Upstream::new(Dialect::Responses, &format!("http://{}", host.address), &Auth::None).unwrap();
    let endpoint = Endpoint::of(free.budget(Some(1)));
    assert!(endpoint.post("", &ask("own")).starts_with("HTTP/1.1 200"));
    assert_eq!(endpoint.end().model.cost(), Some(0));
}

#[test]
fn what_is_in_the_cache_has_its_own_prices() {
    let usage = serde_json::json!({"input_tokens": 100, "cache_read_input_tokens": 30, "cache_creation_input_tokens": 20,
        "cache_creation": {"ephemeral_1h_input_tokens": 15, "ephemeral_5m_input_tokens": 5}, "output_tokens": 10});
    let whole = serde_json::json!({"type": "message", "model": "claude-sonnet-5", "usage": usage});
    let host = Host::answering(answer("200 OK", "", &whole.to_string()));
    let endpoint = Endpoint::of(upstream(Dialect::Messages, host.address));
    endpoint.post_to("/v1/messages", "", r#"{"model":"claude-sonnet-5","messages":[]}"#);
    // 100 × 2 + 30 × 0.2 + 5 × 2.5 + 15 × 4 + 10 × 10, in millionths.
    let used = endpoint.end().model;
    assert_eq!((used.spent, used.cost()), (378_500, Some(379)));
}

#[test]
fn what_the_host_says_of_prices_comes_before_what_is_known_here() {
    let price = |model: &str, input, output| {
        (model.to_owned(), autopilot::plan::Price { input, cached: input, written: input, output })
    };
    let own = [price("own", 1000, 5000), price("gpt-5.5", 3000, 0), price("other", 0, 0)].into();
    for (asked, answered, cost) in [
        ("own", "own", 150_000),
        ("own", "own-2026-04-24", 150_000),
        ("gpt-5.5", "gpt-5.5-2026-04-24", 300_000),
        ("gpt-5.5", "gpt-5.4-mini", 120_000),
        // What is said to cost nothing answers for nothing only if it was asked.
        ("other", "other", 0),
        ("gpt-5.5", "other", 300_000),
    ] {
        let host = answering(answered);
        let upstream = upstream(Dialect::Responses, host.address).prices(&own);
        assert!(upstream.knows_price(asked) && !upstream.knows_price("unknown"));
        let endpoint = Endpoint::of(upstream.budget(Some(5_000_000)));
        assert!(endpoint.post("", &ask(asked)).starts_with("HTTP/1.1 200"));
        assert_eq!(endpoint.end().model.cost(), Some(cost), "{asked}, {answered}");
    }
    // A model on this host costs what is said of it.
    let host = answering("gpt-5.5");
    let here = Upstream::new(Dialect::Responses, &format!("http://{}", host.address), &Auth::None).unwrap();
    let endpoint = Endpoint::of(here.prices(&own));
    assert!(endpoint.post("", &ask("own")).starts_with("HTTP/1.1 200"));
    assert_eq!(endpoint.end().model.cost(), Some(300_000));
}

#[test]
fn at_its_budget_the_next_request_is_refused() {
    for (budget, passed) in [(0, 0), (1, 1), (799_999, 1), (800_000, 1), (800_001, 2), (1_600_000, 2)] {
        let host = answering("gpt-5.5");
        let endpoint = Endpoint::of(upstream(Dialect::Responses, host.address).budget(Some(budget)));
        let answers: Vec<String> = (0..4).map(|_| endpoint.post("", &ask("gpt-5.5"))).collect();
        assert_eq!(host.heads().len(), passed, "{budget}");
        assert!(answers[passed].starts_with("HTTP/1.1 403"), "{}", answers[passed]);
        assert_eq!(endpoint.end().model.cost().unwrap_or(0), 800_000 * passed as u64);
    }
}

#[test]
fn of_eight_side_by_side_at_the_limit_one_at_most_goes_over() {
    for budget in [1, 500_000, 1_000_000, 2_000_000, 3_500_000] {
        let host = answering("gpt-5.5");
        let endpoint = Endpoint::of(upstream(Dialect::Responses, host.address).budget(Some(budget)));
        let barrier = Barrier::new(8);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    barrier.wait();
                    // Until it is told that there is no more.
                    while !endpoint.post("", &ask("gpt-5.5")).starts_with("HTTP/1.1 403") {}
                });
            }
        });
        let spent = endpoint.end().model.cost().unwrap();
        assert!(spent >= budget && spent - 800_000 < budget, "{budget}: {spent}");
        assert_eq!(host.heads().len() as u64, spent / 800_000);
    }
}

/// The way to a server, where connections are counted as they begin.
#[derive(Debug, Default)]
struct Counting(AtomicU64);

impl Outside for Counting {
    fn look_up(&self, name: &str) -> Answer<Vec<IpAddr>> {
        Internet.look_up(name)
    }

    fn connect(&self, address: SocketAddr) -> Answer<tokio::net::TcpStream> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Internet.connect(address)
    }
}

#[test]
fn whose_most_is_small_may_go_side_by_side_as_long_as_it_fits() {
    // At most $0.005 of output each, and a little for what is asked: two of them reach $0.01 together.
    let body = r#"{"model":"claude-haiku-4-5","max_tokens":1000,"messages":[]}"#;
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let way = Arc::new(Counting::default());
    let upstream = upstream(Dialect::Messages, silent.local_addr().unwrap()).budget(Some(10_000));
    let endpoint = Arc::new(Endpoint::through(upstream, Arc::clone(&way) as Arc<dyn Outside>));
    let (tell, told) = std::sync::mpsc::channel();
    for _ in 0..8 {
        let (endpoint, tell) = (Arc::clone(&endpoint), tell.clone());
        std::thread::spawn(move || tell.send(endpoint.post_to("/v1/messages", "", body)));
    }
    for _ in 0..6 {
        let refused = told.recv_timeout(std::time::Duration::from_secs(60)).unwrap();
        assert!(refused.starts_with("HTTP/1.1 429") && refused.contains("$0.01"), "{refused}");
    }
    assert_eq!(way.0.load(Ordering::Relaxed), 2, "no other one was even connected");
}

#[test]
fn a_model_whose_price_nobody_knows_is_not_asked_under_a_budget() {
    let host = answering("own");
    let endpoint = Endpoint::of(upstream(Dialect::Responses, host.address).budget(Some(5_000_000)));
    let refused = endpoint.post("", &ask("own"));
    assert!(refused.starts_with("HTTP/1.1 403") && refused.contains("model `own` costs"), "{refused}");
    assert_eq!(host.heads().len(), 0);
    assert!(!is_priced("own", &[].into()));
}

/// An agent that asks until it is refused.
const GREEDY: &str = r#"begin
while /usr/bin/curl -sf -o "$TMPDIR/answer" -d '{"store":false,"stream":true,"model":"gpt-5.5"}' http://127.0.0.1:61079/v1/responses; do
  echo x >> made
done
echo '{"type":"turn.failed","error":{"message":"refused"}}'
exit 1"#;

fn repo(host: &Host, model: &str, limits: &str, step: &str) -> Repo {
    let repo = agents::repo(GREEDY);
    let provider = format!("{{base_url: \"http://{}/v1\", env_key: MODEL_KEY}}", host.address);
    repo.plan_with(
        &format!("codex: {{model: {model}, provider: {provider}}}\nlimits: {{{limits}}}"),
        &format!("  - {{id: a, codex: {{prompt: Do it.{step}}}, on_failure: continue}}\n  - {{id: b, codex: Do it.}}\n"),
    );
    repo
}

#[test]
fn a_run_spends_its_budget_and_says_so_everywhere() {
    let host = answering("gpt-5.5");
    let repo = repo(&host, "gpt-5.5", "budget: 2 USD", ", budget: 1 USD");
    agents::run(&repo).exits(1).says("$1.60");
    let reasons: Vec<(String, String)> = repo
        .events_of("attempt.ended")
        .iter()
        .map(|ended| {
            let text = |name: &str| ended["reason"][name].as_str().unwrap().to_owned();
            (text("kind"), text("text"))
        })
        .collect();
    let budget = |text: &str| ("budget".to_owned(), text.to_owned());
    assert_eq!(
        reasons,
        [
            budget("the step's budget of 1.00 USD is reached: it cost $1.60"),
            budget("the run's budget of 2.00 USD is reached: it cost $2.40"),
        ]
    );
    assert_eq!(host.heads().len(), 3);
    let cost: Vec<u64> =
        repo.events_of("agent.ended").iter().map(|ended| ended["cost"].as_u64().unwrap()).collect();
    assert_eq!(cost, [1_600_000, 800_000]);
    let summary = repo.summary();
    assert!(summary.contains("220k, $1.60") && summary.contains("110k, $0.80"), "{summary}");
    repo.autopilot(["status"]).exits(0).says("COST").says("$2.40");
    repo.autopilot(["status", "--json"]).exits(0).says("\"cost\":2400000");
}

/// An agent that asks once and passes.
const ONCE: &str = r#"begin
/usr/bin/curl -sf -o "$TMPDIR/answer" -d '{"store":false,"stream":true,"model":"gpt-5.5"}' http://127.0.0.1:61079/v1/responses
echo x > made
say done; end"#;

fn of_once(host: &Host, more: &str) -> Repo {
    let repo = agents::repo(ONCE);
    let provider = format!("{{base_url: \"http://{}/v1\", env_key: MODEL_KEY}}", host.address);
    let more = format!("codex: {{model: gpt-5.5, provider: {provider}}}\n{more}");
    repo.plan_with(&more, "  - {id: a, codex: Do it., expectation: {changes: {min: 1}}}\n");
    repo
}

#[test]
fn what_a_run_cost_stands_in_its_json_as_a_number() {
    for (model, cost) in
        [("gpt-5.5", serde_json::json!(800_000)), ("gpt-5.4-mini", serde_json::json!(120_000))]
    {
        let host = answering(model);
        let repo = of_once(&host, "");
        let ran = agents::start(&repo, &["7", "--json"]).wait_with_output().unwrap();
        let ran = crate::common::Ran::of(&ran).exits(0);
        let told: serde_json::Value = serde_json::from_str(ran.stdout.lines().last().unwrap()).unwrap();
        assert_eq!((&told["cost"], &told["tokens"]), (&cost, &110_000.into()), "{told}");
    }
}

#[test]
#[ignore = "needs gh"]
fn what_a_run_and_its_steps_cost_stands_in_the_comment() {
    let github = crate::common::github::GitHub::start();
    for (behaviour, code, extent) in
        [(ONCE, 0, "1 commit, 1 file, +1 −0, $0.80"), (GREEDY, 1, "no branch, $1.60")]
    {
        let host = answering("gpt-5.5");
        let repo = of_once(&host, "limits: {budget: 1 USD}\npublish: {comment: true}");
        std::fs::remove_dir_all(repo.dir().join("bin")).unwrap();
        let other = agents::repo(behaviour);
        std::fs::rename(other.dir().join("bin"), repo.dir().join("bin")).unwrap();
        let ran = agents::command(&repo, &["7"]).envs(github.variables()).output().unwrap();
        crate::common::Ran::of(&ran).exits(code);
        let comment = github.comments(7).pop().unwrap().body;
        let total = extent.rsplit_once(", ").unwrap().1;
        assert!(comment.contains(extent) && comment.contains(&format!("k, {total} |")), "{comment}");
    }
}

/// What the user's own file says.
fn config(repo: &Repo, text: &str) {
    let folder = repo.home().join(".config/autopilot");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("config.yaml"), text).unwrap();
}

#[test]
fn a_model_of_ones_own_has_the_price_that_the_users_file_says_and_the_record_tells_it() {
    let host = answering("own");
    let repo = repo(&host, "own", "budget: 20 USD", "");
    config(&repo, "prices:\n- {model: own, input: 40 USD, output: 200.5 USD, cached: 0.075 USD}\n");
    agents::run(&repo).exits(1).says("$24.02");
    let recorded = &repo.events_of("run.started")[0]["plan"]["prices"];
    let expected = serde_json::json!({"own":
        {"input": "40 USD", "cached": "0.075 USD", "written": "40 USD", "output": "200.5 USD"}});
    assert_eq!(*recorded, expected);
    assert_eq!(host.heads().len(), 4);
    repo.autopilot(["doctor"]).says("prices");
}

#[test]
fn a_file_with_bad_prices_stops_everything_with_its_place() {
    let host = answering("own");
    let repo = repo(&host, "own", "budget: 20 USD", "");
    for (prices, place, says) in [
        ("[{model: own, input: 2, output: 1 USD}]", "1:30", "write US dollars for a million tokens"),
        ("[{model: own, input: 0.00001 USD, output: 1 USD}]", "1:30", "at most three digits"),
        ("[{model: own, input: 2 USD}]", "1:10", "has no `output`"),
        ("[{model: \"o*\", input: 2 USD, output: 2 USD}]", "1:18", "is not a name"),
        ("{own: 2 USD}", "1:9", "must be a list"),
        (
            "[{model: own, input: 1 USD, output: 1 USD}, {model: own, input: 0 USD, output: 0 USD}]",
            "1:53",
            "has two prices",
        ),
    ] {
        config(&repo, &format!("prices: {prices}\n"));
        let ran = agents::run(&repo).exits(2).says(says);
        assert!(ran.stderr.contains(&format!("config.yaml:{place}")), "{}", ran.stderr);
    }
    assert_eq!(host.heads().len(), 0);
}

#[test]
fn a_run_goes_on_by_the_prices_that_it_began_with() {
    let host = answering("own");
    let repo = agents::repo("begin; echo ready; test -e ~/go || sleep 600; echo x > made; say done; end");
    let provider = format!("{{base_url: \"http://{}/v1\"}}", host.address);
    repo.plan_with(&format!("codex: {{model: own, provider: {provider}}}"), "  - {id: a, codex: Do it.}\n");
    let price =
        |input: u64| config(&repo, &format!("prices: [{{model: own, input: {input} USD, output: 2 USD}}]\n"));
    price(1);
    let child = agents::start(&repo, &["7"]);
    crate::common::wait_until(|| {
        !repo.evidence("status-").is_empty() && !repo.events_of("command.started").is_empty()
    });
    crate::common::signal(&child, nix::sys::signal::Signal::SIGINT);
    crate::common::Ran::of(&child.wait_with_output().unwrap()).exits(130);
    price(2);
    let again = agents::start(&repo, &["7", "--resume"]).wait_with_output().unwrap();
    crate::common::Ran::of(&again).exits(2).says("what models cost was changed since run");
    assert!(repo.events_of("resumed").is_empty(), "nothing of it went on");
}

#[test]
fn a_budget_for_a_model_without_a_price_is_refused_before_the_first_step() {
    for (model, limits, step) in [
        ("own", "budget: 5 USD", ""),
        ("own", "timeout: 1h", ", budget: 1 USD"),
        ("qwen3", "budget: 0.50 USD", ""),
    ] {
        let host = answering(model);
        let repo = repo(&host, model, limits, step);
        let ran = agents::run(&repo);
        assert!(ran.code > 1, "{ran:?}");
        ran.says(&format!("what model `{model}` costs is not known"));
        assert_eq!(host.heads().len(), 0);
    }
}
