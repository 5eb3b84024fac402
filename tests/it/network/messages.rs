//! The model endpoint where Anthropic's Messages are spoken: what goes out, what does not, and what it cost.

use std::net::TcpListener;

use autopilot::network::{Auth, Dialect, Gate, Upstream};

use super::endpoint::{Endpoint, upstream};
use super::host::Host;

/// An answer that cost 150 tokens of input, 30 of them read from the cache and 20 written to it, and 10 of output.
const ANSWER: &str = "event: message_start\n\
data: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"usage\":{\"input_tokens\":100,\
\"cache_creation_input_tokens\":20,\"cache_read_input_tokens\":30,\"output_tokens\":1}}}\n\n\
event: ping\ndata: {\"type\":\"ping\"}\n\n\
event: content_block_delta\n\
data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"hello\"}}\n\n\
event: message_delta\n\
data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":10}}\n\n\
event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";

const PATH: &str = "/v1/messages?beta=true";

const ASK: &str = r#"{"model":"m","messages":[{"role":"user","content":"hi"}],"stream":true}"#;

fn speaking(host: &Host, auth: &Auth) -> Upstream {
    Upstream::new(Dialect::Messages, &format!("http://{}/base/", host.address), auth).unwrap()
}

#[test]
fn an_agents_address_has_a_version_where_its_makers_write_one() {
    let host = Host::saying("");
    let url = |upstream| Gate::closed().model(upstream).model_url().unwrap();
    assert_eq!(url(speaking(&host, &Auth::None)), "http://127.0.0.1:61079");
    assert_eq!(url(upstream(&host, &Auth::None)), "http://127.0.0.1:61079/v1");
}

#[test]
fn the_key_is_added_outside_and_only_what_the_agent_needs_goes_out() {
    let host = Host::saying(ANSWER);
    let endpoint = Endpoint::of(speaking(&host, &Auth::ApiKey("the-key".into())));
    let headers = "x-api-key: dummy\r\nAuthorization: Bearer dummy\r\nanthropic-version: 2023-06-01\r\n\
        anthropic-beta: claude-code-20250219,files-api-2025-04-14\r\nAnthropic-Beta: code-execution-2025-08-25\r\n\
        anthropic-workspace-id: other\r\nAccept-Encoding: gzip, deflate, br, zstd\r\nX-Stainless-OS: Linux\r\n\
        Content-Type: text/plain\r\nCookie: a=b\r\n";
    let answer = endpoint.post_to(PATH, headers, ASK);
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with(ANSWER), "{answer}");
    let [head] = &host.heads()[..] else { panic!("{:?}", host.heads()) };
    assert!(
        head.starts_with("POST /base/v1/messages?beta=true HTTP/1.1\r\n") && head.ends_with(ASK),
        "{head}"
    );
    let lower = head.to_lowercase();
    for sent in [
        "x-api-key: the-key\r\n",
        "anthropic-version: 2023-06-01\r\n",
        "anthropic-beta: claude-code-20250219\r\n",
        "x-stainless-os: linux\r\n",
        "accept-encoding: identity\r\n",
        "content-type: application/json\r\n",
    ] {
        assert!(lower.contains(sent), "{sent}: {head}");
    }
    for kept in ["dummy", "authorization", "files-api", "code-execution", "workspace", "gzip", "cookie"] {
        assert!(!lower.contains(kept), "{kept}: {head}");
    }
    let usage = endpoint.end().model;
    assert_eq!((usage.input, usage.cached, usage.written, usage.output), (150, 30, 20, 10));
    assert_eq!((usage.tokens(), usage.requests, usage.estimated), (160, 1, 0));
}

#[test]
fn a_login_is_sent_as_a_token() {
    let host = Host::saying(ANSWER);
    let endpoint = Endpoint::of(speaking(&host, &Auth::Bearer("the-token".into())));
    endpoint.post_to(PATH, "x-api-key: dummy\r\nanthropic-beta: oauth-2025-04-20\r\n", ASK);
    let head = host.heads().remove(0).to_lowercase();
    assert!(head.contains("authorization: bearer the-token\r\n") && !head.contains("dummy"), "{head}");
    assert!(head.contains("anthropic-beta: oauth-2025-04-20\r\n"), "{head}");
}

#[test]
fn nothing_but_the_model_is_passed_on() {
    let host = Host::saying(ANSWER);
    let endpoint = Endpoint::of(speaking(&host, &Auth::ApiKey("the-key".into())));
    for line in [
        "GET /v1/messages",
        "POST /v1/messages/batches",
        "POST /v1/messages/count_tokens",
        "POST /v1/messages/../files",
        "POST /v1/files",
        "POST /v1/responses",
        "POST /messages",
        "POST //v1/messages",
        "GET /v1/models",
        "GET /v1/organizations/me",
        "HEAD /api/hello",
        "POST http://127.0.0.1/v1/files",
    ] {
        let answer = endpoint.ask(&format!("{line} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
        assert!(answer.starts_with("HTTP/1.1 404"), "{line}: {answer}");
    }
    for (body, status, why) in [
        (
            r#"{"messages":[],"tools":[{"type":"web_search_20250305","name":"w"}]}"#,
            403,
            "`web_search_20250305`",
        ),
        (r#"{"messages":[],"mcp_servers":[]}"#, 403, "`mcp_servers`"),
        ("anything", 400, "no JSON"),
    ] {
        let answer = endpoint.post_to(PATH, "", body);
        let text = answer.split_once("\r\n\r\n").map(|(_, body)| body).unwrap();
        let said: serde_json::Value = serde_json::from_str(text).unwrap();
        // As a server that speaks this would say it.
        assert_eq!(said["type"], "error");
        let said = said["error"]["message"].as_str().unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")) && said.contains(why), "{answer}");
    }
    assert_eq!(host.heads(), Vec::<String>::new());
    assert!(endpoint.post_to("/v1/messages?beta=true&x=y", "", ASK).starts_with("HTTP/1.1 200"));
    assert!(host.heads()[0].starts_with("POST /base/v1/messages HTTP/1.1\r\n"), "{:?}", host.heads());
}

#[test]
fn an_answer_in_one_piece_is_counted_as_well() {
    let whole = r#"{"id":"m","type":"message","role":"assistant","content":[{"type":"text","text":"hi"}],
        "usage":{"input_tokens":7,"output_tokens":5}}"#;
    let host = Host::saying(&whole.replace('\n', ""));
    let endpoint = Endpoint::of(speaking(&host, &Auth::None).counted(true).limit(Some(12)));
    assert!(endpoint.post_to(PATH, "", &ASK.replace("true", "false")).ends_with("}}"));
    assert_eq!(endpoint.serving.usage().tokens(), 12);
    let answer = endpoint.post_to(PATH, "", ASK);
    assert!(answer.starts_with("HTTP/1.1 403") && answer.contains("token limit of 12"), "{answer}");
    let usage = endpoint.end().model;
    assert_eq!((usage.requests, usage.estimated, usage.refused), (1, 0, 1));
}

#[test]
fn an_answer_that_failed_costs_nothing_and_one_without_counts_is_estimated() {
    let start = ANSWER.split_once("event: ping").unwrap().0;
    let error =
        "data: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n";
    for (answer, estimated, uncounted, output) in [
        (format!("{start}{error}"), 0, 0, 0),
        (start.to_owned(), 1, 0, 0),
        (ANSWER.replace("\"usage\"", "\"other\""), 1, 1, 1),
    ] {
        let host = Host::saying(&answer);
        let endpoint = Endpoint::of(speaking(&host, &Auth::None));
        assert!(endpoint.post_to(PATH, "", ASK).ends_with(&answer));
        let usage = endpoint.end().model;
        assert_eq!(
            (usage.estimated, usage.uncounted, usage.output),
            (estimated, uncounted, output),
            "{answer}"
        );
    }
}

#[test]
fn a_compressed_answer_is_none() {
    for dialect in [Dialect::Messages, Dialect::Responses] {
        let host = Host::answering(
            "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\nConnection: close\r\n\r\nab"
                .to_owned(),
        );
        let upstream = Upstream::new(dialect, &format!("http://{}", host.address), &Auth::None).unwrap();
        let endpoint = Endpoint::of(upstream);
        let answer = match dialect {
            Dialect::Messages => endpoint.post_to(PATH, "", ASK),
            Dialect::Responses => endpoint.post("", super::endpoint::ASK),
        };
        assert!(answer.starts_with("HTTP/1.1 502") && answer.contains("`gzip`"), "{answer}");
        assert!(endpoint.end().model.tokens() > 0, "the server has worked all the same");
    }
}

#[test]
fn a_model_that_cannot_be_reached_says_which() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let upstream = Upstream::new(Dialect::Messages, &format!("http://{closed}"), &Auth::None).unwrap();
    let answer = Endpoint::of(upstream).post_to(PATH, "", ASK);
    assert!(answer.starts_with("HTTP/1.1 502") && answer.contains(&closed.to_string()), "{answer}");
}
