//! Says of a run that revises a pull request what was asked of that, and what became of the file that each is about.

use std::fmt::Write as _;

use super::extent::lines;
use super::markdown::{clip, fitted, inline};
use crate::evidence::RunState;
use crate::evidence::event::{AskedFor, AskedKind, Revises};

/// Bytes that the list may take, and characters of a name.
const LISTED: usize = 12_000;
const WIDTH: usize = 120;

/// Composes it; nothing of a run that revises none.
pub(super) fn section(state: &RunState) -> String {
    let Some(revises) = &state.start.revises else { return String::new() };
    let mut text = format!(
        "\n**Revises:** {} of run {}, on top of {}{}\n\n",
        link(&format!("pull request #{}", revises.number), revises.url.as_str()),
        inline(revises.run.as_str()),
        inline(revises.tip.abbreviated()),
        others(revises)
    );
    let all: Vec<String> =
        (1..).zip(&revises.asked).map(|(number, asked)| item(state, number, asked)).collect();
    let _ = writeln!(text, "{}", fitted(&all, "\n", LISTED));
    text
}

fn others(revises: &Revises) -> String {
    if !revises.has_others() {
        return String::new();
    }
    let pushed = inline(revises.pushed.abbreviated());
    format!("; **commits of others** are there since {pushed}: no step got a secret, or anything of a cache")
}

fn item(state: &RunState, number: usize, asked: &AskedFor) -> String {
    let number =
        asked.url.as_ref().map_or_else(|| number.to_string(), |url| link(&number.to_string(), url.as_str()));
    let by = asked.by.as_ref().map(|by| inline(&clip(by.as_str(), WIDTH)));
    let by = |before: &str| by.as_ref().map(|by| format!("{before}{by}")).unwrap_or_default();
    let what = match asked.kind {
        AskedKind::Thread => format!("{}thread{}", place(asked), by(" of ")),
        AskedKind::Review => format!("review{}", by(" of ")),
        AskedKind::Check => format!("failed check{}", by(" ")),
        AskedKind::Conflict => format!("conflict with{}", by(" ")),
    };
    format!("- {number}: {what}{}", became(state, asked))
}

fn place(asked: &AskedFor) -> String {
    let Some(path) = &asked.path else { return String::new() };
    let line = asked.line.map(|line| format!(":{line}")).unwrap_or_default();
    format!("{}, ", inline(&clip(&format!("{path}{line}"), WIDTH)))
}

/// Says what the run did to the file that is meant: what its agent made of that, it says itself.
fn became(state: &RunState, asked: &AskedFor) -> String {
    let Some(path) = &asked.path else { return String::new() };
    if !state.is_done() {
        return String::new();
    }
    let changed = state.changes().into_iter().find(|change| change.path == *path);
    match changed {
        Some(change) => format!(": {}", lines(change.added.unwrap_or(0), change.removed.unwrap_or(0))),
        None => ": the file is as it was".to_owned(),
    }
}

/// Writes a link, where the address is one that a link can hold.
fn link(text: &str, url: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._/#?=&:-".contains(&byte);
    if url.starts_with("https://") && url.bytes().all(is_plain) {
        format!("[{text}]({url})")
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_addresses_are_links() {
        assert_eq!(
            link("1", "https://github.com/o/r/pull/9#discussion_r1"),
            "[1](https://github.com/o/r/pull/9#discussion_r1)"
        );
        for hostile in
            ["javascript:x", "https://x)[y](z", "https://x y", "http://x", "https://x\"", "https://x<b>"]
        {
            assert_eq!(link("1", hostile), "1");
        }
    }
}
