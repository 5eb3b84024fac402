//! Reads an event off its line. Of an enum whose tag stands among its fields serde first keeps all there is, at many
//! times its size; those kinds that grow with the work, such as a checkpoint of a hundred thousand files, are read
//! straight into what they are. Autopilot writes the tag first; where it is not, there is the way of serde.

use std::fmt;
use std::sync::Arc;

use serde::de::value::{MapAccessDeserializer, StringDeserializer};
use serde::de::{DeserializeSeed, Error, IntoDeserializer, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Change, Event, Sealed};
use crate::evidence::id::{AttemptId, StepId};
use crate::evidence::text::{self, Text};
use crate::git::{Oid, RefName};

/// How a line's event begins that is read straight.
const STRAIGHT: [&str; 3] =
    [r#"{"type":"checkpoint.made","#, r#"{"type":"salvaged","#, r#"{"type":"sealed","#];

/// Tells whether an event takes no more memory than it should, however long it is, by its JSON.
pub fn is_straight(event: &str) -> bool {
    STRAIGHT.iter().any(|start| event.starts_with(start))
}

impl Serialize for Event {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, to)
    }
}

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Event;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut members: M) -> Result<Event, M::Error> {
        let held = match members.next_key::<String>()? {
            None => Held::Nothing,
            Some(key) if key == "type" => match members.next_value::<String>()? {
                kind if kind == "checkpoint.made" => return rest::<_, Made>(members).map(Event::from),
                kind if kind == "salvaged" => return rest::<_, Saved>(members).map(Event::from),
                kind if kind == "sealed" => return rest::<_, Complete>(members).map(Event::from),
                kind => Held::Tag(kind),
            },
            Some(key) => Held::Key(key),
        };
        Event::deserialize(MapAccessDeserializer::new(Again { held, members }))
    }
}

fn rest<'de, M: MapAccess<'de>, T: Deserialize<'de>>(members: M) -> Result<T, M::Error> {
    T::deserialize(MapAccessDeserializer::new(members))
}

/// What was read of an object, before the rest of it.
struct Again<M> {
    held: Held,
    members: M,
}

enum Held {
    Nothing,
    /// A key whose value comes next.
    Key(String),
    /// The tag.
    Tag(String),
    /// The tag, whose key was given.
    Value(String),
}

impl<'de, M: MapAccess<'de>> MapAccess<'de> for Again<M> {
    type Error = M::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, M::Error> {
        match std::mem::replace(&mut self.held, Held::Nothing) {
            Held::Key(key) => seed.deserialize(string(key)).map(Some),
            Held::Tag(kind) => {
                self.held = Held::Value(kind);
                seed.deserialize("type".into_deserializer()).map(Some)
            }
            Held::Nothing | Held::Value(_) => self.members.next_key_seed(seed),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, M::Error> {
        match std::mem::replace(&mut self.held, Held::Nothing) {
            Held::Value(kind) => seed.deserialize(string(kind)),
            _ => self.members.next_value_seed(seed),
        }
    }
}

fn string<E: Error>(text: String) -> StringDeserializer<E> {
    text.into_deserializer()
}

/// `checkpoint.made`.
#[derive(Deserialize)]
struct Made {
    step: StepId,
    attempt: u32,
    commit: Oid,
    #[serde(default)]
    tree: Option<Oid>,
    #[serde(default)]
    parent: Option<Oid>,
    #[serde(default)]
    merged_from: Option<Oid>,
    #[serde(default)]
    instructions: Option<bool>,
    changes: Arc<Vec<Change>>,
}

impl From<Made> for Event {
    fn from(made: Made) -> Self {
        let Made { step, attempt, commit, tree, parent, merged_from, instructions, changes } = made;
        let at = AttemptId { step, attempt };
        Self::CheckpointMade { at, commit, tree, parent, merged_from, instructions, changes }
    }
}

/// `salvaged`.
#[derive(Deserialize)]
struct Saved {
    step: StepId,
    attempt: u32,
    reference: RefName,
    commit: Oid,
    paths: u64,
    #[serde(deserialize_with = "text::many")]
    not_held: Vec<Text>,
    #[serde(default, deserialize_with = "text::many")]
    secrets: Vec<Text>,
}

impl From<Saved> for Event {
    fn from(saved: Saved) -> Self {
        let Saved { step, attempt, reference, commit, paths, not_held, secrets } = saved;
        let at = AttemptId { step, attempt };
        Self::Salvaged { at, reference, commit, paths, not_held, secrets }
    }
}

/// `sealed`.
#[derive(Deserialize)]
struct Complete {
    files: Vec<Sealed>,
}

impl From<Complete> for Event {
    fn from(Complete { files }: Complete) -> Self {
        Self::Sealed { files }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_the_same_wherever_its_tag_stands() {
        for members in [
            r#""type":"checkpoint.made","step":"a","attempt":1,"commit":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","tree":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","changes":[{"path":"p","kind":"added","added":1,"removed":null}]"#,
            r#""type":"salvaged","step":"a","attempt":1,"reference":"refs/salvage/a-1","commit":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","paths":3,"not_held":["x"],"secrets":["y"]"#,
            r#""type":"sealed","files":[]"#,
            r#""type":"reset.done","step":"a","attempt":1"#,
            r#""type":"recovered","torn":7"#,
        ] {
            let (tag, rest) = members.split_once(',').unwrap();
            let first: Event = serde_json::from_str(&format!("{{{members}}}")).unwrap();
            let last: Event = serde_json::from_str(&format!("{{{rest},{tag}}}")).unwrap();
            let by_value: Event = serde_json::from_value(serde_json::to_value(&first).unwrap()).unwrap();
            assert_eq!((&last, &by_value), (&first, &first));
            let written = serde_json::to_string(&first).unwrap();
            assert_eq!(serde_json::from_str::<Event>(&written).unwrap(), first);
            assert_eq!(
                is_straight(&written),
                STRAIGHT.iter().any(|own| own.contains(first.kind())),
                "{written}"
            );
        }
    }

    #[test]
    fn what_is_no_event_is_said_to_be_none() {
        for (json, why) in [
            ("{}", "missing field `type`"),
            (r#"{"type":5}"#, "invalid type: integer `5`"),
            (r#"{"type":"lane.waiting"}"#, "unknown variant `lane.waiting`"),
            (r#"{"type":"sealed"}"#, "missing field `files`"),
            (r#"{"type":"sealed","files":[],"files":[]}"#, "duplicate field `files`"),
            ("[]", "expected an event"),
        ] {
            let error = serde_json::from_str::<Event>(json).unwrap_err().to_string();
            assert!(error.contains(why), "{json}: {error}");
        }
    }
}
