//! Durations and sizes: `1h30m`, `512MiB`. Read strictly (a number without a unit is a fault), written short.

use std::fmt::Write as _;
use std::time::Duration;

use super::wrong::Wrong;
pub use crate::time::exact as duration;

const TIMES: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];
const SIZES: [(&str, u64); 5] =
    [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

/// More than this is a slip of the pen; sums of such durations stay far from overflow.
pub(super) const LONGEST: Duration = Duration::from_secs(366 * 86_400);

/// Reads a duration such as `90s` or `1h30m`.
pub fn read_duration(text: &str) -> Result<Duration, Wrong> {
    let mut rest = text;
    let mut total: u64 = 0;
    let mut units = TIMES.iter();
    while !rest.is_empty() {
        let (number, unit, after) = split_number(rest).ok_or_else(|| bad_duration(text))?;
        // Units come largest first and once each: the iterator only moves on.
        let (_, factor) = units.find(|(name, _)| *name == unit).ok_or_else(|| bad_duration(text))?;
        total = number
            .checked_mul(*factor)
            .and_then(|part| total.checked_add(part))
            .filter(|total| Duration::from_millis(*total) <= LONGEST)
            .ok_or_else(|| {
                Wrong::new("is longer than a year", "write a duration such as `10m` or `1h30m`")
            })?;
        rest = after;
    }
    match total {
        0 if text.is_empty() => Err(bad_duration(text)),
        0 => Err(Wrong::new("is no time at all", "write a duration above zero, such as `10m`")),
        _ => Ok(Duration::from_millis(total)),
    }
}

/// Reads a size such as `64MiB`.
pub fn read_size(text: &str) -> Result<u64, Wrong> {
    let (number, unit, after) = split_number(text).ok_or_else(|| bad_size(text))?;
    let factor = SIZES.iter().find(|(name, _)| *name == unit).map(|(_, factor)| *factor);
    match factor {
        Some(factor) if after.is_empty() => match number.checked_mul(factor) {
            Some(0) => Err(Wrong::new("is no size at all", "write a size above zero, such as `64MiB`")),
            Some(bytes) if bytes <= i64::MAX.unsigned_abs() => Ok(bytes),
            _ => Err(Wrong::new("is larger than any machine", "write a size such as `4GiB`")),
        },
        _ => Err(bad_size(text)),
    }
}

/// Writes a count as people say it: `950`, `41k`, `1.2M`.
pub fn count(number: u64) -> String {
    match number {
        0..1_000 => number.to_string(),
        1_000..1_000_000 => format!("{}k", number / 1_000),
        _ => format!("{}.{}M", number / 1_000_000, number / 100_000 % 10),
    }
}

/// Returns what an amount such as `5 USD` or `0.50 USD` is, in millionths of a US dollar.
pub fn micros(money: &str) -> Option<u64> {
    let number = money.strip_suffix(" USD")?;
    let (whole, cents) = number.split_once('.').unwrap_or((number, "0"));
    let (dollars, digits): (u64, u64) = (whole.parse().ok()?, cents.parse().ok()?);
    let cents = if cents.len() == 1 { digits * 10 } else { digits };
    dollars.checked_mul(1_000_000)?.checked_add(cents.checked_mul(10_000)?)
}

/// Writes an amount of money as a plan does, given in millionths of a US dollar.
pub fn money(micros: u64) -> String {
    let cents = micros.div_ceil(10_000);
    format!("{}.{:02} USD", cents / 100, cents % 100)
}

/// Reads what a million tokens cost, such as `2 USD` or `0.075 USD`, in thousandths of a US dollar.
pub fn read_rate(text: &str) -> Result<u64, Wrong> {
    let thousandths = text.strip_suffix(" USD").and_then(|number| {
        let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
        let digits =
            |text: &str, most| (1..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole, 6) || !digits(part, 3) {
            return None;
        }
        Some(whole.parse::<u64>().ok()? * 1000 + format!("{part:0<3}").parse::<u64>().ok()?)
    });
    let hint =
        "write US dollars for a million tokens, at most three digits behind the point: `2 USD`, `0.075 USD`";
    thousandths.ok_or_else(|| Wrong::new("is not a price", hint))
}

/// Writes a price as `read_rate` reads it.
pub fn rate(thousandths: u64) -> String {
    let number = format!("{}.{:03}", thousandths / 1000, thousandths % 1000);
    format!("{} USD", number.trim_end_matches('0').trim_end_matches('.'))
}

/// Writes an amount of money, given in millionths of a US dollar: `$0.41`, and what is less than a cent as `$0.0021`.
pub fn dollars(micros: u64) -> String {
    match micros {
        0 => "$0".to_owned(),
        1..10_000 => format!("$0.{:04}", micros.div_ceil(100)),
        // A part of a cent is a cent.
        _ => {
            let cents = micros.div_ceil(10_000);
            format!("${}.{:02}", cents / 100, cents % 100)
        }
    }
}

/// Returns a size as people write it: `64MiB`, `1.5GiB`, `17B`.
pub fn size(bytes: u64) -> String {
    let fits = |factor: u64| bytes >= factor;
    let (unit, factor) = SIZES.iter().find(|(_, factor)| fits(*factor)).copied().unwrap_or(("B", 1));
    let tenths = u128::from(bytes) * 10 / u128::from(factor);
    if tenths % 10 == 0 {
        format!("{}{unit}", tenths / 10)
    } else {
        format!("{}.{}{unit}", tenths / 10, tenths % 10)
    }
}

/// Splits `12ms3…` into 12, `ms` and the rest.
fn split_number(text: &str) -> Option<(u64, &str, &str)> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, rest) = text.split_at(digits);
    let letters = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
    let (unit, after) = rest.split_at(letters);
    Some((number.parse().ok()?, unit, after))
}

fn bad_duration(text: &str) -> Wrong {
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        return Wrong::new("has no unit", format!("write `{text}s` or `{text}m`"));
    }
    let better = respell(text, &SPELLED_TIMES)
        .or_else(|| whole(text, &SPELLED_TIMES, &TIMES, |ms| duration(Duration::from_millis(ms))));
    let hint = match better.filter(|better| better != text && read_duration(better).is_ok()) {
        Some(better) => format!("write `{better}`"),
        None => {
            "write numbers with `d`, `h`, `m`, `s` or `ms`, largest first: `90s`, `10m`, `1h30m`".to_owned()
        }
    };
    Wrong::new("is not a duration", hint)
}

fn bad_size(text: &str) -> Wrong {
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        return Wrong::new("has no unit", format!("write `{text}MiB`, or `{text}B` for bytes"));
    }
    let better = respell(text, &SPELLED_SIZES).or_else(|| whole(text, &SPELLED_SIZES, &SIZES, exact_size));
    let hint = match better.filter(|better| better != text && read_size(better).is_ok()) {
        Some(better) => format!("write `{better}`"),
        None => "write a whole number with `B`, `KiB`, `MiB`, `GiB` or `TiB`: `512MiB`".to_owned(),
    };
    Wrong::new("is not a size", hint)
}

const SPELLED_TIMES: [(&str, &[&str]); 5] = [
    ("d", &["d", "day", "days"]),
    ("h", &["h", "hr", "hrs", "hour", "hours"]),
    ("m", &["m", "min", "mins", "minute", "minutes"]),
    ("s", &["s", "sec", "secs", "second", "seconds"]),
    ("ms", &["ms", "msec", "millis", "milliseconds"]),
];
const SPELLED_SIZES: [(&str, &[&str]); 5] = [
    ("TiB", &["t", "tb", "tib"]),
    ("GiB", &["g", "gb", "gib"]),
    ("MiB", &["m", "mb", "mib"]),
    ("KiB", &["k", "kb", "kib"]),
    ("B", &["b", "byte", "bytes"]),
];

/// Returns how we write what somebody wrote their way: `10 minutes` → `10m`, `4GB` → `4GiB`.
fn respell(text: &str, table: &[(&str, &[&str])]) -> Option<String> {
    let squeezed: String = text.chars().filter(|c| !c.is_whitespace() && *c != '_').collect();
    let mut rest = squeezed.to_ascii_lowercase();
    let mut out = String::new();
    while !rest.is_empty() {
        let (number, unit, after) = split_number(&rest)?;
        let (ours, _) = table.iter().find(|(_, theirs)| theirs.contains(&unit))?;
        let _ = write!(out, "{number}{ours}");
        rest = after.to_owned();
    }
    Some(out)
}

/// Returns a fraction in whole numbers: `1.5h` → `1h30m`, `1.5GiB` → `1536MiB`.
fn whole(
    text: &str,
    spelled: &[(&str, &[&str])],
    factors: &[(&str, u64)],
    show: impl Fn(u64) -> String,
) -> Option<String> {
    let text = text.trim().to_ascii_lowercase();
    let (number, unit) = text.split_at(text.find(|c: char| c.is_ascii_alphabetic())?);
    let (ours, _) = spelled.iter().find(|(_, theirs)| theirs.contains(&unit))?;
    let (_, factor) = factors.iter().find(|(name, _)| name == ours)?;
    let (integer, fraction) = number.trim().split_once('.')?;
    let digits = u32::try_from(fraction.len()).ok().filter(|digits| (1..=6).contains(digits))?;
    let scale = 10_u64.pow(digits);
    let scaled = integer.parse::<u64>().ok()?.checked_mul(scale)?.checked_add(fraction.parse().ok()?)?;
    Some(show(scaled.checked_mul(*factor)? / scale))
}

/// Returns a size as a whole number of the largest unit that divides it.
fn exact_size(bytes: u64) -> String {
    let (unit, factor) =
        SIZES.iter().find(|(_, factor)| bytes.is_multiple_of(*factor)).copied().unwrap_or(("B", 1));
    format!("{}{unit}", bytes / factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_is_read_and_written_and_nothing_else_is_one() {
        for (text, thousandths, written) in [
            ("2 USD", 2000, "2 USD"),
            ("0 USD", 0, "0 USD"),
            ("0.075 USD", 75, "0.075 USD"),
            ("10.50 USD", 10_500, "10.5 USD"),
            ("999999.999 USD", 999_999_999, "999999.999 USD"),
        ] {
            assert_eq!(read_rate(text).unwrap(), thousandths, "{text}");
            assert_eq!(rate(thousandths), written);
        }
        let wrong = "|2|USD| USD|2USD|2 EUR|-1 USD|1e3 USD|0.0001 USD|1. USD|1000000 USD";
        for text in wrong.split('|') {
            assert!(read_rate(text).is_err(), "{text}");
        }
    }

    #[test]
    fn reads_durations_that_carry_their_unit() {
        for (text, ms) in
            [("90s", 90_000), ("1h30m", 5_400_000), ("250ms", 250), ("1d", 86_400_000), ("1m1ms", 60_001)]
        {
            assert_eq!(read_duration(text).unwrap(), Duration::from_millis(ms), "{text}");
        }
        for text in [
            "",
            "10",
            "m",
            "30m1h",
            "1h1h",
            "0s",
            "1.5h",
            "-1s",
            "10 m",
            "99999999999999999999s",
            "400d",
            "１０m",
        ] {
            assert!(read_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn reads_sizes_that_carry_their_unit() {
        assert_eq!(read_size("64MiB").unwrap(), 64 << 20);
        for text in ["", "64", "64MB", "0B", "1MiB1KiB", "1.5GiB", "99999999TiB", "MiB"] {
            assert!(read_size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn says_what_to_write_instead() {
        assert_eq!(read_duration("10").unwrap_err().hint, "write `10s` or `10m`");
        assert_eq!(read_duration("10 minutes").unwrap_err().hint, "write `10m`");
        assert_eq!(read_duration("1 hour 30 min").unwrap_err().hint, "write `1h30m`");
        assert_eq!(read_duration("1.5h").unwrap_err().hint, "write `1h30m`");
        assert_eq!(read_size("1.5 GB").unwrap_err().hint, "write `1536MiB`");
        assert_eq!(read_size("512MB").unwrap_err().hint, "write `512MiB`");
        assert_eq!(read_size("4g").unwrap_err().hint, "write `4GiB`");
    }

    #[test]
    fn writes_short_and_reads_it_back() {
        for text in ["8m43s", "10m", "1h20m", "250ms", "26h", "1m1ms"] {
            assert_eq!(duration(read_duration(text).unwrap()), text);
        }
        assert_eq!(size(64 << 20), "64MiB");
        assert_eq!(size(3 << 29), "1.5GiB");
        assert_eq!(size(0), "0B");
        assert_eq!(size(1023), "1023B");
    }
}
