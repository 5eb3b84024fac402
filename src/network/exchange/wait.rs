//! Takes what a server says of when to come again, gives how long that is.

use std::time::Duration;

use hyper::header::{self, HeaderMap};

/// Longest wait that is believed.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 3600);

/// Reads how long a server asks to wait: in its headers, else in its words.
pub(in crate::network) fn retry_after(headers: &HeaderMap, message: &str) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let millis = || text("retry-after-ms")?.parse().ok().map(Duration::from_millis);
    let seconds = || {
        let said = text(header::RETRY_AFTER.as_str())?;
        let seconds: Option<f64> = said.parse().ok();
        seconds.map_or_else(|| until(said), |seconds| Duration::try_from_secs_f64(seconds).ok())
    };
    millis().or_else(seconds).or_else(|| in_words(message)).map(|wait| wait.min(LONGEST))
}

/// Reads a date, such as `Wed, 21 Oct 2026 07:28:00 GMT`.
fn until(date: &str) -> Option<Duration> {
    let then = chrono::DateTime::parse_from_rfc2822(date).ok()?;
    Some((then.to_utc() - chrono::Utc::now()).to_std().unwrap_or_default())
}

/// Reads `try again in 1.5s`, `in 20ms`, `in 2m3s`.
fn in_words(message: &str) -> Option<Duration> {
    let low = message.to_lowercase();
    let rest = low.split_once("try again in ")?.1;
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '.').unwrap_or(rest.len());
    let mut total = Duration::ZERO;
    let mut rest = rest[..end].trim_end_matches('.');
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        let unit = rest[digits..].find(|c: char| c.is_ascii_digit()).map_or(rest.len(), |at| digits + at);
        let seconds = match &rest[digits..unit] {
            "ms" => number / 1000.0,
            "s" => number,
            "m" => number * 60.0,
            "h" => number * 3600.0,
            _ => return None,
        };
        total = total.checked_add(Duration::try_from_secs_f64(seconds).ok()?)?;
        rest = &rest[unit..];
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &'static str, value: &str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        retry_after(&headers, "")
    }

    #[test]
    fn the_servers_own_wait_is_read() {
        for (value, seconds) in [("300", 300.0), ("0", 0.0), ("1.5", 1.5)] {
            assert_eq!(read("retry-after", value), Some(Duration::from_secs_f64(seconds)), "{value}");
        }
        assert_eq!(read("retry-after-ms", "250"), Some(Duration::from_millis(250)));
        assert_eq!(read("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO));
        let later = (chrono::Utc::now() + chrono::TimeDelta::hours(1)).to_rfc2822();
        assert!(read("retry-after", &later).is_some_and(|wait| wait > Duration::from_secs(1800)));
        for none in ["", "-1", "soon", "NaN", "inf"] {
            assert_eq!(read("retry-after", none), None, "{none}");
        }
        assert_eq!(read("retry-after", "1e300"), None);
        assert_eq!(read("retry-after", "1e15"), Some(LONGEST));
    }

    #[test]
    fn a_wait_in_words_is_read() {
        let read = |text: &str| retry_after(&HeaderMap::new(), &format!("Rate limit: Please {text}"));
        assert_eq!(read("Try again in 1.5s."), Some(Duration::from_millis(1500)));
        assert_eq!(read("try again in 20ms"), Some(Duration::from_millis(20)));
        assert_eq!(read("try again in 2m3s. Visit x"), Some(Duration::from_secs(123)));
        for none in ["try again in 99999999999999999999999h", "try again in a while", "try again later"] {
            assert_eq!(read(none), None, "{none}");
        }
    }
}
