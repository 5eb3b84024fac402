//! Finds the Codex on PATH, the program behind the script that npm installs, and what its version can do.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

use super::program::{Codex, TESTED};
use crate::agent::program::{Unavailable, numbers, on_path, output, too_old};

/// Options of `codex exec` that a version must have.
const NEEDED: [&str; 4] = ["--json", "--ephemeral", "--strict-config", "--color"];

const PACKAGE: &str = if cfg!(target_arch = "aarch64") { "codex-linux-arm64" } else { "codex-linux-x64" };
const TARGET: &str =
    if cfg!(target_arch = "aarch64") { "aarch64-unknown-linux-musl" } else { "x86_64-unknown-linux-musl" };

fn unavailable(what: impl Into<String>) -> Unavailable {
    let newest = TESTED.last().copied().unwrap_or_default();
    Unavailable::new(what, format!("npm install -g @openai/codex@{newest}, or put another one on PATH"))
}

/// Finds Codex in these folders, and asks it what it is.
pub(super) fn find(path: &[PathBuf]) -> Result<Codex, Unavailable> {
    let found = on_path(path, "codex").ok_or_else(|| unavailable("codex is not on PATH"))?;
    let at = |error: io::Error| unavailable(format!("{}: {error}", found.display()));
    let real = fs::canonicalize(&found).map_err(at)?;
    let (program, files) = if real.extension().is_some_and(|extension| extension == "js") {
        native(&real).ok_or_else(|| {
            unavailable(format!("{} starts a program that is not installed beside it", real.display()))
        })?
    } else {
        (real.clone(), vec![real])
    };
    let version = ask(&program, &["--version"]).map_err(at)?;
    let version = version.split_whitespace().last().unwrap_or_default().to_owned();
    if numbers(&version).is_none() {
        return Err(unavailable(format!("{} --version says no version: {version:?}", program.display())));
    }
    let help = ask(&program, &["exec", "--help"]).map_err(at)?;
    let missing: Vec<&str> = NEEDED.into_iter().filter(|option| !help.contains(option)).collect();
    if !missing.is_empty() {
        return Err(unavailable(format!(
            "codex {version} ({}) has no `codex exec {}`, which autopilot needs",
            program.display(),
            missing.join(" ")
        )));
    }
    if let Some(why) = too_old("codex", &version, &TESTED) {
        return Err(unavailable(format!("{why}: {}", program.display())));
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
        assert_eq!(codex.version, "0.169.0");
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
