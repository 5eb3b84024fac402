//! Commands: how they are run, how they are shown, and whether they call an agent behind the runner's back.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::agents::{AgentId, CLOUD_AGENT};

/// A command, as written: with or without a shell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Invocation {
    /// Run as it is.
    Argv(Vec<String>),
    /// Run by a shell.
    Script {
        /// The text for `-c`.
        text: String,
        /// Which one.
        shell: Shell,
    },
}

/// The shell of a command that is a string.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Shell {
    /// `sh -ec`
    Sh,
    /// `bash -eo pipefail -c`
    Bash,
}

impl Invocation {
    /// Returns the words that are executed: the list itself, or the shell with the script.
    pub fn argv(&self) -> Vec<String> {
        match self {
            Self::Argv(words) => words.clone(),
            Self::Script { text, shell } => {
                shell.argv().iter().map(|word| (*word).to_owned()).chain([text.clone()]).collect()
            }
        }
    }

    /// Returns the command as its author thinks of it: without the shell around it, in one line.
    pub fn short(&self) -> String {
        match self {
            Self::Argv(words) => join(words),
            Self::Script { text, .. } => one_line(text),
        }
    }
}

impl Shell {
    /// Returns the words that come before the script.
    fn argv(self) -> &'static [&'static str] {
        match self {
            Self::Sh => &["sh", "-ec"],
            Self::Bash => &["bash", "-eo", "pipefail", "-c"],
        }
    }
}

/// The whole command, quoted for a shell, in one line.
impl fmt::Display for Invocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Argv(words) => f.write_str(&join(words)),
            Self::Script { text, shell } => {
                write!(f, "{} {}", shell.argv().join(" "), quote(&one_line(text)))
            }
        }
    }
}

fn join(words: &[String]) -> String {
    words.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ")
}

/// Quotes a word for a shell, if it needs that.
pub fn quote(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else if word.contains(char::is_control) {
        format!("$'{}'", word.escape_default())
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// Puts a script into one line: its first line, and a mark if there is more.
fn one_line(text: &str) -> String {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let first = lines.next().unwrap_or_default().trim();
    let first: String = first.chars().filter(|c| !c.is_control()).collect();
    if lines.next().is_some() { format!("{first} …") } else { first }
}

/// Returns the agent that a command calls, and the words that do. A plan that wants an agent has a key for it; this
/// catches the habit, not somebody who hides it.
pub(super) fn calls_agent(words: &[&str]) -> Option<(AgentId, String)> {
    // A list is one command, and any of its words may be a script (`sh -c …`).
    let flat: Vec<&str> = words.iter().flat_map(|word| split(word)).collect();
    if let Some(found) = flat.iter().find(|word| word.starts_with("--full-auto")) {
        return Some((CLOUD_AGENT, (*found).to_owned()));
    }
    let mut called = None;
    for word in flat {
        let of = |agent: &AgentId| word.rsplit('/').next() == Some(agent.key());
        match called {
            _ if word == END => called = None,
            Some(agent) if AgentId::by_hand(agent).contains(&word) => {
                return Some((agent, format!("{agent} {}", agent.by_hand()[0])));
            }
            _ => called = AgentId::ALL.into_iter().find(of).or(called),
        }
    }
    None
}

/// What stands for the end of a command in a split script.
const END: &str = ";";

/// Splits a script into words, roughly; what ends a command becomes [`END`].
fn split(script: &str) -> impl Iterator<Item = &str> {
    let is_break = |c: char| matches!(c, ';' | '&' | '|' | '\n' | '(' | ')');
    script
        .split_inclusive(is_break)
        .flat_map(move |piece| {
            let body = piece.trim_end_matches(is_break);
            // A line that ends in a backslash goes on in the next one.
            let continues = body.ends_with('\\') && piece.ends_with('\n');
            let end = if continues || body.len() == piece.len() { None } else { Some(END) };
            body.split(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '$' | '{' | '}'))
                .chain(end)
        })
        .filter(|word| !word.is_empty() && *word != "\\")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_calls_of_agents() {
        for script in [
            "codex exec 'do it'",
            "cd x && codex exec y",
            "codex --model m exec y",
            "/usr/bin/codex e y",
            "npx @openai/codex exec y",
            "x=$(codex exec y)",
            "codex \\\n  exec y",
            "codex --full-auto",
            "sh -c \"codex exec y\"",
        ] {
            assert!(calls_agent(&[script]).is_some(), "{script}");
        }
        assert!(calls_agent(&["codex", "exec", "x"]).is_some());
        assert!(calls_agent(&["sh", "-c", "codex exec x"]).is_some());
        for script in
            ["codex --version", "codex login; docker exec x", "cargo run --bin codex-exec", "echo exec codex"]
        {
            assert_eq!(calls_agent(&[script]), None, "{script}");
        }
    }

    #[test]
    fn shows_commands_in_one_line() {
        let script = |text: &str, shell| Invocation::Script { text: text.to_owned(), shell };
        assert_eq!(script("cargo fetch --locked", Shell::Sh).to_string(), "sh -ec 'cargo fetch --locked'");
        assert_eq!(script("a\nb\n", Shell::Bash).to_string(), "bash -eo pipefail -c 'a …'");
        assert_eq!(script("a\n", Shell::Sh).argv(), ["sh", "-ec", "a\n"]);
        let argv = Invocation::Argv(vec![
            "cargo".into(),
            "test".into(),
            "it's".into(),
            String::new(),
            "\u{1b}[1m".into(),
        ]);
        assert_eq!(argv.to_string(), r"cargo test 'it'\''s' '' $'\u{1b}[1m'");
    }
}
