//! Takes a JSON text, gives every string in it, keys included, one by one and in their order; none is kept.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Hands over every string, as far as the text can be read.
pub(super) fn each(json: &[u8], take: &mut dyn FnMut(&str)) -> serde_json::Result<()> {
    let mut from = serde_json::Deserializer::from_slice(json);
    Each(take).deserialize(&mut from)?;
    from.end()
}

struct Each<'t>(&'t mut dyn FnMut(&str));

impl<'de> DeserializeSeed<'de> for Each<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Each<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        (self.0)(text);
        Ok(())
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut items: S) -> Result<(), S::Error> {
        while items.next_element_seed(Each(&mut *self.0))?.is_some() {}
        Ok(())
    }

    fn visit_map<M: MapAccess<'de>>(self, mut members: M) -> Result<(), M::Error> {
        while members.next_key_seed(Each(&mut *self.0))?.is_some() {
            members.next_value_seed(Each(&mut *self.0))?;
        }
        Ok(())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_string_is_given_keys_included() {
        let mut all = Vec::new();
        let json = br#" {"a":["b",1,-2,2.5,null,true,{"c\u00e9":"d"}],"a":"again"} "#;
        each(json, &mut |text| all.push(text.to_owned())).unwrap();
        assert_eq!(all, ["a", "b", "c\u{e9}", "d", "a", "again"]);
        all.clear();
        each(br#"["x", "y", oops"#, &mut |text| all.push(text.to_owned())).unwrap_err();
        assert_eq!(all, ["x", "y"]);
    }
}
