# Three derivations: what the crate depends on, the crate, and the program with its tools around it.
{
  lib,
  rustPlatform,
  runCommand,
  makeWrapper,
  stdenv,
  cargo,
  rustc,
  rustfmt,
  codex,
  gh,
  git,
}:
let
  manifest = (lib.importTOML ../Cargo.toml).package;
  inherit (manifest) version;

  # Unrelated edits rebuild nothing: each is built of what it reads, and of nothing else.
  manifests = [
    ../Cargo.toml
    ../Cargo.lock
    ../crates/init/Cargo.toml
    ../crates/mask/Cargo.toml
    ../crates/proof/Cargo.toml
    ../crates/view/Cargo.toml
  ];
  of =
    files:
    lib.fileset.toSource {
      root = ../.;
      fileset = lib.fileset.unions (manifests ++ files);
    };
  # What the tests read.
  source = of [
    ../.ai
    ../.github
    ../.gitignore
    ../CHANGELOG.md
    ../CONTRIBUTING.md
    ../README.md
    ../action.yml
    ../benches
    ../build.rs
    ../crates
    ../clippy.toml
    ../docs
    ./templates
    ../rustfmt.toml
    ../scripts
    ../src
    ../tests
  ];
  # Cargo wants the file of every target of the manifest, whatever it builds.
  targets = ''
    sed -n -e 's/^path = "\(.*\)"/\1/p' -e '/^\[\[bench\]\]/,/^name/s/^name = "\(.*\)"/benches\/\1.rs/p' Cargo.toml |
      while read -r target; do
        mkdir -p "$(dirname "$target")"
        [ -e "$target" ] || printf '//! Empty.\nfn main() {}\n' >"$target"
      done
    for crate in crates/*; do
      if [ ! -e "$crate/src" ]; then
        mkdir "$crate/src"
        echo '//! Empty.' >"$crate/src/lib.rs"
      fi
    done
  '';

  # One profile and one folder for all that is compiled, so that each finds what another left: the tests differ from
  # the program in how the crate itself is compiled, and in nothing else.
  build = "--release --frozen -j $NIX_BUILD_CORES";
  test =
    build
    + toString (
      map (setting: " --config profile.release.package.autopilot.${setting}") [
        "opt-level=0"
        "codegen-units=16"
        "debug-assertions=true"
        "overflow-checks=true"
      ]
    );

  common = {
    inherit version;
    cargoLock.lockFile = ../Cargo.lock;
  };

  # Everything but the crate itself, compiled once for the program, its tests and its lints: an empty crate with the
  # same manifest.
  dependencies = rustPlatform.buildRustPackage (
    common
    // {
      pname = "autopilot-dependencies";
      src = of [ ];
      postPatch = targets;
      buildPhase = ''
        cargo build ${build}
        cargo test ${test} --no-run
        cargo check ${build} --all-targets
      '';
      doCheck = false;
      installPhase = ''
        find target -path '*/.fingerprint/autopilot-*' -prune -exec rm -rf {} +
        mkdir -p $out
        cp -r --preserve=timestamps target $out/
      '';
      # Compiled files are for cargo alone.
      dontFixup = true;
    }
  );

  reuse = ''
    cp -r --preserve=timestamps ${dependencies}/target .
    chmod -R u+w target
  '';

  unwrapped = rustPlatform.buildRustPackage (
    common
    // {
      pname = "autopilot-unwrapped";
      src = of [
        ../build.rs
        ../crates
        ../src
      ];
      postPatch = targets + reuse;
      buildPhase = "cargo build ${build}";
      # Whoever runs the program need not run its tests: `nix flake check` does (checks.nix).
      doCheck = false;
      installPhase = ''
        install -Dm755 -t $out/bin target/release/autopilot
        for shell in bash:share/bash-completion/completions/autopilot zsh:share/zsh/site-functions/_autopilot fish:share/fish/vendor_completions.d/autopilot.fish; do
          mkdir -p "$out/$(dirname "''${shell#*:}")"
          $out/bin/autopilot completions "''${shell%%:*}" >"$out/''${shell#*:}"
        done
      '';
      meta = {
        inherit (manifest) description;
        mainProgram = "autopilot";
        license = [
          lib.licenses.mit
          lib.licenses.asl20
        ];
        platforms = lib.platforms.linux;
      };
      passthru = {
        inherit
          build
          reuse
          source
          test
          ;
      };
    }
  );

  tools = [
    codex
    gh
    git
    cargo
    rustc
    rustfmt
    stdenv.cc
  ];

  # The pinned tools come first on PATH; a plan's other tools stay reachable behind them.
  autopilot =
    runCommand "autopilot-${version}"
      {
        nativeBuildInputs = [ makeWrapper ];
        pname = "autopilot";
        inherit version;
        inherit (unwrapped) meta;
        passthru = { inherit tools; };
      }
      ''
        mkdir -p $out/bin
        ln -s ${unwrapped}/share $out/share
        ln -s ${unwrapped}/bin/autopilot $out/bin/autopilot
        wrapProgram $out/bin/autopilot --prefix PATH : ${lib.makeBinPath tools}
      '';
in
{
  inherit autopilot dependencies unwrapped;
}
