//! How times are said, wherever somebody reads one: `0.3s`, `8m43s` or `1h20m` for how long, as a plan is written, `2d` for how
//! long ago, and `2026-10-03T10:15:00Z` for when.

use std::fmt::Write as _;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};

/// Milliseconds of each unit.
const UNITS: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];
/// What is shorter is told to a tenth of a second.
const SHORT: Duration = Duration::from_secs(10);

/// Returns a duration to the millisecond: `10m`, `1h20m`, `250ms`.
pub fn exact(duration: Duration) -> String {
    let mut rest = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let mut out = String::new();
    // Hours carry days: `26h` is easier to compare with a limit than `1d2h`.
    for (unit, factor) in UNITS {
        if rest >= factor {
            let _ = write!(out, "{}{unit}", rest / factor);
            rest %= factor;
        }
    }
    if out.is_empty() { "0s".to_owned() } else { out }
}

/// Returns a duration to the second: `0s`, `8m43s`.
pub fn whole(duration: Duration) -> String {
    exact(Duration::from_secs(duration.as_secs()))
}

/// Returns a duration that was measured, as people say it: `0.3s`, `8m43s`.
pub fn spoken(duration: Duration) -> String {
    if duration < SHORT {
        format!("{}.{}s", duration.as_secs(), duration.subsec_millis() / 100)
    } else {
        whole(duration)
    }
}

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
    fn what_was_measured_is_told_as_exactly_as_somebody_wants_it() {
        let told = [0, 40, 340, 9_990, 10_000, 523_999, 4_800_000, 93_600_000]
            .map(|ms| spoken(Duration::from_millis(ms)));
        assert_eq!(told, ["0.0s", "0.0s", "0.3s", "9.9s", "10s", "8m43s", "1h20m", "26h"]);
        assert_eq!(exact(Duration::from_millis(60_001)), "1m1ms");
        assert_eq!(exact(Duration::ZERO), "0s");
    }

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
