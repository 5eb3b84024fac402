//! A server on the host's loopback: what a step may or may not reach.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A plain HTTP server that answers every request with the same body. Its thread ends with the test's process.
pub(super) struct Host {
    pub(super) address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Host {
    /// Starts one that answers 200 with this body.
    pub(super) fn saying(body: &str) -> Self {
        Self::answering(answer("200 OK", "", body))
    }

    /// Starts one that answers with these bytes.
    pub(super) fn answering(answer: String) -> Self {
        Self::answering_in_turn(vec![answer])
    }

    /// Starts one that answers the first request with the first of these, and so on; the last one again and again.
    pub(super) fn answering_in_turn(answers: Vec<String>) -> Self {
        Self::start(answers, false)
    }

    /// Starts one that begins to answer 200 with this body, and then says no more.
    pub(super) fn falling_silent(body: &str) -> Self {
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n";
        let begun = if body.is_empty() { String::new() } else { format!("{head}{body}") };
        Self::start(vec![begun], true)
    }

    fn start(answers: Vec<String>, stays: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&heads);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (answers, seen) = (answers.clone(), Arc::clone(&seen));
                std::thread::spawn(move || serve(stream.unwrap(), &answers, stays, &seen));
            }
        });
        Self { address, heads }
    }

    /// The heads of the requests that arrived, as they were sent.
    pub(super) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

/// Puts an answer together.
pub(super) fn answer(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n{body}")
}

fn serve(stream: TcpStream, answers: &[String], stays: bool, seen: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(stream);
    let mut head = Vec::new();
    while reader.read_until(b'\n', &mut head).is_ok_and(|read| read > 2) {}
    let head = String::from_utf8_lossy(&head).into_owned();
    if head.is_empty() {
        // It connected and went away: no request.
        return;
    }
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().unwrap())
    });
    let mut body = vec![0; length.unwrap_or(0)];
    // A client that goes away is its own affair.
    let _ = reader.read_exact(&mut body);
    let nth = {
        let mut seen = seen.lock().unwrap();
        seen.push(head + &String::from_utf8_lossy(&body));
        seen.len().min(answers.len()) - 1
    };
    let _ = reader.get_mut().write_all(answers[nth].as_bytes());
    if stays {
        let _ = reader.read_to_end(&mut body);
    }
}
