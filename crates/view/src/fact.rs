//! A fact: how good it is, its name, what there is to say.

use maud::{Markup, html};

use crate::link::Link;
use crate::words::Words;

/// How good something is. Said by a sign and a word, too: not everybody sees colours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mark {
    /// As it should be.
    Good,
    /// Not as it should be.
    Bad,
    /// A person should look at it.
    Look,
    /// Under way.
    Open,
    /// Neither.
    #[default]
    Plain,
}

impl Mark {
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad => "bad",
            Self::Look => "look",
            Self::Open => "open",
            Self::Plain => "plain",
        }
    }

    pub(crate) fn sign(self) -> &'static str {
        match self {
            Self::Good => "✓",
            Self::Bad => "✗",
            Self::Look => "⚠",
            Self::Open => "…",
            Self::Plain => "–",
        }
    }
}

/// Something that is known of a run, a step, an attempt.
#[derive(Debug, Clone, Default)]
pub struct Fact {
    /// How good it is.
    pub mark: Mark,
    /// What it is about.
    pub name: Words,
    /// What there is to say.
    pub values: Vec<Value>,
}

/// A part of what there is to say.
#[derive(Debug, Clone)]
pub enum Value {
    /// In words.
    Text(Words),
    /// Something named: a path, a commit, a host.
    Code(Words),
    /// A line for a shell.
    Command(Words),
    /// Somewhere else.
    Link(Link, Words),
}

impl Fact {
    /// Makes a fact that is told in words.
    pub fn text(mark: Mark, name: impl AsRef<str>, text: impl AsRef<str>) -> Self {
        Self { mark, name: name.into(), values: vec![Value::Text(text.into())] }
    }

    /// Makes a fact of things that are named.
    pub fn code(mark: Mark, name: impl AsRef<str>, all: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        Self {
            mark,
            name: name.into(),
            values: all.into_iter().map(|each| Value::Code(each.into())).collect(),
        }
    }

    /// Makes a fact of lines for a shell.
    pub fn commands(name: impl AsRef<str>, all: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        let values = all.into_iter().map(|each| Value::Command(each.into())).collect();
        Self { mark: Mark::Plain, name: name.into(), values }
    }

    /// Adds a part.
    #[must_use]
    pub fn and(mut self, value: Value) -> Self {
        self.values.push(value);
        self
    }

    /// Returns it as a line of text.
    pub(crate) fn line(&self) -> String {
        let values: Vec<&str> = self.values.iter().map(|value| value.words().as_str()).collect();
        format!("{} {}: {}\n", self.mark.sign(), self.name, values.join("  "))
    }
}

impl Value {
    fn words(&self) -> &Words {
        match self {
            Self::Text(words) | Self::Code(words) | Self::Command(words) | Self::Link(_, words) => words,
        }
    }
}

/// Shows facts as a list of names and values.
pub(crate) fn list(facts: &[Fact]) -> Markup {
    html! {
        @if !facts.is_empty() {
            dl { @for fact in facts { (item(fact)) } }
        }
    }
}

fn item(fact: &Fact) -> Markup {
    html! {
        dt class=(fact.mark.class()) {
            @if fact.mark != Mark::Plain { (fact.mark.sign()) " " }
            (fact.name)
        }
        dd { @for value in &fact.values { (value_of(value)) } }
    }
}

fn value_of(value: &Value) -> Markup {
    html! {
        @match value {
            Value::Text(words) => span { (words) },
            Value::Code(words) => code { (words) },
            Value::Command(words) => kbd { (words) },
            Value::Link(link, words) => a href=(link.as_str()) rel="noreferrer noopener" { (words) },
        }
    }
}
