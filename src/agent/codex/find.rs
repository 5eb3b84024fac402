//! Finds the Codex on PATH, the program behind the script that npm installs, and what its version can do.

use std::fs::{self, File};
use std::io::{self, Read, Seek};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::program::{Codex, TESTED, numbers};

/// Options of `codex exec` that a version must have.
const NEEDED: [&str; 4] = ["--json", "--ephemeral", "--strict-config", "--color"];

/// How long Codex may take to tell about itself.
const PATIENCE: Duration = Duration::from_secs(30);

const PACKAGE: &str = if cfg!(target_arch = "aarch64") { "codex-linux-arm64" } else { "codex-linux-x64" };
const TARGET: &str =
    if cfg!(target_arch = "aarch64") { "aarch64-unknown-linux-musl" } else { "x86_64-unknown-linux-musl" };

/// Why there is no Codex to work with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct FindError {
    /// What was looked for and what was found.
    pub what: String,
    /// What to do about it.
    pub hint: String,
}

impl FindError {
    fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            hint: format!(
                "npm install -g @openai/codex@{}, or put another one on PATH",
                TESTED.last().copied().unwrap_or_default()
            ),
        }
    }
}

/// Finds Codex in these folders, and asks it what it is.
pub fn find(path: &[PathBuf]) -> Result<Codex, FindError> {
    let Some(found) = path.iter().map(|folder| folder.join("codex")).find(|file| file.is_file()) else {
        return Err(FindError::new("codex is not on PATH"));
    };
    let at = |error: io::Error| FindError::new(format!("{}: {error}", found.display()));
    let real = fs::canonicalize(&found).map_err(at)?;
    let (program, files) = if real.extension().is_some_and(|extension| extension == "js") {
        native(&real).ok_or_else(|| {
            FindError::new(format!("{} starts a program that is not installed beside it", real.display()))
        })?
    } else {
        (real.clone(), vec![real])
    };
    let version = ask(&program, &["--version"]).map_err(at)?;
    let version = version.split_whitespace().last().unwrap_or_default().to_owned();
    if numbers(&version).is_none() {
        return Err(FindError::new(format!("{} --version says no version: {version:?}", program.display())));
    }
    let help = ask(&program, &["exec", "--help"]).map_err(at)?;
    let missing: Vec<&str> = NEEDED.into_iter().filter(|option| !help.contains(option)).collect();
    if !missing.is_empty() {
        return Err(FindError::new(format!(
            "codex {version} ({}) has no `codex exec {}`, which autopilot needs",
            program.display(),
            missing.join(" ")
        )));
    }
    // Without the list no feature is switched off by name: `--strict-config` refuses names it does not know.
    let features = ask(&program, &["features", "list"]).map_err(at)?;
    let features = features.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned);
    tracing::debug!(program = %program.display(), version, "codex is found");
    Ok(Codex { program, version, files, features: features.collect() })
}

/// Finds the program behind npm's script, where node would: in the `node_modules` of any folder above.
fn native(script: &Path) -> Option<(PathBuf, Vec<PathBuf>)> {
    let packages = script.ancestors().map(|above| above.join("node_modules/@openai").join(PACKAGE));
    let own = script.parent()?.parent()?.to_owned();
    packages.chain([own]).map(|package| package.join("vendor").join(TARGET)).find_map(|vendor| {
        let program = vendor.join("bin/codex");
        program.is_file().then(|| (program, vec![vendor]))
    })
}

/// Runs the user's own Codex with nothing of their configuration, and returns what it printed.
fn ask(program: &Path, args: &[&str]) -> io::Result<String> {
    let home = tempfile::tempdir()?;
    let mut command = Command::new(program);
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    output(command.env("CODEX_HOME", home.path()).args(args))
}

/// Runs a command that has to end, and returns what it printed.
pub(super) fn output(command: &mut Command) -> io::Result<String> {
    let mut printed: File = tempfile::tempfile()?;
    command.stdin(Stdio::null()).stdout(printed.try_clone()?).stderr(Stdio::null());
    let mut child = command.spawn()?;
    if !ends(&child)? {
        child.kill()?;
        child.wait()?;
        return Err(io::Error::other(format!("did not answer within {}s", PATIENCE.as_secs())));
    }
    let status = child.wait()?;
    printed.rewind()?;
    let mut text = String::new();
    printed.take(1 << 20).read_to_string(&mut text)?;
    if status.success() { Ok(text) } else { Err(io::Error::other(format!("ended with {status}"))) }
}

fn ends(child: &Child) -> io::Result<bool> {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let pid = pid.ok_or_else(|| io::Error::other("a child without a pid"))?;
    let pidfd = pidfd_open(pid, PidfdFlags::empty())?;
    let patience = PollTimeout::try_from(PATIENCE).unwrap_or(PollTimeout::MAX);
    Ok(poll(&mut [PollFd::new(pidfd.as_fd(), PollFlags::POLLIN)], patience)? > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fake(script: &str) -> (tempfile::TempDir, Vec<PathBuf>) {
        let folder = tempfile::tempdir().unwrap();
        // Made by a child: a file that this process had open for writing could be "busy" in another test's fork.
        let make = "printf '#!/bin/sh\n%s\n' \"$1\" > codex && chmod 755 codex";
        let made = Command::new("sh").args(["-c", make, "sh", script]).current_dir(&folder).status();
        assert!(made.unwrap().success());
        let path = vec![PathBuf::from("/nonexistent"), folder.path().to_owned()];
        (folder, path)
    }

    #[test]
    fn a_codex_is_asked_what_it_can_do() {
        let (_folder, path) = fake(
            "case \"$1 $2\" in
               '--version ') echo codex-cli 0.169.0;;
               'exec --help') echo '--json --ephemeral --strict-config --color';;
               'features list') echo 'plugins  stable  true';;
             esac",
        );
        let codex = find(&path).unwrap();
        assert_eq!(codex.version(), "0.169.0");
        assert_eq!(codex.features, ["plugins"]);
    }

    #[test]
    fn a_codex_that_lacks_an_option_is_a_clear_error() {
        let (_folder, path) = fake("echo codex-cli 0.20.0 --json --color");
        // Its `--version` prints options as well: the last word is none.
        assert!(find(&path).unwrap_err().what.contains("says no version"));
        let (_folder, path) =
            fake("case $1 in --version) echo codex-cli 0.20.0;; *) echo --json --color;; esac");
        let error = find(&path).unwrap_err();
        assert!(error.what.contains("codex 0.20.0"), "{error}");
        assert!(error.what.contains("--ephemeral --strict-config"), "{error}");
        assert!(error.hint.contains("npm install -g @openai/codex@"), "{error}");
        assert_eq!(find(&[]).unwrap_err().what, "codex is not on PATH");
    }

    #[test]
    fn the_program_behind_npms_script_is_found_where_node_finds_it() {
        let top = tempfile::tempdir().unwrap();
        let package = top.path().join("node_modules/@openai");
        let script = package.join("codex/bin/codex.js");
        let program = package.join(PACKAGE).join("vendor").join(TARGET).join("bin/codex");
        for file in [&script, &program] {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, "").unwrap();
        }
        let (found, files) = native(&script).unwrap();
        assert_eq!(found, program);
        assert_eq!(files, [program.parent().unwrap().parent().unwrap()]);
        fs::remove_file(&program).unwrap();
        assert_eq!(native(&script), None);
    }
}
