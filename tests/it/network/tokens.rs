//! What requests to a model cost, and that no more is passed on than the token limit allows.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use autopilot::network::{Answer, Auth, Dialect, Internet, Outside, Upstream};

use super::endpoint::{ASK, COMPLETED, Endpoint, model, upstream};
use super::host::Host;

/// A request of 4,000 bytes.
fn long() -> String {
    format!("{{\"store\":false,\"stream\":true,\"input\":\"{}\"}}", "x".repeat(3960))
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

/// A request of 4,000 bytes that has arrived at its server, and is not answered yet.
fn asked(limit: Option<u64>) -> (Endpoint, TcpStream, BufReader<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let endpoint = Endpoint::of(Upstream::new(Dialect::Responses, &url, &Auth::None).unwrap().limit(limit));
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
    let upstream = Upstream::new(Dialect::Responses, &url, &Auth::None).unwrap().limit(Some(1000));
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
