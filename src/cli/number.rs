//! Takes a word of the command line, gives the number of an issue: by itself, as `#653` or as `GH-653`. What says it in
//! another way is answered with the number. Where runs can be meant, a run's name is its issue and that run.

use crate::app::runs;
use crate::evidence::RunName;

/// An issue, or one run of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Meant {
    /// The issue.
    pub(super) issue: u64,
    /// The run, if it was named.
    pub(super) run: Option<RunName>,
}

/// Reads the number of an issue, or the name of a run.
pub(super) fn meant(word: &str) -> Result<Meant, String> {
    match word.trim().parse::<RunName>() {
        Ok(run) => Ok(Meant { issue: run.issue(), run: Some(run) }),
        Err(()) => read(word).map(|issue| Meant { issue, run: None }),
    }
}

/// Reads the number of an issue.
pub(super) fn read(word: &str) -> Result<u64, String> {
    let number = runs::issue(word).ok_or_else(|| match inside(word) {
        Some(number) => format!("write the number of the issue: `{number}`"),
        None => "this is not the number of an issue, such as `653`".to_owned(),
    })?;
    if number == 0 || i64::try_from(number).is_err() {
        return Err("issues are numbered from 1".to_owned());
    }
    Ok(number)
}

/// Finds the number in an issue's address, in the path of its plan, or behind the name of its repository. Those may be of
/// another repository, and so are not taken as they are.
pub(super) fn inside(word: &str) -> Option<u64> {
    let word = word.trim().split(['?']).next()?;
    let after = |mark: &str| word.split_once(mark).map(|(_, rest)| rest);
    let rest = after("/issues/").or_else(|| after(".ai/plans/")).or_else(|| after("#"))?;
    rest.split(['/', '#']).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_people_write_them() {
        for word in ["653", "#653", "GH-653", "gh-653", " 653 "] {
            assert_eq!(read(word), Ok(653), "{word}");
        }
    }

    #[test]
    fn a_run_is_meant_by_its_name() {
        let run = "20261003T101500Z-653";
        assert_eq!(meant(run), Ok(Meant { issue: 653, run: Some(run.parse().unwrap()) }));
        assert_eq!(meant("#653"), Ok(Meant { issue: 653, run: None }));
        assert!(meant("20261003T101500Z").is_err());
    }

    #[test]
    fn an_address_and_a_path_are_answered_with_their_number() {
        let words = [
            "https://github.com/owner/repository/issues/653",
            "https://github.com/owner/repository/issues/653#issuecomment-1",
            "https://github.com/owner/repository/issues/653?x=1",
            "owner/repository#653",
            ".ai/plans/653",
            "/somewhere/.ai/plans/653/Autopilot.yaml",
        ];
        for word in words {
            assert_eq!(read(word), Err("write the number of the issue: `653`".to_owned()), "{word}");
        }
    }

    #[test]
    fn nothing_else_is_a_number() {
        for word in ["", "#", "abc", "+653", "-653", "0", "653x", "99999999999999999999", "Autopilot.yml"] {
            assert!(read(word).is_err(), "{word}");
        }
    }
}
