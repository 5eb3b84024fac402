//! What models cost that speak this wire format, as their makers say: standard rates, not those of batches or faster tiers,
//! which no step gets.

use crate::network::price::{Price, Rates};

/// What is written to the cache costs a quarter more, for an hour twice as much.
const fn each(input: u64, cached: u64, output: u64) -> Price {
    Price { input, cached, written: [input + input / 4, 2 * input], output }
}

pub(in crate::network) static PRICES: &[(&str, Rates)] = &[
    ("claude-fable-5", Rates::new(each(10_000, 1000, 50_000), None)),
    ("claude-fable-5-1", Rates::new(each(10_000, 250, 50_000), None)),
    ("claude-haiku-4-5", Rates::new(each(1000, 100, 5000), None)),
    ("claude-haiku-5-5", Rates::new(each(100, 10, 500), Some((100_000, each(500, 50, 2500))))),
    ("claude-opus-4-1", Rates::new(each(15_000, 1500, 75_000), None)),
    ("claude-opus-4-5", Rates::new(each(5000, 500, 25_000), None)),
    ("claude-opus-4-6", Rates::new(each(5000, 500, 25_000), None)),
    ("claude-opus-4-7", Rates::new(each(5000, 500, 25_000), None)),
    ("claude-opus-4-8", Rates::new(each(5000, 500, 25_000), None)),
    ("claude-opus-5", Rates::new(each(5000, 500, 25_000), None)),
    ("claude-opus-5-5", Rates::new(each(4000, 200, 20_000), None)),
    ("claude-sonnet-4-5", Rates::new(each(3000, 300, 15_000), None)),
    ("claude-sonnet-4-6", Rates::new(each(3000, 300, 15_000), None)),
    ("claude-sonnet-5", Rates::new(each(2000, 200, 10_000), None)),
    ("claude-sonnet-5-5", Rates::new(each(2000, 100, 10_000), None)),
];
