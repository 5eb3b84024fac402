//! Takes what a model costs a token, gives what an answer costs. The prices stand with each wire format (`dialect`). Amounts
//! are whole billionths of a US dollar: what a token costs is a whole number of them, and sums stop at the largest.

use super::told::Cost;
use crate::plan;

/// The day on which the prices were collected, from what was published of them: by the makers in part, else by others.
pub const PRICES_OF: &str = "2026-11-30";

/// What a token costs, in billionths of a US dollar: the same number as thousandths of a dollar for a million.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Price {
    pub(super) input: u64,
    /// Read from the cache.
    pub(super) cached: u64,
    /// Written to the cache, for a short while or for long.
    pub(super) written: [u64; 2],
    pub(super) output: u64,
}

/// What a model costs: more, where the prompt is longer than this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rates {
    short: Price,
    long: Option<(u64, Price)>,
}

impl From<&plan::Price> for Rates {
    /// Takes what a file of the host says; a long prompt costs no more there.
    fn from(own: &plan::Price) -> Self {
        let plan::Price { input, cached, written, output } = *own;
        Self::new(Price { input, cached, written: [written, written], output }, None)
    }
}

impl Rates {
    /// What costs nothing: a model on this host.
    pub(super) const FREE: Self =
        Self { short: Price { input: 0, cached: 0, written: [0, 0], output: 0 }, long: None };

    /// Rates of a model, and beyond how many tokens of a prompt it costs more, and how much.
    pub(super) const fn new(short: Price, long: Option<(u64, Price)>) -> Self {
        Self { short, long }
    }

    /// Returns what an answer costs.
    pub(super) fn cost(&self, cost: &Cost) -> u64 {
        let price = match &self.long {
            Some((above, long)) if cost.input > *above => long,
            _ => &self.short,
        };
        let for_long = cost.written_long.min(cost.written);
        let fresh = cost.input.saturating_sub(cost.cached).saturating_sub(cost.written);
        [
            (fresh, price.input),
            (cost.cached, price.cached),
            (cost.written - for_long, price.written[0]),
            (for_long, price.written[1]),
            (cost.output, price.output),
        ]
        .into_iter()
        .fold(0, |sum: u64, (tokens, each)| sum.saturating_add(tokens.saturating_mul(each)))
    }

    /// Returns the most that a request of so many bytes can cost, whose answer has at most so many tokens: no token is
    /// shorter than a byte.
    pub(super) fn most(&self, bytes: u64, output: u64) -> u64 {
        let most = |price: &Price| {
            let dearest = price.input.max(price.written[0]).max(price.written[1]);
            bytes.saturating_mul(dearest).saturating_add(output.saturating_mul(price.output))
        };
        let long = self.long.as_ref().map_or(0, |(_, price)| most(price));
        most(&self.short).max(long)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Price = Price { input: 2000, cached: 200, written: [2500, 4000], output: 10_000 };
    const LONG: Price = Price { input: 4000, cached: 400, written: [5000, 8000], output: 15_000 };

    #[test]
    fn each_kind_of_token_has_its_price() {
        let rates = Rates::new(SHORT, None);
        // 100 fresh, 30 read from the cache, 20 written to it, 15 of them for long.
        let cost = Cost { input: 150, cached: 30, written: 20, written_long: 15, output: 10 };
        assert_eq!(rates.cost(&cost), 100 * 2000 + 30 * 200 + 5 * 2500 + 15 * 4000 + 10 * 10_000);
        let absurd = Cost { input: 1, cached: 9, written: 9, written_long: 99, output: u64::MAX };
        assert_eq!(rates.cost(&absurd), u64::MAX, "no sum wraps around");
    }

    #[test]
    fn a_long_prompt_costs_more_and_nothing_costs_more_than_the_most() {
        let rates = Rates::new(SHORT, Some((1000, LONG)));
        let of = |input| rates.cost(&Cost { input, output: 1, ..Cost::default() });
        assert_eq!((of(1000), of(1001)), (1000 * 2000 + 10_000, 1001 * 4000 + 15_000));
        for cost in [
            Cost { input: 1_000_000, output: 1000, ..Cost::default() },
            Cost { input: 900, written: 900, written_long: 900, output: 1000, cached: 0 },
            Cost { input: 9000, written: 9000, written_long: 9000, output: 1000, cached: 0 },
        ] {
            assert!(rates.cost(&cost) <= rates.most(cost.input, cost.output), "{cost:?}");
        }
    }
}
