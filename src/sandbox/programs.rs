//! Takes a program by its name, tells whether a step could start it: it is there, it is whole, and the step sees all that it leads to: where its links
//! end, what its `#!` line names, its loader and its libraries.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use super::elf;
use super::shebang;
use crate::policy::Grant;

/// So many files are looked at for one program.
const MOST: usize = 400;

/// Where a loader looks by itself, beside what `/etc/ld.so.conf` names.
const LIBRARIES: [&str; 6] = ["/lib", "/usr/lib", "/lib64", "/usr/lib64", "/usr/local/lib", "/lib32"];

/// Whether a step could start a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Program {
    /// As far as can be told.
    Fine,
    /// It is nowhere on PATH.
    Absent,
    /// It is there, and nobody can start it: where, and why.
    Broken(PathBuf, String),
    /// It is there, and a step does not see what it needs: where it is, and what that is, as a plan would grant it.
    Unseen(PathBuf, Vec<PathBuf>),
}

/// Looks for a program of PATH, or at one that is named by its whole path.
pub fn look(name: &str, path: &[PathBuf], grant: &Grant) -> Program {
    let granted = [grant.system(), grant.toolchains(), grant.read(), grant.write()];
    let granted: Vec<&Path> = granted.into_iter().flatten().map(PathBuf::as_path).collect();
    Look { path, granted: &granted, needed: BTreeSet::new(), known: BTreeSet::new() }.program(name)
}

struct Look<'a> {
    path: &'a [PathBuf],
    granted: &'a [&'a Path],
    /// What is needed and not seen.
    needed: BTreeSet<PathBuf>,
    known: BTreeSet<PathBuf>,
}

impl Look<'_> {
    fn program(mut self, name: &str) -> Program {
        let places = self.places(name);
        let Some(file) = places.iter().find(|file| is_program(file)).cloned() else {
            let there = places.into_iter().find(|file| file.symlink_metadata().is_ok());
            return there.map_or(Program::Absent, |file| {
                let why = why_none(&file);
                Program::Broken(file, why)
            });
        };
        if let Err(why) = self.follow(&file) {
            return Program::Broken(file, why);
        }
        if self.needed.is_empty() {
            Program::Fine
        } else {
            Program::Unseen(file, self.needed.into_iter().collect())
        }
    }

    fn places(&self, name: &str) -> Vec<PathBuf> {
        if name.starts_with('/') {
            vec![name.into()]
        } else {
            self.path.iter().map(|dir| dir.join(name)).collect()
        }
    }

    /// Follows a program to all that it needs.
    fn follow(&mut self, file: &Path) -> Result<(), String> {
        let Some(real) = self.see(file, Path::to_owned) else { return Ok(()) };
        if let Some(words) = shebang::words(&real) {
            return self.interpreter(&words);
        }
        let Some(needs) = elf::needs(&real) else { return Ok(()) };
        if let Some(loader) = &needs.interpreter {
            if !loader.exists() {
                return Err(format!(
                    "its loader {} is not there: it was built for another system",
                    loader.display()
                ));
            }
            self.see(loader, Path::to_owned);
        }
        self.libraries(&real, &needs, &[])
    }

    /// Notes what is needed if it is not seen; gives where it really is, once.
    fn see(&mut self, file: &Path, grant: impl Fn(&Path) -> PathBuf) -> Option<PathBuf> {
        let real = fs::canonicalize(file).ok()?;
        if self.known.len() >= MOST || !self.known.insert(real.clone()) {
            return None;
        }
        if !self.granted.iter().any(|own| real.starts_with(own)) {
            self.needed.insert(grant(&real));
        }
        Some(real)
    }

    fn interpreter(&mut self, words: &[PathBuf]) -> Result<(), String> {
        let Some(first) = words.first() else { return Ok(()) };
        if !first.is_absolute() {
            return Ok(());
        }
        if !is_program(first) {
            return Err(format!("its interpreter {} is not there", first.display()));
        }
        self.follow(first)?;
        if !first.ends_with("env") {
            return Ok(());
        }
        let is_plain = |word: &&PathBuf| {
            !word.as_os_str().as_bytes().starts_with(b"-") && !word.as_os_str().as_bytes().contains(&b'=')
        };
        let Some(named) = words.iter().skip(1).find(is_plain) else { return Ok(()) };
        let named = named.to_string_lossy();
        let found = self.places(&named).into_iter().find(|file| is_program(file));
        let found = found.ok_or_else(|| format!("its interpreter `{named}` is not on PATH"))?;
        self.follow(&found)
    }

    /// Follows the libraries of a file, looked for where it says, where what loads it says, and where the loader looks by itself.
    fn libraries(&mut self, file: &Path, needs: &elf::Needs, above: &[PathBuf]) -> Result<(), String> {
        let origin = file.parent().unwrap_or(Path::new("/"));
        let own = needs.search.iter().map(|folder| of_origin(folder, origin));
        let search: Vec<PathBuf> = own.chain(above.iter().cloned()).collect();
        for name in &needs.libraries {
            let found = search
                .iter()
                .chain(FOLDERS.iter())
                .map(|folder| folder.join(name))
                .find(|file| file.is_file());
            let Some(found) = found else {
                return Err(format!("its library {} is nowhere that its loader looks", name.display()));
            };
            // Its name is a link to another one there, as often as not.
            let folder = |real: &Path| real.parent().unwrap_or(real).to_owned();
            let Some(real) = self.see(&found, folder) else { continue };
            if let Some(needs) = elf::needs(&real) {
                self.libraries(&real, &needs, &search)?;
            }
        }
        Ok(())
    }
}

fn is_program(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|facts| facts.is_file() && facts.permissions().mode() & 0o111 != 0)
}

/// Says why what lies there is no program.
fn why_none(file: &Path) -> String {
    match (fs::read_link(file), fs::metadata(file)) {
        (Ok(to), Err(error)) => format!("it leads to {}: {error}", to.display()),
        (_, Ok(facts)) if facts.is_dir() => "it is a folder".to_owned(),
        (_, Ok(_)) => "nobody may execute it: chmod +x".to_owned(),
        (_, Err(error)) => error.to_string(),
    }
}

/// Puts the folder of a file in the place of `$ORIGIN`.
fn of_origin(folder: &Path, origin: &Path) -> PathBuf {
    let text = folder.to_string_lossy();
    let origin = origin.to_string_lossy();
    PathBuf::from(text.replace("${ORIGIN}", &origin).replace("$ORIGIN", &origin))
}

/// Where a loader looks by itself, read once: it is this host's.
static FOLDERS: LazyLock<Vec<PathBuf>> = LazyLock::new(folders);

/// Lists where a loader looks by itself: the usual folders, those for each kind of processor, and what its configuration names.
fn folders() -> Vec<PathBuf> {
    let usual = LIBRARIES.iter().map(PathBuf::from);
    let kinds =
        ["/lib", "/usr/lib"].into_iter().flat_map(|top| fs::read_dir(top).into_iter().flatten().flatten());
    let kinds = kinds.map(|entry| entry.path()).filter(|path| path.file_name().is_some_and(is_kind));
    let more = fs::read_dir("/etc/ld.so.conf.d").into_iter().flatten().flatten().map(|entry| entry.path());
    let files = more.chain(["/etc/ld.so.conf".into()]);
    let lines = files.filter_map(|file| fs::read_to_string(file).ok());
    let named = lines.flat_map(|text| {
        text.lines()
            .map(str::trim)
            .filter(|line| line.starts_with('/'))
            .map(PathBuf::from)
            .collect::<Vec<_>>()
    });
    usual.chain(kinds).chain(named).collect()
}

fn is_kind(name: &OsStr) -> bool {
    name.to_string_lossy().contains("-linux-")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    struct Host {
        top: tempfile::TempDir,
    }

    impl Host {
        fn new() -> Self {
            let host = Self { top: tempfile::tempdir().unwrap() };
            fs::create_dir(host.at("bin")).unwrap();
            host
        }

        fn at(&self, name: &str) -> PathBuf {
            self.top.path().canonicalize().unwrap().join(name)
        }

        fn program(&self, name: &str, text: &str) {
            let file = self.at(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            let script = "printf %s \"$2\" > \"$1\" && chmod 755 \"$1\"";
            let made =
                std::process::Command::new("sh").args(["-c", script, "sh"]).arg(file).arg(text).status();
            assert!(made.unwrap().success());
        }

        fn look(&self, name: &str) -> Program {
            let (path, bin) = (vec![self.at("bin"), "/usr/bin".into(), "/bin".into()], self.at("bin"));
            let granted =
                [Path::new("/usr"), Path::new("/bin"), Path::new("/lib"), Path::new("/lib64"), &bin];
            let look =
                Look { path: &path, granted: &granted, needed: BTreeSet::new(), known: BTreeSet::new() };
            look.program(name)
        }
    }

    #[test]
    fn what_is_there_and_what_is_not_and_what_is_broken_are_told_apart() {
        let host = Host::new();
        assert_eq!(host.look("none"), Program::Absent);
        host.program("bin/own", "#!/bin/sh\n");
        assert_eq!(host.look("own"), Program::Fine);
        assert_eq!(host.look("sh"), Program::Fine);
        symlink(host.at("gone"), host.at("bin/leading")).unwrap();
        host.program("bin/other", "#!/nowhere/python3 -E\n");
        host.program("bin/env", "#!/usr/bin/env -S nowhere-at-all --x\n");
        fs::write(host.at("bin/data"), "").unwrap();
        for (name, why) in [
            ("leading", "it leads to"),
            ("other", "its interpreter /nowhere/python3 is not there"),
            ("env", "its interpreter `nowhere-at-all` is not on PATH"),
            ("data", "chmod +x"),
        ] {
            let Program::Broken(file, said) = host.look(name) else {
                panic!("{name}: {:?}", host.look(name))
            };
            assert!(file == host.at("bin").join(name) && said.contains(why), "{name}: {said}");
        }
        // A file that is none does not hide the one behind it.
        fs::write(host.at("bin/sh"), "").unwrap();
        assert_eq!(host.look("sh"), Program::Fine);
    }

    #[test]
    fn what_a_step_does_not_see_is_named_as_a_plan_grants_it() {
        let host = Host::new();
        host.program("srv/tool", "#!/bin/sh\n");
        symlink(host.at("srv/tool"), host.at("bin/tool")).unwrap();
        assert_eq!(host.look("tool"), Program::Unseen(host.at("bin/tool"), vec![host.at("srv/tool")]));
        host.program("srv/python", "");
        host.program("bin/script", &format!("#!{}\n", host.at("srv/python").display()));
        assert_eq!(host.look("script"), Program::Unseen(host.at("bin/script"), vec![host.at("srv/python")]));
    }
}
