//! What to write instead of a value of the wrong kind, or where a key is missing: always with the author's own words,
//! as far as there are any.

use serde_json::Value as Json;

use super::Destination;
use super::host::of_page;
use super::place::Place;
use super::quote::quote;
use super::text;
use super::tree::{Entry, Kind, Node, Value};
use super::way::{keys, type_of, words};

/// So many of somebody's entries are repeated; the rest is an ellipsis.
const REPEATED: usize = 3;

/// Longer values are not repeated.
const LONGEST: usize = 60;

/// What a key that must be there may look like.
const EXAMPLES: &[(&str, &str)] = &[
    ("version", "version: 1"),
    ("title", "title: What the plan does"),
    ("steps", "steps: [{id: build, command: make}]"),
    ("id", "id: build"),
    ("allow", "allow: [HOST]"),
    ("base_url", "base_url: http://127.0.0.1:8080/v1"),
    ("tests", "tests: [\"tests/**\"]"),
    ("command", "command: make test"),
    ("format", "format: junit"),
    ("path", "path: report.xml"),
    ("except", "except: [NAME]"),
    ("model", "model: NAME"),
    ("input", "input: 2 USD"),
    ("output", "output: 10 USD"),
];

/// Says what to add where a key is missing. `issue` is the number that the plan's folder has, if it has one.
pub(super) fn missing(key: &str, issue: Option<u64>) -> String {
    if key == "issue" {
        return match issue {
            Some(number) => format!("add `issue: {number}`"),
            None => "add `issue: 653`, with the number of the issue".to_owned(),
        };
    }
    match EXAMPLES.iter().find(|(name, _)| *name == key) {
        Some((_, example)) => format!("add `{example}`"),
        None => format!("add `{key}: …`"),
    }
}

/// Says what to write where a key has no value. `rest` is what stands behind the key in its line: what looks like a value
/// and is a comment is the usual cause.
pub(super) fn nothing(key: &str, rest: &str, wanted: &str) -> String {
    let rest = rest.trim_start_matches(':').trim();
    match rest.strip_prefix('#') {
        Some(comment) if !comment.trim().is_empty() && rest.len() <= LONGEST => format!(
            "what follows ` #` is a comment: write `{key}: \"{}\"` if it is meant, or take the key out",
            rest.replace('"', "\\\"")
        ),
        _ => format!("write {wanted}, or take the key out"),
    }
}

/// Says what to write instead of a key of another tool: `advice`, or with the value that stands there, if it can be the
/// value of `key` as it is.
pub(super) fn renamed(advice: &str, key: Option<&str>, entry: &Entry) -> String {
    let Some(key) = key.filter(|key| advice.starts_with(&format!("write `{key}:"))) else {
        return advice.to_owned();
    };
    let value = match &entry.node.value {
        Value::Scalar { text, kind } => match (key, kind) {
            ("needs", Kind::Text) => plain(text).map(|text| format!("[{text}]")),
            ("timeout", Kind::Integer) => minutes(&entry.key).map(|unit| format!("{text}{unit}")),
            ("retries", Kind::Integer) | ("id" | "command" | "title" | "dir", Kind::Text) => {
                plain(text).map(str::to_owned)
            }
            _ => None,
        },
        Value::List(items) if key == "needs" => listed(items).map(|all| format!("[{all}]")),
        _ => None,
    };
    // `id` has rules of its own, which the author's words may not fit.
    match value.filter(|value| key != "id" || text::is_id(value)) {
        Some(value) => format!("write `{key}: {value}`"),
        None => advice.to_owned(),
    }
}

fn minutes(key: &str) -> Option<&'static str> {
    let key = key.to_ascii_lowercase();
    [("min", "m"), ("sec", "s")].into_iter().find(|(word, _)| key.contains(word)).map(|(_, unit)| unit)
}

/// Returns a text that can be written as it is, without quotes, anywhere in a plan.
fn plain(text: &str) -> Option<&str> {
    let starts = |text: &str| text.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '.' | '/' | '_'));
    let is_plain = starts(text)
        && text.len() <= LONGEST
        && !text.contains(['\n', '"', '\'', '[', ']', '{', '}', ',', '#', '`'])
        && !text.contains(": ");
    is_plain.then_some(text)
}

/// Writes the first of some entries; nothing where there are none, or one cannot be written.
fn first<T>(entries: &[T], write: impl Fn(&T) -> Option<String>) -> Option<String> {
    let written: Option<Vec<String>> = entries.iter().take(REPEATED).map(write).collect();
    let mut written = written.filter(|written| !written.is_empty())?;
    if entries.len() > REPEATED {
        written.push("…".to_owned());
    }
    Some(written.join(", "))
}

/// Writes the texts of a list.
fn listed(items: &[Node]) -> Option<String> {
    first(items, |item| plain(item.text()?).map(str::to_owned))
}

/// Says what to write instead of a scalar of the wrong kind.
pub(super) fn of_scalar(ways: &[&Json], text: &str, kind: Kind, place: Place<'_>, wanted: &str) -> String {
    let takes = |name: &str| ways.iter().any(|way| type_of(way) == name);
    match text.to_ascii_lowercase().as_str() {
        "yes" | "on" | "y" | "true" if takes("boolean") => return "write `true`".to_owned(),
        "no" | "off" | "n" | "false" if takes("boolean") => return "write `false`".to_owned(),
        _ => {}
    }
    if place == Place::Key("network")
        && let Some(hint) = of_network_word(text)
    {
        return hint;
    }
    if takes("integer")
        && kind == Kind::Text
        && let Some(number) = number_in(text, place)
    {
        return format!("write `{number}`, without quotes or separators");
    }
    let mut texts = ways.iter().filter(|way| type_of(way) == "string" && words(way).next().is_none());
    if kind != Kind::Text
        && let Some(way) = texts.next()
    {
        // In quotes it may be wrong as well.
        let format = way.get("format").and_then(Json::as_str).unwrap_or_default();
        return match text::check(format, text) {
            Ok(()) => format!("put it in quotes: \"{text}\""),
            Err(wrong) => wrong.hint,
        };
    }
    if takes("array") {
        let entry = if kind == Kind::Text && !text.contains([',', '[', ']', '{', '}', '"', '\n']) {
            text
        } else {
            "…"
        };
        return if place == Place::Key("steps") {
            "write `- id: …` for each step".to_owned()
        } else {
            format!("write a list: `[{entry}]`")
        };
    }
    match place {
        Place::Step => "write `- {id: build, command: make}`".to_owned(),
        _ if takes("object") && ways.len() == 1 => format!("known keys: {}", keys(ways)),
        _ => format!("write {wanted}"),
    }
}

/// Finds the number that is meant: `500_000`, `#12`, and for an issue its address or `GH-12`.
fn number_in(text: &str, place: Place<'_>) -> Option<u64> {
    let digits: String = text.chars().filter(|c| !matches!(c, '_' | ',' | '#')).collect();
    if let Ok(number) = digits.trim().parse() {
        return Some(number);
    }
    if place != Place::Key("issue") {
        return None;
    }
    let last = text.trim_end_matches('/').rsplit(['/', '-', '#']).next()?;
    last.parse().ok()
}

/// Says what to write for a network that is one word: a host, a page, or what other tools call on and off.
pub(super) fn of_network_word(text: &str) -> Option<String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "all" | "any" | "enabled" | "allow" | "open" | "host" | "bridge" | "*" => {
            return Some(
                "write `{allow: [HOST]}` with the hosts that it needs, or `full` for all".to_owned(),
            );
        }
        "false" | "no" | "off" | "disabled" | "deny" | "offline" | "isolated" => {
            return Some("write `none`".to_owned());
        }
        _ => {}
    }
    text.contains(['.', ':']).then(|| host(text)).flatten().map(|host| format!("write `{{allow: [{host}]}}`"))
}

/// Says what to write for a shell that is none of ours.
pub(super) fn of_shell(text: &str) -> Option<String> {
    let name = text.rsplit('/').next().unwrap_or_default();
    match name {
        "sh" | "bash" => Some(format!("write `{name}`")),
        "dash" | "ash" => Some("write `sh`".to_owned()),
        "zsh" | "fish" | "ksh" | "csh" | "tcsh" | "nu" | "pwsh" | "python" | "python3" | "perl" | "ruby"
        | "node" => Some(format!(
            "write `sh` or `bash`, or start it yourself: `command: [{name}, {}, …]`",
            if matches!(name, "perl" | "ruby" | "node") { "-e" } else { "-c" }
        )),
        _ => None,
    }
}

/// Returns the host that somebody named, also by the address of a page.
fn host(text: &str) -> Option<String> {
    let name = of_page(text).unwrap_or(text);
    name.parse::<Destination>().ok()?;
    Some(if name.starts_with(['*', '[']) { format!("\"{name}\"") } else { name.to_owned() })
}

/// Says what to write instead of a list or map.
pub(super) fn of_container(ways: &[&Json], node: &Node, place: Place<'_>) -> String {
    let takes = |name: &str| ways.iter().any(|way| type_of(way) == name);
    match &node.value {
        Value::Map(entries) if takes("array") && place == Place::Key("env") => of_env(entries),
        Value::Map(entries) if takes("array") && place == Place::Key("secrets") => of_secrets(entries),
        Value::Map(_) if takes("array") && takes("string") => "write text or a list of words".to_owned(),
        Value::Map(_) if takes("array") => "write a list: each entry starts with `- `".to_owned(),
        Value::Map(_) => "text that holds `: ` needs quotes, or `|` and lines of its own".to_owned(),
        Value::List(items) if place == Place::Key("network") => of_hosts(items),
        Value::List(items) if takes("object") => {
            of_pairs(items).unwrap_or_else(|| format!("known keys: {}", keys(ways)))
        }
        Value::List(items) => match items.as_slice() {
            [Node { value: Value::Scalar { text, .. }, .. }] => {
                format!("write {} without the brackets", quote(text))
            }
            _ => "write one value, without `[ ]` or `- `".to_owned(),
        },
        Value::Scalar { .. } => String::new(),
    }
}

fn of_env(entries: &[Entry]) -> String {
    let pair = |entry: &Entry| match &entry.node.value {
        Value::Scalar { text, .. } => Some(format!("\"{}={text}\"", entry.key)),
        _ => Some(format!("\"{}=…\"", entry.key)),
    };
    format!("write a list: `[{}]`", first(entries, pair).unwrap_or_default())
}

/// The value is never repeated: who wrote it there is led to where it is safe.
fn of_secrets(entries: &[Entry]) -> String {
    let names = first(entries, |entry| Some(entry.key.clone())).unwrap_or_default();
    format!(
        "write the names alone: `[{names}]`; values come from the environment of `autopilot`, never from a plan"
    )
}

fn of_hosts(items: &[Node]) -> String {
    let hosts = first(items, |item| host(item.text()?));
    format!("write `{{allow: [{}]}}`", hosts.as_deref().unwrap_or("HOST"))
}

/// Writes a list of maps of one key, as some tools want them, as the map that is wanted here.
fn of_pairs(items: &[Node]) -> Option<String> {
    let pair = |item: &Node| match item.entries() {
        [entry] => match &entry.node.value {
            Value::Scalar { text, .. } => Some(format!("{}: {}", entry.key, plain(text)?)),
            Value::List(items) => Some(format!("{}: [{}]", entry.key, listed(items)?)),
            Value::Map(_) => None,
        },
        _ => None,
    };
    let pairs = first(items, pair)?;
    Some(format!("write a map, without `- `: `{{{pairs}}}`"))
}
