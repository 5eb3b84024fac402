# `nix fmt`: Rust and Nix alike; with file names, those Nix files alone.
{
  writeShellApplication,
  cargo,
  nixfmt,
  rustfmt,
}:
writeShellApplication {
  name = "autopilot-fmt";
  runtimeInputs = [
    cargo
    nixfmt
    rustfmt
  ];
  text = ''
    if [ $# -gt 0 ]; then exec nixfmt "$@"; fi
    cargo fmt --all
    find . -name '*.nix' -not -path './target/*' -exec nixfmt {} +
  '';
}
