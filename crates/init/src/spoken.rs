//! How long something took or may take, as it is said wherever somebody reads it: `0.3s`, `8m43s` or `1h20m`.

use std::fmt::Write as _;
use std::time::Duration;

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
}
