//! Takes a name that may end with a day, gives it without.

/// Returns a name without its day: `-2025-05-14` or `-20250219`.
pub(super) fn undated(name: &str) -> &str {
    ["-dddd-dd-dd", "-dddddddd"].into_iter().find_map(|form| without(name, form)).unwrap_or(name)
}

/// Takes an ending off, in which `d` stands for a digit.
fn without<'n>(name: &'n str, form: &str) -> Option<&'n str> {
    let (name, end) = name.split_at_checked(name.len().checked_sub(form.len())?)?;
    let fits = |(byte, form): (u8, u8)| if form == b'd' { byte.is_ascii_digit() } else { byte == form };
    end.bytes().zip(form.bytes()).all(fits).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_taken_off_and_nothing_else() {
        for (name, without) in [
            ("effort-2025-11-24", "effort"),
            ("claude-code-20250219", "claude-code"),
            ("claude-sonnet-5-20260630", "claude-sonnet-5"),
            ("gpt-5.5-2026-04-24", "gpt-5.5"),
            ("gpt-5.5", "gpt-5.5"),
            ("effort-2025-11-24x", "effort-2025-11-24x"),
            ("-2025-11-24", ""),
            ("2025-11-24", "2025-11-24"),
            ("\u{e9}-2025-11-24", "\u{e9}"),
            ("1234567\u{e9}", "1234567\u{e9}"),
            ("", ""),
        ] {
            assert_eq!(undated(name), without, "{name}");
        }
    }
}
