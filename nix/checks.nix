# What `nix flake check` holds. Each check is a derivation that fails with its reason.
{
  lib,
  runCommand,
  cargo,
  clippy,
  deadnix,
  git,
  nixfmt,
  rustfmt,
  autopilot,
  dependencies,
  unwrapped,
}:
let
  inherit (unwrapped) source;

  # What takes a host, which Nix's sandbox is not, and what is the same in it and takes minutes: why, and the tests by
  # the beginning of their names. `.ci/run` tries them, as root and as an ordinary user.
  notHere = {
    "adversaries, and hosts that lack something, are made by Python" = [
      "escape::"
      "hosts::"
      "network::degraded::"
      "nodes::"
      "repositories::hostile::objects_with"
      "repositories::hostile::very_deep"
      "reports::steps_do"
      "repositories::property::"
    ];
    "what the documents say of evidence is verified in Python" = [ "docs::evidence::" ];
    "curl, npm and their kin are the clients" = [
      "agents::a_model_behind_a_private_ca"
      "network::clients::"
      "network::learn::"
      "network::plans::"
    ];
    "a session or a terminal of its own takes util-linux" = [
      "agents::what_an_agent_forks"
      "cli::no_color_is_heard"
      "cli::on_a_terminal"
      "reports::whoever_holds"
      "rules::the_whole_tree"
      "rules::what_a_step_leaves_running"
    ];
    "nothing is downloaded here that a step could build with" = [
      "toolchains::cargo_builds"
      "toolchains::where_no_overlay"
      "toolchains::without_namespaces"
    ];
    "a program is linked to in /usr/bin" = [ "toolchains::a_toolchain" ];
    "it takes minutes, and is the same on every host" = [
      "audit::mutations::"
      "audit::story::tests::what_honest"
      "crash::"
      "foreign::"
      "journals::"
      "killed::"
      "network::decides::"
      "own::"
      "plan::draft::random"
      "plan::hostile::"
      "proof::tables::"
      "repositories::hostile::"
      "repositories::object_cache::"
      "repositories::own_git::"
      "repositories::removal::"
    ];
  };
  reasons = builtins.attrNames notHere;

  nixFiles = lib.fileset.toSource {
    root = ../.;
    fileset = lib.fileset.unions [
      ../flake.nix
      ../nix
    ];
  };

  documents = lib.fileset.toSource {
    root = ../.;
    fileset = lib.fileset.unions [
      ../.ci
      ../.ai
      ../.github
      ../.gitignore
      ../CHANGELOG.md
      ../CONTRIBUTING.md
      ../README.md
      ../SECURITY.md
      ../action.yml
      ../deny.toml
      ../docs
      ../nix
      ../scripts
      ../src
      ../tests
    ];
  };
in
{
  inherit dependencies;
  package = unwrapped;

  # As the build user, in Nix's own sandbox: confining a step works there, with Landlock and unprivileged user
  # namespaces.
  tests = unwrapped.overrideAttrs (previous: {
    pname = "autopilot-tests";
    src = source;
    postPatch = unwrapped.reuse;
    nativeBuildInputs = previous.nativeBuildInputs ++ [
      git
      rustfmt
    ];
    # The property tests' same cases each time, as in .ci/run: a red gate is about the change.
    PROPTEST_RNG_SEED = "646";
    buildPhase = ''
      echo 'NOT TRIED HERE, but by .ci/run:'
      ${toString (map (why: "echo '  ${toString notHere.${why}}: ${why}';") reasons)}
      cargo test ${unwrapped.test} -- ${
        toString (map (test: "--skip=${test}") (builtins.concatLists (builtins.attrValues notHere)))
      }
    '';
    installPhase = "touch $out";
  });

  clippy = unwrapped.overrideAttrs (previous: {
    pname = "autopilot-clippy";
    src = source;
    postPatch = unwrapped.reuse;
    nativeBuildInputs = previous.nativeBuildInputs ++ [ clippy ];
    buildPhase = "cargo clippy ${unwrapped.build} --all-targets -- -D warnings";
    installPhase = "touch $out";
  });

  fmt =
    runCommand "autopilot-fmt"
      {
        nativeBuildInputs = [
          cargo
          rustfmt
        ];
      }
      ''
        cp -r ${source} source
        cd source
        cargo fmt --all --check
        touch $out
      '';

  nix-fmt = runCommand "autopilot-nix-fmt" { nativeBuildInputs = [ nixfmt ]; } ''
    find ${nixFiles} -name '*.nix' -exec nixfmt --check {} +
    touch $out
  '';

  dead-code = runCommand "autopilot-dead-code" { nativeBuildInputs = [ deadnix ]; } ''
    deadnix --fail ${nixFiles}
    touch $out
  '';

  documents = runCommand "autopilot-documents" { } ''
    cd ${documents}
    sh .ci/links *.md docs nix
    # The gate is the default template without its flake.
    diff -r -x flake.nix -x WELCOME.md nix/templates/default nix/templates/gate
    touch $out
  '';

  plans = runCommand "autopilot-plans" { nativeBuildInputs = [ unwrapped ]; } ''
    cd ${documents}
    autopilot check --plan-only
    cd nix/templates/default
    autopilot check --plan-only
    touch $out
  '';

  # The gate gates: the sample plan's evidence passes, and what was tampered with does not.
  audit =
    runCommand "autopilot-audit-gate" { nativeBuildInputs = [ autopilot ] ++ autopilot.tools; }
      ''
        bash ${./audit-gate.sh} ${documents}
        touch $out
      '';

  # The versions that the lock pins: printed here rather than written into documents that would age.
  pinned-tools = runCommand "autopilot-pinned-tools" { nativeBuildInputs = autopilot.tools; } ''
    for tool in codex gh git cargo rustc cc; do
      command -v $tool
      $tool --version | head -n 1
    done | tee $out
    codex --version >/dev/null
  '';
}
