//! Takes text that names something in a repository, gives a name that cannot be anything else: neither an option of
//! git's nor two lines of what it reads.

use std::ffi::OsStr;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The id of an object: 40 or 64 lower-case hex digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Oid(String);

/// The same in bytes, for where there are a hundred thousand: half the memory, and none of it elsewhere.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RawOid {
    /// Of a repository whose objects are named by SHA-1.
    Sha1([u8; 20]),
    /// By SHA-256.
    Sha256([u8; 32]),
}

/// The full name of a ref, as `git check-ref-format` allows it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RefName(String);

/// That a text is no id, or no name of a ref.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is no {what}", text.escape_debug())]
pub struct Unnamed {
    text: String,
    what: &'static str,
}

impl Oid {
    /// Reads an id.
    pub fn parse(text: &str) -> Result<Self, Unnamed> {
        let is_hex = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if matches!(text.len(), 40 | 64) && text.bytes().all(is_hex) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Unnamed { text: text.to_owned(), what: "id of an object" })
        }
    }

    /// Returns the digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns as many digits as people read.
    pub fn short(&self) -> &str {
        self.0.get(..7).unwrap_or(&self.0)
    }

    /// Returns as many digits as tell it from every other commit, where somebody is to look for it.
    pub fn abbreviated(&self) -> &str {
        self.0.get(..10).unwrap_or(&self.0)
    }
}

impl RawOid {
    /// Reads an id.
    pub fn parse(text: &str) -> Result<Self, Unnamed> {
        // What is no lower-case hex of one of two lengths is none; the bytes come out of what is one.
        let oid = Oid::parse(text)?;
        let (mut sha1, mut sha256) = ([0; 20], [0; 32]);
        if hex::decode_to_slice(&oid.0, &mut sha1).is_ok() {
            return Ok(Self::Sha1(sha1));
        }
        let read = hex::decode_to_slice(&oid.0, &mut sha256).map(|()| Self::Sha256(sha256));
        read.map_err(|_| Unnamed { text: oid.0, what: "id of an object" })
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::Sha1(bytes) => bytes,
            Self::Sha256(bytes) => bytes,
        }
    }
}

impl fmt::Display for RawOid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for RawOid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RawOid({self})")
    }
}

impl From<RawOid> for Oid {
    fn from(raw: RawOid) -> Self {
        Self(hex::encode(raw.bytes()))
    }
}

impl RefName {
    /// Reads a name.
    pub fn parse(text: &str) -> Result<Self, Unnamed> {
        let is_part =
            |part: &str| !part.is_empty() && !part.starts_with('.') && part.strip_suffix(".lock").is_none();
        let is_refused = |c: char| c.is_ascii_control() || " ~^:?*[\\".contains(c);
        let allowed = text.starts_with("refs/")
            && text.split('/').all(is_part)
            && !text.ends_with('.')
            && !text.contains(is_refused)
            && !text.contains("..")
            && !text.contains("@{");
        if allowed {
            Ok(Self(text.to_owned()))
        } else {
            Err(Unnamed { text: text.to_owned(), what: "name of a ref" })
        }
    }

    /// Names a branch.
    pub fn branch(name: &str) -> Result<Self, Unnamed> {
        Self::parse(&format!("refs/heads/{name}"))
    }

    /// Returns the whole name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the name of a branch as people type it; of another ref the whole.
    pub fn short(&self) -> &str {
        self.0.strip_prefix("refs/heads/").unwrap_or(&self.0)
    }
}

/// Both are texts to whoever shows them, stores them, or hands them to git.
macro_rules! texts {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<OsStr> for $name {
            fn as_ref(&self) -> &OsStr {
                self.0.as_ref()
            }
        }

        impl TryFrom<String> for $name {
            type Error = Unnamed;

            fn try_from(text: String) -> Result<Self, Unnamed> {
                Self::parse(&text)
            }
        }

        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                self.0 == other
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl From<&$name> for String {
            fn from(name: &$name) -> Self {
                name.0.clone()
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    )*};
}

texts!(Oid, RefName);

#[cfg(test)]
impl Oid {
    /// Makes up an id, one for each number.
    pub(crate) fn nth(nth: usize) -> Self {
        Self(format!("{nth:040x}"))
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn ids_are_whole_and_nothing_else() {
        let (sha1, sha256) = ("0123456789abcdef".repeat(3), "0123456789abcdef".repeat(4));
        for good in [&sha1[..40], &sha256] {
            assert_eq!(Oid::parse(good).unwrap().as_str(), good);
        }
        let ends = format!("{}\n", &sha1[..39]);
        for bad in
            ["", "HEAD", &sha1[..39], &sha1[..41], &sha1.to_uppercase()[..40], &ends, "--upload-pack=x"]
        {
            assert!(Oid::parse(bad).is_err(), "{bad:?}");
        }
        assert!(serde_json::from_str::<Oid>("\"main\"").is_err());
        for good in [&sha1[..40], &sha256] {
            let raw = RawOid::parse(good).unwrap();
            assert_eq!((raw.to_string().as_str(), Oid::from(raw).as_str()), (good, good));
        }
        assert!(RawOid::parse("main").is_err() && RawOid::parse(&sha1[..39]).is_err());
    }

    #[test]
    fn names_of_refs_are_those_that_git_allows() {
        let names = [
            "refs/heads/main",
            "refs/heads/a/b.c",
            "refs/tags/ü",
            "refs/heads/@",
            "refs/heads/-x",
            "refs/heads/a.lock",
            "refs/heads/a.lock/b",
            "refs/heads/.a",
            "refs/heads/a..b",
            "refs/heads/a.",
            "refs/heads/a b",
            "refs/heads/a\tb",
            "refs/heads/a\nb",
            "refs/heads/a\u{7f}",
            "refs/heads/a~1",
            "refs/heads/a^",
            "refs/heads/a:b",
            "refs/heads/a?",
            "refs/heads/*",
            "refs/heads/a[b",
            "refs/heads/a\\b",
            "refs/heads/a@{1}",
            "refs/heads//a",
            "refs/heads/a/",
        ];
        for name in names {
            let git = Command::new("git").args(["check-ref-format", name]).status().unwrap().success();
            assert_eq!(RefName::parse(name).is_ok(), git, "{name:?}");
        }
        for name in ["HEAD", "main", "heads/main", ""] {
            assert!(RefName::parse(name).is_err(), "{name:?}");
        }
    }
}
