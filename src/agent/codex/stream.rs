//! The `--json` stream: one JSON object a line. Everything in it is a claim of something that runs confined.

use serde::Deserialize;
use serde_json::Value;

use super::ending::failure;
use crate::agent::lines::Lines;
use crate::agent::{Act, Listen, Report, Turn};

/// One line. Types that are not known are passed over: a newer version may have more.
#[derive(Debug, Deserialize)]
#[serde(tag = "type")]
enum Line {
    #[serde(rename = "turn.started")]
    TurnStarted,
    #[serde(rename = "item.completed")]
    ItemCompleted { item: Value },
    /// It counts tokens, too; the runner counts for itself.
    #[serde(rename = "turn.completed")]
    TurnCompleted,
    #[serde(rename = "turn.failed")]
    TurnFailed { error: Message },
    #[serde(rename = "error")]
    Error(Message),
    #[serde(other)]
    Other,
}

#[derive(Debug, Deserialize)]
struct Message {
    message: String,
}

/// Listens to one `codex exec --json`.
#[derive(Debug, Default)]
pub(super) struct Stream {
    lines: Lines,
    message: Option<String>,
    acts: u64,
    begun: bool,
    turn: Option<Turn>,
    /// The last error, which is the reason if nothing else comes.
    error: Option<String>,
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
        let turn = match (self.turn.take(), self.error.take()) {
            (Some(turn), _) => turn,
            (None, Some(error)) => Turn::Failed(failure(&error)),
            (None, None) if self.begun => Turn::CutOff,
            (None, None) => Turn::NotBegun,
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
        let Ok(line) = serde_json::from_slice::<Line>(text) else { return acts.push(noise(text)) };
        match line {
            Line::TurnStarted => self.begun = true,
            Line::ItemCompleted { item } => {
                let Some(act) = act(&item) else { return };
                match &act {
                    Act::Message(text) => self.message = Some(text.clone()),
                    Act::Warning(_) | Act::Noise(_) => {}
                    Act::Command { .. } | Act::Files { .. } | Act::Tool { .. } => self.acts += 1,
                }
                acts.push(act);
            }
            Line::TurnCompleted => self.turn = Some(Turn::Completed),
            Line::TurnFailed { error } => self.turn = Some(Turn::Failed(failure(&error.message))),
            Line::Error(error) => {
                // What is being tried again is not final.
                if !error.message.starts_with("Reconnecting...") {
                    self.error = Some(error.message.clone());
                }
                acts.push(Act::Warning(error.message));
            }
            Line::Other => {}
        }
    }
}

fn act(item: &Value) -> Option<Act> {
    let text = |name: &str| item[name].as_str().unwrap_or_default().to_owned();
    let done = item["status"] == "completed";
    Some(match item["type"].as_str()? {
        "command_execution" => Act::Command {
            command: text("command"),
            output: text("aggregated_output"),
            exit_code: item["exit_code"].as_i64().and_then(|code| i32::try_from(code).ok()),
        },
        "file_change" => {
            let changes = item["changes"].as_array()?;
            let of = |change: &Value, name: &str| change[name].as_str().unwrap_or_default().to_owned();
            let paths = changes.iter().map(|change| (of(change, "kind"), of(change, "path"))).collect();
            Act::Files { paths, done }
        }
        "mcp_tool_call" => Act::Tool { name: format!("{} {}", text("server"), text("tool")), done },
        "agent_message" => Act::Message(text("text")),
        "error" => Act::Warning(text("message")),
        _ => return None,
    })
}

fn noise(line: &[u8]) -> Act {
    Act::Noise(String::from_utf8_lossy(line).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::FailureKind;

    const TURN: &str = r#"{"type":"thread.started","thread_id":"t"}
{"type":"turn.started"}
{"type":"item.started","item":{"id":"item_0","type":"command_execution","command":"ls","status":"in_progress"}}
{"type":"item.completed","item":{"id":"item_0","type":"command_execution","command":"ls","aggregated_output":"a\nb\n","exit_code":0,"status":"completed"}}
{"type":"item.completed","item":{"id":"item_1","type":"file_change","changes":[{"path":"/w/x","kind":"add"}],"status":"completed"}}
{"type":"error","message":"Reconnecting... 1/5 (boom)"}
{"type":"item.completed","item":{"id":"item_2","type":"agent_message","text":"All done."}}
{"type":"item.completed","item":{"id":"item_3","type":"of_tomorrow"}}
{"type":"turn.completed","usage":{"input_tokens":300,"cached_input_tokens":10,"output_tokens":50,"reasoning_output_tokens":5}}
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
                log, "$ ls\na\nb\n(add /w/x)\n(warning: Reconnecting... 1/5 (boom))\nAll done.\n",
                "pieces of {piece}"
            );
            assert_eq!(report.turn, Turn::Completed);
            assert_eq!(report.message.as_deref(), Some("All done."));
            assert_eq!(report.acts, 2);
        }
    }

    #[test]
    fn how_a_turn_ended_is_told_apart() {
        let ended = |text: &str| listen(text, 4096).1.turn;
        assert_eq!(ended(""), Turn::NotBegun);
        assert_eq!(ended("Segmentation fault\n"), Turn::NotBegun);
        assert_eq!(ended("{\"type\":\"turn.started\"}\n{\"type\":\"ite"), Turn::CutOff);
        let Turn::Failed(why) = ended(
            "{\"type\":\"turn.started\"}\n{\"type\":\"turn.failed\",\"error\":{\"message\":\"Quota exceeded.\"}}\n",
        ) else {
            panic!("not failed")
        };
        assert_eq!(why.kind, FailureKind::Quota);
    }
}
