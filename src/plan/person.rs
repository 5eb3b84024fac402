//! Takes a name and an e-mail address as people write them, gives a person whom git takes as it is: what it would cut off or refuse is
//! refused here, so that a commit reads the same however it is made.

use std::fmt;

use super::Wrong;

/// The longest name or address: what is longer is a mistake.
const LONGEST: usize = 254;

/// Who has written or made a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Name.
    pub name: String,
    /// E-mail address.
    pub email: String,
}

impl Person {
    /// Returns who makes the commits of runs where nobody says otherwise.
    pub fn autopilot() -> Self {
        Self { name: "autopilot".to_owned(), email: "autopilot@localhost".to_owned() }
    }
}

impl fmt::Display for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} <{}>", self.name, self.email)
    }
}

/// Reads the name of a person.
pub(super) fn read_name(text: &str) -> Result<String, Wrong> {
    refuse_unwritable(text)?;
    // Git cuts these off at both ends of a name, and does not commit for a name of nothing else.
    let is_cut = |c: char| c.is_whitespace() || matches!(c, '.' | ',' | ':' | ';' | '"' | '\\' | '\'');
    let bare = text.trim_matches(is_cut);
    match (bare, bare == text) {
        ("", _) => Err(Wrong::new("is not a name to git", "write a name such as `Example Bot`")),
        (_, true) => Ok(text.to_owned()),
        (bare, false) => {
            Err(Wrong::new("has an end that git would cut off a name", format!("write `{bare}`")))
        }
    }
}

/// Reads an e-mail address.
pub(super) fn read_email(text: &str) -> Result<String, Wrong> {
    refuse_unwritable(text)?;
    let is_part = |part: &str| {
        let is_inner =
            |c: char| !c.is_whitespace() && !matches!(c, '@' | ',' | ':' | ';' | '"' | '\\' | '\'');
        !part.is_empty() && part.chars().all(is_inner) && !part.starts_with('.') && !part.ends_with('.')
    };
    match text.split_once('@') {
        Some((local, domain)) if is_part(local) && is_part(domain) => Ok(text.to_owned()),
        _ => Err(Wrong::new("is not an e-mail address", "write one such as `bot@example.org`")),
    }
}

/// Refuses what no line of a commit can hold.
fn refuse_unwritable(text: &str) -> Result<(), Wrong> {
    if text.contains(|c: char| c.is_control()) {
        return Err(Wrong::new("has a line end or another control character", "write it in one line"));
    }
    if text.contains(['<', '>']) {
        return Err(Wrong::new(
            "holds `<` or `>`, between which a commit has the address",
            "write the name as `name`, the address as `email`, without `<>`",
        ));
    }
    if text.len() > LONGEST {
        return Err(Wrong::new(format!("is longer than {LONGEST} bytes"), "write a shorter one"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_what_git_takes_whole() {
        for good in ["Example Bot", "x", "Ünï Côde", "Bot (CI) #7", "example-bot[bot]"] {
            assert_eq!(read_name(good).unwrap(), good);
        }
        for bad in [
            "",
            " ",
            ".",
            "a\nb",
            "a\r",
            "a\0",
            "a\u{85}b",
            "a <b>",
            "a>",
            "Inc.",
            " a",
            "'a'",
            &"a".repeat(255),
        ] {
            assert!(read_name(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_address_has_two_parts_and_no_blank() {
        for good in ["bot@example.org", "1+x[bot]@users.noreply.example.org", "autopilot@localhost"] {
            assert_eq!(read_email(good).unwrap(), good);
        }
        for bad in [
            "",
            "bot",
            "@x",
            "x@",
            "a@b@c",
            "a b@c",
            "a@b\n",
            "<a@b>",
            "a@b.",
            ".a@b",
            "a@b\ncommitter x",
            "a@b c",
        ] {
            assert!(read_email(bad).is_err(), "{bad:?}");
        }
    }
}
