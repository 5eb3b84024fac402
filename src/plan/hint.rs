//! What to write instead: the keys other tools use, near misses, and what YAML's own complaints mean.

use serde_json::Value as Json;

use super::alias::{ALIASES, alike};
use super::odd;
use super::place::Place;

/// The smallest plan, for somebody who has none.
pub(super) const SMALLEST: &str =
    "the smallest plan: `{version: 1, issue: 653, title: Try it, steps: [{id: a, command: make}]}`";

/// Longer keys are not compared: nobody misspells a known key by so much.
const LONGEST: usize = 40;

/// What to write instead of a key.
#[derive(Debug, Default)]
pub(super) struct Advice {
    /// In words.
    pub(super) text: String,
    /// The key of the same map that was meant, if that is known.
    pub(super) means: Option<String>,
}

impl Advice {
    fn new(text: impl Into<String>, means: Option<&str>) -> Self {
        Self { text: text.into(), means: means.map(str::to_owned) }
    }
}

/// Says what to write instead of an unknown key.
pub(super) fn unknown_key(key: &str, place: Place<'_>, known: &[&str], schema: &Json) -> Advice {
    if let Some(odd) = odd::in_word(key) {
        return match nearest(&odd::respelled(key), known) {
            Some(near) => Advice::new(format!("{odd}: did you mean `{near}`?"), Some(near)),
            None => Advice::new(format!("{odd}: keys are written with plain letters"), None),
        };
    }
    let plain = normalise(key);
    let like = alike(place);
    let alias = ALIASES.iter().find(|(at, theirs, ..)| {
        at.is_none_or(|at| at == like) && theirs.iter().any(|alias| normalise(alias) == plain)
    });
    // `timeout_minutes` is no help where there is no `timeout`. A step is told of the plan's keys, too.
    let fits = |means: Option<&str>| means.is_none_or(|key| place == Place::Step || known.contains(&key));
    if let Some((_, _, means, text)) = alias.filter(|(_, _, means, _)| fits(*means)) {
        return Advice::new(*text, *means);
    }
    if let Some(near) = nearest(key, known) {
        return Advice::new(format!("did you mean `{near}`?"), Some(near));
    }
    let all = known.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ");
    Advice::new(
        match homes(key, schema) {
            homes if homes.is_empty() => format!("known here: {all}"),
            homes => format!("`{key}` is a key of {homes}; known here: {all}"),
        },
        None,
    )
}

/// Returns what was probably meant.
pub(super) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    if word.len() > LONGEST {
        return None;
    }
    let plain = normalise(word);
    let distance = |candidate: &str| {
        let other = normalise(candidate);
        let plural = other.trim_end_matches('s') == plain.trim_end_matches('s');
        if plural { 0 } else { strsim::osa_distance(&plain, &other) }
    };
    let allowed = match plain.chars().count() {
        0..=2 => 0,
        3..=5 => 1,
        6..=9 => 2,
        _ => 3,
    };
    let best = known.iter().map(|candidate| (distance(candidate), *candidate)).min_by_key(|(far, _)| *far);
    best.filter(|(far, _)| *far <= allowed).map(|(_, candidate)| candidate)
}

fn normalise(word: &str) -> String {
    word.trim()
        .chars()
        .map(|c| if matches!(c, '-' | ' ' | '.') { '_' } else { c.to_ascii_lowercase() })
        .collect()
}

/// Names the maps that do know a key.
fn homes(key: &str, schema: &Json) -> String {
    let names = [
        ("Step", "a step"),
        ("Defaults", "`defaults`"),
        ("Limits", "`limits`"),
        ("Expectation", "`expectation`"),
        ("Changes", "`expectation.changes`"),
        ("Proves", "`expectation.proves`"),
        ("Publish", "`publish`"),
        ("Resources", "`resources`"),
    ];
    let knows = |name: &str| schema.pointer(&format!("/definitions/{name}/properties/{key}")).is_some();
    let mut homes: Vec<&str> =
        names.iter().filter(|(name, _)| knows(name)).map(|(_, shown)| *shown).collect();
    if schema.pointer(&format!("/properties/{key}")).is_some() {
        homes.insert(0, "the plan itself");
    }
    homes.join(" and ")
}

/// Explains a complaint of the YAML scanner: what is wrong, in the plan author's words, and what helps.
pub(super) fn syntax(info: &str, line: &str, column: usize) -> (String, String) {
    let message = if info.contains("recursion") {
        "this is nested too deep".to_owned()
    } else {
        format!("this is not YAML: {info}")
    };
    let hint = match line.chars().nth(column) {
        _ if info.contains("recursion") => "no plan needs that",
        _ if odd::in_line(line).is_some() => {
            let odd = odd::in_line(line).unwrap_or_default();
            return (message, format!("{odd}: write a plain space, or take it out"));
        }
        _ if line.chars().take(column + 1).any(|c| c == '\t') => "write spaces: YAML takes no tabs there",
        Some('@' | '`' | '%') => "text that starts with `@`, `` ` `` or `%` needs quotes",
        Some('*') => "text that starts with `*` needs quotes: \"**/*.rs\"",
        _ if info.contains("anchor") => "text that starts with `*` or `&` needs quotes: \"*.rs\"",
        _ if info.contains("mapping values") || info.contains("simple key") => {
            "text that holds `: ` needs quotes, or `|` and lines of its own; else look at the indentation"
        }
        _ if info.contains("escape") => {
            "in double quotes `\\` starts an escape: write `\\\\`, or use single quotes"
        }
        _ if info.contains("quoted") || info.contains("scalar") => {
            "a quote that is opened must be closed, on lines that are indented"
        }
        _ if info.contains("flow") || info.contains("',' or") => {
            "a `[` or `{` that is opened must be closed; entries are separated by commas"
        }
        _ => "look at the indentation and at quotes in this line and the one before",
    };
    (message, hint.to_owned())
}
