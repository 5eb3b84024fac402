//! Holds the marked tree against the JSON Schema: the same source as serde's types, but every fault is found,
//! not only the first, and each at its place.
//!
//! Knows the part of JSON Schema that our types produce and no more; a test in `schema` notices a new keyword.

use serde_json::Value as Json;

use super::fault::Findings;
use super::hint::{self, Advice};
use super::instead;
use super::place::Place;
use super::quote::quote;
use super::read;
use super::text;
use super::tree::{Entry, Kind, Node, Value};
use super::way::{strings, type_of, words};
use super::weight::{Budget, Taken};

/// Finds every fault of shape: unknown, missing and doubled keys, wrong kinds, texts that do not parse.
pub(super) fn check(schema: &Json, root: &Node, place: Place<'_>, findings: &mut Findings<'_>) {
    Walker { root: schema, findings, patterns: Budget::new() }.walk(schema, root, place);
}

struct Walker<'a, 'b, 'c> {
    root: &'a Json,
    findings: &'b mut Findings<'c>,
    /// What the patterns of the plan may still weigh.
    patterns: Budget,
}

impl<'a> Walker<'a, '_, '_> {
    fn fault(&mut self, node: &Node, message: impl Into<String>, hint: impl Into<String>) {
        self.findings.add(node.mark, message, hint);
    }

    fn walk(&mut self, schema: &'a Json, node: &Node, place: Place<'_>) {
        let schema = self.resolve(schema);
        let fitting: Vec<&Json> = self.ways(schema).into_iter().filter(|way| takes(way, node)).collect();
        match fitting.as_slice() {
            [] => self.wrong_kind(schema, node, place),
            [way, ..] => match &node.value {
                Value::Map(entries) => self.map(way, node, entries, place),
                Value::List(items) => self.list(way, node, items, place),
                Value::Scalar { text, kind: Kind::Text } => self.text(schema, way, node, text, place),
                Value::Scalar { .. } => self.number(way, node, place),
            },
        }
    }

    /// Follows references; `allOf` of one is how draft 7 hangs a description on a reference.
    fn resolve(&self, schema: &'a Json) -> &'a Json {
        let reference = schema.pointer("/allOf/0/$ref").or_else(|| schema.get("$ref")).and_then(Json::as_str);
        match reference.and_then(|path| self.root.pointer(path.trim_start_matches('#'))) {
            Some(target) => self.resolve(target),
            None => schema,
        }
    }

    /// Returns the ways in which a value may be written: one, or the branches of `oneOf`.
    fn ways(&self, schema: &'a Json) -> Vec<&'a Json> {
        match schema.get("oneOf").and_then(Json::as_array) {
            Some(branches) if schema.get("type").is_none() => {
                branches.iter().flat_map(|branch| self.ways(self.resolve(branch))).collect()
            }
            _ => vec![schema],
        }
    }

    fn map(&mut self, schema: &'a Json, node: &Node, entries: &[Entry], place: Place<'_>) {
        let Some(properties) = schema.get("properties").and_then(Json::as_object) else { return };
        let mut meant = Vec::new();
        for entry in entries {
            match properties.get(&entry.key) {
                Some(child) if is_null(&entry.node) => {
                    let wanted = self.kinds(self.resolve(child));
                    let message = format!("{} has no value", quote(&entry.key));
                    let rest = self.findings.source.behind(entry.mark);
                    let hint = instead::nothing(&entry.key, rest, &wanted);
                    self.findings.add(entry.mark, message, hint);
                }
                Some(child) => self.walk(child, &entry.node, Place::Key(&entry.key)),
                // Said when the tree was built.
                None if entry.key == "<<" => {}
                None => meant.extend(self.unknown(entry, properties, place)),
            }
        }
        // Who wrote `run` is told to write `command`; that `command` is missing is the same fault.
        let is_merged = node.entry("<<").is_some();
        let is_meant = |key: &str| is_merged || meant.iter().any(|other| other == key);
        for key in strings(schema.get("required")).filter(|key| node.entry(key).is_none() && !is_meant(key)) {
            let hint = instead::missing(key, read::issue_of(&self.findings.source.path));
            self.fault(node, format!("{place} has no `{key}`"), hint);
        }
        self.one_of(schema, node, place, is_meant);
    }

    /// Tells of an unknown key; returns which one was meant, if that is known.
    fn unknown(
        &mut self,
        entry: &Entry,
        properties: &'a serde_json::Map<String, Json>,
        place: Place<'_>,
    ) -> Option<String> {
        let known: Vec<&str> = properties.keys().map(String::as_str).collect();
        let advice = if self.findings.is_crowded() {
            Advice::default()
        } else {
            hint::unknown_key(&entry.key, place, &known, self.root)
        };
        let message = format!("unknown key {} in {place}", quote(&entry.key));
        let hint = instead::renamed(&advice.text, advice.means.as_deref(), entry);
        self.findings.add(entry.mark, message, hint);
        advice.means
    }

    /// Checks a group of keys of which exactly one is there.
    fn one_of(&mut self, schema: &'a Json, node: &Node, place: Place<'_>, is_meant: impl Fn(&str) -> bool) {
        let Some(branches) = schema.get("oneOf").and_then(Json::as_array) else { return };
        let keys: Vec<&str> = branches.iter().flat_map(|branch| strings(branch.get("required"))).collect();
        let there: Vec<&Entry> =
            node.entries().iter().filter(|entry| keys.contains(&entry.key.as_str())).collect();
        let all = keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ");
        match there.as_slice() {
            [] if keys.iter().any(|key| is_meant(key)) => {}
            [] => self.fault(node, format!("{place} has none of {all}"), "write one of them"),
            [_] => {}
            [first, others @ ..] => {
                for other in others {
                    let message = format!("{place} has both `{}` and `{}`", first.key, other.key);
                    let hint = match place {
                        Place::Step => "a step does one thing: make two steps",
                        _ => "write one of them",
                    };
                    self.findings.add(other.mark, message, hint);
                }
            }
        }
    }

    fn list(&mut self, schema: &'a Json, node: &Node, items: &[Node], place: Place<'_>) {
        if items.len()
            < schema.get("minItems").and_then(Json::as_u64).map_or(0, |min| usize::try_from(min).unwrap_or(0))
        {
            let hint = match place {
                Place::Key("steps") => "a plan has at least one step: `- {id: a, command: make}`",
                Place::Key("allow") => "to allow nothing write `network: none`",
                _ => "write at least one entry",
            };
            self.fault(node, format!("{place} is empty"), hint);
        }
        let Some(schema) = schema.get("items") else { return };
        let entry = if place == Place::Key("steps") { Place::Step } else { Place::Entry(&place) };
        for item in items {
            self.walk(schema, item, entry);
        }
    }

    fn text(&mut self, whole: &'a Json, way: &'a Json, node: &Node, text: &str, place: Place<'_>) {
        let words: Vec<&str> = self.ways(whole).into_iter().flat_map(words).collect();
        if !words.is_empty() && !words.contains(&text) {
            let all = self.kinds(whole);
            let of_place = match place {
                Place::Key("network") => instead::of_network_word(text),
                Place::Key("shell") => instead::of_shell(text),
                _ => None,
            };
            let hint = match (hint::nearest(text, &words), count_of(text)) {
                _ if of_place.is_some() => of_place.unwrap_or_default(),
                (Some(near), _) => format!("did you mean `{near}`? {place} is {all}"),
                (None, Some(count)) if self.ways(whole).iter().any(|way| type_of(way) == "integer") => {
                    format!("write `{count}`")
                }
                _ => format!("write {all}"),
            };
            return self.fault(node, format!("{place} cannot be {}", quote(text)), hint);
        }
        let format = way.get("format").and_then(Json::as_str).unwrap_or_default();
        match self.patterns.take(format, text) {
            Taken::Within => {}
            Taken::Spent => return,
            Taken::TooMuch => {
                let message = "the patterns of this plan, up to this one, are too large together";
                return self.fault(
                    node,
                    message,
                    "write fewer or simpler ones: `\\w{100}` takes much, `[a-z]{100}` little",
                );
            }
        }
        if let Err(wrong) = text::check(format, text) {
            let subject = if text.trim().is_empty() { place.to_string() } else { quote(text) };
            self.fault(node, format!("{subject} {}", wrong.message), wrong.hint);
        }
    }

    fn number(&mut self, schema: &'a Json, node: &Node, place: Place<'_>) {
        let Some(number) = node.integer() else { return };
        if let Some(known) = schema.get("enum").and_then(Json::as_array) {
            if !known.iter().any(|value| value.as_i64().map(i128::from) == Some(number)) {
                let all = known.iter().map(Json::to_string).collect::<Vec<_>>().join(", ");
                self.fault(
                    node,
                    format!("{place} {number} is not known"),
                    format!("this autopilot knows {place} {all}"),
                );
            }
            return;
        }
        let bound = |key: &str| schema.get(key).and_then(Json::as_f64);
        // Bounds are small whole numbers; `as_f64` takes `1` and `1.0` alike.
        #[expect(clippy::cast_possible_truncation, reason = "bounds are small whole numbers")]
        let (min, max) = (
            bound("minimum").map_or(i128::from(i64::MIN), |b| b as i128),
            bound("maximum").map(|b| b as i128),
        );
        let max = max.unwrap_or(i128::from(i64::MAX));
        if number < min {
            self.fault(node, format!("{place} cannot be {number}"), format!("write {min} or more"));
        } else if number > max {
            self.fault(node, format!("{place} cannot be {number}"), format!("write {max} or less"));
        }
    }

    fn wrong_kind(&mut self, schema: &'a Json, node: &Node, place: Place<'_>) {
        let ways = self.ways(schema);
        let wanted = self.kinds(schema);
        let Value::Scalar { text, kind } = &node.value else {
            let hint = instead::of_container(&ways, node, place);
            return self.fault(node, format!("{place} must be {wanted}, not {}", kind_name(node)), hint);
        };
        if *kind == Kind::Null {
            return self.fault(
                node,
                format!("{place} has no value"),
                format!("write {wanted}, or take it out"),
            );
        }
        // A duration or size without its unit reads as a number.
        let format = ways.iter().find_map(|way| way.get("format")).and_then(Json::as_str).unwrap_or_default();
        if let ("autopilot-duration" | "autopilot-size", Err(wrong)) = (format, text::check(format, text)) {
            return self.fault(node, format!("{place}: {} {}", quote(text), wrong.message), wrong.hint);
        }
        let hint = instead::of_scalar(&ways, text, *kind, place, &wanted);
        self.fault(node, format!("{place} must be {wanted}, not {}", kind_name(node)), hint);
    }

    /// Names what a value may be: `text or a list`.
    fn kinds(&self, schema: &'a Json) -> String {
        let mut names: Vec<String> = Vec::new();
        for way in self.ways(schema) {
            let words: Vec<String> = words(way).map(|word| format!("`{word}`")).collect();
            names.extend(if words.is_empty() { vec![type_name(type_of(way)).to_owned()] } else { words });
        }
        match names.split_last() {
            Some((last, [])) => last.clone(),
            Some((last, others)) => format!("{} or {last}", others.join(", ")),
            None => String::new(),
        }
    }
}

fn is_null(node: &Node) -> bool {
    matches!(node.value, Value::Scalar { kind: Kind::Null, .. })
}

/// Reads a count as people write it: `500k`, `500_000`, `1.000.000`.
fn count_of(text: &str) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase();
    let (digits, factor) = match text.strip_suffix(['k', 'm']) {
        Some(digits) => (digits, if text.ends_with('k') { 1000 } else { 1_000_000 }),
        None => (text.as_str(), 1),
    };
    let digits: String = digits.chars().filter(|c| !matches!(c, '_' | ',' | '.' | ' ')).collect();
    digits.parse::<u64>().ok()?.checked_mul(factor)
}

fn type_name(name: &str) -> &str {
    match name {
        "string" => "text",
        "integer" | "number" => "a whole number",
        "boolean" => "`true` or `false`",
        "array" => "a list",
        _ => "a map",
    }
}

fn kind_name(node: &Node) -> &'static str {
    match &node.value {
        Value::Map(_) => "a map",
        Value::List(_) => "a list",
        Value::Scalar { kind, .. } => match kind {
            Kind::Null => "nothing",
            Kind::Bool => "`true` or `false`",
            Kind::Integer => "a number",
            Kind::Float => "a number with a point",
            Kind::Text => "text",
        },
    }
}

fn takes(schema: &Json, node: &Node) -> bool {
    let kind = match &node.value {
        Value::Map(_) => "object",
        Value::List(_) => "array",
        Value::Scalar { kind, .. } => match kind {
            Kind::Null => "null",
            Kind::Bool => "boolean",
            Kind::Integer => "integer",
            Kind::Float => "number",
            Kind::Text => "string",
        },
    };
    type_of(schema) == kind
}
