//! The two kinds of strings in evidence: masked text, and typed tokens that are never masked.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};

use super::mask::{self, Secrets};

/// Free text on its way to a sink. Made only by masking, so that no event can carry an unmasked string.
///
/// A journal that is read has such texts, and only its events read them:
///
/// ```compile_fail
/// let text: autopilot::evidence::Text = serde_json::from_str("\"a token\"").unwrap();
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Text(String);

impl Text {
    /// Masks a text.
    pub fn new(secrets: &Secrets, text: &str) -> Self {
        Self(mask::text(secrets, text))
    }

    /// Masks a text that is shown as one line, within others: a control could end it, or move what is around it.
    pub fn line(secrets: &Secrets, text: &str) -> Self {
        Self(mask::text(secrets, text).replace(char::is_control, " "))
    }

    /// Masks a path or another string of the system, which need not be UTF-8.
    pub fn lossy(secrets: &Secrets, text: impl AsRef<std::ffi::OsStr>) -> Self {
        Self::new(secrets, &text.as_ref().to_string_lossy())
    }

    /// Returns the masked text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A JSON document whose string leaves are masked; keys are the schema's and stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Document(Value);

impl Document {
    /// Masks every string leaf.
    pub fn new(secrets: &Secrets, mut value: Value) -> Self {
        mask_leaves(secrets, &mut value);
        Self(value)
    }

    /// Returns the masked document.
    pub fn value(&self) -> &Value {
        &self.0
    }
}

/// Reads a text of an event: it was masked when that was written.
pub(super) fn one<'de, D: Deserializer<'de>>(from: D) -> Result<Text, D::Error> {
    String::deserialize(from).map(Text)
}

/// Reads a text that there may be.
pub(super) fn maybe<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Text>, D::Error> {
    Ok(Option::<String>::deserialize(from)?.map(Text))
}

/// Reads any number of texts.
pub(super) fn many<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Text>, D::Error> {
    Ok(Vec::<String>::deserialize(from)?.into_iter().map(Text).collect())
}

/// Reads texts that have names.
pub(super) fn named<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, Text>, D::Error> {
    let all = BTreeMap::<String, String>::deserialize(from)?.into_iter();
    Ok(all.map(|(name, text)| (name, Text(text))).collect())
}

/// Reads a document of an event.
pub(super) fn document<'de, D: Deserializer<'de>>(from: D) -> Result<Document, D::Error> {
    Value::deserialize(from).map(Document)
}

/// Reads a document that there may be.
pub(super) fn maybe_document<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Document>, D::Error> {
    Ok(Option::<Value>::deserialize(from)?.map(Document))
}

fn mask_leaves(secrets: &Secrets, value: &mut Value) {
    match value {
        Value::String(text) => *text = mask::text(secrets, text),
        Value::Array(items) => items.iter_mut().for_each(|item| mask_leaves(secrets, item)),
        Value::Object(members) => members.iter_mut().for_each(|(key, member)| match member {
            Value::String(text) => *text = mask_member(secrets, key, text),
            _ => mask_leaves(secrets, member),
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Masks a string as it will stand in a line: behind its key, which may be what tells that it is a secret.
fn mask_member(secrets: &Secrets, key: &str, text: &str) -> String {
    let masked = mask::text(secrets, &json!({ key: text }).to_string());
    let member = serde_json::from_str::<BTreeMap<String, String>>(&masked)
        .ok()
        .and_then(|all| all.into_values().next());
    // What JSON escapes may hide what the text itself shows; and a mask may have taken a quote or a bracket with it.
    member.map_or_else(|| "***".to_owned(), |text| mask::text(secrets, &text))
}

/// A string of a closed shape (an id, a digest, a ref name): never masked, because a digest that was
/// changed is worth nothing. Anything outside the shape is replaced when the token is made.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Token(String);

impl From<String> for Token {
    /// Somebody else's record is no other way to make one.
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl From<Token> for String {
    fn from(token: Token) -> Self {
        token.0
    }
}

impl Token {
    /// Longest token, in bytes.
    const LONGEST: usize = 200;

    /// Makes a token; what is not `[A-Za-z0-9._/:@+-]` becomes `_`, so that free text cannot pass as one.
    pub fn new(text: impl AsRef<str>) -> Self {
        let allowed = |c: char| if c.is_ascii_alphanumeric() || "._/:@+-".contains(c) { c } else { '_' };
        Self(text.as_ref().chars().take(Self::LONGEST).map(allowed).collect())
    }

    /// Returns the token's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl PartialEq<str> for Token {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_cannot_carry_free_text() {
        assert_eq!(Token::new("implement-2").as_str(), "implement-2");
        assert_eq!(Token::new("a b\nc").as_str(), "a_b_c");
        assert_eq!(Token::new("x".repeat(300)).as_str().len(), 200);
    }

    #[test]
    fn documents_mask_leaves_and_keep_keys() {
        let secrets = Secrets::default();
        let document = Document::new(&secrets, serde_json::json!({"a": ["b", 1, null, {"c": true}]}));
        assert_eq!(document.value()["a"][3]["c"], true);
    }

    #[test]
    fn a_string_is_judged_behind_its_key() {
        let value = format!("{}{}", "correct-horse", "-7x-battery");
        let document =
            serde_json::json!({"env": {"DB_PASSWORD": value, "NAME": value}, "tokens": "unlimited"});
        let document = Document::new(&Secrets::default(), document);
        assert_eq!(document.value()["env"]["DB_PASSWORD"], "***");
        assert_eq!(document.value()["env"]["NAME"], value.as_str());
        assert_eq!(document.value()["tokens"], "unlimited");
        let line = document.value().to_string();
        assert_eq!(mask::detect(line.as_bytes()), [], "the audit looks at the line");
    }
}
