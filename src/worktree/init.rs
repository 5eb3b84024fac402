//! Makes an empty repository: what `git init` without templates would lay there, with its settings, and no process
//! for each of them.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use super::error::{WorktreeError, at};
use super::tree::ObjectFormat;

/// A setting: section, key, value.
pub(super) type Setting<'v> = (&'static str, &'static str, &'v str);

/// What a repository is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// The runner's own: no reflogs.
    Checkpoints,
    /// A step's: it is worked in.
    Work,
}

/// Makes a repository whose git directory this is. What `head` says is what HEAD holds: a commit, or `ref: ` and a
/// name.
pub(super) fn init(
    git_dir: &Path,
    format: ObjectFormat,
    for_use: Use,
    head: &str,
    more: &[Setting<'_>],
) -> Result<(), WorktreeError> {
    for folder in ["objects/info", "objects/pack", "refs/heads", "refs/tags"] {
        let folder = git_dir.join(folder);
        fs::create_dir_all(&folder).map_err(at(&folder))?;
    }
    // A step's own is lost with its worktree.
    let lay = if for_use == Use::Checkpoints { lay } else { write };
    lay(&git_dir.join("HEAD"), format!("{head}\n").as_bytes())?;
    lay(&git_dir.join("config"), settings(format, for_use, more).as_bytes())
}

/// Writes the settings of such a repository.
pub(super) fn settings(format: ObjectFormat, for_use: Use, more: &[Setting<'_>]) -> String {
    let version = if format == ObjectFormat::Sha1 { "0" } else { "1" };
    let mut settings = vec![
        ("core", "repositoryformatversion", version),
        ("core", "filemode", "true"),
        ("core", "bare", "false"),
    ];
    if for_use == Use::Work {
        settings.push(("core", "logallrefupdates", "true"));
    }
    if format != ObjectFormat::Sha1 {
        settings.push(("extensions", "objectformat", format.name()));
    }
    settings.extend(more);
    config(&settings)
}

/// Writes a file of a git directory and brings it to the disk.
pub(super) fn lay(path: &Path, bytes: &[u8]) -> Result<(), WorktreeError> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).map_err(at(folder))?;
    let durable = || -> std::io::Result<()> {
        let mut file = File::create(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    durable().map_err(at(path))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), WorktreeError> {
    fs::write(path, bytes).map_err(at(path))
}

/// Writes settings as git reads them.
fn config(settings: &[Setting<'_>]) -> String {
    let mut text = String::new();
    let mut last = "";
    for (section, key, value) in settings {
        if *section != last {
            text.push_str(&format!("[{section}]\n"));
        }
        text.push_str(&format!("\t{key} = {}\n", quoted(value)));
        last = section;
    }
    text
}

/// Quotes a value: then nothing in it ends it, or begins a comment.
fn quoted(value: &str) -> String {
    let mut quoted = String::from("\"");
    for c in value.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn git(folder: &Path, args: &[&str]) -> String {
        let mut command = Command::new("git");
        command
            .args(args)
            .current_dir(folder)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1");
        let output = command.output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// What is set in a repository, in any order.
    fn listed(folder: &Path) -> Vec<String> {
        let all = git(folder, &["config", "--local", "--list", "-z"]);
        let mut all: Vec<String> = all.split('\0').map(str::to_owned).collect();
        all.sort();
        all
    }

    fn names(folder: &Path) -> Vec<String> {
        let find =
            Command::new("find").args([".", "-printf", "%P %m\n"]).current_dir(folder).output().unwrap();
        let mut names: Vec<String> =
            String::from_utf8(find.stdout).unwrap().lines().map(str::to_owned).collect();
        names.sort();
        names
    }

    #[test]
    fn it_is_what_git_itself_would_have_made() {
        let more = [
            ("core", "hooksPath", "/dev/null"),
            ("user", "name", "A \"B\"; # \\ c\n\td\u{e9} \r "),
            ("user", "email", " a@b"),
            ("gc", "auto", "0"),
        ];
        for format in [ObjectFormat::Sha1, ObjectFormat::Sha256] {
            for for_use in [Use::Work, Use::Checkpoints] {
                let folder = tempfile::tempdir().unwrap();
                let (ours, theirs) = (folder.path().join("ours"), folder.path().join("theirs"));
                init(&ours.join(".git"), format, for_use, "ref: refs/heads/none", &more).unwrap();
                let object_format = format!("--object-format={}", format.name());
                let place = if for_use == Use::Work { theirs.clone() } else { theirs.join(".git") };
                let mut args = vec!["init", "-q", "--template=", "--initial-branch=none", &object_format];
                args.extend((for_use == Use::Checkpoints).then_some("--bare"));
                git(folder.path(), &[&args[..], &[place.to_str().unwrap()]].concat());
                git(&place, &["config", "core.bare", "false"]);
                for (section, key, value) in more {
                    git(&place, &["config", &format!("{section}.{key}"), value]);
                }
                assert_eq!(listed(&ours), listed(&theirs), "{format:?} {for_use:?}");
                assert_eq!(names(&ours), names(&theirs), "{format:?} {for_use:?}");
                assert_eq!(git(&ours, &["symbolic-ref", "HEAD"]), "refs/heads/none\n");
                git(&ours, &["fsck", "--strict"]);
            }
        }
    }
}
