//! The model endpoint: the key goes out and never in, and nothing but the model is reached.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use autopilot::network::{Answer, Auth, Gate, Internet, Outside, Serving, Traffic, Upstream, Verdict};

use super::host::Host;

/// The last event of an answer that cost 100 and 20 tokens.
const COMPLETED: &str = "data: {\"type\":\"response.completed\",\"response\":{\"id\":\"r1\",\"usage\":\
    {\"input_tokens\":100,\"input_tokens_details\":{\"cached_tokens\":64},\"output_tokens\":20}}}\n\n";

/// A small request, as far as it has to be one.
const ASK: &str = "{\"store\":false,\"stream\":true}";

/// A request of 4,000 bytes.
fn long() -> String {
    format!("{{\"store\":false,\"stream\":true,\"input\":\"{}\"}}", "x".repeat(3960))
}

/// An endpoint on a listener of the test's own, where a step's would be in its namespace.
struct Endpoint {
    place: SocketAddr,
    serving: Serving,
}

impl Endpoint {
    fn of(upstream: Upstream) -> Self {
        Self::through(upstream, Arc::new(Internet))
    }

    /// The same, with another way to the model's server.
    fn through(upstream: Upstream, outside: Arc<dyn Outside>) -> Self {
        let gate = Gate::closed().model(upstream).through(outside);
        assert_eq!(gate.model_url().unwrap(), "http://127.0.0.1:61079/v1");
        assert_eq!(gate.env(), [], "a step that reaches the model alone has no proxy");
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let place = listener.local_addr().unwrap();
        Self { place, serving: gate.serve(vec![listener]).unwrap() }
    }

    fn ask(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.place).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn post(&self, headers: &str, body: &str) -> String {
        let length = body.len();
        self.ask(&format!(
            "POST /v1/responses HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
        ))
    }

    fn end(self) -> Traffic {
        self.serving.end()
    }
}

fn model() -> Host {
    Host::saying(COMPLETED)
}

fn upstream(host: &Host, auth: &Auth) -> Upstream {
    Upstream::new(&format!("http://{}/base/v1/", host.address), auth).unwrap()
}

#[test]
fn the_key_is_added_outside_and_what_the_step_sends_for_one_is_dropped() {
    let host = model();
    let endpoint = Endpoint::of(upstream(&host, &Auth::Bearer("the-key".into())));
    let answer = endpoint.post("Authorization: Bearer stolen\r\nCookie: a=b\r\nSession-Id: kept\r\n", ASK);
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with(COMPLETED), "{answer}");
    assert!(!answer.contains("the-key"));
    let [head] = &host.heads()[..] else { panic!("{:?}", host.heads()) };
    let lower = head.to_lowercase();
    assert!(head.starts_with("POST /base/v1/responses HTTP/1.1\r\n") && head.ends_with(ASK), "{head}");
    assert!(
        lower.contains("authorization: bearer the-key\r\n") && lower.contains("session-id: kept"),
        "{head}"
    );
    assert!(lower.contains(&format!("host: {}\r\n", host.address)), "{head}");
    assert!(!head.contains("stolen") && !lower.contains("cookie"), "{head}");
    let traffic = endpoint.end();
    let usage = traffic.model;
    assert_eq!(
        (usage.requests, usage.input, usage.cached, usage.output, usage.estimated),
        (1, 100, 64, 20, 0)
    );
    let [decision] = &traffic.decisions[..] else { panic!("{traffic:?}") };
    assert_eq!((decision.port, &decision.verdict), (host.address.port(), &Verdict::Allowed));
    assert!(decision.sent > 100 && decision.received > COMPLETED.len() as u64, "{decision:?}");
}

#[test]
fn a_login_sends_its_account_too() {
    let host = model();
    let login = Auth::ChatGpt { access_token: "the-token".into(), account_id: "the-account".into() };
    Endpoint::of(upstream(&host, &login)).post("ChatGPT-Account-ID: other\r\n", ASK);
    let head = host.heads().remove(0).to_lowercase();
    assert!(head.contains("authorization: bearer the-token\r\n"), "{head}");
    assert!(head.contains("chatgpt-account-id: the-account\r\n") && !head.contains("other"), "{head}");
}

#[test]
fn nothing_but_the_model_is_passed_on() {
    let host = model();
    let endpoint = Endpoint::of(upstream(&host, &Auth::Bearer("the-key".into())));
    for line in [
        "GET /v1/responses",
        "POST /v1/files",
        "POST /v1/responses/../files",
        "POST /v1/responses/resp_1/cancel",
        "POST /v1/responses%2f..%2ffiles",
        "POST /responses",
        "POST //v1/responses",
        "DELETE /v1/models",
        "GET /v1/models/x",
        "POST http://127.0.0.1/v1/files",
        "CONNECT api.example.org:443",
        "OPTIONS *",
    ] {
        let answer = endpoint.ask(&format!("{line} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
        assert!(answer.starts_with("HTTP/1.1 4"), "{line}: {answer}");
    }
    assert_eq!(host.heads(), Vec::<String>::new());
    let answer = endpoint.ask("GET /v1/models HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    assert!(
        answer.starts_with("HTTP/1.1 200") && host.heads()[0].starts_with("GET /base/v1/models "),
        "{answer}"
    );
    assert_eq!(endpoint.end().model.requests, 0);
}

#[test]
fn where_one_page_is_all_nothing_else_is_passed_on() {
    let host = Host::saying("a task");
    let login = Auth::ChatGpt { access_token: "the-token".into(), account_id: "the-account".into() };
    let endpoint = Endpoint::of(upstream(&host, &login).only("wham/tasks/t".into()));
    for line in [
        "POST /v1/responses",
        "GET /v1/models",
        "POST /v1/wham/tasks/t",
        "GET /v1/wham/tasks/t/other",
        "GET /v1/wham/tasks/t/../u",
        "GET /v1/wham/tasks",
    ] {
        let answer = endpoint.ask(&format!("{line} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
        assert!(answer.starts_with("HTTP/1.1 404 "), "{line}: {answer}");
    }
    assert_eq!(host.heads(), Vec::<String>::new());
    let head =
        "Host: h\r\nConnection: close\r\nAuthorization: Bearer stand-in\r\nChatGPT-Account-ID: stand-in\r\n";
    let answer = endpoint.ask(&format!("GET /v1/wham/tasks/t HTTP/1.1\r\n{head}\r\n"));
    assert!(answer.ends_with("a task") && !answer.contains("the-token"), "{answer}");
    let head = host.heads().remove(0).to_lowercase();
    assert!(
        head.starts_with("get /base/v1/wham/tasks/t http/1.1\r\n") && !head.contains("stand-in"),
        "{head}"
    );
    assert!(head.contains("bearer the-token\r\n") && head.contains("account-id: the-account\r\n"), "{head}");
}

#[test]
fn the_models_server_does_nothing_else_for_a_step() {
    let host = model();
    let endpoint = Endpoint::of(upstream(&host, &Auth::Bearer("the-key".into())));
    let asks = |rest: &str| format!("{{\"store\":false,\"stream\":true,{rest}}}");
    for (body, status, why) in [
        (asks(r#""tools":[{"type":"mcp","server_url":"https://example.org"}]"#), 403, "`mcp`"),
        (asks(r#""tools":[{"type":"web_search"}]"#), 403, "`web_search`"),
        (asks(r#""input":[{"type":"item_reference","id":"msg_1"}]"#), 403, "`item_reference`"),
        (
            asks(r#""input":[{"type":"message","content":[{"type":"input_image","file_id":"f"}]}]"#),
            403,
            "`input[0].content[0].file_id`: it names what is stored at the account: send the content itself",
        ),
        (
            asks(
                r#""input":[{"type":"message","content":[{"type":"input_image","image_url":"https://x"}]}]"#,
            ),
            403,
            "address",
        ),
        (asks(r#""background":true"#), 403, "`background`"),
        (r#"{"store":true}"#.to_owned(), 403, "`false`"),
        ("anything".to_owned(), 400, "no JSON"),
    ] {
        let answer = endpoint.post("", &body);
        // A message of JSON, as a model's server would give it.
        let text = answer.split_once("\r\n\r\n").map(|(_, body)| body).unwrap();
        let said: serde_json::Value = serde_json::from_str(text).unwrap();
        let said = said["error"]["message"].as_str().unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")) && said.contains(why), "{answer}");
    }
    let head = "POST /v1/responses HTTP/1.1\r\nHost: h\r\nConnection: close\r\n";
    let answer = endpoint.ask(&format!("{head}Content-Length: {}\r\n\r\n", 33 << 20));
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert_eq!(host.heads(), Vec::<String>::new());
    let headers = "OpenAI-Organization: org\r\nOpenAI-Project: proj\r\nX-Own: own\r\n\
                   Content-Type: text/plain\r\nContent-Encoding: own\r\nX-Codex-Window-Id: kept\r\n";
    assert!(endpoint.post(headers, ASK).starts_with("HTTP/1.1 200"));
    assert!(
        endpoint
            .ask("GET /v1/models?beta=true HTTP/1.1\r\nHost: h\r\nConnection: close\r\nX-Own: own\r\n\r\n")
            .contains("200")
    );
    let heads = host.heads().join("").to_lowercase();
    assert!(
        heads.contains("x-codex-window-id: kept") && heads.contains("content-type: application/json"),
        "{heads}"
    );
    assert!(!heads.contains("?beta"), "no query that no agent asks: {heads}");
    for dropped in ["org\r", "proj\r", "own\r", "text/plain"] {
        assert!(!heads.contains(dropped), "{heads}");
    }
    assert_eq!(endpoint.end().model.requests, 1);
}

#[test]
fn over_the_token_limit_the_next_request_is_refused() {
    let host = model();
    let endpoint = Endpoint::of(upstream(&host, &Auth::None).limit(Some(200)));
    assert!(endpoint.post("", ASK).starts_with("HTTP/1.1 200"));
    assert!(endpoint.post("", ASK).starts_with("HTTP/1.1 200"));
    let answer = endpoint.post("", ASK);
    assert!(
        answer.starts_with("HTTP/1.1 403") && answer.contains("the token limit of 200 is reached"),
        "{answer}"
    );
    assert_eq!(host.heads().len(), 2);
    let usage = endpoint.end().model;
    assert_eq!((usage.requests, usage.refused, usage.tokens()), (2, 1, 240));
}

/// An answer that is said to have cost this.
fn costing(usage: &str) -> Host {
    let event =
        format!("{{\"type\":\"response.completed\",\"response\":{{\"id\":\"r\",\"usage\":{usage}}}}}");
    Host::saying(&format!("data: {event}\n\n"))
}

#[test]
fn the_limit_itself_is_reached_and_not_passed() {
    // Each answer costs 120.
    for (limit, passed) in [(0, 0), (1, 1), (119, 1), (120, 1), (121, 2), (239, 2), (240, 2), (241, 3)] {
        let host = model();
        let endpoint = Endpoint::of(upstream(&host, &Auth::None).limit(Some(limit)));
        let answers = (0..4).map(|_| endpoint.post("", ASK));
        let good = answers.filter(|answer| answer.starts_with("HTTP/1.1 200")).count();
        assert_eq!((good, host.heads().len()), (passed, passed), "{limit}");
        let usage = endpoint.end().model;
        let expected = (passed as u64, 4 - passed as u64, 120 * passed as u64);
        assert_eq!((usage.requests, usage.refused, usage.tokens()), expected, "{limit}");
    }
}

#[test]
fn what_is_under_way_reaches_the_limit_too() {
    // A request of 4,000 bytes is taken for 1,000 tokens. Its server takes no second one.
    for (limit, status) in [(1000, "429"), (1001, "502")] {
        let (endpoint, client, _server) = asked(Some(limit));
        assert_eq!(endpoint.serving.usage().under_way, 1000);
        let answer = endpoint.post("", ASK);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{limit}: {answer}");
        drop(client);
    }
}

#[test]
fn counts_that_cannot_be_are_no_way_around_a_limit() {
    for usage in [
        r#"{"input_tokens":18446744073709551615,"output_tokens":18446744073709551615}"#,
        r#"{"input_tokens":18446744073709551516,"output_tokens":200}"#,
        r#"{"input_tokens":-1000,"output_tokens":0}"#,
        r#"{"input_tokens":0.5,"output_tokens":0}"#,
        r#"{"input_tokens":1e300,"output_tokens":0}"#,
        r#"{"input_tokens":null,"output_tokens":null}"#,
        r#"{"prompt_tokens":1,"completion_tokens":1}"#,
        "{}",
    ] {
        let host = costing(usage);
        let endpoint = Endpoint::of(upstream(&host, &Auth::None).limit(Some(1_000_000)).counted(true));
        assert!(endpoint.post("", ASK).starts_with("HTTP/1.1 200"), "{usage}");
        let answer = endpoint.post("", ASK);
        assert!(
            answer.starts_with("HTTP/1.1 403") && answer.contains("no token counts"),
            "{usage}: {answer}"
        );
        let used = endpoint.end().model;
        assert_eq!(
            (used.requests, used.uncounted, used.refused, host.heads().len()),
            (1, 1, 1, 1),
            "{usage}"
        );
        assert!(used.input >= 1, "estimated: {used:?}");
    }
    // The most that is believed, again and again: the sum stops at its end.
    let host = costing(r#"{"input_tokens":1099511627776,"output_tokens":1099511627776}"#);
    let endpoint = Endpoint::of(upstream(&host, &Auth::None).counted(true));
    for _ in 0..3 {
        assert!(endpoint.post("", ASK).starts_with("HTTP/1.1 200"));
    }
    assert_eq!(endpoint.end().model.tokens(), 6 << 40);
}

#[test]
fn where_a_request_is_cut_changes_nothing() {
    let host = model();
    let endpoint = Endpoint::of(upstream(&host, &Auth::None));
    let bad = r#"{"store":false,"stream":true,"input":[{"type":"message","content":[{"type":"input_image","file\u005fid":"f"}]}]}"#;
    let head =
        "POST /v1/responses HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
    for size in [1, 2, 3, 5, 7, 64] {
        for (body, status) in [(bad, "403"), (ASK, "200")] {
            let chunks = body
                .as_bytes()
                .chunks(size)
                .map(|part| format!("{:x}\r\n{}\r\n", part.len(), std::str::from_utf8(part).unwrap()));
            let answer = endpoint.ask(&format!("{head}{}0\r\n\r\n", chunks.collect::<String>()));
            assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{size}: {answer}");
        }
    }
    assert!(host.heads().iter().all(|head| head.ends_with(ASK)), "{:?}", host.heads());
    assert_eq!(endpoint.end().model.requests, 6);
}

#[test]
fn reasoning_is_named_only_where_the_server_gave_it_in_the_same_command() {
    let item = r#"{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":null}"#;
    let given = format!("data: {{\"type\":\"response.output_item.done\",\"item\":{item}}}\n\n{COMPLETED}");
    let host = Host::saying(&given);
    let endpoint = Endpoint::of(upstream(&host, &Auth::Bearer("the-key".into())));
    let again = format!("{{\"store\":false,\"stream\":true,\"input\":[{item}]}}");
    let answer = endpoint.post("", &again);
    assert!(answer.starts_with("HTTP/1.1 403") && answer.contains("encrypted_content"), "{answer}");
    assert!(endpoint.post("", ASK).starts_with("HTTP/1.1 200"));
    assert!(endpoint.post("", &again).starts_with("HTTP/1.1 200"), "the server itself gave it");
    assert!(endpoint.post("", &again.replace("rs_1", "rs_2")).starts_with("HTTP/1.1 403"));
}

/// A request of 4,000 bytes that has arrived at its server, and is not answered yet.
fn asked(limit: Option<u64>) -> (Endpoint, TcpStream, BufReader<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let endpoint = Endpoint::of(Upstream::new(&url, &Auth::None).unwrap().limit(limit));
    let mut client = TcpStream::connect(endpoint.place).unwrap();
    write!(client, "POST /v1/responses HTTP/1.1\r\nHost: h\r\nContent-Length: 4000\r\n\r\n{}", long())
        .unwrap();
    let (server, _) = listener.accept().unwrap();
    let mut server = BufReader::new(server);
    let mut line = String::new();
    while server.read_line(&mut line).unwrap() > 2 {}
    server.read_exact(&mut [0; 4000]).unwrap();
    (endpoint, client, server)
}

#[test]
fn a_request_that_is_under_way_counts_by_its_size_until_its_answer_tells() {
    let (endpoint, client, mut server) = asked(Some(500));
    let usage = endpoint.serving.usage();
    assert_eq!((usage.requests, usage.under_way, usage.input), (1, 1000, 0));
    assert!(endpoint.post("", ASK).starts_with("HTTP/1.1 429"), "no second one beside it");
    // The answer is complete, and its connection still open.
    write!(server.get_mut(), "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{COMPLETED}").unwrap();
    let mut client = BufReader::new(client);
    let mut seen = String::new();
    while !seen.contains("completed") {
        assert!(client.read_line(&mut seen).unwrap() > 0, "{seen}");
    }
    let usage = endpoint.serving.usage();
    assert_eq!((usage.under_way, usage.input, usage.output), (0, 100, 20), "before the step gets to know");
    drop(client);
    let usage = endpoint.end().model;
    assert_eq!((usage.tokens(), usage.estimated, usage.refused), (120, 0, 0));
}

/// The way to a server, where connections are counted as they begin.
#[derive(Debug, Default)]
struct Counting {
    begun: AtomicU64,
}

impl Outside for Counting {
    fn look_up(&self, name: &str) -> Answer<Vec<IpAddr>> {
        Internet.look_up(name)
    }

    fn connect(&self, address: SocketAddr) -> Answer<tokio::net::TcpStream> {
        self.begun.fetch_add(1, Ordering::Relaxed);
        Internet.connect(address)
    }
}

#[test]
fn of_a_burst_under_a_token_limit_two_requests_are_passed_on() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", silent.local_addr().unwrap());
    let way = Arc::new(Counting::default());
    let upstream = Upstream::new(&url, &Auth::None).unwrap().limit(Some(1000));
    let endpoint = Endpoint::through(upstream, Arc::clone(&way) as Arc<dyn Outside>);
    let (tell, told) = mpsc::channel();
    let head = format!("POST /v1/responses HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n", ASK.len());
    let request = head + ASK;
    let clients: Vec<TcpStream> = (0..20)
        .map(|_| {
            let mut client = TcpStream::connect(endpoint.place).unwrap();
            client.write_all(request.as_bytes()).unwrap();
            let (mut reader, tell) = (BufReader::new(client.try_clone().unwrap()), tell.clone());
            std::thread::spawn(move || {
                let mut line = String::new();
                drop(reader.read_line(&mut line).map(|_| tell.send(line)));
            });
            client
        })
        .collect();
    for _ in 0..18 {
        let line = told.recv_timeout(Duration::from_secs(60)).unwrap();
        assert!(line.starts_with("HTTP/1.1 429"), "{line}");
    }
    assert_eq!(way.begun.load(Ordering::Relaxed), 2, "no other one was even connected");
    drop(clients);
}

#[test]
fn an_answer_that_could_not_be_given_costs_nothing() {
    let failed = "data: {\"type\":\"response.failed\",\"response\":{\"id\":\"r\",\"error\":\
        {\"code\":\"rate_limit_exceeded\"},\"usage\":null}}\n\n";
    let host = Host::saying(failed);
    let endpoint = Endpoint::of(upstream(&host, &Auth::None).limit(Some(200)));
    for _ in 0..3 {
        assert!(endpoint.post("", &long()).starts_with("HTTP/1.1 200"));
    }
    let usage = endpoint.end().model;
    assert_eq!((usage.requests, usage.tokens(), usage.estimated), (3, 0, 0));
}

#[test]
fn an_answer_arrives_while_it_is_still_being_written_and_going_away_is_not_free() {
    let (endpoint, client, mut server) = asked(None);
    // The first event is read before the second one is written: nobody waits for the end.
    let chunk = |text: &str| format!("{:x}\r\n{text}\r\n", text.len());
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    let first = "data: {\"delta\":\"one!\"}\n\n";
    server.get_mut().write_all((head.to_owned() + &chunk(first)).as_bytes()).unwrap();
    let mut client = BufReader::new(client);
    let mut seen = String::new();
    while !seen.contains("one") {
        assert!(client.read_line(&mut seen).unwrap() > 0, "{seen}");
    }
    drop(client);
    // The server notices as well: nobody pays for an answer that nobody reads.
    let mut rest = Vec::new();
    server.read_to_end(&mut rest).unwrap();
    let usage = endpoint.end().model;
    assert_eq!((usage.requests, usage.estimated), (1, 1));
    assert!(usage.input >= 1000 && usage.output == 1, "the words alone: {usage:?}");
}

#[test]
fn going_away_before_the_answer_has_begun_is_not_free_either() {
    let (endpoint, client, mut server) = asked(None);
    drop(client);
    // The runner lets go of it at once.
    let mut rest = Vec::new();
    server.read_to_end(&mut rest).unwrap();
    let usage = endpoint.end().model;
    assert_eq!((usage.requests, usage.estimated), (1, 1));
    assert!(usage.input >= 1000 && usage.output == 0, "{usage:?}");
}

#[test]
fn a_model_that_cannot_be_reached_says_which() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let endpoint = Endpoint::of(Upstream::new(&format!("http://{closed}/v1"), &Auth::None).unwrap());
    let answer = endpoint.post("", ASK);
    assert!(answer.starts_with("HTTP/1.1 502") && answer.contains(&closed.to_string()), "{answer}");
    let traffic = endpoint.end();
    assert!(matches!(traffic.decisions[0].verdict, Verdict::Failed { .. }));
    assert_eq!((traffic.model.requests, traffic.model.estimated), (0, 0), "nothing was sent");
}
