//! Takes a request for the model, tells what speaks against passing it on. Whatever runs in a step can ask, and a
//! model's server does more than answer: it searches, calls servers, fetches addresses, and knows what is stored at the
//! account. That would be a way out, or in, which the step's `network` does not give. So what an agent needs is known
//! (`grammar`), and nothing else goes out.

mod kind;
#[cfg(test)]
mod messages;
mod place;
mod seen;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::grammar::{Object, Shape};
use kind::OfKind;
use place::{Place, shown, unknown};
use seen::Seen;

/// Pictures that a model sees. None of them can refer to another, as one in SVG does.
const PICTURES: [&str; 6] = ["bmp", "gif", "jpeg", "jpg", "png", "webp"];

/// Members of a schema by which it refers to another one.
const REFERENCES: [&str; 3] = ["$dynamicRef", "$recursiveRef", "$ref"];

/// Why a request is not passed on.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Objection {
    /// It asks for what a step does not get.
    #[error("not passed on: {0}")]
    Forbidden(String),
    /// Nobody can tell what it asks for.
    #[error("no JSON: {0}")]
    Unreadable(String),
}

/// Judges a request's body by what it may consist of. What the server itself gave in this command is `given`: by their
/// ids.
pub(super) fn judge(
    body: &[u8],
    shape: &'static Shape,
    given: &dyn Fn(&str) -> bool,
) -> Result<(), Objection> {
    // Bytes that are no text are something else to each reader.
    let text = std::str::from_utf8(body).map_err(|error| Objection::Unreadable(error.to_string()))?;
    let mut reader = serde_json::Deserializer::from_str(text);
    let request = Judge { shape, place: &Place::Top, given };
    let read = request.deserialize(&mut reader).and_then(|is| {
        // Nothing asks for nothing.
        if is { reader.end() } else { Err(request.wrong("`null`")) }
    });
    read.map_err(|error| {
        let kind = if error.is_data() { Objection::Forbidden } else { Objection::Unreadable };
        kind(error.to_string())
    })
}

/// Judges a value while it is read, and keeps nothing of it: one which names a member twice hides nothing, and a large
/// one takes no memory. Gives whether there is anything.
#[derive(Clone, Copy)]
struct Judge<'a> {
    shape: &'static Shape,
    place: &'a Place<'a>,
    given: &'a dyn Fn(&str) -> bool,
}

impl Judge<'_> {
    fn at<'b>(&'b self, shape: &'static Shape, place: &'b Place<'b>) -> Judge<'b> {
        Judge { shape, place, given: self.given }
    }

    fn object(&self, why: impl fmt::Display) -> String {
        format!("`{}` {why}", self.place)
    }

    fn wrong<E: Error>(&self, found: &str) -> E {
        E::custom(self.object(format_args!("is {found}: it has to be {self}")))
    }

    /// Takes the members of an object, in whatever order they come.
    fn members<'de, A: MapAccess<'de>>(
        &self,
        object: &'static Object,
        mut members: A,
    ) -> Result<(), A::Error> {
        let mut seen = Seen::default();
        while let Some(name) = members.next_key::<Cow<'de, str>>()? {
            let place = Place::Member(self.place, &name);
            let refuse = |why: &str| Err(A::Error::custom(format_args!("`{place}`: {why}")));
            let is_kind = name == "type" && !object.kinds.is_empty();
            let member = object.member(&name).filter(|_| !is_kind);
            let (bit, shape) = match member {
                Some((at, shape)) => (1 << at, Some(shape)),
                None if is_kind => (Seen::KIND, None),
                None => return refuse(unknown(&name)),
            };
            if seen.named & bit != 0 {
                return refuse("it is named twice: name it once");
            }
            seen.named |= bit;
            match shape {
                None => seen.kind = Some(members.next_value_seed(OfKind { object, place: &place })?),
                Some(_) if name == "id" => seen.id = members.next_value()?,
                Some(shape) if members.next_value_seed(self.at(shape, &place))? => seen.whole |= bit,
                Some(_) => {}
            }
        }
        seen.objection(object, self.given).map_or(Ok(()), |why| Err(A::Error::custom(self.object(why))))
    }
}

impl<'de> DeserializeSeed<'de> for Judge<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<bool, D::Error> {
        match self.shape {
            Shape::Anything => reader.deserialize_ignored_any(IgnoredAny).map(|_| true),
            _ => reader.deserialize_any(self),
        }
    }
}

impl fmt::Display for Judge<'_> {
    /// Says what the value has to be.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.shape {
            Shape::Text => f.write_str("text"),
            Shape::Plain => f.write_str("text, a number, true or false"),
            Shape::Word(words) => write!(f, "`{}`", words.join("` or `")),
            Shape::Is(value) => write!(f, "`{value}`"),
            Shape::Anything => f.write_str("anything"),
            Shape::Schema => f.write_str("a schema that refers to nothing outside of itself (`#…`)"),
            Shape::Picture => {
                write!(f, "the picture itself, `data:image/png;base64,…` ({})", PICTURES.join(", "))
            }
            Shape::Empty => f.write_str("an empty list"),
            Shape::List(_) => f.write_str("a list"),
            Shape::TextOr(_) => f.write_str("text or a list"),
            Shape::Map(_) | Shape::Object(_) => f.write_str("an object"),
        }
    }
}

impl<'de> Visitor<'de> for Judge<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} at `{}`", self.place)
    }

    fn visit_unit<E: Error>(self) -> Result<bool, E> {
        match self.shape {
            Shape::Word(_) | Shape::Is(_) => Err(self.wrong("`null`")),
            _ => Ok(false),
        }
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<bool, E> {
        match self.shape {
            Shape::Is(right) if value == *right => Ok(true),
            Shape::Plain | Shape::Schema => Ok(true),
            _ => Err(self.wrong(&format!("`{value}`"))),
        }
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<bool, E> {
        self.number()
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<bool, E> {
        self.number()
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<bool, E> {
        self.number()
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<bool, E> {
        match self.shape {
            Shape::Text | Shape::Plain | Shape::TextOr(_) | Shape::Schema => Ok(true),
            Shape::Word(words) if words.contains(&text) => Ok(true),
            Shape::Picture if is_picture(text) => Ok(true),
            Shape::Picture => Err(self.wrong("an address, which the model's server would fetch")),
            _ => Err(self.wrong(&format!("`{}`", shown(text)))),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<bool, A::Error> {
        let shape = match self.shape {
            Shape::List(each) | Shape::TextOr(each) => each,
            Shape::Schema => self.shape,
            Shape::Empty => match items.next_element::<IgnoredAny>()? {
                None => return Ok(true),
                Some(_) => return Err(self.wrong("a list with something in it")),
            },
            _ => return Err(self.wrong("a list")),
        };
        for at in 0.. {
            let place = Place::Item(self.place, at);
            let item = self.at(shape, &place);
            match items.next_element_seed(item)? {
                Some(false) if !matches!(shape, Shape::Schema) => return Err(item.wrong("`null`")),
                Some(_) => {}
                None => break,
            }
        }
        Ok(true)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<bool, A::Error> {
        let of_any_name = match self.shape {
            Shape::Object(object) => return self.members(object, members).map(|()| true),
            Shape::Map(each) => each,
            Shape::Schema => self.shape,
            _ => return Err(self.wrong("an object")),
        };
        while let Some(name) = members.next_key::<Cow<'de, str>>()? {
            let place = Place::Member(self.place, &name);
            let value = self.at(of_any_name, &place);
            if matches!(self.shape, Shape::Schema) && REFERENCES.contains(&&*name) {
                members.next_value_seed(Reference(value))?;
            } else {
                members.next_value_seed(value)?;
            }
        }
        Ok(true)
    }
}

impl Judge<'_> {
    fn number<E: Error>(self) -> Result<bool, E> {
        match self.shape {
            Shape::Plain | Shape::Schema => Ok(true),
            _ => Err(self.wrong("a number")),
        }
    }
}

/// Tells whether an address is a picture itself.
fn is_picture(address: &str) -> bool {
    let kind = address.strip_prefix("data:image/").and_then(|rest| rest.split_once(";base64,"));
    kind.is_some_and(|(kind, _)| PICTURES.contains(&kind))
}

/// What a schema refers to, or the schema of a member of such a name.
struct Reference<'a>(Judge<'a>);

impl<'de> DeserializeSeed<'de> for Reference<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<bool, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reference<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }

    fn visit_str<E: Error>(self, target: &str) -> Result<bool, E> {
        if target.starts_with('#') { Ok(true) } else { Err(self.0.wrong(&format!("`{}`", shown(target)))) }
    }

    fn visit_unit<E: Error>(self) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<bool, E> {
        self.0.visit_bool(value)
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<bool, A::Error> {
        self.0.visit_map(members)
    }
}
