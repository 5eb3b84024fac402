//! Takes an event of an answer, or the whole of one that does not stream; reads what it tells.

use serde::Deserialize;
use serde_json::Value;

use crate::network::exchange::Said;
use crate::network::told::{Cost, Count, End, Facts, Told};

/// The types of the events that end an answer: complete, as far as it was allowed to go on, and one that could not be
/// given.
const COMPLETED: &str = "response.completed";
const INCOMPLETE: &str = "response.incomplete";
const FAILED: &str = "response.failed";
/// The type of the event that holds a part of the answer as the next request repeats it.
const ITEM: &str = "response.output_item.done";
/// The type of an event that says what went wrong, without a response.
const ERROR: &str = "error";
/// What else there is in an event that tells something: what it cost, a piece of the answer, and that.
const MEMBERS: [&[u8]; 3] = [b"\"usage\"", b"\"delta\"", b"\"error\""];

/// An event of an answer, or the whole of one that does not stream.
#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: Option<String>,
    response: Option<Response>,
    usage: Option<Usage>,
    delta: Option<Value>,
    item: Option<Item>,
    error: Option<Value>,
    code: Option<Value>,
    message: Option<Value>,
    model: Option<String>,
}

#[derive(Deserialize)]
struct Response {
    model: Option<String>,
    error: Option<Value>,
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Usage {
    #[serde(default)]
    input_tokens: Count,
    #[serde(default)]
    output_tokens: Count,
    input_tokens_details: Option<Details>,
}

#[derive(Deserialize)]
struct Details {
    #[serde(default)]
    cached_tokens: Count,
}

#[derive(Deserialize)]
struct Item {
    #[serde(rename = "type")]
    kind: Option<String>,
    id: Option<String>,
}

impl Usage {
    fn told(&self) -> Told {
        let cached = self.input_tokens_details.as_ref().and_then(|details| details.cached_tokens.0);
        match (self.input_tokens.0, self.output_tokens.0) {
            (Some(input), Some(output)) => {
                // What is read from the cache is read.
                Told::Tokens(Cost {
                    input,
                    cached: cached.unwrap_or(0).min(input),
                    output,
                    ..Cost::default()
                })
            }
            _ => Told::Absurd,
        }
    }
}

/// Takes what stands in a line of the answer.
pub(in crate::network) fn take(data: &[u8], facts: &mut Facts) {
    let holds = |word: &[u8]| memchr::memmem::find(data, word).is_some();
    let words = [COMPLETED.as_bytes(), INCOMPLETE.as_bytes(), FAILED.as_bytes(), ITEM.as_bytes()];
    if !words.into_iter().chain(MEMBERS).any(holds) {
        return;
    }
    let Ok(event) = serde_json::from_slice::<Event>(data) else { return };
    match event.kind.as_deref() {
        Some(COMPLETED | INCOMPLETE) => facts.end = Some(End::Complete),
        Some(FAILED) => {
            facts.end = Some(End::Failed);
            let error = event.response.as_ref().and_then(|response| response.error.as_ref());
            facts.failure = error.map(Said::of);
        }
        Some(ERROR) => {
            facts.end = Some(End::Failed);
            let flat = serde_json::json!({"code": event.code, "message": event.message});
            facts.failure = Some(Said::of(event.error.as_ref().unwrap_or(&flat)));
        }
        Some(ITEM) => {
            let reasoning = event.item.filter(|item| item.kind.as_deref() == Some("reasoning"));
            facts.reasoning.extend(reasoning.and_then(|item| item.id));
        }
        _ => {}
    }
    if let Some(Value::String(piece)) = event.delta {
        facts.piece(piece.len());
    }
    let (model, usage) = event.response.map_or((None, None), |response| (response.model, response.usage));
    facts.model = model.or(event.model).or(facts.model.take());
    let usage = usage.or(event.usage);
    facts.told = usage.map(|usage| usage.told()).or(facts.told);
}
