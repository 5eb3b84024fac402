//! The model endpoint: the key goes out and never in, and nothing but the model is reached.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;

use autopilot::network::{Auth, Dialect, Gate, Internet, Outside, Serving, Traffic, Upstream, Verdict};

use super::host::Host;

/// The last event of an answer that cost 100 and 20 tokens.
pub(super) const COMPLETED: &str = "data: {\"type\":\"response.completed\",\"response\":{\"id\":\"r1\",\"usage\":\
    {\"input_tokens\":100,\"input_tokens_details\":{\"cached_tokens\":64},\"output_tokens\":20}}}\n\n";

/// A small request, as far as it has to be one.
pub(super) const ASK: &str = "{\"store\":false,\"stream\":true}";

/// An endpoint on a listener of the test's own, where a step's would be in its namespace.
pub(super) struct Endpoint {
    pub(super) place: SocketAddr,
    pub(super) serving: Serving,
}

impl Endpoint {
    pub(super) fn of(upstream: Upstream) -> Self {
        Self::through(upstream, Arc::new(Internet))
    }

    /// The same, with another way to the model's server.
    pub(super) fn through(upstream: Upstream, outside: Arc<dyn Outside>) -> Self {
        let gate = Gate::closed().model(upstream).through(outside);
        assert_eq!(gate.env(&[]), [], "a step that reaches the model alone has no proxy");
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let place = listener.local_addr().unwrap();
        Self { place, serving: gate.serve(vec![listener]).unwrap() }
    }

    pub(super) fn ask(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.place).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    pub(super) fn post(&self, headers: &str, body: &str) -> String {
        self.post_to("/v1/responses", headers, body)
    }

    pub(super) fn post_to(&self, path: &str, headers: &str, body: &str) -> String {
        let length = body.len();
        self.ask(&format!(
            "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
        ))
    }

    pub(super) fn end(self) -> Traffic {
        self.serving.end()
    }
}

pub(super) fn model() -> Host {
    Host::saying(COMPLETED)
}

pub(super) fn upstream(host: &Host, auth: &Auth) -> Upstream {
    Upstream::new(Dialect::Responses, &format!("http://{}/base/v1/", host.address), auth).unwrap()
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

#[test]
fn a_model_that_cannot_be_reached_says_which() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let endpoint =
        Endpoint::of(Upstream::new(Dialect::Responses, &format!("http://{closed}/v1"), &Auth::None).unwrap());
    let answer = endpoint.post("", ASK);
    assert!(answer.starts_with("HTTP/1.1 502") && answer.contains(&closed.to_string()), "{answer}");
    let traffic = endpoint.end();
    assert!(matches!(traffic.decisions[0].verdict, Verdict::Failed { .. }));
    assert_eq!((traffic.model.requests, traffic.model.estimated), (0, 0), "nothing was sent");
}
