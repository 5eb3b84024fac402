//! What an agent says while it works: into the log as text, into the journal as events.

use std::io;

use crate::agent::{self, Listen, Report};
use crate::evidence::event::{Act, Event};
use crate::evidence::{AttemptId, Recorder, Text};

/// Acts of one attempt that the journal holds; of more it holds the number.
const RECORDED: u64 = 500;
/// Characters of one text in the journal; the log has all of it.
const LONGEST: usize = 2000;

/// Listens to one agent.
#[derive(Debug)]
pub(super) struct Hearing {
    listen: Box<dyn Listen>,
    at: AttemptId,
    recorded: u64,
}

impl Hearing {
    /// Begins to listen to the agent of an attempt.
    pub(super) fn new(listen: Box<dyn Listen>, at: AttemptId) -> Self {
        Self { listen, at, recorded: 0 }
    }

    /// Takes what it printed; returns what goes into the log, not masked yet.
    pub(super) fn take(&mut self, bytes: &[u8], recorder: &mut Recorder) -> io::Result<String> {
        let acts = self.listen.push(bytes);
        self.record(&acts, recorder)
    }

    /// Takes the end.
    pub(super) fn finish(&mut self, recorder: &mut Recorder) -> io::Result<(String, Report)> {
        let (acts, report) = self.listen.finish();
        Ok((self.record(&acts, recorder)?, report))
    }

    fn record(&mut self, acts: &[agent::Act], recorder: &mut Recorder) -> io::Result<String> {
        let mut text = String::new();
        for act in acts {
            text.push_str(&act.to_string());
            let Some(act) = event(act, |text| recorder.said(cut(text))) else { continue };
            self.recorded += 1;
            if self.recorded <= RECORDED {
                recorder.record(Event::AgentActed { at: self.at.clone(), act })?;
            }
        }
        Ok(text)
    }
}

fn event(act: &agent::Act, text: impl Fn(&str) -> Text) -> Option<Act> {
    Some(match act {
        agent::Act::Command { command, exit_code, .. } => {
            Act::Command { command: text(command), exit_code: *exit_code }
        }
        agent::Act::Files { paths, done } => {
            let paths = paths.iter().take(100).map(|(kind, path)| text(&format!("{kind} {path}")));
            Act::Files { paths: paths.collect(), done: *done }
        }
        agent::Act::Tool { name, done } => Act::Tool { name: text(name), done: *done },
        agent::Act::Message(said) => Act::Message { text: text(said) },
        agent::Act::Warning(what) => Act::Warning { text: text(what) },
        agent::Act::Noise(_) => return None,
    })
}

/// Cuts a text to what an event holds.
pub(super) fn cut(text: &str) -> &str {
    text.char_indices().nth(LONGEST).map_or(text, |(at, _)| &text[..at])
}
