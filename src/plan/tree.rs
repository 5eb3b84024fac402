//! The marked tree: YAML events made into nodes that know their place, so that every fault can say where it is.
//!
//! Bounded in depth and in what aliases may multiply: a hostile file is a fault, never a crash or a full memory.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span};
use serde_json::Value as Json;

use super::fault::Findings;
use super::hint;
use super::source::Mark;

/// Deeper than any plan: `steps` → step → `expectation` → `changes` → `within` → pattern is six.
const DEEPEST: usize = 24;

/// What all anchors and aliases together may copy, in bytes.
const ALIASED: usize = 4 << 20;

/// What a node takes beside its text.
const NODE: usize = 64;

/// How many aliases a plan may have.
const ALIASES: usize = 10_000;

/// A value and its place.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) mark: Mark,
    pub(super) value: Value,
}

#[derive(Debug, Clone)]
pub(super) enum Value {
    Scalar { text: String, kind: Kind },
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A key and its value.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) mark: Mark,
    pub(super) node: Node,
}

/// What a scalar is by YAML 1.2's core schema: `yes` and `on` are text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Null,
    Bool,
    Integer,
    Float,
    Text,
}

impl Node {
    /// Returns the value of a key.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|entry| &entry.node)
    }

    /// Returns a key with its value.
    pub(super) fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key == key)
    }

    /// Returns the entries of a map; none of anything else.
    pub(super) fn entries(&self) -> &[Entry] {
        if let Value::Map(entries) = &self.value { entries } else { &[] }
    }

    /// Returns the items of a list; none of anything else.
    pub(super) fn items(&self) -> &[Self] {
        if let Value::List(items) = &self.value { items } else { &[] }
    }

    /// Returns a text.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, kind: Kind::Text } => Some(text),
            _ => None,
        }
    }

    /// Returns a whole number.
    pub(super) fn integer(&self) -> Option<i128> {
        match &self.value {
            Value::Scalar { text, kind: Kind::Integer } => read_integer(text),
            _ => None,
        }
    }

    /// Returns the JSON that serde reads.
    pub(super) fn to_json(&self) -> Json {
        match &self.value {
            Value::Scalar { text, kind } => scalar_to_json(text, *kind),
            Value::List(items) => items.iter().map(Self::to_json).collect(),
            Value::Map(entries) => {
                Json::Object(entries.iter().map(|entry| (entry.key.clone(), entry.node.to_json())).collect())
            }
        }
    }

    /// Returns depth and weight in bytes.
    fn measure(&self) -> (usize, usize) {
        let children: Box<dyn Iterator<Item = (usize, &Self)>> = match &self.value {
            Value::Scalar { text, .. } => return (1, NODE + text.len()),
            Value::List(items) => Box::new(items.iter().map(|item| (0, item))),
            Value::Map(entries) => Box::new(entries.iter().map(|entry| (entry.key.len(), &entry.node))),
        };
        let (depth, weight) = children.fold((0, NODE), |(depth, weight), (key, child)| {
            let (below, more) = child.measure();
            (depth.max(below), weight + key + more)
        });
        (depth + 1, weight)
    }
}

fn scalar_to_json(text: &str, kind: Kind) -> Json {
    match kind {
        Kind::Null => Json::Null,
        Kind::Bool => Json::Bool(text.eq_ignore_ascii_case("true")),
        Kind::Text => Json::String(text.to_owned()),
        Kind::Float => text.parse::<f64>().map_or(Json::Null, Json::from),
        Kind::Integer => match read_integer(text) {
            Some(number) => u64::try_from(number)
                .map(Json::from)
                .or_else(|_| i64::try_from(number).map(Json::from))
                .unwrap_or(Json::Null),
            None => Json::Null,
        },
    }
}

/// Reads `12`, `+12`, `0x1F`, `0o17`.
fn read_integer(text: &str) -> Option<i128> {
    if let Some(digits) = text.strip_prefix("0x") {
        i128::from_str_radix(digits, 16).ok()
    } else if let Some(digits) = text.strip_prefix("0o") {
        i128::from_str_radix(digits, 8).ok()
    } else {
        text.parse().ok()
    }
}

/// Tells whether a text without quotes is something else than text.
pub(super) fn is_typed(text: &str) -> bool {
    kind_of(text) != Kind::Text
}

fn kind_of(text: &str) -> Kind {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Kind::Null,
        "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => return Kind::Bool,
        ".inf" | "-.inf" | "+.inf" | ".nan" | ".Inf" | ".NaN" => return Kind::Float,
        _ => {}
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let all = |digits: &str, ok: fn(&u8) -> bool| !digits.is_empty() && digits.as_bytes().iter().all(ok);
    let is_radix = |prefix: &str, ok| text.strip_prefix(prefix).is_some_and(|digits| all(digits, ok));
    if all(unsigned, u8::is_ascii_digit)
        || is_radix("0x", u8::is_ascii_hexdigit)
        || is_radix("0o", |b| matches!(b, b'0'..=b'7'))
    {
        return Kind::Integer;
    }
    let starts_as_number = unsigned.trim_start_matches('.').starts_with(|c: char| c.is_ascii_digit());
    if starts_as_number && unsigned.parse::<f64>().is_ok() { Kind::Float } else { Kind::Text }
}

/// Builds the tree. `None`: the text is no single YAML document, or holds none; the findings say why.
pub(super) fn build(findings: &mut Findings<'_>) -> Option<Node> {
    let source = findings.source;
    let mut builder =
        Builder { findings, stack: Vec::new(), anchors: HashMap::new(), aliases: 0, copied: 0, root: None };
    let mut parser = Parser::new_from_str(source.text());
    loop {
        match parser.next_event()? {
            Ok((Event::StreamEnd, _)) => break,
            Ok((event, span)) => builder.take(event, span)?,
            Err(error) => {
                builder.syntax(&error);
                return None;
            }
        }
    }
    if builder.root.is_none() {
        builder.fault(Mark::START, "the file holds no plan", hint::SMALLEST);
    }
    builder.root
}

/// A list or map that is not complete yet.
struct Frame {
    mark: Mark,
    anchor: usize,
    is_map: bool,
    items: Vec<Node>,
    entries: Vec<Entry>,
    /// The key whose value comes next; `None` within a map: a key comes next.
    key: Option<(String, Mark)>,
    /// Line of each key that was seen.
    seen: HashMap<String, usize>,
}

struct Builder<'a, 'b> {
    findings: &'a mut Findings<'b>,
    stack: Vec<Frame>,
    anchors: HashMap<usize, Node>,
    /// How many aliases there were.
    aliases: usize,
    /// What anchors keep and aliases repeat, in bytes.
    copied: usize,
    root: Option<Node>,
}

impl Builder<'_, '_> {
    fn fault(&mut self, mark: Mark, message: impl Into<String>, hint: impl Into<String>) {
        self.findings.add(mark, message, hint);
    }

    /// Takes one event; `None` ends the reading.
    fn take(&mut self, event: Event<'_>, span: Span) -> Option<()> {
        let mark = mark_of(span);
        match event {
            Event::DocumentStart(_) if self.root.is_some() => {
                self.fault(
                    mark,
                    "a second document starts here",
                    "one plan per file: take the `---` and what follows out",
                );
                None
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse_tag(tag.is_some(), mark);
                self.scalar(text.into_owned(), style, anchor, mark)
            }
            Event::SequenceStart(anchor, tag) => self.open(mark, anchor, false, tag.is_some()),
            Event::MappingStart(anchor, tag) => self.open(mark, anchor, true, tag.is_some()),
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Alias(anchor) => self.alias(anchor, mark),
            _ => Some(()),
        }
    }

    fn refuse_tag(&mut self, is_tagged: bool, mark: Mark) {
        if is_tagged {
            self.fault(
                mark,
                "this has a tag (`!…`)",
                "plans use no tags; text that starts with `!` needs quotes",
            );
        }
    }

    fn scalar(&mut self, text: String, style: ScalarStyle, anchor: usize, mark: Mark) -> Option<()> {
        if text.contains('\0') {
            self.fault(mark, "this holds a NUL character", "no program can be given one: take the `\\0` out");
        }
        let kind = if style == ScalarStyle::Plain { kind_of(&text) } else { Kind::Text };
        if self.expects_key() {
            self.key(text, style == ScalarStyle::Plain, mark);
            Some(())
        } else {
            self.place(Node { mark, value: Value::Scalar { text, kind } }, anchor)
        }
    }

    fn expects_key(&self) -> bool {
        self.stack.last().is_some_and(|frame| frame.is_map && frame.key.is_none())
    }

    fn key(&mut self, text: String, is_plain: bool, mark: Mark) {
        if text == "<<" && is_plain {
            self.fault(
                mark,
                "merge keys (`<<`) are not read",
                "write the keys out; `defaults` holds what steps share",
            );
        }
        let Some(frame) = self.stack.last_mut() else { return };
        let first = *frame.seen.entry(text.clone()).or_insert(mark.line);
        let is_new = frame.seen.len() > frame.entries.len();
        frame.key = Some((text.clone(), mark));
        if !is_new {
            self.fault(mark, format!("`{text}` is here twice, first in line {first}"), "keep one of them");
        }
    }

    fn open(&mut self, mark: Mark, anchor: usize, is_map: bool, is_tagged: bool) -> Option<()> {
        self.refuse_tag(is_tagged, mark);
        if self.expects_key() {
            let hint = "text that holds `{` or `[` needs quotes; `{{ … }}` is not expanded";
            self.fault(mark, "a key must be plain text", hint);
            return None;
        }
        if self.stack.len() >= DEEPEST {
            self.fault(mark, format!("this is nested deeper than {DEEPEST} levels"), "no plan needs that");
            return None;
        }
        self.stack.push(Frame {
            mark,
            anchor,
            is_map,
            items: Vec::new(),
            entries: Vec::new(),
            key: None,
            seen: HashMap::new(),
        });
        Some(())
    }

    fn close(&mut self) -> Option<()> {
        let Some(frame) = self.stack.pop() else { return Some(()) };
        let value = if frame.is_map { Value::Map(frame.entries) } else { Value::List(frame.items) };
        self.place(Node { mark: frame.mark, value }, frame.anchor)
    }

    fn alias(&mut self, anchor: usize, mark: Mark) -> Option<()> {
        let Some(node) = self.anchors.get(&anchor) else {
            self.fault(mark, "this alias refers to itself", "write the value out");
            return None;
        };
        let (depth, weight) = node.measure();
        self.aliases += 1;
        self.copied += weight;
        if self.copied > ALIASED || self.aliases > ALIASES || self.stack.len() + depth > DEEPEST {
            self.fault(mark, "aliases make this plan grow beyond measure", "write the values out");
            return None;
        }
        if self.expects_key() {
            self.fault(mark, "an alias cannot be a key", "write the key out");
            return None;
        }
        let node = node.clone();
        self.place(node, 0)
    }

    /// Puts a complete node where it belongs; `None` ends the reading.
    fn place(&mut self, node: Node, anchor: usize) -> Option<()> {
        if anchor > 0 {
            // An anchor within an anchor keeps its text once more.
            self.copied += node.measure().1;
            if self.copied > ALIASED {
                let message = "anchors make this plan grow beyond measure";
                self.fault(node.mark, message, "take out the `&` that no `*` names");
                return None;
            }
            self.anchors.insert(anchor, node.clone());
        }
        match self.stack.last_mut() {
            None => self.root = Some(node),
            Some(frame) if frame.is_map => {
                if let Some((key, mark)) = frame.key.take() {
                    // A key that is here twice was said; the first one counts.
                    if frame.entries.len() < frame.seen.len() {
                        frame.entries.push(Entry { key, mark, node });
                    }
                }
            }
            Some(frame) => frame.items.push(node),
        }
        Some(())
    }

    fn syntax(&mut self, error: &ScanError) {
        let marker = error.marker();
        let mark = Mark { line: marker.line(), column: marker.col() + 1, width: 1 };
        let line = self.findings.source.slice(self.findings.source.line(mark.line));
        let (message, hint) = hint::syntax(error.info(), line, marker.col());
        self.fault(mark, message, hint);
    }
}

/// Returns the place of a span; what is longer than a line is marked to the line's end.
fn mark_of(span: Span) -> Mark {
    let width = if span.end.line() == span.start.line() {
        span.end.col().saturating_sub(span.start.col())
    } else {
        usize::MAX >> 1
    };
    Mark { line: span.start.line(), column: span.start.col() + 1, width }
}
