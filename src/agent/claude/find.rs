//! Finds the Claude Code on PATH, the program behind what npm installs, and what its version can do.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::program::{Claude, TESTED};
use crate::agent::program::{Unavailable, numbers, on_path, output, too_old};

/// Options that a version must have: without one of them the checkout would have a say, or nobody could be heard.
const NEEDED: [&str; 9] = [
    "--append-system-prompt",
    "--dangerously-skip-permissions",
    "--disable-slash-commands",
    "--effort",
    "--no-session-persistence",
    "--output-format",
    "--setting-sources",
    "--strict-mcp-config",
    "--tools",
];

const PACKAGE: &str =
    if cfg!(target_arch = "aarch64") { "claude-code-linux-arm64" } else { "claude-code-linux-x64" };

fn unavailable(what: impl Into<String>) -> Unavailable {
    let newest = TESTED.last().copied().unwrap_or_default();
    Unavailable::new(
        what,
        format!("npm install -g @anthropic-ai/claude-code@{newest}, or put another one on PATH"),
    )
}

/// Finds Claude Code in these folders, and asks it what it is.
pub(super) fn find(path: &[PathBuf]) -> Result<Claude, Unavailable> {
    let found = on_path(path, "claude").ok_or_else(|| unavailable("claude is not on PATH"))?;
    let at = |error: io::Error| unavailable(format!("{}: {error}", found.display()));
    let real = fs::canonicalize(&found).map_err(at)?;
    // npm puts the program in place of its script; where scripts of packages do not run, the script stays.
    let program = if real.extension().is_some_and(|extension| extension == "cjs" || extension == "js")
        || is_stub(&real)
    {
        native(&real).ok_or_else(|| {
            unavailable(format!("{} starts a program that is not installed beside it", real.display()))
        })?
    } else {
        real
    };
    let version = ask(&program, "--version").map_err(at)?;
    let version = version.split_whitespace().next().unwrap_or_default().to_owned();
    if numbers(&version).is_none() {
        return Err(unavailable(format!("{} --version says no version: {version:?}", program.display())));
    }
    let help = ask(&program, "--help").map_err(at)?;
    let missing: Vec<&str> = NEEDED.into_iter().filter(|option| !help.contains(option)).collect();
    if !missing.is_empty() {
        return Err(unavailable(format!(
            "claude {version} ({}) has no `{}`, which autopilot needs",
            program.display(),
            missing.join(" ")
        )));
    }
    if let Some(why) = too_old("claude", &version, &TESTED) {
        return Err(unavailable(format!("{why}: {}", program.display())));
    }
    tracing::debug!(program = %program.display(), version, "claude is found");
    Ok(Claude { files: vec![program.clone()], program, version })
}

/// Tells whether npm left its stand-in, a script, where the program should be.
fn is_stub(program: &Path) -> bool {
    let mut begin = [0; 4];
    let is_npms = program.components().any(|part| part.as_os_str() == "node_modules");
    is_npms
        && File::open(program).and_then(|mut file| file.read_exact(&mut begin)).is_ok()
        && begin != *b"\x7fELF"
}

/// Finds the program behind npm's script, where node would: in the `node_modules` of any folder above.
fn native(script: &Path) -> Option<PathBuf> {
    let packages = script.ancestors().map(|above| above.join("node_modules/@anthropic-ai").join(PACKAGE));
    packages.map(|package| package.join("claude")).find(|program| program.is_file())
}

/// Runs the user's own Claude Code with nothing of their configuration, and returns what it printed.
fn ask(program: &Path, question: &str) -> io::Result<String> {
    let home = tempfile::tempdir()?;
    let mut command = Command::new(program);
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    let quiet = ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1");
    command.env("HOME", home.path()).env("CLAUDE_CONFIG_DIR", home.path()).env(quiet.0, quiet.1);
    output(command.arg(question))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fake(script: &str) -> (tempfile::TempDir, Vec<PathBuf>) {
        let folder = tempfile::tempdir().unwrap();
        // Made by a child: a file that this process had open for writing could be "busy" in another test's fork.
        let make = "printf '#!/bin/sh\n%s\n' \"$1\" > claude && chmod 755 claude";
        let made = Command::new("sh").args(["-c", make, "sh", script]).current_dir(&folder).status();
        assert!(made.unwrap().success());
        let path = vec![PathBuf::from("/nonexistent"), folder.path().to_owned()];
        (folder, path)
    }

    #[test]
    fn a_claude_is_asked_what_it_can_do() {
        let options = NEEDED.join(" ");
        let (folder, path) = fake(&format!(
            "case $1 in --version) echo '2.1.332 (Claude Code)';; --help) echo '{options}';; esac"
        ));
        let claude = find(&path).unwrap();
        assert_eq!(claude.version, "2.1.332");
        assert_eq!(claude.files, [folder.path().canonicalize().unwrap().join("claude")]);
    }

    #[test]
    fn a_claude_that_lacks_an_option_is_a_clear_error() {
        let options = NEEDED.join(" ").replace("--setting-sources ", "");
        let (_folder, path) =
            fake(&format!("case $1 in --version) echo '1.0.3 (Claude Code)';; *) echo '{options}';; esac"));
        let error = find(&path).unwrap_err();
        assert!(error.what.contains("claude 1.0.3") && error.what.contains("`--setting-sources`"), "{error}");
        assert!(error.hint.contains("npm install -g @anthropic-ai/claude-code@"), "{error}");
        let options = NEEDED.join(" ");
        let (_folder, path) =
            fake(&format!("case $1 in --version) echo '2.1.300 (Claude Code)';; *) echo '{options}';; esac"));
        assert!(
            find(&path).unwrap_err().what.contains("2.1.300 is older than"),
            "what is not tested is not trusted"
        );
        assert_eq!(find(&[]).unwrap_err().what, "claude is not on PATH");
        let (_folder, path) = fake("echo hello");
        assert!(find(&path).unwrap_err().what.contains("says no version"));
    }

    #[test]
    fn the_program_behind_npms_script_is_found_where_node_finds_it() {
        let top = tempfile::tempdir().unwrap();
        let package = top.path().join("node_modules/@anthropic-ai");
        let script = package.join("claude-code/bin/claude.exe");
        let program = package.join(PACKAGE).join("claude");
        for file in [&script, &program] {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, "a script").unwrap();
        }
        assert!(is_stub(&script));
        assert_eq!(native(&script), Some(program.clone()));
        fs::remove_file(&program).unwrap();
        assert_eq!(native(&script), None);
    }
}
