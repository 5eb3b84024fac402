//! Durations and numbers as people say them.

use std::time::Duration;

use crate::plan::units;

/// Writes a duration as people say it: `0.3s`, `8m43s`.
pub fn spoken(duration: Duration) -> String {
    if duration < Duration::from_secs(10) {
        format!("{:.1}s", duration.as_secs_f64())
    } else {
        units::duration(Duration::from_secs(duration.as_secs()))
    }
}

/// Writes a count with its noun.
pub fn plural(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}
