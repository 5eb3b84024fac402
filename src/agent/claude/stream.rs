//! The `stream-json` output: one JSON object a line. Everything in it is a claim of something that runs confined.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::ending::failure;
use crate::agent::lines::Lines;
use crate::agent::{Act, Listen, Report, Turn};

/// So many calls of tools are under way at once; of more it is not told what came of them.
const MOST_CALLS: usize = 1000;

/// One line. Types that are not known are passed over: a newer version may have more.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Line {
    System(System),
    Assistant {
        message: Message,
    },
    User {
        message: Message,
    },
    Result(Ended),
    #[serde(other)]
    Other,
}

#[derive(Debug, Deserialize)]
struct System {
    subtype: String,
    #[serde(default)]
    error_status: Option<u64>,
    #[serde(default)]
    error: Value,
}

#[derive(Debug, Deserialize)]
struct Message {
    content: Content,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Content {
    Blocks(Vec<Block>),
    Other(serde::de::IgnoredAny),
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Block {
    Text {
        text: String,
    },
    ToolUse {
        id: String,
        name: String,
        #[serde(default)]
        input: Value,
    },
    ToolResult {
        tool_use_id: String,
        #[serde(default)]
        content: Value,
        #[serde(default)]
        is_error: bool,
    },
    #[serde(other)]
    Other,
}

/// The end of the turn. What it used is in it, too; the runner counts for itself.
#[derive(Debug, Deserialize)]
struct Ended {
    #[serde(default)]
    subtype: String,
    #[serde(default)]
    is_error: bool,
    #[serde(default)]
    result: Option<String>,
    #[serde(default)]
    api_error_status: Option<u64>,
    #[serde(default)]
    errors: Value,
}

/// Listens to one `claude -p --output-format stream-json`.
#[derive(Debug, Default)]
pub(super) struct Stream {
    lines: Lines,
    /// What it called, and with what, until the result is there.
    calls: BTreeMap<String, (String, Value)>,
    message: Option<String>,
    acts: u64,
    begun: bool,
    turn: Option<Turn>,
}

impl Listen for Stream {
    fn push(&mut self, bytes: &[u8]) -> Vec<Act> {
        let mut acts = Vec::new();
        for line in self.lines.push(bytes) {
            self.line(&line, &mut acts);
        }
        acts
    }

    fn finish(&mut self) -> (Vec<Act>, Report) {
        let mut acts = Vec::new();
        let line = self.lines.rest();
        self.line(&line, &mut acts);
        let turn = match self.turn.take() {
            Some(turn) => turn,
            None if self.begun => Turn::CutOff,
            None => Turn::NotBegun,
        };
        (acts, Report { message: self.message.take(), acts: self.acts, turn })
    }
}

impl Stream {
    fn line(&mut self, line: &[u8], acts: &mut Vec<Act>) {
        let text = line.trim_ascii();
        if text.is_empty() {
            return;
        }
        let noise = || Act::Noise(String::from_utf8_lossy(text).into_owned());
        let Ok(line) = serde_json::from_slice::<Line>(text) else { return acts.push(noise()) };
        match line {
            Line::System(system) => self.system(&system, acts),
            Line::Assistant { message } | Line::User { message } => {
                if let Content::Blocks(blocks) = message.content {
                    for block in blocks {
                        self.block(block, acts);
                    }
                }
            }
            Line::Result(ended) => self.turn = Some(self.ended(ended)),
            Line::Other => {}
        }
    }

    fn system(&mut self, system: &System, acts: &mut Vec<Act>) {
        match system.subtype.as_str() {
            "init" => self.begun = true,
            "api_retry" => {
                let status = system.error_status.map(|status| format!("{status} ")).unwrap_or_default();
                acts.push(Act::Warning(format!("asks again: {status}{}", shown(&system.error))));
            }
            _ => {}
        }
    }

    fn block(&mut self, block: Block, acts: &mut Vec<Act>) {
        match block {
            Block::Text { text } => {
                self.message = Some(text.clone());
                acts.push(Act::Message(text));
            }
            Block::ToolUse { id, name, input } if self.calls.len() < MOST_CALLS => {
                self.calls.insert(id, (name, input));
            }
            Block::ToolResult { tool_use_id, content, is_error } => {
                if let Some((name, input)) = self.calls.remove(&tool_use_id) {
                    self.acts += 1;
                    acts.push(act(&name, &input, shown(&content), is_error));
                }
            }
            Block::ToolUse { .. } | Block::Other => {}
        }
    }

    /// Judges the end that it tells: `subtype` says `success` of failures of the server, too.
    fn ended(&mut self, ended: Ended) -> Turn {
        let said = ended.result.filter(|text| !text.is_empty());
        if !ended.is_error && ended.subtype == "success" {
            self.message = said;
            return Turn::Completed;
        }
        let errors = ended.errors.as_array().into_iter().flatten().map(shown).collect::<Vec<_>>().join("; ");
        let text = said.unwrap_or_else(|| format!("{} {errors}", ended.subtype).trim().to_owned());
        Turn::Failed(failure(ended.api_error_status, &text))
    }
}

/// Says what a call did.
fn act(name: &str, input: &Value, output: String, is_error: bool) -> Act {
    let text = |key: &str| input[key].as_str().unwrap_or_default().to_owned();
    match name {
        "Bash" => {
            let (exit_code, output) = exit_code(output, is_error);
            Act::Command { command: text("command"), output, exit_code }
        }
        "Write" => Act::Files { paths: vec![("write".to_owned(), text("file_path"))], done: !is_error },
        "Edit" => Act::Files { paths: vec![("edit".to_owned(), text("file_path"))], done: !is_error },
        "Read" => Act::Tool { name: format!("Read {}", text("file_path")), done: !is_error },
        // `mcp__SERVER__TOOL`.
        other => {
            Act::Tool { name: other.trim_start_matches("mcp__").replacen("__", " ", 1), done: !is_error }
        }
    }
}

/// Splits what a failed command gives into `Exit code 3` and what it printed.
fn exit_code(output: String, is_error: bool) -> (Option<i32>, String) {
    if !is_error {
        return (Some(0), output);
    }
    let told = output.strip_prefix("Exit code ").map(|rest| rest.split_once('\n').unwrap_or((rest, "")));
    match told.and_then(|(code, rest)| Some((code.trim().parse().ok()?, rest.to_owned()))) {
        Some((code, rest)) => (Some(code), rest),
        None => (None, output),
    }
}

/// Shows a text, or the texts of a list of blocks.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let texts = items.iter().filter_map(|item| item["text"].as_str().or_else(|| item.as_str()));
            texts.collect::<Vec<_>>().join("\n")
        }
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::FailureKind;

    const TURN: &str = r#"{"type":"system","subtype":"init","tools":["Bash"]}
{"type":"assistant","message":{"id":"m1","content":[{"type":"thinking","thinking":"hm"}]}}
{"type":"assistant","message":{"id":"m1","content":[{"type":"tool_use","id":"t1","name":"Bash","input":{"command":"ls; exit 3"}}]}}
{"type":"assistant","message":{"id":"m1","content":[{"type":"tool_use","id":"t2","name":"Write","input":{"file_path":"/w/x","content":"x"}}]}}
{"type":"user","message":{"content":[{"type":"tool_result","tool_use_id":"t1","content":"Exit code 3\na\nb","is_error":true}]}}
{"type":"user","message":{"content":[{"type":"tool_result","tool_use_id":"t2","content":"File created"}]}}
{"type":"system","subtype":"api_retry","attempt":1,"error_status":529,"error":"overloaded"}
{"type":"assistant","message":{"content":[{"type":"tool_use","id":"t3","name":"mcp__docs__look","input":{}}]}}
{"type":"user","message":{"content":[{"type":"tool_result","tool_use_id":"t3","content":[{"type":"text","text":"seen"}]}]}}
{"type":"of_tomorrow","x":1}
{"type":"assistant","message":{"content":[{"type":"text","text":"All done."}]}}
{"duration_ms":5,"type":"result","subtype":"success","is_error":false,"result":"All done.","usage":{"input_tokens":200}}
"#;

    fn listen(text: &str, piece: usize) -> (String, Report) {
        let mut stream = Stream::default();
        let mut log = String::new();
        let mut say = |acts: Vec<Act>| acts.iter().for_each(|act| log.push_str(&act.to_string()));
        text.as_bytes().chunks(piece).for_each(|bytes| say(stream.push(bytes)));
        let (acts, report) = stream.finish();
        say(acts);
        (log, report)
    }

    #[test]
    fn a_turn_is_told_the_same_however_it_is_cut() {
        for piece in [1, 7, 4096] {
            let (log, report) = listen(TURN, piece);
            assert_eq!(
                log,
                "$ ls; exit 3\na\nb\n(exit 3)\n(write /w/x)\n(warning: asks again: 529 overloaded)\n(docs look)\nAll done.\n",
                "pieces of {piece}"
            );
            assert_eq!(report.turn, Turn::Completed);
            assert_eq!(report.message.as_deref(), Some("All done."));
            assert_eq!(report.acts, 3);
        }
    }

    #[test]
    fn how_a_turn_ended_is_told_apart() {
        let ended = |text: &str| listen(text, 4096).1;
        assert_eq!(ended("").turn, Turn::NotBegun);
        assert_eq!(ended("Segmentation fault\n").turn, Turn::NotBegun);
        let begun = "{\"type\":\"system\",\"subtype\":\"init\"}\n";
        assert_eq!(ended(&format!("{begun}{{\"type\":\"res")).turn, Turn::CutOff);
        let end = |rest: &str| ended(&format!("{begun}{{\"type\":\"result\",{rest}}}\n"));
        let empty = end("\"subtype\":\"success\",\"is_error\":false,\"result\":\"\"");
        assert_eq!((empty.turn, empty.message), (Turn::Completed, None));
        let rate = end(
            "\"subtype\":\"success\",\"is_error\":true,\"api_error_status\":429,\"result\":\"API Error\"",
        );
        let Turn::Failed(why) = rate.turn else { panic!("not failed") };
        assert_eq!(why.kind, FailureKind::RateLimit);
        let over = end(
            "\"subtype\":\"error_max_turns\",\"is_error\":true,\"result\":null,\"errors\":[\"too many\"]",
        );
        let Turn::Failed(why) = over.turn else { panic!("not failed") };
        assert_eq!(why.text, "error_max_turns too many");
    }
}
