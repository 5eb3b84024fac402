//! Takes the wire format that a model speaks, gives what the endpoint has to know of it: where it is asked, what a request
//! may consist of, which headers go out, what an answer tells. A format is a folder here, and a line in each of these.

mod messages;
mod responses;

use hyper::header::HeaderValue;

use super::dated::undated;
use super::grammar::Shape;
use super::price::Rates;
use super::told::Facts;
use crate::plan::Prices;

/// A wire format between an agent and its model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// OpenAI's Responses.
    Responses,
    /// Anthropic's Messages.
    Messages,
}

impl Dialect {
    /// Returns what the step's own part of an address begins with; what comes behind it is below the base URL, too.
    /// An agent's base URL has a version in it, or has none: each as its makers write it.
    pub(super) fn prefix(self) -> &'static str {
        match self {
            Self::Responses => "/v1/",
            Self::Messages => "/",
        }
    }

    /// Returns where the model is asked.
    pub(super) fn ask(self) -> &'static str {
        match self {
            Self::Responses => "responses",
            Self::Messages => "v1/messages",
        }
    }

    /// Returns what an agent looks at without asking the model.
    pub(super) fn look(self) -> Option<&'static str> {
        match self {
            Self::Responses => Some("models"),
            Self::Messages => None,
        }
    }

    /// Returns what a request may consist of.
    pub(super) fn request(self) -> &'static Shape {
        match self {
            Self::Responses => &responses::REQUEST,
            Self::Messages => &messages::REQUEST,
        }
    }

    /// Returns what goes out of a header that an agent sends, if anything does. What lets one in never does.
    pub(super) fn goes_out(self, name: &str, value: &HeaderValue) -> Option<HeaderValue> {
        match self {
            Self::Responses => responses::needs(name).then(|| value.clone()),
            Self::Messages => {
                let value = messages::goes_out(name, value.to_str().ok()?)?;
                HeaderValue::from_str(&value).ok()
            }
        }
    }

    /// Tells whether a query is one that an agent asks with.
    pub(super) fn asks(self, query: &str) -> bool {
        match self {
            Self::Responses => responses::asks(query),
            Self::Messages => messages::asks(query),
        }
    }

    /// Begins to read an answer.
    pub(super) fn telling(self) -> Telling {
        match self {
            Self::Responses => Telling::Responses,
            Self::Messages => Telling::Messages(messages::Counts::default()),
        }
    }

    /// Says what is passed on.
    pub(super) fn passed_on(self) -> &'static str {
        match self {
            Self::Responses => "only POST /v1/responses and GET /v1/models are passed on",
            Self::Messages => "only POST /v1/messages is passed on",
        }
    }
}

/// Reads an answer, line by line.
pub(super) enum Telling {
    Responses,
    /// With the counts that its events told so far.
    Messages(messages::Counts),
}

impl Telling {
    /// Takes what stands in a line of the answer.
    pub(super) fn take(&mut self, line: &[u8], facts: &mut Facts) {
        match self {
            Self::Responses => responses::take(line, facts),
            Self::Messages(counts) => messages::take(line, counts, facts),
        }
    }
}

/// Returns what a model costs, by its name with the day of its making or without, if that is known.
pub(super) fn rates(model: &str) -> Option<Rates> {
    let name = bare(model);
    let all = || responses::PRICES.iter().chain(messages::PRICES);
    all().find(|(known, _)| *known == name).map(|(_, rates)| *rates)
}

/// Returns what the host says that a model costs, by its very name before the one without the day of its making.
pub(super) fn own_rates(own: &Prices, model: &str) -> Option<Rates> {
    own.get(model).or_else(|| own.get(bare(model))).map(Rates::from)
}

/// Tells whether it is known what a model costs, by the host's files or this program's own table.
pub fn is_priced(model: &str, own: &Prices) -> bool {
    own_rates(own, model).or_else(|| rates(model)).is_some()
}

/// Returns the name of a model without what says which make of it.
fn bare(model: &str) -> &str {
    let name = model.strip_suffix("[1m]").unwrap_or(model);
    undated(name.strip_suffix("-latest").unwrap_or(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_found_by_its_name_with_and_without_its_day() {
        for name in ["gpt-5.5", "gpt-5.5-2026-04-24", "claude-sonnet-5-20260630", "claude-opus-5-5[1m]"] {
            assert!(is_priced(name, &Prices::new()), "{name}");
        }
        for name in
            ["", "gpt-5.5-own", "gpt-5.55", "openai/gpt-5.5", "GPT-5.5", "-2026-04-24", "qwen3", "gpt-5.5-1"]
        {
            assert!(!is_priced(name, &Prices::new()), "{name}");
        }
    }

    #[test]
    fn no_model_has_two_prices() {
        let mut names: Vec<&str> =
            responses::PRICES.iter().chain(messages::PRICES).map(|(name, _)| *name).collect();
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}
