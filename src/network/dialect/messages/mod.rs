//! Anthropic's Messages, as Claude Code speaks it: `POST /v1/messages?beta=true`.

mod answer;
mod grammar;
mod head;
mod prices;

pub(in crate::network) use answer::{Counts, take};
pub(in crate::network) use grammar::REQUEST;
pub(in crate::network) use head::{asks, goes_out};
pub(in crate::network) use prices::PRICES;
