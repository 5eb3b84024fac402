# Everything that a contributor needs, in the versions that the package is built and checked with.
{
  mkShell,
  stdenv,
  cargo,
  clippy,
  codex,
  deadnix,
  gh,
  git,
  nixfmt,
  rustc,
  rustfmt,
}:
mkShell {
  packages = [
    cargo
    clippy
    codex
    deadnix
    gh
    git
    nixfmt
    rustc
    rustfmt
    stdenv.cc
  ];
}
