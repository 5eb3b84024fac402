//! What lies behind the programs of PATH: takes a directory of programs, gives the host's paths that they need to run. It is
//! found by where links, interpreters and folders lead, not by a list of programs.
//!
//! The rule: a program needs itself, the folder that its package was put into (its prefix), and what the links and
//! `#!` lines in there lead to, and so on. A prefix is granted whole if it belongs to the program alone; of one that collects
//! what many leave (`~/.local`), or holds sources, only the parts where programs lie. The system is granted anyway.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

use super::lookup::{Kind, Lookup};
use super::shebang;

/// What the distribution, or NixOS, lists whole: hundreds of programs, of which only those are looked at that are links out.
const COLLECTIONS: [&str; 5] = ["/usr/bin", "/usr/sbin", "/bin", "/sbin", "/run/current-system/sw/bin"];

/// The parts of a prefix that hold programs and what they load. What lies beside them (credentials, configuration, history)
/// is not part of it.
const PARTS: [&str; 20] = [
    "bin",
    "sbin",
    "lib",
    "lib32",
    "lib64",
    "libexec",
    "include",
    "shims",
    "versions",
    "installs",
    "plugins",
    "toolchains",
    "completions",
    "pyenv.d",
    "version",
    "VERSION",
    "settings.toml",
    "pyvenv.cfg",
    "Cellar",
    "opt",
];

/// Parts that are a program's only where the prefix is no user's collection.
const PARTS_OF_ITS_OWN: [&str; 6] = ["share", "src", "pkg", "api", "etc", "go.env"];

/// Folders right below a home that hold what is private, whatever programs are put there.
const PRIVATE: [&str; 12] = [
    ".config",
    ".ssh",
    ".gnupg",
    ".aws",
    ".azure",
    ".kube",
    ".docker",
    ".mozilla",
    ".thunderbird",
    ".password-store",
    ".pki",
    ".cache",
];

/// What a name says in which a prefix keeps a secret.
const SECRET: [&str; 12] = [
    "credential",
    "secret",
    "token",
    "password",
    ".env",
    ".netrc",
    ".npmrc",
    ".pypirc",
    ".pem",
    ".key",
    ".kdbx",
    "id_rsa",
];

/// So many programs are followed; nobody has more outside of the system.
const MOST: usize = 20_000;

/// How deep links of a prefix of the system's are looked for.
const DEPTH: usize = 3;

/// As what a path is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Collection,
    Folder,
    Program,
    Prefix,
    PrefixOf,
    Config,
}

/// What lies behind the directories of PATH.
#[derive(Debug)]
pub(super) struct Behind<'a> {
    home: Option<&'a Path>,
    checkout: Option<&'a Path>,
    /// What is readable anyway.
    system: &'a [&'a str],
    /// What has to be.
    pub(super) folders: BTreeSet<PathBuf>,
    /// Of `/etc`, what programs of the system have for their own.
    pub(super) config: BTreeSet<PathBuf>,
    /// What has been followed, and as what: a folder can hold programs and be a prefix of its own (`node_modules/.bin`).
    known: BTreeSet<(What, PathBuf)>,
    /// Folders by whether one package was put into them.
    of_its_own: BTreeMap<PathBuf, bool>,
    pub(super) lookup: Lookup,
}

impl<'a> Behind<'a> {
    pub(super) fn new(home: Option<&'a Path>, checkout: Option<&'a Path>, system: &'a [&'a str]) -> Self {
        let (folders, config, known, of_its_own, lookup) = Default::default();
        Self { home, checkout, system, folders, config, known, of_its_own, lookup }
    }

    /// Adds what the programs of a directory of PATH need: the directory, its prefix, and where its links and their
    /// interpreters lead. Links are followed out of the system as well: /usr/local/bin leads to /opt, and a store may to
    /// anywhere.
    pub(super) fn directory(&mut self, dir: &Path) {
        if dir.starts_with("/proc") {
            return;
        }
        let Some(real) = self.lookup.real(dir) else { return };
        if COLLECTIONS.iter().any(|each| dir == Path::new(each)) {
            // Two of them are often one folder.
            if self.is_new(What::Collection, &real) {
                self.links(&real);
            }
            return;
        }
        if !self.is_system(dir) {
            self.folders.insert(dir.to_owned());
        }
        self.prefix_of(&real);
        self.programs(&real);
    }

    /// Follows the programs of a directory.
    fn programs(&mut self, dir: &Path) {
        if !self.is_new(What::Folder, dir) {
            return;
        }
        self.links(dir);
        if self.is_system(dir) {
            return;
        }
        for (name, _) in self.lookup.list(dir).iter().filter(|(_, kind)| **kind == Kind::File) {
            self.interpreter(&dir.join(name));
        }
    }

    /// Follows the links of a directory that lead out of it.
    fn links(&mut self, dir: &Path) {
        for (name, _) in self.lookup.list(dir).iter().filter(|(_, kind)| **kind == Kind::Link) {
            let link = dir.join(name);
            if self.is_plain(dir, &link) {
                continue;
            }
            let Some(program) = self.lookup.led_to(&link) else { continue };
            match program.parent() {
                Some(parent) if parent == dir => {}
                Some(parent) if self.is_system(parent) => self.config_of(parent),
                _ => self.program(&program),
            }
        }
    }

    /// Tells of most of the system's links without following them that they stay where they are.
    fn is_plain(&mut self, dir: &Path, link: &Path) -> bool {
        let Some(to) = self.lookup.link(link) else { return true };
        let mut parts = to.components();
        let is_name = matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None));
        is_name && self.is_system(dir)
    }

    /// Adds a program outside of the system, by a name without links, with all that it needs.
    fn program(&mut self, program: &Path) {
        if !self.is_new(What::Program, program) {
            return;
        }
        self.folders.insert(program.to_owned());
        if let Some(dir) = program.parent() {
            self.prefix_of(dir);
            if is_of_programs(dir) {
                self.programs(dir);
            }
        }
        self.interpreter(program);
    }

    /// Adds the interpreter that the first line of a program names, and whatever that is a link to.
    fn interpreter(&mut self, program: &Path) {
        let Some(named) = named_interpreter(program) else { return };
        let Some(dir) = named.parent().filter(|dir| !self.is_system(dir)) else { return };
        let (Some(dir), Some(real)) = (self.lookup.real(dir), self.lookup.real(&named)) else { return };
        // A virtual environment is known by the link, not by what it leads to.
        self.prefix_of(&dir);
        self.programs(&dir);
        match real.parent() {
            Some(parent) if self.is_system(parent) => {}
            _ => self.program(&real),
        }
    }

    /// Adds the prefix that a directory of programs belongs to.
    fn prefix_of(&mut self, dir: &Path) {
        if !self.is_new(What::PrefixOf, dir) {
            return;
        }
        let top = if is_of_programs(dir) { dir.parent() } else { Some(dir) };
        let Some(top) = top.filter(|top| !self.is_system(top)) else { return };
        // What a package of Node's loads lies beside it.
        let modules = dir.ancestors().filter(|above| above.ends_with("node_modules")).last();
        if let Some(modules) = modules.filter(|modules| self.is_of_its_own(modules)) {
            return self.whole(modules);
        }
        if self.is_of_its_own(top) {
            return self.whole(top);
        }
        if !is_of_programs(dir)
            || top == Path::new("/")
            || self.home == Some(top)
            || top == Path::new("/root")
        {
            return;
        }
        // ~/.local and its kin collect what many programs leave; /opt/node belongs to node alone.
        let own = self.home.is_none_or(|home| top.parent() != Some(home));
        let parts = PARTS.iter().chain(own.then_some(PARTS_OF_ITS_OWN.iter()).into_iter().flatten());
        let there: Vec<&str> = parts.copied().filter(|part| self.lookup.has(top, part)).collect();
        self.folders.extend(there.into_iter().map(|part| top.join(part)));
    }

    /// Tells whether a folder is what one package was put into: neither a home nor what lies right below one or below the
    /// root, nor private, nor a repository or a folder of such, nor around what the run is about.
    fn is_of_its_own(&mut self, top: &Path) -> bool {
        if let Some(known) = self.of_its_own.get(top) {
            return *known;
        }
        let is_own = self.is_one_packages(top);
        self.of_its_own.insert(top.to_owned(), is_own);
        is_own
    }

    fn is_one_packages(&mut self, top: &Path) -> bool {
        let is_top = |top: &Path| [Path::new("/"), Path::new("/home"), Path::new("/root")].contains(&top);
        let Some(parent) = top.parent().filter(|parent| !is_top(parent) && !is_top(top)) else {
            return false;
        };
        let around = |of: Option<&Path>| of.is_some_and(|of| of.starts_with(top));
        let private = |home: &Path| {
            let first = top.strip_prefix(home).ok().and_then(|rest| rest.components().next());
            parent == home || first.is_some_and(|first| PRIVATE.iter().any(|name| first.as_os_str() == *name))
        };
        !around(self.home)
            && !around(self.checkout)
            && !self.home.is_some_and(private)
            && !self.has_repository(top)
    }

    /// Tells whether a folder is a repository, or one is right below it.
    fn has_repository(&mut self, top: &Path) -> bool {
        let entries = self.lookup.list(top);
        let mut below = entries.iter().filter(|(_, kind)| **kind != Kind::File);
        self.lookup.has(top, ".git")
            || below.any(|(name, kind)| match kind {
                Kind::Folder => self.lookup.has(&top.join(name), ".git"),
                _ => top.join(name).join(".git").exists(),
            })
    }

    /// Adds a prefix, without what its name calls a secret.
    fn whole(&mut self, top: &Path) {
        if !self.is_new(What::Prefix, top) {
            return;
        }
        let entries = self.lookup.list(top);
        let (secret, rest): (Vec<PathBuf>, Vec<PathBuf>) =
            entries.keys().map(|name| top.join(name)).partition(|path| is_secret(path));
        if secret.is_empty() {
            self.folders.insert(top.to_owned());
        } else {
            self.folders.extend(rest);
        }
    }

    /// Adds what a program of the system has in `/etc`: its prefix, which is in the system, has links there (a JDK's
    /// `conf`, Maven's).
    fn config_of(&mut self, dir: &Path) {
        let Some(top) = dir.parent().filter(|top| is_of_programs(dir) && top.components().count() > 3) else {
            return;
        };
        if self.is_new(What::Config, top) {
            self.config_below(top, DEPTH);
        }
    }

    fn config_below(&mut self, folder: &Path, depth: usize) {
        for (name, kind) in self.lookup.list(folder).iter() {
            let path = folder.join(name);
            match kind {
                Kind::Folder if depth > 1 => self.config_below(&path, depth - 1),
                Kind::Link => {
                    let real = self.lookup.led_to(&path);
                    self.config.extend(real.filter(|real| real.starts_with("/etc")));
                }
                _ => {}
            }
        }
    }

    fn is_system(&self, path: &Path) -> bool {
        self.system.iter().any(|each| path.starts_with(each))
    }

    fn is_new(&mut self, what: What, path: &Path) -> bool {
        self.known.len() < MOST && self.known.insert((what, path.to_owned()))
    }
}

fn is_of_programs(dir: &Path) -> bool {
    matches!(dir.file_name().and_then(OsStr::to_str), Some("bin" | "sbin" | "shims"))
}

fn is_secret(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    SECRET.iter().any(|part| name.contains(part))
}

/// Reads which interpreter a script names, itself or by way of `env`.
fn named_interpreter(program: &Path) -> Option<PathBuf> {
    let mut words = shebang::words(program)?.into_iter();
    let first = words.next()?;
    let named = if first.ends_with("env") { words.find(|word| word.is_absolute())? } else { first };
    named.is_absolute().then_some(named)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use tempfile::TempDir;

    use super::*;

    /// A folder with a home, a checkout and a system of its own, all below one that no rule knows.
    struct Host {
        _folder: TempDir,
        top: PathBuf,
    }

    impl Host {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            // Links are compared by where they really lead.
            let top = fs::canonicalize(folder.path()).unwrap();
            Self { _folder: folder, top }
        }

        fn file(&self, path: &str, text: &str) {
            let path = self.top.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }

        fn link(&self, from: &str, to: &str) {
            let from = self.top.join(from);
            fs::create_dir_all(from.parent().unwrap()).unwrap();
            symlink(self.top.join(to), from).unwrap();
        }

        /// What is granted beyond the system for directories of PATH, below the folder.
        fn behind(&self, dirs: &[&str]) -> Vec<String> {
            let (home, checkout, store) =
                (self.top.join("home"), self.top.join("work/repo"), self.top.join("store"));
            let system = [store.to_str().unwrap()];
            let mut behind = Behind::new(Some(&home), Some(&checkout), &system);
            for dir in dirs {
                behind.directory(&self.top.join(dir));
            }
            let relative =
                |path: &PathBuf| path.strip_prefix(&self.top).unwrap().to_str().unwrap().to_owned();
            behind.folders.iter().map(relative).collect()
        }
    }

    #[test]
    fn credentials_beside_programs_are_not_behind_them() {
        let host = Host::new();
        for path in
            ["home/.cargo/bin/x", "home/.cargo/registry/x", "home/.local/bin/x", "home/.local/share/x"]
        {
            host.file(path, "");
        }
        host.file("home/.cargo/credentials.toml", "token");
        assert_eq!(
            host.behind(&["home/.cargo/bin", "home/.local/bin"]),
            ["home/.cargo/bin", "home/.local/bin"]
        );
    }

    #[test]
    fn a_prefix_of_its_own_is_whole_but_for_secrets() {
        let host = Host::new();
        for path in ["opt/jdk/bin/java", "opt/jdk/conf/net.properties", "opt/jdk/lib/modules"] {
            host.file(path, "");
        }
        assert_eq!(host.behind(&["opt/jdk/bin"]), ["opt/jdk", "opt/jdk/bin"]);
        host.file("opt/jdk/.env", "TOKEN=x");
        assert_eq!(host.behind(&["opt/jdk/bin"]), ["opt/jdk/bin", "opt/jdk/conf", "opt/jdk/lib"]);
    }

    #[test]
    fn what_holds_sources_or_is_around_the_run_is_never_whole() {
        let host = Host::new();
        for path in [
            "opt/mine/bin/x",
            "opt/mine/.git/HEAD",
            "opt/mine/notes/x",
            "opt/many/bin/x",
            "opt/many/one/.git/HEAD",
            "work/bin/x",
            "work/repo/x",
            "home/.config/tool/bin/x",
            "home/.config/tool/token",
        ] {
            host.file(path, "");
        }
        let dirs = ["opt/mine/bin", "opt/many/bin", "work/bin", "home/.config/tool/bin"];
        assert_eq!(host.behind(&dirs), ["home/.config/tool/bin", "opt/many/bin", "opt/mine/bin", "work/bin"]);
    }

    #[test]
    fn links_out_of_a_store_are_followed_and_those_into_it_need_nothing() {
        let host = Host::new();
        for path in ["opt/rust/bin/cargo", "opt/rust/lib/x", "store/gcc/bin/gcc"] {
            host.file(path, "");
        }
        host.link("store/cargo/bin/cargo", "opt/rust/bin/cargo");
        host.link("store/cargo/bin/cc", "store/gcc/bin/gcc");
        assert_eq!(host.behind(&["store/cargo/bin"]), ["opt/rust", "opt/rust/bin/cargo"]);
    }

    #[test]
    fn a_vendors_program_brings_the_folder_that_it_lies_in() {
        let host = Host::new();
        host.file("opt/vendor/tool/vendor-tool", "");
        host.file("opt/vendor/tool/data", "");
        host.link("store/bin/vendor-tool", "opt/vendor/tool/vendor-tool");
        assert_eq!(host.behind(&["store/bin"]), ["opt/vendor/tool", "opt/vendor/tool/vendor-tool"]);
    }

    #[test]
    fn the_interpreter_behind_a_tools_own_link_comes_along() {
        let host = Host::new();
        let share = "home/.local/share/uv";
        host.file(&format!("{share}/python/cpython-3/bin/python3"), "");
        host.file(&format!("{share}/python/cpython-3/lib/x"), "");
        host.file(&format!("{share}/tools/black/pyvenv.cfg"), "");
        host.link(
            &format!("{share}/tools/black/bin/python"),
            &format!("{share}/python/cpython-3/bin/python3"),
        );
        let shebang = format!("#!{}/{share}/tools/black/bin/python\n", host.top.display());
        host.file(&format!("{share}/tools/black/bin/black"), &shebang);
        host.link("home/.local/bin/black", &format!("{share}/tools/black/bin/black"));
        let tools =
            ["python/cpython-3", "python/cpython-3/bin/python3", "tools/black", "tools/black/bin/black"];
        let expected: Vec<String> = ["home/.local/bin".to_owned()]
            .into_iter()
            .chain(tools.map(|tool| format!("{share}/{tool}")))
            .collect();
        assert_eq!(host.behind(&["home/.local/bin"]), expected);
        // A script of a collection, whose environment lies elsewhere.
        let host = Host::new();
        host.file("srv/env/bin/python", "");
        host.file("srv/env/lib/x", "");
        host.file("home/.local/bin/tool", &format!("#! {}/srv/env/bin/python -E\n", host.top.display()));
        assert_eq!(host.behind(&["home/.local/bin"]), ["home/.local/bin", "srv/env", "srv/env/bin/python"]);
    }

    #[test]
    fn links_of_a_folder_that_is_a_prefix_of_its_own_are_followed_too() {
        let host = Host::new();
        host.file("opt/tools/node_modules/pnpm/bin/pnpm.cjs", "");
        host.link("opt/tools/node_modules/.bin/pnpm", "opt/tools/node_modules/pnpm/bin/pnpm.cjs");
        let modules = "opt/tools/node_modules";
        // What it loads lies beside it.
        let expected = ["", "/.bin", "/pnpm/bin/pnpm.cjs"].map(|end| format!("{modules}{end}"));
        assert_eq!(host.behind(&["opt/tools/node_modules/.bin"]), expected);
    }

    #[test]
    fn what_leads_in_a_circle_ends() {
        let host = Host::new();
        host.link("opt/a/bin/x", "opt/b/bin/x");
        host.link("opt/b/bin/y", "opt/a/bin/y");
        host.file("opt/b/bin/x", "");
        host.file("opt/a/bin/y", &format!("#!{}/opt/b/bin/x\n", host.top.display()));
        assert_eq!(
            host.behind(&["opt/a/bin"]),
            ["opt/a", "opt/a/bin", "opt/a/bin/y", "opt/b", "opt/b/bin/x"]
        );
    }
}
