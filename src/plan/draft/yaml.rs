//! The plan that `init` writes, as types in the order of a plan's keys, and their YAML. What is quoted, and how, the
//! library decides; comments stand between the pieces it wrote, never in them.

use std::collections::BTreeMap;

use serde::Serialize;

/// What stands before the steps.
#[derive(Debug, Serialize)]
pub(super) struct Head<'a> {
    pub(super) version: u64,
    pub(super) issue: u64,
    pub(super) title: &'a str,
    pub(super) limits: Limits,
}

#[derive(Debug, Serialize)]
pub(super) struct Limits {
    pub(super) timeout: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) budget: Option<&'static str>,
}

#[derive(Debug, Serialize)]
pub(super) struct Defaults<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) model: Option<&'a str>,
    pub(super) provider: &'a str,
}

/// A step of an agent.
#[derive(Debug, Serialize)]
pub(super) struct Step<'a> {
    pub(super) id: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) needs: Vec<&'a str>,
    /// Its key, and what it is asked.
    #[serde(flatten)]
    pub(super) agent: BTreeMap<&'static str, String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) context: Vec<&'static str>,
    pub(super) timeout: String,
    pub(super) retries: u32,
    pub(super) expectation: Expectation<'a>,
}

#[derive(Debug, Serialize)]
pub(super) struct Expectation<'a> {
    pub(super) changes: Changes,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) proves: Option<Proves<'a>>,
}

#[derive(Debug, Serialize)]
pub(super) struct Proves<'a> {
    pub(super) tests: &'a [String],
    pub(super) command: &'a str,
}

#[derive(Debug, Serialize)]
pub(super) struct Changes {
    pub(super) min: u64,
}

/// Writes a piece of the plan.
pub(super) fn piece(value: &impl Serialize) -> Result<String, serde_yaml::Error> {
    serde_yaml::to_string(value)
}

/// Writes an entry of a list, indented as people do it. Each line moves alike: the library folds none.
pub(super) fn entry(value: &impl Serialize) -> Result<String, serde_yaml::Error> {
    let lines = piece(&[value])?;
    let indented = lines.split_inclusive('\n').map(|line| match line {
        "\n" => line.to_owned(),
        line => format!("  {line}"),
    });
    Ok(indented.collect())
}
