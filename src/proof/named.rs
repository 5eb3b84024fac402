//! Takes a plan's command and the files that stood, gives what it runs: the files that it names, and the scripts that these
//! name in turn. By their text: a name that is put together only when it runs is not seen.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path};

use crate::plan::{Proves, Step};

/// Files that are read for the names in them.
const READ: usize = 100;

/// Programs that run what a file of this name in the step's folder says.
const BUILDERS: [(&str, &[&str]); 4] = [
    ("make", &["Makefile", "makefile", "GNUmakefile"]),
    ("gmake", &["Makefile", "makefile", "GNUmakefile"]),
    ("just", &["justfile", "Justfile", ".justfile"]),
    ("task", &["Taskfile.yml", "Taskfile.yaml"]),
];

/// Programs that run the scripts of a package.
const OF_PACKAGES: [&str; 4] = ["npm", "yarn", "pnpm", "bun"];

/// Programs that run the file that is named behind them.
const INTERPRETERS: [&str; 19] = [
    "sh", "bash", "dash", "zsh", "ksh", "source", "python", "python2", "python3", "node", "nodejs", "deno",
    "bun", "tsx", "ts-node", "ruby", "perl", "php", "lua",
];

/// Endings of what a shell runs.
const OF_SHELLS: [&str; 6] = ["sh", "bash", "zsh", "ksh", "bats", "mk"];

/// A file that may be run.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// Relative to the repository's top.
    pub path: &'a [u8],
    /// It can be executed.
    pub is_executable: bool,
}

/// The words of a text that may be names of files, and of those the ones that stand behind an interpreter.
#[derive(Debug, Default)]
struct Words {
    named: BTreeSet<String>,
    run: BTreeSet<String>,
}

/// Lists what the command runs: the files that it names, and the scripts that these name. `files` gives what stands at a path.
pub fn run_by_command(
    step: &Step,
    proves: &Proves,
    candidates: &[Candidate<'_>],
    files: &dyn Fn(&[u8]) -> Option<Vec<u8>>,
) -> BTreeSet<String> {
    let words = command_words(proves);
    let known: BTreeMap<String, bool> = candidates
        .iter()
        .filter_map(|own| Some((std::str::from_utf8(own.path).ok()?.to_owned(), own.is_executable)))
        .collect();
    let in_dir = |name: &str| plain(&step.dir.join(name));
    let mut found: BTreeSet<String> =
        words.iter().filter_map(|word| in_dir(word)).filter(|path| known.contains_key(path)).collect();
    let mut open: Vec<Words> = Vec::new();
    let text = |path: &str| Some(String::from_utf8_lossy(&files(path.as_bytes())?).into_owned());
    for path in &found {
        open.extend(text(path).map(|text| Words::of(&text)));
    }
    for path in builders(&words).into_iter().filter_map(in_dir) {
        open.extend(text(&path).map(|text| Words::of(&scripts(&path, text))));
    }
    let mut read = open.len();
    while let Some(words) = open.pop() {
        for (path, is_executable) in &known {
            let is_script = || *is_executable || words.runs(path) || is_script(path, files);
            if !found.contains(path) && words.name(path) && is_script() {
                found.insert(path.clone());
                read += 1;
                if read <= READ {
                    open.extend(text(path).map(|text| Words::of(&text)));
                }
            }
        }
    }
    found
}

/// The words of a command: those of a line of a shell, too.
fn command_words(proves: &Proves) -> Vec<String> {
    let argv = proves.command.argv();
    let words =
        argv.iter().flat_map(|word| word.split(|c: char| c.is_whitespace() || ";&|()\"'".contains(c)));
    words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn builders(words: &[String]) -> Vec<&'static str> {
    let is = |program: &str| words.iter().any(|word| last(word) == program);
    let of_builders = BUILDERS.iter().filter(|(program, _)| is(program)).flat_map(|(_, files)| files.iter());
    let package = OF_PACKAGES.iter().any(|program| is(program)).then_some("package.json");
    of_builders.copied().chain(package).collect()
}

/// Of a package, what its scripts say: what it is made of is named in the rest.
fn scripts(path: &str, text: String) -> String {
    if last(path) != "package.json" {
        return text;
    }
    let package: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    let scripts = package.get("scripts").and_then(serde_json::Value::as_object);
    let lines = scripts.into_iter().flat_map(|scripts| scripts.values()).filter_map(|own| own.as_str());
    lines.collect::<Vec<_>>().join("\n")
}

fn last(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}

/// A path without `.` and `..`; nothing for one that leaves the repository.
fn plain(path: &Path) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.components() {
        match part {
            Component::Normal(part) => parts.push(part.to_str()?),
            Component::CurDir => {}
            Component::ParentDir => drop(parts.pop()?),
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

fn is_script(path: &str, files: &dyn Fn(&[u8]) -> Option<Vec<u8>>) -> bool {
    let is_of_shell = last(path).rsplit_once('.').is_some_and(|(_, ending)| OF_SHELLS.contains(&ending));
    is_of_shell || files(path.as_bytes()).is_some_and(|bytes| bytes.starts_with(b"#!"))
}

impl Words {
    fn of(text: &str) -> Self {
        let mut words = Self::default();
        let code = text.lines().filter(|line| !line.trim_start().starts_with('#'));
        for command in code.flat_map(|line| line.split([';', '|', '&'])) {
            words.add(command);
        }
        words
    }

    /// Adds the words of one command of a line.
    fn add(&mut self, command: &str) {
        let is_of_name = |c: char| c.is_alphanumeric() || "_./@+-".contains(c);
        let mut is_run = false;
        for word in command.split(|c: char| !is_of_name(c)).filter(|word| !word.is_empty()) {
            let own = word.trim_start_matches("../").trim_start_matches("./").trim_matches('/');
            let own = own.trim_end_matches('.');
            // Of words alone, such as `test`, most are no names of files.
            if !own.is_empty() && (is_run || own.contains('.') || word.contains('/')) {
                self.named.insert(own.to_owned());
            }
            if !own.is_empty() && is_run {
                self.run.insert(own.to_owned());
            }
            is_run |= word == "." || INTERPRETERS.contains(&last(word));
        }
    }

    fn name(&self, path: &str) -> bool {
        ends(path).any(|end| self.named.contains(end))
    }

    fn runs(&self, path: &str) -> bool {
        ends(path).any(|end| self.run.contains(end))
    }
}

/// What a path may be called from some folder: all of it, and each of its ends.
fn ends(path: &str) -> impl Iterator<Item = &str> {
    let inner = path.match_indices('/').map(|(at, _)| &path[at + 1..]);
    std::iter::once(path).chain(inner)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::plan;

    /// What a command runs in a repository of these files, each executable if its text begins with `+`.
    fn run_by(dir: &str, command: &str, files: &[(&str, &str)]) -> Vec<String> {
        let mut step = serde_json::json!({"id": "a", "command": "true",
            "expectation": {"proves": {"tests": ["tests/**"], "command": command}}});
        if !dir.is_empty() {
            step["dir"] = dir.into();
        }
        let text = format!("version: 1\nissue: 7\ntitle: Try\nsteps:\n  - {step}\n");
        let loaded = plan::parse(text.as_bytes(), Path::new("x"), Path::new("."), Some(7));
        let plan = loaded.unwrap_or_else(|faults| panic!("{faults}")).plan;
        let candidates: Vec<Candidate<'_>> = files
            .iter()
            .map(|(path, text)| Candidate { path: path.as_bytes(), is_executable: text.starts_with('+') })
            .collect();
        let read = |path: &[u8]| {
            let (_, text) = files.iter().find(|(own, _)| own.as_bytes() == path)?;
            Some(text.trim_start_matches('+').as_bytes().to_vec())
        };
        let proves = plan.steps[0].expectation.proves.as_ref().unwrap();
        run_by_command(&plan.steps[0], proves, &candidates, &read).into_iter().collect()
    }

    #[test]
    fn what_a_command_runs_is_found_through_the_files_that_it_names() {
        let inner = ("tools/inner.sh", "node tools/report.js \"$1\"");
        let report = ("tools/report.js", "require('./lib.js')");
        let product = ("src/app.py", "+#!/usr/bin/python3\n");
        let lib = ("tools/lib.js", "x");
        let all = [
            (
                "run.sh",
                "#!/bin/sh\n# for src/lib.rs\n\"$(dirname \"$0\")/tools/inner.sh\" || exit\n. \"$(dirname \"$0\")/env\"\nbin/test x",
            ),
            inner,
            report,
            product,
            lib,
            ("env", "A=1"),
            ("bin/test", "+x"),
            ("bin/other", "+x"),
            ("src/lib.rs", "x"),
        ];
        let found = ["bin/test", "env", "run.sh", "tools/inner.sh", "tools/report.js"];
        assert_eq!(run_by("", "./run.sh", &all), found);
        assert_eq!(run_by("", "sh -c 'cd x; ./run.sh'", &all), found);
        assert_eq!(run_by("tools", "sh ../run.sh", &all), found);
        assert_eq!(run_by("tools", "sh inner.sh", &all), ["tools/inner.sh", "tools/report.js"]);
        assert_eq!(run_by("", "cargo test", &all), Vec::<String>::new());
    }

    #[test]
    fn build_files_and_scripts_of_packages_are_looked_into() {
        let script = ("scripts/a.sh", "x");
        assert_eq!(
            run_by("", "make test", &[("Makefile", "test:\n\t./scripts/a.sh\n"), script]),
            ["scripts/a.sh"]
        );
        let package = r#"{"main": "src/index.js", "bin": "bin/cli", "scripts": {"pretest": "scripts/a.sh", "test": "node --test"}}"#;
        let files = [
            ("package.json", package),
            script,
            ("src/index.js", "#!/usr/bin/node"),
            ("bin/cli", "+#!/usr/bin/node"),
        ];
        assert_eq!(run_by("", "npm test", &files), ["scripts/a.sh"]);
    }

    #[test]
    fn names_that_go_round_and_files_that_are_many_come_to_an_end() {
        let files: Vec<(String, String)> =
            (0..300).map(|n| (format!("{n}.sh"), format!("./{}.sh ./{n}.sh", (n + 1) % 300))).collect();
        let files: Vec<(&str, &str)> = files.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        let found = run_by("", "./0.sh", &files).len();
        assert!((READ..300).contains(&found), "{found}");
    }
}
