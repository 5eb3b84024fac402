//! Characters that nobody sees, or takes for others: named, so that they can be found.

/// Letters of other alphabets, and the ones they look like.
const LOOK_ALIKES: [(&str, &str); 3] =
    [("аеорсухіјѕһԁɡ", "aeopcyxijshdg"), ("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEZHIKMNOPTYX"), ("οιανυ", "oiavu")];

/// Names the first character of a word that is not what it seems to be, or no plain letter.
pub(super) fn in_word(word: &str) -> Option<String> {
    let odd = word.chars().find(|c| is_invisible(*c) || (!c.is_ascii() && c.is_alphanumeric()))?;
    Some(match like(odd) {
        Some(plain) => format!("it holds U+{:04X}, which looks like `{plain}` and is not", u32::from(odd)),
        None => named(odd),
    })
}

/// Names the first character of a line that nobody sees, or takes for a space.
pub(super) fn in_line(line: &str) -> Option<String> {
    line.chars().find(|c| is_invisible(*c)).map(named)
}

/// Writes a word with the letters that it seems to have.
pub(super) fn respelled(word: &str) -> String {
    word.chars().filter(|c| !is_invisible(*c)).map(|c| like(c).unwrap_or(c)).collect()
}

fn named(c: char) -> String {
    let what = match c {
        '\u{a0}' | '\u{202f}' => "a no-break space",
        c if c.is_whitespace() => "a space that is no plain one",
        c if is_invisible(c) => "which is invisible",
        _ => "which is not ASCII",
    };
    format!("it holds U+{:04X}, {what}", u32::from(c))
}

fn is_invisible(c: char) -> bool {
    let is_space = c.is_whitespace() && !matches!(c, ' ' | '\t' | '\n' | '\r');
    is_space
        || matches!(c, '\u{ad}' | '\u{34f}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{feff}')
}

fn like(c: char) -> Option<char> {
    LOOK_ALIKES.iter().find_map(|(theirs, ours)| {
        let at = theirs.chars().position(|other| other == c)?;
        ours.chars().nth(at)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_seen_is_named() {
        assert_eq!(in_word("command"), None);
        assert_eq!(in_word("\u{441}ommand").unwrap(), "it holds U+0441, which looks like `c` and is not");
        assert_eq!(in_word("com\u{200b}mand").unwrap(), "it holds U+200B, which is invisible");
        assert_eq!(in_word("名").unwrap(), "it holds U+540D, which is not ASCII");
        assert_eq!(respelled("\u{441}om\u{200b}mand"), "command");
        assert_eq!(in_line("\u{a0} - a").unwrap(), "it holds U+00A0, a no-break space");
        assert_eq!(in_line("\t- é 題"), None);
        assert!(LOOK_ALIKES.iter().all(|(theirs, ours)| theirs.chars().count() == ours.chars().count()));
    }
}
