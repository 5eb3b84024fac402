//! Anthropic's Messages, as Claude Code speaks it: `POST /v1/messages?beta=true`.

mod grammar;

pub(in crate::network) use grammar::REQUEST;
