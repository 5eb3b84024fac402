//! Takes the body of a request that was judged, gives what its price hangs on: the model, and how long its answer may be.

use serde::Deserialize;

/// Longest answer of any model, where a request does not bound it, in tokens.
const LONGEST: u64 = 272_000;

/// What a request asks for.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    pub(super) model: Option<String>,
    #[serde(default)]
    max_tokens: Option<serde_json::Value>,
}

impl Asked {
    /// Reads a request.
    pub(super) fn read(body: &[u8]) -> Self {
        // It was read once, as a whole.
        serde_json::from_slice(body).unwrap_or(Self { model: None, max_tokens: None })
    }

    /// Returns the most tokens that its answer can have.
    pub(super) fn longest(&self) -> u64 {
        let bound = self.max_tokens.as_ref().and_then(serde_json::Value::as_u64);
        bound.map_or(LONGEST, |bound| bound.min(LONGEST))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_bounded_by_what_the_request_says() {
        for (body, model, longest) in [
            (r#"{"model":"m","max_tokens":64000,"messages":[]}"#, Some("m"), 64_000),
            (r#"{"model":"m","input":"max_tokens"}"#, Some("m"), LONGEST),
            (r#"{"max_tokens":"7"}"#, None, LONGEST),
            (r#"{"max_tokens":-1}"#, None, LONGEST),
            (r#"{"max_tokens":99999999999}"#, None, LONGEST),
            ("nothing", None, LONGEST),
        ] {
            let asked = Asked::read(body.as_bytes());
            assert_eq!((asked.model.as_deref(), asked.longest()), (model, longest), "{body}");
        }
    }
}
