//! OpenAI's Responses, as Codex speaks it: `POST /v1/responses`, `GET /v1/models`.

mod answer;
mod grammar;
mod head;
mod prices;

pub(in crate::network) use answer::take;
pub(in crate::network) use grammar::REQUEST;
pub(in crate::network) use head::{asks, needs};
pub(in crate::network) use prices::PRICES;
