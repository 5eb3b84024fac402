//! A stub model: serves the Responses and the Messages API on loopback, answers what it was told to in the form that it
//! was asked in, and keeps what it was asked.

use std::io::{BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::messages;
use super::request::Request;

/// What the model answers to one request.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// These items, and that it used so many tokens (read, written), if it counts.
    Items(Vec<Value>, Option<(u64, u64)>),
    /// A failure inside the stream: code and message.
    Fails(&'static str, &'static str),
    /// Another status than 200.
    Status(u16, Value),
    /// The same, with a header.
    Head(u16, &'static str, Value),
    /// Nothing, and the connection stays.
    Silence,
    /// The first event of an answer, and then nothing.
    Begins,
}

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) line: String,
    pub(crate) headers: String,
    pub(crate) body: Value,
}

/// A model that serves until the test ends.
#[derive(Debug)]
pub(crate) struct Model {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
}

/// Asks for a shell command to be run.
pub(crate) fn shell(command: &str) -> Value {
    let arguments = json!({ "cmd": command }).to_string();
    json!({"type": "function_call", "call_id": "c1", "name": "exec_command", "arguments": arguments})
}

/// Asks for a file to be read, by the agent's own tool if it has one.
pub(crate) fn read(path: &str) -> Value {
    let mut item = shell(&format!("cat {path}"));
    item["reads"] = path.into();
    item
}

/// Asks for a file to be added by `apply_patch`.
pub(crate) fn add_file(path: &str, line: &str) -> Value {
    let input = format!("*** Begin Patch\n*** Add File: {path}\n+{line}\n*** End Patch\n");
    json!({"type": "custom_tool_call", "call_id": "c2", "name": "apply_patch", "input": input})
}

/// Says something, which ends the turn.
pub(crate) fn say(text: &str) -> Value {
    let content = json!([{ "type": "output_text", "text": text }]);
    json!({"type": "message", "role": "assistant", "content": content})
}

/// Asks for a tool of an MCP server to be used.
pub(crate) fn call(server: &str, tool: &str) -> Value {
    json!({"type": "function_call", "call_id": "c3", "name": tool, "namespace": server, "arguments": "{}"})
}

/// Does one thing, and counts its tokens.
pub(crate) fn does(item: Value) -> Reply {
    Reply::Items(vec![item], Some((100, 10)))
}

impl Model {
    /// Serves these replies, one a request; the last one again and again.
    pub(crate) fn serve(replies: Vec<Reply>) -> Self {
        Self::serve_at("127.0.0.1:0", replies)
    }

    /// The same at an address of one's choice.
    pub(crate) fn serve_at(address: &str, replies: Vec<Reply>) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&asked);
        std::thread::spawn(move || {
            let mut silent = Vec::new();
            let mut replies = replies.into_iter().peekable();
            for stream in listener.incoming() {
                let Some(asked) = take(stream.as_ref().unwrap()) else { continue };
                let is_turn = asked.line.starts_with("POST");
                let answer = if asked.line.contains("/v1/messages") { messages::answer } else { answer };
                kept.lock().unwrap().push(asked);
                if !is_turn {
                    respond(stream.unwrap(), 200, "application/json", &cloud_task().to_string());
                    continue;
                }
                let reply = replies.next().unwrap();
                if replies.peek().is_none() {
                    replies = vec![reply.clone()].into_iter().peekable();
                }
                match reply {
                    Reply::Silence => silent.push(stream),
                    Reply::Begins => {
                        begin(stream.as_ref().unwrap());
                        silent.push(stream);
                    }
                    reply => answer(stream.unwrap(), &reply),
                }
            }
        });
        Self { address, asked }
    }

    pub(crate) fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// The same for an agent that writes the version into the path itself.
    pub(crate) fn address(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Everything it was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// The turns it was asked for: the text of each request.
    pub(crate) fn turns(&self) -> Vec<String> {
        let asked = self.asked().into_iter().filter(|asked| asked.line.starts_with("POST"));
        let said =
            |asked: Asked| [&asked.body["input"], &asked.body["messages"]].map(ToString::to_string).concat();
        asked.map(said).collect()
    }
}

/// What Codex's cloud answers when it is asked for a task.
fn cloud_task() -> Value {
    let diff = "diff --git a/from-cloud b/from-cloud\nnew file mode 100644\n--- /dev/null\n+++ b/from-cloud\n\
                @@ -0,0 +1 @@\n+made in the cloud\n";
    let output = json!([{"type": "pr", "output_diff": {"diff": diff}}]);
    json!({"current_diff_task_turn": {"output_items": output}})
}

fn take(stream: &TcpStream) -> Option<Asked> {
    let Request { method, path, headers, body } = Request::read(&mut BufReader::new(stream))?;
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    Some(Asked { line: format!("{method} {path}"), headers, body })
}

fn answer(stream: TcpStream, reply: &Reply) {
    let events = match reply {
        Reply::Silence | Reply::Begins => return,
        Reply::Status(status, body) => {
            return respond(stream, *status, "application/json", &body.to_string());
        }
        Reply::Head(status, header, body) => {
            return respond_with(stream, *status, "application/json", header, &body.to_string());
        }
        Reply::Fails(code, message) => {
            let error = json!({"code": code, "message": message});
            vec![
                json!({"type": "response.failed", "response": {"id": "r", "status": "failed", "error": error}}),
            ]
        }
        Reply::Items(items, tokens) => {
            let mut events: Vec<Value> =
                items.iter().map(|item| json!({"type": "response.output_item.done", "item": item})).collect();
            let mut response = json!({"id": "r"});
            if let Some((input, output)) = tokens {
                response["usage"] =
                    json!({"input_tokens": input, "output_tokens": output, "total_tokens": input + output});
            }
            events.push(json!({"type": "response.completed", "response": response}));
            events
        }
    };
    let text: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
    respond(stream, 200, "text/event-stream", &text);
}

/// Begins an answer in either form: what one does not know it passes over.
fn begin(mut stream: &TcpStream) {
    let events = [
        json!({"type": "response.created", "response": {"id": "r"}}),
        json!({"type": "message_start", "message": {"id": "m", "type": "message", "role": "assistant", "model": "m",
            "content": [], "stop_reason": null, "stop_sequence": null, "usage": {"input_tokens": 1, "output_tokens": 1}}}),
    ];
    let events: String = events
        .iter()
        .map(|event| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap()))
        .collect();
    let head = "HTTP/1.1 200 Stub\r\ncontent-type: text/event-stream\r\n\r\n";
    drop(stream.write_all(format!("{head}{events}").as_bytes()));
}

pub(super) fn respond(stream: TcpStream, status: u16, kind: &str, body: &str) {
    respond_with(stream, status, kind, "", body);
}

pub(super) fn respond_with(mut stream: TcpStream, status: u16, kind: &str, header: &str, body: &str) {
    let more = if header.is_empty() { String::new() } else { format!("{header}\r\n") };
    let head = format!(
        "HTTP/1.1 {status} Stub\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n{more}connection: close\r\n\r\n",
        body.len()
    );
    // Whoever asked may be gone: that is for the test to notice, not for the model.
    drop(stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes())));
}
