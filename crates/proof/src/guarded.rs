//! Takes a path that a change touches, gives what of the test runner it configures: one table, which the documents show.

use std::sync::OnceLock;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

/// The runner's family: what configures one is nothing to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stack {
    /// pytest, unittest.
    Python,
    /// node, mocha, jest, vitest.
    JavaScript,
    /// cargo, nextest.
    Rust,
    /// `go test`.
    Go,
    /// Maven, Gradle.
    Java,
}

/// A line of the table.
#[derive(Debug, Clone, Copy)]
pub struct Guarded {
    /// Whose it is; nothing if anybody's.
    pub stack: Option<Stack>,
    /// What it is.
    pub what: &'static str,
    /// Patterns of its paths, with spaces between them, relative to the repository's top; `**/` is any folder, the top
    /// included.
    pub paths: &'static str,
}

/// Modules that Python's runners load: a file of that name beside the tests, or at the top, would be loaded in their place.
const MODULES: &str = "_pytest abc argparse ast asyncio atexit attr bdb bisect builtins cmd code codecs collections colorama \
    configparser contextlib contextvars copy copyreg coverage dataclasses datetime decimal difflib dis doctest \
    enum errno exceptiongroup faulthandler fnmatch fractions functools gc genericpath getpass glob hashlib heapq \
    hypothesis importlib iniconfig inspect io itertools json keyword linecache locale logging marshal math mock \
    numbers opcode operator os packaging pathlib pdb pickle pkgutil platform pluggy posixpath pprint py pygments \
    pytest queue random re reprlib runpy selectors shlex shutil signal site socket stat string struct subprocess \
    sys sysconfig tempfile textwrap threading time timeit token tokenize tomli tomllib traceback tracemalloc \
    types typing typing_extensions unittest urllib uuid warnings weakref xdist xml zipfile zipimport";

/// Folders from which Python loads modules by their own name, as far as paths tell.
const LOADED_FROM: &[&str] = &["", "src/", "lib/", "**/tests/", "**/test/", "**/testing/"];

/// Everything that decides how tests are run.
pub const TABLE: &[Guarded] = &[
    Guarded {
        stack: None,
        what: "a build file that may run the tests",
        paths: "**/Makefile **/makefile **/GNUmakefile **/*.mk **/justfile **/Justfile **/.justfile **/Taskfile.yml \
            **/Taskfile.yaml **/CMakeLists.txt **/meson.build **/BUILD **/BUILD.bazel **/WORKSPACE \
            **/MODULE.bazel **/.bazelrc flake.nix",
    },
    Guarded {
        stack: None,
        what: "continuous integration",
        paths: ".github/workflows/** .github/actions/** .gitlab-ci.yml .gitlab/** .circleci/** .travis.yml \
            .buildkite/** .drone.yml .woodpecker.yml .woodpecker/** azure-pipelines.yml bitbucket-pipelines.yml \
            appveyor.yml .appveyor.yml Jenkinsfile .ci/**",
    },
    Guarded {
        stack: None,
        what: "which tools are used",
        paths: "**/.tool-versions **/mise.toml **/.mise.toml **/.envrc **/.env .devcontainer/**",
    },
    Guarded {
        stack: Some(Stack::Python),
        what: "configuration of Python's runners",
        paths: "**/conftest.py **/pytest.ini **/.pytest.ini **/pytest.toml **/.pytest.toml **/pyproject.toml \
            **/setup.cfg **/setup.py **/tox.ini **/tox.toml **/noxfile.py **/.coveragerc **/.python-version",
    },
    Guarded {
        stack: Some(Stack::Python),
        what: "loaded before any test",
        paths: "**/sitecustomize.py **/usercustomize.py **/*.pth **/*.egg-link **/*.dist-info/** **/*.egg-info/**",
    },
    Guarded {
        stack: Some(Stack::JavaScript),
        what: "configuration of JavaScript's runners",
        paths: "**/package.json **/.npmrc **/.yarnrc **/.yarnrc.yml **/.pnp.* **/.pnpmfile.cjs **/.mocharc.* \
            **/.mocharc **/mocha.opts **/jest.config.* **/jest.setup.* **/.jestrc* **/vitest.config.* \
            **/vitest.setup.* **/vitest.workspace.* **/vite.config.* **/karma.conf.* **/ava.config.* **/.taprc \
            **/babel.config.* **/.babelrc **/.babelrc.* **/.swcrc **/tsconfig*.json **/.nycrc **/.nycrc.* \
            **/.c8rc* **/.nvmrc **/.node-version **/node.config.json",
    },
    Guarded {
        stack: Some(Stack::JavaScript),
        what: "loaded in a module's place",
        paths: "**/node_modules/** **/__mocks__/**",
    },
    Guarded {
        stack: Some(Stack::Rust),
        what: "configuration of cargo",
        paths: "**/Cargo.toml **/.cargo/** **/build.rs **/rust-toolchain **/rust-toolchain.toml \
            **/.config/nextest.toml **/nextest.toml",
    },
    Guarded {
        stack: Some(Stack::Go),
        what: "configuration of go",
        paths: "**/go.mod **/go.work **/vendor/** **/.go-version",
    },
    Guarded {
        stack: Some(Stack::Java),
        what: "configuration of Maven or Gradle",
        paths: "**/pom.xml **/.mvn/** **/mvnw **/build.gradle **/build.gradle.kts **/settings.gradle \
            **/settings.gradle.kts **/gradle.properties **/gradlew gradle/** buildSrc/** \
            **/junit-platform.properties **/testng.xml **/META-INF/services/**",
    },
];

/// What a file that shadows a module of the runner is called.
pub const SHADOWS: &str = "loaded in place of a module of the runner";

/// Says what `path`, relative to the repository's top, configures of how tests are run; `None` if nothing. Without a
/// `stack` it may be anybody's.
pub fn guarded(path: &str, stack: Option<Stack>) -> Option<&'static str> {
    let concerns = |own: Option<Stack>| own.is_none() || stack.is_none() || own == stack;
    let of_table = matchers().iter().zip(TABLE).find(|(set, own)| concerns(own.stack) && set.is_match(path));
    of_table
        .map(|(_, own)| own.what)
        .or_else(|| (concerns(Some(Stack::Python)) && shadows().is_match(path)).then_some(SHADOWS))
}

fn matchers() -> &'static [GlobSet] {
    static ALL: OnceLock<Vec<GlobSet>> = OnceLock::new();
    ALL.get_or_init(|| TABLE.iter().map(|own| set(own.paths.split(' '))).collect())
}

fn shadows() -> &'static GlobSet {
    static ALL: OnceLock<GlobSet> = OnceLock::new();
    ALL.get_or_init(|| {
        let names = format!("{{{}}}", MODULES.replace(' ', ","));
        let of = |folder: &&str| [format!("{folder}{names}.py"), format!("{folder}{names}/**/*.py")];
        let patterns: Vec<String> = LOADED_FROM.iter().flat_map(of).collect();
        set(patterns.iter().map(String::as_str))
    })
}

/// Puts patterns together; one that is none guards nothing, which the test of the table finds.
fn set<'p>(patterns: impl Iterator<Item = &'p str>) -> GlobSet {
    let mut all = GlobSetBuilder::new();
    for pattern in patterns {
        if let Ok(glob) = GlobBuilder::new(pattern).literal_separator(true).build() {
            all.add(glob);
        }
    }
    all.build().unwrap_or_else(|_| GlobSet::empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_of_the_table_is_one_and_matches_what_it_says() {
        for (own, set) in TABLE.iter().zip(matchers()) {
            assert_eq!(set.len(), own.paths.split(' ').count(), "{}", own.what);
            for pattern in own.paths.split(' ') {
                for folder in ["", "deep/er/"] {
                    let path = pattern.replace("**/*", "x").replace("/**", "/a/b").replace('*', "x");
                    let path = path.replacen("**/", folder, 1).replacen("xx/", folder, 1);
                    assert_eq!(guarded(&path, own.stack), Some(own.what), "{pattern}: {path}");
                }
            }
        }
        assert_eq!(shadows().len(), 2 * LOADED_FROM.len());
    }

    #[test]
    fn the_documents_show_the_table() {
        let page = include_str!("../../../docs/proofs.md");
        for own in TABLE {
            let stack = own.stack.map_or("any".to_owned(), |stack| format!("{stack:?}"));
            let paths: Vec<String> = own.paths.split(' ').map(|path| format!("`{path}`")).collect();
            let row = format!("| {stack} | {} | {} |", own.what, paths.join(" "));
            assert!(page.contains(&row), "not in docs/proofs.md: {row}");
        }
        assert!(page.contains(SHADOWS));
    }

    #[test]
    fn what_decides_how_tests_are_run_is_guarded_for_whom_it_concerns() {
        use Stack::{JavaScript, Python, Rust};
        for (path, stack, is_guarded) in [
            ("conftest.py", Some(Python), true),
            ("tests/unit/conftest.py", Some(Python), true),
            ("tests/conftest.py", Some(Rust), false),
            ("tests/conftest.py", None, true),
            ("pytest.py", Some(Python), true),
            ("tests/unittest/__init__.py", Some(Python), true),
            ("src/re.py", Some(Python), true),
            ("src/dur/json.py", Some(Python), false),
            ("locale/de/messages.po", Some(Python), false),
            ("src/dur/__init__.py", Some(Python), false),
            ("Cargo.toml", Some(Python), false),
            ("crates/a/build.rs", Some(Rust), true),
            ("src/build.rs", Some(Rust), true),
            (".cargo/config.toml", Some(Rust), true),
            ("Cargo.lock", Some(Rust), false),
            ("src/lib.rs", Some(Rust), false),
            ("Makefile", Some(Rust), true),
            (".github/workflows/ci.yml", Some(JavaScript), true),
            (".github/ISSUE_TEMPLATE.md", None, false),
            ("packages/a/jest.config.mjs", Some(JavaScript), true),
            ("node_modules/chai/index.js", Some(JavaScript), true),
            ("src/package.js", Some(JavaScript), false),
            ("README.md", None, false),
        ] {
            assert_eq!(guarded(path, stack).is_some(), is_guarded, "{path} for {stack:?}");
        }
    }
}
