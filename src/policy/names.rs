//! Takes a path, gives what other people's tools make of its name: one table of names and the groups they are of, which
//! `docs/review.md` repeats and a test compares.
//!
//! Paths are compared as the file systems would that some of the machines have which check this out: without regard to
//! case, to characters that nobody sees, to blanks and dots at the end of a name.

use std::collections::HashMap;
use std::path::Path;
use std::sync::LazyLock;

macro_rules! groups {
    ($($(#[$about:meta])* $name:ident $text:literal [$($pattern:literal)*])*) => {
        /// Why a reviewer should look at a path first; what matters most stands first.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(super) enum Why { $($(#[$about])* $name,)* }

        impl Why {
            /// Every group, with the names that are of it.
            pub(super) const ALL: &[(Self, &[&str])] = &[$((Self::$name, &[$($pattern),*]),)*];

            /// Returns the reason, as reports have it.
            pub(super) fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

// `name`: a file, folder or link of that name, wherever it lies. `a/b`: one named `b` in a folder `a`. `a/`: a folder, and
// all that is in it. `*`: any characters, once in a name.
groups! {
    /// A repository of its own.
    Repository "a repository of its own: its configuration runs code when git looks at it" [
        ".git" ".git/" "git~1" "git~1/" ".hg/" ".svn/" ".jj/" ".sl/"
    ]
    /// Not a regular file.
    Special "not a regular file: reading it may hang or do something else" []
    /// A link that leads out.
    Leaves "a link that leads out of the repository" []
    /// Coding agents.
    Agents "instructs or configures agents that work here later" [
        "AGENTS.md" "AGENTS.*.md" "AGENT.md" "CLAUDE.md" "CLAUDE.*.md" "GEMINI.md" "QWEN.md" "CODEX.md" "CRUSH.md"
        "WARP.md" "JULES.md" "SKILL.md" ".rules" ".agents/" ".agent/" ".claude/" ".claude.json" ".codex/" ".gemini/" ".qwen/"
        ".cursor/" ".cursorrules" ".cursorignore" ".cursorindexingignore" ".windsurf*" ".windsurf/" ".codeium/" ".aider*" ".mcp.json"
        "mcp.json" ".mcp/" ".clinerules*" ".clinerules/" ".cline/" ".roo/" ".roomodes" ".roorules*" ".rooignore" ".kilocode*"
        ".kilocode/" ".continue/" ".continuerc*" ".continuerules" ".copilot/" ".junie/" ".goosehints" ".goose/" ".opencode/"
        "opencode.json*" ".amp/" ".augment*" ".augment/" ".kiro/" ".trae/" ".tabnine*" ".cody/" ".sourcegraph/" ".devin/"
        ".openhands/" ".openhands_instructions" ".factory/" ".crush*" ".crush/" ".pi/" ".jules/" ".ai/plans/"
        ".github/copilot-instructions.md" ".github/instructions/" ".github/prompts/" ".github/agents/" ".github/chatmodes/"
        "Autopilot.y*ml"
    ]
    /// Continuous integration, and what deploys.
    Ci "continuous integration runs it, or obeys it, with its tokens" [
        ".github/" ".gitlab-ci*.y*ml" ".gitlab/" "*.gitlab-ci.y*ml" "Jenkinsfile*" "*.jenkinsfile" ".jenkins*" ".jenkins/"
        ".circleci/" "azure-pipelines*.y*ml" ".azure-pipelines*" ".azure-pipelines/" ".azuredevops/" ".azure/" ".drone*"
        ".drone/" ".woodpecker*" ".woodpecker/" ".buildkite/" "buildkite.y*ml" "pipeline.y*ml" "bitbucket-pipelines.y*ml"
        ".forgejo/" ".gitea/" ".tekton/" "tekton/" ".travis.y*ml" "appveyor.y*ml" ".appveyor.y*ml" ".cirrus.y*ml" ".cirrus.star"
        ".semaphore/" ".teamcity/" "codefresh.y*ml" ".codefresh/" "wercker.y*ml" ".build.y*ml" ".builds/" "cloudbuild*.y*ml"
        "cloudbuild*.json" "buildspec*.y*ml" ".zuul.y*ml" "zuul.y*ml" ".zuul.d/" "zuul.d/" ".concourse/" ".ci/" ".prow*"
        "*.gocd.y*ml" "*.gocd.json" ".taskcluster.y*ml" ".evergreen.y*ml" "screwdriver.y*ml" ".harness/" ".dagger/"
        "dagger.json" ".copr/" ".packit.y*ml" "shippable.y*ml" ".scrutinizer.y*ml" ".readthedocs.y*ml" "netlify.toml" "vercel.json"
        "render.yaml" "fly.toml" "wrangler.toml" "wrangler.json*" "renovate.json*" ".renovaterc*" "dependabot.y*ml" ".mergify.y*ml" "bors.toml"
        ".kodiak.toml" ".releaserc*" ".goreleaser*.y*ml" "CODEOWNERS" "action.y*ml" ".lgtm.y*ml" "sonar-project.properties"
    ]
    /// Git and its hooks.
    Git "changes what git does, fetches, shows or runs" [
        ".gitmodules" ".gitattributes" ".gitconfig" ".gitignore" ".lfsconfig" ".gitreview" ".husky/" ".huskyrc*" ".githooks/"
        "githooks/" "git-hooks/" "lefthook.*" ".lefthook.*" "lefthook-local.*" ".lefthook-local.*" ".lefthook/" ".lefthook-local/"
        ".pre-commit-config.y*ml" ".pre-commit-hooks.y*ml" ".overcommit.y*ml" ".git-hooks/" ".captainhook*" "captainhook.json"
        "grumphp.y*ml" ".lintstagedrc*" "lint-staged.config.*" ".simple-git-hooks.*" "simple-git-hooks.*" "commitlint.config.*"
    ]
    /// Editors and development environments.
    Editor "an editor or a debugger that opens this runs it, or obeys it" [
        ".vscode/" "*.code-workspace" ".idea/" "*.iml" "*.ipr" ".devcontainer/" ".devcontainer.json" "devcontainer.json" ".fleet/"
        ".zed/" ".vs/" ".nova/" ".theia/" ".settings/" ".project" ".classpath" ".cproject" "nbproject/" "*.sublime-project"
        "*.sublime-workspace" ".vimrc" "_vimrc" ".gvimrc" ".exrc" "_exrc" ".nexrc" ".nvimrc" ".nvim.lua" ".nvim/" ".vim/" ".lvimrc"
        ".vimspector.json" ".ideavimrc" ".dir-locals*.el" ".emacs*" ".emacs.d/" ".projectile" ".ycm_extra_conf.py" ".clangd"
        "compile_commands.json" ".helix/" ".kakrc" ".lldbinit*" ".gdbinit*" "*-gdb.py" "*-gdb.gdb" "*-gdb.scm" ".gitpod*"
        ".replit" "replit.nix" ".luarc.json*" "launch.json" "tasks.json" "*.xcworkspace/" ".run/"
    ]
    /// A line in it.
    Modeline "a line in it makes an editor that opens it evaluate something" []
    /// Shells, interpreters and environments.
    Startup "runs, or is obeyed, whenever a shell, an interpreter or a tool starts here" [
        "sitecustomize.py" "usercustomize.py" "*.pth" "*._pth" "pyvenv.cfg" ".pythonrc*" ".pythonstartup*" ".pdbrc*" "conftest.py"
        ".envrc" ".env" ".env.*" ".direnv/" ".direnvrc" "direnv.toml" "mise*.toml" ".mise*.toml" ".mise/" "mise/" ".config/mise*" ".tool-versions" ".asdfrc"
        ".nvmrc" ".node-version" ".python-version" ".ruby-version" ".ruby-gemset" ".java-version" ".go-version" ".php-version"
        ".terraform-version" ".sdkmanrc" ".rvmrc" ".rbenv-vars" ".prototools" ".bazelversion" "rust-toolchain" "rust-toolchain.toml" "global.json"
        ".bashrc" ".bash_profile" ".bash_login" ".bash_aliases" ".profile" ".zshrc" ".zshenv" ".zprofile" ".zlogin" ".inputrc" ".kshrc"
        ".cshrc" ".tcshrc" ".login" "config.fish" ".irbrc" ".pryrc" ".rspec" ".Rprofile" "Rprofile.site" ".Renviron" ".user.ini" "php.ini" ".htaccess"
        ".psqlrc" ".sqliterc" ".my.cnf" ".mylogin.cnf" ".ghci" ".ocamlinit" ".iex.exs" "startup.jl" ".perldb" ".netrc" ".curlrc" ".wgetrc" ".ssh/"
        ".gnupg/" ".tmux.conf" ".screenrc" ".npmrc" ".yarnrc*" ".yarn/" ".pnpmfile.*" ".pnprc" "bunfig.toml" "bower.json" ".bowerrc" "pip.conf" "pip.ini" ".pip/" ".pypirc"
        ".condarc" ".gemrc" ".bundle/" ".cargo/" ".terraformrc" "terraform.rc" ".mocharc*" ".noderc" "desktop.ini" "autorun.inf" "*.desktop" "*.lnk" "*.url"
    ]
    /// What builds, installs and tests.
    Build "runs, or chooses what runs, at a build, an install or a test" [
        "build.rs" "Cargo.toml" "package.json" "package.json5" "package.y*ml" "binding.gyp" "*.gypi" "deno.json*" "pnpm-workspace.y*ml"
        "lerna.json" "nx.json" "turbo.json*" "rush.json" "*.config.js" "*.config.cjs" "*.config.mjs" "*.config.ts" "*.config.cts" "*.config.mts"
        "*.conf.js" "*.conf.ts" ".eslintrc*" ".babelrc*" ".prettierrc*" ".swcrc" ".stylelintrc*" ".postcssrc*" "gulpfile*" "gruntfile*"
        "Jakefile*" "tsconfig*.json" "setup.py" "setup.cfg" "pyproject.toml" "tox.ini" "noxfile.py" "pytest.ini" "MANIFEST.in" "tasks.py"
        "fabfile.py" "dodo.py" "wscript" "SConstruct" "SConscript" "Snakefile" "Makefile*" "GNUmakefile*" "BSDmakefile" "*.mk" "*.mak"
        "CMakeLists.txt" "*.cmake" "CMakePresets.json" "CMakeUserPresets.json" "configure" "configure.ac" "configure.in" "autogen.sh"
        "bootstrap" "*.m4" "meson.build" "meson_options.txt" "meson.options" "BUILD" "BUILD.bazel" "WORKSPACE*" "MODULE.bazel" "*.bzl" ".bazelrc" ".bazeliskrc"
        "tools/bazel" "BUCK" ".buckconfig*" "Tiltfile" "Earthfile" "xmake.lua" "premake*.lua" "build.zig" "build.zig.zon" "*.gradle" "*.gradle.kts"
        "gradlew*" "gradle.properties" "gradle/" "buildSrc/" "pom.xml" "mvnw*" ".mvn/" "build.xml" "ivy*.xml" "*.sbt" "project/build.properties" "project/*.scala"
        "build.sc" "build.mill" "*.mill" "Rakefile*" "*.rake" "Gemfile" "gems.rb" "*.gemspec" "Guardfile" "Capfile" "Fastfile" "Dangerfile*"
        "composer.json" "phpunit.xml*" "mix.exs" "rebar.config*" "*.csproj" "*.fsproj" "*.vbproj" "*.vcxproj" "*.proj" "*.props" "*.targets" "*.sln" "*.slnx"
        "nuget.config" "*.nuspec" "Package.swift" "Podfile" "Cartfile*" "*.podspec" "project.pbxproj" "*.xcscheme" "*.cabal" "cabal.project*" "stack.y*ml"
        "Setup.hs" "Setup.lhs" "dune" "dune-project" "dune-workspace" "*.opam" "pubspec.y*ml" "build.gradle*" "shard.yml" "dub.json" "dub.sdl" "*.nimble"
        "*.rockspec" "Makefile.PL" "Build.PL" "cpanfile" "Project.toml" "deps.edn" "project.clj" "shadow-cljs.edn" "bb.edn" "build.boot" "spago.*" "elm.json"
        "go.mod" "go.work" "magefile.go" "vcpkg.json" "conanfile.*" "justfile" ".justfile" "*.just" "Taskfile*.y*ml" "Procfile*" ".cargo-husky/"
        "DESCRIPTION" "*.nix" "*.guix.scm" "guix.scm" "*.spec" "PKGBUILD" "debian/" "APKBUILD" "snapcraft.y*ml" "buildozer.spec" "requirements*.in" "environment.y*ml"
        "nextest.toml" "devbox.json" "devenv.y*ml" "pixi.toml"
    ]
    /// Containers and machines.
    Container "an image build or a container runs it, with what it is given of the host" [
        "Dockerfile*" "*.dockerfile" "Containerfile*" "*.containerfile" "docker-compose*.y*ml" "compose*.y*ml" "docker-bake.*" ".dockerignore"
        ".containerignore" ".docker/" "Vagrantfile" "skaffold.y*ml" "devspace.y*ml" "Singularity*" "*.pkr.hcl" "*.pkr.json" "*.tf" "*.tf.json" "*.tfvars"
        "ansible.cfg" "Chart.yaml" "helmfile.y*ml" "kustomization.y*ml" "Pulumi*.y*ml" "serverless.y*ml" "cloud-config*"
    ]
    /// Locked dependencies.
    Dependencies "a lock file: chooses the code of others that is fetched and run" [
        "*.lock" "*.lockb" "*.lockfile" "*.lock.json" "*.lock.y*ml" "*.lock.toml" "*.lock.hcl" "*.lock.bazel" "*-lock.json" "*-lock.y*ml" "*_lock.json" "*_install.json"
        "npm-shrinkwrap.json" "gems.locked" "*.locked" "requirements*.txt" "constraints*.txt" "requirements/*.txt" "pylock*.toml" "go.sum" "go.work.sum"
        "Package.resolved" "packages.config" "packages.lock.json" "paket.dependencies" "verification-metadata.xml" "libs.versions.toml"
        "*.freeze" "dub.selections.json" "cpanfile.snapshot" "Manifest.toml" "Manifest-v*.toml" "lake-manifest.json" "nix/sources.json" "npins/" "vendor/modules.txt"
        "elm-stuff/" "jsonnetfile.json" ".terraform.lock.hcl" "project.assets.json" "lock.json" "lock.y*ml"
    ]
    /// What a tool makes of a source.
    Compiled "compiled by a tool: it runs in the place of its source, and a comparison does not show what is in it" [
        "__pycache__/" "*.pyc" "*.pyo" "*.class" "*.o" "*.obj" "*.a" "*.beam" "*.elc" "*.hi"
    ]
    /// Can be executed now.
    Executable "can be executed, and could not before" []
    /// No text.
    Binary "no text: a comparison does not show what is in it" []
}

/// Finds the group that the name of a path is of; of several, the first.
pub(super) fn named(path: &Path) -> Option<Why> {
    let text = path.to_string_lossy();
    let parts: Vec<String> = text.split(['/', '\\']).map(folded).filter(|part| !part.is_empty()).collect();
    let of_file = parts.last().and_then(|name| TABLE.files.get(name).copied());
    let of_folders = parts.iter().filter_map(|name| TABLE.folders.get(name).copied());
    let of_others = TABLE.others.iter().filter(|pattern| pattern.fits(&parts)).map(|pattern| pattern.why);
    of_file.into_iter().chain(of_folders).chain(of_others).min()
}

static TABLE: LazyLock<Table> = LazyLock::new(Table::new);

/// The names, as they are looked up.
#[derive(Default)]
struct Table {
    files: HashMap<String, Why>,
    folders: HashMap<String, Why>,
    others: Vec<Pattern>,
}

impl Table {
    fn new() -> Self {
        let mut table = Self::default();
        for (why, patterns) in Why::ALL {
            for pattern in patterns.iter().flat_map(|pattern| spelled(pattern)) {
                table.add(*why, &pattern);
            }
        }
        table
    }

    fn add(&mut self, why: Why, pattern: &str) {
        let (parts, is_folder) = pattern.strip_suffix('/').map_or((pattern, false), |parts| (parts, true));
        if parts.contains(['*', '/']) {
            let parts = parts.split('/').map(str::to_owned).collect();
            return self.others.push(Pattern { why, parts, is_folder });
        }
        let names = if is_folder { &mut self.folders } else { &mut self.files };
        names.entry(parts.to_owned()).or_insert(why);
    }
}

/// Writes a pattern in lower case, with either ending of YAML.
fn spelled(pattern: &str) -> Vec<String> {
    let pattern = pattern.to_ascii_lowercase();
    match pattern.strip_suffix("y*ml") {
        Some(before) => ["yml", "yaml"].iter().map(|end| format!("{before}{end}")).collect(),
        None => vec![pattern],
    }
}

/// Names of more than one part, or with a `*`.
struct Pattern {
    why: Why,
    parts: Vec<String>,
    is_folder: bool,
}

impl Pattern {
    fn fits(&self, path: &[String]) -> bool {
        let fit = |window: &[String]| window.iter().zip(&self.parts).all(|(name, own)| is_like(own, name));
        if self.is_folder {
            path.windows(self.parts.len()).any(fit)
        } else {
            path.len().checked_sub(self.parts.len()).is_some_and(|from| fit(&path[from..]))
        }
    }
}

fn is_like(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((begin, end)) => {
            name.len() >= begin.len() + end.len() && name.starts_with(begin) && name.ends_with(end)
        }
    }
}

/// Writes a name as the file system takes it that takes most names for the same.
fn folded(name: &str) -> String {
    let seen = name.chars().filter(|c| !is_ignored(*c));
    let folded: String = seen.flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect();
    // What stands behind a colon names a stream of the same file.
    let own = folded.split_once(':').map_or(&*folded, |(own, _)| own);
    own.trim_end_matches([' ', '.']).to_owned()
}

/// Characters that a file system may not look at: those that git knows of.
fn is_ignored(c: char) -> bool {
    matches!(c, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &str) -> Option<Why> {
        named(Path::new(path))
    }

    /// A path that a pattern is of.
    fn example(pattern: &str) -> String {
        let name = pattern.strip_suffix('/').map_or(pattern.to_owned(), |folder| format!("{folder}/x"));
        name.replace("y*ml", "yaml").replace('*', "any")
    }

    #[test]
    fn every_name_of_the_table_is_found_at_the_top_and_below_in_any_case() {
        for (why, patterns) in Why::ALL {
            for pattern in *patterns {
                let path = example(pattern);
                // A name may be of a group before its own as well.
                let fits = |found: Option<Why>| found.is_some_and(|found| found <= *why);
                for path in [path.clone(), format!("a/b c/{path}"), path.to_uppercase(), format!("{path}. ")]
                {
                    assert!(fits(of(&path)), "{pattern}: {path}: {:?}", of(&path));
                }
                assert!(pattern.replace("y*ml", "").matches('*').count() <= 1, "{pattern}");
            }
        }
    }

    #[test]
    fn a_name_is_what_any_file_system_takes_it_for() {
        for path in [
            "AGENTS.md.",
            "agents.MD ",
            "AGENTS.md::$DATA",
            "AGE\u{200c}NTS.md",
            "AGENT\u{17f}.md",
            "a\\AGENTS.md",
        ] {
            assert_eq!(of(path), Some(Why::Agents), "{path}");
        }
        assert_eq!(of(".G\u{200d}IT/config"), Some(Why::Repository));
        assert_eq!(of("\u{212a}ustomization.yaml"), Some(Why::Container));
    }

    #[test]
    fn names_that_are_no_text_are_compared_as_well() {
        use std::os::unix::ffi::OsStrExt;
        let path = |bytes: &[u8]| named(Path::new(std::ffi::OsStr::from_bytes(bytes)));
        assert_eq!(path(b"\xff/.github/workflows/\xfe.yml"), Some(Why::Ci));
        assert_eq!(path(b"\xff.github/x"), None);
    }

    #[test]
    fn the_page_has_the_table() {
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/review.md");
        let rows: String = Why::ALL
            .iter()
            .map(|(why, patterns)| {
                let names: Vec<String> = patterns.iter().map(|pattern| format!("`{pattern}`")).collect();
                let names = if names.is_empty() { "whatever its name".to_owned() } else { names.join(" ") };
                format!("| {} | {names} |\n", why.text())
            })
            .collect();
        if std::env::var_os("UPDATE").is_some() {
            let text = std::fs::read_to_string(page).unwrap();
            let (head, rest) = text.split_once("|---|---|\n").unwrap();
            let tail = rest.split_once("\n\n").map_or("", |(_, tail)| tail);
            std::fs::write(page, format!("{head}|---|---|\n{rows}\n{tail}")).unwrap();
        }
        assert!(std::fs::read_to_string(page).unwrap().contains(&rows), "UPDATE=1 writes it");
    }
}
