//! Names that git takes for its own somewhere: on HFS+ or NTFS they are the same file as `.git` or `.gitmodules`,
//! so it takes no tree with them anywhere. The rules are git's (`is_hfs_dotgit`, `is_ntfs_dotgit` and their kin).

use std::collections::HashSet;

/// What NTFS makes of `.gitmodules` when it makes a short name: its beginning, and its beginning and a hash.
const SHORT: (&[u8], &[u8]) = (b"gitmod", b"gi7eba");

/// Tells whether git takes a name for `.git`.
pub(super) fn is_git(name: &[u8]) -> bool {
    // On NTFS a name cannot hold a backslash: it begins another one.
    let ntfs = |name: &[u8]| [b".git", b"git~1".as_slice()].iter().any(|own| is_on_ntfs(name, own));
    name.split(|&byte| byte == b'\\').any(ntfs) || is_on_hfs(name, ".git")
}

/// Tells whether git takes a name for `.gitmodules`, which it allows to be a file and nothing else.
pub(super) fn is_gitmodules(name: &[u8]) -> bool {
    name.split(|&byte| byte == b'\\').any(|name| is_on_ntfs(name, b".gitmodules") || is_short(name))
        || is_on_hfs(name, ".gitmodules")
}

/// Tells whether git takes one of the folders of a path for `.gitmodules`: it allows no link below.
pub(super) fn is_below_gitmodules(folder: &[u8]) -> bool {
    folder.split(|&byte| byte == b'/').any(|name| is_on_hfs(name, ".gitmodules"))
}

/// What it is, and how many digits of a number can follow that one of a worktree's paths does not have.
const SAVED: &[u8] = b"salvaged";
const DIGITS: usize = 20;

/// What a path that no commit can hold is stored under: what its names begin with there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Prefix(String);

impl Prefix {
    /// Chooses one with which no name of these paths begins: so nothing that is stored takes another's place.
    pub(super) fn free_of<'p>(paths: impl Iterator<Item = &'p [u8]>) -> Self {
        // One look at each name, whatever the step calls its files: which beginnings are taken.
        let mut taken = HashSet::new();
        for name in paths.flat_map(|path| path.split(|&byte| byte == b'/')) {
            if let Some(rest) = name.strip_prefix(SAVED) {
                let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).take(DIGITS).count();
                // `salvaged12` begins with `salvaged1` and with `salvaged`, too.
                taken.extend((0..=digits).map(|end| &rest[..end]));
            }
        }
        // One of more numbers than are taken is free.
        let free = (2..=taken.len() + 2)
            .map(|number| number.to_string())
            .find(|digits| !taken.contains(digits.as_bytes()));
        let digits = free.filter(|_| !taken.is_empty()).unwrap_or_default();
        Self(String::from_utf8_lossy(SAVED).into_owned() + &digits)
    }

    /// Returns a path under which a commit can hold what it cannot hold under its own; no other path becomes the same.
    pub(super) fn stored(&self, path: &[u8]) -> Vec<u8> {
        let names = path.split(|&byte| byte == b'/').map(|name| {
            let own = is_git(name) || is_gitmodules(name);
            if own { [self.0.as_bytes(), &plain(name)].concat() } else { name.to_vec() }
        });
        names.collect::<Vec<_>>().join(&b'/')
    }
}

/// Returns a name without backslashes, of which each would begin a name of git's own again.
fn plain(name: &[u8]) -> Vec<u8> {
    let plain = |&byte: &u8| match byte {
        b'\\' => b"%5C".to_vec(),
        b'%' => b"%25".to_vec(),
        byte => vec![byte],
    };
    name.iter().flat_map(plain).collect()
}

/// NTFS drops dots and spaces at the end of a name; what follows a colon names a stream of the same file.
fn is_on_ntfs(name: &[u8], own: &[u8]) -> bool {
    let (start, rest) = name.split_at(own.len().min(name.len()));
    let end = rest.iter().find(|byte| !matches!(byte, b'.' | b' '));
    start.eq_ignore_ascii_case(own) && end.is_none_or(|&byte| byte == b':')
}

/// Tells whether a name can be the short one that NTFS makes of `.gitmodules`: `GITMOD~1` to `~4`, after that one
/// with a hash and any number.
fn is_short(name: &[u8]) -> bool {
    let Some((short, _)) = name.split_at_checked(8) else { return false };
    let Some(tilde) = short.iter().position(|&byte| byte == b'~') else { return false };
    let (start, number) = (&short[..tilde], &short[tilde + 1..]);
    let digits = number.first().is_some_and(|&first| first != b'0') && number.iter().all(u8::is_ascii_digit);
    let regular = start.eq_ignore_ascii_case(SHORT.0) && matches!(number, [b'1'..=b'4']);
    let hashed = SHORT.1.get(..tilde).is_some_and(|own| start.eq_ignore_ascii_case(own)) && digits;
    (regular || hashed) && is_on_ntfs(name, short)
}

/// HFS+ does not see some characters; git's reading of a name ends at what is not UTF-8.
fn is_on_hfs(name: &[u8], own: &str) -> bool {
    let text = name.utf8_chunks().next().map_or("", |chunk| chunk.valid());
    let unseen = |c: &char| matches!(c, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}');
    let is_char = |c: &char| !matches!(c, '\u{fffe}' | '\u{ffff}');
    let seen: String = text.chars().take_while(is_char).filter(|c| !unseen(c)).collect();
    seen.eq_ignore_ascii_case(own)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::process::{Command, Stdio};

    use super::*;

    const GITS: [&[u8]; 16] = [
        b".git",
        b".GIT",
        b"git~1",
        b"GIT~1",
        b".git.",
        b".git . ",
        b".git::$INDEX",
        b".git\\x",
        b"x\\.git",
        b"x\\git~1 ",
        ".g\u{200c}it".as_bytes(),
        "\u{feff}.GIT".as_bytes(),
        ".git\u{206a}".as_bytes(),
        b".git\xffx",
        ".git\u{fffe}x".as_bytes(),
        b".git\\",
    ];

    const GITMODULES: [&[u8]; 12] = [
        b".gitmodules",
        b".GitModules",
        b".gitmodules . ",
        b".gitmodules::$DATA",
        b"gitmod~1",
        b"GITMOD~4 ",
        b"gi7eba~1",
        b"GI7EB~10",
        b"g~123456",
        b"x\\.gitmodules",
        ".gitmod\u{200d}ules".as_bytes(),
        b".gitmodules\xff",
    ];

    const NOBODYS: [&[u8]; 16] = [
        b".gitignore",
        b"git",
        b".gi",
        b"git~2",
        b".git-x",
        b"",
        b"a.git",
        b".github",
        "\u{200c}".as_bytes(),
        b"x\\y.git",
        b"gitmod~5",
        b"gitmod~0",
        b"gi7eba~0",
        b"gi7ebax1",
        b".gitmodules2",
        b"gi7eba~",
    ];

    #[test]
    fn names_that_are_gits_own_somewhere_are_known() {
        for name in GITS {
            assert!(is_git(name) && !is_gitmodules(name), "{}", name.escape_ascii());
        }
        for name in GITMODULES {
            assert!(is_gitmodules(name) && !is_git(name), "{}", name.escape_ascii());
        }
        for name in NOBODYS {
            assert!(!is_git(name) && !is_gitmodules(name), "{}", name.escape_ascii());
        }
    }

    #[test]
    fn git_itself_says_the_same_of_each() {
        let folder = tempfile::tempdir().unwrap();
        let git = |args: &[&str], input: &[u8]| {
            let mut command = Command::new("git");
            command.args(args).current_dir(folder.path()).env("GIT_CONFIG_GLOBAL", "/dev/null");
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
            let mut child = command.spawn().unwrap();
            child.stdin.take().unwrap().write_all(input).unwrap();
            let output = child.wait_with_output().unwrap();
            String::from_utf8(output.stdout).unwrap() + &String::from_utf8_lossy(&output.stderr)
        };
        git(&["init", "-q"], b"");
        let blob = git(&["hash-object", "-w", "--stdin"], b"target").trim().to_owned();
        let complaints = |name: &[u8]| {
            let entry = [format!("120000 blob {blob}\t").as_bytes(), name, b"\0"].concat();
            let tree = git(&["mktree", "-z"], &entry);
            let all = git(&["fsck", "--no-dangling"], b"");
            all.lines().filter(|line| line.contains(tree.trim())).collect::<String>()
        };
        for name in GITS.into_iter().chain(GITMODULES).chain(NOBODYS).filter(|name| !name.is_empty()) {
            let said = complaints(name);
            assert_eq!(said.contains("hasDotgit"), is_git(name), "{}: {said}", name.escape_ascii());
            let module = said.contains("gitmodulesSymlink");
            assert_eq!(module, is_gitmodules(name), "{}: {said}", name.escape_ascii());
        }
    }

    #[test]
    fn what_is_stored_has_no_name_of_gits_own() {
        let prefix = Prefix::free_of(std::iter::empty());
        for name in GITS.into_iter().chain(GITMODULES) {
            let stored = prefix.stored(&[b"folder/", name, b"/file"].concat());
            assert!(stored.split(|&byte| byte == b'/').all(|name| !is_git(name) && !is_gitmodules(name)));
        }
        assert_eq!(prefix.stored(b"lib/.git/config"), b"lib/salvaged.git/config");
        assert_eq!(prefix.stored(b"a\\b/c"), b"a\\b/c");
    }

    #[test]
    fn nothing_that_is_stored_takes_anothers_place() {
        let mut paths: Vec<Vec<u8>> = GITS.into_iter().chain(GITMODULES).map(<[u8]>::to_vec).collect();
        for more in
            ["salvaged.git", "salvaged.git/config", "salvaged2", "x\\\\.git", "x\\%5C.git", "x%5C\\.git"]
        {
            paths.push(more.as_bytes().to_vec());
        }
        let prefix = Prefix::free_of(paths.iter().map(Vec::as_slice));
        assert_eq!(prefix, Prefix("salvaged3".to_owned()));
        let mut stored: Vec<Vec<u8>> = paths.iter().map(|path| prefix.stored(path)).collect();
        stored.sort();
        stored.dedup();
        assert_eq!(stored.len(), paths.len());
    }
}
