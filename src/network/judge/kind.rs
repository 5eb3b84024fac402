//! Reads what type an object of a request is of.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, Visitor};

use super::place::{Place, shown, unknown};
use crate::network::grammar::{Kind, Object};

/// Reads the `type` of an object.
pub(super) struct OfKind<'a> {
    pub(super) object: &'static Object,
    pub(super) place: &'a Place<'a>,
}

impl<'de> DeserializeSeed<'de> for OfKind<'_> {
    type Value = &'static Kind;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_str(self)
    }
}

impl Visitor<'_> for OfKind<'_> {
    type Value = &'static Kind;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the name of a type at `{}`", self.place)
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        self.object.kind(name).filter(|_| !name.is_empty()).ok_or_else(|| {
            let known: Vec<&str> =
                self.object.kinds.iter().map(|kind| kind.name).filter(|name| !name.is_empty()).collect();
            let (place, shown, why) = (self.place, shown(name), unknown(name));
            E::custom(format_args!("`{place}` is `{shown}`: {why}. What is passed on: {}", known.join(", ")))
        })
    }
}
