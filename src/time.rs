//! How times are said, wherever somebody reads one: `0.3s`, `8m43s` or `1h20m` for how long, as a plan is written, `2d` for how
//! long ago, and `2026-10-03T10:15:00Z` for when.

use std::time::Duration;

pub use autopilot_init::spoken::{exact, spoken, whole};
use chrono::{DateTime, SecondsFormat, Utc};

/// Returns how long ago something was, in its largest unit: `3s`, `2h`, `5d`.
pub fn age(since: Duration) -> String {
    let seconds = since.as_secs();
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// Returns when something was: `2026-10-03T10:15:00Z`.
pub fn moment(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Returns when something was, as records have it: to the millisecond.
pub fn stamp(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_told_in_one_unit() {
        let ages = [3, 61, 7300, 200_000].map(|seconds| age(Duration::from_secs(seconds)));
        assert_eq!(ages, ["3s", "1m", "2h", "2d"]);
    }

    #[test]
    fn moments_are_those_of_greenwich() {
        let time = DateTime::from_timestamp_millis(1_791_022_500_123).unwrap();
        assert_eq!((&*moment(time), &*stamp(time)), ("2026-10-03T10:15:00Z", "2026-10-03T10:15:00.123Z"));
    }
}
