//! `docs/evidence.md`, held against the types of the events: takes their source, gives what of it the page lacks. A field
//! has to be documented the day it is added.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use autopilot::evidence::Event;

use super::{PAGE, read};

/// A type whose name on the page is another than its own.
const RENAMED: (&str, &str) = ("Sealed", "file");

/// Whether a field is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Written {
    Always,
    OrNull,
    /// Not always, or not in every version.
    OrAbsent,
}

/// The fields of an event or an object, in their order.
type Fields = Vec<(String, Written)>;

/// Takes words in backticks out of a text.
fn ticked(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The page's tables of events and objects.
fn documented() -> BTreeMap<String, Fields> {
    let (mut all, mut owner, mut is_ours) = (BTreeMap::<String, Fields>::new(), String::new(), false);
    for line in read(PAGE).lines() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        if cells.len() < 4 {
            is_ours = false;
        } else if ["event", "object"].contains(&cells[1]) && cells[2] == "field" {
            is_ours = true;
        } else if is_ours && !cells[1].starts_with('-') {
            owner = ticked(cells[1]).pop().unwrap_or(owner);
            let written = match cells[4] {
                "always" => Written::Always,
                "always, or null" => Written::OrNull,
                _ => Written::OrAbsent,
            };
            let fields = ticked(cells[2]).into_iter().map(|field| (field, written));
            all.entry(owner.clone()).or_default().extend(fields);
        }
    }
    all
}

/// What the source says that is written.
#[derive(Default)]
struct Source {
    /// Of each struct, and of each event that is none.
    fields: BTreeMap<String, Fields>,
    /// Of the enums.
    words: BTreeSet<String>,
    /// The event that each struct is.
    events: BTreeMap<String, String>,
}

impl Source {
    fn read() -> Self {
        let mut source = Self::default();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/evidence/event");
        for entry in fs::read_dir(folder).unwrap() {
            let text = fs::read_to_string(entry.unwrap().path()).unwrap();
            let is_written = |item: &&str| item.lines().next().is_some_and(|line| line.contains("Serialize"));
            text.split("#[derive(").skip(1).filter(is_written).for_each(|item| source.take(item));
        }
        source
    }

    /// Takes one type, from behind `derive(` on.
    fn take(&mut self, item: &str) {
        let mut lines =
            item.split("\n}").next().unwrap().lines().skip_while(|line| !line.starts_with("pub "));
        let Some(head) = lines.next() else { return };
        let (is_enum, name) = (head.starts_with("pub enum"), head.split(' ').nth(2).unwrap());
        let (mut owner, mut renamed, mut skips) = (name.to_owned(), None, false);
        for code in lines.map(|line| line.trim().trim_start_matches("pub ")) {
            if code.starts_with('#') {
                renamed =
                    code.split("rename = \"").nth(1).and_then(|rest| rest.split('"').next()).or(renamed);
                skips |= code.contains("skip_serializing_if");
            } else if code.starts_with(['/', '}']) {
                // No field.
            } else if let Some((field, of)) = code.split_once(": ") {
                let written = if std::mem::take(&mut skips) {
                    Written::OrAbsent
                } else if of.starts_with("Option<") {
                    Written::OrNull
                } else {
                    Written::Always
                };
                let key = if field == "at" { vec!["step", "attempt"] } else { vec![field] };
                let fields = key.into_iter().map(|field| (field.to_owned(), written));
                self.fields.entry(owner.clone()).or_default().extend(fields);
            } else if let Some((_, of)) = code.split_once('(') {
                let of = of.trim_start_matches("Box<").trim_end_matches(['>', ')', ',']);
                self.events.extend(renamed.take().map(|kind| (of.to_owned(), kind.to_owned())));
            } else {
                assert!(is_enum, "{name}: {code}");
                let variant = code.trim_end_matches([',', ' ', '{']);
                owner = renamed.take().unwrap_or(name).to_owned();
                self.words.extend((owner == name).then(|| snake(variant)));
            }
        }
    }

    /// Returns the fields, by the names that the page has for what they are of.
    fn named(&self) -> BTreeMap<String, Fields> {
        let named = |name: &str| match self.events.get(name) {
            Some(event) => event.clone(),
            None if name == RENAMED.0 => RENAMED.1.to_owned(),
            None => snake(name),
        };
        self.fields.iter().map(|(name, fields)| (named(name), fields.clone())).collect()
    }
}

fn snake(name: &str) -> String {
    let spread = name.char_indices().map(|(at, c)| match c {
        'A'..='Z' if at > 0 => format!("_{}", c.to_lowercase()),
        _ => c.to_lowercase().to_string(),
    });
    spread.collect()
}

fn names(fields: Fields) -> BTreeSet<String> {
    fields.into_iter().map(|(name, _)| name).collect()
}

#[test]
fn the_page_has_every_event_and_field_in_the_order_they_are_written() {
    let (mut documented, mut source) = (documented(), Source::read().named());
    // An attempt's key is a type of the page, and stands in each event.
    source.remove("attempt_id");
    // Several shapes, told apart by `did`, in one table.
    let mut acts = names(source.remove("act").unwrap());
    acts.insert("did".to_owned());
    assert_eq!(documented.remove("act").map(names), Some(acts));
    for (owner, fields) in &source {
        assert_eq!(documented.get(owner), Some(fields), "the table of `{owner}` in {PAGE}");
    }
    for kind in Event::KINDS {
        assert!(source.contains_key(kind), "{kind} is not found in the source");
    }
    let others: Vec<&String> = documented.keys().filter(|owner| !source.contains_key(*owner)).collect();
    assert_eq!(others, ["enforced", "labels", "seen"], "what no type of an event has");
}

#[test]
fn the_page_has_every_word() {
    let page = read(PAGE);
    let (_, words) = page.split_once("### Words").unwrap();
    let known: BTreeSet<String> = ticked(words.split("\n#").next().unwrap()).into_iter().collect();
    let written = Source::read().words;
    assert!(written.len() > 60, "{written:?}");
    assert_eq!(written.difference(&known).collect::<Vec<_>>(), Vec::<&String>::new());
}
