//! Takes what git complained of while it read a repository, gives what its user can do where an object is missing or
//! damaged.

use super::error::{GitEnd, WorktreeError};

/// What git says of objects that it cannot have.
const SAYS: [&str; 17] = [
    "alternate",
    "bad object",
    "bad packed object",
    "bad tree",
    "corrupt",
    "could not read",
    "failed to read",
    "failed to traverse",
    "hash mismatch",
    "inflate",
    "invalid object",
    "missing",
    "not a tree object",
    "not a valid object",
    "object directory",
    "unable to read",
    "unable to unpack",
];

/// Makes a refusal of an error that says that the repository lacks an object; any other stays what it is.
pub(super) fn lacking(base: &str, error: WorktreeError) -> WorktreeError {
    let WorktreeError::Git { said, end: GitEnd::Code(_), .. } = &error else { return error };
    let lower = said.to_lowercase();
    if lower.contains("no space left") || !SAYS.iter().any(|word| lower.contains(word)) {
        return error;
    }
    let line = |word: &str| said.lines().find(|line| line.contains(word));
    if let Some(line) = line("object directory") {
        return WorktreeError::refused(
            format!("this repository borrows objects from a folder that is not there: {}", plain(line)),
            "bring that folder back, or mend .git/objects/info/alternates",
        );
    }
    // What follows the first gave up on account of it.
    let line = said.lines().find(|line| object(line).is_some()).or(said.lines().last()).unwrap_or_default();
    let which = object(line).map_or_else(|| "an object".to_owned(), |id| format!("object {id}"));
    WorktreeError::refused(
        format!("{which} of what `{base}` reaches is missing or damaged: {}", plain(line)),
        "`git fsck --full` lists all of them; `git fetch --refetch` brings back what the remote has, or copy it from another \
         clone",
    )
}

/// Takes git's own words away from in front of a line.
fn plain(line: &str) -> &str {
    ["fatal: ", "error: "].iter().find_map(|word| line.strip_prefix(word)).unwrap_or(line)
}

/// Finds the name of an object in a line.
fn object(line: &str) -> Option<&str> {
    let is_hex = |word: &&str| word.bytes().all(|byte| byte.is_ascii_hexdigit());
    line.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| matches!(word.len(), 40 | 64)).find(is_hex)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(said: &str) -> Option<String> {
        let error = WorktreeError::git("pack-objects", GitEnd::Code(128), said.as_bytes());
        match lacking("main", error) {
            WorktreeError::Refused { what, .. } => Some(what),
            _ => None,
        }
    }

    #[test]
    fn what_lacks_an_object_names_it_and_what_does_not_stays_as_it_is() {
        let id = "587be6b4c3f93f93c489c0111bba5596147a26cb";
        let what = format!("object {id} of what `main` reaches is missing or damaged: unable to read {id}");
        assert_eq!(
            told(&format!("error: bad packed object CRC for x\nfatal: unable to read {id}")),
            Some(what)
        );
        let what = "an object of what `main` reaches is missing or damaged: not a tree object";
        assert_eq!(told("fatal: not a tree object"), Some(what.to_owned()));
        let folder = "error: object directory /o does not exist; check .git/objects/info/alternates";
        assert!(
            told(&format!("{folder}\nfatal: not a tree object")).is_some_and(|what| what.contains("/o does"))
        );
        assert_eq!(told("fatal: unable to read tree: No space left on device"), None);
        assert_eq!(told("fatal: bad config line 1"), None);
    }
}
