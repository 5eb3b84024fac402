//! What models cost that speak this wire format, as their makers say: standard rates, not those of batches or faster tiers,
//! which no step gets.

use crate::network::price::{Price, Rates};

/// What is written to the cache costs a quarter more at most.
const fn each(input: u64, cached: u64, output: u64) -> Price {
    let written = input + input.div_ceil(4);
    Price { input, cached, written: [written, written], output }
}

/// Newer models cost twice as much beyond this many tokens of a prompt, and half as much again for the answer.
const fn doubling(input: u64, cached: u64, output: u64) -> Rates {
    let long = each(2 * input, 2 * cached, output + output / 2);
    Rates::new(each(input, cached, output), Some((272_000, long)))
}

pub(in crate::network) static PRICES: &[(&str, Rates)] = &[
    ("gpt-5", Rates::new(each(1250, 125, 10_000), None)),
    ("gpt-5-codex", Rates::new(each(1250, 125, 10_000), None)),
    ("gpt-5.3-codex", Rates::new(each(1750, 175, 14_000), None)),
    ("gpt-5.4", doubling(2500, 250, 15_000)),
    ("gpt-5.4-mini", Rates::new(each(750, 75, 4500), None)),
    ("gpt-5.5", doubling(5000, 500, 30_000)),
    ("gpt-5.6-luna", doubling(200, 20, 1200)),
    ("gpt-5.6-sol", doubling(5000, 500, 30_000)),
    ("gpt-5.6-terra", doubling(2000, 200, 12_000)),
    ("gpt-6-astra", doubling(10_000, 1000, 50_000)),
    ("gpt-6-luna", doubling(100, 10, 500)),
    ("gpt-6-sol", doubling(2000, 200, 10_000)),
    ("gpt-6.1-sol", doubling(2000, 100, 10_000)),
    ("gpt-6.1-terra", doubling(1000, 50, 5000)),
];
