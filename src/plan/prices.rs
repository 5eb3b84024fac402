//! What models cost, as the files of a host say it beside the table of this program: takes amounts of money for a million tokens,
//! gives whole thousandths of a US dollar.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};

use super::text::{Rate, Token};
use super::units;

/// What each of some models costs, by its name.
pub type Prices = BTreeMap<String, Price>;

/// What a million tokens of a model cost, in thousandths of a US dollar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Price {
    /// Read by the model.
    #[serde(serialize_with = "shown")]
    pub input: u64,
    /// Read from its cache.
    #[serde(serialize_with = "shown")]
    pub cached: u64,
    /// Written to its cache.
    #[serde(serialize_with = "shown")]
    pub written: u64,
    /// Written by the model.
    #[serde(serialize_with = "shown")]
    pub output: u64,
}

/// What a model costs, for a million tokens.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PriceFile {
    /// Name of the model, such as `qwen3-coder`.
    pub(super) model: Token,
    /// A million tokens that it reads, such as `2 USD`.
    input: Rate,
    /// A million tokens that it writes.
    output: Rate,
    /// A million tokens that it reads from its cache. Default: as `input`.
    cached: Option<Rate>,
    /// A million tokens that are written to its cache. Default: as `input`.
    written: Option<Rate>,
}

impl PriceFile {
    /// Returns name and price.
    pub(super) fn resolve(self) -> (String, Price) {
        let input = self.input.0;
        let or_input = |rate: Option<Rate>| rate.map_or(input, |rate| rate.0);
        let (cached, written) = (or_input(self.cached), or_input(self.written));
        (self.model.0, Price { input, cached, written, output: self.output.0 })
    }
}

/// Writes a price as a file does.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn shown<S: Serializer>(thousandths: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&units::rate(*thousandths))
}
